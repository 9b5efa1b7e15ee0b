import Platform

// The commands for callers that have many under way: each returns when its effect is ordered, before it is durable.
//
// An answer that tells of a command may leave when its ticket is durable, no earlier: also that of a read, or of a
// comparison that failed, which may have seen what a crash would undo. Commands that come later see the effect at once,
// and their tickets are later ones.

extension StoragePool {
    /// As `read`.
    public func deferredRead(
        _ identifier: LUNIdentifier, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ArrayError) -> CommitTicket {
        CommitTicket(group: try readNow(identifier, at: offset, into: buffer))
    }

    /// As `write`.
    public func deferredWrite(
        _ identifier: LUNIdentifier, at offset: UInt64, _ bytes: UnsafeRawBufferPointer
    ) throws(ArrayError) -> CommitTicket {
        ordered(try writeNow(identifier, at: offset, bytes))
    }

    /// As `compareAndWrite`.
    ///
    /// - Returns: with `difference` the offset of the first byte that differs; nothing was written then.
    public func deferredCompareAndWrite(
        _ identifier: LUNIdentifier, at offset: UInt64, expected: UnsafeRawBufferPointer,
        replacement: UnsafeRawBufferPointer
    ) throws(ArrayError) -> (ticket: CommitTicket, difference: Int?) {
        let outcome = try compareAndWriteNow(identifier, at: offset, expected: expected, replacement: replacement)
        return (ordered(outcome.group), outcome.difference)
    }

    /// As `unmap`.
    public func deferredUnmap(
        _ identifier: LUNIdentifier, at offset: UInt64, count: UInt64
    ) throws(ArrayError) -> CommitTicket {
        ordered(try zeroNow(identifier, offset, count, for: .unmap))
    }

    /// As `unmap` of several ranges.
    public func deferredUnmap(
        _ identifier: LUNIdentifier, _ ranges: [(offset: UInt64, count: UInt64)]
    ) throws(ArrayError) -> CommitTicket {
        ordered(try zeroNow(identifier, ranges, for: .unmap))
    }

    /// As `writeZeros`.
    public func deferredWriteZeros(
        _ identifier: LUNIdentifier, at offset: UInt64, count: UInt64
    ) throws(ArrayError) -> CommitTicket {
        ordered(try zeroNow(identifier, offset, count, for: .writeSame))
    }

    /// As `writeSame`.
    public func deferredWriteSame(
        _ identifier: LUNIdentifier, at offset: UInt64, count: UInt64, pattern: UnsafeRawBufferPointer
    ) throws(ArrayError) -> CommitTicket {
        ordered(try fillNow(identifier, at: offset, count: count, pattern: pattern))
    }

    /// As `copy` of several ranges.
    public func deferredCopy(_ copies: [RangeCopy]) throws(ArrayError) -> CommitTicket {
        ordered(try copyNow(copies))
    }

    private func ordered(_ group: UInt64) -> CommitTicket {
        maintainIfDue()
        return CommitTicket(group: group)
    }

    // MARK: Durability

    public func isDurable(_ ticket: CommitTicket) -> Bool { ticket.group <= durableGroup }

    /// Sleeps until a ticket is durable; the first who comes flushes for all.
    ///
    /// - Throws: `.stopped` if that will never be known.
    public func wait(for ticket: CommitTicket) throws(ArrayError) { try waitUntilDurable(ticket.group) }

    /// Calls `body` when a ticket is durable, or with `.stopped` when that will never be known.
    ///
    /// It runs here and now if the ticket is durable, else on the pool's committing thread, earlier tickets first, and
    /// should be short: the next flush waits for it. Nobody else has to wait for the ticket.
    public func whenDurable(_ ticket: CommitTicket, _ body: @escaping @Sendable (ArrayError?) -> Void) {
        if isDurable(ticket) { return body(nil) }
        gate.lock()
        guard ticket.group > durableGroup, !isStopped else {
            let failure: ArrayError? = ticket.group > durableGroup ? .stopped : nil
            gate.unlock()
            return body(failure)
        }
        commitWaiters.append(CommitWaiter(group: ticket.group, body: body))
        let isFirst = commitWaiters.count == 1
        gate.unlock()
        if isFirst { commitSignal.raise() }
    }

    /// Flushes as long as somebody is to be told, and tells them.
    func commitForWaiters() {
        gate.lock()
        while let next = commitWaiters.map(\.group).min() {
            var failure: ArrayError?
            do throws(ArrayError) {
                while durableGroup < next { try flushOrWait() }
            } catch { failure = error }
            let ready = takeWaiters(all: failure != nil)
            gate.unlock()
            for waiter in ready { waiter.body(failure) }
            gate.lock()
        }
        gate.unlock()
    }

    /// With the gate held: those whose groups are durable, earlier groups first.
    private func takeWaiters(all: Bool) -> [CommitWaiter] {
        let durable = durableGroup
        var ready: [CommitWaiter] = []
        var isSorted = true
        commitWaiters.removeAll { waiter in
            guard all || waiter.group <= durable else { return false }
            if let last = ready.last, last.group > waiter.group { isSorted = false }
            ready.append(waiter)
            return true
        }
        if !isSorted {
            ready = ready.enumerated().sorted { ($0.element.group, $0.offset) < ($1.element.group, $1.offset) }
                .map(\.element)
        }
        return ready
    }

    /// Starts the thread that flushes for those who do not wait themselves.
    func startCommitting() throws(ArrayError) {
        do throws(ThreadError) {
            commitThread = try SystemThread(name: "array-commit") { [weak self, commitSignal] in
                while commitSignal.wait() { self?.commitForWaiters() }
                self?.commitForWaiters()
            }
        } catch {
            switch error {
            case .system(let number): throw .device(.system(number))
            }
        }
    }
}
