import StorageArray
import Synchronization

/// The array as a SCSI target: executes commands of initiators on the LUNs of a pool.
///
/// A LUN of the pool is exposed under a number and reached only by the initiators that are allowed to; to others it is
/// not there, also not as an end of a copy. Blocks are of 512 bytes; caches write through.
public final class ArrayTarget: SCSITarget {
    /// Bytes of a logical block.
    public static let blockBytes = 512

    struct State {
        var units: [LUNIdentifier: LogicalUnit] = [:]
        var exposed: [UInt16: LogicalUnit] = [:]
        var allowed: [String: Set<UInt16>] = [:]
        var paths: [PathKey: UnitPath] = [:]
        var copies = CopyResults()
    }

    struct PathKey: Hashable {
        let nexus: Nexus
        let lun: UInt16
    }

    public let pool: StoragePool
    let state = Mutex(State())

    /// How fast SANITIZE overwrites, so that other LUNs keep most of the device.
    let overwriteBytesPerSecond: Int

    public init(pool: StoragePool, overwriteBytesPerSecond: Int = 128 << 20) {
        self.pool = pool
        self.overwriteBytesPerSecond = overwriteBytesPerSecond
    }

    // MARK: Who sees what

    /// Gives a LUN of the pool its number for initiators; replaces what had the number.
    ///
    /// - Parameters:
    ///   - lun: 0 to 16383, the numbers that fit the flat addressing of SAM-5 §4.7.
    ///   - options: of the LUN, whatever number it is reached by.
    public func expose(_ identifier: LUNIdentifier, as lun: UInt16, options: UnitOptions = UnitOptions()) {
        precondition(lun < 0x4000, "LUN numbers have 14 bits")
        let new = makeUnit(identifier, options)
        state.withLock { state in
            let unit = state.units[identifier] ?? new
            state.units[identifier] = unit
            let isChanged = unit.change { unit in
                defer { unit.options = options }
                return unit.options != options
            }
            if isChanged {
                for path in state.paths.values where path.unit === unit { path.establish(.inquiryDataChanged) }
            }
            guard state.exposed[lun] !== unit else { return }
            state.remove(lun)
            state.exposed[lun] = unit
            state.tellInitiators(of: lun)
        }
    }

    /// The unit as it was when power was lost, or a new one.
    private func makeUnit(_ identifier: LUNIdentifier, _ options: UnitOptions) -> LogicalUnit {
        do throws(ArrayError) {
            let information = try pool.information(identifier)
            let record = UnitRecord(encoded: try pool.reservations(identifier))
            return LogicalUnit(identifier, information, options: options, record: record)
        } catch {
            // A LUN that the pool does not know answers no command, so it has nothing to remember either.
            let record = error == .noSuchLUN ? UnitRecord() : nil
            return LogicalUnit(identifier, nil, options: options, record: record)
        }
    }

    /// Takes the number away from whatever LUN has it, and with it everybody's access.
    public func conceal(_ lun: UInt16) {
        state.withLock { state in
            state.tellInitiators(of: lun)
            state.remove(lun)
            for initiator in state.allowed.keys { state.allowed[initiator]?.remove(lun) }
        }
    }

    public func allow(_ initiator: String, _ lun: UInt16) {
        state.withLock { state in
            guard state.allowed[initiator, default: []].insert(lun).inserted else { return }
            state.tell(initiator, .reportedLUNsChanged)
        }
    }

    public func deny(_ initiator: String, _ lun: UInt16) {
        state.withLock { state in
            guard state.allowed[initiator]?.remove(lun) != nil else { return }
            state.paths = state.paths.filter { $0.key.lun != lun || $0.key.nexus.initiator != initiator }
            state.tell(initiator, .reportedLUNsChanged)
        }
    }

    /// Numbers of the LUNs that an initiator may see, in order.
    public func visibleLUNs(to initiator: String) -> [UInt16] {
        state.withLock { $0.visibleLUNs(to: initiator) }
    }

    /// To be called after a LUN was resized or otherwise changed: initiators hear of it with their next command.
    ///
    /// A change that nobody tells is found by the first command that asks for the LUN's capacity or whether it is ready.
    ///
    /// - Parameter hasOtherContents: it went back to a snapshot, for example.
    public func lunChanged(_ identifier: LUNIdentifier, hasOtherContents: Bool = false) {
        guard let unit = state.withLock({ $0.units[identifier] }) else { return }
        refresh(unit)
        if hasOtherContents { tell(unit, .mediumMayHaveChanged) }
    }

    /// - Returns: whether the LUN is there.
    @discardableResult
    func refresh(_ unit: LogicalUnit) -> Bool {
        do throws(Sense) {
            if try unit.refresh(from: pool) { tell(unit, .capacityChanged) }
            return true
        } catch { return false }
    }
}

extension ArrayTarget.State {
    func visibleLUNs(to initiator: String) -> [UInt16] {
        (allowed[initiator] ?? []).filter { exposed[$0] != nil }.sorted()
    }

    /// Forgets a number, and the unit behind it if it has no other.
    fileprivate mutating func remove(_ lun: UInt16) {
        guard let unit = exposed.removeValue(forKey: lun) else { return }
        paths = paths.filter { $0.key.lun != lun }
        if !exposed.values.contains(where: { $0 === unit }) { units[unit.identifier] = nil }
    }

    func tell(_ initiator: String, _ attention: UnitAttention) {
        for path in paths.values where path.nexus.initiator == initiator { path.establish(attention) }
    }

    fileprivate func tellInitiators(of lun: UInt16) {
        for path in paths.values where path.lun != lun && allowed[path.nexus.initiator]?.contains(lun) == true {
            path.establish(.reportedLUNsChanged)
        }
    }
}
