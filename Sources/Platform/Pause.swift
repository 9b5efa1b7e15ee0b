import Glibc

/// Lets the calling thread sleep. Never on an event loop.
public enum Pause {
    public static func milliseconds(_ count: Int) {
        guard count > 0 else { return }
        usleep(UInt32(min(count, 1000)) * 1000)
    }
}
