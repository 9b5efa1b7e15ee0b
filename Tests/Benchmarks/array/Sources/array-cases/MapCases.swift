import Platform
import StorageArray

// Commands that change the map and move no data, on a pool whose blocks of zeros are left out of its file.

struct MapCases {
    let lab: Laboratory
    let sizeBytes: UInt64
    let full: LUNIdentifier

    var size: String { "\(sizeBytes / gibibyte) GiB" }

    /// Of a pool without a LUN: the journal, above all.
    let emptyBytes: UInt64

    init(_ lab: Laboratory, sizeBytes: UInt64) throws {
        self.lab = lab
        emptyBytes = lab.pool.usage.metadataBytes
        self.sizeBytes = sizeBytes
        full = try lab.makeMappedLUN(sizeBytes)
        lab.settle()
    }

    func run() throws {
        metadata()
        try clones()
        try alignedCopies()
        try shiftedCopies()
        try oddCopies()
        try firstWrites()
        try checkpoint()
        try wholeUnmap()
        try smallUnmaps()
    }

    private func metadata() {
        let usage = lab.pool.usage
        let bytes = usage.metadataBytes - emptyBytes
        let share = Double(bytes) / Double(usage.dataBytes) * 100
        Report.line(
            "B13", "metadata of \(usage.dataBytes / gibibyte) GiB mapped",
            "\(bytes / mebibyte) MiB, \(text(share)) %, and \(emptyBytes / mebibyte) MiB for the pool",
            target: "<= 0.5 %", met: share <= 0.5)
        Report.line(
            "B13", "resident memory with this pool open", "\(residentBytes() / mebibyte) MiB")
    }

    private func clones() throws {
        let figures = try cloneTimes(lab, full, count: 50)
        Report.line(
            "B1", "clone of a fully mapped LUN of \(size)",
            "\(text(figures.median.wall.milliseconds)) ms, \(text(figures.median.thread.microseconds)) µs of processor",
            target: "<= 1 ms", met: figures.median.wall.milliseconds <= 1)
    }

    /// 4 MiB each, source and destination alike in 2 MiB.
    private func alignedCopies() throws {
        let target = try lab.makeLUN(sizeBytes)
        let count = sizeBytes / (4 * mebibyte)
        let cost = try copies(to: target, count: count, bytes: 4 * mebibyte, from: { $0 * 4 * mebibyte }, shift: 0)
        Report.line(
            "B2", "XCOPY of \(size) in commands of 4 MiB",
            "\(text(cost.wall.seconds)) s, \(text(cost.process.microseconds / Double(count))) µs of processor each",
            target: "<= 3 s", met: cost.wall.seconds <= 3)
        try lab.delete([target])
    }

    private func shiftedCopies() throws {
        let target = try lab.makeLUN(sizeBytes)
        let count = min(2000, sizeBytes / (4 * mebibyte) - 1)
        let cost = try copies(
            to: target, count: count, bytes: 4 * mebibyte, from: { $0 * 4 * mebibyte }, shift: mebibyte)
        let each = cost.process.microseconds / Double(count)
        Report.line(
            "B3", "XCOPY of 4 MiB, destination shifted by 1 MiB", "\(text(each)) µs of processor each",
            target: "<= 15 µs", met: each <= 15)
        try lab.delete([target])
    }

    private func oddCopies() throws {
        let target = try lab.makeLUN(sizeBytes)
        let count = min(4000, sizeBytes / (2 * mebibyte) - 1)
        let cost = try copies(
            to: target, count: count, bytes: mebibyte, from: { $0 * 2 * mebibyte + 12 * kibibyte }, shift: 20 * kibibyte)
        let each = cost.process.microseconds / Double(count)
        Report.line(
            "B4", "XCOPY of 1 MiB at odd multiples of 4 KiB", "\(text(each)) µs of processor each",
            target: "<= 20 µs", met: each <= 20)
        try lab.delete([target])
    }

    private func copies(
        to target: LUNIdentifier, count: UInt64, bytes: UInt64, from: (UInt64) -> UInt64, shift: UInt64
    ) throws -> Cost {
        try Cost.of {
            var ticket = CommitTicket.now
            for index in 0..<count {
                let copy = RangeCopy(
                    source: full, from: from(index), destination: target, to: from(index) + shift, count: bytes)
                ticket = try lab.pool.deferredCopy([copy])
            }
            try lab.pool.wait(for: ticket)
        }
    }

    private func firstWrites() throws {
        let clone = try lab.clone(full)
        let block = Memory(4096)
        var generator = Generator(seed: 15)
        block.fill(&generator)
        let count = 20_000
        let cost = try Cost.of {
            var ticket = CommitTicket.now
            for _ in 0..<count {
                let offset = generator.next(below: sizeBytes / 4096) * 4096
                ticket = try lab.pool.deferredWrite(clone, at: offset, block.readable)
            }
            try lab.pool.wait(for: ticket)
        }
        let each = cost.thread.microseconds / Double(count)
        Report.line(
            "B15", "first write of 4 KiB into a clone, at random",
            "\(text(each)) µs of processor, \(text(cost.process.microseconds / Double(count))) with the pool's threads")
        try lab.delete([clone])
    }

    private func checkpoint() throws {
        let clone = try lab.clone(full)
        let block = Memory(4096)
        let leafBytes = 2 * mebibyte
        // Below the number that starts a checkpoint by itself.
        let leaves = min(12_000, sizeBytes / leafBytes)
        for index in 0..<leaves { _ = try lab.pool.deferredWrite(clone, at: index * leafBytes, block.readable) }
        let cost = try Cost.of { try lab.pool.checkpoint() }
        Report.line(
            "B14", "checkpoint of \(leaves * 4 / 1024) MiB of map pages",
            "\(text(cost.wall.milliseconds)) ms, \(text(cost.process.milliseconds)) ms of processor",
            target: "<= 1 s", met: cost.wall.seconds <= 1)
        try lab.delete([clone])
    }

    private func wholeUnmap() throws {
        let clone = try lab.clone(full)
        try unmap(clone, "of a clone that shares everything")
        try lab.delete([clone])
        try unmap(full, "that nothing else maps")
        lab.settle()
        try zeros()
    }

    private func unmap(_ lun: LUNIdentifier, _ what: String) throws {
        try whole("UNMAP of \(size) \(what)") { try lab.pool.deferredUnmap(lun, at: 0, count: sizeBytes) }
    }

    /// One command on everything: its own time, and until it is durable.
    private func whole(_ what: String, _ command: () throws -> CommitTicket) throws {
        var ticket = CommitTicket.now
        var flush = Cost()
        let all = try Cost.of {
            ticket = try command()
            flush = try Cost.of { try lab.pool.wait(for: ticket) }
        }
        let own = (all.wall - flush.wall).milliseconds
        Report.line(
            "B5", what,
            "\(text(own)) ms, \(text(all.process.milliseconds)) of processor; durable in \(text(all.wall.milliseconds)) ms",
            target: "<= 50 ms", met: own <= 50)
    }

    private func zeros() throws {
        let lun = try lab.makeMappedLUN(sizeBytes)
        lab.settle()
        try whole("WRITE SAME of zeros over \(size)") {
            try lab.pool.deferredWriteZeros(lun, at: 0, count: sizeBytes)
        }
        try lab.delete([lun])
    }

    private func smallUnmaps() throws {
        let lunBytes = min(10 * gibibyte, sizeBytes)
        let lun = try lab.makeMappedLUN(lunBytes)
        lab.settle()
        let count = lunBytes / mebibyte
        let cost = try Cost.of {
            var ticket = CommitTicket.now
            for index in 0..<count {
                ticket = try lab.pool.deferredUnmap(lun, at: index * mebibyte, count: mebibyte)
            }
            try lab.pool.wait(for: ticket)
        }
        let each = cost.thread.microseconds / Double(count)
        Report.line(
            "B6", "UNMAP of \(lunBytes / gibibyte) GiB in commands of 1 MiB",
            "\(text(each)) µs of processor each, \(text(cost.process.microseconds / Double(count))) with the pool's threads",
            target: "<= 5 µs", met: each <= 5)
        try lab.delete([lun])
    }
}

/// Makes clones of a LUN, each durable, and deletes them again.
func cloneTimes(_ lab: Laboratory, _ lun: LUNIdentifier, count: Int) throws -> (median: Cost, ninth: UInt64) {
    var wall: [UInt64] = []
    var thread: [UInt64] = []
    var clones: [LUNIdentifier] = []
    for _ in 0..<count {
        let cost = try Cost.of { clones.append(try lab.clone(lun)) }
        wall.append(cost.wall)
        thread.append(cost.thread)
    }
    try lab.delete(clones)
    return (Cost(wall: wall.median, thread: thread.median), wall.ninth)
}
