/// Takes the chunked coding off a body. Trailer fields are checked and dropped.
///
/// Line ends are CR LF only, sizes are hexadecimal digits and nothing else, and extensions may not hold control
/// characters: those are the places where two readers of one body come to disagree. Source: RFC 9112 §7.1.
struct ChunkedDecoder: Sendable {
    enum Verdict {
        case more
        /// The body has reached the bound it was given, and more is to come.
        case full
        case complete
        case refused(Refusal)
    }

    private enum State {
        /// In the size; so many digits read, zeros included.
        case size(digits: Int)
        /// Blanks after the size, which only an extension may follow.
        case blanks
        case chunkExtension
        case sizeLineFeed
        case data
        case dataReturn
        case dataLineFeed
        case trailerStart
        case trailerName
        case trailerValue
        case trailerLineFeed
        case lastLineFeed
    }

    private var state = State.size(digits: 0)
    /// Of the current chunk.
    private var remaining: UInt64 = 0
    /// Bytes of extensions and trailer fields so far.
    private var overhead = 0

    init() {}

    /// Appends what is decoded to `body` until that holds `bound` bytes, and moves `input` past what was used.
    mutating func decode(
        _ input: inout UnsafeRawBufferPointer, into body: inout [UInt8], bound: Int, overheadLimit: Int
    ) -> Verdict {
        var index = 0
        defer { input = UnsafeRawBufferPointer(rebasing: input[index...]) }
        while index < input.count {
            if case .data = state {
                let room = bound &- body.count
                if room <= 0 { return .full }
                let count = Int(min(remaining, UInt64(min(room, input.count &- index))))
                body.append(contentsOf: UnsafeRawBufferPointer(rebasing: input[index..<(index &+ count)]))
                index &+= count
                remaining &-= UInt64(count)
                if remaining == 0 { state = .dataReturn }
                continue
            }
            let byte = input[index]
            index &+= 1
            if case .lastLineFeed = state, byte == Characters.lineFeed { return .complete }
            if let refusal = step(byte) { return .refused(refusal) }
            if overhead > overheadLimit {
                return .refused(Refusal(431, "The chunk extensions and trailer fields are too long."))
            }
        }
        return .more
    }

    /// One byte of framing.
    private mutating func step(_ byte: UInt8) -> Refusal? {
        switch state {
        case .size(let digits): return stepSize(byte, digits)
        case .blanks: return stepBlanks(byte)
        case .chunkExtension: return stepLine(byte, end: .sizeLineFeed)
        case .sizeLineFeed: return expect(byte, Characters.lineFeed, then: remaining == 0 ? .trailerStart : .data)
        case .data: return nil
        case .dataReturn: return expect(byte, Characters.carriageReturn, then: .dataLineFeed)
        case .dataLineFeed: return expect(byte, Characters.lineFeed, then: .size(digits: 0))
        case .trailerStart:
            if byte == Characters.carriageReturn { return expect(byte, byte, then: .lastLineFeed) }
            return stepName(byte, isFirst: true)
        case .trailerName: return stepName(byte, isFirst: false)
        case .trailerValue: return stepLine(byte, end: .trailerLineFeed)
        case .trailerLineFeed: return expect(byte, Characters.lineFeed, then: .trailerStart)
        case .lastLineFeed: return expect(byte, Characters.lineFeed, then: .lastLineFeed)
        }
    }

    private mutating func stepSize(_ byte: UInt8, _ digits: Int) -> Refusal? {
        if let digit = Characters.hexadecimal(byte) {
            // Sixteen digits with zeros in front, and a value that fits 63 bits.
            guard digits < 16, remaining >> 59 == 0 else { return Refusal(400, "A chunk size is too large.") }
            if digits == 0 { remaining = 0 }
            remaining = remaining << 4 | UInt64(digit)
            state = .size(digits: digits + 1)
            return nil
        }
        guard digits > 0 else { return Self.badFraming }
        state = .blanks
        return stepBlanks(byte, isAfterDigit: true)
    }

    private mutating func stepBlanks(_ byte: UInt8, isAfterDigit: Bool = false) -> Refusal? {
        switch byte {
        case Characters.carriageReturn where isAfterDigit: state = .sizeLineFeed
        case UInt8(ascii: ";"):
            overhead += 1
            state = .chunkExtension
        case Characters.space, Characters.tab: overhead += 1
        default: return Self.badFraming
        }
        return nil
    }

    /// The rest of a line whose content does not matter.
    private mutating func stepLine(_ byte: UInt8, end: State) -> Refusal? {
        overhead += 1
        if byte == Characters.carriageReturn {
            state = end
            return nil
        }
        return Characters.isControl(byte) ? Self.badFraming : nil
    }

    private mutating func stepName(_ byte: UInt8, isFirst: Bool) -> Refusal? {
        overhead += 1
        if byte == UInt8(ascii: ":"), !isFirst {
            state = .trailerValue
            return nil
        }
        state = .trailerName
        return CharacterSet.token.contains(byte) ? nil : Refusal(400, "A trailer field has no valid name.")
    }

    private mutating func expect(_ byte: UInt8, _ expected: UInt8, then next: State) -> Refusal? {
        state = next
        return byte == expected ? nil : Self.badFraming
    }

    private static let badFraming = Refusal(400, "The chunked framing is broken.")
}

/// How the end of a request body is found. Source: RFC 9112 §6.3.
enum BodyDecoder: Sendable {
    case complete
    case length(remaining: UInt64)
    case chunked(ChunkedDecoder)

    var isComplete: Bool {
        if case .complete = self { return true }
        return false
    }

    /// Known length still to come; `nil` with chunked coding.
    var remaining: UInt64? {
        switch self {
        case .complete: 0
        case .length(let remaining): remaining
        case .chunked: nil
        }
    }

    /// As `ChunkedDecoder.decode`.
    mutating func decode(
        _ input: inout UnsafeRawBufferPointer, into body: inout [UInt8], bound: Int, overheadLimit: Int
    ) -> ChunkedDecoder.Verdict {
        switch self {
        case .complete: return .complete
        case .length(let remaining):
            let room = bound - body.count
            let count = Int(min(remaining, UInt64(max(0, min(room, input.count)))))
            body.append(contentsOf: UnsafeRawBufferPointer(rebasing: input[..<count]))
            input = UnsafeRawBufferPointer(rebasing: input[count...])
            if remaining == UInt64(count) {
                self = .complete
                return .complete
            }
            self = .length(remaining: remaining - UInt64(count))
            return room == count ? .full : .more
        case .chunked(var decoder):
            let verdict = decoder.decode(&input, into: &body, bound: bound, overheadLimit: overheadLimit)
            self = .chunked(decoder)
            if case .complete = verdict { self = .complete }
            return verdict
        }
    }
}
