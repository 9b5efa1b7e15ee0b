import Domain
import Persistence

// Where the objects stand that permissions are set on.
extension Inventory {
    /// Whether an object is there for whoever may see it.
    func contains(_ object: ManagedObject) -> Bool {
        switch object.type {
        case .folder: self[Folder.self].contains(Identifier(object.id))
        case .datacenter: self[Datacenter.self].contains(Identifier(object.id))
        case .cluster: self[Cluster.self].contains(Identifier(object.id))
        case .host: self[Host.self].contains(Identifier(object.id))
        case .resourcePool: self[ResourcePool.self].contains(Identifier(object.id))
        case .network: self[Network.self].contains(Identifier(object.id))
        case .datastore: self[Datastore.self].contains(Identifier(object.id))
        case .virtualMachine: self[VirtualMachine.self].record(Identifier(object.id))?.value.lifecycle == .ready
        case .tenant: self[Tenant.self].contains(Identifier(object.id))
        case .tenantDatacenter: self[TenantDatacenter.self].contains(Identifier(object.id))
        }
    }

    /// The objects that an object inherits permissions from; none for the root folder, `nil` for what does not exist.
    ///
    /// A virtual machine has two, all others one. Source: vSphere Security, "Hierarchical Inheritance of Permissions".
    func parents(of object: ManagedObject) -> [ManagedObject]? {
        switch object.type {
        case .folder:
            guard let folder = self[Folder.self].record(Identifier(object.id))?.value else { return nil }
            if let parent = folder.parent { return [ManagedObject(parent)] }
            return folder.datacenter.map { [ManagedObject($0)] } ?? []
        case .datacenter: return self[Datacenter.self].record(Identifier(object.id)).map { [ManagedObject($0.value.parent)] }
        case .cluster: return self[Cluster.self].record(Identifier(object.id)).map { [ManagedObject($0.value.folder)] }
        case .host:
            return self[Host.self].record(Identifier(object.id)).map { record in
                [record.value.cluster.map { ManagedObject($0) } ?? ManagedObject(record.value.folder)]
            }
        case .resourcePool:
            return self[ResourcePool.self].record(Identifier(object.id)).map { record in
                [record.value.parent.map { ManagedObject($0) } ?? ManagedObject(record.value.cluster)]
            }
        case .network: return self[Network.self].record(Identifier(object.id)).map { [ManagedObject($0.value.folder)] }
        case .datastore: return self[Datastore.self].record(Identifier(object.id)).map { [ManagedObject($0.value.folder)] }
        case .virtualMachine:
            return self[VirtualMachine.self].record(Identifier(object.id)).map { record in
                [ManagedObject(record.value.folder), ManagedObject(record.value.resourcePool)]
            }
        case .tenant: return self[Tenant.self].contains(Identifier(object.id)) ? [.root] : nil
        case .tenantDatacenter:
            return self[TenantDatacenter.self].record(Identifier(object.id)).map { [ManagedObject($0.value.tenant)] }
        }
    }

    /// Whether an object is another one or stands somewhere below it.
    func isWithin(_ object: ManagedObject, _ ancestor: ManagedObject) -> Bool {
        var (open, seen) = ([object], Set<ManagedObject>())
        while let next = open.popLast() {
            if next == ancestor { return true }
            if seen.insert(next).inserted { open += parents(of: next) ?? [] }
        }
        return false
    }

    /// A role, whether it came with the product or was made; `nil` if there is none.
    func role(_ id: Identifier<Role>) -> Role? { Role.system(id) ?? self[Role.self][id] }

    /// Every permission, that of the administrators first.
    var permissions: [Permission] { [Permission.administrators] + self[Permission.self].all }

    /// What the permissions say about a user.
    func accessRules(of user: Identifier<User>) -> AccessRules {
        let known = self[User.self].contains(user)
        let groups = known ? groups(of: user) : []
        let members: [GroupMember] = [.user(user)] + groups.map { .group($0) }
        let table = self[Permission.self]
        var concerning = members.flatMap { table.records(by: "principal", $0.key) }.map(\.value)
        concerning.append(Permission.administrators)
        return AccessRules(user: user, groups: groups, permissions: known ? concerning : []) { self.role($0)?.privileges }
    }
}

extension ResourceKind {
    /// What decides about access, but for the virtual machines, of which none has another below it.
    static let ofAuthorization: [ResourceKind] = [
        .role, .permission, .user, .group, .folder, .datacenter, .cluster, .host, .resourcePool, .network, .datastore,
        .tenant, .tenantDatacenter,
    ]
}
