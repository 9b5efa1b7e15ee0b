// array-benchmark DIRECTORY [SECONDS] [CASE…]     cases: disk write unwaited read compare (all if none is named)
//
// Makes a pool of its own in the directory and takes it away again.

import Glibc
import Platform
import StorageArray
import Synchronization

let arguments = CommandLine.arguments
guard arguments.count > 1 else {
    print("usage: array-benchmark DIRECTORY [SECONDS] [CASE…]")
    exit(2)
}
let period = arguments.count > 2 ? Double(arguments[2]) ?? 3 : 3
let wanted = Set(arguments.dropFirst(3))
let path = arguments[1] + "/array-benchmark.pool"
unlink(path)
defer { unlink(path) }

struct Identity: Randomness {
    func fill(_ bytes: UnsafeMutableRawBufferPointer) {
        for index in bytes.indices { bytes[index] = UInt8.random(in: 0...255) }
    }
}

func run(_ name: String, _ body: () throws -> Void) rethrows {
    if wanted.isEmpty || wanted.contains(name) { try body() }
}

try run("disk") { try measureDisk(arguments[1] + "/array-benchmark.raw") }
let device = try FileBlockDevice(path: path, create: true)
try StoragePool.format(device, options: PoolOptions(maximumBytes: 64 << 30), randomness: Identity())
let pool = try StoragePool.open(device, maintenance: .background)
let size = 1 << 30
let lun = try pool.createLUN(name: "a", sizeBytes: UInt64(size)).identifier
let bench = CommandBenchmarks(pool: pool, lun: lun, blocks: size / 4096, seconds: period)
try bench.fill()
try run("write", bench.writes)
try run("unwaited", bench.unwaited)
try run("read", bench.reads)
try run("compare", bench.compares)
try pool.close()

/// What the disk itself does: 4 KiB written where something was written before, then a flush.
func measureDisk(_ path: String) throws {
    unlink(path)
    defer { unlink(path) }
    let device = try FileBlockDevice(path: path, create: true)
    try device.grow(to: 16 << 20)
    let memory = Block()
    let block = memory.bytes
    for index in 0..<4096 { try device.write(block, at: UInt64(index) << 12) }
    try device.flush()
    try measure("disk: write and flush", seconds: period) { deadline in
        var count = 0
        while now() < deadline {
            try device.write(block, at: UInt64(count % 4096) << 12)
            try device.flush()
            count += 1
        }
        return count
    }
}
