/// Something that happened to a logical unit which an initiator has to hear of before its next command.
///
/// Source: SAM-5 §5.14 (unit attention conditions), SPC-4 annex D.2 (codes).
struct UnitAttention: Hashable, Sendable {
    /// Additional sense code and qualifier.
    let code: UInt16

    init(_ code: UInt16) { self.code = code }

    static let powerOnOrReset = UnitAttention(0x2900)
    static let busReset = UnitAttention(0x2902)
    static let logicalUnitReset = UnitAttention(0x2903)
    static let nexusLoss = UnitAttention(0x2907)
    static let mediumMayHaveChanged = UnitAttention(0x2800)
    static let modeParametersChanged = UnitAttention(0x2A01)
    static let reservationsPreempted = UnitAttention(0x2A03)
    static let reservationsReleased = UnitAttention(0x2A04)
    static let registrationsPreempted = UnitAttention(0x2A05)
    static let capacityChanged = UnitAttention(0x2A09)
    static let softThresholdReached = UnitAttention(0x3807)
    static let inquiryDataChanged = UnitAttention(0x3F03)
    static let reportedLUNsChanged = UnitAttention(0x3F0E)

    var sense: Sense { Sense(.unitAttention, code) }

    /// Resets are told first, the greater before the lesser; everything else has the lowest level.
    var precedence: Int {
        switch code {
        case 0x2900, 0x2901, 0x2904: 4
        case 0x2902: 3
        case 0x2903: 2
        case 0x2907: 1
        default: 0
        }
    }
}

/// What one initiator still has to hear of one logical unit.
///
/// A condition of higher precedence takes those below it away, since an initiator that hears of a reset looks at
/// everything anew; among equals the first comes first. A condition that is waiting already is not added again, so a
/// queue is never longer than the list of conditions.
struct AttentionQueue: Sendable, Equatable {
    private(set) var pending: [UnitAttention] = []

    mutating func establish(_ attention: UnitAttention) {
        if attention.precedence > 0 {
            pending.removeAll { $0.precedence < attention.precedence }
        }
        guard !pending.contains(attention) else { return }
        pending.append(attention)
    }

    mutating func takeFirst() -> UnitAttention? { pending.isEmpty ? nil : pending.removeFirst() }

    mutating func clear(_ attention: UnitAttention) { pending.removeAll { $0 == attention } }
}
