// A pool in a file.

import Glibc
import Platform
import Testing

@testable import StorageArray

struct FilePoolTests {
    private func withFile(_ body: (String) throws -> Void) throws {
        let path = "/tmp/viaduct-pool-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
        defer { unlink(path) }
        try body(path)
    }

    @Test func aFileBelongsToOneOpenerAtATime() throws {
        try withFile { path in
            #expect(throws: DeviceError.system(ENOENT)) { _ = try FileBlockDevice(path: path) }
            do {
                let device = try FileBlockDevice(path: path, create: true)
                #expect(device.sizeBytes == 0)
                #expect(throws: DeviceError.system(EWOULDBLOCK)) { _ = try FileBlockDevice(path: path) }
            }
            _ = try FileBlockDevice(path: path)
        }
    }

    @Test func aFileReadsBackWhatWasWrittenAndZerosWhereItWasDiscarded() throws {
        try withFile { path in
            let device = try FileBlockDevice(path: path, create: true)
            try device.grow(to: 1 << 20)
            let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
            try device.write(bytes, at: 1000)
            try device.flush()
            #expect(try device.bytes(at: 1000, count: bytes.count) == bytes)
            let before = device.allocatedBytes
            try device.discard(offset: 8192, count: 65_536)
            #expect(device.allocatedBytes < before)
            #expect(try device.bytes(at: 8192, count: 65_536) == [UInt8](repeating: 0, count: 65_536))
            #expect(throws: DeviceError.outOfRange) { try device.write(bytes, at: (1 << 20) - 10) }
        }
    }

    @Test func aPoolInAFileIsThereAgainAndShrinks() throws {
        try withFile { path in
            let options = PoolOptions(maximumBytes: 1 << 30, journalBytes: 1 << 20)
            do {
                let device = try FileBlockDevice(path: path, create: true)
                try StoragePool.format(device, options: options, randomness: FixedRandomness())
                let pool = try StoragePool.open(device, maintenance: .background)
                let lun = try pool.createLUN(name: "a", sizeBytes: 64 << 20).identifier
                for offset in 0..<8 as Range<UInt64> {
                    try pool.write(lun, at: offset << 20, [UInt8](repeating: UInt8(offset + 1), count: 1 << 20))
                }
                // No close: the process might as well have died.
            }
            let device = try FileBlockDevice(path: path)
            let pool = try StoragePool.open(device, maintenance: .background)
            let lun = try #require(pool.luns.first).identifier
            #expect(try pool.read(lun, at: 5 << 20, count: 512) == [UInt8](repeating: 6, count: 512))
            #expect(try pool.verify() == [])
            let before = device.allocatedBytes
            try pool.unmap(lun, at: 0, count: 8 << 20)
            pool.performMaintenance()
            #expect(device.allocatedBytes < before - (7 << 20))
            try pool.close()
            #expect(throws: ArrayError.stopped) { try pool.unmap(lun, at: 0, count: 4096) }
        }
    }

    @Test func freeSpaceGoesBackToTheFileSystemOnceCommandsPause() throws {
        try withFile { path in
            let device = try FileBlockDevice(path: path, create: true)
            let options = PoolOptions(maximumBytes: 1 << 30, journalBytes: 1 << 20)
            try StoragePool.format(device, options: options, randomness: FixedRandomness())
            let pool = try StoragePool.open(device, maintenance: .background)
            let lun = try pool.createLUN(name: "a", sizeBytes: 192 << 20).identifier
            let bytes = [UInt8](repeating: 1, count: 4 << 20)
            for offset in stride(from: 0, to: 192 << 20, by: bytes.count) { try pool.write(lun, at: UInt64(offset), bytes) }
            let before = device.allocatedBytes
            try pool.unmap(lun, at: 0, count: 192 << 20)
            // 128 MiB stay for what is written next; a few blocks lie in pieces with others.
            while device.allocatedBytes > before - (60 << 20) { usleep(10_000) }
            try pool.close()
        }
    }
}
