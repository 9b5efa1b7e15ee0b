import Platform
import Synchronization

/// Thin LUNs that share the blocks of one device.
///
/// Every command is synchronous, safe to call from any thread, and returns when it is durable. Blocks of 4 KiB are
/// never overwritten: a write goes to free blocks, then one step in memory changes the map, then one journal record
/// makes the change durable together with all others that waited. So each write, however long, happens whole or not at
/// all. Offsets and counts are bytes, multiples of 512.
///
/// ```
/// data written ── gate: map changed, record appended ── range unlocked ── group flushed ── returns
/// ```
/// Whoever read what is not yet durable waits for it too, so that no reply tells of something that a crash undoes.
public final class StoragePool: @unchecked Sendable {
    // Everything below `gate` is touched only with it held; the device and the locks are safe by themselves.

    /// When to write checkpoints and give space back.
    public enum Maintenance: Sendable {
        /// By the command that finds it due, before it returns.
        case inline
        /// By a thread of the pool.
        case background
    }

    static let stripeCount = 4096
    static let dirtyPagesForCheckpoint = 16_384

    let device: any BlockDevice
    let clock: any Clock
    let flushLatency = LatencyRecorder()
    let locks = RangeLocks()
    let maintenance: Maintenance
    let journalOffset: UInt64

    let gate = Gate()
    /// Those who wait for an even and an odd group: while one group is flushed, only the next one can be waited for too.
    let lines = (GateLine(), GateLine())
    let state: PoolState
    var superblock: Superblock
    var ring: JournalRing
    var openRecords = JournalGroup()
    /// Number of the group that records are added to.
    var openGroup: UInt64
    /// Changed only with the gate held; read by anyone.
    private let durable: Atomic<UInt64>
    var isFlushing = false
    var isCheckpointing = false
    /// The device is being made longer by somebody who does not hold the gate.
    var isGrowing = false
    /// The device refused to grow: until it does again, only what is free counts.
    var isDeviceFull = false
    /// A write or flush failed, or the pool was closed: nothing is modified any more.
    var isStopped = false
    /// Blocks of the catalogue that the last checkpoint wrote.
    var catalogueBlocks: [UInt32] = []
    /// Thresholds ever reached; only whether there were any counts.
    let crossings: Atomic<UInt64>
    /// Pages of maps and counts to keep in memory.
    let memoryPages: Int
    /// Steps of freeing that a command does for others, where no thread does.
    var inlineReapSteps = 4
    /// A dead page cannot be read: nothing more is freed until the pool is opened again.
    var cannotReap = false
    /// Counted up when blocks that held metadata become free.
    var reuseEpoch: UInt64 = 0
    /// By hash of LUN and 64 KiB of it: the last group that changed a block there.
    let stripes: UnsafeMutablePointer<UInt64>
    var maintenanceThread: SystemThread?
    let maintenanceSignal = MaintenanceSignal()
    /// The maintenance thread sleeps until commands pause, to give space back then.
    var isIdleAwaited = false
    /// Who is to be told when groups are durable, in the order of asking.
    var commitWaiters: [CommitWaiter] = []
    var commitThread: SystemThread?
    let commitSignal = MaintenanceSignal()

    init(
        device: any BlockDevice, recovered: Recovery.Result, maintenance: Maintenance, memoryPages: Int, clock: any Clock
    ) {
        self.device = device
        self.clock = clock
        self.maintenance = maintenance
        self.memoryPages = memoryPages
        state = recovered.state
        superblock = recovered.superblock
        superblock.epoch += 1
        journalOffset = UInt64(superblock.journalStart) * UInt64(Layout.blockBytes)
        ring = JournalRing(pages: Int(superblock.journalPages), head: recovered.journalHead)
        openGroup = recovered.nextGroup
        durable = Atomic(openGroup - 1)
        crossings = Atomic(recovered.state.luns.values.reduce(0) { $0 + $1.record.threshold.crossings })
        catalogueBlocks = recovered.catalogueBlocks
        stripes = .allocate(capacity: Self.stripeCount)
        stripes.initialize(repeating: 0, count: Self.stripeCount)
        state.allocator.currentGroup = openGroup
    }

    deinit {
        maintenanceSignal.end()
        commitSignal.end()
        for waiter in commitWaiters { waiter.body(.stopped) }
        stripes.deallocate()
    }

    /// The last group that is known to be durable.
    var durableGroup: UInt64 {
        get { durable.load(ordering: .acquiring) }
        set { durable.store(newValue, ordering: .releasing) }
    }

    public var identity: PoolIdentity { superblock.identity }

    // MARK: Looking at LUNs

    /// All LUNs by identifier.
    public var luns: [LUNInformation] {
        locked {
            state.luns.values.filter { $0.record.identifier != .attributes }
                .sorted { $0.record.identifier < $1.record.identifier }.map(information)
        }
    }

    public func information(_ identifier: LUNIdentifier) throws(ArrayError) -> LUNInformation {
        gate.lock()
        defer { gate.unlock() }
        return information(try state.visibleLUN(identifier))
    }

    func information(_ lun: PoolState.LUN) -> LUNInformation {
        let blockBytes = UInt64(Layout.blockBytes)
        return LUNInformation(
            identifier: lun.record.identifier, name: lun.record.name, worldWideName: lun.record.worldWideName,
            sizeBytes: lun.record.sizeBlocks * blockBytes, isReadOnly: lun.record.isReadOnly,
            physicalBlockExponent: lun.record.physicalBlockExponent, origin: lun.record.origin,
            isSnapshot: lun.record.isSnapshot, isAboveThreshold: lun.record.threshold.isAbove,
            allocatedBytes: state.mappedBlocks(lun) * blockBytes)
    }

    public func statistics(_ identifier: LUNIdentifier) throws(ArrayError) -> LUNStatistics {
        gate.lock()
        defer { gate.unlock() }
        return try state.visibleLUN(identifier).counters.statistics
    }

    public var usage: PoolUsage {
        locked {
            let allocator = state.allocator
            let blockBytes = UInt64(Layout.blockBytes)
            let used = allocator.end - allocator.freeBlocks
            return PoolUsage(
                capacityBytes: UInt64(allocator.usableBlocks - slopBlocks) * blockBytes,
                dataBytes: UInt64(allocator.usedBlocks) * blockBytes,
                metadataBytes: UInt64(used - allocator.usedBlocks) * blockBytes,
                availableBytes: UInt64(max(0, spareBlocks - slopBlocks)) * blockBytes, isDeviceFull: isDeviceFull,
                isStopped: isStopped, flushes: flushLatency.histogram)
        }
    }

    /// Runs a command and takes its time, or counts it as failed.
    @inline(__always)
    func timed<Value>(
        _ identifier: LUNIdentifier, _ primitive: Primitive, _ body: () throws(ArrayError) -> Value
    ) throws(ArrayError) -> Value {
        let counters = locked { state.luns[identifier]?.counters }
        let start = clock.monotonicNanoseconds
        do throws(ArrayError) {
            let value = try body()
            counters?.time(primitive, nanoseconds: clock.monotonicNanoseconds - start)
            return value
        } catch {
            counters?.countFailure(primitive)
            throw error
        }
    }

    // MARK: Within the gate

    func locked<Value>(_ body: () -> Value) -> Value {
        gate.lock()
        defer { gate.unlock() }
        return body()
    }

    private func stripe(_ lun: PoolState.LUN, _ block: UInt64) -> Int {
        let mixed = (UInt64(lun.record.identifier.rawValue) << 44 ^ block >> 4) &* 0x9E37_79B9_7F4A_7C15
        return Int(mixed >> 52)
    }

    /// Remembers that the open group changes a range.
    func note(_ lun: PoolState.LUN, _ blocks: Range<UInt64>) {
        lun.lastGroup = openGroup
        guard blocks.count <= 256 else {
            lun.wideGroup = openGroup
            return
        }
        var block = blocks.lowerBound
        while block < blocks.upperBound {
            stripes[stripe(lun, block)] = openGroup
            block = (block | 15) + 1
        }
    }

    /// The last group that may have changed a block of the range; 0 if all of it is durable.
    func lastChange(_ lun: PoolState.LUN, _ blocks: Range<UInt64>) -> UInt64 {
        guard lun.lastGroup > durableGroup else { return 0 }
        guard blocks.count <= 4096 else { return lun.lastGroup }
        var last = lun.wideGroup
        var block = blocks.lowerBound
        while block < blocks.upperBound {
            last = max(last, stripes[stripe(lun, block)])
            block = (block | 15) + 1
        }
        return last > durableGroup ? last : 0
    }
}

/// What a range of bytes on a LUN means in blocks.
struct Extent {
    let offset: UInt64
    let count: Int

    /// - Throws: `.misaligned` unless both are multiples of 512 bytes; `.tooLarge` beyond one transfer.
    init(_ offset: UInt64, _ count: Int) throws(ArrayError) {
        guard offset % UInt64(Layout.sectorBytes) == 0, count % Layout.sectorBytes == 0 else { throw .misaligned }
        guard count <= Layout.maximumTransferBytes else { throw .tooLarge }
        guard offset <= Layout.maximumLUNBytes else { throw .outOfRange }
        self.offset = offset
        self.count = count
    }

    /// The blocks that the range touches.
    var blocks: Range<UInt64> { Extent.blocks(offset, UInt64(count)) }

    static func blocks(_ offset: UInt64, _ count: UInt64) -> Range<UInt64> {
        let unit = UInt64(Layout.blockBytes)
        return offset / unit..<(offset + count + unit - 1) / unit
    }
}

extension PoolState.LUN {
    var sizeBytes: UInt64 { record.sizeBlocks * UInt64(Layout.blockBytes) }

    func check(_ offset: UInt64, _ count: UInt64) throws(ArrayError) {
        guard offset <= sizeBytes, count <= sizeBytes - offset else { throw .outOfRange }
    }

    func checkWritable() throws(ArrayError) {
        if record.isReadOnly { throw .writeProtected }
    }
}
