import StorageArray

/// The moment when an effect, and everything a command observed, is durable. Ordered; `.now` is durable already.
public struct CommitTicket: Sendable, Comparable {
    private let group: UInt64

    public static let now = CommitTicket(group: 0)

    public static func < (left: Self, right: Self) -> Bool { left.group < right.group }
}

extension StoragePool {
    func wait(for ticket: CommitTicket) throws(ArrayError) {}
}
