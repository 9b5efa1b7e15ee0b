import Domain
import Persistence

@testable import Services

/// What a user may do, by the words of the handbook and with no care for speed.
struct NaiveEvaluator {
    let inventory: Inventory

    func privileges(of user: String, on object: ManagedObject) -> PrivilegeSet {
        let names = principals(user)
        var result = PrivilegeSet.none
        for way in ways(up: [object]) { result = result.union(verdict(along: way, names)) }
        return result
    }

    /// The first place of a way that says something about the user decides.
    private func verdict(along way: [ManagedObject], _ names: [GroupMember]) -> PrivilegeSet {
        for (distance, place) in way.enumerated() {
            let said = inventory[Permission.self].all.filter {
                $0.place == .object(place) && names.contains($0.principal) && (distance == 0 || $0.propagates)
            }
            if !said.isEmpty { return strongest(said, names) }
        }
        let global = ([Permission.administrators] + inventory[Permission.self].all).filter {
            $0.place == .everywhere && names.contains($0.principal) && $0.propagates
        }
        return strongest(global, names)
    }

    private func strongest(_ permissions: [Permission], _ names: [GroupMember]) -> PrivilegeSet {
        if let own = permissions.first(where: { $0.principal == names[0] }) { return privileges(of: own.role) }
        return permissions.reduce(.none) { $0.union(privileges(of: $1.role)) }
    }

    private func privileges(of role: Identifier<Role>) -> PrivilegeSet {
        if let system = Role.system.first(where: { $0.id == role }) { return system.privileges }
        return inventory[Role.self].all.first { $0.id == role }?.privileges ?? .none
    }

    /// The user, then every group that contains somebody found before.
    private func principals(_ user: String) -> [GroupMember] {
        guard inventory[User.self].contains(Identifier(user)) else { return [.user(Identifier("nobody"))] }
        var names: [GroupMember] = [.user(Identifier(user))]
        for _ in inventory[Group.self].all {
            for group in inventory[Group.self].all where !names.contains(.group(group.id)) {
                if group.members.contains(where: names.contains) { names.append(.group(group.id)) }
            }
        }
        return names
    }

    private func ways(up way: [ManagedObject]) -> [[ManagedObject]] {
        guard let last = way.last else { return [] }
        let parents = parents(of: last)
        return parents.isEmpty ? [way] : parents.flatMap { ways(up: way + [$0]) }
    }

    private func parents(of object: ManagedObject) -> [ManagedObject] {
        var found: [ManagedObject] = []
        switch object.type {
        case .folder:
            guard let folder = inventory[Folder.self][Identifier(object.id)] else { return [] }
            if let parent = folder.parent { found.append(ManagedObject(.folder, parent.rawValue)) }
            if folder.parent == nil, let center = folder.datacenter { found.append(ManagedObject(.datacenter, center.rawValue)) }
        case .datacenter:
            if let center = inventory[Datacenter.self][Identifier(object.id)] { found = [ManagedObject(.folder, center.parent.rawValue)] }
        case .cluster:
            if let cluster = inventory[Cluster.self][Identifier(object.id)] { found = [ManagedObject(.folder, cluster.folder.rawValue)] }
        case .host:
            guard let host = inventory[Host.self][Identifier(object.id)] else { return [] }
            if let cluster = host.cluster { return [ManagedObject(.cluster, cluster.rawValue)] }
            found = [ManagedObject(.folder, host.folder.rawValue)]
        case .resourcePool:
            guard let pool = inventory[ResourcePool.self][Identifier(object.id)] else { return [] }
            if let parent = pool.parent { return [ManagedObject(.resourcePool, parent.rawValue)] }
            found = [ManagedObject(.cluster, pool.cluster.rawValue)]
        case .network:
            if let network = inventory[Network.self][Identifier(object.id)] { found = [ManagedObject(.folder, network.folder.rawValue)] }
        case .datastore:
            if let store = inventory[Datastore.self][Identifier(object.id)] { found = [ManagedObject(.folder, store.folder.rawValue)] }
        case .virtualMachine:
            guard let machine = inventory[VirtualMachine.self][Identifier(object.id)] else { return [] }
            found = [ManagedObject(.folder, machine.folder.rawValue), ManagedObject(.resourcePool, machine.resourcePool.rawValue)]
        case .tenant, .tenantDatacenter: return []
        }
        return found
    }
}
