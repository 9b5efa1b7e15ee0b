import Contract
import Domain
import Persistence

/// Picks rows by the optional sets of a filter: an unset set does not restrict, an empty one matches nothing.
///
/// Sets are searched one by one while they are short, which nearly all are.
struct Choice: Sendable {
    private let values: [String]?
    private let lookup: Set<String>?

    init(_ values: [String]?) {
        self.values = values
        lookup = values.flatMap { $0.count > 8 ? Set($0) : nil }
    }

    var isOpen: Bool { values == nil }

    func contains(_ value: String) -> Bool {
        guard let values else { return true }
        return lookup?.contains(value) ?? values.contains(value)
    }

    func contains(_ value: String?) -> Bool {
        guard let value else { return values == nil }
        return contains(value)
    }

    /// Whether one of several values is meant, for example one of the pools above a pool.
    func contains(any candidates: some Sequence<String>) -> Bool { values == nil || candidates.contains(where: { contains($0) }) }
}

/// A list that is longer than its operation may answer.
func limited<Row>(_ rows: [Row], to limit: Int, _ kind: String, _ plural: String) throws(Fault) -> [Row] {
    guard rows.count > limit else { return rows }
    throw Fault(
        .unableToAllocateResource, id: "com.vmware.api.vcenter.\(kind).too_many_matches",
        "Too many \(plural). Add more filter criteria to reduce the number.")
}
