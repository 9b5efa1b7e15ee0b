import ContractTypes
import Domain
import Services
import Yams

/// Reads a seed file: YAML as in `config/inventory/demo.yaml`.
public enum SeedFile {
    public static func parse(_ yaml: String) throws(ConfigurationError) -> LabDescription {
        let node: Yams.Node?
        do {
            node = try Yams.compose(yaml: yaml)
        } catch {
            throw ConfigurationError("not valid YAML: \(error)")
        }
        var lab = LabDescription()
        guard let node else { return lab }
        var root = try StrictMapping(node, path: "")
        lab.storagePolicies = try root.list("storage_policies", policy)
        lab.datacenters = try root.list("datacenters", datacenter)
        lab.virtualMachines = try root.list("virtual_machines", virtualMachines)
        try root.finish()
        try check(lab)
        return lab
    }

    private static func policy(_ entry: inout StrictMapping) throws(ConfigurationError) -> LabDescription.Policy {
        try LabDescription.Policy(
            id: entry.text("id"), name: entry.text("name"), summary: entry.text("description", default: ""),
            provisioning: entry.choice("provisioning", [("thin", .thin), ("eager_zeroed", .eagerZeroed)]))
    }

    private static func datacenter(_ entry: inout StrictMapping) throws(ConfigurationError) -> LabDescription.Datacenter {
        var datacenter = try LabDescription.Datacenter(name: entry.text("name"))
        if var folders = try entry.mapping("folders") {
            datacenter.virtualMachineFolders = try folders.texts("virtual_machine")
            try folders.finish()
        }
        datacenter.networks = try entry.list("networks") { (network) throws(ConfigurationError) in
            let types: [NetworkType] = [.standardPortGroup, .distributedPortGroup]
            return try LabDescription.Network(
                name: network.text("name"), type: network.choice("type", types.map { ($0.rawValue, $0) }))
        }
        datacenter.datastores = try entry.list("datastores") { (store) throws(ConfigurationError) in
            try LabDescription.Datastore(
                name: store.text("name"), capacityGiB: store.number("capacity_gib", in: 1...65_536))
        }
        datacenter.clusters = try entry.list("clusters", cluster)
        return datacenter
    }

    private static func cluster(_ entry: inout StrictMapping) throws(ConfigurationError) -> LabDescription.Cluster {
        let name = try entry.text("name")
        guard var hosts = try entry.mapping("hosts") else {
            throw ConfigurationError("\(entry.path): hosts is missing")
        }
        let pattern = try hosts.text("name", default: "esx-#.viaduct.local")
        let count = try hosts.number("count", in: 1...64)
        let cores = try hosts.number("cpu_cores", in: 1...1024, default: 32)
        let speed = try hosts.number("core_mhz", in: 256...16_000, default: Host.usualCoreSpeedMHz)
        let memory = try hosts.number("memory_gib", in: 1...65_536, default: 256)
        try hosts.finish()
        var cluster = try LabDescription.Cluster(
            name: name, isHAEnabled: entry.flag("ha", default: true), isDRSEnabled: entry.flag("drs", default: true),
            hosts: numbered(pattern, count), cpuCores: cores, memoryGiB: memory, resourcePools: entry.texts("resource_pools"))
        cluster.coreSpeedMHz = speed
        return cluster
    }

    private static func virtualMachines(
        _ entry: inout StrictMapping
    ) throws(ConfigurationError) -> LabDescription.VirtualMachines {
        let pattern = try entry.text("name")
        let count = try entry.number("count", in: 1...100_000, default: 1)
        return try LabDescription.VirtualMachines(
            names: count == 1 && !pattern.contains("#") ? [pattern] : numbered(pattern, count),
            datacenter: entry.text("datacenter", default: ""), folder: entry.text("folder", default: ""),
            datastore: entry.text("datastore", default: ""), guestOS: entry.text("guest_os", default: "OTHER_64"),
            cpuCount: entry.number("cpu_count", in: 1...768, default: 1),
            memoryMiB: entry.number("memory_mib", in: 4...25_165_824, default: 1024),
            disks: entry.list("disks") { (disk) throws(ConfigurationError) in
                try LabDescription.Disk(
                    capacityGiB: disk.number("capacity_gib", in: 1...63_488), policy: disk.text("storage_policy", default: ""))
            },
            networks: entry.texts("networks"), isPoweredOn: entry.flag("powered_on", default: false))
    }

    /// `esx-#` and 3 give `esx-1`, `esx-2`, `esx-3`; without a hash sign the number goes to the end.
    private static func numbered(_ pattern: String, _ count: Int) -> [String] {
        (1...count).map { number in
            guard let mark = pattern.firstIndex(of: "#") else { return pattern + "\(number)" }
            return pattern[..<mark] + "\(number)" + pattern[pattern.index(after: mark)...]
        }
    }

    /// References between parts of the file, and names that must differ.
    private static func check(_ lab: LabDescription) throws(ConfigurationError) {
        try requireDistinct(lab.datacenters.map(\.name), "datacenters")
        try requireDistinct(lab.storagePolicies.map(\.name), "storage_policies")
        try requireDistinct(lab.storagePolicies.map(\.id), "storage_policies")
        try requireDistinct(lab.datacenters.flatMap { $0.clusters.flatMap(\.hosts) }, "hosts")
        for datacenter in lab.datacenters {
            try requireDistinct(datacenter.datastores.map(\.name), "\(datacenter.name).datastores")
            try requireDistinct(datacenter.networks.map(\.name), "\(datacenter.name).networks")
            try requireDistinct(datacenter.clusters.map(\.name), "\(datacenter.name).clusters")
            try requireDistinct(datacenter.virtualMachineFolders, "\(datacenter.name).folders.virtual_machine")
            for cluster in datacenter.clusters { try requireDistinct(cluster.resourcePools, "\(cluster.name).resource_pools") }
            guard datacenter.datastores.isEmpty || !datacenter.clusters.isEmpty else {
                throw ConfigurationError("\(datacenter.name): datastores need a cluster with hosts")
            }
        }
        try checkMachines(lab)
    }

    private static func checkMachines(_ lab: LabDescription) throws(ConfigurationError) {
        let places = lab.virtualMachines.flatMap { group in
            let datacenter = group.datacenter.isEmpty ? lab.datacenters.first?.name ?? "" : group.datacenter
            return group.names.map { "\(datacenter)/\(group.folder)/\($0)" }
        }
        var seen: Set<String> = []
        for place in places where !seen.insert(place).inserted {
            throw ConfigurationError("virtual_machines: \"\(place.split(separator: "/").last ?? "")\" stands there twice")
        }
        for group in lab.virtualMachines {
            let place = group.names.first ?? ""
            let candidates = lab.datacenters.filter { group.datacenter.isEmpty || $0.name == group.datacenter }
            guard let datacenter = candidates.first else {
                throw ConfigurationError("virtual machine \(place): no datacenter named \"\(group.datacenter)\"")
            }
            guard VcenterVmGuestOS(rawValue: group.guestOS) != nil else {
                throw ConfigurationError("virtual machine \(place): no guest operating system \"\(group.guestOS)\"")
            }
            guard group.folder.isEmpty || datacenter.virtualMachineFolders.contains(group.folder) else {
                throw ConfigurationError("virtual machine \(place): no folder named \"\(group.folder)\"")
            }
            guard group.datastore.isEmpty || datacenter.datastores.contains(where: { $0.name == group.datastore }) else {
                throw ConfigurationError("virtual machine \(place): no datastore named \"\(group.datastore)\"")
            }
            for network in group.networks where !datacenter.networks.contains(where: { $0.name == network }) {
                throw ConfigurationError("virtual machine \(place): no network named \"\(network)\"")
            }
            for disk in group.disks
            where !disk.policy.isEmpty && !lab.storagePolicies.contains(where: { $0.name == disk.policy }) {
                throw ConfigurationError("virtual machine \(place): no storage policy named \"\(disk.policy)\"")
            }
        }
    }

    private static func requireDistinct(_ names: [String], _ place: String) throws(ConfigurationError) {
        var seen: Set<String> = []
        for name in names where !seen.insert(name).inserted {
            throw ConfigurationError("\(place): \"\(name)\" stands there twice")
        }
    }
}
