import Domain

/// A session of an initiator with the array's iSCSI target.
public struct InitiatorSession: Sendable {
    public let initiator: String
    /// ISID, 48 bits.
    public let initiatorSession: UInt64
    /// TSIH.
    public let targetSession: UInt16
    /// Address and port.
    public let peer: String
    public let startedAt: Timestamp
    public let commands: UInt64
    public let isDiscovery: Bool

    public init(
        initiator: String, initiatorSession: UInt64, targetSession: UInt16, peer: String, startedAt: Timestamp,
        commands: UInt64, isDiscovery: Bool
    ) {
        self.initiator = initiator
        self.initiatorSession = initiatorSession
        self.targetSession = targetSession
        self.peer = peer
        self.startedAt = startedAt
        self.commands = commands
        self.isDiscovery = isDiscovery
    }
}
