/// The map pages in memory, shared between LUNs by reference count.
///
/// A page of level 0 holds `BlockPointer`s, others hold slots of pages one level below; 0 is nothing. A page with more
/// than one reference is never changed, it is copied first. Invariant: a page whose child is dirty is dirty itself.
final class PageArena {
    /// The place of a page in memory; 0 is none.
    typealias Slot = UInt32

    struct Page {
        /// Entries of pages one level up, and roots of LUNs, that name this page; 0 when the slot is free.
        var references: UInt32 = 0
        var level: UInt8 = 0
        /// Differs from what `stored` names.
        var isDirty = false
        /// Where the last checkpoint put the page.
        var stored = BlockPointer.unmapped
        /// Mapped blocks below this page.
        var mapped: UInt64 = 0
    }

    private static let pagesPerChunk = 1024

    private var contents: [UnsafeMutablePointer<UInt64>] = []
    private var pages: [UnsafeMutablePointer<Page>] = []
    private var freeSlots: [Slot] = []
    private var nextSlot: Slot = 1
    /// Slots that became dirty; may name pages that are clean, freed or listed twice by now.
    private var dirtySlots: [Slot] = []
    private(set) var dirtyCount = 0
    private(set) var count = 0

    deinit {
        contents.forEach { $0.deallocate() }
        pages.forEach { $0.deallocate() }
    }

    /// The 512 entries of a page.
    func entries(_ slot: Slot) -> UnsafeMutablePointer<UInt64> {
        contents[Int(slot) / Self.pagesPerChunk]
            + Int(slot) % Self.pagesPerChunk * Layout.entriesPerPage
    }

    func page(_ slot: Slot) -> UnsafeMutablePointer<Page> {
        pages[Int(slot) / Self.pagesPerChunk] + Int(slot) % Self.pagesPerChunk
    }

    /// A dirty page with one reference and undefined entries.
    func makeUninitialized(level: Int) -> Slot {
        let slot = freeSlots.popLast() ?? nextSlot
        if slot == nextSlot {
            nextSlot += 1
            if Int(slot) / Self.pagesPerChunk >= contents.count { addChunk() }
        }
        page(slot).pointee = Page(references: 1, level: UInt8(level))
        count += 1
        markDirty(slot)
        return slot
    }

    /// A dirty page with one reference that maps nothing.
    func make(level: Int) -> Slot {
        let slot = makeUninitialized(level: level)
        entries(slot).update(repeating: 0, count: Layout.entriesPerPage)
        return slot
    }

    private func addChunk() {
        let words = UnsafeMutablePointer<UInt64>.allocate(capacity: Self.pagesPerChunk * Layout.entriesPerPage)
        // Touches no memory ahead of need: entries are written when a page is made.
        contents.append(words)
        let records = UnsafeMutablePointer<Page>.allocate(capacity: Self.pagesPerChunk)
        records.initialize(repeating: Page(), count: Self.pagesPerChunk)
        pages.append(records)
    }

    func markDirty(_ slot: Slot) {
        guard !page(slot).pointee.isDirty else { return }
        page(slot).pointee.isDirty = true
        dirtySlots.append(slot)
        dirtyCount += 1
    }

    /// The page is what the medium holds at `stored`.
    func markClean(_ slot: Slot, stored: BlockPointer) {
        if page(slot).pointee.isDirty { dirtyCount -= 1 }
        page(slot).pointee.isDirty = false
        page(slot).pointee.stored = stored
    }

    /// Gives a slot back; the caller has dealt with its references and its stored block.
    func free(_ slot: Slot) {
        if page(slot).pointee.isDirty { dirtyCount -= 1 }
        page(slot).pointee = Page()
        freeSlots.append(slot)
        count -= 1
    }

    /// The dirty pages, lowest level first, so that a page comes after every page it names. The list starts anew; the
    /// caller marks each of them clean.
    func takeDirty() -> [Slot] {
        var byLevel = [[Slot]](repeating: [], count: Layout.rootLevel + 1)
        var seen = Set<Slot>()
        for slot in dirtySlots where page(slot).pointee.isDirty && page(slot).pointee.references > 0 {
            guard seen.insert(slot).inserted else { continue }
            byLevel[Int(page(slot).pointee.level)].append(slot)
        }
        dirtySlots.removeAll(keepingCapacity: true)
        return byLevel.flatMap { $0 }
    }
}
