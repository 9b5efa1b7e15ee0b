/// The map pages that are in memory: those that differ from what is stored, and a cache of stored ones.
///
/// A leaf holds `BlockPointer`s, a page above `PageName`s and (levels 1 and 2) how many blocks each named page maps. A
/// page with more than one reference is never changed, it is copied first. Invariant: a page that names a dirty page is
/// dirty itself; so a clean page names stored ones only and can be forgotten at any time.
final class PageArena {
    /// The place of a page in memory; 0 is none.
    typealias Slot = UInt32

    struct Page {
        var isUsed = false
        /// Differs from all that is stored; named by its slot.
        var isDirty = false
        /// Is in the list of pages that became dirty.
        var isListed = false
        /// Was used since the last round of eviction.
        var wasTouched = false
        var level: UInt8 = 0
        /// Names of a dirty page. Those of a stored page are counted with its block.
        var references: UInt32 = 0
        /// Of a clean page.
        var stored = BlockPointer.unmapped
        /// Mapped blocks below this page, if it is no root.
        var mapped: UInt64 = 0
        /// Checkpoint that wrote or is writing the page.
        var generation: UInt64 = 0
    }

    private static let pagesPerChunk = 1024

    private var contents: [UnsafeMutablePointer<UInt64>] = []
    private var pages: [UnsafeMutablePointer<Page>] = []
    private var freeSlots: [Slot] = []
    private var nextSlot: Slot = 1
    /// May name pages that are clean or freed by now.
    private var dirtySlots: [Slot] = []
    private let cleanSlots = SlotTable()
    private var hand: Slot = 1
    private(set) var dirtyCount = 0

    /// Pages in memory.
    var count: Int { dirtyCount + cleanSlots.count }

    deinit {
        contents.forEach { $0.deallocate() }
        pages.forEach { $0.deallocate() }
    }

    /// The 512 words of a page.
    func entries(_ slot: Slot) -> UnsafeMutablePointer<UInt64> {
        contents[Int(slot) / Self.pagesPerChunk] + Int(slot) % Self.pagesPerChunk * Layout.wordsPerPage
    }

    func page(_ slot: Slot) -> UnsafeMutablePointer<Page> {
        pages[Int(slot) / Self.pagesPerChunk] + Int(slot) % Self.pagesPerChunk
    }

    private func takeSlot(level: Int) -> Slot {
        let slot = freeSlots.popLast() ?? nextSlot
        if slot == nextSlot {
            nextSlot += 1
            if Int(slot) / Self.pagesPerChunk >= contents.count { addChunk() }
        }
        let isListed = page(slot).pointee.isListed
        page(slot).pointee = Page(isUsed: true, isListed: isListed, wasTouched: true, level: UInt8(level))
        return slot
    }

    private func addChunk() {
        // Touches no memory ahead of need: entries are written when a page is made.
        contents.append(.allocate(capacity: Self.pagesPerChunk * Layout.wordsPerPage))
        let records = UnsafeMutablePointer<Page>.allocate(capacity: Self.pagesPerChunk)
        records.initialize(repeating: Page(), count: Self.pagesPerChunk)
        pages.append(records)
    }

    // MARK: Dirty pages

    /// A dirty page with one reference and undefined entries.
    func makeUninitialized(level: Int) -> Slot {
        let slot = takeSlot(level: level)
        list(slot)
        return slot
    }

    /// A dirty page with one reference that maps nothing.
    func make(level: Int) -> Slot {
        let slot = makeUninitialized(level: level)
        entries(slot).update(repeating: 0, count: Layout.wordsPerPage)
        return slot
    }

    private func list(_ slot: Slot) {
        let page = page(slot)
        page.pointee.isDirty = true
        page.pointee.references = 1
        dirtyCount += 1
        guard !page.pointee.isListed else { return }
        page.pointee.isListed = true
        dirtySlots.append(slot)
    }

    /// A clean page is going to be changed; the caller has dealt with its block. It has one reference.
    func makeDirty(_ slot: Slot) {
        cleanSlots.remove(page(slot).pointee.stored.block)
        page(slot).pointee.stored = .unmapped
        list(slot)
    }

    /// A dirty page is what the checkpoint stores at `stored`.
    func makeClean(_ slot: Slot, stored: BlockPointer, generation: UInt64) {
        let page = page(slot)
        page.pointee.isDirty = false
        page.pointee.stored = stored
        page.pointee.generation = generation
        dirtyCount -= 1
        cleanSlots.insert(stored.block, slot)
    }

    /// The dirty pages, lowest level first, so that a page comes after every page it names. The list starts anew; the
    /// caller makes each of them clean.
    func takeDirty() -> [Slot] {
        var byLevel = [[Slot]](repeating: [], count: Layout.rootLevel + 1)
        for slot in dirtySlots {
            let page = page(slot)
            page.pointee.isListed = false
            if page.pointee.isDirty { byLevel[Int(page.pointee.level)].append(slot) }
        }
        dirtySlots.removeAll(keepingCapacity: true)
        return byLevel.flatMap { $0 }
    }

    // MARK: Clean pages

    /// The slot of a stored page, 0 if it is not in memory.
    func find(_ stored: BlockPointer) -> Slot {
        let slot = cleanSlots[stored.block]
        if slot != 0 { page(slot).pointee.wasTouched = true }
        return slot
    }

    /// A slot for a page that is going to be read, not to be found before `add`. Entries are undefined.
    func makeUnfilled(level: Int) -> Slot { takeSlot(level: level) }

    /// An unfilled page has been read and proven.
    func add(_ slot: Slot, stored: BlockPointer) {
        page(slot).pointee.stored = stored
        cleanSlots.insert(stored.block, slot)
    }

    /// Gives back a slot from `makeUnfilled`.
    func discard(_ slot: Slot) {
        let isListed = page(slot).pointee.isListed
        page(slot).pointee = Page(isListed: isListed)
        freeSlots.append(slot)
    }

    /// Gives a slot back; the caller has dealt with the page's references and its block.
    func free(_ slot: Slot) {
        if page(slot).pointee.isDirty {
            dirtyCount -= 1
        } else {
            cleanSlots.remove(page(slot).pointee.stored.block)
        }
        discard(slot)
    }

    /// Forgets clean pages that were not used lately until at most `limit` pages are there, or few can go.
    ///
    /// - Parameter written: last checkpoint that is on the device; what a later one is writing stays.
    func evict(downTo limit: Int, written: UInt64) {
        guard count > limit, nextSlot > 1 else { return }
        var steps = 4 * (count - limit) + 64
        while count > limit, steps > 0 {
            steps -= 1
            hand = hand + 1 < nextSlot ? hand + 1 : 1
            let page = page(hand)
            guard page.pointee.isUsed, !page.pointee.isDirty, page.pointee.generation <= written else { continue }
            if page.pointee.wasTouched {
                page.pointee.wasTouched = false
            } else {
                free(hand)
            }
        }
    }

    /// Every page in memory, for proofs.
    var slots: [Slot] { (1..<max(1, nextSlot)).filter { page($0).pointee.isUsed } }
}
