import Contract
import Domain
import HTTP

extension APIApplication {
    /// Answers a request to `/api` itself: JSON-RPC, whose answers have status 200 whatever they say.
    func respondJSONRPC(to request: Request, in exchange: Exchange) -> Step {
        switch request.head.method {
        case .post: break
        case .options: return .now(Outcome(status: 204, fields: [ResponseField("Allow", "POST, OPTIONS")]))
        case .get, .head, .put, .patch, .delete:
            var outcome = RESTRoot.clean.failure(StandardFault.methodNotAllowed, status: 405)
            outcome.fields.append(ResponseField("Allow", "POST, OPTIONS"))
            return .now(outcome)
        }
        if let type = request.head.value("content-type"), !MediaType.isJSON(type) {
            note(.invalidRequest, of: request, in: exchange, because: .unreadable)
            return .now(RESTRoot.clean.failure(StandardFault.unsupportedMediaType, status: 415))
        }
        let body: [UInt8] = if case .bytes(let bytes) = request.body { bytes } else { [] }
        do throws(JSONRPCRefusal) {
            let envelope = try JSONRPCEnvelope(body, request.head)
            return call(envelope, request.head, exchange.with(operationID: envelope.operationID(request.head)))
        } catch {
            note(.invalidRequest, of: request, in: exchange, because: .unreadable)
            return .now(error.outcome)
        }
    }

    private func call(_ envelope: JSONRPCEnvelope, _ head: RequestHead, _ exchange: Exchange) -> Step {
        let shape = JSONRPCPresentation(id: envelope.id)
        guard let place = index.index(service: envelope.service, operation: envelope.operation) else {
            let fault =
                index.hasService(envelope.service)
                ? StandardFault.noSuchOperation(envelope.operation) : StandardFault.noSuchService(envelope.service)
            return .now(shape.failure(fault))
        }
        let entry = entries[place]
        let rule = entry.operation.authentication
        let input = envelope.input
        let presented = envelope.presented(head, isLogin: rule == .credentials)
        switch authenticator.judge(presented, rule: rule, at: exchange.receivedAt) {
        case .anyone: return run(entry, input, nil, head, exchange, shape)
        case .accepted(let principal): return run(entry, input, principal, head, exchange, shape)
        case .refused(let reason):
            let fault = authenticator.refuse(reason, entry.call(from: head, nil, in: exchange))
            return .now(refusal(fault, entry, nil, exchange, shape))
        case .check(let credentials):
            return .later { [self] in
                do throws(Fault) {
                    let principal = try await authenticator.check(credentials, for: entry.call(from: head, .password, in: exchange))
                    return await run(entry, input, principal, head, exchange, shape).finished()
                } catch {
                    return refusal(error, entry, nil, exchange, shape)
                }
            }
        }
    }

    private func run(
        _ entry: OperationEntry, _ input: JSONValue?, _ principal: Principal?, _ head: RequestHead, _ exchange: Exchange,
        _ shape: JSONRPCPresentation
    ) -> Step {
        do throws(Fault) {
            return perform(entry, input: try OperationInput(jsonRPC: input), by: principal, from: head, in: exchange, as: shape)
        } catch {
            let outcome = refusal(error, entry, principal, exchange, shape)
            return unreadable(outcome, error, entry, by: principal, from: head, in: exchange)
        }
    }

    private func refusal(
        _ fault: Fault, _ entry: OperationEntry, _ principal: Principal?, _ exchange: Exchange, _ shape: JSONRPCPresentation
    ) -> Outcome {
        var outcome = shape.failure(fault)
        outcome.user = principal?.user
        outcome.operation = entry.fullName
        outcome.operationID = exchange.operationID
        return outcome
    }
}
