import Domain

/// The types of record an inventory holds, one per kind.
public struct Schema: Sendable {
    /// By `ResourceKind.slot`.
    let emptyTables: [(any AnyTable)?]
    /// By `ResourceKind.slot`.
    let types: [ObjectIdentifier?]

    /// No two of `resources` may share a kind.
    public init(_ resources: [any Resource.Type]) {
        var tables = [(any AnyTable)?](repeating: nil, count: ResourceKind.allCases.count)
        var types = [ObjectIdentifier?](repeating: nil, count: tables.count)
        for resource in resources {
            let slot = resource.kind.slot
            precondition(types[slot] == nil, "Two types of record have the kind \(resource.kind).")
            types[slot] = ObjectIdentifier(resource)
            tables[slot] = Schema.emptyTable(of: resource)
        }
        self.emptyTables = tables
        self.types = types
    }

    private static func emptyTable<Value: Resource>(of type: Value.Type) -> any AnyTable { TableVersion<Value>() }
}

/// What can be done with a table version without knowing the type of its records.
protocol AnyTable: AnyObject, Sendable {
    func contains(id: String) -> Bool
    /// The stored form of a record; `nil` if there is none.
    func body(of id: String, coder: RecordCoder) throws(RecordCodingError) -> [UInt8]?
    /// The version with a record as it was stored.
    func setting(body: [UInt8], id: String, revision: UInt64, coder: RecordCoder) throws(RecordCodingError) -> any AnyTable
    /// The version without a record; `self` if there is none.
    func removing(id: String) -> any AnyTable
}

extension TableVersion: AnyTable {
    func contains(id: String) -> Bool { records[id] != nil }

    func body(of id: String, coder: RecordCoder) throws(RecordCodingError) -> [UInt8]? {
        guard let record = records[id] else { return nil }
        return try coder.encode(record.value)
    }

    func setting(
        body: [UInt8], id: String, revision: UInt64, coder: RecordCoder
    ) throws(RecordCodingError) -> any AnyTable {
        let value = try coder.decode(Value.self, from: body)
        guard value.id.rawValue == id else {
            throw RecordCodingError(reason: "record \(id) of kind \(Value.kind) calls itself \(value.id)")
        }
        do {
            return try setting(Record(value, revision: revision))
        } catch {
            throw RecordCodingError(
                reason: "records \(error.holder) and \(id) of kind \(Value.kind) share the unique key \(error.key)")
        }
    }

    func removing(id: String) -> any AnyTable { removing(Identifier<Value>(id)) }
}
