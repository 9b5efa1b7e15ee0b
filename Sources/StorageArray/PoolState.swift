import Platform

/// The pool's metadata in memory: which LUNs there are and where their blocks lie.
///
/// Touched only with the pool's gate held. `apply` is what commands do to it, when they are executed and again when
/// the journal is replayed; it must depend on nothing but the state and the record, and not on which pages happen to be
/// in memory. It reads pages that are not. When it throws `.damaged` or `.device`, a change may be half done.
final class PoolState {
    final class LUN {
        var record: LUNRecord
        /// None when nothing is mapped.
        var root: PageName
        /// Mapped blocks, shared ones included.
        var mapped: UInt64
        /// Group of the last change to a range too long to note by stripe.
        var wideGroup: UInt64 = 0
        /// Group of the last change of any kind.
        var lastGroup: UInt64 = 0
        private(set) lazy var counters = LUNCounters()

        init(_ record: LUNRecord, root: PageName, mapped: UInt64) {
            self.record = record
            self.root = root
            self.mapped = mapped
        }
    }

    /// A page that nothing names any more, with all that only it names.
    struct DeadPage {
        var name: PageName
        let level: Int
    }

    let device: any BlockDevice
    let arena = PageArena()
    let allocator: BlockAllocator
    var luns: [LUNIdentifier: LUN] = [:]
    var nextLUN: UInt32 = 1
    /// Thresholds reached by the changes of this state's life.
    var crossings: UInt64 = 0
    /// What is still to be freed, in the order in which it was given up; freed from the end.
    var dead: [DeadPage] = []

    init(device: any BlockDevice, allocator: BlockAllocator) {
        self.device = device
        self.allocator = allocator
    }

    func lun(_ identifier: LUNIdentifier) throws(ArrayError) -> LUN {
        guard let lun = luns[identifier] else { throw .noSuchLUN }
        return lun
    }

    /// Mapped blocks of a LUN, shared ones included.
    func mappedBlocks(_ lun: LUN) -> UInt64 { lun.mapped }

    // MARK: Changes

    func apply(_ change: JournalRecord) throws(ArrayError) {
        switch change {
        case .write(let identifier, let block, let pointers):
            try install(pointers, in: try lun(identifier), at: block)
        case .fill(let identifier, let block, let count, let pointer):
            try fill(try lun(identifier), block, count, with: pointer)
        case .unmap(let identifier, let block, let count):
            try clear(try lun(identifier), block, count)
        case .copy(let source, let sourceBlock, let destination, let destinationBlock, let count):
            try copy(try lun(source), sourceBlock, to: try lun(destination), destinationBlock, count)
        case .create(let record):
            try add(LUN(record, root: .none, mapped: 0))
        case .clone(let source, let record):
            let source = try lun(source)
            try add(LUN(record, root: source.root, mapped: source.mapped))
            try retain(source.root)
        case .delete(let identifier):
            let lun = try lun(identifier)
            try drop(lun.root, level: Layout.rootLevel)
            luns[identifier] = nil
        case .resize(let identifier, let sizeBlocks):
            let lun = try lun(identifier)
            if sizeBlocks < lun.record.sizeBlocks {
                try clear(lun, sizeBlocks, lun.record.sizeBlocks - sizeBlocks)
            }
            lun.record.sizeBlocks = sizeBlocks
        case .revert(let identifier, let snapshot):
            try revert(try lun(identifier), to: try lun(snapshot))
        case .update(let record):
            update(try lun(record.identifier), record)
        case .reap(let pages):
            try reap(pages)
        }
        noteUse(after: change)
    }

    private func add(_ lun: LUN) throws(ArrayError) {
        let identifier = lun.record.identifier
        guard luns[identifier] == nil else { throw .damaged("\(identifier) made twice") }
        luns[identifier] = lun
        if identifier != .attributes { nextLUN = max(nextLUN, identifier.rawValue + 1) }
    }
}
