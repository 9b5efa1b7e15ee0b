import Contract
import ContractTypes
import Datastores
import Domain
import Testing

@testable import Services

/// A value that a test cannot go on without.
struct Missing: Error {}

func found<Value>(_ value: Value?) throws -> Value {
    guard let value else { throw Missing() }
    return value
}

/// As `fault`, where success is an answer as well.
func faultIfAny<Success>(_ body: () async throws(Fault) -> Success) async -> Fault? {
    do throws(Fault) {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}

/// The fault that `body` ends with; an issue if it ends well or otherwise.
func fault<Success>(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Success
) async -> Fault? {
    do {
        _ = try await body()
    } catch let fault as Fault {
        return fault
    } catch {
        Issue.record("not a fault: \(error)", sourceLocation: sourceLocation)
        return nil
    }
    Issue.record("no fault", sourceLocation: sourceLocation)
    return nil
}

extension Fault {
    /// Type and first message identifier, for tables.
    var shape: String { "\(type.rawValue) \(messages.first?.id ?? "")" }
    var text: String { messages.first?.defaultMessage ?? "" }
}

let mebibyte: Int64 = 1 << 20

extension VcenterVmHardwareDiskCreateSpec {
    /// A new disk on a SCSI bus.
    static func new(
        mebibytes: Int64, policy: String? = nil, name: String? = nil
    ) -> VcenterVmHardwareDiskCreateSpec {
        VcenterVmHardwareDiskCreateSpec(
            newVmdk: VcenterVmHardwareDiskVmdkCreateSpec(
                name: name, capacity: mebibytes * mebibyte,
                storagePolicy: policy.map { VcenterVmHardwareDiskStoragePolicySpec(policy: $0) }))
    }

    static func existing(_ file: String) -> VcenterVmHardwareDiskCreateSpec {
        VcenterVmHardwareDiskCreateSpec(
            backing: VcenterVmHardwareDiskBackingSpec(type: .vmdkFile, vmdkFile: file))
    }
}

/// A machine without disks unless some are given.
func specification(
    _ name: String?, disks: [VcenterVmHardwareDiskCreateSpec] = [], folder: String? = nil, datastore: String? = nil,
    host: String? = nil
) -> VcenterVMCreateSpec {
    VcenterVMCreateSpec(
        guestOS: .ubuntu64, name: name,
        placement: VcenterVMPlacementSpec(folder: folder, host: host, datastore: datastore), disks: disks)
}

extension Laboratory {
    @discardableResult
    func create(
        _ name: String, disks: [VcenterVmHardwareDiskCreateSpec] = [], folder: String? = nil, datastore: String? = nil,
        host: String? = nil
    ) async throws -> String {
        let spec = specification(name, disks: disks, folder: folder, datastore: datastore, host: host)
        return try await machines.create(spec: spec, call: call("create"))
    }

    @discardableResult
    func clone(_ source: String, _ name: String, powerOn: Bool? = nil) async throws -> String {
        let spec = VcenterVMCloneSpec(source: source, name: name, powerOn: powerOn)
        return try await machines.clone(spec: spec, call: call("clone"))
    }

    func delete(_ id: String) async throws { try await machines.delete(vm: id, call: call("delete")) }

    func start(_ id: String) async throws { try await powerService.start(vm: id, call: call("start")) }

    /// Datastore of that name as identifier text.
    func datastoreID(_ name: String) throws -> String { try datastore(name).id.rawValue }
}

extension Volume {
    func contents(_ path: String) throws(VolumeError) -> [UInt8] {
        let file = try open(path, for: .reading)
        var bytes = [UInt8](repeating: 0xEE, count: Int(file.sizeBytes))
        var failure: VolumeError?
        bytes.withUnsafeMutableBytes { buffer in
            do throws(VolumeError) { _ = try file.read(into: buffer, at: 0) } catch { failure = error }
        }
        try file.close()
        if let failure { throw failure }
        return bytes
    }

    /// All files with sizes, and all directories with a slash at their end.
    func tree(below directory: String = "") throws(VolumeError) -> [String: UInt64] {
        var found: [String: UInt64] = [:]
        for entry in try entries(of: directory.isEmpty ? "/" : directory) {
            let path = directory + "/" + entry.name
            if entry.isDirectory {
                found[path + "/"] = 0
                found.merge(try tree(below: path)) { first, _ in first }
            } else {
                found[path] = try information(path).sizeBytes
            }
        }
        return found
    }

    /// The rules of the format that do not hold; locks of lives that ended are taken when needed.
    func problems() throws(VolumeError) -> [String] {
        try check().filter { $0.kind != .staleLock }.map(\.description)
    }
}
