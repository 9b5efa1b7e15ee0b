import Datastores
import Domain
import Glibc
import SCSI
import Synchronization

/// Hosts with clocks of their own around one LUN.
struct Laboratory {
    static let mebibyte: UInt64 = 1 << 20

    let target: any SCSITarget
    let time: TestTime
    var lun: UInt16 = 0

    init(_ target: any SCSITarget, lun: UInt16 = 0) {
        self.target = target
        self.lun = lun
        time = TestTime()
    }

    static func memory(mebibytes: UInt64 = 256, features: MemoryTarget.Features = .init()) throws -> Laboratory {
        let laboratory = Laboratory(MemoryTarget(sizeBytes: mebibytes << 20, features: features))
        try laboratory.format()
        return laboratory
    }

    func initiator(_ number: UInt64) -> Initiator {
        Initiator(target: target, lun: lun, nexus: Nexus(initiator: "iqn.2026-01.test:host-\(number)"))
    }

    static func host(_ number: UInt64) -> HostIdentity {
        HostIdentity(identifier: VolumeIdentifier(high: 7, low: number), name: "host-\(number)")
    }

    func format(label: String = "datastore1") throws {
        try Volume.format(
            initiator(0), label: label, identifier: VolumeIdentifier(high: 1, low: 2), clock: time.clock)
    }

    func mount(_ number: UInt64, acceleration: Acceleration = Acceleration()) throws -> Volume {
        try Volume.mount(
            initiator(number), host: Self.host(number), acceleration: acceleration, clock: time.clock,
            staleAfterMilliseconds: 1000)
    }
}

/// A clock that goes on only when told to, or when someone waits.
final class TestTime: Sendable {
    private let milliseconds = Mutex<Int64>(1_000_000)

    func advance(_ by: Int64) { milliseconds.withLock { $0 += by } }
    var now: Int64 { milliseconds.withLock { $0 } }

    var clock: HostClock {
        HostClock(
            now: { Timestamp(milliseconds: self.now) }, monotonicMilliseconds: { self.now }, pause: { _ in })
    }
}

/// SplitMix64, so that a seed decides everything.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

extension Volume {
    func write(_ bytes: [UInt8], to path: String, at offset: UInt64 = 0) throws {
        let file = try open(path, for: .writing)
        do { try file.write(bytes, at: offset) } catch {
            try file.close()
            throw error
        }
        try file.close()
    }

    func read(_ path: String, at offset: UInt64 = 0, count: Int? = nil) throws -> [UInt8] {
        let file = try open(path, for: .reading)
        let bytes = try file.read(at: offset, count: count ?? Int(file.sizeBytes))
        try file.close()
        return bytes
    }

    func names(_ path: String = "/") throws -> [String] { try entries(of: path).map(\.name) }
}

extension OpenFile {
    func write(_ bytes: [UInt8], at offset: UInt64) throws {
        try bytes.withUnsafeBytes { try write($0, at: offset) }
    }

    func read(at offset: UInt64, count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0xEE, count: count)
        let received = try bytes.withUnsafeMutableBytes { try read(into: $0, at: offset) }
        return Array(bytes.prefix(received))
    }
}

func pattern(_ seed: UInt64, _ count: Int) -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 8)
    while bytes.count < count {
        withUnsafeBytes(of: generator.next()) { bytes += $0 }
    }
    return Array(bytes.prefix(count))
}

/// Whether the long forms of tests run.
let isLongForm = getenv("VIADUCT_LONG") != nil
