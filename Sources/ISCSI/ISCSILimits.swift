/// What a peer may cost.
public struct ISCSILimits: Sendable {
    /// From the connection to the end of the login.
    public var loginNanoseconds: UInt64 = 15_000_000_000
    /// Silence after which the initiator is asked whether it is there; the conformance suite sleeps for a minute.
    public var idleNanoseconds: UInt64 = 60_000_000_000
    /// How long it may take to answer that, and to take any of the output that waits.
    public var answerNanoseconds: UInt64 = 15_000_000_000
    /// How long a command may wait for its next data-out.
    public var dataNanoseconds: UInt64 = 60_000_000_000
    /// Commands of one session under way: the width of the CmdSN window.
    public var commands = 128
    /// Immediate commands of one session under way, beyond those.
    public var immediateCommands = 16
    /// Longest data segment that is taken.
    public var segmentBytes = 262_144
    /// Data of one session's commands in memory before new reads and R2Ts wait.
    public var dataBytes = 16 << 20
    /// Output of one connection that waits before it is read from no more.
    public var outputBytes = 4 << 20
    public var sessionsPerInitiator = 16
    public var sessions = 256
    /// Connections, those that have not logged in included.
    public var connections = 512

    public init() {}
}
