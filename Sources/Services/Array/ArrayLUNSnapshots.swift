import ContractTypes
import Coordination
import Domain
import Persistence
import StorageArray

/// `com.viaduct.array.lun.snapshot`: a snapshot is a LUN of its own that belongs to another one.
struct ArrayLUNSnapshots: ArrayLUNSnapshotService {
    let store: Store
    let engine: WorkflowEngine
    let array: ArrayAdministration

    func list(lun: String, call: Call) throws(Fault) -> [ViaductArrayLunSnapshotSummary] {
        let inventory = store.snapshot
        let record = try inventory.lun(lun)
        guard let identifier = LUNIdentifier(record.id) else { throw .lunNotFound(lun) }
        let snapshots: [LUNInformation]
        do throws(ArrayError) {
            snapshots = try array.pool.snapshots(of: identifier)
        } catch {
            throw Fault(error, about: lun)
        }
        // One whose record is still to be made is nobody's yet.
        return snapshots.filter { inventory[ArrayLUN.self].contains(Identifier($0.identifier)) }.map {
            ViaductArrayLunSnapshotSummary(
                snapshot: Identifier<ArrayLUN>($0.identifier).rawValue, name: $0.name,
                capacity: Int64(clamping: $0.sizeBytes), allocated: Int64(clamping: $0.allocatedBytes))
        }
    }

    func create(lun: String, spec: ViaductArrayLunSnapshotCreateSpec, call: Call) async throws(Fault) -> String {
        let source = try store.snapshot.lun(lun)
        let workflow = MakeLUN(
            lunName: try ArrayLUNs.name(spec.name, "spec.name"), content: .snapshot(of: source.id),
            isRemovable: source.isRemovable, isReadOnly: true)
        return try await engine.run(workflow, by: call).lun?.rawValue ?? ""
    }

    func delete(lun: String, snapshot: String, call: Call) async throws(Fault) {
        let (record, parent) = try find(snapshot, of: lun)
        _ = try await engine.run(DeleteLUN(lun: record, parent: parent), by: call)
    }

    func revert(lun: String, snapshot: String, call: Call) async throws(Fault) {
        let (record, parent) = try find(snapshot, of: lun)
        _ = try await engine.run(RevertLUN(lun: parent, snapshot: record), by: call)
    }

    /// - Throws: `not_found`, also if it belongs to another LUN.
    private func find(
        _ snapshot: String, of lun: String
    ) throws(Fault) -> (snapshot: Identifier<ArrayLUN>, parent: Identifier<ArrayLUN>) {
        let (record, parent) = (try store.snapshot.lun(snapshot), try store.snapshot.lun(lun))
        let information = try array.information(record.id)
        guard information.isSnapshot, information.origin == LUNIdentifier(parent.id) else {
            throw Fault(.notASnapshotOfIt, about: snapshot)
        }
        return (record.id, parent.id)
    }
}
