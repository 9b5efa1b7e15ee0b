// Task management. Source: RFC 7143 §11.5 (request), §11.6 (response), §4.2.3 (order against commands).
//
// A command that has begun is carried to its end and answered before the function's response; one that has not is
// dropped. So nothing is ever half done, and a COMPARE AND WRITE that was applied is told as such.

extension SessionMachine {
    mutating func manage(_ header: PDUHeader, _ output: inout OutputQueue) -> SessionEvent? {
        guard opening?.isDiscovery == false else {
            reject(header, .protocolError, &output)
            return nil
        }
        guard header.tag != PDUHeader.noTag, let function = TaskManagementFunction(rawValue: header.flags & 0x7F) else {
            reject(header, .invalidField, &output)
            return nil
        }
        let management = ManagementTask(function, tag: header.tag, lunField: header.word1)
        let lun = LUNField.number(header.word1)
        // Held until everything is begun.
        management.waitingCount = 1
        var event: SessionEvent?
        switch function {
        case .abortTask: abortTask(header, management)
        case .abortTaskSet: abort(management) { $0.lun == lun }
        case .clearTaskSet, .logicalUnitReset:
            abort(management) { $0.lun == lun }
            event = outside(management)
        case .targetWarmReset, .targetColdReset:
            abort(management) { _ in true }
            event = outside(management)
        case .clearAutoContingentAllegiance: management.response = .notSupported
        case .taskReassign: management.response = .reassignmentNotSupported
        }
        step(management, &output)
        return event
    }

    private func outside(_ management: ManagementTask) -> SessionEvent {
        management.waitingCount += 1
        return .manage(management)
    }

    /// What had to be done outside the session is done.
    mutating func managementDone(_ management: ManagementTask, _ output: inout OutputQueue) {
        guard phase != .closed else { return }
        step(management, &output)
    }

    /// One of the things that a function waits for has happened.
    mutating func step(_ management: ManagementTask, _ output: inout OutputQueue) {
        management.waitingCount -= 1
        guard management.waitingCount == 0, phase == .fullFeature else { return }
        var header = PDUHeader(.taskManagementResponse, flags: 0x80, tag: management.tag)
        header.byte2 = management.response.rawValue
        number(&header)
        send(&header, &output)
        // Source: RFC 7143 §11.5.1: a cold reset ends all connections as well.
        if management.function == .targetColdReset, management.response == .complete {
            phase = .closed
            later.append(.close)
        }
    }

    /// ABORT TASK of one that is not there: it may not have come yet, and is then never to be executed.
    ///
    /// Source: RFC 7143 §11.6.1, function response 1.
    private mutating func abortTask(_ header: PDUHeader, _ management: ManagementTask) {
        if let task = tasks[header.field20] {
            // What has begun is answered first, and is then a task that does not exist.
            if task.state == .running { management.response = .taskDoesNotExist }
            return abort(management) { $0 === task }
        }
        let number = header.field32
        guard window.contains(number), number.precedes(header.field24) || !header.isImmediate, held[number] == nil else {
            management.response = .taskDoesNotExist
            return
        }
        if number == window.expected { window.advance() } else { held[number] = .skipped }
    }

    /// Drops what has not begun; the function waits for the rest.
    private mutating func abort(_ management: ManagementTask, _ isMeant: (CommandTask) -> Bool) {
        for task in tasks.values where task.state == .running && isMeant(task) {
            management.waitingCount += 1
            task.waiters.append(management)
            task.cancellation?.set()
        }
        drop(isMeant)
    }

    /// Drops those commands that have not begun.
    mutating func drop(_ isMeant: (CommandTask) -> Bool) {
        for task in Array(tasks.values) where task.state != .running && isMeant(task) {
            if segment?.task === task {
                // Its data is on the way: a command whose turn has not come must still take it.
                if segment?.header.opcode == .command, phase != .closed {
                    task.failure = .commandsCleared
                    continue
                }
                segment?.task = nil
            }
            if case .command(let one)? = held[task.number], one === task { held[task.number] = .skipped }
            stalled.removeAll { $0 === task }
            ready.remove(task)
            remove(task)
            recycle(task)
        }
    }

    /// Drops commands to a unit that another session has cleared or reset.
    mutating func dropForOthers(lun: UInt16?) {
        drop { lun == nil || $0.lun == lun }
    }
}
