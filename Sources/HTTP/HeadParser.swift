/// Finds the head of a request in bytes that may still be arriving. Pure: no socket, no clock.
///
/// `parse` is called with all bytes since the beginning of the request, each time with more of them, until it answers
/// something else than `.more`. It looks at every byte once, however finely they drip in, and holds no pointer between
/// calls. The verdict depends on the bytes alone, never on how they were cut.
///
/// Strict where two parties could read one message in two ways: line ends are CR LF only, no control characters, no
/// folded lines, no space before a colon. Source: RFC 9112 §2.2, §3, §5, §11.2.
struct HeadParser: Sendable {
    enum Verdict {
        /// Nothing wrong so far, and no end.
        case more
        /// The head takes so many bytes, with the empty line that ends it.
        case complete(bytes: Int)
        case refused(Refusal)
    }

    /// Where the line begins that is not complete yet.
    private var lineStart = 0
    /// No control character lies between `lineStart` and here.
    private var scanned = 0
    /// Where the field lines begin; 0 before the request line is complete.
    private var sectionStart = 0
    private var line = RequestLine()
    private var fields: [FieldRange] = []
    private(set) var facts = HeadFacts()

    init() {}

    /// Some bytes of the current head have been seen.
    var hasBegun: Bool { scanned > 0 }

    mutating func parse(_ bytes: UnsafeRawBufferPointer, _ limits: Limits) -> Verdict {
        while true {
            scanned = Characters.firstControl(in: bytes, from: scanned)
            if let refusal = excess(limits) { return .refused(refusal) }
            guard scanned < bytes.count else { return .more }
            guard bytes[scanned] == Characters.carriageReturn else {
                return .refused(Refusal(400, "A line holds a control character or ends without CR."))
            }
            guard scanned &+ 1 < bytes.count else { return .more }
            guard bytes[scanned &+ 1] == Characters.lineFeed else {
                return .refused(Refusal(400, "A line holds a CR."))
            }
            let range = lineStart..<scanned
            lineStart = scanned &+ 2
            scanned = lineStart
            if sectionStart == 0 {
                if let refusal = takeRequestLine(bytes, range) { return .refused(refusal) }
            } else if range.isEmpty {
                if let refusal = facts.conflict(in: bytes, version: line.version) { return .refused(refusal) }
                return .complete(bytes: lineStart)
            } else if let refusal = takeField(bytes, range, limits) {
                return .refused(refusal)
            }
        }
    }

    /// The head after `.complete`; the parser is then ready for the next request.
    ///
    /// - Parameter bytes: as given to `parse`.
    mutating func takeHead(_ bytes: UnsafeRawBufferPointer) -> RequestHead {
        let end = lineStart
        if !line.authority.isEmpty { replaceHost() }
        // An absolute target without a path means the root, or for OPTIONS the server: RFC 9112 §3.2.1, §3.2.4.
        let path = line.path.isEmpty ? end..<(end + 1) : line.path
        let storage = [UInt8](unsafeUninitializedCapacity: end + 1) { buffer, count in
            UnsafeMutableRawBufferPointer(buffer).copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<end]))
            buffer[end] = line.method == .options ? UInt8(ascii: "*") : UInt8(ascii: "/")
            for field in fields {
                for index in field.name { buffer[index] = Characters.lowercased(buffer[index]) }
            }
            count = line.path.isEmpty ? end + 1 : end
        }
        let head = RequestHead(
            method: line.method, version: line.version, storage: storage,
            pathStart: UInt32(truncatingIfNeeded: path.lowerBound), pathEnd: UInt32(truncatingIfNeeded: path.upperBound),
            queryStart: UInt32(truncatingIfNeeded: line.query.lowerBound),
            queryEnd: UInt32(truncatingIfNeeded: line.query.upperBound), fields: fields)
        self = HeadParser()
        return head
    }

    /// The line read so far is longer than allowed, whatever follows.
    private func excess(_ limits: Limits) -> Refusal? {
        if sectionStart == 0 {
            return scanned &- lineStart > limits.requestLineBytes ? Refusal(414, "The request line is too long.") : nil
        }
        guard scanned > lineStart, scanned &+ 2 &- sectionStart > limits.fieldSectionBytes else { return nil }
        return Refusal(431, "The header fields are too long.")
    }

    private mutating func takeRequestLine(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Refusal? {
        // One empty line before a request is forgiven, as some clients send one after a body: RFC 9112 §2.2.
        if range.isEmpty {
            return range.lowerBound == 0 ? nil : Refusal(400, "The request line is empty.")
        }
        do throws(Refusal) {
            line = try RequestLine(bytes, range)
        } catch {
            return error
        }
        sectionStart = lineStart
        return nil
    }

    private mutating func takeField(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ limits: Limits) -> Refusal? {
        if fields.count >= limits.fieldCount { return Refusal(431, "There are too many header fields.") }
        guard let colon = FieldLine.colon(bytes, range) else {
            return Refusal(400, "A header field has no valid name.")
        }
        if fields.isEmpty { fields.reserveCapacity(16) }
        let name = range.lowerBound..<colon
        let value = Characters.trimmed(bytes, (colon &+ 1)..<range.upperBound)
        fields.append(FieldRange(name: name, value: value))
        facts.note(bytes, name: name, value: value)
        return nil
    }

    /// Puts the authority of an absolute target in the place of the `Host` value. Source: RFC 9112 §3.2.2.
    private mutating func replaceHost() {
        guard facts.hostCount == 1 else { return }
        for index in fields.indices where fields[index].value == facts.host {
            fields[index] = FieldRange(name: fields[index].name, value: line.authority)
        }
    }
}

/// The grammar shared by header and trailer fields.
enum FieldLine {
    /// Where the colon lies after a name that is a token; `nil` if the line does not begin so. A folded line or a space
    /// before the colon fails here. Source: RFC 9112 §5.1, §5.2.
    @inline(__always)
    static func colon(_ bytes: UnsafeRawBufferPointer, _ line: Range<Int>) -> Int? {
        var index = line.lowerBound
        while index < line.upperBound, CharacterSet.token.contains(bytes[index]) { index &+= 1 }
        guard index > line.lowerBound, index < line.upperBound, bytes[index] == UInt8(ascii: ":") else { return nil }
        return index
    }
}
