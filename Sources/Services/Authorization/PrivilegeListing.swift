import ContractTypes
import Domain

/// `com.vmware.vcenter.authorization.privileges`
struct PrivilegeListing: PrivilegeService {
    func get(privilege: String, call: Call) throws(Fault) -> VcenterAuthorizationPrivilegesInfo {
        guard let found = Privilege(privilege) else { throw .notFound("authorization.privilege", "Privilege", privilege) }
        return VcenterAuthorizationPrivilegesInfo(found)
    }

    func list(
        filter: VcenterAuthorizationPrivilegesFilterSpec?, iterate: VcenterAuthorizationPrivilegesIterationSpec?, call: Call
    ) throws(Fault) -> VcenterAuthorizationPrivilegesListResult {
        let names = Choice(filter?.names)
        let rows = Privilege.all.filter {
            names.contains($0.name) && (filter?.isOnParent ?? false) == false
                && filter?.versions?.contains(VcenterAuthorizationPrivilegesInfo.version) ?? true
        }
        let page = try Page(size: iterate?.pageSize, marker: iterate?.marker).cut(rows, id: \.id)
        return VcenterAuthorizationPrivilegesListResult(
            items: page.items.map {
                VcenterAuthorizationPrivilegesListItem(privilege: $0.id, info: VcenterAuthorizationPrivilegesInfo($0))
            }, marker: page.marker)
    }
}

extension VcenterAuthorizationPrivilegesInfo {
    /// There has been one catalogue so far.
    static let version: Int64 = 1

    init(_ privilege: Privilege) {
        self.init(
            name: privilege.name, description: "\(privilege.name) in the group \(privilege.group)", onParent: false,
            version: Self.version)
    }
}
