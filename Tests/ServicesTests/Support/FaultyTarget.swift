import Platform
import SCSI
import Synchronization

/// An array in between: counts commands, and answers one of them with an error or holds it up.
final class FaultyTarget: SCSITarget {
    typealias Trap = @Sendable (CDB) -> Void

    private struct State {
        var executed = 0
        /// Commands that still end well before one fails; `nil`: none will.
        var left: Int?
        /// Operation code that fails always.
        var broken: UInt8?
        var hasFailed = false
        var trap: Trap?
    }

    private let inner: any SCSITarget
    private let state = Mutex(State())

    init(_ inner: any SCSITarget) { self.inner = inner }

    /// The command after `count` more fails; those after it end well again.
    func fail(afterCommands count: Int) {
        state.withLock { state in
            state.left = count
            state.hasFailed = false
        }
    }

    /// All commands with an operation code fail.
    func fail(on operation: UInt8) { state.withLock { $0.broken = operation } }

    func behave() { state.withLock { ($0.left, $0.broken) = (nil, nil) } }
    var hasFailed: Bool { state.withLock { $0.hasFailed } }
    var executed: Int { state.withLock { $0.executed } }

    /// Calls `trap` before every command; it may block.
    func setTrap(_ trap: Trap?) { state.withLock { $0.trap = trap } }

    func execute(
        _ cdb: CDB, lun: UInt16, from nexus: Nexus, dataOut: UnsafeRawBufferPointer,
        dataIn: UnsafeMutableRawBufferPointer
    ) -> Completion {
        let (fails, trap) = state.withLock { state -> (Bool, Trap?) in
            state.executed += 1
            if state.broken == cdb[0] { return (true, state.trap) }
            guard let left = state.left else { return (false, state.trap) }
            state.left = left > 0 ? left - 1 : nil
            if left == 0 { state.hasFailed = true }
            return (left == 0, state.trap)
        }
        trap?(cdb)
        // LOGICAL UNIT COMMUNICATION FAILURE
        if fails { return Completion(.checkCondition, sense: Sense(.abortedCommand, 0x0800)) }
        return inner.execute(cdb, lun: lun, from: nexus, dataOut: dataOut, dataIn: dataIn)
    }
}

/// Holds threads until it is opened.
final class Barrier: Sendable {
    private let isOpen = Mutex(false)
    private let isReached = Mutex(false)

    func wait() {
        isReached.withLock { $0 = true }
        while !isOpen.withLock({ $0 }) { Pause.milliseconds(1) }
    }

    func open() { isOpen.withLock { $0 = true } }
    var hasBeenReached: Bool { isReached.withLock { $0 } }
}
