import Cryptography
import Glibc
import Platform
import Sockets
import Synchronization
import Testing

@testable import Syslog

/// Records 1 to `count`, and what was told to have arrived.
final class NumberSource: SyslogSource {
    struct State {
        var count: UInt64 = 0
        var arrived: UInt64 = 0
    }
    let state = Mutex(State())

    func records(after position: UInt64, limit: Int) -> [SyslogRecord]? {
        let count = state.withLock { $0.count }
        guard position < count else { return [] }
        return (position + 1...min(count, position + UInt64(limit))).map { number in
            SyslogRecord(position: number, message: MessageTests.message([("seq", "\(number)")]))
        }
    }
    func arrivedPosition() -> UInt64 { state.withLock { $0.arrived } }
    func remember(_ position: UInt64) { state.withLock { $0.arrived = position } }
    func add(_ count: UInt64) { state.withLock { $0.count += count } }
}

/// A collector that parses frames and keeps sequence numbers; it can go away and come back on its port.
final class Collector: @unchecked Sendable {
    // `descriptor` and `connection` belong to the thread that runs `serve`, or to the test while none does.
    private var listening: Int32 = -1
    private(set) var port: UInt16 = 0
    let received = Mutex<[UInt64]>([])
    let isBroken = Mutex(false)
    private let context: TLSContext?
    private let isOver = Atomic(false)
    private var thread: SystemThread?

    init(port: UInt16 = 0, context: TLSContext? = nil) throws {
        self.context = context
        listening = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var yes: Int32 = 1
        setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &yes, 4)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(listening, generic, size) == 0 && listen(listening, 8) == 0 && getsockname(listening, generic, &size) == 0
            }
        }
        #expect(isBound)
        self.port = UInt16(bigEndian: address.sin_port)
        thread = try SystemThread(name: "collector") { [self] in serve() }
    }

    func stop() {
        isOver.store(true, ordering: .releasing)
        shutdown(listening, Int32(SHUT_RDWR))
        thread?.join()
        close(listening)
    }

    private func serve() {
        while !isOver.load(ordering: .acquiring) {
            let connection = accept(listening, nil, nil)
            guard connection >= 0 else { return }
            var patience = timeval(tv_sec: 0, tv_usec: 20_000)
            setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
            read(connection)
            close(connection)
        }
    }

    private func read(_ connection: Int32) {
        let transport = TLSTransport()
        let session = context.flatMap { TLSSession(context: $0, transport: transport) }
        var pending: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while !isOver.load(ordering: .acquiring) {
            let count = recv(connection, &buffer, buffer.count, 0)
            if count == 0 { return }
            guard count > 0 else {
                if errno == EAGAIN { continue }
                return
            }
            guard let session else {
                pending += buffer[..<count]
                parse(&pending)
                continue
            }
            let isWell = buffer.withUnsafeBytes { bytes in
                transport.supply(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
                defer { transport.dropInput() }
                return decrypt(session, &pending)
            }
            let output = Array(transport.output)
            transport.removeOutput()
            if !output.isEmpty { send(connection, output, output.count, Int32(MSG_NOSIGNAL)) }
            guard isWell else { return }
            parse(&pending)
        }
    }

    private func decrypt(_ session: TLSSession, _ pending: inout [UInt8]) -> Bool {
        if !session.isEstablished {
            let progress = session.handshake()
            guard progress == .done else { return progress == .wantsInput }
        }
        var plain = [UInt8](repeating: 0, count: 65536)
        while true {
            let (progress, count) = plain.withUnsafeMutableBytes { session.read(into: $0) }
            switch progress {
            case .done: pending += plain[..<count]
            case .wantsInput: return true
            case .closed, .failed: return false
            }
        }
    }

    /// Takes whole frames off the front.
    private func parse(_ pending: inout [UInt8]) {
        while let space = pending.firstIndex(of: 32) {
            guard let count = Int(String(decoding: pending[..<space], as: UTF8.self)) else { return isBroken.withLock { $0 = true } }
            guard pending.count >= space + 1 + count else { return }
            let text = String(decoding: pending[space + 1..<space + 1 + count], as: UTF8.self)
            pending.removeFirst(space + 1 + count)
            guard let start = text.range(of: "seq=\""), let number = UInt64(text[start.upperBound...].prefix { $0 != "\"" }) else {
                return isBroken.withLock { $0 = true }
            }
            received.withLock { $0.append(number) }
        }
    }
}

extension String {
    /// Without Foundation.
    fileprivate func range(of pattern: String) -> Range<String.Index>? {
        indices.first { self[$0...].hasPrefix(pattern) }.map { $0..<index($0, offsetBy: pattern.count) }
    }
}

@Suite(.serialized) struct ExporterTests {
    static func options() -> SyslogExporter.Options {
        var options = SyslogExporter.Options()
        options.settlingMilliseconds = 20
        options.firstPauseMilliseconds = 5
        options.longestPauseMilliseconds = 20
        return options
    }

    func wait(_ what: String, _ condition: () -> Bool) {
        for _ in 0..<6000 {
            if condition() { return }
            usleep(5000)
        }
        Issue.record("\(what): not within 30 s")
    }

    @Test func everythingArrivesInOrderAndIsRemembered() throws {
        let collector = try Collector()
        let source = NumberSource()
        source.add(1000)
        let exporter = try SyslogExporter(
            to: try #require(SyslogDestination("tcp://127.0.0.1:\(collector.port)")), security: nil, source: source,
            world: .system, options: Self.options(), report: { _ in })
        wait("the first thousand") { source.arrivedPosition() == 1000 }
        source.add(5)
        exporter.poke()
        wait("five more") { source.arrivedPosition() == 1005 }
        exporter.stop()
        collector.stop()
        #expect(collector.received.withLock { $0 } == Array(1...1005))
        #expect(!collector.isBroken.withLock { $0 })
    }

    @Test func nothingIsLostWhileTheCollectorIsAway() throws {
        let source = NumberSource()
        source.add(100)
        let first = try Collector()
        let events = Mutex<[SyslogExporter.Event]>([])
        let exporter = try SyslogExporter(
            to: try #require(SyslogDestination("tcp://127.0.0.1:\(first.port)")), security: nil, source: source,
            world: .system, options: Self.options(), report: { event in events.withLock { $0.append(event) } })
        wait("the first hundred") { source.arrivedPosition() == 100 }
        first.stop()
        source.add(100)
        exporter.poke()
        wait("word of the break") { events.withLock { $0.contains { $0 != .connected } } }
        let second = try Collector(port: first.port)
        wait("the second hundred") { source.arrivedPosition() == 200 }
        exporter.stop()
        second.stop()
        let all = first.received.withLock { $0 } + second.received.withLock { $0 }
        #expect(Set(all) == Set(1...200))
    }

    @Test func goesOnWhereTheLastExporterWas() throws {
        let source = NumberSource()
        source.add(50)
        source.remember(40)
        let collector = try Collector()
        let exporter = try SyslogExporter(
            to: try #require(SyslogDestination("tcp://127.0.0.1:\(collector.port)")), security: nil, source: source,
            world: .system, options: Self.options(), report: { _ in })
        wait("the rest") { source.arrivedPosition() == 50 }
        exporter.stop()
        collector.stop()
        #expect(collector.received.withLock { $0 } == Array(41...50))
    }

    @Test func overTLSTheCollectorMustBeTheOneThatIsTrusted() throws {
        let identity = try Identity.selfSigned(hosts: [], world: .system)
        let stranger = try Identity.selfSigned(hosts: [], world: .system)
        let collector = try Collector(context: try TLSContext(identities: [identity], tickets: TicketKeys(world: .system)))
        let source = NumberSource()
        source.add(300)
        let destination = try #require(SyslogDestination("tls://127.0.0.1:\(collector.port)"))
        let events = Mutex<[SyslogExporter.Event]>([])
        let deceived = try SyslogExporter(
            to: destination, security: try TLSClientContext(trustedPEM: stranger.certificatePEM), source: source, world: .system,
            options: Self.options(), report: { event in events.withLock { $0.append(event) } })
        wait("the refusal") { !events.withLock { $0.isEmpty } }
        deceived.stop()
        guard case .disconnected(let reason) = events.withLock({ $0 })[0] else {
            Issue.record("connected to a stranger")
            return
        }
        #expect(reason.contains("TLS") && reason.contains("certificate"), "\(reason)")
        #expect(collector.received.withLock { $0 }.isEmpty)
        let exporter = try SyslogExporter(
            to: destination, security: try TLSClientContext(trustedPEM: identity.certificatePEM), source: source, world: .system,
            options: Self.options(), report: { _ in })
        wait("all over TLS") { source.arrivedPosition() == 300 }
        exporter.stop()
        collector.stop()
        #expect(collector.received.withLock { $0 } == Array(1...300))
    }

    @Test func aWrongNameInTheCertificateIsRefused() throws {
        let identity = try Identity.selfSigned(hosts: [], world: .system)
        let collector = try Collector(context: try TLSContext(identities: [identity], tickets: TicketKeys(world: .system)))
        // 127.0.0.2 is this machine too, but the certificate does not say so.
        let events = Mutex<[SyslogExporter.Event]>([])
        let exporter = try SyslogExporter(
            to: try #require(SyslogDestination("tls://127.0.0.2:\(collector.port)")),
            security: try TLSClientContext(trustedPEM: identity.certificatePEM), source: NumberSource(), world: .system,
            options: Self.options(), report: { event in events.withLock { $0.append(event) } })
        wait("an event") { !events.withLock { $0.isEmpty } }
        exporter.stop()
        collector.stop()
        #expect(events.withLock { $0 }[0] != .connected)
    }
}
