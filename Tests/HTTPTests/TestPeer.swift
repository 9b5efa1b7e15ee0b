@testable import HTTP

/// A connection with a client of text at its other end and a clock that is set by hand.
final class TestPeer {
    enum Event: Equatable {
        case decide(String)
        /// Path and collected body.
        case respond(String, String)
        case stream(String)
        case progress
        case flush
        case halfClose
        case close
        case abort
    }

    var connection: ServerConnection
    var context: ConnectionContext
    /// Seconds.
    var now: Double = 100
    var policy = BodyPolicy.collect(limit: 100)
    /// Given at once to every request, unless `nil`.
    var answer: Response? = Response(status: 200, body: .bytes(Array("hi".utf8)))

    init(isSecure: Bool = false, limits: Limits = Limits()) {
        context = ConnectionContext(limits: limits, outputCapacity: 256)
        connection = ServerConnection(isSecure: isSecure, context, at: 100_000_000_000)
    }

    var nanoseconds: UInt64 { UInt64(now * 1_000_000_000) }

    /// Seconds from now; `nil` for never.
    var deadline: Double? {
        connection.deadline == .max ? nil : (Double(connection.deadline) / 1_000_000_000 - now)
    }

    var wantsInput: Bool { connection.wantsInput }
    var isIdle: Bool { connection.isIdle }
    var heldBytes: Int { connection.held.count - connection.heldStart }

    @discardableResult
    func send(_ text: String) -> [Event] { send(Array(text.utf8)) }

    @discardableResult
    func send(_ bytes: [UInt8]) -> [Event] {
        var events: [Event] = []
        isPaused = false
        bytes.withUnsafeBytes { bytes in
            var input = UnsafeRawBufferPointer(bytes)
            while let event = step(&input) { events.append(event) }
        }
        return events
    }

    private var isOver = false
    private var isPaused = false

    private func step(_ input: inout UnsafeRawBufferPointer) -> Event? {
        if isOver || isPaused { return nil }
        switch connection.next(&input, &context, at: nanoseconds) {
        case .wait: return nil
        // The loop would send now; the test does that with `output`, and asks again.
        case .flush:
            isPaused = true
            return .flush
        case .decide(let head):
            connection.decide(policy, &context, at: nanoseconds)
            return .decide(String(decoding: head.path, as: UTF8.self))
        case .respond(let head, let body):
            if let answer { respond(answer) }
            let path = String(decoding: head.path, as: UTF8.self)
            switch body {
            case .none: return .respond(path, "")
            case .bytes(let bytes): return .respond(path, String(decoding: bytes, as: UTF8.self))
            case .stream: return .stream(path)
            }
        case .bodyProgress: return .progress
        case .halfClose: return .halfClose
        case .close:
            isOver = true
            return .close
        case .abort:
            isOver = true
            return .abort
        }
    }

    @discardableResult
    func respond(_ response: Response) -> ResponseProgress {
        connection.respond(response, &context, at: nanoseconds)
    }

    func read() -> BodyPart { connection.readBody(&context, at: nanoseconds) }

    func readText() -> String {
        switch read() {
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .end: "<end>"
        case .wait: "<wait>"
        case .aborted: "<aborted>"
        }
    }

    /// What was written, taken out, without the `Date` line.
    func output() -> String {
        let text = String(decoding: context.output.bytes, as: UTF8.self)
        context.output.removeAll()
        connection.noteOutput(waitingBytes: 0, context, at: nanoseconds)
        return text.replacing("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n", with: "")
    }

    /// Status of the only response in the output.
    func status() -> Int {
        let status = ParserDriver.lastStatus(context.output.bytes)
        context.output.removeAll()
        return status
    }

    func write(_ text: String) -> Bool { connection.write(Array(text.utf8), &context) }

    func endBody() -> [Event] {
        connection.endBody(&context, at: nanoseconds)
        return send("")
    }

    func expire() -> [Event] {
        connection.expire(&context, at: nanoseconds)
        return send("")
    }

    func endInput() -> [Event] {
        connection.inputEnded()
        return send("")
    }
}
