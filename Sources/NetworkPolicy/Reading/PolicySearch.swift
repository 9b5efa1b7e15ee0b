/// A search: `field:value` with `*`, quotes, `AND`, `OR`, `NOT`, parentheses, `_exists_:field`, values in parentheses.
///
/// Texts are compared without regard to case, whole; a value without a field is looked for within all texts.
public struct PolicySearch: Sendable {
    private indirect enum Term: Sendable {
        case all([Term])
        case any([Term])
        case not(Term)
        case matches(field: String?, pattern: String)
        case exists(String)
    }

    private static let refusal = PolicyError(400, 60508, "The search query is not well formed.")
    private static let depthLimit = 32
    private var root: Term
    private var words: [String] = []
    private var position = 0
    private var depth = 0

    public init(_ query: String) throws(PolicyError) {
        root = .all([])
        guard query.utf8.count <= 8192 else { throw Self.refusal }
        var reader = self
        reader.words = try Self.words(query)
        let term = reader.words.isEmpty ? Term.all([]) : try reader.alternatives(field: nil)
        guard reader.position == reader.words.count else { throw Self.refusal }
        self = PolicySearch(term)
    }

    private init(_ root: Term) { self.root = root }

    /// Cuts at blanks and brackets; what is quoted stays together, marked by a quote in front.
    private static func words(_ query: String) throws(PolicyError) -> [String] {
        var result: [String] = []
        var word = ""
        var isQuoted = false
        var isEscaped = false
        func end() {
            if !word.isEmpty { result.append(word) }
            word = ""
        }
        for letter in query {
            if isEscaped {
                word.append(letter)
                isEscaped = false
            } else if letter == "\\" {
                isEscaped = true
            } else if letter == "\"" {
                isQuoted.toggle()
            } else if isQuoted {
                word.append(letter)
            } else if letter == "(" || letter == ")" {
                end()
                result.append(String(letter))
            } else if letter == " " {
                end()
            } else {
                word.append(letter)
            }
        }
        if isQuoted || isEscaped { throw refusal }
        end()
        return result
    }

    private var word: String? { position < words.count ? words[position] : nil }

    private mutating func alternatives(field: String?) throws(PolicyError) -> Term {
        depth += 1
        guard depth <= Self.depthLimit else { throw Self.refusal }
        defer { depth -= 1 }
        var terms = [try conjunction(field: field)]
        while word == "OR" {
            position += 1
            terms.append(try conjunction(field: field))
        }
        return terms.count == 1 ? terms[0] : .any(terms)
    }

    private mutating func conjunction(field: String?) throws(PolicyError) -> Term {
        var terms = [try single(field: field)]
        while let word, word != "OR", word != ")" {
            if word == "AND" { position += 1 }
            terms.append(try single(field: field))
        }
        return terms.count == 1 ? terms[0] : .all(terms)
    }

    private mutating func single(field: String?) throws(PolicyError) -> Term {
        guard let word, word != ")", word != "AND", word != "OR" else { throw Self.refusal }
        position += 1
        if word == "NOT" {
            depth += 1
            guard depth <= Self.depthLimit else { throw Self.refusal }
            defer { depth -= 1 }
            return .not(try single(field: field))
        }
        if word == "(" { return try closed(try alternatives(field: field)) }
        guard field == nil, let colon = word.firstIndex(of: ":") else { return .matches(field: field, pattern: word.lowercased()) }
        let name = String(word[..<colon])
        let value = String(word[word.index(after: colon)...])
        if name == "_exists_" { return .exists(value) }
        if !value.isEmpty { return .matches(field: name, pattern: value.lowercased()) }
        guard self.word == "(" else { throw Self.refusal }
        position += 1
        return try closed(try alternatives(field: name))
    }

    private mutating func closed(_ term: Term) throws(PolicyError) -> Term {
        guard word == ")" else { throw Self.refusal }
        position += 1
        return term
    }

    public func matches(_ object: PolicyFields) -> Bool { Self.matches(root, object) }

    private static func matches(_ term: Term, _ object: PolicyFields) -> Bool {
        switch term {
        case .all(let terms): terms.allSatisfy { matches($0, object) }
        case .any(let terms): terms.contains { matches($0, object) }
        case .not(let inner): !matches(inner, object)
        case .exists(let name): !values(.object(object), name.split(separator: ".")[...]).isEmpty
        case .matches(let name?, let pattern):
            values(.object(object), name.split(separator: ".")[...]).contains { fits(Array($0.lowercased().utf8), Array(pattern.utf8)) }
        case .matches(nil, let pattern):
            object.members.contains { member in
                member.value.string.map { fits(Array($0.lowercased().utf8), Array("*\(pattern)*".utf8)) } ?? false
            }
        }
    }

    private static func values(_ value: PolicyValue, _ path: ArraySlice<Substring>) -> [String] {
        switch value {
        case .array(let elements): return elements.flatMap { values($0, path) }
        case .object(let fields):
            guard let name = path.first, let inner = fields[String(name)] else { return [] }
            return values(inner, path.dropFirst())
        case .string(let text): return path.isEmpty ? [text] : []
        case .integer(let number): return path.isEmpty ? [String(number)] : []
        case .boolean(let isTrue): return path.isEmpty ? [String(isTrue)] : []
        default: return []
        }
    }

    /// Whether a text fits a pattern in which `*` stands for anything, in time proportional to their product at most.
    private static func fits(_ text: [UInt8], _ pattern: [UInt8]) -> Bool {
        let star = UInt8(ascii: "*")
        var (place, mark) = (0, 0)
        var lastStar: (pattern: Int, text: Int)?
        while place < text.count {
            if mark < pattern.count, pattern[mark] == star {
                lastStar = (mark, place)
                mark += 1
            } else if mark < pattern.count, pattern[mark] == text[place] {
                place += 1
                mark += 1
            } else if let last = lastStar {
                lastStar = (last.pattern, last.text + 1)
                (mark, place) = (last.pattern + 1, last.text + 1)
            } else {
                return false
            }
        }
        return pattern[mark...].allSatisfy { $0 == star }
    }
}
