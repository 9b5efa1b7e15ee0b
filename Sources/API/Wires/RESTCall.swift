import Contract
import Domain
import HTTP

/// One request on `/api` or `/rest` that has found its operation.
struct RESTCall<Shape: Presentation>: Sendable {
    let application: APIApplication
    let entry: OperationEntry
    let route: CompiledRoute
    let path: PathSegments
    let request: Request
    let exchange: Exchange
    let shape: Shape

    func start() -> Step {
        let authenticator = application.authenticator
        switch authenticator.judge(request.head, rule: entry.operation.authentication, at: exchange.receivedAt) {
        case .anyone: return run(nil)
        case .accepted(let principal): return run(principal)
        case .refused: return .now(refusal(StandardFault.unauthenticated))
        case .check(let credentials):
            return .later {
                do throws(Fault) {
                    let principal = try await authenticator.check(credentials, in: exchange)
                    return await run(principal).finished()
                } catch {
                    return refusal(error)
                }
            }
        }
    }

    private func run(_ principal: Principal?) -> Step {
        guard hasReadableBody else {
            return .now(refusal(StandardFault.unsupportedMediaType, user: principal?.user, status: 415))
        }
        do throws(Fault) {
            let input = try input()
            return application.perform(entry, input: input, by: principal, in: exchange, as: shape)
        } catch {
            return .now(refusal(error, user: principal?.user))
        }
    }

    private func refusal(_ fault: Fault, user: String? = nil, status: Int? = nil) -> Outcome {
        var outcome = shape.failure(fault)
        outcome.status = status ?? outcome.status
        outcome.user = user
        outcome.operation = entry.fullName
        return outcome
    }

    /// A body has to say that it is JSON where the operation reads one. Login sends empty ones of any type.
    private var hasReadableBody: Bool {
        guard case .bytes(let body) = request.body, !body.isEmpty, route.route.body != .none else { return true }
        return MediaType.isJSON(request.head.value("content-type"))
    }

    private func input() throws(Fault) -> OperationInput {
        var variables: [String] = []
        if !route.variables.isEmpty {
            variables.reserveCapacity(route.variables.count)
            for variable in route.variables { variables.append(path.text(of: variable.position + APIApplication.rootSegments)) }
        }
        var query: [(name: String, value: String)] = []
        if !request.head.query.isEmpty {
            do throws(QueryError) {
                for item in try QueryItems.all(request.head.query) { query.append((item.name, item.value)) }
            } catch {
                throw StandardFault.malformedQuery
            }
        }
        let body: [UInt8] = if case .bytes(let bytes) = request.body { bytes } else { [] }
        return try OperationInput(route: route.route, wire: shape.wire, variables: variables, query: query, body: body)
    }
}

/// Source: RFC 9110 §8.3.
enum MediaType {
    /// Whether a `Content-Type` is JSON, whatever its parameters.
    static func isJSON(_ field: ArraySlice<UInt8>?) -> Bool {
        guard let field else { return false }
        let end = field.firstIndex { $0 == UInt8(ascii: ";") || $0 == UInt8(ascii: " ") } ?? field.endIndex
        return field[field.startIndex..<end].elementsEqual("application/json".utf8) { $0 == $1 || ($0 | 0x20 == $1 && $1 != UInt8(ascii: "/")) }
    }
}

extension Step {
    func finished() async -> Outcome {
        switch self {
        case .now(let outcome): outcome
        case .later(let work): await work()
        }
    }
}
