import StorageArray

// EXTENDED COPY(LID1) and RECEIVE COPY RESULTS. Source: SPC-4 §6.4 and §6.20.

/// How copies with a list identifier went, until the initiator asks or uses the identifier again.
struct CopyResults {
    struct Key: Hashable {
        let nexus: Nexus
        let listIdentifier: UInt8
    }

    struct Result: Equatable {
        var hasFailed: Bool
        var segmentsProcessed: Int
        var bytes: UInt64
    }

    var active: Set<Key> = []
    var held: [Key: Result] = [:]

    mutating func forget(_ nexus: Nexus) { held = held.filter { $0.key.nexus != nexus } }
}

extension ArrayTarget {
    func extendedCopy(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let length = Int(command.cdb.bigEndian32(at: 10))
        if length == 0 { return }
        let list = try ExtendedCopyList.decode(command.dataOut.slice(0, length))
        let key = CopyResults.Key(nexus: command.nexus, listIdentifier: list.listIdentifier)
        let isTracked = list.usage != .none
        if isTracked {
            let isNew = state.withLock { $0.copies.active.insert(key).inserted }
            guard isNew else { throw .invalidParameter(byte: 0) }
        }
        let (result, failure) = copy(list, &command)
        if isTracked {
            state.withLock { state in
                state.copies.active.remove(key)
                state.copies.held[key] = list.usage == .hold ? result : nil
            }
        }
        if let failure { throw failure }
    }

    /// Copies segments in order up to the first that cannot be; each is to be seen before the next begins.
    private func copy(_ list: ExtendedCopyList, _ command: inout Command) -> (CopyResults.Result, Sense?) {
        let visible = visibleUnits(to: command.nexus.initiator)
        var result = CopyResults.Result(hasFailed: false, segmentsProcessed: 0, bytes: 0)
        for segment in list.segments {
            if command.isAborted {
                command.status = .taskAborted
                result.hasFailed = true
                return (result, nil)
            }
            do throws(Sense) {
                if let copy = try rangeCopy(segment, list.devices, visible, command.nexus) {
                    command.follow(try Self.copying { () throws(ArrayError) in try pool.deferredCopy([copy]) })
                    result.bytes += copy.count
                }
                result.segmentsProcessed += 1
            } catch {
                result.hasFailed = true
                return (result, error)
            }
        }
        return (result, nil)
    }

    /// What fails a segment within the array is the LUN's own code under the key COPY ABORTED.
    private static func copying(_ body: () throws(ArrayError) -> CommitTicket) throws(Sense) -> CommitTicket {
        do throws(ArrayError) { return try body() } catch { throw Sense(.copyAborted, Sense(error).code) }
    }

    /// The LUNs that an initiator may name as an end of a copy: those it sees, and no other (CVE-2020-28374).
    private func visibleUnits(to initiator: String) -> [WorldWideName: LogicalUnit] {
        let units = state.withLock { state in
            (state.allowed[initiator] ?? []).compactMap { state.exposed[$0] }
        }
        var names: [WorldWideName: LogicalUnit] = [:]
        // A LUN deleted meanwhile is not visible either.
        for unit in units where refresh(unit) { names[unit.worldWideName] = unit }
        return names
    }

    /// What a segment asks for in bytes of LUNs; `nil` when it asks for nothing.
    private func rangeCopy(
        _ segment: CopySegment, _ devices: [CopyDevice], _ visible: [WorldWideName: LogicalUnit], _ nexus: Nexus
    ) throws(Sense) -> RangeCopy? {
        guard segment.source < devices.count, let source = visible[devices[segment.source].name] else {
            throw .copyTargetNotReachable(byte: 4)
        }
        guard segment.destination < devices.count, let destination = visible[devices[segment.destination].name] else {
            throw .copyTargetNotReachable(byte: 6)
        }
        for device in [segment.source, segment.destination] {
            guard devices[device].blockBytes == UInt32(Self.blockBytes) else {
                throw .invalidParameter(byte: UInt16(clamping: 16 + device * CopyDevice.byteCount + 29))
            }
        }
        try Self.checkEnd(source, .reads, .asRead, nexus)
        try Self.checkEnd(destination, .writes, .asWrite, nexus)
        return try Self.ranges(segment, source, destination)
    }

    /// A reservation or a medium that keeps the initiator out of one end fails the copy as if it had gone there itself.
    private static func checkEnd(
        _ unit: LogicalUnit, _ access: CommandDescription.Access, _ conflict: ReservationClass, _ nexus: Nexus
    ) throws(Sense) {
        do throws(Sense) {
            if try unit.conflicts(nexus, conflict) { throw .thirdPartyDeviceFailure }
            try unit.checkReady(access)
            if access == .writes { try unit.checkWritable() }
        } catch { throw Sense(.copyAborted, error.code) }
    }

    private static func ranges(
        _ segment: CopySegment, _ source: LogicalUnit, _ destination: LogicalUnit
    ) throws(Sense) -> RangeCopy? {
        let unit = UInt64(blockBytes)
        let (bytes, sourceOffset, destinationOffset): (UInt64, UInt64, UInt64)
        switch segment.amount {
        case .blocks(let count, _): (bytes, sourceOffset, destinationOffset) = (UInt64(count) * unit, 0, 0)
        case .bytes(let count, let from, let to):
            (bytes, sourceOffset, destinationOffset) = (UInt64(count), UInt64(from), UInt64(to))
        }
        guard bytes % unit == 0, sourceOffset % unit == 0, destinationOffset % unit == 0,
            bytes <= UInt64(Limits.copySegmentBytes)
        else { throw .invalidFieldInParameterList }
        let from = try offset(segment.sourceLBA, sourceOffset, bytes, on: source, field: 12)
        let to = try offset(segment.destinationLBA, destinationOffset, bytes, on: destination, field: 20)
        if bytes == 0 { return nil }
        return RangeCopy(
            source: source.identifier, from: from, destination: destination.identifier, to: to, count: bytes)
    }

    /// - Throws: COPY TARGET DEVICE NOT REACHABLE, pointing at a field of the segment, if the range is not on the LUN.
    private static func offset(
        _ lba: UInt64, _ offset: UInt64, _ count: UInt64, on unit: LogicalUnit, field: UInt16
    ) throws(Sense) -> UInt64 {
        let size = unit.blocks * UInt64(blockBytes)
        guard lba <= unit.blocks, offset + count <= size - lba * UInt64(blockBytes) else {
            throw .copyTargetNotReachable(byte: field)
        }
        return lba * UInt64(blockBytes) + offset
    }

    // MARK: Results

    func receiveCopyStatus(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        command.answer(try copyStatus(command), allocationLength: Int(command.cdb.bigEndian32(at: 10)))
    }

    func receiveOperatingParameters(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        command.answer(operatingParameters, allocationLength: Int(command.cdb.bigEndian32(at: 10)))
    }

    /// ```
    /// 0 AVAILABLE DATA (8)   4 HDD b7, COPY COMMAND STATUS b6-0   5 SEGMENTS PROCESSED (2)
    /// 7 TRANSFER COUNT UNITS (1 is KiB)   8 TRANSFER COUNT
    /// ```
    private func copyStatus(_ command: Command) throws(Sense) -> [UInt8] {
        let key = CopyResults.Key(nexus: command.nexus, listIdentifier: command.cdb[2])
        let (isActive, result) = state.withLock { ($0.copies.active.contains(key), $0.copies.held[key]) }
        guard isActive || result != nil else { throw .invalidField(byte: 2) }
        var answer = [UInt8].zeros(12)
        answer.put(UInt32(8), at: 0)
        answer[4] = isActive ? 0 : result?.hasFailed == true ? 2 : 1
        answer.put(UInt16(clamping: result?.segmentsProcessed ?? 0), at: 5)
        answer[7] = 1
        answer.put(UInt32(clamping: (result?.bytes ?? 0) >> 10), at: 8)
        return answer
    }

    /// ```
    ///  0 AVAILABLE DATA (n - 3)   4 SNLID b0   8 MAXIMUM CSCD COUNT (2)  10 MAXIMUM SEGMENT COUNT (2)
    /// 12 MAXIMUM DESCRIPTOR LIST LENGTH   16 MAXIMUM SEGMENT LENGTH   20 MAXIMUM INLINE DATA   24 HELD DATA LIMIT
    /// 28 MAXIMUM STREAM TRANSFER   34 TOTAL CONCURRENT COPIES (2)   36 MAXIMUM CONCURRENT COPIES
    /// 37 DATA SEGMENT GRANULARITY (log2)   38 INLINE, 39 HELD DATA GRANULARITY   43 codes that follow   44 codes
    /// ```
    private var operatingParameters: [UInt8] {
        let codes: [UInt8] = [0x02, 0x0A, 0xE4]
        var answer = [UInt8].zeros(44) + codes
        answer.put(UInt32(answer.count - 4), at: 0)
        answer[4] = 1
        answer.put(UInt16(Limits.copyDevices), at: 8)
        answer.put(UInt16(Limits.copySegments), at: 10)
        answer.put(UInt32(Limits.copyListBytes), at: 12)
        answer.put(Limits.copySegmentBytes, at: 16)
        answer.put(UInt16(255), at: 34)
        answer[36] = 255
        answer[37] = 9
        answer[43] = UInt8(codes.count)
        return answer
    }
}
