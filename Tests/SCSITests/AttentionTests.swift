// Unit attentions: the queue against a naive model, and which event tells whom what, and which command hears it.

import StorageArray
import Synchronization
import Testing

@testable import SCSI

struct AttentionQueueTests {
    private static let all: [UnitAttention] = [
        .powerOnOrReset, .busReset, .logicalUnitReset, .nexusLoss, .mediumMayHaveChanged, .modeParametersChanged,
        .reservationsPreempted, .reservationsReleased, .registrationsPreempted, .capacityChanged, .softThresholdReached,
        .inquiryDataChanged, .reportedLUNsChanged,
    ]

    /// Codes of resets in falling order of precedence; whatever is not here has the lowest.
    private static let resets: [UInt16] = [0x2900, 0x2902, 0x2903, 0x2907]

    private func rank(_ code: UInt16) -> Int { Self.resets.firstIndex(of: code) ?? Self.resets.count }

    @Test(arguments: 1...50 as ClosedRange<UInt64>) func theQueueIsWhatAListWouldBe(seed: UInt64) {
        var generator = SeededGenerator(seed)
        var queue = AttentionQueue()
        var model: [UInt16] = []
        for _ in 0..<400 {
            let attention = Self.all.randomElement(using: &generator) ?? .busReset
            switch Int.random(in: 0..<5, using: &generator) {
            case 0:
                let first = model.isEmpty ? nil : model.removeFirst()
                #expect(queue.takeFirst()?.code == first, "seed \(seed)")
            case 1:
                queue.clear(attention)
                model = model.filter { $0 != attention.code }
            default:
                queue.establish(attention)
                let isReset = rank(attention.code) < Self.resets.count
                model = model.filter { !isReset || rank($0) <= rank(attention.code) }
                if !model.contains(attention.code) { model.append(attention.code) }
            }
            #expect(queue.pending.map(\.code) == model, "seed \(seed)")
            #expect(queue.pending.count <= Self.all.count)
        }
    }
}

struct AttentionTests {
    @Test func aNewSessionHearsOfAPowerOnOncePerLUN() throws {
        let bench = try Bench()
        let host = bench.initiators(1)[0]
        bench.target.nexusEstablished(host)
        for lun in [Bench.a, Bench.b] {
            #expect(bench.sense(.testUnitReady, to: lun, from: host) == 0x062900)
            #expect(bench.sense(.testUnitReady, to: lun, from: host) == 0)
        }
        // A host of this process logs in nowhere.
        #expect(bench.sense(.testUnitReady) == 0)
    }

    @Test func inquiryAndReportLUNsLeaveItAndRequestSenseTellsIt() throws {
        let bench = try Bench()
        let host = bench.initiators(1)[0]
        bench.target.nexusEstablished(host)
        #expect(bench.sense(.inquiry(), from: host) == 0)
        #expect(bench.sense(.reportLUNs(allocationLength: 64), from: host) == 0)
        let answer = bench.send(.requestSense(), from: host).dataIn
        #expect(answer == hex("70 00 06 00000000 0a 00000000 2900 00000000"))
        #expect(bench.sense(.testUnitReady, from: host) == 0)
        // Any other command is not carried out, whatever is wrong with it.
        bench.target.reset(lun: Bench.a, by: nil)
        #expect(bench.sense(CDB([0xFF]), from: host) == 0x062903)
        #expect(bench.sense(CDB([0xFF]), from: host) == 0x052000)
        bench.target.resetTarget()
        let write = CDB.write16(lba: 0, blocks: 1)
        #expect(bench.sense(write, dataOut: sectors(1), from: host) == 0x062902)
        #expect(bench.read(lba: 0, blocks: 1) == sectors(0))
    }

    @Test func theListOfLUNsHasChangedUntilItIsRead() throws {
        let bench = try Bench()
        let hosts = bench.initiators(2)
        bench.target.allow(hosts[0].initiator, Bench.foreign)
        #expect(bench.sense(.testUnitReady, to: Bench.b, from: hosts[0]) == 0x063F0E)
        #expect(bench.sense(.reportLUNs(allocationLength: 64), from: hosts[0]) == 0)
        #expect(bench.sense(.testUnitReady, from: hosts[0]) == 0)
        #expect(bench.sense(.testUnitReady, from: hosts[1]) == 0)
        bench.target.deny(hosts[0].initiator, Bench.foreign)
        #expect(bench.sense(.testUnitReady, from: hosts[0]) == 0x063F0E)
        bench.target.conceal(Bench.b)
        #expect(bench.sense(.testUnitReady, from: hosts[1]) == 0x063F0E)
        // What is so already tells nobody anything.
        bench.target.allow(hosts[1].initiator, Bench.a)
        bench.target.expose(bench.luns[0].identifier, as: Bench.a)
        #expect(bench.sense(.testUnitReady, from: hosts[1]) == 0)
    }

    @Test(arguments: [false, true]) func aChangedCapacityIsToldToAll(isAnnounced: Bool) throws {
        let bench = try Bench()
        let hosts = bench.initiators(2)
        try bench.target.pool.resizeLUN(bench.luns[0].identifier, sizeBytes: 2 << 20)
        if isAnnounced { bench.target.lunChanged(bench.luns[0].identifier) }
        for host in hosts {
            #expect(bench.sense(.testUnitReady, from: host) == 0x062A09)
            #expect(Capacity(bench.send(.readCapacity16, from: host).dataIn)?.blocks == 4096)
        }
    }

    @Test func theSoftThresholdIsToldOncePerCrossingAndInitiator() throws {
        let bench = try Bench()
        let hosts = bench.initiators(2)
        let pool = bench.target.pool
        try pool.setSoftThreshold(bench.luns[1].identifier, usedBytes: 2 << 20)
        let list = UnmapList.encode([BlockRange(lba: 0, blocks: 8192)])
        for round in 0..<2 {
            #expect(bench.write(sectors(1, 4096), lba: 0, to: Bench.b) == .good)
            for host in hosts {
                let read = CDB.read16(lba: 0, blocks: 1)
                #expect(bench.sense(read, to: Bench.b, from: host) == 0x063807, "round \(round)")
                #expect(bench.sense(read, to: Bench.b, from: host) == 0)
            }
            bench.hush(bench.nexus, Bench.b)
            // Whoever comes later has missed it.
            let late = Nexus(initiator: hosts[0].initiator, initiatorSession: UInt64(round) + 77)
            #expect(bench.sense(.testUnitReady, to: Bench.b, from: late) == 0)
            #expect(bench.sense(.unmap(parameterListLength: UInt16(list.count)), to: Bench.b, dataOut: list) == 0)
        }
        let page = bench.send(CDB([0x1A, 0x08, 0x1C, 0x02, 255]), to: Bench.b).dataIn
        #expect(Array(page.suffix(8)) == hex("81 02 0000 00000000"))
    }

    @Test func aLUNThatHasGrownIsReadToItsNewEnd() throws {
        let bench = try Bench()
        #expect(bench.sense(.read16(lba: 2048, blocks: 1)) == 0x052100)
        try bench.target.pool.resizeLUN(bench.luns[0].identifier, sizeBytes: 2 << 20)
        #expect(bench.sense(.read16(lba: 2048, blocks: 1)) == 0)
        try bench.target.pool.resizeLUN(bench.luns[0].identifier, sizeBytes: 1 << 19)
        bench.hush(bench.nexus)
        #expect(bench.sense(.read16(lba: 1024, blocks: 1)) == 0x052100)
    }

    @Test func whatALUNIsAndHoldsCanChange() throws {
        let bench = try Bench()
        let host = bench.initiators(1)[0]
        let identifier = bench.luns[0].identifier
        bench.target.expose(identifier, as: Bench.a, options: UnitOptions(isReadOnly: true))
        #expect(bench.sense(.testUnitReady, from: host) == 0x063F03)
        bench.target.lunChanged(identifier, hasOtherContents: true)
        #expect(bench.sense(.testUnitReady, from: host) == 0x062800)
        bench.target.lunChanged(identifier)
        #expect(bench.sense(.testUnitReady, from: host) == 0)
    }

    @Test func aSessionThatEndsTakesItsConditionsAlong() throws {
        let bench = try Bench()
        let host = bench.initiators(1)[0]
        bench.target.reset(lun: Bench.a, by: nil)
        bench.target.nexusLost(host)
        #expect(bench.sense(.testUnitReady, from: host) == 0)
    }

    @Test func aResetWaitsForWhatIsUnderWay() throws {
        let bench = try Bench()
        let host = bench.initiators(1)[0]
        let path = try #require(bench.target.path(Bench.a, host))
        path.enter()
        let hasReset = Mutex(false)
        let resetting = try started {
            bench.target.reset(lun: Bench.a, by: nil)
            hasReset.withLock { $0 = true }
        }
        while path.abortGeneration == 0 {}
        #expect(!hasReset.withLock { $0 })
        path.leave()
        resetting.join()
        #expect(hasReset.withLock { $0 })
    }

    @Test func aCancelledCopyStopsBetweenSegments() throws {
        let bench = try Bench()
        let segments = (0..<4).map { index in
            CopySegment(source: 0, sourceLBA: 0, destination: 1, destinationLBA: UInt64(index) * 8, bytes: 4096)
        }
        #expect(bench.write(sectors(3, 8), lba: 0) == .good)
        let list = ExtendedCopyList(
            listIdentifier: 4, usage: .hold, devices: bench.luns.prefix(2).map { CopyDevice($0.worldWideName) },
            segments: segments
        ).encoded
        let asked = Mutex(0)
        let (completion, ticket) = list.withUnsafeBytes { bytes in
            bench.target.start(
                .extendedCopy(parameterListLength: UInt32(list.count)), lun: Bench.a, from: bench.nexus, dataOut: bytes,
                dataIn: UnsafeMutableRawBufferPointer(start: nil, count: 0),
                isCancelled: {
                    asked.withLock { count in
                        count += 1
                        return count > 2
                    }
                })
        }
        try bench.target.pool.wait(for: ticket)
        #expect(completion.status == .taskAborted)
        #expect(bench.read(lba: 0, blocks: 24, from: Bench.b) == sectors(3, 16) + sectors(0, 8))
        #expect(bench.send(.receiveCopyStatus(listIdentifier: 4)).dataIn == hex("00000008 02 0002 01 00000008"))
    }
}
