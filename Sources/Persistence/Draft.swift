import Domain

/// A change in the making: reads see its own writes, nobody else sees them before it is durable.
///
/// The body that gets a draft has no effect but through it, for it may run again on a later inventory, and nothing stays
/// of it if it throws.
public struct Draft {
    /// The inventory with the writes so far: whatever can be asked of a snapshot can be asked of it.
    public private(set) var inventory: Inventory
    /// The time of the change.
    public let now: Timestamp
    /// Touched records in the order of their first write.
    private var touched: [RecordKey] = []
    private var touchedSet: Set<RecordKey> = []
    private var touchedCounters: [String] = []
    private(set) var facts: [AuditFact] = []
    private let base: Inventory
    private let sequence: UInt64

    init(base: Inventory, now: Timestamp) {
        self.base = base
        self.inventory = base
        self.now = now
        self.sequence = base.sequence + 1
    }

    /// The table of one kind, own writes included.
    public subscript<Value: Resource>(type: Value.Type) -> Table<Value> { inventory[type] }

    /// Adds a record.
    ///
    /// - Throws: `alreadyExists` if the identifier or a key of a unique index is taken.
    @discardableResult
    public mutating func insert<Value: Resource>(_ value: Value) throws(Fault) -> Identifier<Value> {
        guard !inventory[Value.self].contains(value.id) else { throw .alreadyExists(Value.kind, value.id.rawValue) }
        try write(value)
        return value.id
    }

    /// Adds a record or replaces the one with its identifier.
    ///
    /// - Throws: `alreadyExists` if another record has a key of a unique index.
    public mutating func put<Value: Resource>(_ value: Value) throws(Fault) { try write(value) }

    /// Changes a record in place.
    ///
    /// - Parameter expectedRevision: what the record's revision must be; `nil` for any.
    /// - Throws: `notFound`; `concurrentChange` if the revision is another; `alreadyExists` if another record has a key
    ///   of a unique index; whatever `body` throws.
    @discardableResult
    public mutating func update<Value: Resource, Result>(
        _ id: Identifier<Value>, expectedRevision: UInt64? = nil, _ body: (inout Value) throws(Fault) -> Result
    ) throws(Fault) -> Result {
        guard let record = inventory[Value.self].record(id) else { throw .notFound(Value.kind, id.rawValue) }
        try check(record, expectedRevision)
        var value = record.value
        let result = try body(&value)
        precondition(value.id == id, "An update of \(Value.kind) \(id) gave it another identifier.")
        try write(value)
        return result
    }

    /// Removes a record.
    ///
    /// - Throws: `notFound`; `concurrentChange` if a revision is expected and is another.
    public mutating func remove<Value: Resource>(
        _ id: Identifier<Value>, expectedRevision: UInt64? = nil
    ) throws(Fault) {
        guard let record = inventory[Value.self].record(id) else { throw .notFound(Value.kind, id.rawValue) }
        try check(record, expectedRevision)
        let table = inventory.state.version(of: Value.self).removing(id)
        inventory = Inventory(state: inventory.state.replacing(slot: Value.kind.slot, by: table))
        touch(RecordKey(kind: Value.kind, id: record.id.rawValue))
    }

    /// A fresh identifier, for example `vm-101` for the prefix `vm-` or `domain-c101` for `domain-c`.
    ///
    /// Never given twice, also across restarts, unless this change fails; identifiers in use are passed over.
    public mutating func nextIdentifier<Value: Resource>(
        _ type: Value.Type = Value.self, prefix: String
    ) -> Identifier<Value> {
        let table = inventory[Value.self]
        var number = inventory.state.counters[prefix] ?? Draft.firstNumber
        while table.contains(Identifier(prefix + String(number))) { number += 1 }
        setCounter(prefix, next: number + 1)
        return Identifier(prefix + String(number))
    }

    /// Keeps `nextIdentifier` from ever giving an identifier that was chosen by hand, for example by a seed file.
    ///
    /// Without effect for an identifier that does not end in a number.
    public mutating func reserve<Value: Resource>(_ id: Identifier<Value>) {
        let digits = id.rawValue.utf8.reversed().prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.count
        let prefix = String(id.rawValue.dropLast(digits))
        guard let number = UInt64(id.rawValue.suffix(digits)), number < UInt64(Int64.max) else { return }
        if number >= inventory.state.counters[prefix] ?? Draft.firstNumber { setCounter(prefix, next: number + 1) }
    }

    /// Adds an object to the audit entry of this change.
    public mutating func audit(target: String, detail: String? = nil) {
        facts.append(AuditFact(target: target, detail: detail))
    }

    /// The first number of every prefix; smaller ones are left to identifiers chosen by hand.
    static let firstNumber: UInt64 = 101

    private func check<Value>(_ record: Record<Value>, _ expectedRevision: UInt64?) throws(Fault) {
        guard let expectedRevision, expectedRevision != record.revision else { return }
        throw Fault(
            .concurrentChange, id: "com.viaduct.inventory.concurrent_change",
            "The object \(record.id) was changed by someone else meanwhile.", arguments: [record.id.rawValue],
            detail: "revision \(record.revision), expected \(expectedRevision)")
    }

    private mutating func write<Value: Resource>(_ value: Value) throws(Fault) {
        let table: TableVersion<Value>
        do {
            table = try inventory.state.version(of: Value.self).setting(Record(value, revision: sequence))
        } catch {
            throw .keyTaken(error, kind: Value.kind)
        }
        inventory = Inventory(state: inventory.state.replacing(slot: Value.kind.slot, by: table))
        touch(RecordKey(kind: Value.kind, id: value.id.rawValue))
    }

    private mutating func touch(_ key: RecordKey) {
        if touchedSet.insert(key).inserted { touched.append(key) }
    }

    private mutating func setCounter(_ prefix: String, next number: UInt64) {
        if !touchedCounters.contains(prefix) { touchedCounters.append(prefix) }
        var counters = inventory.state.counters
        counters[prefix] = number
        inventory = Inventory(state: inventory.state.replacing(counters: counters))
    }
}

extension Draft {
    /// A finished draft: what the log has to keep, and the inventory once it does.
    struct Finished {
        let change: Change
        let inventory: Inventory
        let touched: [RecordKey]
    }

    /// What the log has to keep of this draft; `nil` if it changed nothing.
    func finished(by call: Call?, auditing: AuditRule, coder: RecordCoder) throws(RecordCodingError) -> Finished? {
        var writes: [RecordWrite] = []
        for key in touched {
            let body = try inventory.state.tables[key.kind.slot]?.body(of: key.id, coder: coder)
            let existed = base.state.tables[key.kind.slot]?.contains(id: key.id) ?? false
            guard body != nil || existed else { continue }
            writes.append(RecordWrite(kind: key.kind.rawValue, id: key.id, body: body))
        }
        for prefix in touchedCounters {
            guard let number = inventory.state.counters[prefix] else { continue }
            writes.append(Counter.write(prefix: prefix, next: number))
        }
        guard !writes.isEmpty || !facts.isEmpty else { return nil }
        var entry: AuditEntry?
        if (call != nil && auditing == .always) || !facts.isEmpty {
            entry = AuditEntry(sequence: sequence, time: now, call: call, outcome: .succeeded, facts: facts)
                .sealed(after: base.state.audit)
            call?.audit?.mark()
        }
        return Finished(
            change: Change(sequence: sequence, time: now, writes: writes, audit: entry),
            inventory: Inventory(state: inventory.state.replacing(sequence: sequence, audit: entry?.head)), touched: touched)
    }
}

/// The next number of an identifier prefix, as a record of the log: kind `counter`, the prefix as identifier, the decimal
/// number as body.
enum Counter {
    static let kind = "counter"

    static func write(prefix: String, next number: UInt64) -> RecordWrite {
        RecordWrite(kind: kind, id: prefix, body: Array(String(number).utf8))
    }

    static func number(from body: [UInt8]) throws(RecordCodingError) -> UInt64 {
        guard let number = UInt64(String(decoding: body, as: UTF8.self)) else {
            throw RecordCodingError(reason: "a counter is not a number")
        }
        return number
    }
}
