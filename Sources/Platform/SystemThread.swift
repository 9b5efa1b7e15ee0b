import CLinux
import Glibc
import Synchronization

/// A thread of the operating system, for work that must not sit on Swift's shared executor.
///
/// Signals are blocked in it: the program takes them in one place.
public final class SystemThread: Sendable {
    private let handle: Mutex<pthread_t?>

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - name: shown by `ps` and `perf`; 15 bytes are kept.
    ///   - stackBytes: a multiple of the page size.
    /// - Throws: `.system` with the error number if the system has no room for another thread.
    public init(name: String, stackBytes: Int = 1 << 20, _ body: @escaping @Sendable () -> Void) throws(ThreadError) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, stackBytes)
        defer { pthread_attr_destroy(&attributes) }
        let start = Unmanaged.passRetained(ThreadStart(name: name, body: body))
        var thread = pthread_t()
        let result = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
                clinux_block_signals()
                clinux_name_thread(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        guard result == 0 else {
            start.release()
            throw .system(result)
        }
        handle = Mutex(thread)
    }

    /// Waits until the thread has ended. Not from the thread itself; a second call returns at once.
    public func join() {
        let thread = handle.withLock { handle in
            defer { handle = nil }
            return handle
        }
        if let thread { pthread_join(thread, nil) }
    }

    deinit {
        if let thread = handle.withLock({ $0 }) { pthread_detach(thread) }
    }
}

public enum ThreadError: Error, Sendable, Equatable {
    /// Error number of the failed call.
    case system(Int32)
}

private final class ThreadStart: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

/// A mutex and a condition that threads can sleep on.
public final class Gate: @unchecked Sendable {
    // Allocated once and never moved, as POSIX demands; every use is a call that is safe from any thread.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    public init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    public func lock() { pthread_mutex_lock(mutex) }
    public func unlock() { pthread_mutex_unlock(mutex) }
    /// With the lock held: gives it up, sleeps, and holds it again. May wake without reason.
    public func wait() { pthread_cond_wait(condition, mutex) }
    /// As `wait`, for so long at most; `false` if that time is over.
    public func wait(milliseconds: Int) -> Bool {
        clinux_wait_condition(condition, mutex, Int64(milliseconds)) == 0
    }
    public func wakeOne() { pthread_cond_signal(condition) }
    public func wakeAll() { pthread_cond_broadcast(condition) }

    /// As `wait`, but only a wake of `line` ends it.
    public func wait(in line: GateLine) { pthread_cond_wait(line.condition, mutex) }
}

/// Threads that sleep at a gate apart from the others, so that they can be woken apart.
public final class GateLine: @unchecked Sendable {
    // Allocated once and never moved, as in `Gate`.
    fileprivate let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    public init() { pthread_cond_init(condition, nil) }

    deinit {
        pthread_cond_destroy(condition)
        condition.deallocate()
    }

    public func wakeOne() { pthread_cond_signal(condition) }
    public func wakeAll() { pthread_cond_broadcast(condition) }
}
