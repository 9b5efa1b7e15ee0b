// The server under test with an application that offers one of each kind of answer.
import Cryptography
import Glibc
import HTTP
import Logging
import Platform
import Serving
import Sockets
import Synchronization
import Testing

/// Something that is waited for in one place and opened in another.
final class Latch: Sendable {
    private struct State {
        var isOpen = false
        var waiters: [UnsafeContinuation<Void, Never>] = []
    }
    private let state = Mutex(State())

    var waiterCount: Int { state.withLock { $0.waiters.count } }

    func wait() async {
        await withUnsafeContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiters.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}

/// Bytes that can be told from others by their place.
struct Pattern {
    static func byte(_ offset: Int) -> UInt8 { UInt8(truncatingIfNeeded: offset &* 7 &+ offset >> 8 &* 13) }
    static func bytes(_ range: Range<Int>) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
            for index in 0..<range.count { buffer[index] = byte(range.lowerBound + index) }
            count = range.count
        }
    }
}

/// Writes a pattern in parts; fails after `failsAfter` bytes if told so.
final class PatternWriter: BodyWriter {
    struct Failure: Error {}

    let length: UInt64?
    private let total: Int
    private let part: Int
    private let failsAfter: Int?
    private let offset = Mutex(0)

    init(total: Int, part: Int, isChunked: Bool, failsAfter: Int? = nil) {
        self.total = total
        self.part = part
        self.failsAfter = failsAfter
        length = isChunked ? nil : UInt64(total)
    }

    func next() async throws -> [UInt8]? {
        let range = offset.withLock { offset in
            let start = offset
            offset = min(total, offset + part)
            return start..<offset
        }
        if let failsAfter, range.lowerBound >= failsAfter { throw Failure() }
        return range.isEmpty ? nil : Pattern.bytes(range)
    }
}

/// Numbers of a target's query, for example `/download?bytes=5&part=2`.
struct Query {
    private let values: [Substring: Int]
    init(_ head: RequestHead) {
        let text = String(decoding: head.query, as: UTF8.self)
        var values: [Substring: Int] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=")
            if parts.count == 2, let value = Int(parts[1]) { values[Substring(String(parts[0]))] = value }
        }
        self.values = values
    }
    subscript(name: Substring) -> Int? { values[name] }
}

final class TestApplication: Application {
    let latch = Latch()
    let readLatch = Latch()
    let pool: WorkerPool
    let seenAborts = Mutex(0)
    let bodyBytesRead = Mutex(0)
    private let keptReader = Mutex<(any BodyReader)?>(nil)

    init() throws { pool = try WorkerPool(name: "test", threads: 2) }

    func policy(for head: RequestHead) -> BodyPolicy {
        switch String(decoding: head.path, as: UTF8.self) {
        case "/sum", "/held", "/ignore", "/elsewhere", "/keep", "/kept": .stream
        default: .collect(limit: 1 << 20)
        }
    }

    func respond(to request: Request) -> Reply {
        let query = Query(request.head)
        switch String(decoding: request.head.path, as: UTF8.self) {
        case "/hello": return .now(Response(status: 200, fields: [("Content-Type", "text/plain")], body: .bytes(Array("hello".utf8))))
        case "/peer": return .now(Response(status: 200, body: .bytes(Array("\(request.connection.peer) \(request.connection.isSecure)".utf8))))
        case "/big": return .now(Response(status: 200, body: .bytes(Pattern.bytes(0..<(query["bytes"] ?? 0)))))
        case "/stall":
            // What nothing on a loop may do.
            usleep(2000)
            return .now(Response(status: 200))
        case "/overdue": return .now(Response(status: request.isOverdue ? 503 : 200))
        case "/later":
            return .later {
                let text = await self.pool.run { "from the pool" }
                return Response(status: 200, body: .bytes(Array(text.utf8)))
            }
        case "/latch":
            return .later {
                await self.latch.wait()
                return Response(status: 200, body: .bytes(Array("opened".utf8)))
            }
        case "/echo":
            guard case .bytes(let bytes) = request.body else { return .now(Response(status: 400)) }
            return .now(Response(status: 200, body: .bytes(bytes)))
        case "/sum": return .later { await self.sum(request.body) }
        case "/held":
            return .later {
                await self.readLatch.wait()
                return await self.sum(request.body)
            }
        case "/elsewhere":
            // Reads the body from a task that does not prefer the loop.
            return .later { await Task.detached { await self.sum(request.body) }.value }
        case "/keep":
            if case .stream(let reader) = request.body { keptReader.withLock { $0 = reader } }
            return .now(Response(status: 204))
        case "/kept":
            // Reads the body of the request before; its own is left alone.
            return .later {
                let reader = self.keptReader.withLock { $0 }
                do {
                    _ = try await reader?.next()
                    return Response(status: 500)
                } catch {
                    return Response(status: 200, body: .bytes(Array("\(error)".utf8)))
                }
            }
        case "/ignore": return .now(Response(status: 200, body: .bytes(Array("ignored".utf8))))
        case "/download", "/chunked":
            let isChunked = request.head.path.elementsEqual("/chunked".utf8)
            let writer = PatternWriter(
                total: query["bytes"] ?? 0, part: query["part"] ?? 65_536, isChunked: isChunked, failsAfter: query["fail"])
            return .now(Response(status: 200, body: .stream(writer)))
        default: return .now(Response(status: 404))
        }
    }

    /// Checks the pattern of a streamed body and answers its length.
    private func sum(_ body: RequestBody) async -> Response {
        guard case .stream(let reader) = body else { return Response(status: 400) }
        var count = 0
        do {
            while let part = try await reader.next() {
                guard part == Pattern.bytes(count..<(count + part.count)) else { return Response(status: 400) }
                count += part.count
                bodyBytesRead.withLock { $0 = count }
            }
        } catch {
            seenAborts.withLock { $0 += 1 }
            return Response(status: 400)
        }
        return Response(status: 200, body: .bytes(Array(String(count).utf8)))
    }
}

/// A running server, stopped at the end of its scope.
final class TestServer: Sendable {
    let server: Server
    let application: TestApplication
    let identities: [Identity]
    let tickets: TicketKeys
    private static let blocking = try? WorkerPool(name: "client", threads: 32)

    init(
        hosts: [[String]] = [["localhost"]], isSecure: Bool = true, loops: Int = 1, limits: Limits = Limits(),
        connectionLimit: Int? = nil, perAddress: Int = 2000
    ) throws {
        application = try TestApplication()
        identities = try hosts.map { try Identity.selfSigned(hosts: $0, days: 10, world: .system) }
        tickets = TicketKeys(world: .system)
        let tls = isSecure ? try TLSContext(identities: identities, tickets: tickets) : nil
        let address = try #require(SocketAddress("127.0.0.1:0"))
        let configuration = Server.Configuration(
            listen: [address], loops: loops, tls: tls, limits: limits, connectionLimit: connectionLimit,
            connectionLimitPerAddress: perAddress)
        server = try Server(
            configuration: configuration, application: application,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try server.start()
    }

    var address: SocketAddress { server.boundAddresses[0] }

    /// Runs blocking client code on a thread of its own, then stops the server.
    func run<T: Sendable>(_ body: @escaping @Sendable (TestServer) throws -> T) async throws -> T {
        defer { server.stop() }
        return try await onThread { try body(self) }
    }

    func onThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        let pool = try #require(TestServer.blocking)
        return try await pool.run { () throws(any Error) -> T in try body() }
    }

    func client(tls: ClientTLS? = .modern) throws -> TestClient { try TestClient(address, tls: tls) }
}

/// Waits for a condition, at most a minute.
func eventually(_ condition: () -> Bool) throws {
    for _ in 0..<60_000 {
        if condition() { return }
        usleep(1000)
    }
    throw ClientError("the condition never came true")
}
