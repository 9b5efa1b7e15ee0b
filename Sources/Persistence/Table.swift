import Domain
import HashTreeCollections

/// All records of one kind in one snapshot.
public struct Table<Value: Resource>: Sendable {
    @usableFromInline let version: TableVersion<Value>

    @inlinable
    init(_ version: TableVersion<Value>) { self.version = version }

    @inlinable
    public var count: Int { version.records.count }

    @inlinable
    public var isEmpty: Bool { version.records.isEmpty }

    @inlinable
    public func contains(_ id: Identifier<Value>) -> Bool { version.records[id.rawValue] != nil }

    /// The record without a copy of its fields; `nil` if there is none.
    @inlinable
    public func record(_ id: Identifier<Value>) -> Record<Value>? { version.records[id.rawValue] }

    /// A copy of the record's value; `nil` if there is none.
    @inlinable
    public subscript(id: Identifier<Value>) -> Value? { version.records[id.rawValue]?.value }

    /// Sequence number of the change that last wrote the record; `nil` if there is none.
    @inlinable
    public func revision(_ id: Identifier<Value>) -> UInt64? { version.records[id.rawValue]?.revision }

    /// The one record that a unique index has under `key`.
    ///
    /// `index` is the name of a declared unique index of `Value`; another name is a programming error.
    @inlinable
    public func record(by index: StaticString, _ key: String) -> Record<Value>? {
        version.uniqueKeys[version.position(of: index, unique: true)][key]
    }

    /// The identifiers that a non-unique index has under `key`, in order; empty if there are none.
    ///
    /// `index` is the name of a declared non-unique index of `Value`; another name is a programming error.
    @inlinable
    public func ids(by index: StaticString, _ key: String) -> [Identifier<Value>] {
        version.groupedKeys[version.position(of: index, unique: false)][key] ?? []
    }

    /// The records that a non-unique index has under `key`, in the order of their identifiers.
    @inlinable
    public func records(by index: StaticString, _ key: String) -> [Record<Value>] {
        ids(by: index, key).compactMap { version.records[$0.rawValue] }
    }

    /// All records in the order of their identifiers. Sorted once per version of the table, whoever asks first.
    @inlinable
    public var records: [Record<Value>] { version.ordered }

    /// All values in the order of their identifiers.
    @inlinable
    public var all: Rows<Value> { Rows(version.ordered) }
}
