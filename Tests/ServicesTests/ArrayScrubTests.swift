import Contract
import ContractTypes
import Coordination
import Domain
import Persistence
import StorageArray
import Testing

@testable import Services

// A scrub as a task: what it finds, who may run it when, and how it ends before its end.

@Suite struct ArrayScrubTests {
    /// A laboratory with a LUN that has data.
    private func made() async throws -> (lab: Laboratory, lun: String) {
        let lab = try await Laboratory.made()
        let id = try await lab.makeLUN("first")
        try await lab.allow(id)
        try Peer(lab: lab).write(pattern(11, 1 << 20), at: 2048, of: lab.number(id))
        return (lab, id)
    }

    private func call(_ lab: Laboratory, _ operation: String) -> Call { lab.call(operation, service: "com.viaduct.array.pool") }

    @Test func aSoundPoolIsClean() async throws {
        let (lab, _) = try await made()
        let result = try await lab.pools.scrub(pool: "pool-1", call: call(lab, "scrub"))
        #expect(result.clean && result.damagedBlocks.isEmpty && result.problems.isEmpty && result.damagedBlockCount == 0)
        #expect(result.readBytes >= 1 << 20)
        #expect(await fault { try await lab.pools.scrub(pool: "pool-2", call: call(lab, "scrub")) }?.type == .notFound)
        #expect(await fault { try await lab.pools.scrubTask(pool: "pool-2", call: call(lab, "scrub")) }?.type == .notFound)
        try await lab.close()
    }

    @Test func theTaskNamesEveryDamagedBlock() async throws {
        let (lab, lun) = try await made()
        try lab.damage(pattern(11, 1 << 20), at: 8192)
        let task = try await lab.pools.scrubTask(pool: "pool-1", call: call(lab, "scrub"))
        #expect(task.hasSuffix(":com.viaduct.array.pool"))
        try await lab.engine.waitForEnd(of: Identifier(task))
        let info = try lab.tasks.get(task: task, spec: nil, call: lab.call("get"))
        #expect(info.status == .succeeded && info.target?.id == "pool-1" && info.operation == "scrub")
        let result = try found(info.result)
        let type = TypeExpression.structure("com.viaduct.array.pool.scrub_result")
        #expect(typeTable.violation(of: result, type: type) == nil)
        let again = try await lab.pools.scrub(pool: "pool-1", call: call(lab, "scrub"))
        #expect(!again.clean && again.damagedBlockCount == 1)
        #expect(again.damagedBlocks.map(\.lun) == [lun] && again.damagedBlocks.map(\.offset) == [1 << 20 + 8192])
        #expect(try DataValue(describing: again) == result)
        try await lab.close()
    }

    /// All workers are kept busy, so that the scrub waits at its beginning.
    @Test func oneScrubAtATimeAndItCanBeCanceled() async throws {
        let (lab, _) = try await made()
        let barriers = (0..<4).map { _ in Barrier() }
        for barrier in barriers { Task { await lab.workers.run { barrier.wait() } } }
        while !barriers.allSatisfy(\.hasBeenReached) { await Task.yield() }
        let task = try await lab.pools.scrubTask(pool: "pool-1", call: call(lab, "scrub"))
        let second = await fault { try await lab.pools.scrubTask(pool: "pool-1", call: call(lab, "scrub")) }
        #expect(second?.shape == "resource_busy com.viaduct.array.busy")
        #expect(try lab.tasks.get(task: task, spec: nil, call: lab.call("get")).cancelable)
        try await lab.tasks.cancel(task: task, call: lab.call("cancel"))
        for barrier in barriers { barrier.open() }
        let end = await fault { try await lab.engine.waitForEnd(of: Identifier(task)) }
        #expect(end?.type == .canceled)
        #expect(try lab.tasks.get(task: task, spec: nil, call: lab.call("get")).status == .failed)
        #expect(try await lab.pools.scrub(pool: "pool-1", call: call(lab, "scrub")).clean)
        try await lab.close()
    }

    @Test func aServerThatStopsDoesNotWaitForAScrub() async throws {
        let (lab, _) = try await made()
        lab.array.stop()
        let end = await fault { try await lab.pools.scrub(pool: "pool-1", call: call(lab, "scrub")) }
        #expect(end?.shape == "service_unavailable com.viaduct.array.scrub_stopped")
        try await lab.close()
    }
}

extension Laboratory {
    /// Changes a byte of data where it lies on the medium.
    ///
    /// - Parameter offset: in `bytes`, a multiple of the array's blocks.
    fileprivate func damage(_ bytes: [UInt8], at offset: Int) throws {
        let device = medium.device
        var block = [UInt8](repeating: 0, count: 4096)
        for place in stride(from: 0, to: device.sizeBytes, by: block.count) {
            try block.withUnsafeMutableBytes { try device.read(into: $0, at: place) }
            guard block == Array(bytes[offset..<offset + 4096]) else { continue }
            block[17] ^= 0x40
            try block.withUnsafeBytes { try device.write($0, at: place) }
            return
        }
        throw Missing()
    }
}
