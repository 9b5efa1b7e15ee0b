// A small initiator over a real socket, and a real target on a pool in memory.
import Glibc
import Platform
import SCSI
import Sockets
import StorageArray

@testable import ISCSI

struct InitiatorError: Error {
    let text: String
}

/// One connection. Calls block; a read that takes longer than 20 s fails.
final class LoopbackInitiator {
    private let descriptor: Int32
    private var received: [UInt8] = []
    var number: UInt32 = 1
    var tag: UInt32 = 100
    var hasDigests = false

    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw InitiatorError(text: "connect: \(errno)") }
        var timeout = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.send(descriptor, buffer.baseAddress.map { $0 + offset }, bytes.count - offset, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            offset += count
        }
    }

    func send(_ pdus: PDU...) {
        send(pdus.flatMap { $0.encoded(headerDigest: hasDigests, dataDigest: hasDigests) })
    }

    /// The next PDU; `nil` if the target closed the connection.
    func receive() throws -> PDU? {
        while true {
            if let (pdu, count) = PDU.decode(received[...], headerDigest: hasDigests, dataDigest: hasDigests) {
                received.removeFirst(count)
                return pdu
            }
            var buffer = [UInt8](repeating: 0, count: 256 << 10)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count == 0 || count < 0 && errno == ECONNRESET { return nil }
            guard count > 0 else { throw InitiatorError(text: "receive: \(errno)") }
            received += buffer[..<count]
        }
    }

    /// Reads until the target closes the connection.
    func receiveRest() throws -> [PDU] {
        var pdus: [PDU] = []
        while let pdu = try receive() { pdus.append(pdu) }
        return pdus
    }

    func logIn(
        _ name: String = PDU.initiator, session: UInt64 = 1, keys: [(String, String)] = [("InitialR2T", "No")],
        targetSession: UInt16 = 0
    ) throws -> PDU? {
        let all = [("InitiatorName", name), ("TargetName", PDU.targetName)] + keys
        send(.login(all, from: .operational, to: .fullFeature, session: session, targetSession: targetSession))
        let answer = try receive()
        hasDigests = answer?.keys["HeaderDigest"] == "CRC32C"
        return answer
    }

    /// Carries out a command with all of its data; returns the response and what was read.
    func command(
        _ cdb: CDB, lun: UInt64 = 0, read: Int = 0, write: [UInt8] = [], immediate: Int = .max,
        attribute: TaskAttribute = .simple
    ) throws -> (status: UInt8, sense: Int, data: [UInt8]) {
        tag += 1
        let first = Array(write.prefix(immediate))
        send(
            .command(
                cdb, tag: tag, number: number, lun: lun, read: read, write: write.count, data: first, attribute: attribute))
        number += 1
        var data: [UInt8] = []
        while let pdu = try receive() {
            switch pdu.header.opcode {
            case .dataIn:
                data += pdu.data
                if pdu.header.flags & 1 != 0 { return (pdu.header.byte3, 0, data) }
            case .readyToTransfer: answer(pdu, write)
            case .response: return (pdu.header.byte3, pdu.sense, data)
            case .nopIn: send(.nop(transferTag: pdu.header.field20, number: number))
            default: throw InitiatorError(text: "unexpected \(pdu.header)")
            }
        }
        throw InitiatorError(text: "closed")
    }

    private func answer(_ ready: PDU, _ write: [UInt8]) {
        var offset = Int(ready.header.field40)
        let end = offset + Int(ready.header.field44)
        var number: UInt32 = 0
        while offset < end {
            let stop = min(end, offset + 100_000)
            send(
                .dataOut(
                    tag: tag, transferTag: ready.header.field20, number: number, offset: offset,
                    data: Array(write[offset..<stop]), isFinal: stop == end))
            offset = stop
            number += 1
        }
    }

    /// TEST UNIT READY until the unit attentions of a new session are told.
    func clearAttentions(lun: UInt64 = 0) throws {
        for _ in 0..<5 where try command(.testUnitReady, lun: lun).status != 0 {}
    }
}

/// A target on two loops with LUNs 0 (64 MiB) and 1 (16 MiB) for `PDU.initiator` and others, LUN 1 only for the first.
final class LoopbackTarget {
    static let other = "iqn.2026-01.com.example:other"

    let target: ISCSITarget
    let pool: StoragePool
    var port: UInt16 { target.boundAddresses[0].port }

    init(_ configure: (inout ISCSIConfiguration) -> Void = { _ in }) throws {
        let device = SimulatedBlockDevice(canLosePower: false)
        try StoragePool.format(
            device, options: PoolOptions(maximumBytes: 256 << 20, journalBytes: 1 << 20), randomness: FixedRandomness())
        pool = try StoragePool.open(device)
        let array = ArrayTarget(pool: pool)
        array.expose(try pool.createLUN(name: "a", sizeBytes: 64 << 20).identifier, as: 0)
        array.expose(try pool.createLUN(name: "b", sizeBytes: 16 << 20).identifier, as: 1)
        for name in [PDU.initiator, Self.other] { array.allow(name, 0) }
        array.allow(PDU.initiator, 1)
        guard let address = SocketAddress("127.0.0.1:0") else { throw InitiatorError(text: "address") }
        var configuration = ISCSIConfiguration(listen: [address], targetName: PDU.targetName)
        configuration.drainSeconds = 1
        configure(&configuration)
        target = try ISCSITarget(target: array, configuration: configuration)
        try target.start()
    }

    /// A session whose unit attentions are told.
    func session(_ name: String = PDU.initiator, _ session: UInt64 = 1, keys: [(String, String)] = [("InitialR2T", "No")])
        throws -> LoopbackInitiator
    {
        let initiator = try LoopbackInitiator(port: port)
        guard try initiator.logIn(name, session: session, keys: keys)?.loginStatus == 0 else {
            throw InitiatorError(text: "login")
        }
        try initiator.clearAttentions()
        return initiator
    }
}
