import Domain
import Persistence

/// Where a virtual machine goes: what the client asked for, completed by what the inventory offers.
struct Placement: Sendable, Equatable {
    let folder: Identifier<Folder>
    let datacenter: Identifier<Datacenter>
    let host: Identifier<Host>
    let cluster: Identifier<Cluster>?
    let resourcePool: Identifier<ResourcePool>
    let datastore: Identifier<Datastore>

    /// What a client may ask for; every part may be left open.
    struct Wish: Sendable {
        var folder: String?
        var resourcePool: String?
        var host: String?
        var cluster: String?
        var datastore: String?

        /// Asked for nothing.
        static let open = Wish()
    }

    /// Chooses a place.
    ///
    /// A part that was not asked for follows from the others; a host is the one of the cluster with the fewest virtual
    /// machines, a datastore the one with most room.
    /// - Parameters:
    ///   - field: path of the placement in the input, for faults: `spec.placement`.
    ///   - fallback: where the source of a clone is; used before the rules above.
    ///   - mayUse: whether a datastore that was not asked for may be chosen.
    ///   - freeBytes: room of a datastore.
    /// - Throws: `not_found` for an identifier that does not exist; `invalid_argument` where parts contradict each other
    ///   or nothing fits.
    static func choose(
        _ wish: Wish, field: String, fallback: VirtualMachine? = nil, in inventory: Inventory,
        mayUse: (Datastore) -> Bool = { _ in true }, freeBytes: (Datastore) -> UInt64
    ) throws(Fault) -> Placement {
        var named = try Named(wish, inventory)
        try named.adoptTenancy(field, inventory)
        named.adopt(fallback, inventory)
        let datacenter = try named.datacenter(field, inventory)
        let compute = try named.compute(field, datacenter, inventory)
        let tenancy = inventory.tenantDatacenter(of: compute.pool.id)
        return Placement(
            folder: named.folder?.id ?? datacenter.virtualMachineFolder, datacenter: datacenter.id, host: compute.host,
            cluster: compute.pool.cluster, resourcePool: compute.pool.id,
            datastore: try named.datastore(field, datacenter, inventory, freeBytes) { datastore in
                mayUse(datastore) && tenancy.map { inventory.serves(ManagedObject(datastore.id), $0) } ?? true
            }.id)
    }
}

/// The objects that a wish names.
private struct Named {
    var folder: Folder?
    var pool: ResourcePool?
    var host: Host?
    var cluster: Cluster?
    var datastore: Datastore?

    init(_ wish: Placement.Wish, _ inventory: Inventory) throws(Fault) {
        folder = try Self.find(wish.folder, Folder.self, "folder", "Folder", inventory)
        pool = try Self.find(wish.resourcePool, ResourcePool.self, "resourcepool", "Resource pool", inventory)
        host = try Self.find(wish.host, Host.self, "host", "Host", inventory)
        cluster = try Self.find(wish.cluster, Cluster.self, "cluster", "Cluster", inventory)
        datastore = try Self.find(wish.datastore, Datastore.self, "datastore", "Datastore", inventory)
    }

    private static func find<Value: Resource>(
        _ id: String?, _ type: Value.Type, _ kind: String, _ name: String, _ inventory: Inventory
    ) throws(Fault) -> Value? {
        guard let id else { return nil }
        guard let value = inventory[type][Identifier(id)] else { throw .notFound(kind, name, id) }
        return value
    }

    /// Completes what is open from the virtual datacenter whose pool or folder is named.
    ///
    /// - Throws: `invalid_argument` for the folder of one and the pool of something else.
    mutating func adoptTenancy(_ field: String, _ inventory: Inventory) throws(Fault) {
        if let folder, let owner = inventory[TenantDatacenter.self].record(by: "folder", folder.id.rawValue)?.value {
            if pool == nil, host == nil, cluster == nil { pool = inventory[ResourcePool.self][owner.pool] }
            guard let pool, inventory.tenantDatacenter(of: pool.id)?.id == owner.id else {
                throw .invalid("\(field).folder", "the folder '\(folder.id)' is for virtual machines of its virtual datacenter.")
            }
        } else if folder == nil, let pool, let owner = inventory.tenantDatacenter(of: pool.id) {
            folder = inventory[Folder.self][owner.folder]
        }
    }

    /// Completes what is open from the source of a clone. Compute is adopted as a whole or not at all, so that a host
    /// that was asked for is not joined with the pool of another cluster.
    mutating func adopt(_ source: VirtualMachine?, _ inventory: Inventory) {
        guard let source else { return }
        folder = folder ?? inventory[Folder.self][source.folder]
        datastore = datastore ?? inventory[Datastore.self][source.home.datastore]
        if pool == nil, host == nil, cluster == nil {
            pool = inventory[ResourcePool.self][source.resourcePool]
            host = inventory[Host.self][source.host]
        }
    }

    func datacenter(_ field: String, _ inventory: Inventory) throws(Fault) -> Datacenter {
        if let folder {
            guard folder.type == .virtualMachine, let id = folder.datacenter else {
                throw .invalid("\(field).folder", "the folder '\(folder.id)' does not hold virtual machines.")
            }
            return try Self.datacenter(id, inventory)
        }
        let mentioned = pool?.datacenter ?? host?.datacenter ?? cluster?.datacenter ?? datastore?.datacenter
        if let mentioned { return try Self.datacenter(mentioned, inventory) }
        guard let first = inventory[Datacenter.self].all.first else {
            throw .invalid(field, "there is no datacenter to place the virtual machine in.")
        }
        return first
    }

    private static func datacenter(_ id: Identifier<Datacenter>, _ inventory: Inventory) throws(Fault) -> Datacenter {
        guard let datacenter = inventory[Datacenter.self][id] else { throw .notFound("datacenter", "Datacenter", id.rawValue) }
        return datacenter
    }

    /// A pool and a host that belong together, in the datacenter.
    func compute(
        _ field: String, _ datacenter: Datacenter, _ inventory: Inventory
    ) throws(Fault) -> (pool: ResourcePool, host: Identifier<Host>) {
        let clusterID = try clusterID(field, datacenter, inventory)
        guard let cluster = inventory[Cluster.self][clusterID], cluster.datacenter == datacenter.id else {
            throw .invalid(field, "folder and compute resource are in different datacenters.")
        }
        guard let pool = pool ?? inventory[ResourcePool.self][cluster.resourcePool] else {
            throw .notFound("resourcepool", "Resource pool", cluster.resourcePool.rawValue)
        }
        if let host { return (pool, host.id) }
        let candidates = inventory[Host.self].ids(by: "cluster", clusterID.rawValue)
        let loads = candidates.map { (id: $0, count: inventory[VirtualMachine.self].ids(by: "host", $0.rawValue).count) }
        guard let least = loads.min(by: { ($0.count, $0.id) < ($1.count, $1.id) }) else {
            throw .invalid(field, "the cluster '\(clusterID)' has no host.")
        }
        return (pool, least.id)
    }

    private func clusterID(_ field: String, _ datacenter: Datacenter, _ inventory: Inventory) throws(Fault) -> Identifier<Cluster> {
        var mentioned: [(field: String, cluster: Identifier<Cluster>)] = []
        if let pool { mentioned.append(("resource_pool", pool.cluster)) }
        if let host {
            guard let cluster = host.cluster else {
                throw .invalid("\(field).host", "the host '\(host.id)' is in no cluster.")
            }
            mentioned.append(("host", cluster))
        }
        if let cluster { mentioned.append(("cluster", cluster.id)) }
        if let first = mentioned.first {
            for other in mentioned.dropFirst() where other.cluster != first.cluster {
                throw .invalid("\(field).\(other.field)", "it is not in the same cluster as \(first.field).")
            }
            return first.cluster
        }
        guard let any = inventory[Cluster.self].all.first(where: { $0.datacenter == datacenter.id }) else {
            throw .invalid(field, "the datacenter '\(datacenter.id)' has no cluster.")
        }
        return any.id
    }

    func datastore(
        _ field: String, _ datacenter: Datacenter, _ inventory: Inventory, _ freeBytes: (Datastore) -> UInt64,
        mayUse: (Datastore) -> Bool
    ) throws(Fault) -> Datastore {
        if let datastore {
            guard datastore.datacenter == datacenter.id else {
                throw .invalid("\(field).datastore", "it is not in the datacenter '\(datacenter.id)'.")
            }
            return datastore
        }
        let all = inventory[Datastore.self].all.filter { $0.datacenter == datacenter.id }
        let usable = all.filter(mayUse)
        // With none the caller is refused one, and told why.
        let candidates = usable.isEmpty ? all : usable
        // The first of equals, so that the choice does not depend on chance.
        let roomiest = candidates.max { (freeBytes($0), $1.id) < (freeBytes($1), $0.id) }
        guard let roomiest else {
            throw .invalid(field, "the datacenter '\(datacenter.id)' has no datastore.")
        }
        return roomiest
    }
}
