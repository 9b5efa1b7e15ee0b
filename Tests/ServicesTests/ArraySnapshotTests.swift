import ContractTypes
import Domain
import Persistence
import Testing

@testable import Services

// Snapshots, going back to them, and what can be changed of a LUN.

@Suite struct ArraySnapshotTests {
    @Test func goingBackBringsWhatWasKept() async throws {
        let lab = try await Laboratory.made()
        let peer = Peer(lab: lab)
        let id = try await lab.makeLUN("first", mebibytes: 16)
        try await lab.allow(id)
        let number = try lab.number(id)
        try peer.write(pattern(1, 1 << 20), at: 0, of: number)
        let used = lab.pool.usage.dataBytes
        let kept = try await lab.keep(id, "kept")
        #expect(lab.pool.usage.dataBytes == used)
        try peer.write(pattern(2, 1 << 20), at: 0, of: number)
        try await lab.luns.resize(lun: id, spec: .init(capacity: 32 * mebibyte), call: lab.call("resize"))
        let row = try found(lab.snapshots.list(lun: id, call: lab.call()).first)
        #expect(row.snapshot == kept && row.name == "kept" && row.capacity == 16 * mebibyte && row.allocated == 1 << 20)
        try await lab.snapshots.revert(lun: id, snapshot: kept, call: lab.call("revert"))
        #expect(try peer.read(2048, at: 0, of: number) == pattern(1, 1 << 20))
        #expect(peer.sees == [number])
        let info = try lab.luns.get(lun: id, call: lab.call())
        #expect(info.online && info.capacity == 16 * mebibyte && info.initiators == [Peer.name])
        // The snapshot stays, and can be gone back to again.
        try peer.write(pattern(3, 4096), at: 0, of: number)
        try await lab.snapshots.revert(lun: id, snapshot: kept, call: lab.call("revert"))
        #expect(try peer.read(8, at: 0, of: number) == pattern(1, 4096))
        #expect(try lab.disagreements().isEmpty)
        try await lab.close()
    }

    @Test func aSnapshotIsALUNThatNobodyWrites() async throws {
        let lab = try await Laboratory.made()
        let peer = Peer(lab: lab)
        let id = try await lab.makeLUN("first")
        try await lab.allow(id)
        try peer.write(pattern(1, 4096), at: 0, of: lab.number(id))
        let kept = try await lab.keep(id, "kept")
        let info = try lab.luns.get(lun: kept, call: lab.call())
        #expect(info.type == .snapshot && info.readOnly && info.origin == id && info.initiators.isEmpty)
        try await lab.allow(kept)
        let number = try lab.number(kept)
        #expect(try peer.read(8, at: 0, of: number) == pattern(1, 4096))
        #expect(throws: Peer.Refused(key: 7, code: 0x2700)) { try peer.write(pattern(2, 512), at: 0, of: number) }
        func shape(_ body: () async throws -> Void) async -> String? { await fault(body)?.shape }
        let writable = await shape {
            try await lab.luns.update(lun: kept, spec: .init(readOnly: false), call: lab.call("update"))
        }
        #expect(writable == "not_allowed_in_current_state com.viaduct.array.is_snapshot")
        let again = await shape { _ = try await lab.keep(kept, "again") }
        #expect(again == "not_allowed_in_current_state com.viaduct.array.is_snapshot")
        let resized = await shape {
            try await lab.luns.resize(lun: kept, spec: .init(capacity: 32 * mebibyte), call: lab.call("resize"))
        }
        #expect(resized == "not_allowed_in_current_state com.viaduct.array.is_snapshot")
        let inUse = await shape {
            try await lab.snapshots.delete(lun: id, snapshot: kept, call: lab.call("delete"))
        }
        #expect(inUse == "resource_in_use com.viaduct.array.has_access")
        // A clone of it can be written.
        let clone = try await lab.luns.clone(spec: .init(source: kept, name: "clone"), call: lab.call("clone"))
        try await lab.allow(clone)
        try peer.write(pattern(2, 512), at: 0, of: lab.number(clone))
        #expect(try lab.luns.get(lun: clone, call: lab.call()).type == .disk)
        #expect(try lab.disagreements().isEmpty)
        try await lab.close()
    }

    @Test func aLUNGoesAfterItsSnapshots() async throws {
        let lab = try await Laboratory.made()
        let (id, other) = (try await lab.makeLUN("first"), try await lab.makeLUN("other"))
        let kept = try await lab.keep(id, "kept")
        let early = await fault { try await lab.luns.delete(lun: id, call: lab.call("delete")) }
        #expect(early?.shape == "resource_in_use com.viaduct.array.has_snapshots")
        #expect(try lab.luns.get(lun: id, call: lab.call()).online)
        for (lun, snapshot) in [(other, kept), (id, other), (id, id)] {
            let wrong = await fault { try await lab.snapshots.revert(lun: lun, snapshot: snapshot, call: lab.call("revert")) }
            #expect(wrong?.shape == "not_found com.viaduct.array.not_its_snapshot")
        }
        #expect(await fault { try await lab.keep(id, "other") }?.type == .alreadyExists)
        try await lab.snapshots.delete(lun: id, snapshot: kept, call: lab.call("delete"))
        try await lab.luns.delete(lun: id, call: lab.call("delete"))
        #expect(try lab.luns.list(filter: nil, call: lab.call()).map(\.name) == ["Lab/datastore1", "Lab/datastore2", "other"])
        #expect(try lab.disagreements().isEmpty)
        try await lab.close()
    }

    @Test func aDatastoreIsNotTakenBackUnderItsHosts() async throws {
        let lab = try await Laboratory.made()
        let kept = try await lab.keep("lun-1", "kept")
        let refusal = await fault { try await lab.snapshots.revert(lun: "lun-1", snapshot: kept, call: lab.call("revert")) }
        #expect(refusal?.shape == "not_allowed_in_current_state com.viaduct.array.carries_datastore")
        #expect(try lab.luns.list(filter: .init(types: [.snapshot]), call: lab.call()).map(\.lun) == [kept])
        try await lab.close()
    }

    @Test func aChangeOfGuiseReachesInitiators() async throws {
        let lab = try await Laboratory.made()
        let peer = Peer(lab: lab)
        let id = try await lab.makeLUN("first", readOnly: true)
        try await lab.allow(id)
        let number = try lab.number(id)
        #expect(throws: Peer.Refused(key: 7, code: 0x2700)) { try peer.write(pattern(1, 512), at: 0, of: number) }
        func update(_ spec: ViaductArrayLunUpdateSpec) async throws {
            try await lab.luns.update(lun: id, spec: spec, call: lab.call("update"))
        }
        try await update(.init(name: "second", removable: true, readOnly: false))
        try peer.write(pattern(1, 512), at: 0, of: number)
        let info = try lab.luns.get(lun: id, call: lab.call())
        #expect(info.name == "second" && info.removable && !info.readOnly && info.softThreshold == nil)
        // What is not named stays.
        try await update(.init(softThreshold: 4096))
        let warned = try lab.luns.get(lun: id, call: lab.call())
        #expect(warned.removable && warned.softThreshold == 4096 && warned.thresholdExceeded)
        try await update(.init(softThreshold: 0))
        #expect(try lab.luns.get(lun: id, call: lab.call()).softThreshold == nil)
        #expect(await fault { try await update(.init(name: "Lab/datastore1")) }?.type == .alreadyExists)
        #expect(await fault { try await update(.init(name: "")) }?.text.contains("'spec.name'") == true)
        #expect(await fault { try await update(.init(softThreshold: -1)) }?.text.contains("'spec.soft_threshold'") == true)
        #expect(lab.lunDisagreements().isEmpty)
        try await lab.close()
    }

    @Test func thePoolHasAThresholdToo() async throws {
        let lab = try await Laboratory.made()
        func update(_ bytes: Int64?) async throws {
            try await lab.pools.update(pool: "pool-1", spec: .init(softThreshold: bytes), call: lab.call("update"))
        }
        try await update(1 << 30)
        try await update(nil)
        #expect(try lab.pools.get(pool: "pool-1", call: lab.call()).softThreshold == 1 << 30)
        try await update(0)
        #expect(try lab.pools.get(pool: "pool-1", call: lab.call()).softThreshold == nil)
        #expect(await fault { try await update(-1) }?.text.contains("'spec.soft_threshold'") == true)
        // Nothing of it is a LUN.
        #expect(try lab.pools.get(pool: "pool-1", call: lab.call()).luns == 2 && lab.lunDisagreements().isEmpty)
        try await lab.close()
    }

    @Test func everyPrimitiveIsSupported() async throws {
        let lab = try await Laboratory.made()
        let id = try await lab.makeLUN("first")
        for lun in [id, "lun-1"] {
            let info = try lab.vaai.get(lun: lun, call: lab.call())
            #expect(info.device.hasPrefix("naa.6"))
            let all = [info.atsStatus, info.cloneStatus, info.zeroStatus, info.deleteStatus]
            #expect(all == Array(repeating: .supported, count: 4))
        }
        #expect(!lab.array.exposure.supports(0x8E, nil, on: 99))
        #expect(!lab.array.exposure.supports(0xC0, nil, on: 1))
        try await lab.close()
    }

    @Test func everyCommandIsCountedAndTimed() async throws {
        let lab = try await Laboratory.made()
        let peer = Peer(lab: lab)
        let id = try await lab.makeLUN("first")
        try await lab.allow(id)
        let service = ArrayLUNStatistics(store: lab.store, array: lab.array)
        func counter(_ primitive: ViaductArrayLunStatisticsPrimitive) throws -> ViaductArrayLunStatisticsCounter {
            try found(service.get(lun: id, call: lab.call()).counters.first { $0.primitive == primitive })
        }
        #expect(try service.get(lun: id, call: lab.call()).counters.map(\.commands) == [0, 0, 0, 0, 0, 0, 0])
        for lba in 0..<3 { try peer.write(pattern(1, 4096), at: UInt64(lba * 8), of: lab.number(id)) }
        _ = try peer.read(8, at: 0, of: lab.number(id))
        let (writes, reads) = (try counter(.write), try counter(.read))
        #expect(writes.commands == 3 && writes.initiatorBytes == 3 * 4096 && writes.failures == 0)
        #expect(reads.commands == 1 && reads.initiatorBytes == 4096)
        #expect(writes.latency.count == 3 && writes.latency.ranges.reduce(0) { $0 + $1.count } == 3)
        #expect(writes.latency.medianNanoseconds <= writes.latency.percentile99Nanoseconds)
        #expect(try lab.pools.get(pool: "pool-1", call: lab.call()).flushes.count > 0)
        #expect(await fault { try service.get(lun: "lun-99", call: lab.call()) }?.type == .notFound)
        try await lab.close()
    }

    @Test func sessionsAreThoseOfTheTarget() async throws {
        let lab = try await Laboratory.made()
        let service = ArraySessions(array: lab.array)
        #expect(try service.list(call: lab.call()).isEmpty)
        lab.array.report {
            [
                InitiatorSession(
                    initiator: Peer.name, initiatorSession: 0x23_D0_00_01, targetSession: 7, peer: "192.0.2.1:5000",
                    startedAt: Timestamp(milliseconds: 1000), commands: 3, isDiscovery: false)
            ]
        }
        let row = try found(service.list(call: lab.call()).first)
        #expect(row.initiator == Peer.name && row.initiatorSession == "000023d00001" && row.session == 7 && row.commands == 3)
        try await lab.close()
    }
}
