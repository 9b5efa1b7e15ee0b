import SCSI

// SCSI commands up to their execution. Source: RFC 7143 §11.3 and §4.2.5 (data transfer).

/// A request that came before its turn.
enum HeldRequest {
    case command(CommandTask)
    case other(PDUHeader, [UInt8])
    /// Aborted before it came: its number counts as used (RFC 7143 §11.6.1).
    case skipped
}

extension Sense {
    // Source: RFC 7143 §11.4.7.2, and SPC-4 annex D for the data phase errors.
    static let unexpectedUnsolicitedData = Sense(.abortedCommand, 0x0C0C)
    static let incorrectAmountOfData = Sense(.abortedCommand, 0x0C0D)
    static let protocolServiceCRCError = Sense(.abortedCommand, 0x4705)
    static let dataPhaseError = Sense(.abortedCommand, 0x4B00)
    static let commandsCleared = Sense(.abortedCommand, 0x2F00)
    static let dataOffsetError = Sense(.abortedCommand, 0x4B05)
}

extension SessionMachine {
    /// A whole command, with its immediate data.
    mutating func takeCommand(
        _ header: PDUHeader, _ data: UnsafeRawBufferPointer, isIntact: Bool, _ output: inout OutputQueue
    ) -> SessionEvent? {
        guard let task = makeTask(header, &output) else { return nil }
        if !isIntact {
            reject(header, .dataDigest, &output)
            task.failure = .protocolServiceCRCError
        }
        if data.count >= task.wantedBytes, task.failure == nil {
            // The common case: all is here and needs no copy.
            task.immediate = data
        } else {
            store(data, of: task)
        }
        task.receivedBytes += data.count
        let event = arrived(task, &output)
        if task.state != .running { keepImmediate(task) }
        return event
    }

    /// Makes the task of a command and lets it wait for its turn; `nil` if it is refused or ignored.
    mutating func makeTask(_ header: PDUHeader, _ output: inout OutputQueue) -> CommandTask? {
        guard opening?.isDiscovery == false else {
            reject(header, .protocolError, &output)
            return nil
        }
        guard header.tag != PDUHeader.noTag, tasks[header.tag] == nil else {
            if header.isImmediate || window.contains(header.field24) { reject(header, .invalidField, &output) }
            consume(header)
            return nil
        }
        if header.isImmediate {
            guard immediateCount < limits.immediateCommands else {
                reject(header, .tooManyImmediateCommands, &output)
                return nil
            }
            immediateCount += 1
        } else {
            // Outside of the window: silently ignored. Source: RFC 7143 §4.2.2.1.
            guard window.contains(header.field24), held[header.field24] == nil else { return nil }
            window.began()
        }
        let task = spare.popLast() ?? CommandTask()
        fill(task, header)
        tasks[header.tag] = task
        commandCount &+= 1
        if task.isUnsolicitedOpen { lastData = lastInput }
        return task
    }

    private func fill(_ task: CommandTask, _ header: PDUHeader) {
        task.tag = header.tag
        task.number = header.field24
        task.isImmediate = header.isImmediate
        task.lunField = header.word1
        task.lun = LUNField.number(header.word1)
        task.cdb = CDB(high: header.words.4, low: header.words.5)
        task.attribute = TaskAttribute(rawValue: header.flags & 7) ?? .untagged
        task.readBytes = header.flags & 0x40 != 0 ? Int(header.field20) : 0
        task.writeBytes = header.flags & 0x20 != 0 ? Int(header.field20) : 0
        task.transfer = ArrayTarget.transfer(of: task.cdb)
        if case .fromInitiator(let bytes) = task.transfer { task.wantedBytes = Self.wantedBytes(task, bytes) }
        task.isUnsolicitedOpen = task.writeBytes > 0 && !header.isFinal
        task.failure = violation(header, task)
    }

    /// Writes of blocks take no more than their blocks. Others get to see that they were sent too much, as COMPARE AND WRITE
    /// and parameter lists have to complain.
    private static func wantedBytes(_ task: CommandTask, _ bytes: Int) -> Int {
        switch task.cdb[0] {
        case 0x0A, 0x2A, 0xAA, 0x8A, 0x2E, 0xAE, 0x8E, 0x2F, 0xAF, 0x8F, 0x8B, 0x9C: min(bytes, task.writeBytes)
        default: min(task.writeBytes, max(bytes, oddDataBytes))
        }
    }

    private static let oddDataBytes = 1 << 20

    /// What makes a command fail before it is executed.
    private func violation(_ header: PDUHeader, _ task: CommandTask) -> Sense? {
        // Both directions at once: no command here moves data both ways.
        if task.readBytes > 0, task.writeBytes > 0 { return .invalidFieldInCommandInformationUnit }
        if header.flags & 7 > 4 || header.flags & 7 == 4 { return .invalidFieldInCommandInformationUnit }
        // Longer CDBs come in an additional header segment; no command here has one.
        if header.additionalBytes > 0, task.cdb[0] == 0x7F || task.cdb[0] == 0x7E { return .invalidOperationCode }
        let immediate = header.dataBytes
        if immediate > 0 {
            guard parameters.takesImmediateData, task.writeBytes > 0 else { return .unexpectedUnsolicitedData }
            guard immediate <= task.writeBytes, immediate <= parameters.unsolicitedBytes else { return .incorrectAmountOfData }
        }
        if task.isUnsolicitedOpen, parameters.isReadyToTransferFirst { return .unexpectedUnsolicitedData }
        switch task.transfer {
        // A read that is called a write gives nothing; a write that is called a read would lose data.
        case .fromInitiator(let bytes) where bytes > 0 && task.readBytes > 0: return .invalidFieldInCommandInformationUnit
        default: return nil
        }
    }

    /// A command and its immediate data are there: it is delivered if its turn has come.
    mutating func arrived(_ task: CommandTask, _ output: inout OutputQueue) -> SessionEvent? {
        if task.isImmediate { return deliver(task, &output) }
        guard task.number == window.expected else {
            held[task.number] = .command(task)
            keepImmediate(task)
            return nil
        }
        window.advance()
        let event = deliver(task, &output)
        if !held.isEmpty { deliverHeld(&output) }
        return event
    }

    /// Those whose turn has come by the one before.
    mutating func deliverHeld(_ output: inout OutputQueue) {
        while let request = held.removeValue(forKey: window.expected) {
            window.advance()
            switch request {
            case .skipped: break
            case .command(let task): if let event = deliver(task, &output) { later.append(event) }
            case .other(let header, let data):
                let event = data.withUnsafeBytes { perform(header, $0, &output) }
                if let event { later.append(event) }
            }
        }
    }

    /// A command's turn by CmdSN has come.
    private mutating func deliver(_ task: CommandTask, _ output: inout OutputQueue) -> SessionEvent? {
        task.state = .gathering
        order.enter(task) { [tasks] in
            tasks.values.filter { $0.lun == task.lun && $0.state != .held && $0 !== task }
                .sorted { $0.number.precedes($1.number) }
        }
        return goOn(task, &output)
    }

    /// Asks for more data, or has the command executed, whichever is next.
    mutating func goOn(_ task: CommandTask, _ output: inout OutputQueue) -> SessionEvent? {
        if task.isUnsolicitedOpen { return nil }
        if task.failure == nil, task.receivedBytes < task.wantedBytes {
            requestData(task, &output)
            return nil
        }
        guard order.mayRun(task) else {
            task.state = .blocked
            return nil
        }
        return start(task, output)
    }

    private mutating func start(_ task: CommandTask, _ output: borrowing OutputQueue) -> SessionEvent? {
        guard ready.isEmpty, hasRoom(output) || task.dataInRoom == 0 else {
            task.state = .ready
            ready.append(task)
            return nil
        }
        return run(task)
    }

    mutating func run(_ task: CommandTask) -> SessionEvent {
        task.state = .running
        runningCount += 1
        return .execute(task)
    }

    /// Those that an ended command held up.
    mutating func unblock(_ runnable: [CommandTask]) {
        for task in runnable {
            task.state = .ready
            ready.append(task)
        }
    }

    /// Data in the receive buffer will be gone before the command runs.
    mutating func keepImmediate(_ task: CommandTask) {
        guard task.buffer == nil, task.wantedBytes > 0, task.immediate.count > 0 else { return }
        let data = task.immediate
        task.immediate = UnsafeRawBufferPointer(start: nil, count: 0)
        let buffer = makeBuffer(task)
        buffer.bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: data.prefix(task.wantedBytes)))
    }

    /// The memory for a command's data-out.
    mutating func makeBuffer(_ task: CommandTask) -> DataBuffer {
        if let buffer = task.buffer { return buffer }
        let buffer = bufferPool.take(task.wantedBytes)
        task.buffer = buffer
        dataBytes += buffer.bytes.count
        return buffer
    }

    mutating func releaseBuffer(_ task: CommandTask) {
        guard let buffer = task.buffer else { return }
        task.buffer = nil
        dataBytes -= buffer.bytes.count
        bufferPool.recycle(buffer)
    }
}
