import Glibc
import Platform
import StorageArray
import Synchronization

/// Seconds of a clock that nobody sets.
func now() -> Double { seconds(CLOCK_MONOTONIC) }

/// Seconds of processor time that the process has used.
func processorTime() -> Double { seconds(CLOCK_PROCESS_CPUTIME_ID) }

private func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Runs a case for a while and prints its rate and its processor time per operation.
///
/// - Parameter body: runs until the deadline (on the clock of `now`); returns how many operations it did.
func measure(_ name: String, seconds: Double, _ body: (Double) throws -> Int) rethrows {
    let (start, used) = (now(), processorTime())
    let count = try body(start + seconds)
    let (elapsed, processor) = (now() - start, processorTime() - used)
    let rate = Int(Double(count) / elapsed)
    let cost = (processor / Double(max(1, count)) * 1e8).rounded() / 100
    print("\(name): \(rate)/s, \(cost) us of processor time each, \(count) in all")
}

/// Runs `body` on several threads and adds up what they did.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Int) throws -> Int {
    let total = Atomic(0)
    let threads = try (0..<count).map { index in
        try SystemThread(name: "load-\(index)") {
            do { total.add(try body(index), ordering: .relaxed) } catch { print("thread \(index): \(error)") }
        }
    }
    for thread in threads { thread.join() }
    return total.load(ordering: .relaxed)
}

/// Lets at most so many operations be under way.
final class Window: @unchecked Sendable {
    // The count is touched only with the gate held.
    private let gate = Gate()
    private var left: Int

    init(_ size: Int) { left = size }

    func enter() {
        gate.lock()
        while left == 0 { gate.wait() }
        left -= 1
        gate.unlock()
    }

    func leave() {
        gate.lock()
        left += 1
        if left == 1 { gate.wakeOne() }
        gate.unlock()
    }

    /// Waits until all of `size` have left.
    func drain(_ size: Int) { for _ in 0..<size { enter() } }
}

struct Random {
    private var state: UInt64

    init(_ seed: Int) { state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func below(_ limit: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state % UInt64(limit))
    }
}
