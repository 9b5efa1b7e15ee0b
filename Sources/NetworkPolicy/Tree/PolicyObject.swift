import Domain

/// One object of the policy tree as it is kept: what somebody asked for, and when.
public struct PolicyObject: Sendable, Hashable, Resource {
    public static let kind = ResourceKind.policyObject
    public static let indexes: [Index<PolicyObject>] = [
        Index("collection") { [$0.collection] },
        Index("reference") { $0.references },
    ]

    /// The path, for example `/infra/segments/web`.
    public let id: Identifier<PolicyObject>
    /// Name in the registry.
    public let type: String
    /// What can be set, with `resource_type`.
    public var content: PolicyFields
    public var revision: Int64
    public let createdAt: Timestamp
    public let createdBy: String
    public var modifiedAt: Timestamp
    public var modifiedBy: String

    public var path: String { id.rawValue }
    public var isSystemOwned: Bool { createdBy == "system" }

    /// The path without the identifier, for example `/infra/segments`.
    public var collection: String { String(path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex)) }
    public var name: String { String(path.suffix(from: path.lastIndex(of: "/") ?? path.startIndex).dropFirst()) }

    /// The paths it names, in order, each once.
    public var references: [String] {
        var found: Set<String> = []
        for member in content.members where !Self.prose.contains(member.name) { Self.collect(member.value, into: &found) }
        return found.sorted()
    }

    private static let prose: Set<String> = ["display_name", "description", "tags", "notes", "comments", "tag"]

    private static func collect(_ value: PolicyValue, into found: inout Set<String>) {
        switch value {
        case .string(let text): if text.hasPrefix("/infra/") { found.insert(text) }
        case .array(let elements): for element in elements { collect(element, into: &found) }
        case .object(let fields): for member in fields.members { collect(member.value, into: &found) }
        default: break
        }
    }
}

extension PolicyFields: Codable {
    /// As one JSON text: quicker to read than member by member.
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        self = try PolicyText.parse(Array(text.utf8)).fields ?? PolicyFields()
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(String(decoding: PolicyText.write(.object(self)), as: UTF8.self))
    }
}
