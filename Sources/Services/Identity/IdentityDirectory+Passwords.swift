import Domain
import Persistence

/// A new password that satisfies the rules, hashed; and which one it replaces.
struct PreparedPassword: Sendable {
    let hash: String
    /// The hash that was in force when the rules were checked.
    let replaced: String?

    /// - Throws: `concurrent_change` if another password is in force by now.
    func set(on user: inout User, in draft: Draft) throws(Fault) {
        guard user.password?.hash == replaced else {
            throw Fault(
                .concurrentChange, id: "com.viaduct.identity.password_changed",
                "The password was changed by someone else meanwhile.")
        }
        let policy = draft.inventory.identityPolicy
        let earlier = (user.password.map { [$0.hash] + $0.earlierHashes } ?? []).prefix(policy.rememberedPasswords)
        user.password = StoredPassword(
            hash: hash, changedAt: draft.now, expiresAt: policy.expiry(from: draft.now), earlierHashes: Array(earlier))
        user.credentialVersion += 1
    }
}

extension IdentityDirectory {
    /// Checks a new password against policy and history, and hashes it.
    ///
    /// - Throws: `invalid_argument` with what is wrong, or if `old` is not the present password.
    func prepare(_ password: String, for user: User?, old: String?, by call: Call) async throws(Fault) -> PreparedPassword {
        let policy = store.snapshot.identityPolicy
        let weaknesses = policy.weaknesses(of: password)
        guard weaknesses.isEmpty else { throw .weakPassword(weaknesses.map(\.sentence)) }
        if let user, let old { try await confirm(old, of: user, policy, call) }
        if let present = user?.password {
            for hash in ([present.hash] + present.earlierHashes).prefix(policy.rememberedPasswords)
            where try await hasher.matches(password, hash) {
                throw .weakPassword(["The password was in use before."])
            }
        }
        return PreparedPassword(hash: try await hasher.hash(password), replaced: user?.password?.hash)
    }

    /// Whoever changes a password by knowing it is bound by the minimum age, and guesses count like logins.
    private func confirm(_ old: String, of user: User, _ policy: IdentityPolicy, _ call: Call) async throws(Fault) {
        do throws(Fault) {
            _ = try await logins.authenticate(user: user.id.rawValue, password: old, call: call)
        } catch {
            guard error.type == .unauthenticated else { throw error }
            throw .invalid("old_password", "it is not the present password")
        }
        let keptMilliseconds = call.receivedAt.milliseconds - (user.password?.changedAt.milliseconds ?? 0)
        guard keptMilliseconds >= Int64(policy.minimumDays) * 86_400_000 else {
            throw .weakPassword(["The password must be kept for at least \(policy.minimumDays) days."])
        }
    }
}

extension Fault {
    static func weakPassword(_ sentences: [String]) -> Fault {
        var fault = Fault(.invalidArgument, id: "com.viaduct.identity.password_refused", sentences.first ?? "")
        for sentence in sentences.dropFirst() {
            fault.messages.append(LocalizableMessage(id: "com.viaduct.identity.password_refused", sentence))
        }
        return fault
    }

    static func userExists(_ id: String) -> Fault {
        Fault(.alreadyExists, id: "com.viaduct.identity.exists", "There is a user or group '\(id)' already.", arguments: [id])
    }

    static func userNotFound(_ id: String) -> Fault {
        Fault(.notFound, id: "com.viaduct.identity.user.not_found", "There is no user '\(id)'.", arguments: [id])
    }

    static func groupNotFound(_ id: String) -> Fault {
        Fault(.notFound, id: "com.viaduct.identity.group.not_found", "There is no group '\(id)'.", arguments: [id])
    }

    /// What every installation has stays as it is.
    static func protectedIdentity(_ id: String) -> Fault {
        Fault(
            .invalidArgument, id: "com.viaduct.identity.protected", "'\(id)' is predefined: this cannot be done to it.",
            arguments: [id])
    }
}
