/// What a tenant consumes and a limit can stand on. Raw value: the name on the wire, with the unit.
public enum QuotaDimension: String, Sendable, Codable, CaseIterable {
    case machines = "vms"
    case cpu = "cpu_mhz"
    case memory = "mem_mb"
    case storage = "storage_mb"
    case nics = "vnics"
}

/// One number per dimension. Units: as the names of the dimensions say.
public struct TenancyAmounts: Sendable, Codable, Hashable {
    public var machines: Int64
    public var cpu: Int64
    public var memory: Int64
    public var storage: Int64
    public var nics: Int64

    public init(machines: Int64 = 0, cpu: Int64 = 0, memory: Int64 = 0, storage: Int64 = 0, nics: Int64 = 0) {
        self.machines = machines
        self.cpu = cpu
        self.memory = memory
        self.storage = storage
        self.nics = nics
    }

    public static let none = TenancyAmounts()
    /// As limits: none in any dimension.
    public static let unlimited = TenancyAmounts(machines: -1, cpu: -1, memory: -1, storage: -1, nics: -1)

    public subscript(dimension: QuotaDimension) -> Int64 {
        get {
            switch dimension {
            case .machines: machines
            case .cpu: cpu
            case .memory: memory
            case .storage: storage
            case .nics: nics
            }
        }
        set {
            switch dimension {
            case .machines: machines = newValue
            case .cpu: cpu = newValue
            case .memory: memory = newValue
            case .storage: storage = newValue
            case .nics: nics = newValue
            }
        }
    }

    public static func + (left: Self, right: Self) -> Self {
        TenancyAmounts(
            machines: left.machines + right.machines, cpu: left.cpu + right.cpu, memory: left.memory + right.memory,
            storage: left.storage + right.storage, nics: left.nics + right.nics)
    }

    public static func - (left: Self, right: Self) -> Self {
        TenancyAmounts(
            machines: left.machines - right.machines, cpu: left.cpu - right.cpu, memory: left.memory - right.memory,
            storage: left.storage - right.storage, nics: left.nics - right.nics)
    }

    /// Every dimension with its number, for people.
    public var listing: String { QuotaDimension.allCases.map { "\($0.rawValue) \(self[$0])" }.joined(separator: ", ") }

    /// Whether any dimension is above zero.
    public var grows: Bool { machines > 0 || cpu > 0 || memory > 0 || storage > 0 || nics > 0 }
}

/// A limit that a request does not fit under.
public struct QuotaViolation: Sendable, Equatable {
    public let dimension: QuotaDimension
    public let limit: Int64
    public let used: Int64
    /// Of work that is under way.
    public let claimed: Int64
    public let requested: Int64
    /// 0 where more is in use than the limit.
    public let available: Int64
    /// Identifier of the virtual datacenter or tenant whose limit it is.
    public let scope: String
}

/// Decides whether more may be consumed, from sums that are kept: the cost does not depend on how much there is.
public enum QuotaAdmission {
    /// One level of the hierarchy.
    public struct Level: Sendable {
        public let scope: String
        /// -1 is no limit, 0 nothing at all.
        public let limits: TenancyAmounts
        public let used: TenancyAmounts
        public let claimed: TenancyAmounts

        public init(scope: String, limits: TenancyAmounts, used: TenancyAmounts, claimed: TenancyAmounts) {
            self.scope = scope
            self.limits = limits
            self.used = used
            self.claimed = claimed
        }
    }

    /// Every limit that the request breaks, at every level; empty if it is admitted.
    ///
    /// - Parameter requested: the change of what is charged. A dimension that does not grow is never refused, so that a
    ///   machine above a lowered limit can still be stopped or made smaller.
    public static func violations(_ requested: TenancyAmounts, at levels: [Level]) -> [QuotaViolation] {
        guard requested.grows else { return [] }
        var found: [QuotaViolation] = []
        for level in levels {
            for dimension in QuotaDimension.allCases {
                let (limit, wanted) = (level.limits[dimension], requested[dimension])
                guard limit >= 0, wanted > 0 else { continue }
                let (used, claimed) = (level.used[dimension], level.claimed[dimension])
                let available = max(0, limit - used - claimed)
                guard wanted > available else { continue }
                found.append(
                    QuotaViolation(
                        dimension: dimension, limit: limit, used: used, claimed: claimed, requested: wanted,
                        available: available, scope: level.scope))
            }
        }
        return found
    }
}
