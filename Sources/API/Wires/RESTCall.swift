import Contract
import Domain
import HTTP

// From a request that has found its operation to the call. Plain functions with the parts as parameters: gathered in a
// value, the parts would be retained and released once more for every request.
extension APIApplication {
    /// Finds out who calls and goes on.
    func start(
        _ entry: OperationEntry, _ route: CompiledRoute, _ variables: [String], _ request: Request, _ exchange: Exchange,
        as shape: some Presentation
    ) -> Step {
        switch authenticator.judge(request.head, rule: entry.operation.authentication, at: exchange.receivedAt) {
        case .anyone: return call(entry, route, variables, request, exchange, by: nil, as: shape)
        case .accepted(let principal): return call(entry, route, variables, request, exchange, by: principal, as: shape)
        case .refused(let reason): return .now(turnAway(reason, entry, request.head, exchange, as: shape))
        case .check(let credentials):
            return .later { [self] in
                do throws(Fault) {
                    let principal = try await authenticator.check(credentials, for: entry.call(from: request.head, .password, in: exchange))
                    return await call(entry, route, variables, request, exchange, by: principal, as: shape).finished()
                } catch {
                    return refusal(error, of: entry, as: shape)
                }
            }
        }
    }

    private func call(
        _ entry: OperationEntry, _ route: CompiledRoute, _ variables: [String], _ request: Request, _ exchange: Exchange,
        by principal: Principal?, as shape: some Presentation
    ) -> Step {
        guard Self.hasReadableBody(request, for: route) else {
            var outcome = refusal(StandardFault.unsupportedMediaType, of: entry, by: principal, as: shape)
            outcome.status = 415
            return unreadable(outcome, StandardFault.unsupportedMediaType, entry, by: principal, from: request.head, in: exchange)
        }
        do throws(Fault) {
            let input = try Self.input(route, shape.wire, variables, request)
            return perform(entry, input: input, by: principal, from: request.head, in: exchange, as: shape)
        } catch {
            let outcome = refusal(error, of: entry, by: principal, as: shape)
            return unreadable(outcome, error, entry, by: principal, from: request.head, in: exchange)
        }
    }

    /// By itself, so that whoever is let in does not pay for the making of a call.
    @inline(never)
    private func turnAway(
        _ reason: AuthenticationRefusal, _ entry: OperationEntry, _ head: RequestHead, _ exchange: Exchange, as shape: some Presentation
    ) -> Outcome {
        refusal(authenticator.refuse(reason, entry.call(from: head, nil, in: exchange)), of: entry, as: shape)
    }

    private func refusal(
        _ fault: Fault, of entry: OperationEntry, by principal: Principal? = nil, as shape: some Presentation
    ) -> Outcome {
        var outcome = shape.failure(fault)
        outcome.user = principal?.user
        outcome.operation = entry.fullName
        return outcome
    }

    /// A body has to say that it is JSON where the operation reads one. Login sends empty ones of any type.
    private static func hasReadableBody(_ request: Request, for route: CompiledRoute) -> Bool {
        guard case .bytes(let body) = request.body, !body.isEmpty, route.route.body != .none else { return true }
        return MediaType.isJSON(request.head.value("content-type"))
    }

    private static func input(
        _ route: CompiledRoute, _ wire: Wire, _ variables: [String], _ request: Request
    ) throws(Fault) -> OperationInput {
        let body: [UInt8] = if case .bytes(let bytes) = request.body { bytes } else { [] }
        var query: [(name: String, value: String)] = []
        if !request.head.query.isEmpty {
            do throws(QueryError) {
                for item in try QueryItems.all(request.head.query) { query.append((item.name, item.value)) }
            } catch {
                throw StandardFault.malformedQuery
            }
        } else if body.isEmpty {
            return try OperationInput(path: route.pathVariables, texts: variables)
        }
        return try OperationInput(route: route.route, wire: wire, variables: variables, query: query, body: body)
    }
}

/// Source: RFC 9110 §8.3.
enum MediaType {
    /// Whether a `Content-Type` is JSON, whatever its parameters.
    static func isJSON(_ field: ArraySlice<UInt8>?) -> Bool {
        guard let field else { return false }
        let end = field.firstIndex { $0 == UInt8(ascii: ";") || $0 == UInt8(ascii: " ") } ?? field.endIndex
        return field[field.startIndex..<end].elementsEqual("application/json".utf8) { byte, expected in
            byte == expected || (expected != UInt8(ascii: "/") && byte | 0x20 == expected)
        }
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
