/// A few threads for work that blocks: commits, password hashes, file access.
///
/// Whoever waits for an answer is resumed on its own executor, so a task that prefers an event loop comes back to that
/// loop. Work is taken in the order it came.
public final class WorkerPool: Sendable {
    private let jobs: JobQueue
    private let threads: [SystemThread]
    private let queueLimit: Int

    /// - Parameters:
    ///   - name: of the threads.
    ///   - threads: how many pieces of work may run at once; 1 or more.
    ///   - queueLimit: how much may wait before `runIfRoom` refuses.
    /// - Throws: if the system has no room for the threads.
    public init(name: String = "worker", threads count: Int, queueLimit: Int = 1024) throws(ThreadError) {
        precondition(count > 0, "a pool without threads would never answer")
        let jobs = JobQueue()
        var threads: [SystemThread] = []
        for index in 0..<count {
            do {
                threads.append(
                    try SystemThread(name: "\(name)-\(index)") {
                        while let job = jobs.next() { job() }
                    })
            } catch {
                jobs.close()
                throw error
            }
        }
        self.jobs = jobs
        self.threads = threads
        self.queueLimit = queueLimit
    }

    deinit { jobs.close() }

    /// Runs `work` on a thread of the pool and returns what it returned.
    ///
    /// There is no refusal: the caller is suspended until its turn came, which is the back-pressure. After `shutdown`
    /// the work runs on the caller's own thread, so that the last ones out still get an answer.
    public func run<T: Sendable, E: Error>(_ work: @escaping @Sendable () throws(E) -> T) async throws(E) -> T {
        let result = await withUnsafeContinuation { (continuation: UnsafeContinuation<Result<T, E>, Never>) in
            let job: @Sendable () -> Void = { continuation.resume(returning: Result(catching: work)) }
            if !jobs.append(job, limit: Int.max) { job() }
        }
        return try result.get()
    }

    /// As `run`, but with a bound: `nil`, at once, if `queueLimit` pieces of work wait already or the pool is closed.
    ///
    /// For work that strangers can cause, such as checking a password.
    public func runIfRoom<T: Sendable, E: Error>(_ work: @escaping @Sendable () throws(E) -> T) async throws(E) -> T? {
        let result = await withUnsafeContinuation { (continuation: UnsafeContinuation<Result<T, E>?, Never>) in
            let job: @Sendable () -> Void = { continuation.resume(returning: Result(catching: work)) }
            if !jobs.append(job, limit: queueLimit) { continuation.resume(returning: nil) }
        }
        return try result?.get()
    }

    /// Runs `work` on a thread of the pool without anybody waiting for it.
    ///
    /// - Returns: `false`, without running it, after `shutdown`.
    public func submit(_ work: @escaping @Sendable () -> Void) -> Bool { jobs.append(work, limit: Int.max) }

    /// How many pieces of work wait for a thread.
    public var waitingCount: Int { jobs.count }

    /// Takes no more work, finishes what waits and returns when the threads have ended. Blocks; not from a thread of
    /// the pool.
    public func shutdown() {
        jobs.close()
        for thread in threads { thread.join() }
    }
}

/// Work that waits, first in, first out, and the threads that sleep until there is some.
private final class JobQueue: @unchecked Sendable {
    // `gate` guards everything below it.
    private let gate = Gate()
    private var waiting: [(@Sendable () -> Void)?] = []
    private var head = 0
    private var isClosed = false

    var count: Int {
        gate.lock()
        defer { gate.unlock() }
        return waiting.count - head
    }

    /// - Returns: whether it was taken: not if `limit` wait already, and not after `close`.
    func append(_ job: @escaping @Sendable () -> Void, limit: Int) -> Bool {
        gate.lock()
        defer { gate.unlock() }
        guard !isClosed, waiting.count - head < limit else { return false }
        waiting.append(job)
        gate.wakeOne()
        return true
    }

    /// Sleeps until there is work; `nil` when the queue is closed and empty.
    func next() -> (@Sendable () -> Void)? {
        gate.lock()
        defer { gate.unlock() }
        while head == waiting.count {
            if isClosed { return nil }
            gate.wait()
        }
        let job = waiting[head]
        waiting[head] = nil
        head += 1
        if head == waiting.count || head >= 1024 {
            waiting.removeFirst(head)
            head = 0
        }
        return job
    }

    func close() {
        gate.lock()
        defer { gate.unlock() }
        isClosed = true
        gate.wakeAll()
    }
}
