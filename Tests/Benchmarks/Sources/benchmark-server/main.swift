// benchmark-server PORT CERTIFICATE KEY [LOOPS]: answers the files of the measurement from memory.
import Cryptography
import Glibc
import HTTP
import Logging
import Platform
import Serving
import Sockets
import Synchronization

struct FixedAnswers: Application {
    let small: [UInt8]
    let list: [UInt8]

    func policy(for head: RequestHead) -> BodyPolicy { .stream }

    func respond(to request: Request) -> Reply {
        let path = request.head.path
        if path.elementsEqual("/small".utf8) { return .now(json(small)) }
        if path.elementsEqual("/list".utf8) { return .now(json(list)) }
        if path.elementsEqual("/later".utf8) { return .later { json(small) } }
        if path.elementsEqual("/stream".utf8) {
            return .now(Response(status: 200, fields: [("Content-Type", "application/octet-stream")], body: .stream(Zeros())))
        }
        return .now(Response(status: 404))
    }

    private func json(_ bytes: [UInt8]) -> Response {
        Response(status: 200, fields: [("Content-Type", "application/json")], body: .bytes(bytes))
    }
}

/// 4 GiB from memory.
final class Zeros: BodyWriter {
    static let part = [UInt8](repeating: 0, count: 256 * 1024)
    let length: UInt64? = 4 << 30
    private let rest = Atomic<UInt64>(4 << 30)

    func next() async -> [UInt8]? {
        if rest.load(ordering: .relaxed) == 0 { return nil }
        rest.subtract(UInt64(Zeros.part.count), ordering: .relaxed)
        return Zeros.part
    }
}

func read(_ path: String) -> [UInt8] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 22)
    let count = fread(&bytes, 1, bytes.count, file)
    return Array(bytes.prefix(count))
}

func serve() async throws {
    let arguments = CommandLine.arguments
    guard arguments.count >= 6, let address = SocketAddress("127.0.0.1:\(arguments[1])") else {
        print("usage: benchmark-server PORT CERTIFICATE KEY SMALL-FILE LIST-FILE [LOOPS]")
        exit(2)
    }
    let identity = try Identity.load(certificatePath: arguments[2], keyPath: arguments[3])
    let tls = try TLSContext(identities: [identity], tickets: TicketKeys(world: .system))
    let loops = arguments.count > 6 ? Int(arguments[6]) ?? 1 : 1
    let configuration = Server.Configuration(
        listen: [address], loops: loops, tls: tls, connectionLimitPerAddress: 1_000_000)
    let application = FixedAnswers(small: read(arguments[4]), list: read(arguments[5]))
    let server = try Server(configuration: configuration, application: application, logger: Logger(label: "benchmark"))
    try server.start()
    while true { try await Task.sleep(for: .seconds(3600)) }
}

try await serve()
