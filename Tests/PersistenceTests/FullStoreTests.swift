// Audit entries for a store that has no room for more: refused in the open, and the chain has no gap.
import Domain
import Persistence
import Synchronization
import Testing

/// Holds the writer until it is let go.
private final class Latch: Sendable {
    let isReached = Atomic(false)
    let isOpen = Atomic(false)
    let refused = Atomic(0)

    func hold() {
        isReached.store(true, ordering: .releasing)
        while !isOpen.load(ordering: .acquiring) { yieldThread() }
    }
}

@Suite struct FullStoreTests {
    @Test func entriesThatAFullStoreDoesNotTakeAreRefusedAndTheChainStaysWhole() async throws {
        var limits = Store.Limits()
        limits.queueLimit = 8
        limits.batchLimit = 1
        let store = try Store.open(log: MemoryLog(), schema: .test, world: .test, limits: limits)
        let latch = Latch()
        let held = Task {
            try await store.commit(by: .test("held")) { (draft) throws(Fault) in
                latch.hold()
                try draft.put(Note(id: "n", text: "1"))
            }
        }
        while !latch.isReached.load(ordering: .acquiring) { await Task.yield() }
        // What nobody waits for leaves half of the queue to those who do.
        for number in 0..<4 { #expect(store.noteAudit(.test("noted-\(number)"), refused: .unauthorized)) }
        #expect(!store.noteAudit(.test("noted-4"), refused: .unauthorized))
        let waiting = (0..<6).map { number in
            Task { () -> FaultType? in
                let type = await fault { () throws(Fault) in try await store.recordAudit(.test("waited-\(number)"), .unchanged) }
                if type != nil { latch.refused.add(1, ordering: .releasing) }
                return type
            }
        }
        while latch.refused.load(ordering: .acquiring) < 2 { await Task.yield() }
        latch.isOpen.store(true, ordering: .releasing)
        try await held.value
        var types: [FaultType] = []
        for task in waiting { if let type = await task.value { types.append(type) } }
        #expect(types == [.serviceUnavailable, .serviceUnavailable])
        try await store.recordAudit(.test("after"), .unchanged)
        let entries = try store.audit(AuditQuery(limit: 100))
        #expect(entries.map(\.number) == Array(1...10))
        #expect(entries.first?.operation == "held" && entries.last?.operation == "after")
        var verification = AuditVerification(checkpoints: [])
        for entry in entries { verification.take(entry) }
        verification.finish(head: store.snapshot.auditHead)
        #expect(verification.problems.isEmpty)
        store.close()
    }
}
