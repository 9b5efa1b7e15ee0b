import API
import Domain
import HTTP
import NetworkPolicy
import Services

/// Lets the interface ask the policy tree.
///
/// Reading takes the privilege `System.Read` on the root folder, changing `Network.Config`.
struct NetworkPolicyAdapter: NetworkPolicyResponder {
    let product: Product
    private let tree: NetworkPolicyTree

    init(product: Product) {
        self.product = product
        tree = NetworkPolicyTree(store: product.store)
    }

    private static let changing = PrivilegeSet(ids: ["Network.Config"])

    func allows(_ principal: Principal, changes: Bool) -> Bool {
        let inventory = product.store.snapshot
        return product.authorization.access(of: principal.user, in: inventory).may(
            changes ? Self.changing : .read, on: ManagedObject(Folder.root), in: inventory)
    }

    func read(_ path: String, _ parameters: [String: String]) -> NetworkPolicyAnswer {
        do throws(PolicyError) {
            return NetworkPolicyAnswer(status: 200, body: PolicyText.write(.object(try tree.read(path, parameters))))
        } catch {
            return error.answer
        }
    }

    func change(
        _ method: Method, _ path: String, _ parameters: [String: String], body: [UInt8], overwrites: Bool, by call: Call
    ) async -> NetworkPolicyAnswer {
        let change: NetworkPolicyTree.Change
        if method == .delete {
            change = .delete
        } else {
            let value: PolicyValue
            do throws(PolicyTextError) {
                value = try PolicyText.parse(body)
            } catch {
                return PolicyError.malformed.answer
            }
            change = method == .put ? .put(value) : .patch(value, checksRevision: parameters["enforce_revision_check"] == "true")
        }
        do throws(Fault) {
            switch try await tree.change(path, change, overwrites: overwrites, by: call) {
            case .failure(let error): return error.answer
            case .success(let object):
                guard method == .put, let object else { return NetworkPolicyAnswer(status: 200, body: []) }
                return NetworkPolicyAnswer(status: 200, body: PolicyText.write(.object(object)))
            }
        } catch {
            return PolicyError(503, 607, error.messages.first?.defaultMessage ?? "").answer
        }
    }
}

extension PolicyError {
    /// The error as NSX writes it; the name of the status is that of its enumeration.
    var answer: NetworkPolicyAnswer {
        let names = [400: "BAD_REQUEST", 403: "FORBIDDEN", 404: "NOT_FOUND", 409: "CONFLICT", 412: "PRECONDITION_FAILED"]
        let fields = PolicyFields([
            ("httpStatus", .string(names[status] ?? "SERVICE_UNAVAILABLE")), ("error_code", .integer(Int64(code))),
            ("module_name", "policy"), ("error_message", .string(message)), ("details", .string(message)),
        ])
        return NetworkPolicyAnswer(status: status, body: PolicyText.write(.object(fields)))
    }
}
