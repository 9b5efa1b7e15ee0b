import Contract
import ContractTypes
import Coordination
import Domain
import Persistence
import Testing

@testable import Services

// Tasks as clients see them: what each state shows, who sees what, and how they are canceled.

@Suite struct TaskTests {
    private static let other = "user@vsphere.local"

    /// A laboratory with a machine `source` whose clone stops in the middle of its copy until the barrier opens.
    private struct Held {
        let lab: Laboratory
        let source: String
        let barrier = Barrier()

        init() async throws {
            lab = try await Laboratory.made()
            source = try await lab.create("source", disks: [.new(mebibytes: 8)], datastore: lab.datastoreID("datastore1"))
            try lab.write(pattern(1, 2 << 20), to: "/source/source.vmdk", on: "datastore1")
            try await lab.store.commit(by: nil) { (draft) throws(Fault) in
                let user = User(name: "user", domain: "vsphere.local", createdAt: draft.now)
                try draft.insert(user)
                // May do everything, but without being an administrator.
                try draft.insert(
                    Permission(
                        id: Identifier("permission-9"), place: .object(.root), principal: .user(user.id),
                        role: Role.administrator.id, propagates: true))
            }
            lab.target.setTrap { [barrier] cdb in if cdb[0] == 0x83 { barrier.wait() } }
        }

        func start(_ name: String, by user: String = Laboratory.administrator) async throws -> String {
            let spec = VcenterVMCloneSpec(source: source, name: name)
            return try await lab.machines.cloneTask(spec: spec, call: lab.call("clone", by: user))
        }

        func waitUntilHeld() async { while !barrier.hasBeenReached { await Task.yield() } }

        func info(_ task: String, withoutResult: Bool? = nil, by user: String? = Laboratory.administrator) throws -> CisTaskInfo
        {
            let info = try lab.tasks.get(
                task: task, spec: CisTasksGetSpec(excludeResult: withoutResult), call: lab.call("get", by: user))
            let violation = typeTable.violation(
                of: try DataValue(describing: info), type: .structure("com.vmware.cis.task.info"))
            #expect(violation == nil)
            return info
        }

        func end(_ task: String) async -> Fault? {
            lab.target.setTrap(nil)
            barrier.open()
            do throws(Fault) { try await lab.engine.waitForEnd(of: Identifier(task)) } catch { return error }
            return nil
        }
    }

    @Test func aTaskShowsHowFarItIsAndThenItsResult() async throws {
        let held = try await Held()
        let task = try await held.start("copy")
        await held.waitUntilHeld()
        let running = try held.info(task)
        #expect(task.hasSuffix(":com.vmware.vcenter.VM"))
        #expect(running.status == .running && running.cancelable && running.result == nil && running.error == nil)
        #expect(running.service == "com.vmware.vcenter.VM" && running.operation == "clone")
        #expect(running.target?.type == "VirtualMachine" && running.user == Laboratory.administrator)
        #expect(running.startTime != nil && running.endTime == nil)
        #expect(running.progress?.message.defaultMessage == "Writing Hard disk 1")
        #expect(await held.end(task) == nil)
        let done = try held.info(task)
        #expect(done.status == .succeeded && !done.cancelable && done.endTime != nil)
        let copy = try found(held.lab.inventory[VirtualMachine.self].all.first { $0.name == "copy" })
        #expect(done.result == .string(copy.id.rawValue))
        #expect(done.target?.id == copy.id.rawValue)
        #expect(try held.info(task, withoutResult: true).result == nil)
        try await held.lab.close()
    }

    @Test func aCanceledTaskIsUndone() async throws {
        let held = try await Held()
        let task = try await held.start("copy")
        await held.waitUntilHeld()
        try await held.lab.tasks.cancel(task: task, call: held.lab.call("cancel"))
        #expect(await held.end(task)?.type == .canceled)
        let info = try held.info(task)
        #expect(info.status == .failed && info.result == nil)
        guard case .error(let name, _) = info.error else { throw Missing() }
        #expect(name == "com.vmware.vapi.std.errors.canceled")
        #expect(held.lab.inventory[VirtualMachine.self].count == 1)
        #expect(try held.lab.disagreements().isEmpty)
        let late = await fault { try await held.lab.tasks.cancel(task: task, call: held.lab.call("cancel")) }
        #expect(late?.type == .notAllowedInCurrentState)
        try await held.lab.create("copy")
        try await held.lab.close()
    }

    @Test func aTaskThatWaitsForItsTurnIsPending() async throws {
        let held = try await Held()
        let lab = held.lab
        let engine = WorkflowEngine(
            store: lab.store, world: lab.world, registry: Product.workflows(lab.fabric, lab.array), concurrencyLimit: 1,
            spawn: { work in Task { await work() } })
        let planner = MachinePlanner(store: lab.store, fabric: lab.fabric, world: lab.world)
        let first = try await engine.start(
            planner.plan(VcenterVMCloneSpec(source: held.source, name: "a")), by: lab.call("clone"))
        await held.waitUntilHeld()
        let second = try await engine.start(
            planner.plan(VcenterVMCloneSpec(source: held.source, name: "b")), by: lab.call("clone"))
        let tasks = Tasks(store: lab.store, engine: engine)
        let info = try tasks.get(task: second.rawValue, spec: nil, call: lab.call())
        #expect(info.status == .pending && info.progress == nil && info.startTime == nil)
        let type = TypeExpression.structure("com.vmware.cis.task.info")
        #expect(typeTable.violation(of: try DataValue(describing: info), type: type) == nil)
        lab.target.setTrap(nil)
        held.barrier.open()
        try await engine.waitForEnd(of: first)
        try await engine.waitForEnd(of: second)
        try await lab.close()
    }

    /// The array is away after the point of no return of a delete.
    @Test func aTaskThatCannotGoOnIsBlockedUntilItIsTakenUp() async throws {
        let held = try await Held()
        let lab = held.lab
        lab.target.setTrap(nil)
        // UNMAP comes with the removal of files only.
        lab.target.fail(on: 0x42)
        let refusal = await fault { try await lab.delete(held.source) }
        #expect(refusal?.type == .resourceInaccessible)
        let record = try found(lab.inventory[WorkflowRecord.self].all.first { $0.caller.operation == "delete" })
        let info = try held.info(record.id.rawValue)
        #expect(info.status == .blocked && !info.cancelable)
        let cancel = await fault { try await lab.tasks.cancel(task: record.id.rawValue, call: lab.call("cancel")) }
        #expect(cancel?.type == .unsupported)
        lab.target.behave()
        #expect(lab.engine.recover().resumed == [record.id])
        try await lab.engine.waitForEnd(of: record.id)
        #expect(try held.info(record.id.rawValue).status == .succeeded)
        #expect(lab.inventory[VirtualMachine.self].isEmpty)
        #expect(try lab.disagreements().isEmpty)
        try await lab.close()
    }

    @Test func usersSeeTheirOwnTasksAndAdministratorsAll() async throws {
        let held = try await Held()
        held.lab.target.setTrap(nil)
        let mine = try await held.start("a", by: Self.other)
        let theirs = try await held.start("b")
        #expect(await held.end(mine) == nil)
        #expect(await held.end(theirs) == nil)
        let lab = held.lab
        let list = { (user: String?, filter: CisTasksFilterSpec?) in
            try lab.tasks.list(filterSpec: filter, resultSpec: nil, call: lab.call("list", by: user)).entries.map(\.key)
                .sorted()
        }
        let all = try list(Laboratory.administrator, nil)
        #expect(all.count == 3 && all.contains(mine) && all.contains(theirs))
        #expect(try list(Self.other, nil) == [mine])
        #expect(try list(nil, nil).isEmpty)
        #expect(try held.info(mine, by: Self.other).user == Self.other)
        #expect(
            await fault { try held.info(theirs, by: Self.other) }?.shape == "not_found com.vmware.vapi.tasks.task_not_found")
        let cancel = await fault { try await lab.tasks.cancel(task: theirs, call: lab.call(by: Self.other)) }
        #expect(cancel?.type == .notFound)
        let copy = try found(lab.inventory[VirtualMachine.self].all.first { $0.name == "b" }).id.rawValue
        let admin = Laboratory.administrator
        let filters: [(CisTasksFilterSpec, Int)] = [
            (CisTasksFilterSpec(tasks: [mine, "x"]), 1), (CisTasksFilterSpec(tasks: []), 0),
            (CisTasksFilterSpec(services: ["com.vmware.vcenter.VM"]), 3), (CisTasksFilterSpec(services: ["x"]), 0),
            (CisTasksFilterSpec(operations: ["clone"]), 2), (CisTasksFilterSpec(status: [.succeeded]), 3),
            (CisTasksFilterSpec(status: [.running, .failed]), 0), (CisTasksFilterSpec(users: [Self.other]), 1),
            (CisTasksFilterSpec(targets: [VapiStdDynamicID(type: "VirtualMachine", id: copy)]), 1),
            (CisTasksFilterSpec(targets: [VapiStdDynamicID(type: "Host", id: copy)]), 0),
        ]
        for (filter, count) in filters { #expect(try list(admin, filter).count == count, "\(filter)") }
        try await lab.close()
    }
}
