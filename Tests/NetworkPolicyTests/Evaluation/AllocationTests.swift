// Address pools and blocks against models that look at every address: the lowest free one, never one twice, never too soon.
import Testing

@testable import NetworkPolicy

struct AllocationTests {
    private struct Model {
        var ranges: [ClosedRange<UInt32>] = []
        var owned: Set<UInt32> = []
        var freeAt: [UInt32: Int64] = [:]

        func lowest(_ now: Int64) -> UInt32? {
            ranges.joined().filter { !owned.contains($0) && freeAt[$0] ?? 0 <= now }.min()
        }
    }

    @Test(arguments: [UInt64(1), 2, 3, 4])
    func aPoolDoesWhatTheModelDoes(seed: UInt64) throws {
        var random = EvaluationRandom(seed: seed)
        var pool = AddressPool(releaseDelayMilliseconds: 50)
        var model = Model()
        var now: Int64 = 0
        let steps = (isLongEvaluation ? 1_000_000 : 120_000) / 4
        for step in 0..<steps {
            now += Int64(random.below(4))
            switch random.below(1000) {
            case 0..<6: Self.toggleRange(&pool, &model, &random)
            case 6..<500:
                let expected = model.lowest(now)
                let got = try? pool.allocate(nowMilliseconds: now)
                try #require(got == expected.map { IPAddress(v4: $0) }, "seed \(seed), step \(step)")
                if let expected {
                    let isNew = model.owned.insert(expected).inserted
                    try #require(isNew)
                }
            case 500..<560:
                let wanted = UInt32(random.below(64))
                let isFree = model.ranges.contains { $0.contains(wanted) } && !model.owned.contains(wanted)
                    && model.freeAt[wanted] ?? 0 <= now
                let got = (try? pool.allocate(IPAddress(v4: wanted), nowMilliseconds: now)) != nil
                try #require(got == isFree, "seed \(seed), step \(step)")
                if got { model.owned.insert(wanted) }
            default:
                let released = random.chance(90) ? model.owned.sorted().randomElement(using: &random) ?? 0 : UInt32(random.below(64))
                let wasOwned = model.owned.remove(released) != nil
                let isReleased = pool.release(IPAddress(v4: released), nowMilliseconds: now)
                try #require(isReleased == wasOwned)
                if wasOwned { model.freeAt[released] = now + 50 }
            }
        }
        #expect(Set(pool.allocated.map { UInt32($0.bits) }) == model.owned)
    }

    private static func toggleRange(_ pool: inout AddressPool, _ model: inout Model, _ random: inout EvaluationRandom) {
        let start = UInt32(random.below(4) * 16)
        let range = start...(start + 11)
        let pooled = IPRange(uncheckedFirst: IPAddress(v4: range.lowerBound), last: IPAddress(v4: range.upperBound))
        if let index = model.ranges.firstIndex(of: range) {
            let mayLeave = model.owned.isDisjoint(with: range)
            let left = (try? pool.remove(pooled)) != nil
            #expect(left == mayLeave)
            if mayLeave { model.ranges.remove(at: index) }
        } else {
            let entered = (try? pool.add(pooled)) != nil
            #expect(entered)
            model.ranges.append(range)
        }
    }

    @Test func blocksTakeTheFirstAlignedPlaceThatFits() throws {
        var random = EvaluationRandom(seed: 7)
        let prefix = try #require(IPPrefix("10.0.0.0/24"))
        var block = AddressBlock(prefix)
        var owned: [IPPrefix] = []
        for step in 0..<4000 {
            if random.chance(55) {
                let size = UInt128(1) << UInt128(random.below(8))
                let places = stride(from: prefix.network.bits, through: prefix.last.bits, by: Int(size))
                let free = places.first { place in !owned.contains { $0.network.bits < place + size && $0.last.bits >= place } }
                let got = try? block.allocate(size: size)
                try #require(got?.network.bits == free, "step \(step)")
                if let got { owned.append(got) }
            } else if let gone = owned.randomElement(using: &random) {
                owned.removeAll { $0 == gone }
                let isReleased = block.release(gone)
                #expect(isReleased)
            }
            try #require(block.subnets == owned.sorted())
        }
        #expect(throws: AddressBlock.Refusal.notAPowerOfTwo) { try block.allocate(size: 3) }
        #expect(throws: AddressBlock.Refusal.tooLarge) { try block.allocate(size: 512) }
    }

    @Test func theEndOfTheAddressSpaceIsNoTrap() throws {
        var block = AddressBlock(try #require(IPPrefix("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0/124")))
        _ = try block.allocate(size: 8)
        _ = try block.allocate(size: 8)
        #expect(throws: AddressBlock.Refusal.exhausted) { try block.allocate(size: 1) }
        var pool = AddressPool(releaseDelayMilliseconds: 0)
        let last = IPAddress.last(.v6)
        try pool.add(IPRange(last))
        let first = try pool.allocate(nowMilliseconds: 0)
        #expect(first == last)
        #expect(throws: AddressPool.Refusal.exhausted) { try pool.allocate(nowMilliseconds: 0) }
        pool.release(last, nowMilliseconds: 0)
        let again = try pool.allocate(nowMilliseconds: 0)
        #expect(again == last)
    }
}
