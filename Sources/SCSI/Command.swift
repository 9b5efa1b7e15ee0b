import StorageArray

/// One command on its way through the target.
struct Command {
    let cdb: CDB
    let path: UnitPath
    let dataOut: UnsafeRawBufferPointer
    let dataIn: UnsafeMutableRawBufferPointer
    /// Whether the transport wants the command to end early.
    let isCancelled: (@Sendable () -> Bool)?
    private let abortGeneration: UInt64

    /// What has to be durable before the answer may leave.
    var ticket = CommitTicket.now
    var status = Status.good
    private(set) var dataInCount = 0
    private(set) var dataInLength = 0

    init(
        cdb: CDB, path: UnitPath, dataOut: UnsafeRawBufferPointer, dataIn: UnsafeMutableRawBufferPointer,
        isCancelled: (@Sendable () -> Bool)?
    ) {
        self.cdb = cdb
        self.path = path
        self.dataOut = dataOut
        self.dataIn = dataIn
        self.isCancelled = isCancelled
        abortGeneration = path.abortGeneration
    }

    var nexus: Nexus { path.nexus }

    /// Looked at between the steps of commands that take long.
    var isAborted: Bool { path.abortGeneration != abortGeneration || isCancelled?() == true }

    /// The effect of a part of the command, and all it saw, is durable with `ticket`.
    mutating func follow(_ ticket: CommitTicket) { self.ticket = max(self.ticket, ticket) }

    /// Puts an answer into data-in, cut to the allocation length and to the room there is.
    mutating func answer(_ bytes: [UInt8], allocationLength: Int) {
        dataInLength = min(bytes.count, allocationLength)
        dataInCount = min(dataInLength, dataIn.count)
        bytes.withUnsafeBytes { source in
            UnsafeMutableRawBufferPointer(rebasing: dataIn[..<dataInCount])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[..<dataInCount]))
        }
    }

    /// `count` of the `length` bytes the command has to give have been put into data-in.
    mutating func filled(_ count: Int, of length: Int) {
        dataInCount = count
        dataInLength = length
    }
}
