/// The pool's metadata in memory: which LUNs there are and where their blocks lie.
///
/// Touched only with the pool's gate held. `apply` is what commands do to it, when they are executed and again when
/// the journal is replayed; it must depend on nothing but the state and the record.
final class PoolState {
    final class LUN {
        var record: LUNRecord
        /// 0 when nothing is mapped.
        var root: PageArena.Slot
        /// Group of the last change to a range too long to note by stripe.
        var wideGroup: UInt64 = 0
        /// Group of the last change of any kind.
        var lastGroup: UInt64 = 0
        var statistics = LUNStatistics()

        init(_ record: LUNRecord, root: PageArena.Slot) {
            self.record = record
            self.root = root
        }
    }

    let arena = PageArena()
    let allocator: BlockAllocator
    var luns: [LUNIdentifier: LUN] = [:]
    var nextLUN: UInt32 = 1
    /// Thresholds reached by the changes of this state's life.
    var crossings: UInt64 = 0

    init(allocator: BlockAllocator) { self.allocator = allocator }

    func lun(_ identifier: LUNIdentifier) throws(ArrayError) -> LUN {
        guard let lun = luns[identifier] else { throw .noSuchLUN }
        return lun
    }

    /// Mapped blocks of a LUN, shared ones included.
    func mappedBlocks(_ lun: LUN) -> UInt64 { lun.root == 0 ? 0 : arena.page(lun.root).pointee.mapped }

    // MARK: Changes

    func apply(_ change: JournalRecord) throws(ArrayError) {
        switch change {
        case .write(let identifier, let block, let pointers):
            install(pointers, in: try lun(identifier), at: block)
        case .fill(let identifier, let block, let count, let pointer):
            fill(try lun(identifier), block, count, with: pointer)
        case .unmap(let identifier, let block, let count):
            clear(try lun(identifier), block, count)
        case .copy(let source, let sourceBlock, let destination, let destinationBlock, let count):
            copy(try lun(source), sourceBlock, to: try lun(destination), destinationBlock, count)
        case .create(let record):
            try add(record, root: 0)
        case .clone(let source, let record):
            let root = try lun(source).root
            try add(record, root: root)
            if root != 0 { arena.page(root).pointee.references += 1 }
        case .delete(let identifier):
            let lun = try lun(identifier)
            if lun.root != 0 { drop(lun.root) }
            luns[identifier] = nil
        case .resize(let identifier, let sizeBlocks):
            let lun = try lun(identifier)
            if sizeBlocks < lun.record.sizeBlocks { clear(lun, sizeBlocks, lun.record.sizeBlocks - sizeBlocks) }
            lun.record.sizeBlocks = sizeBlocks
        case .revert(let identifier, let snapshot):
            revert(try lun(identifier), to: try lun(snapshot))
        case .update(let record):
            update(try lun(record.identifier), record)
        }
        noteUse(after: change)
    }

    private func add(_ record: LUNRecord, root: PageArena.Slot) throws(ArrayError) {
        guard luns[record.identifier] == nil else { throw .damaged("\(record.identifier) made twice") }
        luns[record.identifier] = LUN(record, root: root)
        if record.identifier != .attributes { nextLUN = max(nextLUN, record.identifier.rawValue + 1) }
    }
}
