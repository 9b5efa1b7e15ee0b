/// What the value of a field may be.
indirect enum FieldKind: Sendable {
    /// Longest text in characters.
    case text(Int)
    case integer(ClosedRange<Int64>)
    case boolean
    case choice([String])
    /// The path of another object of one of these types; of any if none is named.
    case reference([String])
    case list(FieldKind, limit: Int)
    case structure(String)
    /// Address with prefix length.
    case network
    /// Single address.
    case address
    /// Single address, prefix or range `a-b`.
    case addresses
    case mac
    /// Anything; what looks like a path in it is a reference.
    case any
}

struct PolicyField: Sendable {
    let name: String
    let kind: FieldKind
    let isRequired: Bool
    let defaultValue: PolicyValue?
}

/// One type of object: where it stands in the tree and what it holds.
public struct PolicyType: Sendable {
    /// For example `Segment`.
    public let name: String
    /// For example `segments`.
    public let collection: String
    /// Types it may stand below.
    public let parents: [String]
    /// Values that `resource_type` may have; the first is that of an object that names none.
    public let variants: [String]
    /// Field in which objects of this type stand within their parent; `nil` if they do not.
    public let embeddedAs: String?
    let fields: [PolicyField]

    public var fieldNames: [String] { fields.map(\.name) }
}
