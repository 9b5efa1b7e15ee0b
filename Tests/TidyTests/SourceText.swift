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
        var lexer = Lexer(Array(source.unicodeScalars))
        lexer.run()
        code = Self.lines(lexer.code)
        comments = Self.lines(lexer.comments)
    }

    private static func lines(_ scalars: [Unicode.Scalar]) -> [String] {
        scalars.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            var text = String.UnicodeScalarView()
            text.append(contentsOf: line)
            return String(text)
        }
    }
}

/// Writes every scalar of the input to one of two outputs, and a blank (or the line break) to the other.
private struct Lexer {
    private let input: [Unicode.Scalar]
    private var index = 0
    private(set) var code: [Unicode.Scalar] = []
    private(set) var comments: [Unicode.Scalar] = []

    init(_ input: [Unicode.Scalar]) { self.input = input }

    mutating func run() {
        while index < input.count {
            if looking(at: "//") {
                while index < input.count, input[index] != "\n" { take(into: .comments) }
            } else if looking(at: "/*") {
                blockComment()
            } else if let fence = openingFence() {
                string(fence)
            } else {
                take(into: .code)
            }
        }
    }

    private enum Output { case code, comments, neither }

    private mutating func take(_ count: Int = 1, into output: Output) {
        for _ in 0..<count where index < input.count {
            let scalar = input[index]
            let blank: Unicode.Scalar = scalar == "\n" ? "\n" : " "
            code.append(output == .code ? scalar : blank)
            comments.append(output == .comments ? scalar : blank)
            index += 1
        }
    }

    private func looking(at text: String, from offset: Int = 0) -> Bool {
        let wanted = Array(text.unicodeScalars)
        let start = index + offset
        guard start + wanted.count <= input.count else { return false }
        return wanted.indices.allSatisfy { input[start + $0] == wanted[$0] }
    }

    private mutating func blockComment() {
        var depth = 0
        repeat {
            if looking(at: "/*") {
                depth += 1
                take(2, into: .comments)
            } else if looking(at: "*/") {
                depth -= 1
                take(2, into: .comments)
            } else {
                take(into: .comments)
            }
        } while depth > 0 && index < input.count
    }

    private struct Fence {
        var hashes: String
        var quotes: String
    }

    private func openingFence() -> Fence? {
        var count = 0
        while index + count < input.count, input[index + count] == "#" { count += 1 }
        guard looking(at: "\"", from: count) else { return nil }
        let quotes = looking(at: "\"\"\"", from: count) ? "\"\"\"" : "\""
        return Fence(hashes: String(repeating: "#", count: count), quotes: quotes)
    }

    private mutating func string(_ fence: Fence) {
        take(fence.hashes.count + fence.quotes.count, into: .code)
        let closing = fence.quotes + fence.hashes
        let escape = "\\" + fence.hashes
        while index < input.count {
            if looking(at: closing) {
                take(closing.count, into: .code)
                return
            }
            if looking(at: escape + "(") {
                take(escape.count, into: .neither)
                interpolation()
            } else if looking(at: escape) {
                take(escape.count + 1, into: .neither)
            } else if fence.quotes.count == 1, input[index] == "\n" {
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
            if let fence = openingFence() {
                string(fence)
                continue
            }
            if input[index] == "(" { depth += 1 }
            if input[index] == ")" { depth -= 1 }
            take(into: .neither)
        } while depth > 0 && index < input.count
    }
}
