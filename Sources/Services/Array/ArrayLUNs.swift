import ContractTypes
import Coordination
import Domain
import Persistence
import StorageArray

/// `com.viaduct.array.lun`
struct ArrayLUNs: ArrayLUNService {
    let store: Store
    let engine: WorkflowEngine
    let array: ArrayAdministration

    static let listLimit = 4096

    // MARK: - Reading

    func get(lun: String, call: Call) throws(Fault) -> ViaductArrayLunInfo {
        let inventory = store.snapshot
        let record = try inventory.lun(lun)
        return ViaductArrayLunInfo(
            record, try array.information(record.id), inventory.datastore(on: record),
            softThreshold: try array.softThreshold(LUNIdentifier(record.id)))
    }

    func list(filter: ViaductArrayLunFilterSpec?, call: Call) throws(Fault) -> [ViaductArrayLunSummary] {
        let inventory = store.snapshot
        let match = try LUNFilter(filter)
        var rows: [ViaductArrayLunSummary] = []
        for information in array.pool.luns {
            guard let record = inventory[ArrayLUN.self].record(Identifier(information.identifier))?.value,
                match.accepts(record, information, inventory)
            else { continue }
            rows.append(ViaductArrayLunSummary(record, information))
        }
        return try limited(rows, to: Self.listLimit, "array.lun", "LUNs")
    }

    // MARK: - Making

    func create(spec: ViaductArrayLunCreateSpec, call: Call) async throws(Fault) -> String {
        let exponent = spec.physicalBlockExponent ?? 3
        guard let exponent = UInt8(exactly: exponent), exponent < 16 else {
            throw .invalid("spec.physical_block_exponent", "it must be from 0 to 15, not \(exponent).")
        }
        return try await make(
            MakeLUN(
                lunName: try Self.name(spec.name, "spec.name"),
                content: .empty(sizeBytes: try Self.capacity(spec.capacity), physicalBlockExponent: exponent),
                isRemovable: spec.removable ?? false, isReadOnly: spec.readOnly ?? false,
                softThreshold: try Self.threshold(spec.softThreshold)), call)
    }

    func clone(spec: ViaductArrayLunCloneSpec, call: Call) async throws(Fault) -> String {
        let source = try store.snapshot.lun(spec.source)
        return try await make(
            MakeLUN(
                lunName: try Self.name(spec.name, "spec.name"), content: .clone(of: source.id),
                isRemovable: source.isRemovable, isReadOnly: spec.readOnly ?? false), call)
    }

    private func make(_ workflow: MakeLUN, _ call: Call) async throws(Fault) -> String {
        let made = try await engine.run(workflow, by: call)
        return made.lun?.rawValue ?? ""
    }

    static func name(_ text: String, _ field: String) throws(Fault) -> String {
        guard (1...128).contains(text.utf8.count) else {
            throw .invalid(field, "it must have 1 to 128 bytes of UTF-8.")
        }
        guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
            throw .invalid(field, "it must not contain control characters.")
        }
        return text
    }

    private static func capacity(_ bytes: Int64) throws(Fault) -> UInt64 {
        guard bytes > 0, bytes % 4096 == 0 else {
            throw .invalid("spec.capacity", "it must be a positive multiple of 4096, not \(bytes).")
        }
        guard bytes <= 64 << 40 else { throw .invalid("spec.capacity", "it must be at most 64 TiB.") }
        return UInt64(bytes)
    }

    /// `nil` for none.
    static func threshold(_ bytes: Int64?) throws(Fault) -> UInt64? {
        guard let bytes, bytes != 0 else { return nil }
        guard bytes > 0 else { throw .invalid("spec.soft_threshold", "it must not be negative.") }
        return UInt64(bytes)
    }

    // MARK: - Changing

    func update(lun: String, spec: ViaductArrayLunUpdateSpec, call: Call) async throws(Fault) {
        let record = try store.snapshot.lun(lun)
        var workflow = UpdateLUN(lun: record.id, isRemovable: spec.removable, isReadOnly: spec.readOnly)
        if let name = spec.name { workflow.newName = try Self.name(name, "spec.name") }
        if let threshold = spec.softThreshold { workflow.softThreshold = .init(bytes: try Self.threshold(threshold)) }
        if try array.information(record.id).isSnapshot, spec.readOnly == false {
            throw Fault(.isSnapshot, about: lun)
        }
        _ = try await engine.run(workflow, by: call)
    }

    func resize(lun: String, spec: ViaductArrayLunResizeSpec, call: Call) async throws(Fault) {
        let record = try store.snapshot.lun(lun)
        let sizeBytes = try Self.capacity(spec.capacity)
        let workflow = ResizeLUN(lun: record.id, sizeBytes: sizeBytes, discardsData: spec.discardData ?? false)
        _ = try await engine.run(workflow, by: call)
    }

    func delete(lun: String, call: Call) async throws(Fault) {
        let record = try store.snapshot.lun(lun)
        let information = try array.information(record.id)
        let parent = information.isSnapshot ? information.origin.map { Identifier<ArrayLUN>($0) } : nil
        _ = try await engine.run(DeleteLUN(lun: record.id, parent: parent), by: call)
    }
}

/// Which LUNs a list shows.
private struct LUNFilter {
    private let luns: Choice
    private let names: Choice
    private let types: Choice
    private let initiators: Choice
    private let datastores: Choice

    init(_ filter: ViaductArrayLunFilterSpec?) throws(Fault) {
        luns = Choice(filter?.luns)
        names = Choice(filter?.names)
        types = Choice(filter?.types?.map(\.rawValue))
        var wanted: [String]?
        if let texts = filter?.initiators {
            wanted = []
            for text in texts { wanted?.append(try ArrayLUNAccess.initiator(text, "filter.initiators").rawValue) }
        }
        initiators = Choice(wanted)
        datastores = Choice(filter?.datastores)
    }

    func accepts(_ lun: ArrayLUN, _ information: LUNInformation, _ inventory: Inventory) -> Bool {
        luns.contains(lun.id.rawValue) && names.contains(information.name)
            && types.contains(ViaductArrayLunType(information).rawValue)
            && initiators.contains(any: lun.initiators.map(\.rawValue))
            && (datastores.isOpen || datastores.contains(inventory.datastore(on: lun)?.id.rawValue))
    }
}

extension ViaductArrayLunType {
    init(_ information: LUNInformation) {
        self = information.isSnapshot ? .snapshot : .disk
    }
}

extension ViaductArrayLunSummary {
    init(_ lun: ArrayLUN, _ information: LUNInformation) {
        self.init(
            lun: lun.id.rawValue, name: information.name, type: ViaductArrayLunType(information), number: Int64(lun.number),
            capacity: Int64(clamping: information.sizeBytes), allocated: Int64(clamping: information.allocatedBytes))
    }
}

extension ViaductArrayLunInfo {
    convenience init(_ lun: ArrayLUN, _ information: LUNInformation, _ datastore: Datastore?, softThreshold: UInt64?) {
        self.init(
            name: information.name, type: ViaductArrayLunType(information), number: Int64(lun.number),
            device: information.worldWideName.description, capacity: Int64(clamping: information.sizeBytes),
            allocated: Int64(clamping: information.allocatedBytes), removable: lun.isRemovable,
            readOnly: lun.isReadOnly || information.isReadOnly,
            physicalBlockExponent: Int64(information.physicalBlockExponent), online: lun.isOnline,
            origin: information.origin.map { Identifier<ArrayLUN>($0).rawValue }, datastore: datastore?.id.rawValue,
            initiators: lun.initiators.map(\.rawValue), softThreshold: softThreshold.map { Int64(clamping: $0) },
            thresholdExceeded: information.isAboveThreshold)
    }
}
