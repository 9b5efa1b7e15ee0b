import Domain
import HashTreeCollections
import Synchronization

/// The records of one table version in the order of their identifiers, made when first asked for.
///
/// A version made by a small change from one whose order is known patches that order instead of sorting again; a list of
/// a large table after a single write then costs one pass and no comparison sort.
final class Order<Value: Resource>: Sendable {
    /// An order known earlier, and the identifiers touched since.
    private struct Earlier: Sendable {
        let records: [Record<Value>]
        /// Newest last; may repeat.
        var touched: [Identifier<Value>]
    }

    private final class Sorted: Sendable {
        let records: [Record<Value>]
        init(_ records: [Record<Value>]) { self.records = records }
    }

    /// Beyond so many touched identifiers a fresh sort is about as cheap.
    private static var touchedLimit: Int { 64 }

    private let sorted = AtomicLazyReference<Sorted>()
    private let earlier: Earlier?

    init() { earlier = nil }

    private init(earlier: Earlier?) { self.earlier = earlier }

    /// The order of a version that differs from this one's in the record `id`.
    func changing(_ id: Identifier<Value>) -> Order<Value> {
        if let known = sorted.load() {
            return Order(earlier: Earlier(records: known.records, touched: [id]))
        }
        guard var earlier, earlier.touched.count < Order.touchedLimit else { return Order(earlier: nil) }
        earlier.touched.append(id)
        return Order(earlier: earlier)
    }

    /// `records` must be those of the version this order belongs to.
    func records(of records: TreeDictionary<String, Record<Value>>) -> [Record<Value>] {
        if let known = sorted.load() { return known.records }
        let made = earlier.map { patched($0, to: records) } ?? sort(records)
        return sorted.storeIfNil(Sorted(made)).records
    }

    private func sort(_ records: TreeDictionary<String, Record<Value>>) -> [Record<Value>] {
        records.values.map { (id: $0.value.id, record: $0) }
            .sorted { $0.id < $1.id }
            .map(\.record)
    }

    private func patched(
        _ earlier: Earlier, to records: TreeDictionary<String, Record<Value>>
    ) -> [Record<Value>] {
        var result = earlier.records
        for id in Set(earlier.touched).sorted() {
            let position = result.partitioningIndex { $0.value.id >= id }
            let isPresent = position < result.count && result[position].value.id == id
            switch (isPresent, records[id.rawValue]) {
            case (true, let record?): result[position] = record
            case (false, let record?): result.insert(record, at: position)
            case (true, nil): result.remove(at: position)
            case (false, nil): break
            }
        }
        return result
    }
}
