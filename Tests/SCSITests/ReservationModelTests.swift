// Random persistent reservations of a few initiators against a naive model that keeps a dictionary of keys and decides
// anew for every operation, with losses of power in between. VIADUCT_LONG=1 runs more seeds.

import Glibc
import Testing

@testable import SCSI

/// The rules of SPC-4 §5.12, in words as close to the standard's as a program can be.
private struct Model {
    var keys: [Int: UInt64] = [:]
    var type: UInt8 = 0
    /// The holder, unless all registrants hold it.
    var holder: Int?
    var generation: UInt32 = 0
    var survives = false

    enum Outcome: Equatable { case good, conflict, refused }

    var isForAll: Bool { type == 7 || type == 8 }
    func holds(_ host: Int) -> Bool { type != 0 && (isForAll ? keys[host] != nil : holder == host) }
    var holderKey: UInt64 { isForAll ? 0 : holder.flatMap { keys[$0] } ?? 0 }

    mutating func register(_ host: Int, _ key: UInt64, _ new: UInt64, ignoring: Bool, survives: Bool, _ told: inout [Int: UInt16])
        -> Outcome
    {
        if !ignoring {
            if let old = keys[host] { if old != key { return .conflict } } else if key != 0 { return .conflict }
        }
        if keys[host] == nil && new == 0 { return .good }
        self.survives = survives
        generation += 1
        if new != 0 {
            keys[host] = new
            return .good
        }
        let held = holds(host)
        keys[host] = nil
        if held && (!isForAll || keys.isEmpty) {
            if [5, 6].contains(type) { for other in keys.keys { told[other] = 0x2A04 } }
            type = 0
            holder = nil
        }
        return .good
    }

    mutating func reserve(_ host: Int, _ key: UInt64, _ new: UInt8) -> Outcome {
        if keys[host] != key { return .conflict }
        if type == 0 {
            type = new
            holder = isForAll ? nil : host
            return .good
        }
        return holds(host) && type == new ? .good : .conflict
    }

    mutating func release(_ host: Int, _ key: UInt64, _ old: UInt8, _ told: inout [Int: UInt16]) -> Outcome {
        if keys[host] != key { return .conflict }
        if type == 0 || !holds(host) { return .good }
        if type != old { return .refused }
        if type >= 5 { for other in keys.keys where other != host { told[other] = 0x2A04 } }
        type = 0
        holder = nil
        return .good
    }

    mutating func clear(_ host: Int, _ key: UInt64, _ told: inout [Int: UInt16]) -> Outcome {
        if keys[host] != key { return .conflict }
        for other in keys.keys where other != host { told[other] = 0x2A03 }
        keys = [:]
        type = 0
        holder = nil
        generation += 1
        return .good
    }

    mutating func preempt(_ host: Int, _ key: UInt64, _ victim: UInt64, _ new: UInt8, _ told: inout [Int: UInt16]) -> Outcome {
        if keys[host] != key { return .conflict }
        let takesOver = type != 0 && (isForAll ? victim == 0 : victim == holderKey)
        if takesOver {
            for (other, value) in keys where other != host && (isForAll || value == victim) {
                keys[other] = nil
                told[other] = 0x2A05
            }
            if type != new { for other in keys.keys where other != host { told[other] = 0x2A04 } }
            type = new
            holder = isForAll ? nil : host
        } else {
            if victim == 0 { return .refused }
            if !keys.values.contains(victim) { return .conflict }
            for (other, value) in keys where value == victim {
                keys[other] = nil
                if other != host { told[other] = 0x2A05 }
            }
            if keys.isEmpty {
                type = 0
                holder = nil
            }
        }
        generation += 1
        return .good
    }

    mutating func move(_ host: Int, _ key: UInt64, _ new: UInt64, to other: Int, leaves: Bool, survives: Bool) -> Outcome {
        if keys[host] != key { return .conflict }
        if type == 0 { return .refused }
        if !holds(host) || isForAll { return .conflict }
        if new == 0 || other == host { return .refused }
        keys[other] = new
        holder = other
        if leaves { keys[host] = nil }
        self.survives = survives
        generation += 1
        return .good
    }

    mutating func losePower() {
        generation = 0
        if survives { return }
        keys = [:]
        type = 0
        holder = nil
    }
}

struct ReservationModelTests {
    static let seeds: ClosedRange<UInt64> = 1...(getenv("VIADUCT_LONG") == nil ? 12 : 2000)

    @Test(arguments: seeds) func randomReservationsFollowTheStandard(seed: UInt64) throws {
        var generator = SeededGenerator(seed)
        var bench = try Bench(canLosePower: true)
        let hosts = bench.initiators(4)
        var model = Model()
        for step in 0..<150 {
            if Int.random(in: 0..<40, using: &generator) == 0 {
                bench = try Bench(afterPowerLossOf: bench, seed: seed &* 1000 &+ UInt64(step))
                _ = bench.initiators(4)
                model.losePower()
            } else {
                var told: [Int: UInt16] = [:]
                let (found, expected) = act(bench, hosts, &model, &told, &generator)
                #expect(found == expected, "seed \(seed), step \(step)")
                for (number, host) in hosts.enumerated() {
                    let heard = bench.attention(host).map { UInt16($0) }
                    #expect(heard == told[number], "seed \(seed), step \(step), host \(number)")
                }
            }
            try check(bench, hosts, model, "seed \(seed), step \(step)")
        }
    }

    /// Does one random operation to both.
    private func act(
        _ bench: Bench, _ hosts: [Nexus], _ model: inout Model, _ told: inout [Int: UInt16],
        _ generator: inout SeededGenerator
    ) -> (found: Model.Outcome, expected: Model.Outcome) {
        let host = Int.random(in: 0..<hosts.count, using: &generator)
        let other = Int.random(in: 0..<hosts.count, using: &generator)
        let isHonest = Int.random(in: 0..<5, using: &generator) > 0
        let key = isHonest ? model.keys[host] ?? 0 : UInt64.random(in: 0...3, using: &generator)
        let value = UInt64.random(in: 0...3, using: &generator)
        let type = ReservationType.allCases.randomElement(using: &generator)?.rawValue ?? 1
        let survives = Bool.random(using: &generator)
        func out(_ action: UInt8, _ type: UInt8 = 0, flags: UInt8 = 0) -> Model.Outcome {
            outcomeOf(bench.reserve(hosts[host], action, key, value, type: type, flags: flags))
        }
        switch Int.random(in: 0..<9, using: &generator) {
        case 0, 1:
            let found = out(0, flags: survives ? 1 : 0)
            return (found, model.register(host, key, value, ignoring: false, survives: survives, &told))
        case 2:
            let found = out(6, flags: survives ? 1 : 0)
            return (found, model.register(host, key, value, ignoring: true, survives: survives, &told))
        case 3: return (out(1, type), model.reserve(host, key, type))
        case 4:
            let old = isHonest && model.type != 0 ? model.type : type
            return (out(2, old), model.release(host, key, old, &told))
        case 5: return isHonest && value > 0 ? (.good, .good) : (out(3), model.clear(host, key, &told))
        case 6, 7:
            let action: UInt8 = Bool.random(using: &generator) ? 4 : 5
            return (out(action, type), model.preempt(host, key, value, type, &told))
        default:
            let leaves = Bool.random(using: &generator)
            let list = Reserve.move(
                key, value, flags: (leaves ? 2 : 0) | (survives ? 1 : 0), to: TransportIdentifier.encode(hosts[other]))
            let found = outcomeOf(
                bench.sense(Reserve.out(7, length: list.count), dataOut: list, from: hosts[host]))
            return (found, model.move(host, key, value, to: other, leaves: leaves, survives: survives))
        }
    }

    private func outcomeOf(_ sense: Int) -> Model.Outcome { sense == 0 ? .good : sense == conflict ? .conflict : .refused }

    /// Compares what is reported, and what reads and writes may do.
    private func check(_ bench: Bench, _ hosts: [Nexus], _ model: Model, _ place: String) throws {
        let keys = bench.reservations(0)
        let found = stride(from: 8, to: keys.count, by: 8).map { start in
            keys[start..<start + 8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        }
        #expect(found.sorted() == model.keys.values.sorted(), "\(place)")
        #expect(Array(keys.prefix(4)) == withUnsafeBytes(of: model.generation.bigEndian) { Array($0) }, "\(place)")
        let reservation = bench.reservations(1)
        #expect((reservation.count > 8 ? reservation[21] : 0) == model.type, "\(place)")
        if reservation.count > 8 { #expect(UInt64(reservation[15]) == model.holderKey, "\(place)") }
        for (number, host) in hosts.enumerated() {
            let isIn = model.type == 0 || model.holds(number) || model.type >= 5 && model.keys[number] != nil
            let mayRead = isIn || [1, 5, 7].contains(model.type)
            let read = bench.sense(.read16(lba: 0, blocks: 1), from: host)
            let write = bench.sense(.write16(lba: 0, blocks: 1), dataOut: sectors(1), from: host)
            #expect((read == 0) == mayRead, "\(place), host \(number)")
            #expect((write == 0) == isIn, "\(place), host \(number)")
        }
    }
}
