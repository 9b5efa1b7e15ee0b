/// Swift source with comments and string literals told apart from code.
///
/// A small lexer, not a parser: it knows line and nested block comments, string literals with escapes, multi-line and
/// raw strings. What an interpolation contains counts as string, so a rule does not see code in there.
struct SourceText {
    /// Same length in lines as the source; comments and the contents of strings are blank.
    let code: [String]
    /// Same length in lines; only comments, with their markers.
    let comments: [String]

    init(_ source: String) {
        var lexer = Lexer(Array(source.utf8))
        lexer.run()
        code = Self.lines(lexer.code)
        comments = Self.lines(lexer.comments)
    }

    private static func lines(_ bytes: [UInt8]) -> [String] {
        bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
    }
}

/// Writes every byte of the input to one of two outputs, and a blank (or the line break) to the other.
private struct Lexer {
    private static let newline = UInt8(ascii: "\n")
    private static let quote = UInt8(ascii: "\"")
    private static let hash = UInt8(ascii: "#")
    private static let slash = UInt8(ascii: "/")
    private static let star = UInt8(ascii: "*")
    private static let backslash = UInt8(ascii: "\\")

    private let input: [UInt8]
    private var index = 0
    private(set) var code: [UInt8] = []
    private(set) var comments: [UInt8] = []

    init(_ input: [UInt8]) {
        self.input = input
        code.reserveCapacity(input.count)
        comments.reserveCapacity(input.count)
    }

    mutating func run() {
        while index < input.count {
            switch input[index] {
            case Self.slash where next(1) == Self.slash:
                while index < input.count, input[index] != Self.newline { take(into: .comments) }
            case Self.slash where next(1) == Self.star: blockComment()
            case Self.quote, Self.hash:
                if let fence = openingFence() { string(fence) } else { take(into: .code) }
            default: take(into: .code)
            }
        }
    }

    private enum Output { case code, comments, neither }

    private mutating func take(_ count: Int = 1, into output: Output) {
        for _ in 0..<count where index < input.count {
            let byte = input[index]
            let blank = byte == Self.newline ? byte : UInt8(ascii: " ")
            code.append(output == .code ? byte : blank)
            comments.append(output == .comments ? byte : blank)
            index += 1
        }
    }

    private func next(_ offset: Int) -> UInt8? { index + offset < input.count ? input[index + offset] : nil }

    private func count(of byte: UInt8, from offset: Int) -> Int {
        var count = 0
        while next(offset + count) == byte { count += 1 }
        return count
    }

    private mutating func blockComment() {
        var depth = 0
        repeat {
            if next(0) == Self.slash, next(1) == Self.star {
                depth += 1
                take(2, into: .comments)
            } else if next(0) == Self.star, next(1) == Self.slash {
                depth -= 1
                take(2, into: .comments)
            } else {
                take(into: .comments)
            }
        } while depth > 0 && index < input.count
    }

    private struct Fence {
        var hashes: Int
        /// 1 or 3.
        var quotes: Int
    }

    private func openingFence() -> Fence? {
        let hashes = count(of: Self.hash, from: 0)
        let quotes = count(of: Self.quote, from: hashes)
        guard quotes > 0 else { return nil }
        return Fence(hashes: hashes, quotes: quotes >= 3 ? 3 : 1)
    }

    private mutating func string(_ fence: Fence) {
        take(fence.hashes + fence.quotes, into: .code)
        while let byte = next(0) {
            if byte == Self.quote, count(of: Self.quote, from: 0) >= fence.quotes,
                count(of: Self.hash, from: fence.quotes) >= fence.hashes
            {
                take(fence.quotes + fence.hashes, into: .code)
                return
            }
            if byte == Self.backslash, count(of: Self.hash, from: 1) >= fence.hashes {
                take(1 + fence.hashes, into: .neither)
                if next(0) == UInt8(ascii: "(") { interpolation() } else { take(into: .neither) }
            } else if fence.quotes == 1, byte == Self.newline {
                return
            } else {
                take(into: .neither)
            }
        }
    }

    /// Skips `( … )`, strings inside it included.
    private mutating func interpolation() {
        var depth = 0
        repeat {
            if next(0) == Self.quote || next(0) == Self.hash, let fence = openingFence() {
                string(fence)
                continue
            }
            if next(0) == UInt8(ascii: "(") { depth += 1 }
            if next(0) == UInt8(ascii: ")") { depth -= 1 }
            take(into: .neither)
        } while depth > 0 && index < input.count
    }
}
