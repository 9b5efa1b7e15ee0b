import Platform
import StorageArray
import Synchronization

/// Commands of 4 KiB and of 512 bytes on one LUN.
struct CommandBenchmarks {
    let pool: StoragePool
    let lun: LUNIdentifier
    let blocks: Int
    let seconds: Double

    func fill() throws {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { bytes.deallocate() }
        for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index &* 31) }
        try measure("fill: 1 MiB durable writes, sequential", seconds: 0) { _ in
            for offset in stride(from: 0, to: blocks << 12, by: 1 << 20) {
                try pool.write(lun, at: UInt64(offset), UnsafeRawBufferPointer(bytes))
            }
            return blocks >> 8
        }
    }

    func writes() throws {
        for threads in [1, 4, 16] {
            try measure("write: 4 KiB random durable, \(threads) threads that wait", seconds: seconds) { deadline in
                try onThreads(threads) { index in
                    var random = Random(index + 1)
                    let block = Block()
                    var count = 0
                    while now() < deadline {
                        try pool.write(lun, at: UInt64(random.below(blocks)) << 12, block.bytes)
                        count += 1
                    }
                    return count
                }
            }
        }
        for depth in [1, 8, 32, 256] {
            try measure("write: 4 KiB random durable, \(depth) under way from one thread", seconds: seconds) { deadline in
                try deferredWrites(depth, until: deadline)
            }
        }
    }

    func unwaited() throws {
        try measure("write: 4 KiB random, nobody waits", seconds: seconds) { deadline in
            var random = Random(5)
            let block = Block()
            var count = 0
            while now() < deadline {
                _ = try pool.deferredWrite(lun, at: UInt64(random.below(blocks)) << 12, block.bytes)
                count += 1
            }
            return count
        }
    }

    private func deferredWrites(_ depth: Int, until deadline: Double) throws -> Int {
        let window = Window(depth)
        var random = Random(depth)
        let block = Block()
        var count = 0
        while now() < deadline {
            window.enter()
            let ticket = try pool.deferredWrite(lun, at: UInt64(random.below(blocks)) << 12, block.bytes)
            pool.whenDurable(ticket) { failure in
                if let failure { print(failure) }
                window.leave()
            }
            count += 1
        }
        window.drain(depth)
        return count
    }

    func reads() throws {
        for (name, bytes) in [("4 KiB", 4096), ("64 KiB", 65536), ("1 MiB", 1 << 20)] {
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 4096)
            defer { buffer.deallocate() }
            try measure("read: \(name) random", seconds: seconds) { deadline in
                var random = Random(9)
                var count = 0
                while now() < deadline {
                    _ = try pool.deferredRead(lun, at: UInt64(random.below(blocks * 4096 / bytes) * bytes), into: buffer)
                    count += 1
                }
                return count
            }
        }
    }

    /// Hosts that count in one sector: each looks, adds one by COMPARE AND WRITE, looks again when another was faster,
    /// and goes on when its own step is durable.
    func compares() throws {
        for hosts in [1, 8, 32] {
            let before = try counter()
            let done = Mutex(0)
            try measure("compare: \(hosts) hosts on one sector, durable", seconds: seconds) { deadline in
                let count = try onThreads(hosts) { _ in
                    var count = 0
                    while now() < deadline {
                        try increment()
                        count += 1
                    }
                    return count
                }
                done.withLock { $0 = count }
                return count
            }
            let counted = try counter() - before
            print("compare: counted \(counted), exact: \(counted == done.withLock { $0 })")
        }
    }

    private func counter() throws -> Int {
        let sector = Block(bytes: 512)
        try pool.read(lun, at: 8192, into: sector.mutable)
        return sector.mutable.load(fromByteOffset: 0, as: Int.self)
    }

    private func increment() throws {
        let (old, new) = (Block(bytes: 512), Block(bytes: 512))
        while true {
            _ = try pool.deferredRead(lun, at: 8192, into: old.mutable)
            new.mutable.copyMemory(from: old.bytes)
            new.mutable.storeBytes(of: old.bytes.load(as: Int.self) + 1, as: Int.self)
            let outcome = try pool.deferredCompareAndWrite(lun, at: 8192, expected: old.bytes, replacement: new.bytes)
            if outcome.difference == nil { return try pool.wait(for: outcome.ticket) }
        }
    }
}

/// Memory for one command.
final class Block: @unchecked Sendable {
    // Used by one thread at a time.
    let mutable: UnsafeMutableRawBufferPointer
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(mutable) }

    init(bytes: Int = 4096) {
        mutable = .allocate(byteCount: bytes, alignment: 4096)
        for index in mutable.indices { mutable[index] = UInt8(truncatingIfNeeded: index) }
    }

    deinit { mutable.deallocate() }
}
