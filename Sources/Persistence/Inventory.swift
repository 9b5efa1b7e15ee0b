import Domain
import HashTreeCollections

/// All records of the control plane at one moment: immutable, passed around as one reference.
///
/// A read is a function of an inventory: no lock, no input or output, no query language. Two reads of one inventory always
/// agree, whatever is written meanwhile.
public struct Inventory: Sendable {
    @usableFromInline let state: InventoryState

    init(state: InventoryState) { self.state = state }

    /// An inventory without records.
    public init(schema: Schema) {
        state = InventoryState(schema: schema, tables: schema.emptyTables, counters: [:], sequence: 0, audit: .start)
    }

    /// Number of the last change in it; 0 before the first.
    public var sequence: UInt64 { state.sequence }

    /// The end of the chain of audit entries up to that change.
    public var auditHead: AuditHead { state.audit }

    /// Whether the tables of some kinds are those of another inventory: nothing in them was written in between.
    ///
    /// - Parameter slots: `ResourceKind.slot` of the kinds.
    public func shares(_ slots: [Int], with other: Inventory) -> Bool {
        if state === other.state { return true }
        for slot in slots where state.tables[slot] !== other.state.tables[slot] { return false }
        return true
    }

    /// The table of one kind. `Value` must be in the schema.
    @inlinable
    public subscript<Value: Resource>(type: Value.Type) -> Table<Value> {
        Table(state.version(of: type))
    }
}

@usableFromInline
final class InventoryState: Sendable {
    let schema: Schema
    /// By `ResourceKind.slot`.
    let tables: [(any AnyTable)?]
    /// The Swift type of each table's records, by slot.
    let types: [ObjectIdentifier?]
    /// The next number of each identifier prefix.
    let counters: TreeDictionary<String, UInt64>
    let sequence: UInt64
    /// The end of the chain of audit entries.
    let audit: AuditHead

    init(
        schema: Schema, tables: [(any AnyTable)?], counters: TreeDictionary<String, UInt64>, sequence: UInt64, audit: AuditHead
    ) {
        self.schema = schema
        self.tables = tables
        self.types = schema.types
        self.counters = counters
        self.sequence = sequence
        self.audit = audit
    }

    @inlinable
    func version<Value: Resource>(of type: Value.Type) -> TableVersion<Value> {
        // `table` checked the type: a slot's table is made of the type the schema lists for it, and so is every later one.
        unsafeDowncast(table(slot: Value.kind.slot, type: ObjectIdentifier(type)), to: TableVersion<Value>.self)
    }

    @usableFromInline
    func table(slot: Int, type: ObjectIdentifier) -> AnyObject {
        guard types[slot] == type, let table = tables[slot] else {
            preconditionFailure("The type of record for slot \(slot) is not in the schema of this inventory.")
        }
        return table
    }

    func replacing(slot: Int, by table: any AnyTable) -> InventoryState {
        var tables = tables
        tables[slot] = table
        return InventoryState(schema: schema, tables: tables, counters: counters, sequence: sequence, audit: audit)
    }

    func replacing(counters: TreeDictionary<String, UInt64>) -> InventoryState {
        InventoryState(schema: schema, tables: tables, counters: counters, sequence: sequence, audit: audit)
    }

    /// - Parameter audit: `nil` for the same.
    func replacing(sequence: UInt64, audit: AuditHead?) -> InventoryState {
        InventoryState(schema: schema, tables: tables, counters: counters, sequence: sequence, audit: audit ?? self.audit)
    }
}
