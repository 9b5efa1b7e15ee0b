import Platform

// Unmapping or deleting gives up whole pages of the map at once and leaves what lies below them dead: a few words in
// memory, and in every checkpoint. It is freed afterwards in small steps, each of which is a record of the journal, so
// that a replay frees the same blocks before it comes to whoever used them next.

extension StoragePool {
    private static let leavesPerStep = 32
    /// Steps of which a group's flush is waited for together, 1 GiB of single blocks.
    private static let stepsPerFlush = 64

    /// With the gate held: there is something dead that can be freed.
    var isReapDue: Bool { !state.dead.isEmpty && !cannotReap && !isStopped }

    /// With the gate held: frees some of what is dead; `false` if there is nothing that can be freed. Not durable yet.
    ///
    /// The gate may have been free meanwhile.
    func reapSome() throws(ArrayError) -> Bool {
        guard isReapDue else { return false }
        do throws(ArrayError) { try makeResidentToReap(pagesToReap) } catch {
            guard error.isOfMetadata else { throw error }
            cannotReap = true
            return false
        }
        let change = JournalRecord.reap(pages: UInt32(pagesToReap))
        while openRecords.byteCount + change.byteCount > ring.maximumGroupBytes { try flushOrWait() }
        if isStopped { throw .stopped }
        try record(change)
        return true
    }

    /// The leaves at the end, or one page above leaves.
    private var pagesToReap: Int {
        max(1, state.dead.suffix(Self.leavesPerStep).reversed().prefix { $0.level == 0 }.count)
    }

    /// Frees all that is dead, a few milliseconds with the gate held at a time.
    func reapAll() throws(ArrayError) {
        var hasMore = true
        while hasMore {
            gate.lock()
            defer { gate.unlock() }
            for _ in 0..<Self.stepsPerFlush where hasMore {
                hasMore = try reapSome()
                // Let others in.
                gate.unlock()
                gate.lock()
            }
            let group = openGroup
            while !openRecords.isEmpty || isFlushing, durableGroup < group { try flushOrWait() }
            if isCheckpointDue, !isCheckpointing { try checkpointLocked() }
        }
    }

    /// Frees a little on behalf of a command, where no thread does.
    func reapInline() throws(ArrayError) {
        gate.lock()
        defer { gate.unlock() }
        for _ in 0..<inlineReapSteps {
            if try !reapSome() { return }
        }
    }
}
