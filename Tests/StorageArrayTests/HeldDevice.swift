import Glibc
import Platform
import Synchronization

/// Memory whose flushes wait until the test lets them through.
final class HeldDevice: BlockDevice {
    private struct State {
        var isHeld = false
        var flushes = 0
        var reads = 0
    }

    private let memory = SimulatedBlockDevice(canLosePower: false)
    private let state = Mutex(State())

    var sizeBytes: UInt64 { memory.sizeBytes }
    var flushes: Int { state.withLock(\.flushes) }
    var reads: Int { state.withLock(\.reads) }

    func hold() { state.withLock { $0.isHeld = true } }
    func letGo() { state.withLock { $0.isHeld = false } }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DeviceError) {
        try memory.read(into: buffer, at: offset)
        state.withLock { $0.reads += 1 }
    }

    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(DeviceError) {
        try memory.write(buffer, at: offset)
    }

    func flush() throws(DeviceError) {
        state.withLock { $0.flushes += 1 }
        waitUntil { state.withLock { !$0.isHeld } }
        try memory.flush()
    }

    func discard(offset: UInt64, count: UInt64) throws(DeviceError) { try memory.discard(offset: offset, count: count) }
    func grow(to sizeBytes: UInt64) throws(DeviceError) { try memory.grow(to: sizeBytes) }
}

func waitUntil(_ condition: () -> Bool) {
    while !condition() { sched_yield() }
}
