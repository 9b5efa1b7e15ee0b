import Datastores
import Glibc
import SCSI
import Synchronization
import Testing

// Several hosts on one volume: who may open what, whose locks are broken when, and that no change is lost.

@Suite struct SharingTests {
    @Test func oneWritesOrManyRead() throws {
        let laboratory = try Laboratory.memory()
        let (first, second) = (try laboratory.mount(1), try laboratory.mount(2))
        try first.createFile("f", sizeBytes: 100)
        let writer = try first.open("f", for: .writing)
        #expect(throws: VolumeError.busy("/f", holder: "host-1")) { try second.open("f", for: .reading) }
        #expect(throws: VolumeError.busy("/f", holder: "host-1")) { try first.open("f", for: .reading) }
        #expect(throws: VolumeError.busy("/f", holder: "host-1")) { try second.remove("f") }
        try writer.close()
        let readers = [
            try first.open("f", for: .reading), try first.open("f", for: .reading), try second.open("f", for: .reading),
        ]
        #expect(throws: VolumeError.self) { try second.open("f", for: .writing) }
        #expect(throws: VolumeError.self) { try first.remove("f") }
        #expect(throws: VolumeError.busy("an open file", holder: "host-1")) { try first.unmount() }
        for reader in readers { try reader.close() }
        #expect(throws: VolumeError.closed) { try readers[0].read(at: 0, count: 1) }
        try second.open("f", for: .writing).close()
        try first.remove("f")
        #expect(try second.names() == [])
        #expect(try first.check().isEmpty)
    }

    @Test func aFileDroppedWithoutClosingIsUnlocked() throws {
        let laboratory = try Laboratory.memory()
        let volume = try laboratory.mount(1)
        try volume.createFile("f")
        do {
            let file = try volume.open("f", for: .writing)
            try file.write([1], at: 0)
        }
        #expect(try volume.read("f") == [1])
    }

    @Test func theLockOfAHostThatStandsStillIsBrokenAndTheHostFenced() throws {
        let laboratory = try Laboratory.memory()
        let (first, second) = (try laboratory.mount(1), try laboratory.mount(2))
        try first.createFile("f", sizeBytes: 100)
        let file = try first.open("f", for: .writing)
        try file.write(pattern(1, 300), at: 0)
        try second.renewHeartbeat()
        laboratory.time.advance(900)
        try first.renewHeartbeat()
        laboratory.time.advance(900)
        try second.renewHeartbeat()
        #expect(throws: VolumeError.busy("/f", holder: "host-1")) { try second.open("f", for: .writing) }
        laboratory.time.advance(1001)
        try second.open("f", for: .writing).close()
        #expect(throws: VolumeError.fenced) { try first.renewHeartbeat() }
        #expect(throws: VolumeError.fenced) { try file.flush() }
        #expect(throws: VolumeError.fenced) { try first.names() }
        #expect(try second.check().isEmpty)
    }

    @Test func aRestartedHostTakesItsOwnLocksBackAtOnce() throws {
        let laboratory = try Laboratory.memory()
        let before = try laboratory.mount(1)
        try before.createFile("f", sizeBytes: 100)
        let file = try before.open("f", for: .writing)
        try file.write(pattern(1, 5 << 20), at: 0)
        try file.flush()
        try file.write(pattern(2, 5 << 20), at: 20 << 20)
        let after = try laboratory.mount(1)
        #expect(try after.read("f") == pattern(1, 5 << 20))
        let again = try after.open("f", for: .writing)
        try again.close()
        #expect(try after.check().isEmpty)
        #expect(throws: VolumeError.fenced) { try before.renewHeartbeat() }
    }

    @Test func moreHostsThanSlotsAreTurnedAway() throws {
        let laboratory = try Laboratory.memory(mebibytes: 96)
        let volumes = try (1...8).map { try laboratory.mount(UInt64($0)) }
        #expect(throws: VolumeError.tooManyHosts) { try laboratory.mount(9) }
        try volumes[3].unmount()
        _ = try laboratory.mount(9)
    }

    /// Threads of four hosts, one with hardware locking off, make, move and remove files of one directory at once.
    @Test(.timeLimit(.minutes(1)))
    func hostsThatContendLoseNothing() async throws {
        let target = MemoryTarget(sizeBytes: 256 << 20)
        let laboratory = Laboratory(target)
        try laboratory.format()
        let clock = HostClock(
            now: { laboratory.time.clock.now() }, monotonicMilliseconds: { laboratory.time.now },
            pause: { usleep(UInt32($0) * 200) })
        try await withThrowingTaskGroup(of: Void.self) { group in
            for host in UInt64(1)...4 {
                let acceleration = Acceleration(locking: host != 4)
                let volume = try Volume.mount(
                    laboratory.initiator(host), host: Laboratory.host(host), acceleration: acceleration, clock: clock,
                    staleAfterMilliseconds: 60_000)
                group.addTask {
                    for index in 0..<12 {
                        let name = "h\(host)-\(index)"
                        try volume.createFile(name)
                        try volume.write(pattern(host, 1000), to: name)
                        if index % 3 == 0 { try volume.rename(name, to: name + "-moved") }
                        if index % 3 == 1 { try volume.remove(name) }
                    }
                }
            }
            try await group.waitForAll()
        }
        let after = try laboratory.mount(5)
        var expected: [String] = []
        for host in 1...4 {
            for index in 0..<12 where index % 3 != 1 {
                expected.append("h\(host)-\(index)" + (index % 3 == 0 ? "-moved" : ""))
            }
        }
        #expect(try after.names().sorted() == expected.sorted())
        for name in expected { #expect(try after.read(name).count == 1000) }
        #expect(try after.check().isEmpty)
    }

    /// Every host adds to a counter in one file under the file's lock; the sum is exact.
    @Test(.timeLimit(.minutes(1)))
    func aFileLockExcludesOtherHosts() async throws {
        let target = MemoryTarget(sizeBytes: 256 << 20)
        let laboratory = Laboratory(target)
        try laboratory.format()
        try laboratory.mount(9).createFile("counter", sizeBytes: 512)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for host in UInt64(1)...3 {
                let volume = try laboratory.mount(host, acceleration: Acceleration(locking: host != 2))
                group.addTask {
                    var added = 0
                    while added < 10 {
                        do {
                            let file = try volume.open("counter", for: .writing)
                            let value = try file.read(at: 0, count: 1)[0]
                            try file.write([value + 1], at: 0)
                            try file.close()
                            added += 1
                        } catch VolumeError.busy { sched_yield() }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try laboratory.mount(9).read("counter", at: 0, count: 1) == [30])
    }
}
