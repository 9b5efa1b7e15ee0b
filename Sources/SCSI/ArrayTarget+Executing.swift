import Glibc
import StorageArray

extension ArrayTarget {
    public func execute(
        _ cdb: CDB, lun: UInt16, from nexus: Nexus, dataOut: UnsafeRawBufferPointer,
        dataIn: UnsafeMutableRawBufferPointer
    ) -> Completion {
        let (completion, ticket) = start(cdb, lun: lun, from: nexus, dataOut: dataOut, dataIn: dataIn)
        guard ticket > .now else { return completion }
        do throws(ArrayError) {
            try pool.wait(for: ticket)
            return completion
        } catch {
            return Completion(.checkCondition, sense: Sense(error))
        }
    }

    /// As `execute`, but may return before the effect is durable: the answer must not leave before the ticket is.
    ///
    /// - Parameter isCancelled: looked at between the steps of commands that take long; they end with TASK ABORTED.
    public func start(
        _ cdb: CDB, lun: UInt16, from nexus: Nexus, dataOut: UnsafeRawBufferPointer,
        dataIn: UnsafeMutableRawBufferPointer, isCancelled: (@Sendable () -> Bool)? = nil
    ) -> (completion: Completion, ticket: CommitTicket) {
        guard let path = path(lun, nexus) else {
            return (executeWithoutUnit(cdb, nexus, dataIn), .now)
        }
        path.enter()
        defer { path.leave() }
        var command = Command(cdb: cdb, path: path, dataOut: dataOut, dataIn: dataIn, isCancelled: isCancelled)
        do throws(Sense) {
            try run(&command, path.unit)
            let completion = Completion(
                command.status, dataInCount: command.dataInCount, dataInLength: command.dataInLength)
            return (completion, command.ticket)
        } catch {
            var completion = Completion(.checkCondition, sense: error)
            completion.usesDescriptorSense = path.unit.currentFlags.contains(.descriptorSense)
            return (completion, command.ticket)
        }
    }

    /// The checks that every command passes, in the order of SAM-5 §5.3.3 and §5.14, and then the command.
    private func run(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let cdb = command.cdb
        let description = CommandTable.description(of: cdb)
        // The data path learns what it needs of the LUN from the commands themselves.
        if description?.pace != .byLength, !refresh(unit) { return try answerWithoutUnit(&command) }
        command.path.note(crossings: pool.thresholdCrossings(unit.identifier))
        if !Self.ignoresAttentions(cdb[0]), let attention = command.path.takeAttention() { throw attention.sense }
        guard let description else {
            throw CommandTable.isKnown(cdb[0]) ? .invalidField(byte: 1, bit: 4) : .invalidOperationCode
        }
        if try unit.conflicts(command.nexus, description.conflicts.resolved(cdb)) {
            return command.status = .reservationConflict
        }
        let control = description.usage.count - 1
        guard cdb[control] & 0x04 == 0 else { throw .invalidField(byte: UInt16(control), bit: 2) }
        try unit.checkReady(description.access)
        try description.run(self, &command, unit)
    }

    /// INQUIRY, REPORT LUNS and REQUEST SENSE are carried out in spite of a unit attention. Source: SAM-5 §5.14.
    private static func ignoresAttentions(_ code: UInt8) -> Bool {
        switch OperationCode(rawValue: code) {
        case .inquiry, .reportLUNs, .requestSense: true
        default: false
        }
    }

    // MARK: Commands to a LUN that is not there

    private func executeWithoutUnit(
        _ cdb: CDB, _ nexus: Nexus, _ dataIn: UnsafeMutableRawBufferPointer
    ) -> Completion {
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        let path = UnitPath(nexus: nexus, lun: 0, unit: Self.noUnit, crossings: 0)
        var command = Command(cdb: cdb, path: path, dataOut: nothing, dataIn: dataIn, isCancelled: nil)
        do throws(Sense) {
            try answerWithoutUnit(&command)
            return Completion(.good, dataInCount: command.dataInCount, dataInLength: command.dataInLength)
        } catch {
            return Completion(.checkCondition, sense: error)
        }
    }

    private static let noUnit = LogicalUnit(LUNIdentifier(0), nil, options: UnitOptions(), record: UnitRecord())

    private func answerWithoutUnit(_ command: inout Command) throws(Sense) {
        switch OperationCode(rawValue: command.cdb[0]) {
        case .reportLUNs: try reportLUNs(&command)
        case .inquiry: try inquireAbsentUnit(&command)
        case .requestSense: answerSense(&command, .logicalUnitNotSupported)
        case nil: throw .invalidOperationCode
        default: throw .logicalUnitNotSupported
        }
    }

    // MARK: Waiting for others

    /// Returns when no command of these paths is under way, or the caller gives up.
    func awaitIdle(_ paths: [UnitPath], unless givesUp: () -> Bool = { false }) {
        for path in paths { while !path.isIdle, !givesUp() { usleep(100) } }
    }
}
