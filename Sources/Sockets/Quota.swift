import CLinux
import Synchronization

/// How many connections there may be: in all, and from one address.
public final class ConnectionQuota: Sendable {
    public let total: Int
    public let perAddress: Int
    private let state = Mutex(State())

    private struct State {
        var total = 0
        var counts: [QuotaKey: Int] = [:]
    }

    /// - Parameters:
    ///   - total: connections in all.
    ///   - perAddress: connections from one IPv4 address or IPv6 /64.
    public init(total: Int, perAddress: Int = 2000) {
        self.total = total
        self.perAddress = perAddress
    }

    /// What the limit of descriptors allows, keeping some for files and peers: a tenth, at least 64, at most 1,024.
    public static func totalFromDescriptorLimit() -> Int {
        let limit = Int(clamping: clinux_raise_descriptor_limit())
        return max(16, limit - min(max(limit / 10, 64), 1024))
    }

    public var count: Int { state.withLock { $0.total } }

    /// - Returns: whether one more may come. If so, `release` has to follow.
    public func admit(_ address: SocketAddress) -> Bool {
        state.withLock { state in
            guard state.total < total else { return false }
            let count = state.counts[address.quotaKey, default: 0]
            guard count < perAddress else { return false }
            state.counts[address.quotaKey] = count + 1
            state.total += 1
            return true
        }
    }

    public func release(_ address: SocketAddress) {
        state.withLock { state in
            state.total -= 1
            let count = state.counts[address.quotaKey, default: 1] - 1
            state.counts[address.quotaKey] = count > 0 ? count : nil
        }
    }
}
