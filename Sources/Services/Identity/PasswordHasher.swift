import Cryptography
import Domain
import Platform
import Synchronization

/// Hashes passwords on threads of its own: at most one per thread at once, and only so many waiting.
public final class PasswordHasher: Sendable {
    private let pool: WorkerPool
    private let randomness: any Randomness
    /// Of new hashes.
    public let method: PasswordHash.Method
    /// Compared with where there is nothing to compare with, so that the answer takes as long.
    private let decoy: PasswordHash
    private let count = Atomic<Int>(0)

    /// - Parameter pool: as many threads as hashes may be in work; its queue bound is how many may wait.
    /// - Throws: `internal_server_error` if hashing does not work.
    public init(pool: WorkerPool, randomness: any Randomness, method: PasswordHash.Method = .standard) throws(Fault) {
        self.pool = pool
        self.randomness = randomness
        self.method = method
        do {
            decoy = try PasswordHash(of: randomness.token(), by: method, randomness: randomness)
        } catch {
            throw .internalError("\(error)")
        }
    }

    /// How many hashes were computed: what a refusal costs must not depend on its reason.
    public var evaluations: Int { count.load(ordering: .relaxed) }

    /// Whether a password is the stored one; costs one hash in any case.
    ///
    /// - Parameter stored: a PHC string; `nil`, or a text that is none, never matches.
    /// - Throws: `service_unavailable` when too many wait.
    func matches(_ password: String, _ stored: String?) async throws(Fault) -> Bool {
        let known = stored.flatMap { PasswordHash(text: $0) }
        let hash = known ?? decoy
        let isEqual = try await run { () throws(CryptographyError) in try hash.matches(password) }
        return isEqual && known != nil
    }

    /// Whether the price of a stored hash is not the one of today.
    func isOutdated(_ stored: String) -> Bool { PasswordHash(text: stored)?.needsRehash(to: method) ?? true }

    /// - Returns: a PHC string.
    func hash(_ password: String) async throws(Fault) -> String {
        let (method, randomness) = (method, randomness)
        return try await run { () throws(CryptographyError) in
            try PasswordHash(of: password, by: method, randomness: randomness).text
        }
    }

    private func run<Success: Sendable>(
        _ work: @escaping @Sendable () throws(CryptographyError) -> Success
    ) async throws(Fault) -> Success {
        let result: Success?
        do {
            result = try await pool.runIfRoom { [self] () throws(CryptographyError) -> Success in
                count.add(1, ordering: .relaxed)
                return try work()
            }
        } catch {
            throw .internalError("\(error)")
        }
        guard let result else { throw .tooManyLogins }
        return result
    }
}

extension Fault {
    static let tooManyLogins = Fault(
        .serviceUnavailable, id: "com.viaduct.session.too_many_logins", "Too many logins are waiting. Try again later.")
}
