// The pool against a flat array that does the same commands, from a printed seed; after every reopening and at the end
// all bytes and all counters are compared.

import Platform
import Testing

@testable import StorageArray

struct ModelTests {
    /// Where pool and model differ, as sentences.
    static func differences(_ pool: StoragePool, _ model: FlatArray) throws -> [String] {
        try contentDifferences(pool, model) + pool.verify()
    }

    static func contentDifferences(_ pool: StoragePool, _ model: FlatArray) throws -> [String] {
        var differences: [String] = []
        if pool.luns.map(\.identifier) != model.luns.keys.sorted() { return ["other LUNs"] }
        for (identifier, lun) in model.luns.sorted(by: { $0.key < $1.key }) {
            guard try pool.information(identifier).sizeBytes == lun.bytes.count else {
                differences.append("\(identifier) has another size")
                continue
            }
            if try pool.reservations(identifier) != lun.reservations { differences.append("\(identifier): reservations") }
            if try pool.softThreshold(identifier) != lun.threshold { differences.append("\(identifier): threshold") }
            for start in stride(from: 0, to: lun.bytes.count, by: 1 << 20) {
                let count = min(1 << 20, lun.bytes.count - start)
                let found = try pool.read(identifier, at: UInt64(start), count: count)
                let same = lun.bytes.withUnsafeBytes { expected in
                    let part = UnsafeRawBufferPointer(rebasing: expected[start..<start + count])
                    return found.withUnsafeBytes { $0.elementsEqualFast(part) }
                }
                if !same { differences.append("\(identifier) at \(start)") }
            }
        }
        return differences
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64], CrashTests.Memory.allCases)
    func anySequenceOfCommandsReadsBackAsOnAFlatArray(seed: UInt64, memory: CrashTests.Memory) throws {
        try run(seed: seed, memory, commands: isLong ? 20_000 : 150)
    }

    private func run(seed: UInt64, _ memory: CrashTests.Memory, commands: Int) throws {
        let device = SimulatedBlockDevice(canLosePower: false)
        _ = try StoragePool.inMemory(device, maximumBytes: 128 << 20)
        var pool = try memory.open(device)
        var model = FlatArray()
        for name in ["a", "b"] {
            let lun = try pool.createLUN(name: name, sizeBytes: 5 << 20)
            model.luns[lun.identifier] = FlatArray.LUN(bytes: [UInt8](repeating: 0, count: 5 << 20))
        }
        var generator = CommandGenerator(seed: seed)
        for step in 0..<commands {
            let command = generator.next(for: model)
            let made = try pool.perform(command)
            model.apply(command, made: made)
            guard step % 60 == 59 else { continue }
            let found = try Self.differences(pool, model)
            #expect(found.isEmpty, "seed \(seed), \(memory), step \(step)")
            if !found.isEmpty { return }
            switch generator.random.below(3) {
            case 0: pool = try memory.open(device)
            case 1:
                try pool.close()
                pool = try memory.open(device)
            default: pool.performMaintenance()
            }
        }
        let found = try Self.differences(pool, model)
        #expect(found.isEmpty, "seed \(seed), \(memory)")
    }
}
