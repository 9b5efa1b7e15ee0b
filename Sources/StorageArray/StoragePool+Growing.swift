import Platform

// The device is made longer in steps, so that it holds little more than the pool needs. With a thread for upkeep the
// steps are taken ahead of need, and their blocks are written once before anybody waits for one.

extension StoragePool {
    static let growthBlocks = (64 << 20) / Layout.blockBytes

    /// Blocks that nothing needs, the next checkpoint's pages included.
    var spareBlocks: Int {
        let available = isDeviceFull ? state.allocator.freeBlocks : state.allocator.availableBlocks
        return available - checkpointBlocks
    }

    /// Blocks that the next checkpoint takes.
    var checkpointBlocks: Int { state.arena.dirtyCount + state.cataloguePages + 32 }

    private var canGrow: Bool { !isDeviceFull && state.allocator.end < state.allocator.limit }

    /// What is kept free on the device beside, as long as it grows: for a checkpoint, and for what goes on without room.
    private var keptBlocks: Int { checkpointBlocks + Self.slop(state.allocator.end) }

    /// With the gate held: whether `count` blocks are free, and beside them what is kept if the device can still grow.
    func hasFree(_ count: Int) -> Bool {
        state.allocator.freeBlocks >= count + (canGrow ? keptBlocks : 0)
    }

    /// With the gate held: brings `hasFree(count)` closer, by growing the device or by finding that it cannot. The gate
    /// may have been free meanwhile.
    func growDevice(toFree count: Int) throws(ArrayError) {
        guard canGrow else { throw .outOfSpace }
        if isGrowing { return gate.wait() }
        let allocator = state.allocator
        let needed = count + keptBlocks - allocator.freeBlocks
        // Two blocks of each region are for its counts.
        let missing = needed + needed / 512 + 2 * Geometry.countPlaces
        if try grow(by: max(missing, min(Self.growthBlocks, max(allocator.end / 8, 64)))) { return }
        // Not by so much, but perhaps enough.
        if try !grow(by: missing) { isDeviceFull = true }
    }

    /// With the gate held: whether the device, found full, has room again.
    func canGrowAgain() throws(ArrayError) -> Bool {
        guard isDeviceFull, try grow(by: 64) else { return false }
        isDeviceFull = false
        return true
    }

    private func grow(by count: Int) throws(ArrayError) -> Bool {
        let end = min(state.allocator.limit, state.allocator.end + count)
        do throws(DeviceError) {
            try device.grow(to: UInt64(end) * UInt64(Layout.blockBytes))
        } catch .noSpace { return false } catch { throw .device(error) }
        state.allocator.grow(to: end)
        return true
    }

    // MARK: Ahead of need

    /// With the gate held.
    var isGrowthDue: Bool {
        let allocator = state.allocator
        return !isGrowing && !isDeviceFull && !isStopped && allocator.end < allocator.limit
            && allocator.freeBlocks - checkpointBlocks < Self.growthBlocks / 2
    }

    /// Grows the device by a step whose blocks are written before they are given out, without keeping anybody waiting.
    func growAhead() {
        gate.lock()
        guard isGrowthDue else { return gate.unlock() }
        isGrowing = true
        let start = state.allocator.end
        let end = min(state.allocator.limit, start + Self.growthBlocks)
        gate.unlock()
        let unit = UInt64(Layout.blockBytes)
        var hasGrown = true
        do throws(DeviceError) { try device.grow(to: UInt64(end) * unit) } catch { hasGrown = false }
        if hasGrown { device.prewrite(offset: UInt64(start) * unit, count: UInt64(end - start) * unit) }
        gate.lock()
        isGrowing = false
        if hasGrown { state.allocator.grow(to: end) }
        gate.wakeAll()
        gate.unlock()
    }
}
