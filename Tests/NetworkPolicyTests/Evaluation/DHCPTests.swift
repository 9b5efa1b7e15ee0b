// Leases by the clock: nobody shares an address, a client keeps its own, and time gives addresses back.
import Testing

@testable import NetworkPolicy

struct DHCPTests {
    private static let range = IPRange(uncheckedFirst: IPAddress(v4: 10), last: IPAddress(v4: 12))
    private static func mac(_ number: Int) -> MACAddress { MACAddress(bits: UInt64(number)) }

    @Test func aClientKeepsItsAddressAndOthersWaitForTheClock() {
        var server = DHCPLeases(.init(ranges: [Self.range], leaseSeconds: 100, bindings: [Self.mac(9): IPAddress(v4: 99)]))
        var answers: [DHCPLeases.Answer] = []
        for number in 1...4 { answers.append(server.handle(.discover, from: Self.mac(number), nowMilliseconds: 0)) }
        #expect(answers == [.offer(IPAddress(v4: 10)), .offer(IPAddress(v4: 11)), .offer(IPAddress(v4: 12)), .silence])
        let stolen = server.handle(.request(IPAddress(v4: 10)), from: Self.mac(2), nowMilliseconds: 1)
        #expect(stolen == .refuse)
        _ = server.handle(.request(IPAddress(v4: 10)), from: Self.mac(1), nowMilliseconds: 1)
        #expect(server.current(nowMilliseconds: 100_000).map(\.address) == [IPAddress(v4: 10)])
        #expect(server.current(nowMilliseconds: 100_001).isEmpty)
        let afterOffers = server.handle(.discover, from: Self.mac(4), nowMilliseconds: 60_001)
        #expect(afterOffers == .offer(IPAddress(v4: 11)))
        let again = server.handle(.discover, from: Self.mac(1), nowMilliseconds: 200_000)
        #expect(again == .offer(IPAddress(v4: 10)))
        let fixed = server.handle(.discover, from: Self.mac(9), nowMilliseconds: 200_000)
        #expect(fixed == .offer(IPAddress(v4: 99)))
        let other = server.handle(.request(IPAddress(v4: 99)), from: Self.mac(1), nowMilliseconds: 200_000)
        #expect(other == .refuse)
    }

    @Test(arguments: UInt64(1)...5)
    func noAddressHasTwoLeases(seed: UInt64) throws {
        var random = EvaluationRandom(seed: seed)
        var server = DHCPLeases(.init(ranges: [Self.range], leaseSeconds: 20, offerSeconds: 5))
        var promised: [IPAddress: (mac: MACAddress, until: Int64)] = [:]
        var now: Int64 = 0
        for step in 0..<4000 {
            now += Int64(random.below(3000))
            let mac = Self.mac(random.below(6))
            let address = IPAddress(v4: UInt32(9 + random.below(5)))
            let message = random.pick([DHCPLeases.Message.discover, .request(address), .request(address), .release, .decline(address)])
            switch server.handle(message, from: mac, nowMilliseconds: now) {
            case .acknowledge(let lease):
                if let holder = promised[lease.address], holder.until > now {
                    try #require(holder.mac == mac, "seed \(seed), step \(step)")
                }
                try #require(Self.range.contains(lease.address))
                promised = promised.filter { $0.value.mac != mac }
                promised[lease.address] = (mac, lease.expiryMilliseconds)
            case .offer(let offered):
                if let holder = promised[offered], holder.until > now { try #require(holder.mac == mac, "seed \(seed), step \(step)") }
            case .refuse, .silence: break
            }
            if message == .release { promised = promised.filter { $0.value.mac != mac } }
            if case .decline(let address) = message, promised[address]?.mac == mac { promised[address] = nil }
            let leases = server.current(nowMilliseconds: now)
            try #require(Set(leases.map(\.address)).count == leases.count && Set(leases.map(\.mac)).count == leases.count)
        }
    }
}
