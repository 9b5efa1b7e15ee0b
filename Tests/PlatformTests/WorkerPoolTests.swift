// The pool of threads for blocking work: order, bound, errors, end.
import Platform
import Synchronization
import Testing

final class Counter: Sendable {
    let value = Atomic(0)
}

@Suite struct WorkerPoolTests {
    struct Broken: Error, Equatable { var number: Int }

    @Test func returnsWhatTheWorkReturnsAndThrowsWhatItThrows() async throws {
        let pool = try WorkerPool(threads: 2)
        let answer = await pool.run { 6 * 7 }
        #expect(answer == 42)
        await #expect(throws: Broken(number: 3)) {
            try await pool.run { () throws(Broken) -> Int in throw Broken(number: 3) }
        }
        pool.shutdown()
    }

    @Test func runsNoMoreAtOnceThanItHasThreads() async throws {
        let pool = try WorkerPool(threads: 3)
        let running = Counter()
        let most = Counter()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    await pool.run {
                        let now = running.value.add(1, ordering: .relaxed).newValue
                        most.value.max(now, ordering: .relaxed)
                        running.value.subtract(1, ordering: .relaxed)
                    }
                }
            }
        }
        let observed = most.value.load(ordering: .relaxed)
        #expect(observed >= 1 && observed <= 3)
        pool.shutdown()
    }

    @Test func refusesWorkOverTheBoundButNotBelowIt() async throws {
        let pool = try WorkerPool(threads: 1, queueLimit: 2)
        let gate = Gate()
        gate.lock()
        let begun = Counter()
        let blocker = Task {
            await pool.run {
                begun.value.store(1, ordering: .releasing)
                gate.lock()
                gate.unlock()
            }
        }
        while begun.value.load(ordering: .acquiring) == 0 { await Task.yield() }
        let waiting = [0, 1].map { number in Task { await pool.run { number } } }
        while pool.waitingCount < 2 { await Task.yield() }
        let refused = await pool.runIfRoom { 1 }
        #expect(refused == nil)
        gate.unlock()
        await blocker.value
        for (number, task) in waiting.enumerated() { #expect(await task.value == number) }
        let taken = await pool.runIfRoom { 1 }
        #expect(taken == 1)
        pool.shutdown()
    }

    @Test func finishesWhatWaitsBeforeItEndsAndRefusesAfterwards() async throws {
        let pool = try WorkerPool(threads: 1)
        let begun = Counter()
        let done = Counter()
        let gate = Gate()
        gate.lock()
        let tasks = (0..<20).map { _ in
            Task {
                await pool.run {
                    begun.value.add(1, ordering: .releasing)
                    gate.lock()
                    gate.unlock()
                    done.value.add(1, ordering: .relaxed)
                }
            }
        }
        while begun.value.load(ordering: .acquiring) < 1 || pool.waitingCount < 19 { await Task.yield() }
        gate.unlock()
        pool.shutdown()
        let count = done.value.load(ordering: .relaxed)
        #expect(count == 20)
        for task in tasks { await task.value }
        let late = await pool.runIfRoom { 1 }
        #expect(late == nil)
        let inline = await pool.run { 2 }
        #expect(inline == 2)
    }

    @Test func keepsItsOrderWithOneThread() async throws {
        let pool = try WorkerPool(threads: 1)
        let seen = Mutex<[Int]>([])
        for number in 0..<3000 { await pool.run { seen.withLock { $0.append(number) } } }
        let order = seen.withLock { $0 }
        #expect(order == Array(0..<3000))
        pool.shutdown()
    }
}

@Suite struct SystemWorldTests {
    @Test func monotonicTimeNeverGoesBack() {
        let clock = SystemClock()
        var last = clock.monotonicNanoseconds
        for _ in 0..<10_000 {
            let now = clock.monotonicNanoseconds
            #expect(now >= last)
            last = now
        }
        #expect(clock.wallMilliseconds > 1_700_000_000_000)
    }

    @Test func randomBytesDiffer() {
        let drawn = (0..<100).map { _ -> [UInt8] in
            var bytes = [UInt8](repeating: 0, count: 16)
            bytes.withUnsafeMutableBytes { World.system.randomness.fill($0) }
            return bytes
        }
        #expect(Set(drawn).count == 100)
    }
}
