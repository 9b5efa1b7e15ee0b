import Persistence
import Platform
import Synchronization

/// The power of a whole machine, disk and log alike: goes away at a chosen moment and stays away.
final class Power: Sendable {
    private struct State {
        /// Writes until power is lost; `nil`: never.
        var left: Int?
        var steps = 0
        var isOn = true
    }

    private let state = Mutex(State())

    enum Verdict {
        case on
        /// This is the write that power is lost in: nobody will hear how it ended.
        case goes
        case off
    }

    func lose(afterWrites count: Int) { state.withLock { $0.left = count } }
    var isOn: Bool { state.withLock { $0.isOn } }
    /// Writes of disk and log so far.
    var steps: Int { state.withLock { $0.steps } }

    func step() -> Verdict {
        state.withLock { state in
            guard state.isOn else { return .off }
            state.steps += 1
            guard let left = state.left else { return .on }
            state.left = left - 1
            state.isOn = left > 0
            return state.isOn ? .on : .goes
        }
    }
}

/// A device that depends on the power; what was written when it went is in the hands of `SimulatedBlockDevice.crash`.
struct PoweredDevice: BlockDevice {
    let inner: SimulatedBlockDevice
    let power: Power

    var sizeBytes: UInt64 { inner.sizeBytes }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DeviceError) {
        guard power.isOn else { throw .powerLost }
        try inner.read(into: buffer, at: offset)
    }

    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(DeviceError) {
        try step { () throws(DeviceError) in try inner.write(buffer, at: offset) }
    }

    func flush() throws(DeviceError) {
        switch power.step() {
        case .on: try inner.flush()
        case .goes, .off: throw .powerLost
        }
    }

    func discard(offset: UInt64, count: UInt64) throws(DeviceError) {
        try step { () throws(DeviceError) in try inner.discard(offset: offset, count: count) }
    }

    func grow(to sizeBytes: UInt64) throws(DeviceError) {
        try step { () throws(DeviceError) in try inner.grow(to: sizeBytes) }
    }

    private func step(_ write: () throws(DeviceError) -> Void) throws(DeviceError) {
        switch power.step() {
        case .on: try write()
        case .goes:
            try write()
            throw .powerLost
        case .off: throw .powerLost
        }
    }
}

/// A log that depends on the power: the append it is lost in is there afterwards, or not.
final class PoweredLog: ChangeLog {
    private let inner: MemoryLog
    private let power: Power
    private let keepsLast: Bool

    init(_ inner: MemoryLog, power: Power, keepsLast: Bool) {
        self.inner = inner
        self.power = power
        self.keepsLast = keepsLast
    }

    func append(_ changes: [Change], after head: UInt64) -> AppendOutcome {
        switch power.step() {
        case .on: return inner.append(changes, after: head)
        case .goes:
            if keepsLast { _ = inner.append(changes, after: head) }
            return .unknown(.unavailable("power"))
        case .off: return .refused(.unavailable("power"))
        }
    }

    func open() throws(LogError) -> LogContents { try inner.open() }
    func head() throws(LogError) -> UInt64 {
        guard power.isOn else { throw .unavailable("power") }
        return try inner.head()
    }
    func changes(after sequence: UInt64, limit: Int) throws(LogError) -> [Change] {
        guard power.isOn else { throw .unavailable("power") }
        return try inner.changes(after: sequence, limit: limit)
    }
    func audit(_ query: AuditQuery) throws(LogError) -> [AuditEntry] { try inner.audit(query) }
    func trim(changesThrough: UInt64, auditThrough: UInt64) throws(LogError) {
        try inner.trim(changesThrough: changesThrough, auditThrough: auditThrough)
    }
    func close() { inner.close() }
}
