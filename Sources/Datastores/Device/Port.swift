import SCSI

/// Sends single commands to one LUN and turns their endings into values or errors.
struct Port: Sendable {
    let initiator: Initiator
    let pause: @Sendable (_ milliseconds: Int) -> Void

    /// How often a command is sent again after BUSY, TASK SET FULL, RESERVATION CONFLICT or a unit attention.
    private static let attempts = 200

    /// - Returns: bytes of `dataIn` that the target filled.
    @discardableResult
    func execute(
        _ command: CDB, sending dataOut: UnsafeRawBufferPointer = .empty,
        receiving dataIn: UnsafeMutableRawBufferPointer = .empty
    ) throws(VolumeError) -> Int {
        var last = Completion.good
        for attempt in 0..<Self.attempts {
            last = initiator.target.execute(
                command, lun: initiator.lun, from: initiator.nexus, dataOut: dataOut, dataIn: dataIn)
            switch last.status {
            case .good: return last.dataInCount
            case .busy, .reservationConflict, .taskSetFull: pause(attempt < 10 ? 1 : 10)
            case .taskAborted: throw .device(last)
            case .checkCondition:
                if last.sense?.key == .unitAttention { continue }
                if last.sense?.key == .recoveredError { return last.dataInCount }
                if last.sense == .spaceAllocationFailed { throw .arrayOutOfSpace }
                throw .device(last)
            }
        }
        throw .device(last)
    }

    /// Executes a command that answers with data; gives as much as came.
    func fetch(_ command: CDB, count: Int) throws(VolumeError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let received = try bytes.withMutableBytes { (buffer) throws(VolumeError) in
            try execute(command, receiving: buffer)
        }
        return Array(bytes.prefix(received))
    }

    /// Like `fetch`, but a refused command gives no bytes: what is not offered is not used.
    func fetchIfOffered(_ command: CDB, count: Int) -> [UInt8] {
        do { return try fetch(command, count: count) } catch { return [] }
    }

    func page(_ page: UInt8) -> [UInt8] { fetchIfOffered(.inquiry(page: page, allocationLength: 512), count: 512) }
}

extension UnsafeRawBufferPointer {
    static var empty: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }
}

extension UnsafeMutableRawBufferPointer {
    static var empty: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(start: nil, count: 0) }
}

extension Array where Element == UInt8 {
    func withBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws(VolumeError) -> Result
    ) throws(VolumeError) -> Result {
        try withUnsafeBufferPointer { (buffer) throws(VolumeError) in try body(UnsafeRawBufferPointer(buffer)) }
    }

    mutating func withMutableBytes<Result>(
        _ body: (UnsafeMutableRawBufferPointer) throws(VolumeError) -> Result
    ) throws(VolumeError) -> Result {
        try withUnsafeMutableBufferPointer { (buffer) throws(VolumeError) in
            try body(UnsafeMutableRawBufferPointer(buffer))
        }
    }
}
