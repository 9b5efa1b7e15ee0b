/// Which commands may come: the numbers from ExpCmdSN to MaxCmdSN.
///
/// Source: RFC 7143 §4.2.2.1. MaxCmdSN never goes back; the window is closed by letting ExpCmdSN catch up.
struct CommandWindow: Sendable {
    /// ExpCmdSN: the number of the next command in order.
    private(set) var expected: UInt32
    /// MaxCmdSN as told last.
    private(set) var maximum: UInt32
    /// Most commands that may be under way.
    let limit: Int
    /// Commands that came in the window and have no response yet.
    private(set) var underWay = 0

    /// - Parameter first: CmdSN of the login, which the first command has again.
    init(first: UInt32, limit: Int) {
        expected = first
        self.limit = limit
        maximum = first &+ UInt32(limit) &- 1
    }

    /// Whether a command with the number may come now.
    func contains(_ number: UInt32) -> Bool { !number.precedes(expected) && !maximum.precedes(number) }

    /// The next command in order has come.
    mutating func advance() { expected &+= 1 }

    /// A command has begun to take its place, or has given it up.
    mutating func began() { underWay += 1 }
    mutating func ended() { underWay -= 1 }

    /// MaxCmdSN to tell now.
    mutating func update() -> UInt32 {
        let wanted = expected &+ UInt32(max(0, limit - underWay)) &- 1
        if maximum.precedes(wanted) { maximum = wanted }
        return maximum
    }
}
