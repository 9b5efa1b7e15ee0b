import Domain
import Persistence

/// A random tree of objects with random users, groups, roles and permissions, and random changes to all of it.
struct RandomInventory: Sendable {
    let users = ["ann@vsphere.local", "bob@vsphere.local", "cyd@vsphere.local", "administrator@vsphere.local", "ghost@vsphere.local"]
    private let groups = (1...4).map { Identifier<Group>("group\($0)@vsphere.local") } + [Group.administrators]
    private var folders: [Folder] = []
    private var datacenter: Datacenter
    private var clusters: [Cluster] = []
    private var pools: [ResourcePool] = []
    private var hosts: [Host] = []
    private var networks: [Network] = []
    private var datastores: [Datastore] = []
    private var machines: [VirtualMachine] = []
    private var roles: [Role] = []
    private var permissions: [Permission] = []
    private var members: [Identifier<Group>: [GroupMember]] = [:]

    var objects: [ManagedObject] {
        var found = folders.map { ManagedObject($0.id) }
        found.append(ManagedObject(datacenter.id))
        found += clusters.map { ManagedObject($0.id) }
        found += pools.map { ManagedObject($0.id) }
        found += hosts.map { ManagedObject($0.id) }
        found += networks.map { ManagedObject($0.id) }
        found += datastores.map { ManagedObject($0.id) }
        found += machines.map { ManagedObject($0.id) }
        return found
    }

    init(_ random: inout SeededGenerator) {
        let center = Identifier<Datacenter>("datacenter-2")
        func top(_ name: String, _ type: FolderType) -> Folder {
            Folder(id: Identifier("group-\(name)"), name: name, type: type, parent: nil, datacenter: center)
        }
        let root = Folder(id: Folder.root, name: "Datacenters", type: .datacenter, parent: nil, datacenter: nil)
        let above = Folder(id: Identifier("group-d2"), name: "Above", type: .datacenter, parent: root.id, datacenter: nil)
        let (forMachines, forHosts) = (top("v3", .virtualMachine), top("h4", .host))
        let (forStores, forNetworks) = (top("s5", .datastore), top("n6", .network))
        folders = [root, above, forMachines, forHosts, forStores, forNetworks]
        datacenter = Datacenter(
            id: center, name: "Lab", parent: above.id, datastoreFolder: forStores.id, hostFolder: forHosts.id,
            networkFolder: forNetworks.id, virtualMachineFolder: forMachines.id)
        for number in 0..<Int.random(in: 0...6, using: &random) {
            let parent = folders[2...].randomElement(using: &random) ?? forMachines
            folders.append(
                Folder(id: Identifier("group-x\(number)"), name: "x\(number)", type: parent.type, parent: parent.id, datacenter: center))
        }
        addCompute(center, &random)
        addMachines(center, &random)
        addRules(&random)
    }

    private func folder(_ type: FolderType, _ random: inout SeededGenerator) -> Identifier<Folder> {
        folders.filter { $0.type == type }.randomElement(using: &random)?.id ?? Folder.root
    }

    private mutating func addCompute(_ center: Identifier<Datacenter>, _ random: inout SeededGenerator) {
        for number in 1...2 {
            let cluster = Cluster(
                id: Identifier("domain-c\(number)"), name: "c\(number)", folder: folder(.host, &random), datacenter: center,
                resourcePool: Identifier("resgroup-\(number)"), isHAEnabled: false, isDRSEnabled: false)
            clusters.append(cluster)
            pools.append(pool(cluster.resourcePool, nil, cluster))
        }
        for number in 3..<3 + Int.random(in: 0...4, using: &random) {
            guard let parent = pools.randomElement(using: &random), let cluster = clusters.first(where: { $0.id == parent.cluster })
            else { continue }
            pools.append(pool(Identifier("resgroup-\(number)"), parent.id, cluster))
        }
        for number in 1...3 {
            hosts.append(
                Host(
                    id: Identifier("host-\(number)"), name: "h\(number)",
                    cluster: Bool.random(using: &random) ? clusters.randomElement(using: &random)?.id : nil,
                    folder: folder(.host, &random), datacenter: center, uuid: "", initiatorName: "", cpuCores: 1, memoryBytes: 1))
        }
        for number in 1...2 {
            networks.append(
                Network(
                    id: Identifier("network-\(number)"), name: "n\(number)", type: .standardPortGroup,
                    folder: folder(.network, &random), datacenter: center, switchUUID: nil))
            datastores.append(
                Datastore(
                    id: Identifier("datastore-\(number)"), name: "d\(number)", folder: folder(.datastore, &random),
                    datacenter: center, lun: 1, volumeUUID: "", capacityBytes: 1))
        }
    }

    private func pool(_ id: Identifier<ResourcePool>, _ parent: Identifier<ResourcePool>?, _ cluster: Cluster) -> ResourcePool {
        ResourcePool(
            id: id, name: id.rawValue, parent: parent, cluster: cluster.id, datacenter: cluster.datacenter, cpu: .unlimited,
            memory: .unlimited)
    }

    private mutating func addMachines(_ center: Identifier<Datacenter>, _ random: inout SeededGenerator) {
        for number in 1...Int.random(in: 1...10, using: &random) {
            let pool = pools.randomElement(using: &random)?.id ?? Identifier("")
            let hardware = Hardware(
                version: "VMX_21", cpu: CPU(count: 1, coresPerSocket: 1, isHotAddEnabled: false, isHotRemoveEnabled: false),
                memory: Memory(sizeMiB: 1, isHotAddEnabled: false),
                boot: Boot(firmware: .bios, delayMilliseconds: 0, retry: false, retryDelayMilliseconds: 0, entersSetup: false),
                bootOrder: [])
            var machine = VirtualMachine(
                id: Identifier("vm-\(number)"), name: "vm\(number)", folder: folder(.virtualMachine, &random), datacenter: center,
                host: Identifier("host-1"), cluster: nil, resourcePool: pool,
                home: DatastorePath(datastore: Identifier("datastore-1"), path: "/\(number)"), guestOS: "OTHER", biosUUID: "",
                instanceUUID: "", hardware: hardware)
            machine.lifecycle = .ready
            machines.append(machine)
        }
    }

    private mutating func addRules(_ random: inout SeededGenerator) {
        for number in 101...104 { roles.append(role(number, &random)) }
        for group in groups { members[group] = randomMembers(&random) }
        for number in 0..<Int.random(in: 0...14, using: &random) { permissions.append(permission(number, &random)) }
    }

    private func role(_ number: Int, _ random: inout SeededGenerator) -> Role {
        let privileges = (0..<Int.random(in: 0...20, using: &random)).compactMap { _ in Privilege.all.randomElement(using: &random) }
        return Role(id: Identifier("\(number)"), name: "role \(number)", summary: "", privileges: PrivilegeSet(privileges))
    }

    private func randomMembers(_ random: inout SeededGenerator) -> [GroupMember] {
        let all = users.map { GroupMember.user(Identifier($0)) } + groups.map { GroupMember.group($0) }
        return all.filter { _ in Int.random(in: 0..<5, using: &random) == 0 }
    }

    private func permission(_ number: Int, _ random: inout SeededGenerator) -> Permission {
        let principals = users.map { GroupMember.user(Identifier($0)) } + groups.map { GroupMember.group($0) }
        let object = objects.randomElement(using: &random).map { PermissionPlace.object($0) } ?? .everywhere
        let known = roles.map(\.id) + Role.system.map(\.id) + [Identifier("999")]
        return Permission(
            id: Identifier("permission-\(1000 + number)"), place: Int.random(in: 0..<8, using: &random) == 0 ? .everywhere : object,
            principal: principals.randomElement(using: &random) ?? .group(Group.administrators),
            role: known.randomElement(using: &random) ?? Role.noAccess.id, propagates: Int.random(in: 0..<4, using: &random) > 0)
    }

    // MARK: - Writing

    func insert(into draft: inout Draft) throws(Fault) {
        for folder in folders { try draft.insert(folder) }
        try draft.insert(datacenter)
        for cluster in clusters { try draft.insert(cluster) }
        for pool in pools { try draft.insert(pool) }
        for host in hosts { try draft.insert(host) }
        for network in networks { try draft.insert(network) }
        for datastore in datastores { try draft.insert(datastore) }
        for machine in machines { try draft.insert(machine) }
        for role in roles { try draft.insert(role) }
        // The last of the users has permissions but does not exist.
        for user in users.dropLast() {
            try draft.insert(User(name: String(user.prefix { $0 != "@" }), domain: "vsphere.local", createdAt: draft.now))
        }
        for group in groups {
            let name = String(group.rawValue.prefix { $0 != "@" })
            try draft.insert(Group(name: name, domain: "vsphere.local", members: members[group] ?? []))
        }
        for permission in permissions { try Self.put(permission, &draft) }
    }

    /// One permission for each object and holder, as the product keeps it.
    private static func put(_ permission: Permission, _ draft: inout Draft) throws(Fault) {
        let key = Permission.holderKey(permission.place, permission.principal)
        if let old = draft[Permission.self].record(by: "holder", key) { try draft.remove(old.id) }
        if draft[Permission.self].contains(permission.id) { try draft.remove(permission.id) }
        try draft.insert(permission)
    }

    /// A change of something that decides about access.
    func change(_ random: inout SeededGenerator) -> @Sendable (inout Draft) throws(Fault) -> Void {
        let (role, members) = (role(Int.random(in: 101...104, using: &random), &random), randomMembers(&random))
        let permission = permission(Int.random(in: 0..<20, using: &random), &random)
        let group = groups.randomElement(using: &random) ?? Group.administrators
        let machine = machines.randomElement(using: &random)?.id ?? Identifier("")
        let (folder, pool) = (folder(.virtualMachine, &random), pools.randomElement(using: &random)?.id ?? Identifier(""))
        switch Int.random(in: 0..<5, using: &random) {
        case 0: return { (draft) throws(Fault) in try draft.put(role) }
        case 1:
            return { (draft) throws(Fault) in
                try draft.put(Group(name: String(group.rawValue.prefix { $0 != "@" }), domain: "vsphere.local", members: members))
            }
        case 2:
            return { (draft) throws(Fault) in
                try draft.update(machine) { (machine: inout VirtualMachine) throws(Fault) in
                    machine.folder = folder
                    machine.resourcePool = pool
                }
            }
        case 3:
            return { (draft) throws(Fault) in
                if draft[Permission.self].contains(permission.id) { try draft.remove(permission.id) }
            }
        default: return { (draft) throws(Fault) in try Self.put(permission, &draft) }
        }
    }
}
