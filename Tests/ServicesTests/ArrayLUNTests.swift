import ContractTypes
import Domain
import Persistence
import Testing

@testable import Services

// LUNs through the contract: what is made, listed, resized, cloned and deleted, who reaches them, and each refusal.

@Suite struct ArrayLUNTests {
    @Test func aNewLUNIsThereAndNobodyReachesIt() async throws {
        let lab = try await Laboratory.made()
        let peer = Peer(lab: lab)
        let id = try await lab.makeLUN("first", mebibytes: 8)
        let info = try lab.luns.get(lun: id, call: lab.call())
        #expect(info.name == "first" && info.capacity == 8 * mebibyte && info.allocated == 0 && info.type == .disk)
        #expect(info.device.hasPrefix("naa.6") && info.device.utf8.count == 36)
        #expect(!info.removable && !info.readOnly && info.online && info.physicalBlockExponent == 3)
        #expect(info.origin == nil && info.datastore == nil && info.initiators.isEmpty)
        // The number is that of the identifier, so that people meet one number only.
        #expect("lun-\(info.number)" == id)
        #expect(peer.sees.isEmpty)
        #expect(throws: Peer.Refused(key: 5, code: 0x2500)) { try peer.read(1, at: 0, of: UInt16(info.number)) }
        #expect(lab.lunDisagreements().isEmpty)
        try await lab.close()
    }

    @Test func accessIsWhatIsGivenAndEndsAtOnce() async throws {
        let lab = try await Laboratory.made()
        let (peer, other) = (Peer(lab: lab), Peer(lab: lab, initiator: "eui.02004567a425678d"))
        let (id, second) = (try await lab.makeLUN("first"), try await lab.makeLUN("second"))
        let number = try lab.number(id)
        // Upper case is taken for lower; giving access twice is the same as once.
        for _ in 0..<2 { try await lab.allow(id, "IQN.2001-04.com.Example:Host") }
        try await lab.allow(second, other.initiator)
        let secondNumber = try lab.number(second)
        #expect(peer.sees == [number] && other.sees == [secondNumber])
        #expect(try lab.access.list(lun: id, call: lab.call()).map(\.initiator) == [Peer.name])
        try peer.write(pattern(1, 4096), at: 8, of: number)
        #expect(try peer.read(8, at: 8, of: number) == pattern(1, 4096))
        #expect(try lab.luns.get(lun: id, call: lab.call()).allocated == 4096)
        #expect(throws: Peer.Refused(key: 5, code: 0x2500)) { try other.read(1, at: 0, of: number) }
        try await lab.access.delete(lun: id, initiator: Peer.name, call: lab.call())
        #expect(peer.sees.isEmpty)
        #expect(throws: Peer.Refused(key: 5, code: 0x2500)) { try peer.read(1, at: 0, of: number) }
        let again = await fault { try await lab.access.delete(lun: id, initiator: Peer.name, call: lab.call()) }
        #expect(again?.shape == "not_found com.viaduct.array.no_access")
        try await lab.close()
    }

    @Test func exposureAndAccessSurviveARestart() async throws {
        let lab = try await Laboratory.made()
        let (id, hidden) = (try await lab.makeLUN("first"), try await lab.makeLUN("hidden"))
        try await lab.allow(id)
        try Peer(lab: lab).write(pattern(2, 512), at: 3, of: lab.number(id))
        try await lab.close()
        let after = try await Laboratory.reopened(lab.medium)
        let peer = Peer(lab: after)
        #expect(peer.sees == [try after.number(id)])
        #expect(try peer.read(1, at: 3, of: after.number(id)) == pattern(2, 512))
        #expect(try after.luns.get(lun: hidden, call: after.call()).initiators.isEmpty)
        // The hosts still have their datastores, and nothing else.
        let host = try found(after.inventory[Host.self].all.first)
        #expect(after.arrayTarget.visibleLUNs(to: host.nexusName) == [1, 2])
        // Not so whoever comes over the network under such a name.
        #expect(after.arrayTarget.visibleLUNs(to: host.initiatorName).isEmpty)
        try await after.close()
    }

    @Test func aCloneHoldsWhatItsSourceHeld() async throws {
        let lab = try await Laboratory.made()
        let peer = Peer(lab: lab)
        let id = try await lab.makeLUN("source", mebibytes: 64)
        try await lab.allow(id)
        try peer.write(pattern(3, 1 << 20), at: 2048, of: lab.number(id))
        let used = lab.pool.usage.dataBytes
        let spec = ViaductArrayLunCloneSpec(source: id, name: "copy")
        let copy = try await lab.luns.clone(spec: spec, call: lab.call("clone"))
        #expect(lab.pool.usage.dataBytes == used)
        // Access is not cloned.
        #expect(peer.sees == [try lab.number(id)])
        try await lab.allow(copy)
        #expect(try peer.read(2048, at: 2048, of: lab.number(copy)) == pattern(3, 1 << 20))
        try peer.write(pattern(4, 4096), at: 2048, of: lab.number(copy))
        #expect(try peer.read(8, at: 2048, of: lab.number(id)) == pattern(3, 4096))
        let info = try lab.luns.get(lun: copy, call: lab.call())
        #expect(info.origin == id && info.allocated == 1 << 20 && info.type == .disk && info.capacity == 64 * mebibyte)
        #expect(lab.lunDisagreements().isEmpty)
        try await lab.close()
    }

    @Test func whatIsWrittenIsOnlyGivenUpOnPurpose() async throws {
        let lab = try await Laboratory.made()
        let id = try await lab.makeLUN("first", mebibytes: 16)
        func resize(_ mebibytes: Int64, discardData: Bool? = nil) async -> Fault? {
            do throws(Fault) {
                let spec = ViaductArrayLunResizeSpec(capacity: mebibytes * mebibyte, discardData: discardData)
                try await lab.luns.resize(lun: id, spec: spec, call: lab.call("resize"))
                return nil
            } catch { return error }
        }
        #expect(await resize(32) == nil)
        #expect(try lab.luns.get(lun: id, call: lab.call()).capacity == 32 * mebibyte)
        try await lab.allow(id)
        try Peer(lab: lab).write(pattern(6, 4096), at: 20 << 11, of: lab.number(id))
        #expect(await resize(24) == nil)
        let refusal = await resize(8)
        #expect(refusal?.shape == "not_allowed_in_current_state com.viaduct.array.data_beyond_end")
        #expect(await resize(8, discardData: true) == nil)
        #expect(try lab.luns.get(lun: id, call: lab.call()).capacity == 8 * mebibyte)
        try await lab.close()
    }

    @Test func aLUNInUseIsNotDeleted() async throws {
        let lab = try await Laboratory.made()
        let id = try await lab.makeLUN("first")
        try await lab.allow(id)
        func delete(_ id: String) async throws { try await lab.luns.delete(lun: id, call: lab.call("delete")) }
        #expect(await fault { try await delete(id) }?.shape == "resource_in_use com.viaduct.array.has_access")
        #expect(await fault { try await delete("lun-1") }?.shape == "resource_in_use com.viaduct.array.carries_datastore")
        try Peer(lab: lab).write(pattern(5, 1 << 20), at: 0, of: lab.number(id))
        let used = lab.pool.usage.dataBytes
        try await lab.access.delete(lun: id, initiator: Peer.name, call: lab.call())
        try await delete(id)
        #expect(used - lab.pool.usage.dataBytes == 1 << 20)
        #expect(await fault { try await delete(id) }?.shape == "not_found com.viaduct.array.lun_not_found")
        #expect(await fault { try lab.luns.get(lun: id, call: lab.call()) }?.type == .notFound)
        // Its name is free, its identifier is not given again.
        let next = try await lab.makeLUN("first")
        #expect(next != id)
        #expect(try lab.disagreements().isEmpty)
        try await lab.close()
    }

    @Test func aDatastoreIsNotPulledFromUnderItsHosts() async throws {
        let lab = try await Laboratory.made()
        let spec = ViaductArrayLunResizeSpec(capacity: 2 << 30)
        let refusal = await fault { try await lab.luns.resize(lun: "lun-1", spec: spec, call: lab.call("resize")) }
        #expect(refusal?.shape == "not_allowed_in_current_state com.viaduct.array.carries_datastore")
        #expect(refusal?.text.contains("datastore1") == true)
        #expect(try lab.luns.get(lun: "lun-1", call: lab.call()).datastore == lab.datastoreID("datastore1"))
        try await lab.close()
    }

    @Test(arguments: [
        ("", 4096, nil, "spec.name"), (String(repeating: "é", count: 65), 4096, nil, "spec.name"),
        ("a\nb", 4096, nil, "spec.name"), ("a", 0, nil, "spec.capacity"), ("a", -4096, nil, "spec.capacity"),
        ("a", 4097, nil, "spec.capacity"), ("a", 64 << 40 + 4096, nil, "spec.capacity"),
        ("a", Int64.max, nil, "spec.capacity"), ("a", 4096, 16, "spec.physical_block_exponent"),
        ("a", 4096, -1, "spec.physical_block_exponent"), ("a", 4096, 259, "spec.physical_block_exponent"),
    ] as [(String, Int64, Int64?, String)])
    func aWrongSpecificationNamesItsField(name: String, capacity: Int64, exponent: Int64?, field: String) async throws {
        let lab = try await Laboratory.made()
        let spec = ViaductArrayLunCreateSpec(name: name, capacity: capacity, physicalBlockExponent: exponent)
        let refusal = await fault { try await lab.luns.create(spec: spec, call: lab.call()) }
        #expect(refusal?.type == .invalidArgument && refusal?.messages.first?.arguments.first == field)
        #expect(lab.pool.luns.count == 2)
        try await lab.close()
    }

    @Test func namesAreUniqueInTheArray() async throws {
        let lab = try await Laboratory.made()
        try await lab.makeLUN("first")
        for name in ["first", "Lab/datastore1"] {
            let refusal = await fault { try await lab.makeLUN(name) }
            #expect(refusal?.type == .alreadyExists && refusal?.text.contains(name) == true)
        }
        let clone = ViaductArrayLunCloneSpec(source: "lun-1", name: "first")
        #expect(await fault { try await lab.luns.clone(spec: clone, call: lab.call()) }?.type == .alreadyExists)
        let missing = ViaductArrayLunCloneSpec(source: "lun-77", name: "second")
        #expect(await fault { try await lab.luns.clone(spec: missing, call: lab.call()) }?.type == .notFound)
        #expect(lab.pool.luns.count == 3 && lab.lunDisagreements().isEmpty)
        try await lab.close()
    }

    @Test func oneOfManyWithTheSameNameWins() async throws {
        let lab = try await Laboratory.made()
        let made = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    do { _ = try await lab.makeLUN("same") } catch { return false }
                    return true
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(made == 1 && lab.pool.luns.count == 3 && lab.lunDisagreements().isEmpty)
        try await lab.close()
    }

    @Test func listsFilter() async throws {
        let lab = try await Laboratory.made()
        let (a, b) = (try await lab.makeLUN("a"), try await lab.makeLUN("b"))
        try await lab.allow(b)
        func list(_ filter: ViaductArrayLunFilterSpec? = nil) throws -> [String] {
            try lab.luns.list(filter: filter, call: lab.call()).map(\.name)
        }
        #expect(try list() == ["Lab/datastore1", "Lab/datastore2", "a", "b"])
        #expect(try list(.init(luns: [a])) == ["a"])
        #expect(try list(.init(names: ["b", "c"])) == ["b"])
        #expect(try list(.init(names: [])).isEmpty)
        #expect(try list(.init(initiators: ["iqn.2001-04.com.example:HOST"])) == ["b"])
        #expect(try list(.init(datastores: [lab.datastoreID("datastore2")])) == ["Lab/datastore2"])
        #expect(try list(.init(types: [.snapshot])).isEmpty)
        let refusal = await fault { try list(.init(initiators: ["host"])) }
        #expect(refusal?.text.contains("'filter.initiators'") == true)
        try await lab.close()
    }

    @Test func thePoolTellsHowFullItIs() async throws {
        let lab = try await Laboratory.made()
        try await lab.makeLUN("big", mebibytes: 1 << 20)
        let row = try found(lab.pools.list(call: lab.call()).first)
        let info = try lab.pools.get(pool: row.pool, call: lab.call())
        #expect(info.luns == 3 && info.provisioned == (1 << 40) + (2 << 30))
        #expect(info.capacity == row.capacity && info.capacity > 15 << 30 && info.capacity < 16 << 30)
        #expect(info.used == row.used && info.used > 0 && info.available < info.capacity)
        #expect(info.identity.utf8.count == 32)
        #expect(await fault { try lab.pools.get(pool: "pool-2", call: lab.call()) }?.shape == "not_found com.viaduct.array.pool_not_found")
        try await lab.close()
    }
}

/// Which texts name an initiator, and in which form they are kept.
@Suite struct InitiatorNameTests {
    @Test(arguments: [
        "iqn.2001-04.com.example", "iqn.2001-04.com.example:storage:diskarrays-sn-a8675309", "eui.02004567a425678d",
        "naa.52004567ba64678d", "naa.62004567ba64678d0123456789abcdef", "iqn.1998-01.com.vmware:esx-1.viaduct.local",
    ])
    func names(_ text: String) throws {
        #expect(try InitiatorName(text).rawValue == text)
        #expect(try InitiatorName(text.uppercased()).rawValue == text)
    }

    @Test(arguments: [
        "", "iqn", "iqn.", "iqn.2001-04", "iqn.2001-04.", "iqn.2001-13.com.example", "iqn.2001-00.com.example",
        "iqn.201-04.com.example", "iqn.2001-04.com..example", "iqn.2001-04.com.example.", "iqn.2001-04.-com", "iqn.2001-04.com_x",
        "iqn.2001-04.com.example:a b", "iqn.2001-04.com.example:a/b", "iqn.2001-04.com.example:ä", "eui.02004567a425678",
        "eui.02004567a425678d0", "eui.02004567a425678g", "naa.52004567ba64678", "naa.52004567ba64678d0", "host", "nqn.2014-08.org",
        "iqn.2001-04.com.example:" + String(repeating: "a", count: 200),
    ])
    func otherTexts(_ text: String) {
        #expect(throws: InitiatorName.Malformed.self) { try InitiatorName(text) }
    }

    @Test func theLongestNameHas223Bytes() throws {
        let prefix = "iqn.2001-04.com.example:"
        let longest = prefix + String(repeating: "a", count: 223 - prefix.utf8.count)
        #expect(try InitiatorName(longest).rawValue == longest)
        #expect(throws: InitiatorName.Malformed.self) { try InitiatorName(longest + "a") }
    }
}
