import Domain
import SCSI

/// 128 bits that name a volume or a host for life.
public struct VolumeIdentifier: Hashable, Sendable, CustomStringConvertible {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads what `description` writes; `nil` for anything else.
    public init?(_ text: String) {
        let digits = text.filter { $0 != "-" }
        guard text.utf8.count == 36, digits.utf8.count == 32 else { return nil }
        guard let high = UInt64(digits.prefix(16), radix: 16), let low = UInt64(digits.suffix(16), radix: 16) else {
            return nil
        }
        self.init(high: high, low: low)
    }

    /// Lower-case hexadecimal in groups of 8, 4, 4, 4 and 12 digits.
    public var description: String {
        let digits = Self.hexadecimal(high) + Self.hexadecimal(low)
        var groups: [Substring] = []
        var rest = digits[...]
        for width in [8, 4, 4, 4, 12] {
            groups.append(rest.prefix(width))
            rest = rest.dropFirst(width)
        }
        return groups.joined(separator: "-")
    }

    private static func hexadecimal(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// A host that mounts volumes. At most one running process may use an identity: mounting again with it means that
/// the process that used it before is gone.
public struct HostIdentity: Hashable, Sendable {
    public var identifier: VolumeIdentifier
    /// Shown to others who wait for this host; cut to 64 bytes on the volume.
    public var name: String

    public init(identifier: VolumeIdentifier, name: String) {
        self.identifier = identifier
        self.name = name
    }
}

/// Which primitives a host uses where the array offers them, named as ESXi's advanced options are.
public struct Acceleration: Sendable, Equatable {
    /// `DataMover.HardwareAcceleratedMove`: EXTENDED COPY instead of READ and WRITE.
    public var move: Bool
    /// `DataMover.HardwareAcceleratedInit`: WRITE SAME instead of writing zeros.
    public var initialize: Bool
    /// `VMFS3.HardwareAcceleratedLocking`: COMPARE AND WRITE instead of read, compare, write.
    public var locking: Bool

    public init(move: Bool = true, initialize: Bool = true, locking: Bool = true) {
        self.move = move
        self.initialize = initialize
        self.locking = locking
    }
}

/// The way from a host to a LUN.
public struct Initiator: Sendable {
    public var target: any SCSITarget
    public var lun: UInt16
    public var nexus: Nexus

    public init(target: any SCSITarget, lun: UInt16, nexus: Nexus) {
        self.target = target
        self.lun = lun
        self.nexus = nexus
    }
}

/// The host's sense of time, so that a test or a simulation can decide it.
public struct HostClock: Sendable {
    /// Stamped on files and heartbeats.
    public var now: @Sendable () -> Timestamp
    /// Never goes back; tells how long another host's heartbeat has stood still.
    public var monotonicMilliseconds: @Sendable () -> Int64
    /// Waits before another attempt at a lock.
    public var pause: @Sendable (_ milliseconds: Int) -> Void

    public init(
        now: @escaping @Sendable () -> Timestamp, monotonicMilliseconds: @escaping @Sendable () -> Int64,
        pause: @escaping @Sendable (_ milliseconds: Int) -> Void
    ) {
        self.now = now
        self.monotonicMilliseconds = monotonicMilliseconds
        self.pause = pause
    }
}
