// PDUs as an initiator builds and reads them, and a session machine without a socket.
import Platform
import SCSI
import Testing

@testable import ISCSI

struct FixedRandomness: Randomness {
    func fill(_ bytes: UnsafeMutableRawBufferPointer) {
        for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index * 37 + 11) }
    }
}

/// SplitMix64: the same sequence for the same seed everywhere.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

/// One PDU with its data.
struct PDU: Equatable {
    var header: PDUHeader
    var data: [UInt8] = []
    /// Additional header segments, a multiple of four bytes.
    var additional: [UInt8] = []

    func encoded(headerDigest: Bool = false, dataDigest: Bool = false) -> [UInt8] {
        var header = header
        header.dataBytes = data.count
        header.words.0 = header.words.0 & ~(0xFF << 24) | UInt64(additional.count / 4) << 24
        var bytes = header.bytes + additional
        if headerDigest { bytes += Self.digest(bytes) }
        guard !data.isEmpty else { return bytes }
        let padded = data + [UInt8](repeating: 0, count: -data.count & 3)
        bytes += padded
        if dataDigest { bytes += Self.digest(padded) }
        return bytes
    }

    static func digest(_ bytes: [UInt8]) -> [UInt8] {
        let digest = bytes.withUnsafeBytes { PDUDigest.of($0) }
        return withUnsafeBytes(of: digest.littleEndian) { Array($0) }
    }

    /// Reads the first PDU; `nil` if it is not there whole. Wrong digests are recorded as issues.
    static func decode(_ bytes: ArraySlice<UInt8>, headerDigest: Bool, dataDigest: Bool) -> (pdu: PDU, count: Int)? {
        guard bytes.count >= 48 else { return nil }
        let header = bytes.withUnsafeBytes { PDUHeader($0) }
        var end = 48 + header.additionalBytes
        let start = bytes.startIndex
        if headerDigest {
            guard bytes.count >= end + 4 else { return nil }
            #expect(Array(bytes[start + end..<start + end + 4]) == digest(Array(bytes[start..<start + end])))
            end += 4
        }
        let padded = header.dataBytes + header.paddingBytes
        let total = end + padded + (dataDigest && padded > 0 ? 4 : 0)
        guard bytes.count >= total else { return nil }
        let data = Array(bytes[start + end..<start + end + header.dataBytes])
        if dataDigest, padded > 0 {
            let body = Array(bytes[start + end..<start + end + padded])
            #expect(Array(bytes[start + end + padded..<start + total]) == digest(body))
        }
        return (PDU(header: header, data: data), total)
    }

    /// Keys of a login or text response.
    var keys: TextKeys { (try? TextKeys(data)) ?? TextKeys() }
    /// Class and detail of a login response.
    var loginStatus: UInt16 { UInt16(truncatingIfNeeded: header.field36 >> 16) }
    /// Sense key, code and qualifier as one number; 0 without sense.
    var sense: Int {
        guard data.count > 2, let sense = Sense(encoded: Array(data.dropFirst(2))) else { return 0 }
        return Int(sense.key.rawValue) << 16 | Int(sense.code)
    }
}

// Requests.
extension PDU {
    static let initiator = "iqn.2026-01.com.example:host"
    static let targetName = "iqn.2026-01.com.example:array"

    /// - Parameters:
    ///   - from: stage of the request.
    ///   - to: stage wanted next; `nil` to stay.
    static func login(
        _ keys: [(String, String)], from: LoginStage = .security, to: LoginStage? = nil, session: UInt64 = 0x80_0102_0304,
        targetSession: UInt16 = 0, number: UInt32 = 1, isContinued: Bool = false
    ) -> PDU {
        var flags = from.rawValue << 2
        if let to { flags |= 0x80 | to.rawValue }
        if isContinued { flags |= 0x40 }
        var header = PDUHeader(.login, flags: flags, tag: 0x11)
        header.words.0 |= 1 << 62
        header.word1 = session << 16 | UInt64(targetSession)
        header.field24 = number
        var text = TextKeys()
        for (key, value) in keys { text.append(key, value) }
        return PDU(header: header, data: text.encoded)
    }

    static func command(
        _ cdb: CDB, tag: UInt32, number: UInt32, lun: UInt64 = 0, read: Int = 0, write: Int = 0, data: [UInt8] = [],
        isFinal: Bool = true, attribute: TaskAttribute = .simple, isImmediate: Bool = false
    ) -> PDU {
        var flags = attribute.rawValue | (isFinal ? 0x80 : 0)
        if read > 0 { flags |= 0x40 }
        if write > 0 { flags |= 0x20 }
        var header = PDUHeader(.command, flags: flags, tag: tag)
        if isImmediate { header.words.0 |= 1 << 62 }
        header.word1 = lun << 48
        header.field20 = UInt32(max(read, write))
        header.field24 = number
        header.words.4 = cdb.high
        header.words.5 = cdb.low
        return PDU(header: header, data: data)
    }

    static func dataOut(
        tag: UInt32, transferTag: UInt32 = PDUHeader.noTag, number: UInt32, offset: Int, data: [UInt8], isFinal: Bool
    ) -> PDU {
        var header = PDUHeader(.dataOut, flags: isFinal ? 0x80 : 0, tag: tag)
        header.field20 = transferTag
        header.field36 = number
        header.field40 = UInt32(offset)
        return PDU(header: header, data: data)
    }

    static func nop(tag: UInt32 = PDUHeader.noTag, transferTag: UInt32 = PDUHeader.noTag, number: UInt32, data: [UInt8] = [])
        -> PDU
    {
        var header = PDUHeader(.nopOut, flags: 0x80, tag: tag)
        header.words.0 |= 1 << 62
        header.field20 = transferTag
        header.field24 = number
        return PDU(header: header, data: data)
    }

    static func management(
        _ function: UInt8, tag: UInt32, number: UInt32, lun: UInt64 = 0, referenced: UInt32 = PDUHeader.noTag,
        referencedNumber: UInt32 = 0
    ) -> PDU {
        var header = PDUHeader(.taskManagement, flags: 0x80 | function, tag: tag)
        header.words.0 |= 1 << 62
        header.word1 = lun << 48
        header.field20 = referenced
        header.field24 = number
        header.field32 = referencedNumber
        return PDU(header: header)
    }

    static func text(
        _ keys: [(String, String)], tag: UInt32 = 0x22, transferTag: UInt32 = PDUHeader.noTag, number: UInt32,
        isFinal: Bool = true, isContinued: Bool = false
    ) -> PDU {
        var header = PDUHeader(.text, flags: (isFinal ? 0x80 : 0) | (isContinued ? 0x40 : 0), tag: tag)
        header.field20 = transferTag
        header.field24 = number
        var text = TextKeys()
        for (key, value) in keys { text.append(key, value) }
        return PDU(header: header, data: text.encoded)
    }

    static func logout(_ reason: UInt8 = 0, tag: UInt32 = 0x33, number: UInt32) -> PDU {
        var header = PDUHeader(.logout, flags: 0x80 | reason, tag: tag)
        header.words.0 |= 1 << 62
        header.field24 = number
        return PDU(header: header)
    }
}

/// A session machine with its output, and an array of a few bytes behind it.
final class MachineBench {
    var machine: SessionMachine
    var output: OutputQueue
    /// All commands that were handed out, in order.
    var executed: [CommandTask] = []
    /// What their data-out was.
    var written: [[UInt8]] = []
    var managed: [ManagementTask] = []
    /// Whether commands end as soon as they begin; else `finish` ends them.
    var finishesAtOnce = true
    /// Sense that all commands end with.
    var sense: Sense?
    var isClosed = false
    var openings: [SessionOpening] = []
    var refusal: LoginStatus?
    var headerDigest = false
    var dataDigest = false
    /// Bytes that were fed and not taken yet.
    private(set) var leftOver: [UInt8] = []
    private var received: [UInt8] = []

    init(
        limits: ISCSILimits = ISCSILimits(), portals: [String] = ["127.0.0.1:3260"],
        configure: (inout LoginPolicy) -> Void = { _ in }
    ) {
        let pool = BufferPool()
        var policy = LoginPolicy(targetName: PDU.targetName)
        configure(&policy)
        machine = SessionMachine(
            policy: policy, limits: limits, portals: portals, bufferPool: pool, randomness: FixedRandomness(), at: 0)
        output = OutputQueue(pool: pool)
    }

    /// Feeds bytes, cut into parts of at most `part` bytes, and returns what the machine sends.
    func feed(_ bytes: [UInt8], part: Int = .max, at now: UInt64 = 0) -> [UInt8] {
        var waiting = leftOver
        var offset = 0
        repeat {
            let end = offset + min(part, bytes.count - offset)
            waiting += bytes[offset..<end]
            offset = end
            let used = waiting.withUnsafeBytes { buffer in
                var input = buffer
                drive(&input, at: now)
                return buffer.count - input.count
            }
            waiting.removeFirst(used)
        } while offset < bytes.count && !isClosed
        leftOver = waiting
        return takeOutput()
    }

    private func drive(_ input: inout UnsafeRawBufferPointer, at now: UInt64) {
        while true {
            switch machine.next(&input, &output, at: now) {
            case .wait: return
            case .close:
                isClosed = true
                return
            case .open(let opening):
                openings.append(opening)
                if let refusal {
                    machine.sessionRefused(refusal, &output)
                } else {
                    machine.sessionOpened(7, &output, at: now)
                }
            case .execute(let task):
                executed.append(task)
                written.append(task.failure == nil ? Array(task.dataOut) : [])
                if finishesAtOnce { complete(task) }
            case .manage(let management): managed.append(management)
            }
        }
    }

    private func complete(_ task: CommandTask) {
        if let sense = task.failure ?? sense {
            task.completion = Completion(.checkCondition, sense: sense)
            return machine.finish(task, &output)
        }
        guard case .toInitiator(let bytes) = task.transfer, task.dataInRoom > 0 else {
            task.completion = .good
            if case .toInitiator(let bytes) = task.transfer { task.completion = Completion(.good, dataInLength: bytes) }
            return machine.finish(task, &output)
        }
        let place = machine.placeForData(task, &output)
        let target = place ?? machine.makeDataIn(task)
        for index in 0..<task.dataInRoom { target[index] = Self.patternByte(index) }
        task.completion = Completion(.good, dataInCount: task.dataInRoom, dataInLength: bytes)
        machine.finish(task, isInPlace: place != nil, &output)
    }

    static func patternByte(_ index: Int) -> UInt8 { UInt8(truncatingIfNeeded: index &* 7 &+ index >> 8) }
    static func pattern(_ count: Int) -> [UInt8] { (0..<count).map(patternByte) }

    /// Ends a command that was left running and goes on.
    func finish(_ task: CommandTask) -> [PDU] {
        complete(task)
        return parse(feed([]))
    }

    func managementDone(_ management: ManagementTask) -> [PDU] {
        machine.managementDone(management, &output)
        return parse(feed([]))
    }

    func takeOutput() -> [UInt8] {
        var bytes: [UInt8] = []
        while !output.isEmpty {
            let piece = output.piece(0)
            bytes += piece
            output.remove(piece.count)
        }
        return bytes
    }

    /// Splits what was sent into PDUs.
    func parse(_ bytes: [UInt8]) -> [PDU] {
        received += bytes
        var pdus: [PDU] = []
        var rest = received[...]
        while let (pdu, count) = PDU.decode(rest, headerDigest: headerDigest, dataDigest: dataDigest) {
            pdus.append(pdu)
            rest = rest.dropFirst(count)
        }
        received = Array(rest)
        return pdus
    }

    @discardableResult
    func send(_ pdus: PDU...) -> [PDU] {
        parse(feed(pdus.flatMap { $0.encoded(headerDigest: headerDigest, dataDigest: dataDigest) }))
    }

    /// Logs in without security, with these operational keys.
    @discardableResult
    func logIn(_ keys: [(String, String)] = [], isDiscovery: Bool = false, number: UInt32 = 1) -> [PDU] {
        var all = [("InitiatorName", PDU.initiator)]
        all += isDiscovery ? [("SessionType", "Discovery")] : [("TargetName", PDU.targetName)]
        let answer = send(.login(all + keys, from: .operational, to: .fullFeature, number: number))
        headerDigest = machine.parameters.hasHeaderDigest
        dataDigest = machine.parameters.hasDataDigest
        return answer
    }
}

extension TextKeys {
    init(_ pairs: [(String, String)]) {
        self.init()
        for (key, value) in pairs { append(key, value) }
    }
}

extension CDB {
    static func readBlocks(_ blocks: UInt16, lba: UInt32 = 0) -> CDB {
        CDB(high: 0x28 << 56 | UInt64(lba) << 16 | UInt64(blocks >> 8), low: UInt64(blocks & 0xFF) << 56)
    }

    static func writeBlocks(_ blocks: UInt16, lba: UInt32 = 0) -> CDB {
        CDB(high: 0x2A << 56 | UInt64(lba) << 16 | UInt64(blocks >> 8), low: UInt64(blocks & 0xFF) << 56)
    }
}
