import ContractTypes
import Datastores
import Domain
import Persistence
import Platform
import StorageArray
import Testing

@testable import Services

// Nobody ever meets a half-made machine: one command of the array fails, for each in turn, during a create, a clone and a
// delete; then the power of disk and log goes at each write in turn. Afterwards inventory, volumes and array agree.

/// What is disturbed. Each begins with a machine `source` that has a written disk.
enum Disturbed: String, CaseIterable, CustomTestStringConvertible {
    case create, clone, delete

    var testDescription: String { rawValue }

    func run(_ lab: Laboratory, source: String) async throws(Fault) {
        let call = lab.call(rawValue)
        switch self {
        case .create:
            let disks: [VcenterVmHardwareDiskCreateSpec] = [
                .new(mebibytes: 32), .new(mebibytes: 3, policy: LabDescription.zeroedPolicy),
            ]
            _ = try await lab.machines.create(spec: specification("made", disks: disks), call: call)
        case .clone:
            _ = try await lab.machines.clone(spec: VcenterVMCloneSpec(source: source, name: "made"), call: call)
        case .delete:
            try await lab.machines.delete(vm: source, call: call)
        }
    }

    /// Whether the outcome that was told is the one that is there.
    func agrees(_ inventory: Inventory, source: String, succeeded: Bool) -> Bool {
        let machines = inventory[VirtualMachine.self]
        switch self {
        case .create, .clone: return machines.contains(Identifier(source)) && (machines.count == 2) == succeeded
        case .delete: return machines.isEmpty == succeeded
        }
    }
}

/// A machine on a medium that every test starts from.
private struct Ground {
    let medium: Medium
    let source: String

    static func made() async throws -> Ground {
        let lab = try await Laboratory.made()
        let id = try await lab.create(
            "source", disks: [.new(mebibytes: 16), .new(mebibytes: 2, policy: LabDescription.zeroedPolicy)])
        try lab.write(pattern(6, 2_500_000), to: "/source/source.vmdk", at: 500_000, on: lab.machineDatastore(id))
        try await lab.close()
        return Ground(medium: lab.medium, source: id)
    }

    func laboratory(_ power: Power = Power(), keepsLastAppend: Bool = true) async throws -> Laboratory {
        let lab = try Laboratory(medium.copy(), power: power, keepsLastAppend: keepsLastAppend, seed: 3)
        try lab.fabric.mountAll(lab.inventory)
        return lab
    }
}

@Suite struct HalfMadeTests {
    @Test(arguments: Disturbed.allCases)
    func anyCommandOfTheArrayMayFail(_ disturbed: Disturbed) async throws {
        let ground = try await Ground.made()
        var count = 0
        var failed = true
        while failed {
            let lab = try await ground.laboratory()
            lab.target.fail(afterCommands: count)
            var succeeded = true
            do throws(Fault) { try await disturbed.run(lab, source: ground.source) } catch { succeeded = false }
            failed = lab.target.hasFailed
            lab.target.behave()
            // What is past its point of no return is taken up again.
            for id in lab.engine.recover().resumed {
                do throws(Fault) {
                    try await lab.engine.waitForEnd(of: id)
                    succeeded = true
                } catch { continue }
            }
            let found = try lab.disagreements()
            #expect(found.isEmpty, "command \(count): \(found)")
            #expect(disturbed.agrees(lab.inventory, source: ground.source, succeeded: succeeded), "command \(count)")
            // Its name is free again.
            if disturbed != .delete && !succeeded { try await lab.create("made") }
            try await lab.close()
            count += isLongForm ? 1 : 3
        }
        #expect(count > 20)
    }

    @Test(arguments: Disturbed.allCases)
    func powerMayGoAtAnyWrite(_ disturbed: Disturbed) async throws {
        let ground = try await Ground.made()
        var count = 0
        var lost = true
        while lost {
            for survivors in isLongForm ? SimulatedBlockDevice.Survivors.allCases : [Self.survivors(count)] {
                lost = try await crash(disturbed, ground, after: count, survivors)
            }
            count += isLongForm ? 1 : 7
        }
        #expect(count > 20)
    }

    private static func survivors(_ count: Int) -> SimulatedBlockDevice.Survivors {
        let all = SimulatedBlockDevice.Survivors.allCases
        return all[(count / 7) % all.count]
    }

    /// - Returns: whether power was lost before the end.
    private func crash(
        _ disturbed: Disturbed, _ ground: Ground, after count: Int, _ survivors: SimulatedBlockDevice.Survivors
    ) async throws -> Bool {
        let power = Power()
        let lab = try await ground.laboratory(power, keepsLastAppend: count % 2 == 0)
        let aftermath = try await Aftermath(of: lab, power, after: count, survivors) { (lab) async throws(Fault) in
            try await disturbed.run(lab, source: ground.source)
        }
        let after = aftermath.laboratory
        if let told = aftermath.told {
            let agrees = disturbed.agrees(after.inventory, source: ground.source, succeeded: told)
            #expect(agrees, "write \(count), \(survivors): told \(told)")
        }
        try await after.close()
        return aftermath.isLost
    }
}
