// What the pool keeps for others about a LUN: durable when stored, one LUN's only, gone with it.

import Platform
import Testing

@testable import StorageArray

struct ReservationTests {
    @Test func reservationsSurviveALossOfPowerAndStayWithTheirLUN() throws {
        let device = SimulatedBlockDevice()
        var pool = try StoragePool.inMemory(device)
        let lun = try pool.createLUN(name: "a", sizeBytes: 1 << 20).identifier
        let other = try pool.createLUN(name: "b", sizeBytes: 1 << 20).identifier
        #expect(try pool.reservations(lun) == [])
        for count in [1, 508, 4092, 4093, StoragePool.maximumReservationBytes, 7] {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 + count) }
            try pool.setReservations(lun, bytes)
            #expect(try pool.reservations(lun) == bytes)
            device.crash(keeping: .nothing, seed: UInt64(count))
            pool = try StoragePool.open(device)
            #expect(try pool.reservations(lun) == bytes, "\(count) bytes")
            #expect(try pool.reservations(other) == [])
            #expect(try pool.verify() == [])
        }
        #expect(try pool.reservations(pool.cloneLUN(lun, name: "c").identifier) == [])
        #expect(try pool.reservations(pool.cloneLUN(lun, name: "s", isReadOnly: true).identifier) == [])
        let used = pool.usage.dataBytes
        try pool.setReservations(lun, [])
        #expect(try pool.reservations(lun) == [])
        #expect(pool.usage.dataBytes == used - 4096)
    }

    @Test func theyGoWithTheirLUNAndNobodySeesWhereTheyLie() throws {
        let pool = try StoragePool.inMemory()
        let lun = try pool.createLUN(name: "a", sizeBytes: 1 << 20).identifier
        try pool.setReservations(lun, [1, 2, 3])
        #expect(pool.luns.map(\.identifier) == [lun])
        let hidden = LUNIdentifier.attributes
        #expect(throws: ArrayError.noSuchLUN) { try pool.information(hidden) }
        #expect(throws: ArrayError.noSuchLUN) { try pool.statistics(hidden) }
        #expect(throws: ArrayError.noSuchLUN) { try pool.deleteLUN(hidden) }
        #expect(throws: ArrayError.noSuchLUN) { try pool.resizeLUN(hidden, sizeBytes: 4096) }
        #expect(throws: ArrayError.noSuchLUN) { try pool.cloneLUN(hidden, name: "x") }
        #expect(throws: ArrayError.noSuchLUN) { try pool.setReservations(hidden, []) }
        #expect(throws: ArrayError.tooLarge) { try pool.setReservations(lun, [UInt8](repeating: 0, count: 16385)) }
        try pool.deleteLUN(lun)
        #expect(pool.usage.dataBytes == 0)
        #expect(throws: ArrayError.noSuchLUN) { try pool.reservations(lun) }
        #expect(throws: ArrayError.noSuchLUN) { try pool.setReservations(lun, [1]) }
        #expect(try pool.createLUN(name: "b", sizeBytes: 1 << 20).identifier.rawValue == lun.rawValue + 1)
        #expect(try pool.verify() == [])
    }
}
