/// Rules on what the code of one file says.
enum CodeRules {
    struct Ban {
        let call: String
        /// What to write instead.
        let replacement: String
        /// Targets that may use it all the same.
        var except: Set<String> = []
    }

    static let bans: [Ban] = [
        Ban(call: "try!", replacement: "throw, or handle the error"),
        Ban(call: "as!", replacement: "`as?` with a precise error, or a generic parameter"),
        Ban(call: "fatalError(", replacement: "a typed error, or `preconditionFailure` with the broken invariant"),
        Ban(
            call: "Task.detached", replacement: "structured concurrency, or `Task.immediate(executorPreference:)`",
            except: ["Serving", "Assembly", "Sockets"]),
    ]

    static func bannedCalls(in file: TextFile) -> [Violation] {
        file.source.code.enumerated().flatMap { index, line in
            bans.filter { !$0.except.contains(file.target) && line.containsCall($0.call) }.map {
                Violation(path: file.path, line: index + 1, message: "`\($0.call)` is banned: use \($0.replacement)")
            }
        }
    }

    /// `catch { }` with nothing to do in it. One kind of error may be passed over (`catch .notFound { }`) if a comment between
    /// the braces says why.
    static func emptyCatches(in file: TextFile) -> [Violation] {
        let source = file.source
        return source.code.indices.compactMap { index in
            guard let found = source.code[index].range(ofWord: "catch") else { return nil }
            let following = (index + 1)..<min(index + 20, source.code.count)
            let code = ([String(source.code[index][found.upperBound...])] + source.code[following]).joined(separator: "\n")
            guard let open = code.firstIndex(of: "{"),
                let end = code[code.index(after: open)...].firstIndex(where: { !$0.isWhitespace }), code[end] == "}"
            else { return nil }
            let bodyLines = code[open...end].count { $0 == "\n" }
            let isExplained = source.comments[index...(index + bodyLines)].contains { !$0.allSatisfy(\.isWhitespace) }
            if isExplained, code[..<open].contains(where: { !$0.isWhitespace }) { return nil }
            return Violation(
                path: file.path, line: index + 1, message: "an empty `catch` hides errors: handle them, or name the one you pass over")
        }
    }

    /// What switches the compiler's checks off; each use says why on the line before.
    static let escapeHatches = ["@unchecked Sendable", "nonisolated(unsafe)", "unsafeBitCast"]

    static func escapeHatchCount(in file: TextFile) -> Int {
        file.source.code.reduce(0) { sum, line in sum + escapeHatches.filter(line.contains).count }
    }

    static func unexplainedEscapeHatches(in file: TextFile) -> [Violation] {
        let source = file.source
        return source.code.enumerated().compactMap { index, line in
            guard let hatch = escapeHatches.first(where: line.contains) else { return nil }
            if explained(at: index, source) { return nil }
            return Violation(
                path: file.path, line: index + 1, message: "`\(hatch)` needs its reason in a comment on the line before")
        }
    }

    /// A comment on the same line, or directly above, attributes and the head of the same declaration aside.
    private static func explained(at index: Int, _ source: SourceText) -> Bool {
        if !source.comments[index].allSatisfy(\.isWhitespace) { return true }
        var line = index - 1
        while line >= 0 {
            if !source.comments[line].allSatisfy(\.isWhitespace) { return true }
            let code = source.code[line].trimmingPrefix(while: \.isWhitespace)
            guard code.hasPrefix("@") else { return false }
            line -= 1
        }
        return false
    }
}

extension String {
    /// Whether `call` stands here with no identifier character directly before it.
    func containsCall(_ call: String) -> Bool {
        ranges(of: call).contains { range in
            guard range.lowerBound > startIndex else { return true }
            let before = self[index(before: range.lowerBound)]
            return !(before.isLetter || before.isNumber || before == "_")
        }
    }

    /// The first place where `word` stands alone.
    func range(ofWord word: String) -> Range<Index>? {
        ranges(of: word).first { range in
            let before = range.lowerBound > startIndex ? self[index(before: range.lowerBound)] : " "
            let after = range.upperBound < endIndex ? self[range.upperBound] : " "
            return [before, after].allSatisfy { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".") }
        }
    }
}
