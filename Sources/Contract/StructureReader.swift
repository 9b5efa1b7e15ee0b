import Domain

/// Reads the fields of one structure by name and notices those that nobody asked for.
public struct StructureReader: Sendable {
    /// The object that holds the fields.
    private let fields: JSONValue
    let wire: Wire
    /// Canonical name, for messages.
    private let name: StaticString
    /// Where the next field is expected, since most writers keep the declared order: node index and ordinal.
    private var nextIndex: Int
    private var nextOrdinal = 0
    /// Ordinals below 64 of the members that were read.
    private var taken: UInt64 = 0
    /// The other ordinals that were read.
    private var takenBeyond: [Int]?

    /// - Throws: `invalid_argument` if it is no structure or, on JSON-RPC, one of another name.
    public init(_ reader: ValueReader, name: StaticString) throws(Fault) {
        try self.init(reader, name: name, nameMatters: reader.wire == .jsonRPC && !name.isImplied)
    }

    /// - Parameter nameMatters: whether JSON-RPC input must carry that name.
    init(_ reader: ValueReader, name: StaticString, nameMatters: Bool) throws(Fault) {
        self.name = name
        wire = reader.wire
        if wire == .jsonRPC {
            guard let outer = reader.wrapped("STRUCTURE"), let (key, inner) = outer.members.first(where: { _ in true }),
                outer.node.count == 1, inner.isObject
            else { throw reader.mismatch("Structure") }
            if nameMatters, !key.equals(name) {
                throw InputFault.nameMismatch(expected: name.description, found: key.text ?? "")
            }
            fields = inner
        } else {
            guard reader.value.isObject else { throw reader.mismatch("Structure") }
            fields = reader.value
        }
        nextIndex = fields.index + 1
    }

    /// The input of an operation that was given nothing.
    init(emptyOn wire: Wire) {
        name = OperationInput.structureName
        self.wire = wire
        let node = JSONNode(kind: .object, isIntricate: false, start: 0, count: 0, next: 1)
        fields = JSONDocument(bytes: [], nodes: [node]).root
        nextIndex = 1
    }

    var members: [(name: String, value: JSONValue)] { fields.members.map { ($0.name.text ?? "", $0.value) } }

    /// The value of a field, which does not count as read then.
    func peek(_ field: String) -> JSONValue? { fields[field] }

    public mutating func required<Value: WireReadable>(
        _ field: StaticString, as type: Value.Type = Value.self
    ) throws(Fault) -> Value {
        let reader = try require(field)
        do throws(Fault) {
            return try Value(reading: reader)
        } catch {
            throw InputFault.inside(field.description, of: name.description, error)
        }
    }

    public mutating func optional<Value: WireReadable>(
        _ field: StaticString, as type: Value.Type = Value.self
    ) throws(Fault) -> Value? {
        guard let reader = find(field) else { return nil }
        do throws(Fault) {
            return try reader.optional(type)
        } catch {
            throw InputFault.inside(field.description, of: name.description, error)
        }
    }

    public mutating func requiredSet<Element: WireReadable>(_ field: StaticString) throws(Fault) -> [Element] {
        let reader = try require(field)
        do throws(Fault) {
            return try reader.set()
        } catch {
            throw InputFault.inside(field.description, of: name.description, error)
        }
    }

    public mutating func optionalSet<Element: WireReadable>(_ field: StaticString) throws(Fault) -> [Element]? {
        guard let reader = find(field) else { return nil }
        do throws(Fault) {
            guard let inner = try reader.unwrapped() else { return nil }
            do throws(Fault) {
                return try inner.set()
            } catch {
                throw wire == .jsonRPC ? InputFault.insideOptional(error) : error
            }
        } catch {
            throw InputFault.inside(field.description, of: name.description, error)
        }
    }

    /// Refuses what was not asked for, unless it is unset.
    public func finish() throws(Fault) {
        if taken.nonzeroBitCount + (takenBeyond?.count ?? 0) == Int(fields.node.count) { return }
        var unexpected: [String] = []
        for (ordinal, (key, value)) in fields.members.enumerated() where !isTaken(ordinal) {
            if ValueReader(value, wire: wire).isSet { unexpected.append(key.text ?? "") }
        }
        if !unexpected.isEmpty { throw InputFault.unexpected(unexpected.sorted(), in: name.description) }
    }

    /// Checks a discriminated union: fields of the chosen case present, fields of all others absent.
    ///
    /// - Throws: `invalid_argument` naming the first field at fault, in the rule's order. An unknown discriminant
    ///   chooses no case.
    public func check(_ union: UnionRule) throws(Fault) {
        let chosen = union.cases.first { $0.value == discriminant(union.tag) }
        for field in chosen?.fields ?? [] where field.isRequired && !isPresent(field.name) {
            throw InputFault.unionFieldMissing(field.name, in: name.description)
        }
        for field in union.allFields where chosen?.fields.contains(where: { $0.name == field }) != true {
            if isPresent(field) { throw InputFault.unionFieldExtra(field, in: name.description) }
        }
    }

    private func discriminant(_ tag: String) -> String? {
        guard let value = fields[tag] else { return nil }
        let reader = ValueReader(value, wire: wire)
        return reader.wrapped("OPTIONAL")?.text ?? value.text
    }

    private func isPresent(_ field: String) -> Bool {
        fields[field].map { ValueReader($0, wire: wire).isSet } ?? false
    }

    private mutating func require(_ field: StaticString) throws(Fault) -> ValueReader {
        guard let reader = find(field), wire == .jsonRPC || !reader.value.isNull else {
            throw InputFault.missing(field.description, in: name.description)
        }
        return reader
    }

    /// Finds a field, at its expected place first, and marks it as read.
    private mutating func find(_ field: StaticString) -> ValueReader? {
        let count = Int(fields.node.count)
        let nodes = fields.document.nodes
        for _ in 0..<count {
            if nextOrdinal == count {
                nextOrdinal = 0
                nextIndex = fields.index + 1
            }
            let (index, ordinal) = (nextIndex, nextOrdinal)
            nextIndex = Int(nodes[index + 1].next)
            nextOrdinal += 1
            if JSONValue(document: fields.document, index: index).equals(field) {
                mark(ordinal)
                return ValueReader(JSONValue(document: fields.document, index: index + 1), wire: wire)
            }
        }
        return nil
    }

    private mutating func mark(_ ordinal: Int) {
        if ordinal < 64 {
            taken |= 1 << UInt64(ordinal)
        } else if takenBeyond?.contains(ordinal) != true {
            takenBeyond = (takenBeyond ?? []) + [ordinal]
        }
    }

    private func isTaken(_ ordinal: Int) -> Bool {
        ordinal < 64 ? taken & (1 << UInt64(ordinal)) != 0 : takenBeyond?.contains(ordinal) == true
    }
}

extension StaticString {
    /// Whether the runtime lets JSON-RPC callers give this structure any name.
    fileprivate var isImplied: Bool { description == "operation-input" || description == "map-entry" }
}

/// Which fields go with which value of a discriminant.
public struct UnionRule: Sendable {
    public struct Field: Sendable {
        public let name: String
        public let isRequired: Bool
    }

    public struct Case: Sendable {
        public let value: String
        public let fields: [Field]

        /// - Parameters:
        ///   - value: of the discriminant.
        ///   - required: fields that must be set.
        ///   - optional: fields that may be set.
        public init(_ value: String, required: [String] = [], optional: [String] = []) {
            self.value = value
            fields = required.map { Field(name: $0, isRequired: true) } + optional.map { Field(name: $0, isRequired: false) }
        }
    }

    /// Name of the discriminant field.
    public let tag: String
    public let cases: [Case]
    /// Every field that belongs to some case, each once, in order of appearance.
    public let allFields: [String]

    public init(tag: String, _ cases: [Case]) {
        self.tag = tag
        self.cases = cases
        var all: [String] = []
        for field in cases.flatMap(\.fields) where !all.contains(field.name) { all.append(field.name) }
        allFields = all
    }
}
