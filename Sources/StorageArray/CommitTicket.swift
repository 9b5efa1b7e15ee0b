/// The moment when the effect of a command, and everything that the command observed, is durable.
///
/// Tickets are ordered: what a later one promises includes what an earlier one does.
public struct CommitTicket: Sendable, Hashable, Comparable {
    /// The journal group that has to be durable; groups are numbered from 1.
    let group: UInt64

    /// Is durable already.
    public static let now = CommitTicket(group: 0)

    public static func < (left: CommitTicket, right: CommitTicket) -> Bool { left.group < right.group }
}

/// What is to be done when a group is durable.
struct CommitWaiter {
    let group: UInt64
    let body: @Sendable (ArrayError?) -> Void
}
