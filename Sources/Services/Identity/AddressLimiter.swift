import Domain
import Synchronization

/// Counts failures per client address, for the one account that must not be locked: anybody could lock its owner out.
///
/// In memory and bounded: somebody with very many addresses makes the oldest forgotten, and is slowed down by the price of
/// a hash alone. A restart forgets all.
final class AddressLimiter: Sendable {
    private let failures = Mutex<[String: (count: LoginFailures, last: Timestamp)]>([:])
    private let limit: Int

    init(limit: Int = 4096) { self.limit = limit }

    func isLocked(_ address: String, at now: Timestamp, under policy: IdentityPolicy) -> Bool {
        failures.withLock { $0[address]?.count.isLocked(at: now, under: policy) ?? false }
    }

    func fail(_ address: String, at now: Timestamp, under policy: IdentityPolicy) {
        failures.withLock { failures in
            var entry = failures[address] ?? (LoginFailures(of: User.administrator), now)
            _ = entry.count.fail(at: now, under: policy)
            entry.last = now
            if failures[address] == nil, failures.count >= limit { Self.forgetOldest(&failures) }
            failures[address] = entry
        }
    }

    func succeed(_ address: String) { failures.withLock { $0[address] = nil } }

    /// A quarter at once, so that a flood of addresses does not look through all for each.
    private static func forgetOldest(_ failures: inout [String: (count: LoginFailures, last: Timestamp)]) {
        let times = failures.values.map(\.last).sorted()
        let bound = times[times.count / 4]
        failures = failures.filter { $0.value.last > bound }
    }

    /// What counts as one client: an IPv4 address, or the first 64 bits of an IPv6 address, of which anybody has all.
    ///
    /// - Parameter peer: as `inet_ntop` writes it; another text counts as it is.
    static func key(of peer: String) -> String {
        guard peer.contains(":") else { return peer }
        if let mapped = peer.split(separator: ":").last, mapped.contains("."), peer.hasPrefix("::ffff:") { return String(mapped) }
        let halves = peer.split(separator: "::", maxSplits: 1, omittingEmptySubsequences: false)
        let first = halves.first?.split(separator: ":").map(String.init) ?? []
        let last = halves.count > 1 ? halves[1].split(separator: ":").map(String.init) : []
        let zeros = halves.count > 1 ? max(0, 8 - first.count - last.count) : 0
        let groups = first + [String](repeating: "0", count: zeros) + last
        return groups.prefix(4).joined(separator: ":") + "::/64"
    }
}
