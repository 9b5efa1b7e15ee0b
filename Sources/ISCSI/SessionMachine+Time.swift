// Silence. Source: RFC 7143 §11.19 (NOP-In as a ping).

extension ISCSILimits {
    /// How often a session is looked at.
    var checkNanoseconds: UInt64 { min(idleNanoseconds, answerNanoseconds, dataNanoseconds) / 4 }
}

extension SessionMachine {
    /// Looks whether the initiator is still there, and asks it if it has been silent for long.
    ///
    /// - Returns: `false` if the connection is to be given up.
    mutating func tick(_ output: inout OutputQueue, at now: UInt64) -> Bool {
        guard phase == .fullFeature else { return true }
        let silence = now &- lastInput
        if waitsForData, now &- lastData >= limits.dataNanoseconds { return false }
        if isPinged, silence < limits.idleNanoseconds { isPinged = false }
        if isPinged { return silence < limits.idleNanoseconds &+ limits.answerNanoseconds }
        if silence >= limits.idleNanoseconds { ping(&output) }
        return true
    }

    private var waitsForData: Bool {
        tasks.values.contains { $0.transferTag != PDUHeader.noTag || $0.isUnsolicitedOpen }
    }

    /// The connection is gone: what has not begun is forgotten.
    mutating func abandon() {
        phase = .closed
        segment = nil
        held = [:]
        later = []
        drop { _ in true }
        for task in tasks.values { task.cancellation?.set() }
    }
}
