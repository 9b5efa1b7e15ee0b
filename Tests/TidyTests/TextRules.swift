/// Rules on what prose, comments and scripts say.
enum TextRules {
    /// Marks of unfinished work. Written in halves so that this file does not contain them.
    static let markers = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK", "NO" + "COMMIT", "for" + " now"]

    /// Paths of somebody's machine, and words that praise instead of telling.
    static let unwanted = [
        "/wo" + "rk/", "/ho" + "me/", "/Us" + "ers/", "sha" + "red/", "blazing" + "ly", "seam" + "less", "cutting" + "-edge",
        "enterprise" + "-grade", "world" + "-class", "state" + " of the art", "game" + "-changing",
    ]

    /// In Swift, comments alone are read: `for now in moments` is code.
    static func leftovers(in file: TextFile) -> [Violation] {
        let lines = file.isSwift ? file.source.comments : file.lines.map(String.init)
        return lines.enumerated().flatMap { index, line in
            let text = line.replacing("now and then", with: "")
            return markers.filter { text.range(ofWord: $0) != nil }.map {
                Violation(path: file.path, line: index + 1, message: "`\($0)`: finish it, or file an issue and drop the mark")
            }
        }
    }

    static func unwantedWords(in file: TextFile) -> [Violation] {
        file.lines.enumerated().flatMap { index, line in
            unwanted.filter { $0.hasPrefix("/") ? line.contains($0) : line.lowercased().contains($0.lowercased()) }.map {
                Violation(path: file.path, line: index + 1, message: "`\($0)` does not belong into the project")
            }
        }
    }

    /// A document starts with its title and has no second one.
    static func titles(in file: TextFile) -> [Violation] {
        var fenced = false
        var titles: [Int] = []
        for (index, line) in file.lines.enumerated() {
            if line.hasPrefix("```") { fenced.toggle() }
            if !fenced, line.hasPrefix("# ") { titles.append(index + 1) }
        }
        if titles.first != 1 {
            return [Violation(path: file.path, line: 1, message: "the first line of a document is its title, `# …`")]
        }
        return titles.dropFirst().map { Violation(path: file.path, line: $0, message: "a document has one title") }
    }

    /// Targets of links within the repository, relative to the document, with the line (from 1) of each.
    static func links(in file: TextFile) -> [(target: String, line: Int)] {
        file.lines.enumerated().flatMap { index, line in
            line.ranges(of: "](").compactMap { range in
                let target = line[range.upperBound...].prefix { $0 != ")" && $0 != "#" }
                return target.isEmpty || target.contains("://") ? nil : (String(target), index + 1)
            }
        }
    }

    /// The rows of a document's tables, or of those between two markers.
    static func tableRows(of text: String, from begin: String = "", to end: String = "") -> [Substring] {
        let from = begin.isEmpty ? text.startIndex : text.firstRange(of: begin)?.upperBound ?? text.endIndex
        let rest = text[from...]
        let to = end.isEmpty ? rest.endIndex : rest.firstRange(of: end)?.lowerBound ?? rest.startIndex
        return rest[..<to].split(separator: "\n").filter { $0.hasPrefix("|") }
    }

    /// Names of the verbs that a command line program declares: `commandName`, or else the type's name as
    /// ArgumentParser writes it (`CheckData` becomes `check-data`).
    static func commandNames(in files: [TextFile]) -> [String] {
        files.flatMap { file in
            var names: [String] = []
            // Of the command around the one at hand, with a space; empty at the outermost level.
            var (outer, prefix) = ("", "")
            for line in file.lines {
                if let type = commandType(String(line)) {
                    prefix = line.hasPrefix(" ") ? outer : ""
                    names.append(prefix + kebab(type))
                } else if let found = line.firstRange(of: "commandName: \""), !names.isEmpty {
                    names[names.count - 1] = prefix + String(line[found.upperBound...].prefix { $0 != "\"" })
                } else {
                    continue
                }
                if prefix.isEmpty { outer = (names.last ?? "") + " " }
            }
            return names
        }
    }

    /// `Serve` for `struct Serve: AsyncParsableCommand {`.
    private static func commandType(_ line: String) -> String? {
        guard line.contains("ParsableCommand"), let found = line.firstRange(of: "struct ") else { return nil }
        return String(line[found.upperBound...].prefix { $0.isLetter || $0.isNumber })
    }

    private static func kebab(_ name: String) -> String {
        name.enumerated().reduce(into: "") { text, item in
            if item.offset > 0, item.element.isUppercase { text += "-" }
            text += item.element.lowercased()
        }
    }

    /// - Returns: the commands, out of `program verb`, that `readme` does not mention.
    static func unmentioned(_ commands: [String], in readme: String) -> [String] {
        commands.filter { !readme.contains($0) }
    }
}
