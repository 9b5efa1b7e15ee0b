// What strangers send must not break a line of the log apart, and both forms must stay readable.
import Glibc
import Logging
import Platform
import Testing

struct FixedClock: Platform.Clock {
    var wallMilliseconds: Int64 = 1_767_323_045_678
    var monotonicNanoseconds: UInt64 = 0
}

@Suite struct LogHandlerTests {
    /// Logs through a file and returns its lines.
    func lines(form: LineLogHandler.Form = .json, _ body: (Logger) -> Void) throws -> [String] {
        var template = Array("/tmp/viaduct-log-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        try #require(descriptor >= 0)
        close(descriptor)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unlink(path) }
        let sink = try #require(LogSink(path: path))
        var logger = Logger(label: "api") { label in
            LineLogHandler(component: label, form: form, sink: sink, clock: FixedClock())
        }
        logger[metadataKey: "request"] = "r-1"
        body(logger)
        let file = open(path, O_RDONLY)
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = read(file, &bytes, bytes.count)
        let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        #expect(text.hasSuffix("\n"))
        return text.dropLast().split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    @Test func writesOneObjectPerEntry() throws {
        let lines = try lines { $0.warning("slow commit", metadata: ["milliseconds": .stringConvertible(42), "who": "a\"b"]) }
        #expect(
            lines == [
                #"{"time":"2026-01-02T03:04:05.678Z","level":"warning","component":"api","message":"slow commit","milliseconds":42,"request":"r-1","who":"a\"b"}"#
            ])
    }

    @Test func writesTextForPeople() throws {
        let lines = try lines(form: .text) { $0.info("ready") }
        #expect(lines == [#"2026-01-02T03:04:05.678Z INFO api: ready request="r-1""#])
    }

    @Test(arguments: [LineLogHandler.Form.json, .text])
    func escapesEverythingThatCouldForgeALine(form: LineLogHandler.Form) throws {
        var hostile = ""
        for value in 0..<0xA0 as Range<UInt32> {
            if let scalar = Unicode.Scalar(value) { hostile.unicodeScalars.append(scalar) }
        }
        hostile += "\u{2028}\u{2029}\u{202E}é"
        let lines = try lines(form: form) { $0.info("\(hostile)", metadata: ["agent": .string(hostile), "x\ny": "z"]) }
        #expect(lines.count == 1)
        let bad = lines[0].unicodeScalars.filter { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) || (0x2028...0x202E).contains($0.value) }
        #expect(bad.isEmpty)
        #expect(lines[0].contains("é"))
        #expect(lines[0].contains(#"\u2028\u2029\u202e"#))
        #expect(lines[0].contains(#"\u0000"#))
        #expect(lines[0].contains(#"\u0085"#))
    }

    @Test func cutsLongValues() throws {
        let lines = try lines { $0.info("m", metadata: ["v": .string(String(repeating: "x", count: 300))]) }
        #expect(lines[0].contains("\"" + String(repeating: "x", count: 256) + "…\""))
    }

    @Test func aFieldCannotPretendToBeTheLevel() throws {
        let lines = try lines { $0.info("m", metadata: ["level": "critical"]) }
        #expect(lines[0].contains(#""level_":"critical""#))
    }

    @Test func nestedValuesAreBounded() throws {
        var value: Logger.MetadataValue = "deep"
        for _ in 0..<100 { value = .array([value, .dictionary(["k": value])]) }
        let lines = try lines { $0.info("m", metadata: ["v": value]) }
        #expect(lines[0].utf8.count < 1000)
    }

    @Test func keepsQuietBelowItsLevel() throws {
        let lines = try lines { logger in
            logger.debug("not this")
            logger.error("this")
        }
        #expect(lines.count == 1)
    }
}
