import Domain
import Glibc
import Persistence
import Platform
import Synchronization

/// A record with every sort of index, stored under a kind of the product.
struct Item: Resource, Equatable {
    static let kind = ResourceKind.folder
    static let indexes: [Index<Item>] = [
        Index("name", unique: true) { [$0.name] },
        Index("shelf") { [$0.shelf] },
        Index("tag") { $0.tags },
    ]

    let id: Identifier<Item>
    var name: String
    var shelf: String
    var tags: [String] = []
}

/// A record without indexes.
struct Note: Resource, Equatable {
    static let kind = ResourceKind.setting
    static let indexes: [Index<Note>] = []

    let id: Identifier<Note>
    var text: String
}

/// A clock that moves by a millisecond whenever it is read.
final class CountingClock: Clock {
    private let reads = Atomic<Int64>(1_000_000)

    var wallMilliseconds: Int64 { reads.wrappingAdd(1, ordering: .relaxed).newValue }
    var monotonicNanoseconds: UInt64 { UInt64(wallMilliseconds) * 1_000_000 }
}

/// Reproducible numbers: SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

final class SeededRandomness: Randomness {
    private let generator: Mutex<SeededGenerator>

    init(seed: UInt64) { generator = Mutex(SeededGenerator(seed: seed)) }

    func fill(_ bytes: UnsafeMutableRawBufferPointer) {
        generator.withLock { generator in
            for position in bytes.indices { bytes[position] = UInt8.random(in: 0...255, using: &generator) }
        }
    }
}

extension World {
    static var test: World { World(clock: CountingClock(), randomness: SeededRandomness(seed: 1)) }
}

extension Schema {
    static let test = Schema([Item.self, Note.self])
}

extension Call {
    static func test(_ operation: String = "create", user: String? = "ann@vsphere.local") -> Call {
        Call(
            user: user, session: Identifier("session-1"), requestID: "request-\(operation)", operationID: "op-7",
            service: "com.vmware.vcenter.VM", operation: operation, peer: "192.0.2.1",
            receivedAt: Timestamp(milliseconds: 1))
    }
}

extension Identifier: ExpressibleByUnicodeScalarLiteral, ExpressibleByExtendedGraphemeClusterLiteral,
    ExpressibleByStringLiteral
{
    public init(stringLiteral value: String) { self.init(value) }
}

extension Item {
    init(_ id: String, name: String? = nil, shelf: String = "a", tags: [String] = []) {
        self.init(id: Identifier(id), name: name ?? "name of \(id)", shelf: shelf, tags: tags)
    }
}

/// A directory that goes away with the object; in memory where the system has such a place, for these tests sync a lot.
final class ScratchDirectory: Sendable {
    let path: String

    init() throws {
        let parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
        var template = Array("\(parent)/viaduct-persistence-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw LogError.unavailable("no scratch directory") }
        path = template.withUnsafeBufferPointer { buffer in
            String(decoding: buffer.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }

    deinit {
        for name in names { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    var names: [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }
}

func readFile(_ path: String) throws -> [UInt8] {
    guard let file = fopen(path, "rb") else { throw LogError.unavailable("cannot read \(path)") }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = fread(&chunk, 1, chunk.count, file)
        if count == 0 { return bytes }
        bytes += chunk.prefix(count)
    }
}

func writeFile(_ path: String, _ bytes: ArraySlice<UInt8>) throws {
    guard let file = fopen(path, "wb") else { throw LogError.unavailable("cannot write \(path)") }
    defer { fclose(file) }
    let written = bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
    guard written == bytes.count else { throw LogError.unavailable("cannot write \(path)") }
}

/// The type of fault that `work` throws; `nil` if it throws none.
func fault<Success>(_ work: () async throws(Fault) -> Success) async -> FaultType? {
    do throws(Fault) {
        _ = try await work()
        return nil
    } catch {
        return error.type
    }
}

/// Whether the long forms of tests are asked for.
let isLongRun = getenv("VIADUCT_LONG") != nil

/// Lets another thread run.
func yieldThread() { sched_yield() }
