import Yams

/// A YAML mapping whose keys are asked for one by one; a key nobody asked for is an error that names it.
struct StrictMapping {
    /// Where it stands, for errors: `datacenters[0].clusters[1]`.
    let path: String
    private let entries: [(key: String, value: Yams.Node)]
    private var asked: Set<String> = []

    init(_ node: Yams.Node, path: String) throws(ConfigurationError) {
        guard case .mapping(let mapping) = node else {
            throw ConfigurationError("\(Self.line(node))\(path.isEmpty ? "the file" : path) must be a mapping")
        }
        var entries: [(key: String, value: Yams.Node)] = []
        for (key, value) in mapping {
            guard let name = key.string else {
                throw ConfigurationError("\(Self.line(key))\(path): a key must be text")
            }
            entries.append((name, value))
        }
        self.path = path
        self.entries = entries
    }

    mutating func text(_ key: String, default fallback: String? = nil) throws(ConfigurationError) -> String {
        guard let node = take(key) else {
            guard let fallback else { throw ConfigurationError("\(path): \(key) is missing") }
            return fallback
        }
        guard case .scalar(let scalar) = node else {
            throw ConfigurationError("\(Self.line(node))\(place(key)) must be text")
        }
        return scalar.string
    }

    mutating func number(
        _ key: String, in range: ClosedRange<Int>, default fallback: Int? = nil
    ) throws(ConfigurationError) -> Int {
        let text = try text(key, default: fallback.map(String.init))
        guard let value = Int(text), range.contains(value) else {
            throw ConfigurationError(
                "\(place(key)) must be a whole number from \(range.lowerBound) to \(range.upperBound), not \"\(text)\"")
        }
        return value
    }

    mutating func flag(_ key: String, default fallback: Bool) throws(ConfigurationError) -> Bool {
        let text = try text(key, default: fallback ? "true" : "false")
        guard let value = ["true": true, "false": false][text] else {
            throw ConfigurationError("\(place(key)) must be true or false, not \"\(text)\"")
        }
        return value
    }

    mutating func choice<Value>(
        _ key: String, _ choices: [(String, Value)], default fallback: String? = nil
    ) throws(ConfigurationError) -> Value {
        let text = try text(key, default: fallback)
        guard let choice = choices.first(where: { $0.0 == text }) else {
            let names = choices.map(\.0).joined(separator: ", ")
            throw ConfigurationError("\(place(key)) must be one of \(names), not \"\(text)\"")
        }
        return choice.1
    }

    mutating func texts(_ key: String) throws(ConfigurationError) -> [String] {
        var found: [String] = []
        for (index, node) in try nodes(key).enumerated() {
            guard case .scalar(let scalar) = node else {
                throw ConfigurationError("\(Self.line(node))\(place(key))[\(index)] must be text")
            }
            found.append(scalar.string)
        }
        return found
    }

    /// A list of mappings, each read by `read`; a missing key is an empty list.
    mutating func list<Value>(
        _ key: String, _ read: (inout StrictMapping) throws(ConfigurationError) -> Value
    ) throws(ConfigurationError) -> [Value] {
        var found: [Value] = []
        for (index, node) in try nodes(key).enumerated() {
            var mapping = try StrictMapping(node, path: "\(place(key))[\(index)]")
            found.append(try read(&mapping))
            try mapping.finish()
        }
        return found
    }

    /// The mapping at `key`; `nil` if there is none.
    mutating func mapping(_ key: String) throws(ConfigurationError) -> StrictMapping? {
        guard let node = take(key) else { return nil }
        return try StrictMapping(node, path: place(key))
    }

    /// - Throws: when a key was never asked for.
    func finish() throws(ConfigurationError) {
        for (key, value) in entries where !asked.contains(key) {
            throw ConfigurationError("\(Self.line(value))unknown key \(place(key))")
        }
    }

    private mutating func nodes(_ key: String) throws(ConfigurationError) -> [Yams.Node] {
        guard let node = take(key) else { return [] }
        guard case .sequence(let sequence) = node else {
            throw ConfigurationError("\(Self.line(node))\(place(key)) must be a list")
        }
        return Array(sequence)
    }

    private mutating func take(_ key: String) -> Yams.Node? {
        asked.insert(key)
        return entries.first { $0.key == key }?.value
    }

    private func place(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    private static func line(_ node: Yams.Node) -> String { node.mark.map { "line \($0.line): " } ?? "" }
}
