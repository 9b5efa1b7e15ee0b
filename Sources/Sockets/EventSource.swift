import CLinux

/// What a descriptor is ready for.
public struct Readiness: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let readable = Readiness(rawValue: CLINUX_READABLE)
    public static let writable = Readiness(rawValue: CLINUX_WRITABLE)
    /// The connection is broken or closed on both sides; reported without being asked for.
    public static let failed = Readiness(rawValue: CLINUX_ERROR | CLINUX_HANG_UP)
}

/// A descriptor that an event loop watches, with one deadline. Lives on one loop and is used on its thread alone.
/// With -1 for a descriptor it is a deadline and nothing else.
///
/// The loop owns it from `add` to `remove`. Subclasses say what to do when it is ready or its time has come.
open class EventSource {
    public let descriptor: Int32
    public let loop: EventLoop
    public private(set) var interest: Readiness = []
    public private(set) var isRegistered = false

    /// When `expired` is called, monotonic nanoseconds; `UInt64.max` for never. Setting it is cheap: a later deadline
    /// than before costs one store.
    public var deadline: UInt64 = .max {
        didSet { if isRegistered, deadline < armedUntil { loop.rearm(self) } }
    }

    /// When the timer wheel next looks at this source; `UInt64.max` while it is not in the wheel.
    var armedUntil: UInt64 = .max
    // Neighbours in a slot of the wheel. The wheel holds sources only while the loop owns them.
    unowned(unsafe) var nextInSlot: EventSource?
    unowned(unsafe) var previousInSlot: EventSource?
    var slot = -1

    public init(descriptor: Int32, loop: EventLoop) {
        self.descriptor = descriptor
        self.loop = loop
    }

    /// Called when the descriptor is ready for what was asked, or has failed.
    open func ready(_ readiness: Readiness) {}

    /// Called once the deadline has passed; it is then `UInt64.max` again.
    open func expired() {}

    /// Called when the loop ends while it still owns the source. The source is removed afterwards.
    open func loopEnds() {}

    /// Changes what is watched for. Nothing happens if it is the same.
    public func watch(_ interest: Readiness) {
        guard isRegistered, interest != self.interest else { return }
        self.interest = interest
        loop.update(self)
    }

    func registered(_ interest: Readiness) {
        isRegistered = true
        self.interest = interest
    }

    func removed() {
        isRegistered = false
        interest = []
    }
}
