import ContractTypes
import Coordination
import Domain
import Persistence
import StorageArray

/// `com.viaduct.array.pool`: the one pool of the array.
struct ArrayPools: ArrayPoolService {
    /// Its identifier; a pool is told from that of another array by its identity.
    static let only = "pool-1"

    let engine: WorkflowEngine
    let array: ArrayAdministration

    func list(call: Call) throws(Fault) -> [ViaductArrayPoolSummary] {
        let usage = array.pool.usage
        return [
            ViaductArrayPoolSummary(
                pool: Self.only, capacity: Int64(clamping: usage.capacityBytes), used: Int64(clamping: usage.dataBytes),
                available: Int64(clamping: usage.availableBytes))
        ]
    }

    func get(pool: String, call: Call) throws(Fault) -> ViaductArrayPoolInfo {
        try Self.check(pool)
        let (usage, luns) = (array.pool.usage, array.pool.luns)
        return ViaductArrayPoolInfo(
            identity: array.pool.identity.hexadecimal, capacity: Int64(clamping: usage.capacityBytes),
            used: Int64(clamping: usage.dataBytes), metadata: Int64(clamping: usage.metadataBytes),
            available: Int64(clamping: usage.availableBytes),
            provisioned: luns.reduce(0) { $0 + Int64(clamping: $1.sizeBytes) },
            luns: Int64(luns.count),
            softThreshold: try array.softThreshold(nil).map { Int64(clamping: $0) }, deviceFull: usage.isDeviceFull,
            stopped: usage.isStopped, flushes: ViaductArrayLunStatisticsLatency(usage.flushes))
    }

    func update(pool: String, spec: ViaductArrayPoolUpdateSpec, call: Call) async throws(Fault) {
        try Self.check(pool)
        guard let threshold = spec.softThreshold else { return }
        _ = try await engine.run(UpdatePool(softThreshold: try ArrayLUNs.threshold(threshold)), by: call)
    }

    func scrub(pool: String, call: Call) async throws(Fault) -> ViaductArrayPoolScrubResult {
        try Self.check(pool)
        guard let findings = try await engine.run(ScrubPool(), by: call).findings else { throw .poolNotFound(pool) }
        return ViaductArrayPoolScrubResult(findings)
    }

    func scrubTask(pool: String, call: Call) async throws(Fault) -> String {
        try Self.check(pool)
        return try await engine.start(ScrubPool(), by: call).rawValue
    }

    static func check(_ pool: String) throws(Fault) {
        guard pool == only else { throw .poolNotFound(pool) }
    }
}

extension PoolIdentity {
    /// 32 digits, the same for the life of the pool.
    public var hexadecimal: String {
        [high, low].map { value in
            let digits = String(value, radix: 16)
            return String(repeating: "0", count: 16 - digits.utf8.count) + digits
        }.joined()
    }
}
