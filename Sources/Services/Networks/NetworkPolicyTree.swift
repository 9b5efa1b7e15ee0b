import Domain
import NetworkPolicy
import Persistence

extension Inventory: PolicyObjects {
    public func object(at path: String) -> PolicyObject? { self[PolicyObject.self][Identifier(path)] }

    public func paths(in collection: String) -> [String] {
        self[PolicyObject.self].ids(by: "collection", collection).map(\.rawValue)
    }

    public func referrers(of path: String) -> [String] { self[PolicyObject.self].ids(by: "reference", path).map(\.rawValue) }
}

/// The policy tree on the durable inventory: every change is one commit with its audit entry.
public struct NetworkPolicyTree: Sendable {
    private let store: Store

    public init(store: Store) { self.store = store }

    /// What somebody wants to change.
    public enum Change: Sendable {
        case patch(PolicyValue, checksRevision: Bool)
        case put(PolicyValue)
        case delete
    }

    public func read(_ path: String, _ parameters: [String: String]) throws(PolicyError) -> PolicyFields {
        try PolicyDraft(store.snapshot).read(path, parameters)
    }

    /// Returns when the change is durable.
    ///
    /// - Parameter overwrites: whether objects of the system may be changed.
    /// - Returns: the object as it now is; `nil` if it is gone.
    public func change(
        _ path: String, _ change: Change, overwrites: Bool, by call: Call
    ) async throws(Fault) -> Result<PolicyFields?, PolicyError> {
        try await store.commit(by: call, auditing: .onlyWithFacts) { draft throws(Fault) in
            var policy = PolicyDraft(draft.inventory, user: call.user ?? "", now: draft.now, overwrites: overwrites)
            let changes: [(path: String, object: PolicyObject?)]
            do throws(PolicyError) {
                switch change {
                case .patch(let body, let checksRevision): try policy.patch(path, body, checksRevision: checksRevision)
                case .put(let body): try policy.put(path, body)
                case .delete: try policy.delete(path)
                }
                changes = try policy.finish()
            } catch {
                return .failure(error)
            }
            for (path, object) in changes {
                if let object {
                    try draft.put(object)
                } else if draft[PolicyObject.self].contains(Identifier(path)) {
                    try draft.remove(Identifier<PolicyObject>(path))
                }
                draft.audit(target: path, detail: object == nil ? "deleted" : nil)
            }
            return .success(policy.object(at: path).map { policy.presentedWhole($0) })
        }
    }
}
