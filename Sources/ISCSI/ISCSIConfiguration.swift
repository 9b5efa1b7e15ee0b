import Sockets

/// How an iSCSI target is reached and by whom.
public struct ISCSIConfiguration: Sendable {
    /// Where to listen. Without encryption of its own, iSCSI belongs on loopback or a storage network.
    public var listen: [SocketAddress]
    /// iSCSI name of the target, for example `iqn.2026-01.com.example:array`.
    public var targetName: String
    /// What people call it.
    public var targetAlias: String?
    /// Tag of the portal group that all addresses belong to.
    public var portalGroup: UInt16 = 1
    /// Secrets of initiators by name; they have to prove that they know them.
    public var credentials: [String: ISCSICredentials] = [:]
    /// By which the target proves itself to initiators that ask (mutual CHAP).
    public var targetCredentials: ISCSICredentials?
    /// Whether initiators without secrets are turned away. They could see no LUN that was not given to their name, but a
    /// name alone proves nothing.
    public var requiresAuthentication = false
    /// Event loops, each with a thread.
    public var loops = EventLoop.processorCount
    /// Threads for commands that take long.
    public var workers = 2
    public var limits = ISCSILimits()
    /// How long initiators have to log out when the target stops.
    public var drainSeconds: UInt16 = 5
    /// Is told who comes and goes; from any thread, and briefly.
    public var observer: (@Sendable (ISCSIEvent) -> Void)?

    public init(listen: [SocketAddress], targetName: String) {
        self.listen = listen
        self.targetName = targetName
    }

    var policy: LoginPolicy {
        var wishes = Negotiation.Wishes()
        wishes.segmentBytes = limits.segmentBytes
        return LoginPolicy(
            targetName: ISCSIName.normalized(targetName), targetAlias: targetAlias, portalGroup: portalGroup,
            wishes: wishes,
            credentials: Dictionary(
                credentials.map { (ISCSIName.normalized($0.key), $0.value) }, uniquingKeysWith: { first, _ in first }),
            ownCredentials: targetCredentials, requiresAuthentication: requiresAuthentication)
    }
}

/// What happens at a target.
public enum ISCSIEvent: Sendable {
    case loggedIn(initiator: String, peer: SocketAddress)
    /// With the status class and detail of RFC 7143 §11.13.5.
    case loginRefused(initiator: String?, peer: SocketAddress, status: UInt16)
    case ended(initiator: String, peer: SocketAddress)
}

/// One session, for listing.
public struct ISCSISession: Sendable {
    public let initiator: String
    /// ISID, 48 bits.
    public let initiatorSession: UInt64
    /// TSIH.
    public let targetSession: UInt16
    public let peer: SocketAddress
    /// Wall clock, milliseconds since 1970.
    public let sinceMilliseconds: Int64
    /// SCSI commands so far.
    public let commands: UInt64
    public let isDiscovery: Bool
}
