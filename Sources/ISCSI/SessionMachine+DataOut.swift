import SCSI

// Data from the initiator. Source: RFC 7143 §11.7 (Data-Out), §11.8 (R2T), §4.2.5.2 (sequences and their numbers).

/// A long data segment that is taken as it comes.
struct Segment {
    let header: PDUHeader
    /// Whose data it is; `nil` if nobody wants it.
    var task: CommandTask?
    /// Bytes that have come.
    var receivedBytes = 0
    var digest: UInt32 = 0

    var restBytes: Int { header.dataBytes - receivedBytes }
}

extension SessionMachine {
    /// A whole Data-Out PDU.
    mutating func takeDataOut(
        _ header: PDUHeader, _ data: UnsafeRawBufferPointer, isIntact: Bool, _ output: inout OutputQueue
    ) -> SessionEvent? {
        guard let task = receiver(header, &output) else { return nil }
        if isIntact { store(data, of: task) }
        return endData(task, header, isIntact: isIntact, &output)
    }

    /// The command that a Data-Out belongs to, its numbers checked.
    ///
    /// A wrong number or offset is an error of the transfer that cannot be repaired at level 0: the command ends with
    /// CHECK CONDITION once the sequence is over. Data of commands that were aborted or have failed is dropped.
    private mutating func receiver(_ header: PDUHeader, _ output: inout OutputQueue) -> CommandTask? {
        guard let task = tasks[header.tag] else {
            if header.field20 != PDUHeader.noTag, !header.field20.precedes(nextTransferTag) {
                reject(header, .invalidField, &output)
            }
            return nil
        }
        let isUnsolicited = header.field20 == PDUHeader.noTag
        guard isUnsolicited ? task.isUnsolicitedOpen : header.field20 == task.transferTag else {
            reject(header, .invalidField, &output)
            return nil
        }
        guard task.failure == nil else { return task }
        let end = isUnsolicited ? min(parameters.unsolicitedBytes, task.writeBytes) : task.sequenceEnd
        if header.field36 != task.dataNumber {
            task.failure = .dataPhaseError
        } else if Int(header.field40) != task.receivedBytes {
            task.failure = .dataOffsetError
        } else if header.dataBytes > end - task.receivedBytes {
            task.failure = .incorrectAmountOfData
        }
        task.dataNumber &+= 1
        return task
    }

    /// Puts data where the command has it from `receivedBytes` on; what the command does not take is dropped.
    mutating func store(_ data: UnsafeRawBufferPointer, of task: CommandTask, at offset: Int = 0) {
        guard task.failure == nil else { return }
        let start = task.receivedBytes + offset
        let count = min(data.count, task.wantedBytes - start)
        guard count > 0, let source = data.baseAddress, let target = makeBuffer(task).bytes.baseAddress else { return }
        (target + start).copyMemory(from: source, byteCount: count)
    }

    /// The data of one PDU has come.
    private mutating func endData(
        _ task: CommandTask, _ header: PDUHeader, isIntact: Bool, _ output: inout OutputQueue
    ) -> SessionEvent? {
        if !isIntact {
            reject(header, .dataDigest, &output)
            if task.failure == nil { task.failure = .protocolServiceCRCError }
        }
        task.receivedBytes += header.dataBytes
        lastData = lastInput
        guard header.isFinal else { return nil }
        if task.isUnsolicitedOpen {
            task.isUnsolicitedOpen = false
        } else {
            if task.failure == nil, task.receivedBytes != task.sequenceEnd { task.failure = .incorrectAmountOfData }
            task.transferTag = PDUHeader.noTag
        }
        // Before its turn it waits, with its data.
        return task.state == .held ? nil : goOn(task, &output)
    }

    /// Tells the initiator to send the next part.
    mutating func requestData(_ task: CommandTask, _ output: inout OutputQueue) {
        if task.buffer == nil, dataBytes > 0, dataBytes + task.wantedBytes > limits.dataBytes {
            stalled.append(task)
            return
        }
        _ = makeBuffer(task)
        let count = min(parameters.maximumBurstBytes, task.wantedBytes - task.receivedBytes)
        task.transferTag = nextTransferTag
        nextTransferTag &+= 1
        if nextTransferTag == PDUHeader.noTag { nextTransferTag = 1 }
        task.sequenceEnd = task.receivedBytes + count
        task.dataNumber = 0
        var header = PDUHeader(.readyToTransfer, flags: 0x80, tag: task.tag)
        header.word1 = task.lunField
        header.field20 = task.transferTag
        header.field24 = statusNumber
        header.field36 = task.readyNumber
        header.field40 = UInt32(truncatingIfNeeded: task.receivedBytes)
        header.field44 = UInt32(truncatingIfNeeded: count)
        task.readyNumber &+= 1
        lastData = lastInput
        send(&header, &output)
    }

    /// Memory has become free: those who waited for it are told to send.
    mutating func requestStalledData(_ output: inout OutputQueue) {
        while let task = stalled.first, dataBytes == 0 || dataBytes + task.wantedBytes <= limits.dataBytes {
            stalled.removeFirst()
            requestData(task, &output)
        }
    }

    // MARK: Long segments

    /// The header of a PDU whose data comes in parts.
    mutating func beginSegment(_ header: PDUHeader, _ output: inout OutputQueue) {
        let task = header.opcode == .command ? makeTask(header, &output) : receiver(header, &output)
        segment = Segment(header: header, task: task)
    }

    /// Takes what has come of the segment.
    ///
    /// - Returns: `false` if more has to come.
    mutating func goOnWithSegment(_ input: inout UnsafeRawBufferPointer, _ output: inout OutputQueue) -> Bool {
        guard let current = segment else { return true }
        let part = UnsafeRawBufferPointer(rebasing: input.prefix(current.restBytes))
        if !part.isEmpty {
            if let task = current.task { store(part, of: task, at: current.receivedBytes) }
            noteSegment(part)
            input = UnsafeRawBufferPointer(rebasing: input[part.count...])
        }
        guard let segment, segment.restBytes == 0 else { return false }
        let padding = segment.header.paddingBytes
        let tail = padding + (parameters.hasDataDigest ? 4 : 0)
        guard input.count >= tail else { return false }
        var isIntact = true
        if parameters.hasDataDigest {
            let digest = PDUDigest.extend(segment.digest, UnsafeRawBufferPointer(rebasing: input[..<padding]))
            isIntact = digest == PDUDigest.read(input, at: padding)
        }
        input = UnsafeRawBufferPointer(rebasing: input[tail...])
        self.segment = nil
        if let task = segment.task, let event = endSegment(task, segment.header, isIntact: isIntact, &output) {
            later.append(event)
        }
        return true
    }

    private mutating func endSegment(
        _ task: CommandTask, _ header: PDUHeader, isIntact: Bool, _ output: inout OutputQueue
    ) -> SessionEvent? {
        guard header.opcode == .command else { return endData(task, header, isIntact: isIntact, &output) }
        if !isIntact {
            reject(header, .dataDigest, &output)
            if task.failure == nil { task.failure = .protocolServiceCRCError }
        }
        task.receivedBytes += header.dataBytes
        return arrived(task, &output)
    }

    private mutating func noteSegment(_ part: UnsafeRawBufferPointer) {
        guard var current = segment else { return }
        if parameters.hasDataDigest { current.digest = PDUDigest.extend(current.digest, part) }
        current.receivedBytes += part.count
        segment = current
    }

    // MARK: Without a copy

    /// Where the next bytes of a long segment belong, if they may go there straight from the socket.
    ///
    /// Valid until the machine is called again; to be used only when no received byte waits.
    mutating func directTarget() -> UnsafeMutableRawBufferPointer? {
        guard let current = segment, let task = current.task, task.failure == nil else { return nil }
        let start = task.receivedBytes + current.receivedBytes
        let count = min(current.restBytes, task.wantedBytes - start)
        guard count >= PDULayout.longBytes else { return nil }
        return UnsafeMutableRawBufferPointer(rebasing: makeBuffer(task).bytes[start..<start + count])
    }

    /// So many bytes have been put at the start of `target`, which `directTarget` gave.
    mutating func directlyReceived(_ count: Int, in target: UnsafeMutableRawBufferPointer, at now: UInt64) {
        lastInput = now
        noteSegment(UnsafeRawBufferPointer(rebasing: target[..<count]))
    }
}
