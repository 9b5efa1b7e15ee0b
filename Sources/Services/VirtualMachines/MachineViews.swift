import ContractTypes
import Domain
import Persistence
import Synchronization

/// The answers to `get` of machines that were asked for lately, kept as long as the machine stays as it is.
///
/// What an answer says of networks and datastores is their names, which do not change while the server runs.
final class MachineViews: Sendable {
    private struct Entry {
        let revision: UInt64
        let info: VcenterVMInfo
    }

    private let entries = Mutex<[String: Entry]>([:])
    private let limit: Int

    init(limit: Int = 4096) { self.limit = limit }

    func info(_ record: Record<VirtualMachine>, _ inventory: Inventory) -> VcenterVMInfo {
        let (id, revision) = (record.id.rawValue, record.revision)
        if let entry = entries.withLock({ $0[id] }), entry.revision == revision { return entry.info }
        let info = VcenterVMInfo(record.value, inventory)
        entries.withLock { entries in
            if entries.count >= limit { entries.removeAll(keepingCapacity: true) }
            entries[id] = Entry(revision: revision, info: info)
        }
        return info
    }
}
