/// How long files and functions may be.
enum SizeRules {
    static let fileLines = 500
    static let functionLines = 70

    static func longFiles(_ file: TextFile) -> [Violation] {
        let count = file.text.hasSuffix("\n") ? file.lines.count - 1 : file.lines.count
        guard count > fileLines else { return [] }
        return [
            Violation(
                path: file.path, line: count, message: "\(count) lines; split before \(fileLines): one reason per file")
        ]
    }

    static func longFunctions(_ file: TextFile) -> [Violation] {
        functions(in: file).filter { $0.count > functionLines }.map {
            Violation(
                path: file.path, line: $0.line,
                message: "a function of \(functionLines) lines at most, not \($0.count): keep the `switch`, move the arms out"
            )
        }
    }

    /// Where each function, initializer or subscript with a body starts (from 1), and its length in lines.
    static func functions(in file: TextFile) -> [(line: Int, count: Int)] {
        let code = file.source.code
        return code.indices.compactMap { index in
            guard let start = headStart(code[index]) else { return nil }
            var scan = BodyScan(code: code, line: index, column: start)
            return scan.lastLine().map { (index + 1, $0 - index + 1) }
        }
    }

    private static let modifiers: Set<Substring> = [
        "public", "package", "internal", "fileprivate", "private", "static", "class", "final", "mutating", "nonmutating",
        "override", "required", "convenience", "consuming", "borrowing", "nonisolated", "isolated", "async",
    ]

    /// Offset of the declaration's keyword in a line that starts one.
    private static func headStart(_ line: String) -> Int? {
        var rest = line[...]
        while true {
            rest = rest.drop(while: \.isWhitespace)
            let word = rest.prefix { $0.isLetter || $0 == "@" || $0 == "_" }
            if ["func", "init", "deinit", "subscript"].contains(word) {
                return line.distance(from: line.startIndex, to: rest.startIndex)
            }
            guard modifiers.contains(word) || word.hasPrefix("@") else { return nil }
            rest = rest.dropFirst(word.count)
            if rest.first == "(" { rest = rest.drop { $0 != ")" }.dropFirst() }
        }
    }
}

/// Walks from a declaration's keyword to the end of its body.
private struct BodyScan {
    let code: [String]
    let line: Int
    let column: Int

    /// Index of the line with the closing brace; `nil` for a requirement without body.
    mutating func lastLine() -> Int? {
        var round = 0
        var braces = 0
        for row in line..<code.count {
            if row > line, braces == 0, round == 0, startsDeclaration(code[row]) { return nil }
            for character in code[row].dropFirst(row == line ? column : 0) {
                switch character {
                case "(", "[": round += 1
                case ")", "]": round -= 1
                case "{" where round == 0 || braces > 0: braces += 1
                case "}" where braces == 1: return row
                case "}" where braces == 0 && round == 0: return nil
                case "}" where braces > 1: braces -= 1
                default: break
                }
            }
        }
        return nil
    }

    private func startsDeclaration(_ line: String) -> Bool {
        let word = line.drop(while: \.isWhitespace).prefix { $0.isLetter }
        return ["func", "init", "deinit", "subscript", "var", "let", "case", "static", "mutating", "associatedtype"]
            .contains(word)
    }
}
