import COpenSSL
import Platform
import Synchronization

/// The keys that session tickets are sealed with: a present one and its predecessor.
///
/// A key seals for 12 hours and opens for 24, so that what was recorded cannot be read with a key stolen a day later.
/// The keys outlive a reload of certificates. Source: RFC 5077 §5.5, RFC 8446 §4.6.1.
public final class TicketKeys: Sendable {
    private struct State {
        var present: copenssl_ticket_key
        var previous: copenssl_ticket_key?
        var presentSince: UInt64
    }

    private let state: Mutex<State>
    private let world: World
    private let lifetimeNanoseconds: UInt64

    public init(world: World, lifetimeNanoseconds: UInt64 = 12 * 3600 * 1_000_000_000) {
        self.world = world
        self.lifetimeNanoseconds = lifetimeNanoseconds
        state = Mutex(
            State(present: TicketKeys.make(world.randomness), previous: nil, presentSince: world.clock.monotonicNanoseconds))
    }

    /// Makes a new present key at once; tickets of the one before the last are refused from now on.
    public func rotate() {
        let now = world.clock.monotonicNanoseconds
        state.withLock { replace(&$0, at: now) }
    }

    /// Answers OpenSSL; see `copenssl_find_ticket_key`.
    func find(_ name: UnsafePointer<UInt8>?, into key: UnsafeMutablePointer<copenssl_ticket_key>) -> Int32 {
        let now = world.clock.monotonicNanoseconds
        return state.withLock { state in
            let age = now - state.presentSince
            if age >= lifetimeNanoseconds { replace(&state, at: now) }
            if age >= 2 * lifetimeNanoseconds { state.previous = nil }
            guard let name else {
                key.pointee = state.present
                return 1
            }
            if TicketKeys.matches(state.present, name) {
                key.pointee = state.present
                return 1
            }
            guard let previous = state.previous, TicketKeys.matches(previous, name) else { return 0 }
            key.pointee = previous
            return 2
        }
    }

    private func replace(_ state: inout State, at now: UInt64) {
        state.previous = state.present
        state.present = TicketKeys.make(world.randomness)
        state.presentSince = now
    }

    private static func make(_ randomness: any Randomness) -> copenssl_ticket_key {
        var key = copenssl_ticket_key()
        withUnsafeMutableBytes(of: &key) { randomness.fill($0) }
        return key
    }

    private static func matches(_ key: copenssl_ticket_key, _ name: UnsafePointer<UInt8>) -> Bool {
        withUnsafeBytes(of: key.name) { own in own.elementsEqual(UnsafeRawBufferPointer(start: name, count: 16)) }
    }
}
