import Domain

/// Takes one entry per answered request. Called on the event loop; must not block.
public protocol AccessLog: Sendable {
    func record(_ entry: AccessEntry)
}

/// One answered request. Everything a client chose is raw: whoever writes a line has to escape it.
public struct AccessEntry: Sendable {
    public let method: String
    /// As sent, without the query, which may hold secrets.
    public let path: String
    public let status: Int
    /// Of the body before compression; `nil` where it is streamed with an unknown length.
    public let bytes: UInt64?
    /// From the complete head (and collected body) to the complete answer, or to the start of a streamed one.
    public let durationMicroseconds: UInt64
    public let user: String?
    public let peer: String
    public let requestID: String
    public let operationID: String?
    /// For example `com.vmware.vcenter.VM.list`; `nil` if no operation was found.
    public let operation: String?
    /// The fault that was answered, with what only the log may say; `nil` for a success.
    public let fault: Fault?
}
