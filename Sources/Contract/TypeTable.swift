/// The structures, errors and enumerations of a contract, by canonical name.
public struct TypeTable: Sendable {
    public let structures: [StructureType]
    public let enumerations: [EnumerationType]
    private let structureIndex: [String: Int]
    private let enumerationIndex: [String: Int]

    public init(structures: [StructureType], enumerations: [EnumerationType]) {
        self.structures = structures
        self.enumerations = enumerations
        structureIndex = Dictionary(uniqueKeysWithValues: structures.enumerated().map { ($0.element.name, $0.offset) })
        enumerationIndex = Dictionary(uniqueKeysWithValues: enumerations.enumerated().map { ($0.element.name, $0.offset) })
    }

    /// A structure or error; `nil` if the contract has none of that name.
    public func structure(_ name: String) -> StructureType? { structureIndex[name].map { structures[$0] } }

    public func enumeration(_ name: String) -> EnumerationType? { enumerationIndex[name].map { enumerations[$0] } }
}

/// A structure or error of a contract.
public struct StructureType: Sendable {
    /// Canonical name.
    public let name: String
    public let isError: Bool
    /// In declared order.
    public let fields: [Parameter]
    public let unions: [UnionRule]

    /// - Parameter fields: name, blank, type in the notation of `TypeExpression`; generated code gets that right.
    public init(_ name: String, isError: Bool, _ fields: [String], unions: [UnionRule] = []) {
        self.name = name
        self.isError = isError
        self.unions = unions
        self.fields = fields.map { field in
            let parts = field.split(separator: " ", maxSplits: 1)
            let type = parts.count == 2 ? TypeExpression(String(parts[1])) : nil
            precondition(type != nil, "A generated field has a type that cannot be read.")
            return Parameter(String(parts.first ?? ""), type ?? .void)
        }
    }
}

/// An enumeration of a contract.
public struct EnumerationType: Sendable {
    /// Canonical name.
    public let name: String
    public let values: [String]

    public init(_ name: String, _ values: [String]) {
        self.name = name
        self.values = values
    }
}
