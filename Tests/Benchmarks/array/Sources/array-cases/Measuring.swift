import Glibc
import Platform
import Synchronization

/// Wall clock and processor time of a piece of work, in nanoseconds.
struct Cost {
    var wall: UInt64 = 0
    /// Of the thread that did the work.
    var thread: UInt64 = 0
    /// Of all threads, those of the pool included.
    var process: UInt64 = 0

    static var now: Cost {
        Cost(
            wall: read(CLOCK_MONOTONIC), thread: read(CLOCK_THREAD_CPUTIME_ID), process: read(CLOCK_PROCESS_CPUTIME_ID))
    }

    static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    static func of(_ body: () throws -> Void) rethrows -> Cost {
        let began = now
        try body()
        let ended = now
        return Cost(
            wall: ended.wall - began.wall, thread: ended.thread - began.thread, process: ended.process - began.process)
    }
}

extension UInt64 {
    var microseconds: Double { Double(self) / 1e3 }
    var milliseconds: Double { Double(self) / 1e6 }
    var seconds: Double { Double(self) / 1e9 }
}

extension [UInt64] {
    var median: UInt64 { isEmpty ? 0 : sorted()[count / 2] }
    var ninth: UInt64 { isEmpty ? 0 : sorted()[count * 9 / 10] }
}

/// A number with so many digits that three count.
func text(_ value: Double) -> String {
    let decimals = value >= 100 ? 0 : value >= 10 ? 1 : 2
    var buffer = [CChar](repeating: 0, count: 64)
    let count = withVaList([decimals, value]) { vsnprintf(&buffer, buffer.count, "%.*f", $0) }
    return String(decoding: buffer.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// One line of the report.
enum Report {
    static func line(_ name: String, _ what: String, _ figure: String, target: String = "", met: Bool? = nil) {
        let verdict = met.map { $0 ? "met" : "MISSED" } ?? ""
        let columns = [pad(name, 5), pad(what, 58), pad(figure, 44), pad(target, 22), verdict]
        print(columns.joined(separator: " ").trimmedRight)
        fflush(nil)
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}

extension String {
    fileprivate var trimmedRight: String {
        guard let last = lastIndex(where: { $0 != " " }) else { return "" }
        return String(self[...last])
    }
}

/// Numbers that look random and are the same in every run.
struct Generator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func next(below limit: UInt64) -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state % limit
    }
}

/// Runs a body on several threads at once for a time; returns what each counted.
///
/// - Parameter body: gets the thread's number and says, when asked to go on, what it did.
func together(
    threads: Int, seconds: Double, _ body: @escaping @Sendable (Int, @Sendable () -> Bool) -> Int
) throws -> (counts: [Int], cost: Cost) {
    let counts = Counts(threads)
    let cost = try Cost.of {
        let end = Cost.read(CLOCK_MONOTONIC) + UInt64(seconds * 1e9)
        var running: [SystemThread] = []
        for number in 0..<threads {
            running.append(
                try SystemThread(name: "benchmark-\(number)") {
                    counts.set(number, body(number) { Cost.read(CLOCK_MONOTONIC) < end })
                })
        }
        for thread in running { thread.join() }
    }
    return (counts.all, cost)
}

private final class Counts: Sendable {
    private let counts: Mutex<[Int]>
    init(_ count: Int) { counts = Mutex([Int](repeating: 0, count: count)) }
    func set(_ index: Int, _ value: Int) { counts.withLock { $0[index] = value } }
    var all: [Int] { counts.withLock { $0 } }
}

/// Bytes of memory that outlive a closure.
final class Memory: @unchecked Sendable {
    // Only the thread that made it uses it.
    let bytes: UnsafeMutableRawBufferPointer

    init(_ count: Int) {
        bytes = .allocate(byteCount: count, alignment: 4096)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { bytes.deallocate() }

    var readable: UnsafeRawBufferPointer { UnsafeRawBufferPointer(bytes) }

    func fill(_ generator: inout Generator) {
        for offset in stride(from: 0, to: bytes.count, by: 8) {
            bytes.storeBytes(of: generator.next(below: .max), toByteOffset: offset, as: UInt64.self)
        }
    }
}

/// Resident memory of this process, in bytes.
func residentBytes() -> UInt64 {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
    let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let fields = text.split(separator: " ")
    return fields.count > 1 ? (UInt64(fields[1]) ?? 0) * UInt64(sysconf(Int32(_SC_PAGESIZE))) : 0
}
