#if !STANDALONE_FUZZ
@testable import HTTP
#endif

/// Sends bytes through a real connection and says what came of the first request, in the words of the reference.
enum ParserDriver {
    /// - Parameter cuts: where the bytes are cut, ascending.
    static func outcome(of bytes: [UInt8], cuts: [Int], _ context: inout ConnectionContext) -> ReferenceOutcome {
        var connection = ServerConnection(isSecure: false, context, at: 0)
        context.output.removeAll()
        var start = 0
        for end in cuts + [bytes.count] {
            let piece = Array(bytes[start..<end])
            start = end
            let outcome = piece.withUnsafeBytes { piece in
                var input = UnsafeRawBufferPointer(piece)
                return step(&connection, &input, fed: end, &context)
            }
            if outcome != .more { return outcome }
        }
        return .more
    }

    private static func step(
        _ connection: inout ServerConnection, _ input: inout UnsafeRawBufferPointer, fed: Int,
        _ context: inout ConnectionContext
    ) -> ReferenceOutcome {
        while true {
            switch connection.next(&input, &context, at: 0) {
            case .wait: return .more
            case .decide: connection.decide(.collect(limit: ReferenceParser.bodyLimit), &context, at: 0)
            case .respond(let head, let body):
                var message = described(head)
                if case .bytes(let bytes) = body { message.body = bytes }
                message.isPersistent = connection.isPersistent
                message.consumed = fed - input.count - (connection.held.count - connection.heldStart)
                return .complete(message)
            case .halfClose: return .refused(lastStatus(context.output.bytes))
            case .flush, .bodyProgress, .close, .abort: return .refused(-1)
            }
        }
    }

    static func described(_ head: RequestHead) -> ReferenceMessage {
        var message = ReferenceMessage()
        message.method = "\(head.method)".uppercased()
        message.minorVersion = head.version == .http11 ? 1 : 0
        message.path = Array(head.path)
        message.query = Array(head.query)
        message.names = head.allFields.map { Array($0.name) }
        message.values = head.allFields.map { Array($0.value) }
        return message
    }

    /// Of the last response in some output of responses with small bodies.
    static func lastStatus(_ output: UnsafeRawBufferPointer) -> Int {
        let mark = Array("HTTP/1.1 ".utf8)
        var index = output.count - mark.count - 3
        while index >= 0 {
            // A phrase may hold the mark too, but not at the beginning of a line.
            if index == 0 || output[index - 1] == 10, output[index..<(index + mark.count)].elementsEqual(mark) {
                let digits = output[(index + mark.count)..<(index + mark.count + 3)]
                return digits.reduce(0) { $0 * 10 + Int($1) - 48 }
            }
            index -= 1
        }
        return 0
    }
}
