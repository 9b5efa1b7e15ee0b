import ContractTypes
import Domain
import Persistence

/// `com.viaduct.tenancy.audit`: the part of the audit log that is about one tenant.
///
/// Every change of something that is a tenant's names the tenant in its entry. Numbers of entries are left out: their gaps
/// would tell how much others do. Who else is not a member is "operator" and has no address.
struct TenantAudit: TenantAuditService {
    let store: Store
    let fabric: StorageFabric

    private static let pageLimit: Int64 = 1000

    func list(tenant: String, filter: ViaductTenancyAuditFilterSpec?, call: Call) async throws(Fault) -> ViaductTenancyAuditListResult {
        let inventory = store.snapshot
        _ = try Tenants.find(tenant, inventory)
        let size = filter?.pageSize ?? Self.pageLimit
        guard (1...Self.pageLimit).contains(size) else {
            throw .invalid("filter.page_size", "it is not between 1 and \(Self.pageLimit).")
        }
        var sequences: ClosedRange<UInt64> = 1...UInt64(Int64.max)
        if let marker = filter?.marker {
            guard let last = UInt64(marker), last < sequences.upperBound else { throw .invalid("filter.marker", "no page ended with it.") }
            sequences = (last + 1)...sequences.upperBound
        }
        let query = AuditQuery(
            sequences: sequences, from: filter?.beginTime, until: filter?.endTime, target: tenant, limit: Int(size) + 1)
        let store = store
        let entries = try await fabric.run { () throws(Fault) in try store.audit(query) }
        let page = entries.prefix(Int(size))
        let members = inventory.memberNames(of: tenant)
        return ViaductTenancyAuditListResult(
            items: page.map { entry in
                let isMember = entry.user.map { members.contains($0) } ?? false
                return ViaductTenancyAuditInfo(
                    time: entry.time, user: isMember ? entry.user : "operator", peer: isMember ? entry.peer : nil,
                    requestID: isMember ? entry.requestID : nil, service: entry.service, operation: entry.operation,
                    result: entry.outcome.text,
                    targets: entry.facts.map { ViaductAuditTarget(target: $0.target, detail: $0.detail) })
            },
            marker: entries.count > page.count ? page.last.map { "\($0.sequence)" } : nil)
    }
}

extension Inventory {
    /// The users that are members of a tenant, by themselves or through groups.
    fileprivate func memberNames(of tenant: String) -> Set<String> {
        let principals = Set(self[Permission.self].records(by: "place", tenant).map(\.value.principal))
        return Set(
            self[User.self].all.lazy.filter { user in
                principals.contains(.user(user.id)) || self.groups(of: user.id).contains { principals.contains(.group($0)) }
            }.map(\.id.rawValue))
    }
}
