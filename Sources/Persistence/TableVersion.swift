import Domain
import HashTreeCollections

/// One immutable version of a table: records by identifier, and the declared indexes.
@usableFromInline
final class TableVersion<Value: Resource>: Sendable {
    @usableFromInline let records: TreeDictionary<String, Record<Value>>
    /// By position of the index in `Value.indexes`; empty where that index is not unique.
    @usableFromInline let uniqueKeys: [TreeDictionary<String, Record<Value>>]
    /// By position of the index in `Value.indexes`, identifiers sorted; empty where that index is unique.
    @usableFromInline let groupedKeys: [TreeDictionary<String, [Identifier<Value>]>]
    /// `Value.indexes`, kept here because a static of another module is initialized lazily at every access.
    let indexes: [Index<Value>]
    /// What `position(of:unique:)` looks at, apart from what depends on the type of the records.
    private let names: [(name: StaticString, isUnique: Bool)]
    private let order: Order<Value>

    private init(
        records: TreeDictionary<String, Record<Value>>, uniqueKeys: [TreeDictionary<String, Record<Value>>],
        groupedKeys: [TreeDictionary<String, [Identifier<Value>]>], indexes: [Index<Value>],
        names: [(name: StaticString, isUnique: Bool)], order: Order<Value>
    ) {
        self.records = records
        self.uniqueKeys = uniqueKeys
        self.groupedKeys = groupedKeys
        self.indexes = indexes
        self.names = names
        self.order = order
    }

    /// An empty table.
    convenience init() {
        let indexes = Value.indexes
        self.init(
            records: [:], uniqueKeys: indexes.map { _ in [:] }, groupedKeys: indexes.map { _ in [:] }, indexes: indexes,
            names: indexes.map { ($0.name, $0.isUnique) }, order: Order())
    }

    /// Position of a declared index.
    @usableFromInline
    func position(of name: StaticString, unique: Bool) -> Int {
        for position in names.indices where sameName(names[position].name, name) {
            precondition(
                names[position].isUnique == unique,
                "Index \(name) of \(Value.kind) is asked as if it were \(unique ? "" : "not ")unique.")
            return position
        }
        preconditionFailure("There is no index \(name) of \(Value.kind).")
    }

    /// All records in the order of their identifiers.
    @usableFromInline
    var ordered: [Record<Value>] { order.records(of: records) }

    /// The version with `record` in place of the one with the same identifier, or added.
    func setting(_ record: Record<Value>) throws(UniqueKeyTaken) -> TableVersion<Value> {
        let id = record.value.id
        let previous = records[id.rawValue]
        var (uniqueKeys, groupedKeys) = (self.uniqueKeys, self.groupedKeys)
        for position in indexes.indices {
            let index = indexes[position]
            let oldKeys = previous.map { index.keys($0.value) } ?? []
            let newKeys = index.keys(record.value)
            if index.isUnique {
                for key in oldKeys { uniqueKeys[position][key] = nil }
                for key in newKeys {
                    if let holder = uniqueKeys[position].updateValue(record, forKey: key), holder.value.id != id {
                        throw UniqueKeyTaken(index: index.name, key: key, holder: holder.value.id.rawValue)
                    }
                }
            } else if oldKeys != newKeys {
                for key in oldKeys { ungroup(id, from: key, in: &groupedKeys[position]) }
                for key in newKeys { group(id, under: key, in: &groupedKeys[position]) }
            }
        }
        var records = self.records
        records[id.rawValue] = record
        return TableVersion(
            records: records, uniqueKeys: uniqueKeys, groupedKeys: groupedKeys, indexes: indexes, names: names,
            order: order.changing(id))
    }

    /// The version without the record; `self` if there is none.
    func removing(_ id: Identifier<Value>) -> TableVersion<Value> {
        guard let previous = records[id.rawValue] else { return self }
        var (uniqueKeys, groupedKeys) = (self.uniqueKeys, self.groupedKeys)
        for position in indexes.indices {
            let index = indexes[position]
            for key in index.keys(previous.value) {
                if index.isUnique {
                    uniqueKeys[position][key] = nil
                } else {
                    ungroup(id, from: key, in: &groupedKeys[position])
                }
            }
        }
        var records = self.records
        records[id.rawValue] = nil
        return TableVersion(
            records: records, uniqueKeys: uniqueKeys, groupedKeys: groupedKeys, indexes: indexes, names: names,
            order: order.changing(id))
    }
}

/// A unique index already has the key for another record.
struct UniqueKeyTaken: Error {
    let index: StaticString
    let key: String
    let holder: String
}

private func group<Value>(
    _ id: Identifier<Value>, under key: String, in groups: inout TreeDictionary<String, [Identifier<Value>]>
) {
    var ids = groups[key] ?? []
    let position = ids.partitioningIndex { $0 >= id }
    if position < ids.count && ids[position] == id { return }
    ids.insert(id, at: position)
    groups[key] = ids
}

private func ungroup<Value>(
    _ id: Identifier<Value>, from key: String, in groups: inout TreeDictionary<String, [Identifier<Value>]>
) {
    guard var ids = groups[key] else { return }
    let position = ids.partitioningIndex { $0 >= id }
    guard position < ids.count && ids[position] == id else { return }
    ids.remove(at: position)
    groups[key] = ids.isEmpty ? nil : ids
}

private func sameName(_ left: StaticString, _ right: StaticString) -> Bool {
    guard left.utf8CodeUnitCount == right.utf8CodeUnitCount else { return false }
    for offset in 0..<left.utf8CodeUnitCount where left.utf8Start[offset] != right.utf8Start[offset] { return false }
    return true
}

extension RandomAccessCollection {
    /// Index of the first element of a sorted collection that satisfies a condition its later ones satisfy too.
    func partitioningIndex(where isInSecondPart: (Element) -> Bool) -> Index {
        var (low, count) = (startIndex, count)
        while count > 0 {
            let half = count / 2
            let middle = index(low, offsetBy: half)
            if isInSecondPart(self[middle]) {
                count = half
            } else {
                low = index(after: middle)
                count -= half + 1
            }
        }
        return low
    }
}
