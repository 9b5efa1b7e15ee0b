import CLinux
import Platform
import Synchronization

/// One thread that waits for descriptors, deadlines and jobs, and runs whatever is due. A task executor.
///
/// Everything that belongs to a connection happens on one loop's thread, so that nothing of it needs a lock. Other
/// threads get at it by `execute`. A Swift task started with the loop as its executor preference comes back to the loop
/// after every suspension. Nothing on a loop may block.
///
/// One turn: wait; sources that are ready; jobs and closures; deadlines; then sources removed during the turn are
/// released (an event of the same turn may still point to them).
public final class EventLoop: TaskExecutor, @unchecked Sendable {
    // `inbox`, `thread` and `threadIdentity` are safe from any thread; all else is used on the loop's own thread, and
    // before `start` on the one that made it.
    private let queue: Int32
    private let wakeup: Int32
    private let clock: any Clock
    private let name: String
    private let inbox = Mutex(Inbox())
    private let thread = Mutex<SystemThread?>(nil)
    private let threadIdentity = Atomic<UInt>(0)

    private var wheel: TimerWheel
    private var jobs: [UnownedJob] = []
    private var removed: [Unmanaged<EventSource>] = []
    private var sources: Set<ObjectIdentifier> = []
    /// So many that one turn takes all sources that are ready: then the time since its start tells how long the last of
    /// them have waited at least.
    private var events = [clinux_event](repeating: clinux_event(), count: 4096)
    private var isEnding = false

    /// Monotonic nanoseconds, taken once per turn.
    public private(set) var now: UInt64
    /// How long this turn has been going on; what is ready has waited for that long. On the loop's thread.
    public var turnNanoseconds: UInt64 { clock.monotonicNanoseconds &- now }
    /// Called at the start of every turn, after `now` was set.
    public var onTurn: (() -> Void)?

    private struct Inbox {
        var jobs: [UnownedJob] = []
        var closures: [@Sendable () -> Void] = []
        var isClosed = false
        var isEmpty: Bool { jobs.isEmpty && closures.isEmpty }
    }

    /// - Throws: `.system` if the kernel gives no event queue.
    public init(name: String, clock: any Clock) throws(SocketError) {
        queue = clinux_epoll_create()
        wakeup = clinux_eventfd()
        self.clock = clock
        self.name = name
        now = clock.monotonicNanoseconds
        wheel = TimerWheel(now: now)
        guard queue >= 0, wakeup >= 0 else { throw .system("event queue", lastError()) }
        guard clinux_epoll_control(queue, 0, wakeup, Readiness.readable.rawValue, 0) == 0 else {
            throw .system("event queue", lastError())
        }
    }

    deinit {
        if queue >= 0 { clinux_close(queue) }
        if wakeup >= 0 { clinux_close(wakeup) }
    }

    /// Starts the loop's thread.
    public func start() throws(SocketError) {
        do throws(ThreadError) {
            let started = try SystemThread(name: name) { self.run() }
            thread.withLock { $0 = started }
        } catch {
            switch error {
            case .system(let number): throw .system("thread", number)
            }
        }
    }

    /// Ends the loop after this turn and waits until its thread has ended. Sources still there are told and removed. Not
    /// from the loop's own thread.
    public func stop() {
        execute { [unowned self] in isEnding = true }
        if let started = thread.withLock({ $0 }) {
            started.join()
        } else {
            end()
        }
    }

    /// Processors this process may use.
    public static var processorCount: Int { max(1, Int(clinux_processor_count())) }

    /// Whether the caller runs on the loop's thread.
    public var isCurrent: Bool {
        threadIdentity.load(ordering: .relaxed) == UInt(bitPattern: clinux_thread_identity())
    }

    /// Has the closure called on the loop's thread, soon. From any thread.
    ///
    /// - Returns: `false` if the loop has ended; the closure is then never called.
    @discardableResult
    public func execute(_ body: @escaping @Sendable () -> Void) -> Bool {
        let (isTaken, wasEmpty) = inbox.withLock { inbox in
            guard !inbox.isClosed else { return (false, false) }
            let wasEmpty = inbox.isEmpty
            inbox.closures.append(body)
            return (true, wasEmpty)
        }
        if wasEmpty { clinux_eventfd_signal(wakeup) }
        return isTaken
    }

    /// Takes a job of a task. From any thread. When the loop has ended, tasks go on elsewhere.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent {
            jobs.append(job)
            return
        }
        let (isTaken, wasEmpty) = inbox.withLock { inbox in
            guard !inbox.isClosed else { return (false, false) }
            let wasEmpty = inbox.isEmpty
            inbox.jobs.append(job)
            return (true, wasEmpty)
        }
        if wasEmpty { clinux_eventfd_signal(wakeup) }
        if !isTaken { globalConcurrentExecutor.enqueue(job) }
    }
}

// Sources. On the loop's thread, or before `start`.
extension EventLoop {
    /// Watches a source from now on and owns it until `remove`.
    ///
    /// - Throws: `.system` if the kernel refuses, for example for want of memory.
    public func add(_ source: EventSource, watching interest: Readiness) throws(SocketError) {
        let pointer = Unmanaged.passUnretained(source)
        let tag = UInt64(UInt(bitPattern: pointer.toOpaque()))
        if source.descriptor >= 0, clinux_epoll_control(queue, 0, source.descriptor, interest.rawValue, tag) != 0 {
            throw .system("event queue", lastError())
        }
        _ = pointer.retain()
        source.registered(interest)
        sources.insert(ObjectIdentifier(source))
        wheel.arm(source)
    }

    /// Watches it no longer. The caller closes the descriptor, after this.
    public func remove(_ source: EventSource) {
        guard source.isRegistered else { return }
        if source.descriptor >= 0 { clinux_epoll_control(queue, 2, source.descriptor, 0, 0) }
        wheel.disarm(source)
        sources.remove(ObjectIdentifier(source))
        source.removed()
        removed.append(Unmanaged.passUnretained(source))
    }

    /// Calls `body` with every source there is; it may remove them.
    public func forEachSource(_ body: (EventSource) -> Void) {
        for identifier in sources {
            // The identifier of an object is its address, and the loop owns the object while it is in the set.
            guard let pointer = UnsafeRawPointer(bitPattern: UInt(bitPattern: identifier)) else { continue }
            body(Unmanaged<EventSource>.fromOpaque(pointer).takeUnretainedValue())
        }
    }

    func update(_ source: EventSource) {
        let tag = UInt64(UInt(bitPattern: Unmanaged.passUnretained(source).toOpaque()))
        clinux_epoll_control(queue, 1, source.descriptor, source.interest.rawValue, tag)
    }

    func rearm(_ source: EventSource) { wheel.arm(source) }
}

// The thread.
extension EventLoop {
    private func run() {
        threadIdentity.store(UInt(bitPattern: clinux_thread_identity()), ordering: .relaxed)
        while !isEnding { turn() }
        end()
    }

    private func turn() {
        let timeout = jobs.isEmpty ? wheel.timeoutMilliseconds(now: clock.monotonicNanoseconds) : 0
        let count = clinux_epoll_wait(queue, &events, Int32(events.count), timeout)
        now = clock.monotonicNanoseconds
        onTurn?()
        var isWoken = false
        for index in 0..<Int(max(0, count)) {
            let event = events[index]
            guard let pointer = UnsafeRawPointer(bitPattern: UInt(event.tag)) else {
                isWoken = true
                continue
            }
            // The source is alive: the loop owns it until the end of the turn in which it was removed.
            Unmanaged<EventSource>.fromOpaque(pointer)._withUnsafeGuaranteedRef { source in
                if source.isRegistered { source.ready(Readiness(rawValue: event.events)) }
            }
        }
        if isWoken { takeInbox() }
        runJobs()
        expireDeadlines()
        releaseRemoved()
    }

    private func takeInbox() {
        clinux_eventfd_clear(wakeup)
        let taken = inbox.withLock { inbox in
            let taken = inbox
            inbox.jobs.removeAll()
            inbox.closures.removeAll()
            return taken
        }
        jobs += taken.jobs
        for closure in taken.closures { closure() }
    }

    /// Runs the jobs there are, and a few rounds of those that they add. Then sockets have their turn, however long a
    /// task goes on yielding.
    private func runJobs() {
        guard !jobs.isEmpty else { return }
        let executor = asUnownedTaskExecutor()
        var index = 0
        for _ in 0..<4 where index < jobs.count {
            let end = jobs.count
            while index < end {
                jobs[index].runSynchronously(on: executor)
                index += 1
            }
        }
        if index == jobs.count {
            jobs.removeAll(keepingCapacity: true)
        } else {
            jobs.removeFirst(index)
        }
    }

    private func expireDeadlines() {
        guard wheel.count > 0 else { return }
        for source in wheel.takeExpired(now: now) where source.isRegistered {
            source.deadline = .max
            source.expired()
        }
    }

    private func releaseRemoved() {
        guard !removed.isEmpty else { return }
        let released = removed
        removed.removeAll(keepingCapacity: true)
        for source in released { source.release() }
    }

    /// Tells what is left that the loop ends, and hands jobs that still come to the shared executor.
    private func end() {
        forEachSource { source in
            source.loopEnds()
            remove(source)
        }
        takeInbox()
        runJobs()
        let rest = inbox.withLock { inbox in
            inbox.isClosed = true
            return inbox
        }
        for job in jobs + rest.jobs { globalConcurrentExecutor.enqueue(job) }
        jobs.removeAll()
        for closure in rest.closures { closure() }
        threadIdentity.store(0, ordering: .relaxed)
        releaseRemoved()
    }
}

/// `errno`, which Swift reads correctly only straight after the call.
func lastError() -> Int32 { clinux_error() }
