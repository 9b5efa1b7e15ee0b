/// What all connections of one event loop share: limits, the output, the clock line and the compressor.
///
/// The loop owns one, passes it to every call on a connection, and sends `output` after a batch of calls. Not for two
/// threads.
public struct ConnectionContext: ~Copyable {
    public let limits: Limits
    /// Where connections write. The loop empties it before it calls another connection.
    public var output: OutputBuffer
    var dateLine = DateLine()
    var compressor = Compressor()

    public init(limits: Limits = Limits(), outputCapacity: Int = 80 * 1024) {
        self.limits = limits
        output = OutputBuffer(capacity: outputCapacity)
    }

    /// Sets the time that answers carry. Cheap if the second has not changed; call once per wake-up of the loop.
    ///
    /// - Parameter unixSeconds: since 1970-01-01T00:00:00Z; 0 or more.
    public mutating func setTime(unixSeconds: Int64) {
        dateLine.set(unixSeconds: unixSeconds)
    }
}
