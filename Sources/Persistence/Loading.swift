import Domain
import HashTreeCollections

// From the records of a log to an inventory, and from there along its later changes.
extension Inventory {
    init(schema: Schema, contents: LogContents, coder: RecordCoder) throws(RecordCodingError) {
        var inventory = Inventory(schema: schema)
        for record in contents.records {
            try inventory.apply(
                RecordWrite(kind: record.kind, id: record.id, body: record.body), revision: record.revision, coder: coder)
        }
        self.init(state: inventory.state.replacing(sequence: contents.head, audit: contents.audit))
    }

    /// The inventory after a change that somebody else made.
    func applying(_ change: Change, coder: RecordCoder) throws(RecordCodingError) -> Inventory {
        var inventory = self
        // Removals first: a unique key may move from a record that goes to one that stays.
        for write in change.writes where write.body == nil {
            try inventory.apply(write, revision: change.sequence, coder: coder)
        }
        for write in change.writes where write.body != nil {
            try inventory.apply(write, revision: change.sequence, coder: coder)
        }
        return Inventory(state: inventory.state.replacing(sequence: change.sequence, audit: change.audit?.head))
    }

    private mutating func apply(
        _ write: RecordWrite, revision: UInt64, coder: RecordCoder
    ) throws(RecordCodingError) {
        if write.kind == Counter.kind {
            var counters = state.counters
            counters[write.id] = try write.body.map { body throws(RecordCodingError) in try Counter.number(from: body) }
            self = Inventory(state: state.replacing(counters: counters))
            return
        }
        guard let kind = ResourceKind(rawValue: write.kind), let table = state.tables[kind.slot] else {
            throw RecordCodingError(reason: "record \(write.id) is of the unknown kind \(write.kind)")
        }
        let changed: any AnyTable
        if let body = write.body {
            changed = try table.setting(body: body, id: write.id, revision: revision, coder: coder)
        } else {
            changed = table.removing(id: write.id)
        }
        self = Inventory(state: state.replacing(slot: kind.slot, by: changed))
    }
}
