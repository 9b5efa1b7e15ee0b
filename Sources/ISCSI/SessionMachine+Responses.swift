import SCSI

// Ends of commands, and how PDUs go out. Source: RFC 7143 §11.4 (SCSI Response), §11.7 (Data-In).

extension SessionMachine {
    // MARK: PDUs

    /// Bytes of a header with its digest.
    var headerBytes: Int { PDUHeader.byteCount + (parameters.hasHeaderDigest && phase != .login ? 4 : 0) }

    /// Bytes that follow data: padding and digest.
    private func trailerBytes(_ dataBytes: Int) -> Int {
        (-dataBytes & 3) + (parameters.hasDataDigest && dataBytes > 0 ? 4 : 0)
    }

    /// Puts ExpCmdSN and MaxCmdSN into a header.
    private mutating func stamp(_ header: inout PDUHeader) {
        header.field28 = window.expected
        header.field32 = window.update()
    }

    /// Puts StatSN into the header of a response, which it counts.
    mutating func number(_ header: inout PDUHeader) {
        header.field24 = statusNumber
        statusNumber &+= 1
    }

    /// Writes a header with its digest to memory.
    private func store(_ header: PDUHeader, to target: UnsafeMutableRawPointer) {
        header.store(to: target)
        guard headerBytes > PDUHeader.byteCount else { return }
        let bytes = UnsafeRawBufferPointer(start: target, count: PDUHeader.byteCount)
        PDUDigest.store(PDUDigest.of(bytes), to: target + PDUHeader.byteCount)
    }

    /// Sends a PDU without data.
    mutating func send(_ header: inout PDUHeader, _ output: inout OutputQueue) {
        stamp(&header)
        store(header, to: output.reserve(headerBytes))
        output.commit(headerBytes)
    }

    /// Sends a PDU with a little data.
    mutating func send(_ header: inout PDUHeader, _ data: UnsafeRawBufferPointer, _ output: inout OutputQueue) {
        guard let source = data.baseAddress, data.count > 0 else { return send(&header, &output) }
        let target = output.reserve(headerBytes + data.count + 8)
        (target + headerBytes).copyMemory(from: source, byteCount: data.count)
        sendInPlace(&header, data.count, at: target, &output)
    }

    /// Sends a PDU whose data lies at its place in what was reserved at `target`.
    private mutating func sendInPlace(
        _ header: inout PDUHeader, _ count: Int, at target: UnsafeMutableRawPointer, _ output: inout OutputQueue
    ) {
        header.dataBytes = count
        stamp(&header)
        store(header, to: target)
        let start = target + headerBytes
        let padded = count + (-count & 3)
        for offset in count..<padded { start.storeBytes(of: 0, toByteOffset: offset, as: UInt8.self) }
        if trailerBytes(count) >= 4 {
            PDUDigest.store(PDUDigest.of(UnsafeRawBufferPointer(start: start, count: padded)), to: start + padded)
        }
        output.commit(headerBytes + count + trailerBytes(count))
    }

    /// Throws a PDU back. Source: RFC 7143 §11.17.
    mutating func reject(_ rejected: PDUHeader, _ reason: RejectReason, _ output: inout OutputQueue) {
        var header = PDUHeader(.reject, flags: 0x80)
        header.byte2 = reason.rawValue
        number(&header)
        rejected.bytes.withUnsafeBytes { send(&header, $0, &output) }
    }

    // MARK: Ends of commands

    /// Room in the output for the data of a command, if it can be put there straight away: all fits one PDU.
    ///
    /// Valid until the machine or the output is used again; `finish` with `isInPlace` sends it.
    func placeForData(_ task: CommandTask, _ output: inout OutputQueue) -> UnsafeMutableRawBufferPointer? {
        let room = task.dataInRoom
        guard room > 0, room <= min(parameters.initiatorSegmentBytes, parameters.maximumBurstBytes), room <= 64 << 10 else {
            return nil
        }
        return UnsafeMutableRawBufferPointer(start: output.reserve(headerBytes + room + 8) + headerBytes, count: room)
    }

    /// Memory for the data of a command that cannot be put into the output straight away.
    mutating func makeDataIn(_ task: CommandTask) -> UnsafeMutableRawBufferPointer {
        let buffer = bufferPool.take(task.dataInRoom)
        task.dataIn = buffer
        dataBytes += buffer.bytes.count
        return UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<task.dataInRoom])
    }

    /// A command has ended: its response goes out, and others may run.
    ///
    /// - Parameter isInPlace: whether its data lies where `placeForData` said; else it lies in `task.dataIn`, if anywhere.
    mutating func finish(_ task: CommandTask, isInPlace: Bool = false, _ output: inout OutputQueue) {
        runningCount -= 1
        remove(task)
        // From here on the output counts it.
        if let buffer = task.dataIn { dataBytes -= buffer.bytes.count }
        if phase != .closed { respond(task, isInPlace, &output) }
        if let buffer = task.dataIn { bufferPool.recycle(buffer) }
        for waiter in task.waiters { step(waiter, &output) }
        recycle(task)
        if phase == .loggingOut { endLogout(&output) }
    }

    /// The task is not known any more and holds nothing that others may want.
    mutating func remove(_ task: CommandTask) {
        tasks[task.tag] = nil
        if task.isImmediate { immediateCount -= 1 } else { window.ended() }
        releaseBuffer(task)
        unblock(order.ended(task))
    }

    mutating func recycle(_ task: CommandTask) {
        guard spare.count < limits.commands else { return }
        task.reset()
        spare.append(task)
    }

    private mutating func respond(_ task: CommandTask, _ isInPlace: Bool, _ output: inout OutputQueue) {
        let completion = task.completion
        let residual = Residual(task)
        guard completion.status == .good, completion.dataInCount > 0 else {
            return sendResponse(task, residual, &output)
        }
        if isInPlace {
            var header = dataHeader(task, residual, offset: 0, isFinal: true, isLast: true)
            let target = output.reserve(headerBytes + completion.dataInCount + 8)
            sendInPlace(&header, completion.dataInCount, at: target, &output)
        } else if let buffer = task.dataIn {
            sendData(task, buffer, residual, &output)
        }
    }

    private mutating func sendResponse(_ task: CommandTask, _ residual: Residual, _ output: inout OutputQueue) {
        var header = PDUHeader(.response, flags: 0x80 | residual.flags, tag: task.tag)
        header.byte3 = task.completion.status.rawValue
        header.field36 = task.readyNumber
        header.field44 = residual.count
        number(&header)
        guard let sense = task.completion.sense else { return send(&header, &output) }
        let bytes = sense.encoded()
        var data = [UInt8(truncatingIfNeeded: bytes.count >> 8), UInt8(truncatingIfNeeded: bytes.count)]
        data += bytes
        data.withUnsafeBytes { send(&header, $0, &output) }
    }

    private mutating func dataHeader(
        _ task: CommandTask, _ residual: Residual, offset: Int, isFinal: Bool, isLast: Bool
    ) -> PDUHeader {
        // Status goes with the last data: RFC 7143 §11.7.3 ("phase collapse").
        let flags: UInt8 = (isFinal ? 0x80 : 0) | (isLast ? 0x01 | residual.flags : 0)
        var header = PDUHeader(.dataIn, flags: flags, tag: task.tag)
        header.field20 = PDUHeader.noTag
        header.field36 = task.readyNumber
        header.field40 = UInt32(truncatingIfNeeded: offset)
        task.readyNumber &+= 1
        if isLast {
            header.byte3 = task.completion.status.rawValue
            header.field44 = residual.count
            number(&header)
        }
        return header
    }

    /// Sends data in PDUs that the initiator takes, without copying what is long.
    private mutating func sendData(
        _ task: CommandTask, _ buffer: DataBuffer, _ residual: Residual, _ output: inout OutputQueue
    ) {
        let total = task.completion.dataInCount
        let isCopied = total <= 8192
        var offset = 0
        while offset < total {
            let burstRest = parameters.maximumBurstBytes - offset % parameters.maximumBurstBytes
            let count = min(total - offset, parameters.initiatorSegmentBytes, burstRest)
            let isLast = offset + count == total
            var header = dataHeader(
                task, residual, offset: offset, isFinal: isLast || count == burstRest, isLast: isLast)
            let bytes = UnsafeRawBufferPointer(rebasing: buffer.bytes[offset..<offset + count])
            if isCopied {
                send(&header, bytes, &output)
            } else {
                header.dataBytes = count
                send(&header, &output)
                output.append(buffer, at: offset, count: count, isLast: isLast)
                sendTrailer(bytes, &output)
            }
            offset += count
        }
        // The output gives it back once it is sent.
        if !isCopied { task.dataIn = nil }
    }

    private mutating func sendTrailer(_ data: UnsafeRawBufferPointer, _ output: inout OutputQueue) {
        let count = trailerBytes(data.count)
        guard count > 0 else { return }
        let padding = -data.count & 3
        let target = output.reserve(8)
        target.storeBytes(of: 0, as: UInt64.self)
        if count >= 4 {
            let zeros = UnsafeRawBufferPointer(start: target, count: padding)
            PDUDigest.store(PDUDigest.extend(PDUDigest.of(data), zeros), to: target + padding)
        }
        output.commit(count)
    }
}

/// What an initiator is told about bytes that it expected and that did not move, or the other way round.
///
/// Source: RFC 7143 §11.4.5.
struct Residual: Equatable {
    /// Overflow (O) or underflow (U), bits 2 and 1 of the flags of SCSI Response and Data-In.
    var flags: UInt8 = 0
    var count: UInt32 = 0

    init(_ task: CommandTask) {
        let isGood = task.completion.status == .good
        var wanted = 0
        switch task.transfer {
        case .none: break
        case .toInitiator: wanted = isGood && task.writeBytes == 0 ? task.completion.dataInLength : 0
        // A command that failed has taken what it was sent.
        case .fromInitiator(let bytes): wanted = bytes
        }
        let expected = task.readBytes > 0 ? task.readBytes : task.writeBytes
        if wanted > expected {
            flags = 0x04
            count = UInt32(clamping: wanted - expected)
        } else if wanted < expected {
            flags = 0x02
            count = UInt32(clamping: expected - wanted)
        }
    }
}
