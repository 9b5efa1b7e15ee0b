extension TypeExpression {
    /// Reads the notation that `description` writes; an identifier may name resource types, which are not kept.
    public init?(_ text: String) {
        var rest = Substring(text)
        guard let type = Self.parse(&rest), rest.isEmpty else { return nil }
        self = type
    }

    private static func parse(_ rest: inout Substring) -> TypeExpression? {
        let word = rest.prefix { $0 != "(" && $0 != ")" && $0 != "," }
        rest = rest.dropFirst(word.count)
        switch word {
        case "id": return skipArguments(&rest) ? .id : nil
        case "dyn": return skipArguments(&rest) ? .dynamic : nil
        case "opt": return arguments(&rest, 1).map { .optional($0[0]) }
        case "list": return arguments(&rest, 1).map { .list($0[0]) }
        case "set": return arguments(&rest, 1).map { .set($0[0]) }
        case "map": return arguments(&rest, 2).map { .map(key: $0[0], value: $0[1]) }
        default: return named(word)
        }
    }

    private static func named(_ word: Substring) -> TypeExpression? {
        if word.hasPrefix("s:") || word.hasPrefix("x:") { return .structure(String(word.dropFirst(2))) }
        if word.hasPrefix("e:") { return .enumeration(String(word.dropFirst(2))) }
        return scalars.first { $0.name == word }?.type
    }

    private static let scalars: [(name: String, type: TypeExpression)] = [
        ("void", .void), ("bool", .boolean), ("long", .long), ("double", .double), ("string", .string),
        ("secret", .secret), ("binary", .binary), ("datetime", .dateTime), ("uri", .uri), ("opaque", .opaque),
        ("anyerror", .anyError), ("id", .id), ("dyn", .dynamic),
    ]

    private static func arguments(_ rest: inout Substring, _ count: Int) -> [TypeExpression]? {
        guard rest.popFirst() == "(" else { return nil }
        var result: [TypeExpression] = []
        while result.count < count {
            if !result.isEmpty, rest.popFirst() != "," { return nil }
            guard let type = parse(&rest) else { return nil }
            result.append(type)
        }
        return rest.popFirst() == ")" ? result : nil
    }

    private static func skipArguments(_ rest: inout Substring) -> Bool {
        guard rest.first == "(" else { return true }
        guard let end = rest.firstIndex(of: ")") else { return false }
        rest = rest[rest.index(after: end)...]
        return true
    }

    /// Whether a query may repeat it, set or unset.
    var isList: Bool {
        switch self {
        case .list, .set: true
        case .optional(let inner): inner.isList
        default: false
        }
    }

    var isSet: Bool {
        switch self {
        case .set: true
        case .optional(let inner): inner.isSet
        default: false
        }
    }
}

extension TypeExpression: CustomStringConvertible {
    public var description: String {
        switch self {
        case .optional(let inner): "opt(\(inner))"
        case .list(let element): "list(\(element))"
        case .set(let element): "set(\(element))"
        case .map(let key, let value): "map(\(key),\(value))"
        case .structure(let name): "s:\(name)"
        case .enumeration(let name): "e:\(name)"
        default: Self.scalars.first { $0.type == self }?.name ?? "void"
        }
    }
}
