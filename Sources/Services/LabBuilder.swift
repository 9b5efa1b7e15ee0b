import ContractTypes
import Cryptography
import Datastores
import Domain
import Persistence
import Platform
import SCSI
import StorageArray

/// Makes the inventory that a lab description describes, in one change, and the volumes under it.
public struct LabBuilder: Sendable {
    private let world: World

    public init(world: World) { self.world = world }

    /// The part of the array that a first start needs.
    public protocol Array: Sendable {
        /// Makes the LUN of a datastore if it is not there, and lets the initiators use it.
        ///
        /// - Returns: the logical unit number, and whether the LUN was there.
        func provide(name: String, sizeBytes: UInt64, initiators: [String]) throws(Fault) -> (lun: UInt16, existed: Bool)
        var target: any SCSITarget { get }
    }

    /// A lab with all identifiers chosen, and the datastores whose volumes are still to be made.
    public struct Plan: Sendable {
        var records = Records()

        struct Records: Sendable {
            var policies: [StoragePolicy] = []
            var folders: [Folder] = []
            var datacenters: [Datacenter] = []
            var clusters: [Cluster] = []
            var hosts: [Host] = []
            var pools: [ResourcePool] = []
            var networks: [Network] = []
            var luns: [ArrayLUN] = []
            var datastores: [Datastore] = []
        }
    }

    /// Makes volumes and returns the records to insert. A LUN that is there already keeps its volume and files. Blocks.
    public func plan(_ lab: LabDescription, array: any Array) throws(Fault) -> Plan {
        var numbers = Numbers()
        var plan = Plan()
        plan.records.policies = lab.storagePolicies.map {
            StoragePolicy(id: Identifier($0.id), name: $0.name, summary: $0.summary, provisioning: $0.provisioning)
        }
        plan.records.folders.append(Folder(id: Folder.root, name: "Datacenters", type: .datacenter, parent: nil, datacenter: nil))
        for datacenter in lab.datacenters { try add(datacenter, to: &plan, &numbers, array) }
        return plan
    }

    /// Inserts a plan's records; part of the change that completes a first start.
    public static func insert(_ plan: Plan, into draft: inout Draft) throws(Fault) {
        let records = plan.records
        for record in records.policies { try draft.insert(record) }
        for record in records.folders { try keep(record, &draft) }
        for record in records.datacenters { try keep(record, &draft) }
        for record in records.clusters { try keep(record, &draft) }
        for record in records.hosts { try keep(record, &draft) }
        for record in records.pools { try keep(record, &draft) }
        for record in records.networks { try keep(record, &draft) }
        for record in records.luns { try draft.insert(record) }
        for record in records.datastores { try keep(record, &draft) }
    }

    /// Inserts a record whose number must never be given again.
    private static func keep(_ record: some Resource, _ draft: inout Draft) throws(Fault) {
        try draft.insert(record)
        draft.reserve(record.id)
    }
}

/// Counts identifiers, one sequence for all kinds as in vCenter.
private struct Numbers {
    private var last = 1

    mutating func next<Value>(_ prefix: String) -> Identifier<Value> {
        last += 1
        return Identifier("\(prefix)\(last)")
    }
}

extension LabBuilder {
    private func add(
        _ lab: LabDescription.Datacenter, to plan: inout Plan, _ numbers: inout Numbers, _ array: any Array
    ) throws(Fault) {
        let id: Identifier<Datacenter> = numbers.next("datacenter-")
        let machines: Identifier<Folder> = numbers.next("group-v")
        let datacenter = Datacenter(
            id: id, name: lab.name, parent: Folder.root, datastoreFolder: numbers.next("group-s"),
            hostFolder: numbers.next("group-h"), networkFolder: numbers.next("group-n"), virtualMachineFolder: machines)
        plan.records.datacenters.append(datacenter)
        for (folder, name, type) in [
            (machines, "vm", FolderType.virtualMachine), (datacenter.hostFolder, "host", .host),
            (datacenter.datastoreFolder, "datastore", .datastore), (datacenter.networkFolder, "network", .network),
        ] {
            plan.records.folders.append(Folder(id: folder, name: name, type: type, parent: nil, datacenter: id))
        }
        for name in lab.virtualMachineFolders {
            plan.records.folders.append(
                Folder(id: numbers.next("group-v"), name: name, type: .virtualMachine, parent: machines, datacenter: id))
        }
        for cluster in lab.clusters { add(cluster, datacenter, to: &plan, &numbers) }
        for network in lab.networks {
            let isDistributed = network.type == .distributedPortGroup
            plan.records.networks.append(
                Network(
                    id: numbers.next(isDistributed ? "dvportgroup-" : "network-"), name: network.name, type: network.type,
                    folder: datacenter.networkFolder, datacenter: id,
                    switchUUID: isDistributed ? Self.uuid("switch", lab.name, network.name) : nil))
        }
        for datastore in lab.datastores { try add(datastore, datacenter, to: &plan, &numbers, array) }
    }

    private func add(
        _ lab: LabDescription.Cluster, _ datacenter: Datacenter, to plan: inout Plan, _ numbers: inout Numbers
    ) {
        let (id, root): (Identifier<Cluster>, Identifier<ResourcePool>) = (numbers.next("domain-c"), numbers.next("resgroup-"))
        plan.records.clusters.append(
            Cluster(
                id: id, name: lab.name, folder: datacenter.hostFolder, datacenter: datacenter.id, resourcePool: root,
                isHAEnabled: lab.isHAEnabled, isDRSEnabled: lab.isDRSEnabled))
        for name in lab.hosts {
            plan.records.hosts.append(
                Host(
                    id: numbers.next("host-"), name: name, cluster: id, folder: datacenter.hostFolder, datacenter: datacenter.id,
                    uuid: Self.uuid("host", datacenter.name, name),
                    initiatorName: "iqn.1998-01.com.vmware:\(name)", cpuCores: lab.cpuCores,
                    coreSpeedMHz: lab.coreSpeedMHz,
                    memoryBytes: UInt64(lab.memoryGiB) << 30))
        }
        for (index, name) in (["Resources"] + lab.resourcePools).enumerated() {
            plan.records.pools.append(
                ResourcePool(
                    id: index == 0 ? root : numbers.next("resgroup-"), name: name, parent: index == 0 ? nil : root, cluster: id,
                    datacenter: datacenter.id, cpu: .unlimited, memory: .unlimited))
        }
    }

    private func add(
        _ lab: LabDescription.Datastore, _ datacenter: Datacenter, to plan: inout Plan, _ numbers: inout Numbers,
        _ array: any Array
    ) throws(Fault) {
        let hosts = plan.records.hosts.filter { $0.datacenter == datacenter.id }
        let sizeBytes = UInt64(lab.capacityGiB) << 30
        let (lun, existed) = try array.provide(
            name: "\(datacenter.name)/\(lab.name)", sizeBytes: sizeBytes, initiators: hosts.map(\.nexusName))
        guard let host = hosts.first else {
            throw .invalid("datacenters", "the datacenter '\(datacenter.name)' has datastores but no host.")
        }
        let record = Datastore(
            id: numbers.next("datastore-"), name: lab.name, folder: datacenter.datastoreFolder, datacenter: datacenter.id,
            lun: lun, volumeUUID: Self.uuid("volume", datacenter.name, lab.name), capacityBytes: sizeBytes)
        let initiator = Initiator(target: array.target, lun: lun, nexus: Nexus(initiator: host.nexusName))
        try prepare(record, initiator, host, existed: existed)
        plan.records.luns.append(ArrayLUN(id: Identifier(LUNIdentifier(UInt32(lun))), number: lun))
        plan.records.datastores.append(record)
    }

    /// Formats a new LUN; on one that was there, keeps a volume that can be mounted.
    private func prepare(_ datastore: Datastore, _ initiator: Initiator, _ host: Host, existed: Bool) throws(Fault) {
        let clock = HostClock(world)
        do throws(VolumeError) {
            guard let identifier = VolumeIdentifier(datastore.volumeUUID), let hostID = VolumeIdentifier(host.uuid) else {
                throw .invalidArgument("malformed UUID")
            }
            if existed {
                do throws(VolumeError) {
                    let volume = try Volume.mount(
                        initiator, host: HostIdentity(identifier: hostID, name: host.name), clock: clock)
                    return try volume.unmount()
                } catch .notAVolume {
                    // Its format was interrupted: nothing is lost by doing it again.
                }
            }
            try Volume.format(initiator, label: datastore.name, identifier: identifier, clock: clock)
        } catch {
            throw Fault(error, on: datastore)
        }
    }

    /// A UUID that follows from names, so that the same lab always has the same ones. Source: RFC 9562 §5.8.
    private static func uuid(_ parts: String...) -> String {
        UUIDText.named(parts.joined(separator: "/"))
    }
}
