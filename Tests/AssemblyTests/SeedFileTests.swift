import Domain
import Services
import Testing

@testable import Assembly

// What a seed file says, and every way in which it can be wrong.

@Suite struct SeedFileTests {
    private static let good = """
        storage_policies:
          - {id: p1, name: Gold, provisioning: eager_zeroed}
        datacenters:
          - name: Lab
            folders: {virtual_machine: [Web]}
            networks: [{name: Net, type: STANDARD_PORTGROUP}]
            datastores: [{name: ds, capacity_gib: 2}]
            clusters:
              - name: C
                hosts: {name: "esx-#.lab", count: 2}
        virtual_machines:
          - {name: "web-#", count: 3, folder: Web, datastore: ds, networks: [Net], disks: [{capacity_gib: 1, storage_policy: Gold}]}
          - {name: single}
        """

    @Test func aGoodFileIsReadWhole() throws {
        let lab = try SeedFile.parse(Self.good)
        #expect(lab.storagePolicies == [.init(id: "p1", name: "Gold", summary: "", provisioning: .eagerZeroed)])
        let datacenter = try #require(lab.datacenters.first)
        #expect(datacenter.virtualMachineFolders == ["Web"])
        #expect(datacenter.networks == [.init(name: "Net", type: .standardPortGroup)])
        #expect(datacenter.datastores == [.init(name: "ds", capacityGiB: 2)])
        let cluster = try #require(datacenter.clusters.first)
        #expect(cluster.hosts == ["esx-1.lab", "esx-2.lab"])
        #expect(cluster.isHAEnabled && cluster.isDRSEnabled && cluster.cpuCores == 32 && cluster.memoryGiB == 256)
        #expect(lab.virtualMachines.map(\.names) == [["web-1", "web-2", "web-3"], ["single"]])
        #expect(lab.virtualMachines[0].disks == [.init(capacityGiB: 1, policy: "Gold")])
        #expect(lab.virtualMachines[1].guestOS == "OTHER_64" && lab.virtualMachines[1].memoryMiB == 1024)
        #expect(try SeedFile.parse("").datacenters.isEmpty)
    }

    /// Each replaces a part of the good file.
    @Test(arguments: [
        ("name: Lab", "nam: Lab", "datacenters[0]: name is missing"),
        ("name: Lab", "name: Lab\n    colour: red", "unknown key datacenters[0].colour"),
        ("storage_policies:", "policies:", "unknown key policies"), ("id: p1, ", "", "storage_policies[0]: id is missing"),
        ("eager_zeroed", "lazy", "storage_policies[0].provisioning must be one of thin, eager_zeroed, not \"lazy\""),
        ("STANDARD_PORTGROUP", "WLAN", "datacenters[0].networks[0].type must be one of STANDARD_PORTGROUP"),
        ("capacity_gib: 2}", "capacity_gib: 0}", "datacenters[0].datastores[0].capacity_gib must be a whole number from 1"),
        ("capacity_gib: 2}", "capacity_gib: many}", "not \"many\""), ("capacity_gib: 2}", "}", "capacity_gib is missing"),
        ("count: 2", "count: 65", "datacenters[0].clusters[0].hosts.count must be"),
        ("[Web]", "Web", "datacenters[0].folders.virtual_machine must be a list"),
        ("[Web]", "[[Web]]", "datacenters[0].folders.virtual_machine[0] must be text"),
        ("[Web]", "[Web, Web]", "\"Web\" stands there twice"),
        ("{virtual_machine: [Web]}", "Web", "datacenters[0].folders must be a mapping"),
        ("folders: {virtual_machine: [Web]}", "folders: {host: [Web]}", "unknown key datacenters[0].folders.host"),
        ("hosts: {name: \"esx-#.lab\", count: 2}", "ha: true", "datacenters[0].clusters[0]: hosts is missing"),
        (
            "hosts: {name: \"esx-#.lab\", count: 2}", "ha: maybe\n        hosts: {count: 1}",
            "datacenters[0].clusters[0].ha must be true or false"
        ),
        ("folder: Web", "folder: DB", "virtual machine web-1: no folder named \"DB\""),
        ("datastore: ds", "datastore: x", "virtual machine web-1: no datastore named \"x\""),
        ("networks: [Net]", "networks: [X]", "virtual machine web-1: no network named \"X\""),
        ("storage_policy: Gold", "storage_policy: Tin", "virtual machine web-1: no storage policy named \"Tin\""),
        ("{name: single}", "{name: single, datacenter: Moon}", "virtual machine single: no datacenter named \"Moon\""),
        (
            "{name: single}", "{name: single, guest_os: TOASTER}",
            "virtual machine single: no guest operating system \"TOASTER\""
        ),
        ("{name: single}", "{name: web-2, folder: Web}", "\"web-2\" stands there twice"),
        (
            "{name: ds, capacity_gib: 2}", "{name: ds, capacity_gib: 2}, {name: ds, capacity_gib: 3}",
            "Lab.datastores: \"ds\" stands there twice"
        ),
        (
            "    clusters:\n      - name: C\n        hosts: {name: \"esx-#.lab\", count: 2}", "",
            "Lab: datastores need a cluster with hosts"
        ),
        ("count: 2}", "count: 2}\n        resource_pools: [A, A]", "C.resource_pools: \"A\" stands there twice"),
        ("name: Lab", "name: {}", "datacenters[0].name must be text"),
        ("datacenters:", "datacenters: x\nother:", "datacenters must be a list"),
    ])
    func whatIsWrongIsNamed(part: String, replacement: String, expected: String) {
        #expect(Self.good.contains(part), "\(part)")
        let text = complaint { try SeedFile.parse(Self.good.replacing(part, with: replacement, maxReplacements: 1)) }
        #expect(text.contains(expected), "\(text)")
    }

    @Test func numbersGoInPlaceOfTheHashSignOrToTheEnd() throws {
        let names = { (pattern: String, count: Int) in
            let yaml = "datacenters:\n  - name: D\nvirtual_machines:\n  - {name: \"\(pattern)\", count: \(count)}"
            return try SeedFile.parse(yaml).virtualMachines[0].names
        }
        #expect(try names("a", 1) == ["a"])
        #expect(try names("a#", 1) == ["a1"])
        #expect(try names("a-#-b#", 2) == ["a-1-b#", "a-2-b#"])
        #expect(try names("a", 2) == ["a1", "a2"])
    }
}
