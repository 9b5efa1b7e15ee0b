import ContractTypes
import Domain
import SCSI
import StorageArray

@testable import Services

/// A host on the network, as far as the array can tell.
struct Peer {
    static let name = "iqn.2001-04.com.example:host"

    let lab: Laboratory
    var initiator = Peer.name

    /// Numbers of the LUNs it sees.
    var sees: [UInt16] { lab.arrayTarget.visibleLUNs(to: initiator) }

    /// Writes blocks of 512 bytes. Throws what the array answers.
    func write(_ bytes: [UInt8], at lba: UInt64, of lun: UInt16) throws(Refused) {
        try complete(.write16(lba: lba, blocks: UInt32(bytes.count / 512)), lun, out: bytes, inCount: 0)
    }

    func read(_ blocks: Int, at lba: UInt64, of lun: UInt16) throws(Refused) -> [UInt8] {
        try complete(.read16(lba: lba, blocks: UInt32(blocks)), lun, out: [], inCount: blocks * 512)
    }

    /// CHECK CONDITION, with key, and code and qualifier in one number.
    struct Refused: Error, Equatable {
        let key: UInt8
        let code: UInt16
    }

    @discardableResult
    private func complete(_ cdb: CDB, _ lun: UInt16, out: [UInt8], inCount: Int) throws(Refused) -> [UInt8] {
        var last: Refused?
        // Unit attentions are told once each.
        for _ in 0..<8 {
            var answer = [UInt8](repeating: 0, count: inCount)
            let completion = out.withUnsafeBytes { out in
                answer.withUnsafeMutableBytes { into in
                    lab.arrayTarget.execute(cdb, lun: lun, from: Nexus(initiator: initiator), dataOut: out, dataIn: into)
                }
            }
            guard completion.status == .checkCondition, let sense = completion.sense else { return answer }
            last = Refused(key: sense.key.rawValue, code: sense.code)
            if sense.key != .unitAttention { break }
        }
        throw last ?? Refused(key: 0, code: 0)
    }
}

extension Laboratory {
    var luns: ArrayLUNs { ArrayLUNs(store: store, engine: engine, array: array) }
    var access: ArrayLUNAccess { ArrayLUNAccess(store: store, array: array) }
    var pools: ArrayPools { ArrayPools(engine: engine, array: array) }
    var snapshots: ArrayLUNSnapshots { ArrayLUNSnapshots(store: store, engine: engine, array: array) }
    var vaai: ArrayLUNVAAI { ArrayLUNVAAI(store: store, array: array) }

    /// Makes a LUN; returns its identifier.
    @discardableResult
    func makeLUN(_ name: String, mebibytes: Int64 = 16, readOnly: Bool? = nil) async throws -> String {
        let spec = ViaductArrayLunCreateSpec(name: name, capacity: mebibytes * mebibyte, readOnly: readOnly)
        return try await luns.create(spec: spec, call: call("create", service: "com.viaduct.array.lun"))
    }

    func allow(_ lun: String, _ initiator: String = Peer.name) async throws {
        try await access.set(lun: lun, initiator: initiator, call: call("set", service: "com.viaduct.array.lun.access"))
    }

    /// Makes a snapshot; returns its identifier.
    @discardableResult
    func keep(_ lun: String, _ name: String) async throws -> String {
        try await snapshots.create(
            lun: lun, spec: .init(name: name), call: call("create", service: "com.viaduct.array.lun.snapshot"))
    }

    func number(_ lun: String) throws -> UInt16 { try inventory.lun(lun).number }

    /// Where records and array do not agree about LUNs.
    func lunDisagreements() -> [String] { array.disagreements(inventory) }
}
