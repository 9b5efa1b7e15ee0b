import Contract
import ContractTypes
import Domain
import Testing

@testable import Services

// What is told of the operations, and that every answer of a read is what its operation promises.

@Suite struct IntrospectionTests {
    private typealias Definition = VapiStdIntrospectionOperationDataDefinition

    /// What is wrong with a definition; `open`: the structures around it.
    private static func flaws(_ definition: Definition, at path: String, open: [String] = []) -> [String] {
        let name = definition.name ?? ""
        switch definition.type {
        case .optional, .list:
            guard let element = definition.elementDefinition else { return ["\(path): no element"] }
            guard definition.fields == nil else { return ["\(path): fields"] }
            return flaws(element, at: path + "[]", open: open)
        case .structure, .error:
            guard !name.isEmpty, let fields = definition.fields, definition.elementDefinition == nil else {
                return ["\(path): a structure without name or fields"]
            }
            let known = name == "operation-input" || name == "map-entry" || typeTable.structure(name) != nil
            return (known ? [] : ["\(path): unknown \(name)"])
                + fields.entries.flatMap { flaws($0.value, at: "\(path).\($0.key)", open: open + [name]) }
        case .structureRef:
            return open.contains(name) ? [] : ["\(path): \(name) is not described further out"]
        case .binary, .boolean, .double, .dynamicStructure, .anyError, .long, .opaque, .secret, .string, .void:
            return definition.elementDefinition == nil && definition.fields == nil ? [] : ["\(path): too much"]
        }
    }

    @Test func everyOperationThatIsServedIsDescribedWell() throws {
        let introspection = Introspection(operations)
        let call = Call(
            user: nil, requestID: "", service: "", operation: "", peer: "", receivedAt: Timestamp(milliseconds: 0))
        let (services, each) = (
            Introspection.Services(introspection: introspection), Introspection.Operations(introspection: introspection)
        )
        let names = try services.list(call: call)
        #expect(names == Set(operations.map(\.service)).sorted())
        var described = 0
        for service in names {
            let list = try each.list(serviceID: service, call: call)
            #expect(list == operations.filter { $0.service == service }.map(\.name).sorted())
            #expect(try services.get(id: service, call: call).operations == list)
            for name in list {
                let info = try each.get(serviceID: service, operationID: name, call: call)
                let all = [info.inputDefinition, info.outputDefinition] + info.errorDefinitions
                let flaws = all.flatMap { Self.flaws($0, at: "\(service).\(name)") }
                #expect(flaws.isEmpty)
                #expect(info.inputDefinition.name == "operation-input")
                #expect(info.errorDefinitions.allSatisfy { $0.type == .error })
                described += 1
            }
        }
        #expect(described == operations.count)
        let info = try each.get(serviceID: "com.vmware.vcenter.vm.power", operationID: "start", call: call)
        let plain = VapiStdIntrospectionOperationInfo(
            inputDefinition: info.inputDefinition, outputDefinition: info.outputDefinition, errorDefinitions: [])
        #expect(try violation(plain, of: "com.vmware.vapi.std.introspection.operation", "get") == nil)
    }

    @Test func whatIsNotServedIsNotFoundAndTheChecksumFollowsTheOperations() async throws {
        let introspection = Introspection(operations)
        let call = Call(
            user: nil, requestID: "", service: "", operation: "", peer: "", receivedAt: Timestamp(milliseconds: 0))
        let each = Introspection.Operations(introspection: introspection)
        #expect(await fault { try each.list(serviceID: "com.vmware.x", call: call) }?.type == .notFound)
        #expect(
            await fault { try each.get(serviceID: "com.vmware.vcenter.VM", operationID: "fly", call: call) }?.type == .notFound)
        let checksum = try Introspection.Provider(introspection: introspection).get(call: call).checksum
        #expect(
            try Introspection.Provider(introspection: Introspection(operations.reversed())).get(call: call).checksum == checksum
        )
        let fewer = Introspection(Array(operations.dropLast()))
        #expect(try Introspection.Provider(introspection: fewer).get(call: call).checksum != checksum)
    }

    @Test func everyAnswerOfAReadIsWhatItsOperationPromises() async throws {
        let lab = try await Laboratory.made(.two)
        let call = lab.call()
        let tenant = try lab.network("Lab Tenant").id.rawValue
        let drives: [VcenterVmHardwareCdromCreateSpec] = [
            VcenterVmHardwareCdromCreateSpec(), VcenterVmHardwareCdromCreateSpec(type: .ide),
            VcenterVmHardwareCdromCreateSpec(
                backing: VcenterVmHardwareCdromBackingSpec(type: .isoFile, isoFile: "[datastore1] tools.iso")),
            VcenterVmHardwareCdromCreateSpec(
                backing: VcenterVmHardwareCdromBackingSpec(type: .hostDevice, hostDevice: "cd0", deviceAccessType: .passthru)),
        ]
        let spec = VcenterVMCreateSpec(
            guestOS: .windows9Server64, name: "all", boot: VcenterVmHardwareBootCreateSpec(type: .efi),
            bootDevices: [.init(type: .disk), .init(type: .ethernet), .init(type: .cdrom)],
            memory: VcenterVmHardwareMemoryUpdateSpec(sizeMiB: 512, hotAddEnabled: true),
            disks: [
                .new(mebibytes: 1), .init(type: .ide), .init(type: .sata), .init(type: .nvme, nvme: .init(bus: 0)),
            ],
            nics: [
                .init(),
                .init(type: .e1000, backing: .init(type: .distributedPortgroup, network: tenant), startConnected: true),
            ], cdroms: drives)
        let id = try await lab.machines.create(spec: spec, call: call)
        let service = "com.vmware.vcenter.VM"
        for state in 0..<2 {
            if state == 1 { try await lab.start(id) }
            #expect(try violation(lab.machines.get(vm: id, call: call), of: service, "get") == nil)
            let memory = try MemorySizes(store: lab.store).get(vm: id, call: call)
            #expect(try violation(memory, of: "com.vmware.vcenter.vm.hardware.memory", "get") == nil)
            let power = try lab.powerService.get(vm: id, call: call)
            #expect(try violation(power, of: "com.vmware.vcenter.vm.power", "get") == nil)
        }
        #expect(try violation(lab.machines.list(filter: nil, call: call), of: service, "list") == nil)
        for disk in try lab.machine(id).hardware.disks {
            let info = try lab.disks.get(vm: id, disk: String(disk.key), call: call)
            #expect(try violation(info, of: "com.vmware.vcenter.vm.hardware.disk", "get") == nil)
        }
        #expect(
            try violation(Hosts(store: lab.store, authorization: lab.authorization).list(filter: nil, call: call), of: "com.vmware.vcenter.host", "list") == nil)
        let folders = try Folders(store: lab.store, authorization: lab.authorization).list(filter: nil, call: call)
        #expect(try violation(folders, of: "com.vmware.vcenter.folder", "list") == nil)
        let pool = try found(lab.inventory[ResourcePool.self].all.first).id.rawValue
        let pools = try ResourcePools(store: lab.store, authorization: lab.authorization).get(resourcePool: pool, call: call)
        #expect(try violation(pools, of: "com.vmware.vcenter.resource_pool", "get") == nil)
        let datastores = try DatastoreListing(store: lab.store, authorization: lab.authorization, fabric: lab.fabric).list(filter: nil, call: call)
        #expect(try violation(datastores, of: "com.vmware.vcenter.datastore", "list") == nil)
        let tasks = try lab.tasks.list(filterSpec: nil, resultSpec: nil, call: call)
        #expect(try violation(tasks, of: "com.vmware.cis.tasks", "list") == nil)
        try await lab.close()
    }

    private func violation(_ value: some WireWritable, of service: String, _ name: String) throws -> String? {
        let operation = try found(operations.first { $0.service == service && $0.name == name })
        return typeTable.violation(of: try DataValue(describing: value), type: operation.output)
    }
}
