import Contract
import ContractTypes
import Domain
import Persistence

/// `com.viaduct.audit`
struct Audit: AuditService {
    let store: Store
    let fabric: StorageFabric

    private static let pageLimit: Int64 = 1000

    func list(filter: ViaductAuditFilterSpec?, call: Call) async throws(Fault) -> ViaductAuditListResult {
        let size = filter?.pageSize ?? Self.pageLimit
        guard (1...Self.pageLimit).contains(size) else {
            throw .invalid("filter.page_size", "it is not between 1 and \(Self.pageLimit).")
        }
        if let result = filter?.result, AuditOutcome(text: result) == nil {
            throw .invalid("filter.result", "it is neither succeeded nor unchanged nor the type of an error.")
        }
        let newestFirst = filter?.newestFirst ?? false
        guard let sequences = try Self.sequences(after: filter?.marker, newestFirst) else { return .init(items: []) }
        // One more than the page has room for tells whether there is another page.
        let query = AuditQuery(
            sequences: sequences, from: filter?.beginTime, until: filter?.endTime, user: filter?.user?.lowercased(),
            service: filter?.service, operation: filter?.operation, target: filter?.object, outcome: filter?.result,
            newestFirst: newestFirst, limit: Int(size) + 1)
        let store = store
        let entries = try await fabric.run { () throws(Fault) in try store.audit(query) }
        let page = entries.prefix(Int(size))
        return ViaductAuditListResult(
            items: page.map { ViaductAuditInfo($0) },
            marker: entries.count > page.count ? page.last.map { "\($0.sequence)" } : nil)
    }

    /// What remains after the page that ended with a marker; `nil` for nothing.
    private static func sequences(after marker: String?, _ newestFirst: Bool) throws(Fault) -> ClosedRange<UInt64>? {
        let all: ClosedRange<UInt64> = 1...UInt64(Int64.max)
        guard let marker else { return all }
        guard let last = UInt64(marker), all.contains(last) else { throw .invalid("filter.marker", "no page ended with it.") }
        if newestFirst { return last == all.lowerBound ? nil : all.lowerBound...(last - 1) }
        return last == all.upperBound ? nil : (last + 1)...all.upperBound
    }
}

extension ViaductAuditInfo {
    convenience init(_ entry: AuditEntry) {
        self.init(
            number: Int64(clamping: entry.number), sequence: Int64(clamping: entry.sequence), time: entry.time, user: entry.user,
            session: entry.session, authentication: entry.authentication?.rawValue, peer: entry.peer,
            userAgent: entry.userAgent, requestID: entry.requestID, operationID: entry.operationID,
            service: entry.service, operation: entry.operation, arguments: entry.arguments,
            durationMs: entry.durationMilliseconds, result: entry.outcome.text,
            targets: entry.facts.map { ViaductAuditTarget(target: $0.target, detail: $0.detail) },
            digest: entry.digest.hexadecimal)
    }
}
