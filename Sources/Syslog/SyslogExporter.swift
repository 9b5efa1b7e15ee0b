import Cryptography
import Platform
import Sockets
import Synchronization

/// A message and its place in the order of all.
public struct SyslogRecord: Sendable {
    /// Greater than that of every record before it.
    public let position: UInt64
    public let message: SyslogMessage

    public init(position: UInt64, message: SyslogMessage) {
        self.position = position
        self.message = message
    }
}

/// Where the messages come from, and where it is remembered how many have arrived. Called on the exporter's thread.
public protocol SyslogSource: Sendable {
    /// The next records after a position, in order, at most `limit`; `nil` if they cannot be read now. May block.
    func records(after position: UInt64, limit: Int) -> [SyslogRecord]?
    /// Up to where everything has arrived, as `remember` was told last; 0 at first.
    func arrivedPosition() -> UInt64
    /// All up to `position` has arrived. Made durable by the source.
    func remember(_ position: UInt64)
}

/// Brings the messages of a source to a collector, in order, each at least once.
///
/// The source is the spill: while the collector is away nothing is held in memory, and after a restart the export goes
/// on where it was. Syslog has no acknowledgement, so a record counts as arrived when the collector's system has
/// acknowledged its bytes (tcp(7), SIOCOUTQ) and the connection has lived on for `settlingMilliseconds`, in which a
/// collector that is well has read them. After a break everything that does not count is sent again; collectors tell
/// repeated records by the sequence number in them.
public final class SyslogExporter: Sendable {
    public struct Options: Sendable {
        public var settlingMilliseconds: Int64 = 2000
        public var firstPauseMilliseconds: Int32 = 500
        public var longestPauseMilliseconds: Int32 = 30_000
        public var batch = 256

        public init() {}
    }

    public enum Event: Sendable, Equatable {
        case connected
        /// With the reason. Told once until a connection has held.
        case disconnected(String)
    }

    private let worker: Worker
    private let thread: SystemThread

    /// Starts the export.
    ///
    /// - Parameters:
    ///   - security: for a destination by TLS; `nil` for one by TCP.
    ///   - report: told on the exporter's thread what the connection does.
    public init(
        to destination: SyslogDestination, security: TLSClientContext?, source: any SyslogSource, world: World,
        options: Options = Options(), report: @escaping @Sendable (Event) -> Void
    ) throws(SocketError) {
        precondition(destination.isSecure == (security != nil), "a secure destination needs to know whom to trust")
        let worker = Worker(
            destination: destination, security: security, source: source, clock: world.clock, options: options,
            wakeup: try WakeupCall(), end: try WakeupCall(), report: report)
        do throws(ThreadError) {
            thread = try SystemThread(name: "syslog") { worker.run() }
        } catch {
            switch error {
            case .system(let number): throw .system("thread", number)
            }
        }
        self.worker = worker
    }

    /// There is something new.
    public func poke() { worker.wakeup.send() }

    /// Ends the export; what has not arrived is sent after the next start. Blocks for as long as one wait takes.
    public func stop() {
        worker.isStopping.store(true, ordering: .releasing)
        worker.end.send()
        thread.join()
    }
}

/// What runs on the exporter's thread.
private final class Worker: Sendable {
    let destination: SyslogDestination
    let security: TLSClientContext?
    let source: any SyslogSource
    let clock: any Clock
    let options: SyslogExporter.Options
    /// There is more to send.
    let wakeup: WakeupCall
    let end: WakeupCall
    let report: @Sendable (SyslogExporter.Event) -> Void
    let isStopping = Atomic(false)

    init(
        destination: SyslogDestination, security: TLSClientContext?, source: any SyslogSource, clock: any Clock,
        options: SyslogExporter.Options, wakeup: WakeupCall, end: WakeupCall,
        report: @escaping @Sendable (SyslogExporter.Event) -> Void
    ) {
        self.destination = destination
        self.security = security
        self.source = source
        self.clock = clock
        self.options = options
        self.wakeup = wakeup
        self.end = end
        self.report = report
    }

    private var isOver: Bool { isStopping.load(ordering: .acquiring) }

    func run() {
        var pause = options.firstPauseMilliseconds
        var isReported = false
        while !isOver {
            var delivery = Delivery(arrived: source.arrivedPosition(), settling: options.settlingMilliseconds)
            do throws(SyslogConnection.Failure) {
                let connection = try SyslogConnection(destination, security: security, end: end)
                report(.connected)
                isReported = false
                defer { connection.close() }
                try export(through: connection, &delivery, established: { pause = self.options.firstPauseMilliseconds })
            } catch {
                if isOver { return }
                if !isReported { report(.disconnected("\(error)")) }
                isReported = true
            }
            _ = end.wait(milliseconds: pause)
            pause = min(pause * 2, options.longestPauseMilliseconds)
        }
    }

    /// Sends what there is until the connection breaks or the export is to end.
    private func export(
        through connection: SyslogConnection, _ delivery: inout Delivery, established: () -> Void
    ) throws(SyslogConnection.Failure) {
        while !isOver {
            wakeup.clear()
            let records = source.records(after: delivery.sent, limit: options.batch) ?? []
            if !records.isEmpty {
                var bytes: [UInt8] = []
                for record in records { bytes += record.message.framed() }
                try connection.send(bytes)
                delivery.sent(through: records[records.count - 1].position, atByte: connection.sentBytes)
            }
            delivery.acknowledge(bytes: connection.acknowledgedBytes, at: clock.monotonicNanoseconds)
            if let arrived = delivery.takeArrived(at: clock.monotonicNanoseconds) {
                source.remember(arrived)
                established()
            }
            guard records.isEmpty else { continue }
            try connection.listen(milliseconds: delivery.isSettled ? 1000 : 50, call: wakeup)
        }
    }
}

/// Which records were sent and which have arrived. A value: bytes and moments in, positions out.
struct Delivery {
    private struct Batch {
        let position: UInt64
        let endByte: Int
        var acknowledgedAt: UInt64?
    }

    /// The last record given to the connection.
    private(set) var sent: UInt64
    private let settlingNanoseconds: UInt64
    private var batches: [Batch] = []

    init(arrived: UInt64, settling milliseconds: Int64) {
        sent = arrived
        settlingNanoseconds = UInt64(milliseconds) * 1_000_000
    }

    /// Whether nothing is on its way.
    var isSettled: Bool { batches.isEmpty }

    mutating func sent(through position: UInt64, atByte byte: Int) {
        sent = position
        batches.append(Batch(position: position, endByte: byte))
    }

    mutating func acknowledge(bytes: Int, at now: UInt64) {
        for index in batches.indices where batches[index].acknowledgedAt == nil && batches[index].endByte <= bytes {
            batches[index].acknowledgedAt = now
        }
    }

    /// The last record that counts as arrived since the last call; `nil` if none does.
    mutating func takeArrived(at now: UInt64) -> UInt64? {
        var arrived: UInt64?
        while let first = batches.first, let moment = first.acknowledgedAt, now &- moment >= settlingNanoseconds {
            arrived = first.position
            batches.removeFirst()
        }
        return arrived
    }
}
