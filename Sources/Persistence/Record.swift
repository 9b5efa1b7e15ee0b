import Domain

/// One version of one record. Shared by every snapshot in which the record stands unchanged, so that handing one out
/// costs a reference and not a copy of its fields.
public final class Record<Value: Resource>: Sendable {
    public let value: Value
    /// Sequence number of the change that wrote this version; grows with every change, also across removal and
    /// re-creation under the same identifier.
    public let revision: UInt64

    @inlinable
    public var id: Identifier<Value> { value.id }

    init(_ value: Value, revision: UInt64) {
        self.value = value
        self.revision = revision
    }
}

/// Names one record of any kind, for example in the list of what a change touched.
public struct RecordKey: Hashable, Sendable {
    public let kind: ResourceKind
    public let id: String

    public init(kind: ResourceKind, id: String) {
        self.kind = kind
        self.id = id
    }
}

/// The values of a table in the order of their identifiers.
public struct Rows<Value: Resource>: RandomAccessCollection, Sendable {
    @usableFromInline let records: [Record<Value>]

    @inlinable
    init(_ records: [Record<Value>]) { self.records = records }

    @inlinable
    public var startIndex: Int { 0 }

    @inlinable
    public var endIndex: Int { records.count }

    @inlinable
    public subscript(position: Int) -> Value { records[position].value }
}
