import Glibc
import Platform
import StorageArray

// What it takes to open a pool whose process was killed. The killed process is another one: this program run again.

enum RestartCases {
    /// Makes a pool with a mapped LUN, writes after the last checkpoint, and ends without a word.
    static func make(directory: String, sizeBytes: UInt64, records: Int) throws -> Never {
        let lab = try Laboratory(directory: directory, capacity: sizeBytes + sizeBytes / 16 + 4 * gibibyte, isSparse: true)
        let filled = try Cost.of { _ = try lab.makeMappedLUN(sizeBytes) }
        lab.settle()
        let lun = lab.pool.luns[0].identifier
        var generator = Generator(seed: 12)
        let block = Memory(4096)
        block.fill(&generator)
        // Few map pages: a checkpoint, which would leave nothing to replay, is not due.
        let span = min(sizeBytes, 8 * gibibyte)
        var ticket = CommitTicket.now
        for _ in 0..<records {
            ticket = try lab.pool.deferredWrite(lun, at: generator.next(below: span / 4096) * 4096, block.readable)
        }
        try lab.pool.wait(for: ticket)
        Report.line(
            "", "mapped \(sizeBytes / gibibyte) GiB in \(text(filled.wall.seconds)) s, \(records) writes behind the checkpoint",
            "resident memory \(residentBytes() / mebibyte) MiB")
        kill(getpid(), SIGKILL)
        exit(1)
    }

    /// Opens the pool that `make` left, and measures the clones of its LUN.
    static func open(directory: String, records: Int, table: String?) throws {
        let before = residentBytes()
        let device = try SparseFile(path: directory + "/pool", create: false)
        var opened: StoragePool?
        let cost = try Cost.of { opened = try StoragePool.open(device, maintenance: .background) }
        guard let pool = opened, let lun = pool.luns.first else { exit(1) }
        let size = "\(lun.sizeBytes / gibibyte) GiB"
        Report.line(
            "B12", "opening a killed pool of \(size), \(records) writes to replay",
            "\(text(cost.wall.seconds)) s, \(text(cost.process.seconds)) s of processor", target: "<= 2 s",
            met: cost.wall.seconds <= 2)
        Report.line(
            "B13", "resident memory with the pool open",
            "\(residentBytes() / mebibyte) MiB, \((residentBytes() - before) / mebibyte) of them the pool's")
        let usage = pool.usage
        let share = Double(usage.metadataBytes) / Double(usage.dataBytes) * 100
        Report.line(
            "B13", "metadata of \(usage.dataBytes / gibibyte) GiB mapped, with the journal",
            "\(usage.metadataBytes / mebibyte) MiB, \(text(share)) %", target: "<= 0.5 %", met: share <= 0.5)
        let first = try Cost.of { _ = try pool.cloneLUN(lun.identifier, name: "first clone") }
        var wall: [UInt64] = []
        var thread: [UInt64] = []
        for number in 0..<50 {
            let cost = try Cost.of { _ = try pool.cloneLUN(lun.identifier, name: "clone \(number)") }
            wall.append(cost.wall)
            thread.append(cost.thread)
        }
        Report.line(
            "B1", "clone of \(size), the first after opening \(text(first.wall.milliseconds)) ms",
            "\(text(wall.median.milliseconds)) ms, \(text(thread.median.microseconds)) µs of processor",
            target: "<= 1 ms", met: wall.median.milliseconds <= 1)
        if let table { try append("\(lun.sizeBytes / gibibyte),\(wall.median),\(wall.ninth),\(thread.median)\n", to: table) }
    }

    private static func append(_ line: String, to path: String) throws {
        guard let file = fopen(path, "a") else { throw DeviceError.system(errno) }
        fputs(line, file)
        fclose(file)
    }
}
