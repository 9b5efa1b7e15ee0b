import Domain
import Persistence
import SCSI
import StorageArray
import Synchronization

/// Keeps what the array's target shows to initiators in line with the inventory.
///
/// The inventory says under which number, in what guise and to whom a LUN is shown; the target holds a copy in memory.
/// Whoever has committed a change calls `refresh`: under one lock it reads the newest snapshot and applies the difference,
/// so that two changes cannot be applied in the wrong order. Nobody on the network can take the place of a host of the
/// inventory, since their names here are no iSCSI names.
public final class LUNExposure: Sendable {
    private struct Shown: Equatable {
        let number: UInt16
        let options: UnitOptions
        let initiators: Set<String>
    }

    /// The name by which the array itself asks its LUNs; no iSCSI name, so that nobody can log in with it.
    static let observer = "local:array"

    let target: ArrayTarget
    private let store: Store
    private let shown = Mutex<[Identifier<ArrayLUN>: Shown]>([:])

    init(target: ArrayTarget, store: Store) {
        self.target = target
        self.store = store
    }

    /// Shows all LUNs as the inventory has them, and no others.
    public func refreshAll() {
        shown.withLock { shown in
            let inventory = store.snapshot
            for lun in inventory[ArrayLUN.self].all { apply(lun.id, inventory, &shown) }
            for id in shown.keys.sorted() where !inventory[ArrayLUN.self].contains(id) { apply(id, inventory, &shown) }
        }
    }

    /// Shows one LUN as the inventory has it; conceals it if it has none.
    func refresh(_ id: Identifier<ArrayLUN>) { shown.withLock { apply(id, store.snapshot, &$0) } }

    /// Lets initiators know that a LUN has another size than before, or other contents.
    func noteChange(of identifier: LUNIdentifier, hasOtherContents: Bool = false) {
        target.lunChanged(identifier, hasOtherContents: hasOtherContents)
    }

    private func apply(_ id: Identifier<ArrayLUN>, _ inventory: Inventory, _ shown: inout [Identifier<ArrayLUN>: Shown]) {
        let (old, new) = (shown[id], Self.wanted(id, inventory))
        guard old != new else { return }
        shown[id] = new
        guard let new, let identifier = LUNIdentifier(id) else {
            if let old { target.conceal(old.number) }
            return
        }
        if let old, old.number != new.number { target.conceal(old.number) }
        if old?.number != new.number || old?.options != new.options {
            target.expose(identifier, as: new.number, options: new.options)
        }
        let before = old?.number == new.number ? old?.initiators ?? [] : []
        for initiator in before.subtracting(new.initiators).sorted() { target.deny(initiator, new.number) }
        for initiator in new.initiators.subtracting(before).sorted() { target.allow(initiator, new.number) }
    }

    /// `nil` for a LUN that is not to be reached.
    private static func wanted(_ id: Identifier<ArrayLUN>, _ inventory: Inventory) -> Shown? {
        guard let lun = inventory[ArrayLUN.self][id], lun.isOnline else { return nil }
        var initiators = Set(lun.initiators.map(\.rawValue))
        initiators.insert(observer)
        if let datastore = inventory.datastore(on: lun) {
            for host in inventory[Host.self].all where host.datacenter == datastore.datacenter {
                initiators.insert(host.nexusName)
            }
        }
        return Shown(
            number: lun.number, options: UnitOptions(isRemovable: lun.isRemovable, isReadOnly: lun.isReadOnly),
            initiators: initiators)
    }
}

extension Host {
    /// What the array's target knows it by. Unlike its name as an initiator it cannot be claimed in a login over iSCSI.
    var nexusName: String { "local:" + initiatorName }
}
