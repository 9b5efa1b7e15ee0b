import Domain
import Persistence

// What permissions on tenants and their virtual datacenters give on other objects: resource pool and folder of a virtual
// datacenter get it besides what their parents in the tree hand down, and the datastores and networks that it may use get
// the part of it that takes from them.
extension Access {
    /// What an object gets because the user is a member of the tenant that it serves.
    func ofMembership(_ object: ManagedObject, _ inventory: Inventory) -> PrivilegeSet {
        guard rules.isMember else { return .none }
        let table = inventory[TenantDatacenter.self]
        switch object.type {
        case .resourcePool: return table.record(by: "pool", object.id).map { granted(by: $0.value) } ?? .none
        case .folder: return table.record(by: "folder", object.id).map { granted(by: $0.value) } ?? .none
        case .datastore, .network:
            var result = PrivilegeSet.none
            for datacenter in datacenters(inventory) where inventory.serves(object, datacenter) {
                result = result.union(granted(by: datacenter).intersection(.sharedResource))
            }
            return result
        case .datacenter, .cluster, .host, .virtualMachine, .tenant, .tenantDatacenter: return .none
        }
    }

    /// While a virtual datacenter is suspended, only operators change something in it.
    ///
    /// - Throws: `not_allowed_in_current_state`.
    func requireActive(_ object: ManagedObject, _ inventory: Inventory) throws(Fault) {
        guard let datacenter = inventory.tenantDatacenter(around: object), datacenter.state == .suspended else { return }
        guard may(PrivilegeSet(ids: ["TenantManager.Update"]), on: ManagedObject(datacenter.id), in: inventory) else {
            throw .datacenterClosed(datacenter.id.rawValue, datacenter.state.rawValue)
        }
    }

    private func granted(by datacenter: TenantDatacenter) -> PrivilegeSet {
        rules.granted(by: datacenter.id.rawValue) ?? rules.granted(by: datacenter.tenant.rawValue) ?? .none
    }

    /// The virtual datacenters that the user has been given something in.
    private func datacenters(_ inventory: Inventory) -> [TenantDatacenter] {
        let table = inventory[TenantDatacenter.self]
        return rules.places.flatMap { place -> [TenantDatacenter] in
            switch place.type {
            case .tenant: table.records(by: "tenant", place.id).map(\.value)
            case .tenantDatacenter: table.record(Identifier(place.id)).map { [$0.value] } ?? []
            case .folder, .datacenter, .cluster, .host, .resourcePool, .network, .datastore, .virtualMachine: []
            }
        }
    }
}

extension Inventory {
    /// The virtual datacenter that an object is or belongs to.
    func tenantDatacenter(around object: ManagedObject) -> TenantDatacenter? {
        let table = self[TenantDatacenter.self]
        guard !table.isEmpty else { return nil }
        switch object.type {
        case .tenantDatacenter: return table.record(Identifier(object.id))?.value
        case .resourcePool: return tenantDatacenter(of: Identifier(object.id))
        case .folder: return table.record(by: "folder", object.id)?.value
        case .virtualMachine:
            return self[VirtualMachine.self].record(Identifier(object.id)).flatMap { tenantDatacenter(of: $0.value.resourcePool) }
        case .datacenter, .cluster, .host, .network, .datastore, .tenant: return nil
        }
    }

    /// Whether a virtual datacenter may use a datastore or network.
    func serves(_ object: ManagedObject, _ datacenter: TenantDatacenter) -> Bool {
        let home = self[Cluster.self].record(datacenter.cluster)?.value.datacenter
        switch object.type {
        case .datastore:
            let id = Identifier<Datastore>(object.id)
            return self[Datastore.self].record(id)?.value.datacenter == home && datacenter.allowed.datastores?.contains(id) ?? true
        case .network:
            let id = Identifier<Network>(object.id)
            return self[Network.self].record(id)?.value.datacenter == home && datacenter.allowed.networks?.contains(id) ?? true
        case .folder, .datacenter, .cluster, .host, .resourcePool, .virtualMachine, .tenant, .tenantDatacenter: return false
        }
    }
}

extension Access? {
    /// Of the identifiers in a filter, those whose objects the caller may see: any other finds as little as one that does
    /// not exist.
    func known(_ ids: [String]?, _ type: ManagedObjectType, _ inventory: Inventory) -> [String]? {
        guard let access = self else { return ids }
        return ids?.filter { access.sees(ManagedObject(type, $0), in: inventory) }
    }
}
