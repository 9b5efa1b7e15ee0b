// Mutated CDBs and parameter lists from a seed, and the cases of the corpus: whatever comes, the target answers with a
// status and with sense data that the standards name, keeps within the room it was given, and still works afterwards.
//
// The corpus is `commandCorpus`. VIADUCT_LONG=1 runs more mutations.

import Glibc
import Testing

@testable import SCSI

/// Sense key and code of everything the target may say. Source: SPC-4 annex D.
private let namedSenses: Set<Int> = [
    0x023A00, 0x02041B, 0x031100, 0x033103, 0x044400, 0x051A00, 0x050E03, 0x052000, 0x052100, 0x052400, 0x052500,
    0x052600, 0x052604, 0x052606, 0x052607, 0x052608, 0x052609, 0x05260B, 0x053900, 0x055302, 0x055504, 0x062800,
    0x062900, 0x062902, 0x062903, 0x062A01, 0x062A03, 0x062A04, 0x062A05, 0x062A09, 0x063807, 0x063F0E, 0x072700,
    0x072702, 0x072707, 0x0A0D01, 0x0A0D02, 0x0A2700, 0x0A2702, 0x0A2707, 0x0A3A00, 0x0A041B, 0x0A3103, 0x0E1D00,
]

private struct Case: Hashable {
    var cdb: [UInt8]
    var dataOut: [UInt8]
}

struct FuzzTests {
    /// The cases of the corpus.
    private static let corpus: [Case] = commandCorpus.split(separator: "\n").compactMap { line in
        let code = line.prefix { $0 != "#" }
        let parts = code.split(separator: ":", omittingEmptySubsequences: false)
        guard let first = parts.first, first.contains(where: { !$0.isWhitespace }) else { return nil }
        return Case(cdb: hex(String(first)), dataOut: parts.count > 1 ? hex(String(parts[1])) : [])
    }

    /// One well-formed case for every row of the table, so that mutations begin close to what is accepted.
    private static func wellFormed(_ bench: Bench) -> [Case] {
        CommandTable.rows.map { row in
            var cdb = [UInt8](repeating: 0, count: row.usage.count)
            (cdb[0], cdb[1]) = (row.code.rawValue, row.serviceAction ?? 0)
            var dataOut: [UInt8] = []
            switch row.transfer {
            case .none, .eightBytesIn: break
            case .allocation(let offset, let width): cdb[offset + width - 1] = 252
            case .parameterList(let offset, let width):
                dataOut = parameterList(row, bench)
                cdb[offset + width - 1] = UInt8(dataOut.count & 0xFF)
                if width > 1 { cdb[offset + width - 2] = UInt8(dataOut.count >> 8) }
            case .blocksIn, .blocksOut, .verification, .comparedBlocksOut, .oneBlockOut:
                let field = row.transfer == .comparedBlocksOut ? 13 : Int(CDB(cdb).lengthField)
                let width = row.transfer == .comparedBlocksOut ? 1 : cdb.count == 6 ? 1 : cdb.count == 10 || cdb[0] == 0x9C ? 2 : 4
                cdb[field + width - 1] = 8
                dataOut = row.transfer == .blocksIn ? [] : sectors(0, 16)
                if row.transfer == .oneBlockOut { dataOut = sectors(0) }
            }
            return Case(cdb: cdb, dataOut: dataOut)
        }
    }

    private static func parameterList(_ row: CommandDescription, _ bench: Bench) -> [UInt8] {
        switch row.code {
        case .unmap: UnmapList.encode([BlockRange(lba: 0, blocks: 8), BlockRange(lba: 64, blocks: 9)])
        case .extendedCopy:
            ExtendedCopyList(
                listIdentifier: 1, usage: .hold, devices: bench.luns.prefix(2).map { CopyDevice($0.worldWideName) },
                segments: [
                    CopySegment(source: 0, sourceLBA: 0, destination: 1, destinationLBA: 8, bytes: 8192),
                    CopySegment(
                        source: 1, sourceLBA: 0, destination: 0, destinationLBA: 8,
                        amount: .blocks(8, ofDestination: true)),
                ]
            ).encoded
        case .persistentReserveOut where row.serviceAction == 7:
            Reserve.move(1, 2, to: TransportIdentifier.encode(Nexus(initiator: "iqn.other", initiatorSession: 5)))
        case .persistentReserveOut: Reserve.parameters(0, 1, flags: 1)
        case .modeSelect6: [0, 0, 0, 0, 0x0A, 0x0A, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0]
        case .modeSelect10: [0, 0, 0, 0, 0, 0, 0, 0, 0x0A, 0x0A, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0]
        case .sanitize where row.serviceAction == 1: [1, 0, 0, 1, 0xAA]
        default: []
        }
    }

    private func mutated(_ original: Case, _ generator: inout SeededGenerator) -> Case {
        var result = original
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            if Bool.random(using: &generator) || result.dataOut.isEmpty {
                Self.mutate(&result.cdb, keepingFirst: Int.random(in: 0..<8, using: &generator) > 0, &generator)
            } else {
                Self.mutate(&result.dataOut, keepingFirst: false, &generator)
            }
        }
        if result.cdb.isEmpty { result.cdb = [0] }
        return result
    }

    private static func mutate(_ bytes: inout [UInt8], keepingFirst: Bool, _ generator: inout SeededGenerator) {
        let lowest = keepingFirst ? 1 : 0
        guard bytes.count > lowest else { return }
        let index = Int.random(in: lowest..<min(bytes.count, 200), using: &generator)
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 2: bytes[index] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &generator) ?? 0
        case 3: bytes.removeLast(Int.random(in: 0...min(bytes.count - lowest, 20), using: &generator))
        case 4: bytes.append(UInt8.random(in: 0...255, using: &generator))
        default:
            for offset in index..<min(bytes.count, index + 8) { bytes[offset] = 0xFF }
        }
    }

    /// Sends a case into a guarded buffer and judges the answer.
    private func check(_ one: Case, _ bench: Bench, from nexus: Nexus, room: Int, _ place: String) {
        var dataIn = [UInt8](repeating: 0xEE, count: room + 16)
        let completion = one.dataOut.withUnsafeBytes { out in
            dataIn.withUnsafeMutableBytes { buffer in
                bench.target.execute(
                    CDB(one.cdb), lun: Bench.a, from: nexus, dataOut: out,
                    dataIn: UnsafeMutableRawBufferPointer(rebasing: buffer[..<room]))
            }
        }
        let description = "\(place): \(one.cdb) : \(one.dataOut.prefix(80))"
        #expect(completion.dataInCount <= min(room, completion.dataInLength), "\(description)")
        #expect(dataIn[room...].allSatisfy { $0 == 0xEE }, "\(description)")
        #expect((completion.status == .checkCondition) == (completion.sense != nil), "\(description)")
        guard let sense = completion.sense else { return }
        let number = Int(sense.key.rawValue) << 16 | Int(sense.code)
        #expect(namedSenses.contains(number), "\(description): \(String(number, radix: 16))")
        let bytes = completion.encodedSense
        #expect(Sense(encoded: bytes)?.kind == sense.kind, "\(description)")
        if case .field(let inCDB, let byte, let bit)? = sense.detail {
            #expect(!inCDB || byte < 16, "\(description)")
            #expect(bit ?? 0 < 8, "\(description)")
        }
    }

    /// What a SANITIZE, an ejected medium or a reservation left is set right, so that later cases get further.
    private func recover(_ bench: Bench, _ nexus: Nexus) {
        bench.target.reset(lun: Bench.a, by: nil)
        bench.hush(nexus)
        // Both are allowed whoever holds what.
        _ = bench.sense(Reserve.out(6), dataOut: Reserve.parameters(0, 99), from: nexus)
        _ = bench.sense(Reserve.out(3), dataOut: Reserve.parameters(99), from: nexus)
        let load = CDB([0x1B, 0, 0, 0, 0x03])
        while bench.sense(.testUnitReady, from: nexus) >> 16 == 2 { _ = bench.sense(load, from: nexus) }
        if bench.sense(.testUnitReady, from: nexus) == 0x033103 { _ = bench.sense(CDB([0x48, 0x02]), from: nexus) }
    }

    @Test func everyCaseOfTheCorpusIsAnswered() throws {
        #expect(Self.corpus.count > 20)
        let bench = try Bench(overwriteBytesPerSecond: 1 << 34)
        bench.target.expose(bench.luns[0].identifier, as: Bench.a, options: UnitOptions(isRemovable: true))
        let host = bench.initiators(1)[0]
        for (index, one) in Self.corpus.enumerated() {
            for room in [0, 1, 17, 4096] { check(one, bench, from: host, room: room, "corpus \(index)") }
            recover(bench, host)
        }
        #expect(bench.sense(.testUnitReady, from: host) == 0)
    }

    @Test(arguments: 1...(getenv("VIADUCT_LONG") == nil ? 8 : 1000) as ClosedRange<UInt64>)
    func mutatedCommandsAreAnswered(seed: UInt64) throws {
        var generator = SeededGenerator(seed)
        let bench = try Bench(overwriteBytesPerSecond: 1 << 34)
        bench.target.expose(bench.luns[0].identifier, as: Bench.a, options: UnitOptions(isRemovable: true))
        let hosts = bench.initiators(2)
        let originals = Self.wellFormed(bench) + Self.corpus
        for round in 0..<600 {
            guard let original = originals.randomElement(using: &generator) else { return }
            let one = mutated(original, &generator)
            let host = hosts[round % 2]
            let room = Int.random(in: 0...1, using: &generator) == 0 ? 4096 : Int.random(in: 0...64, using: &generator)
            check(one, bench, from: host, room: room, "seed \(seed), round \(round)")
            if round % 16 == 0 { for host in hosts { recover(bench, host) } }
        }
        for host in hosts { recover(bench, host) }
        #expect(try bench.target.pool.verify() == [])
    }

    @Test func everyWellFormedCaseIsAccepted() throws {
        let bench = try Bench()
        let host = bench.initiators(1)[0]
        for one in Self.wellFormed(bench) {
            // A reservation cannot be released or moved by who has none; SANITIZE comes to its end.
            guard one.cdb[0] != 0x5F || one.cdb[1] == 0 else { continue }
            var cdb = one.cdb
            switch cdb[0] {
            case 0x15, 0x55: cdb[1] = 0x10
            case 0x1A, 0x5A: cdb[2] = 0x3F
            // Of a copy with a list identifier there has to be a result.
            case 0x84 where cdb[1] == 0: continue
            default: break
            }
            #expect(bench.sense(CDB(cdb), dataOut: one.dataOut, from: host) == 0, "\(cdb)")
            bench.hush(host)
            if cdb[0] == 0x5F { _ = bench.sense(Reserve.out(3), dataOut: Reserve.parameters(1), from: host) }
        }
    }

    /// Every prefix of every CDB and of every parameter list.
    @Test func everyCutIsAnswered() throws {
        let bench = try Bench()
        let host = bench.initiators(1)[0]
        for one in Self.wellFormed(bench) {
            for count in 1..<one.cdb.count {
                check(Case(cdb: Array(one.cdb.prefix(count)), dataOut: one.dataOut), bench, from: host, room: 64, "cut")
            }
            guard one.dataOut.count < 512 else { continue }
            for count in 0..<one.dataOut.count {
                check(Case(cdb: one.cdb, dataOut: Array(one.dataOut.prefix(count))), bench, from: host, room: 64, "cut")
            }
            recover(bench, host)
        }
    }
}
