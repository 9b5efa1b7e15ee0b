import Glibc
import Platform
import StorageArray

// Commands that move data or wait for the disk, on a pool in an ordinary file.

struct DataCases {
    static let lunBytes = 2 * gibibyte

    let lab: Laboratory
    let lun: LUNIdentifier
    let seconds: Double
    let flushesPerSecond: Double

    init(_ lab: Laboratory, directory: String, seconds: Double) throws {
        self.lab = lab
        self.seconds = seconds
        flushesPerSecond = try Self.flushRate(directory, seconds: seconds)
        lun = try lab.makeMappedLUN(Self.lunBytes, random: true)
        lab.settle()
    }

    func run() throws {
        Report.line("B7", "flushes of the disk, one after another", "\(text(flushesPerSecond))/s")
        for (hosts, depth) in [(1, 1), (8, 1), (8, 4), (32, 1)] { try locks(hosts, depth: depth) }
        for writers in [1, 4, 16, 32, 64] { try durableWrites(writers) }
        try writesUnderWay(32)
        try deferredWrites()
        try reads(of: lun, "B10", "read of 4 KiB, checked, one thread")
        try readsThroughClones()
    }

    /// 4 KiB written and flushed again and again, in a file that has been written before.
    private static func flushRate(_ directory: String, seconds: Double) throws -> Double {
        let path = directory + "/flushes"
        defer { unlink(path) }
        let device = try SparseFile(path: path, create: true)
        let block = Memory(1 << 20)
        var generator = Generator(seed: 7)
        block.fill(&generator)
        try device.grow(to: mebibyte)
        try device.write(block.readable, at: 0)
        try device.flush()
        var count = 0
        let began = Cost.now.wall
        let page = UnsafeRawBufferPointer(rebasing: block.readable[0..<4096])
        while (Cost.now.wall - began).seconds < seconds {
            try device.write(page, at: UInt64(count % 256) * 4096)
            try device.flush()
            count += 1
        }
        return Double(count) / (Cost.now.wall - began).seconds
    }

    // MARK: Locks

    /// Hosts that all want the lock in the first sector: whoever wins adds one to the number in it, and counts that when
    /// it is durable. What a host reads in between need not be durable: its own success is only when that is, too.
    ///
    /// - Parameter depth: successes that a host may be waiting for at once.
    private func locks(_ hosts: Int, depth: Int) throws {
        let lun = try lab.makeLUN(gibibyte)
        let pool = lab.pool
        let (counts, cost) = try together(threads: hosts, seconds: seconds) { _, goesOn in
            let host = Host(pool: pool, lun: lun)
            var waiting: [CommitTicket] = []
            var won = 0
            while goesOn() || !waiting.isEmpty {
                if goesOn() { waiting.append(host.win()) }
                guard waiting.count == depth || !goesOn() else { continue }
                guard (try? pool.wait(for: waiting.removeFirst())) != nil else { return won }
                won += 1
            }
            return won
        }
        let sector = Memory(512)
        try pool.read(lun, at: 0, into: sector.bytes)
        let won = counts.reduce(0, +)
        let isExact = sector.bytes.load(as: UInt64.self) == UInt64(won)
        let rate = Double(won) / cost.wall.seconds
        let isBar = hosts == 8 && depth == 1
        let what = depth == 1 ? "" : " with \(depth) under way each"
        Report.line(
            "B7", "ATS, \(hosts) host\(hosts == 1 ? "" : "s")\(what) on one sector, durable",
            "\(text(rate)) won/s, \(isExact ? "exact" : "NOT EXACT"), \(text(rate / flushesPerSecond)) per flush",
            target: isBar ? ">= 20000/s" : "", met: isBar ? isExact && rate >= 20_000 : isExact ? nil : false)
        try lab.delete([lun])
    }

    // MARK: Writes

    private func durableWrites(_ writers: Int) throws {
        let pool = lab.pool
        let lun = lun
        let (counts, cost) = try together(threads: writers, seconds: seconds) { number, goesOn in
            var generator = Generator(seed: UInt64(number + 1))
            let block = Memory(4096)
            block.fill(&generator)
            var count = 0
            while goesOn() {
                let offset = generator.next(below: Self.lunBytes / 4096) * 4096
                block.bytes.storeBytes(of: offset, as: UInt64.self)
                guard (try? pool.write(lun, at: offset, block.readable)) != nil else { return count }
                count += 1
            }
            return count
        }
        let count = counts.reduce(0, +)
        let rate = Double(count) / cost.wall.seconds
        Report.line(
            "B8", "durable write of 4 KiB at random, \(writers) thread\(writers == 1 ? "" : "s") that wait",
            "\(text(rate))/s, \(text(cost.process.microseconds / Double(max(1, count)))) µs of processor")
    }

    /// As a server does it: one thread starts writes, and is told when they are durable.
    private func writesUnderWay(_ depth: Int) throws {
        let window = Window(depth)
        var generator = Generator(seed: 8)
        let block = Memory(4096)
        block.fill(&generator)
        var count = 0
        let cost = try Cost.of {
            let end = Cost.now.wall + UInt64(seconds * 1e9)
            while Cost.now.wall < end {
                window.enter()
                let offset = generator.next(below: Self.lunBytes / 4096) * 4096
                block.bytes.storeBytes(of: offset, as: UInt64.self)
                lab.pool.whenDurable(try lab.pool.deferredWrite(lun, at: offset, block.readable)) { _ in window.leave() }
                count += 1
            }
            for _ in 0..<depth { window.enter() }
        }
        let rate = Double(count) / cost.wall.seconds
        Report.line(
            "B8", "durable write of 4 KiB at random, \(depth) under way from one thread",
            "\(text(rate))/s, \(text(cost.process.microseconds / Double(count))) µs of processor",
            target: ">= 30000/s", met: rate >= 30_000)
    }

    private func deferredWrites() throws {
        var generator = Generator(seed: 9)
        let block = Memory(4096)
        block.fill(&generator)
        let count = 200_000
        let cost = try Cost.of {
            var ticket = CommitTicket.now
            for _ in 0..<count {
                let offset = generator.next(below: Self.lunBytes / 4096) * 4096
                block.bytes.storeBytes(of: offset, as: UInt64.self)
                ticket = try lab.pool.deferredWrite(lun, at: offset, block.readable)
            }
            try lab.pool.wait(for: ticket)
        }
        rate("B9", "write of 4 KiB at random, durable only at the end", count, cost)
        lab.settle()
    }

    // MARK: Reads

    private func reads(of lun: LUNIdentifier, _ name: String, _ what: String) throws {
        var generator = Generator(seed: 10)
        let block = Memory(4096)
        let count = 200_000
        let cost = try Cost.of {
            for _ in 0..<count {
                try lab.pool.read(lun, at: generator.next(below: Self.lunBytes / 4096) * 4096, into: block.bytes)
            }
        }
        rate(name, what, count, cost)
    }

    private func rate(_ name: String, _ what: String, _ count: Int, _ cost: Cost) {
        Report.line(
            name, what,
            "\(text(Double(count) / cost.wall.seconds))/s, \(text(cost.thread.microseconds / Double(count))) µs of processor")
    }

    /// Clone of a clone and so on, each written here and there.
    private func readsThroughClones() throws {
        var generator = Generator(seed: 11)
        let block = Memory(4096)
        var chain = [lun]
        for _ in 0..<32 {
            chain.append(try lab.clone(chain[chain.count - 1]))
            for _ in 0..<500 {
                let offset = generator.next(below: Self.lunBytes / 4096) * 4096
                _ = try lab.pool.deferredWrite(chain[chain.count - 1], at: offset, block.readable)
            }
        }
        lab.settle()
        try reads(of: chain[0], "B11", "read of 4 KiB at random, from a LUN with 32 clones")
        try reads(of: chain[32], "B11", "read of 4 KiB at random, from the clone 32 deep")
    }
}

/// One of several hosts that count in the first sector of a LUN.
private struct Host {
    let pool: StoragePool
    let lun: LUNIdentifier
    let expected = Memory(512)
    let replacement = Memory(512)

    /// Adds one to the counter, however often another host was faster; returns when that will be durable.
    func win() -> CommitTicket {
        while true {
            let counter = expected.bytes.load(as: UInt64.self) + 1
            replacement.bytes.storeBytes(of: counter, as: UInt64.self)
            let outcome = try? pool.deferredCompareAndWrite(
                lun, at: 0, expected: expected.readable, replacement: replacement.readable)
            guard let outcome else { return .now }
            if outcome.difference == nil { return outcome.ticket }
            guard (try? pool.deferredRead(lun, at: 0, into: expected.bytes)) != nil else { return .now }
        }
    }
}

/// Lets so many be under way at once.
private final class Window: @unchecked Sendable {
    // The count is touched only with the gate held.
    private let gate = Gate()
    private var left: Int

    init(_ size: Int) { left = size }

    func enter() {
        gate.lock()
        while left == 0 { gate.wait() }
        left -= 1
        gate.unlock()
    }

    func leave() {
        gate.lock()
        left += 1
        if left == 1 { gate.wakeOne() }
        gate.unlock()
    }
}
