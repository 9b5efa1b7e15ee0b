/// How much of everything a peer may send, and how long it may take.
public struct Limits: Sendable {
    /// Of the request line without its line end; more is answered 414.
    public var requestLineBytes = 8192
    /// Of all field lines with their line ends; more is answered 431.
    public var fieldSectionBytes = 32 * 1024
    /// More is answered 431.
    public var fieldCount = 100
    /// Of all chunk extensions and trailer fields of one body together; more is answered 431.
    public var chunkOverheadBytes = 4096
    /// Requests answered into one output before it has to be sent; later ones wait.
    public var pipelineDepth = 64
    /// Of a streamed request body held for its reader; the peer is not read from beyond.
    public var streamWindowBytes = 256 * 1024
    /// Of an unread request body that is thrown away to keep the connection; with more left it is closed.
    public var discardBytes: UInt64 = 64 * 1024
    /// From the start of the connection to the end of the TLS handshake.
    public var handshakeNanoseconds: UInt64 = 10_000_000_000
    /// From the first byte of a request to the end of its head, however it drips in; later is answered 408.
    public var headNanoseconds: UInt64 = 10_000_000_000
    /// What a body may take before its rate counts; later is answered 408.
    public var bodyGraceNanoseconds: UInt64 = 5_000_000_000
    /// Least average rate of a body after its grace.
    public var bodyBytesPerSecond: UInt64 = 1024
    /// The longest pause in a body, however fast it was before.
    public var bodyPauseNanoseconds: UInt64 = 30_000_000_000
    /// Without a request.
    public var idleNanoseconds: UInt64 = 75_000_000_000
    /// In which a peer takes nothing of what is waiting for it.
    public var sendNanoseconds: UInt64 = 30_000_000_000
    /// In which a refused peer may go on sending before the connection is cut.
    public var lingerNanoseconds: UInt64 = 2_000_000_000
    /// Bytes a refused peer may go on sending.
    public var lingerBytes: UInt64 = 1024 * 1024
    /// A request that has waited longer for its turn on the loop is overdue: there is more to do than can be done.
    public var overdueNanoseconds: UInt64 = 50_000_000
    /// Bodies below are not compressed.
    public var compressionBytes = 1024

    public init() {}
}
