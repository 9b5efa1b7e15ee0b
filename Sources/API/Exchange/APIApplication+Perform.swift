import Contract
import Domain

extension APIApplication {
    /// Authorises and calls an operation whose caller is known, and frames what comes back.
    ///
    /// A read has written its answer when the dispatcher returns; it is answered at once. Anything else is work that
    /// the caller starts.
    func perform(
        _ entry: OperationEntry, input: consuming OperationInput, by principal: Principal?, in exchange: Exchange,
        as shape: some Presentation
    ) -> Step {
        let call = entry.call(by: principal, in: exchange)
        if let principal, let refusal = admission.refusal(ofUser: principal.user) {
            return .now(refused(refusal, entry, call, shape))
        }
        var input = input
        do throws(Fault) {
            if let principal {
                try authorizer.authorize(entry.operation, at: entry.index, input: input, by: principal, call: call)
            }
            var writer = ValueWriter(shape.wire, capacity: entry.expectedBytes)
            shape.begin(&writer)
            switch try dispatcher.invoke(entry.index, input: &input, call: call, writer: &writer) {
            case .written:
                return .now(success(&writer, entry, call, shape))
            case .pending(let work): return later(work, entry, call, shape)
            }
        } catch {
            return .now(failure(error, entry, call, shape))
        }
    }

    /// By itself, so that a read does not copy into a closure what only the others need.
    @inline(never)
    private func later(
        _ work: @escaping @Sendable () async throws(Fault) -> Contract.Answer, _ entry: OperationEntry, _ call: Call,
        _ shape: some Presentation
    ) -> Step {
        .later { [self] in
            do throws(Fault) {
                let answer = try await work()
                var writer = ValueWriter(shape.wire, capacity: entry.expectedBytes)
                shape.begin(&writer)
                answer.write(&writer)
                return success(&writer, entry, call, shape)
            } catch {
                return failure(error, entry, call, shape)
            }
        }
    }

    private func success(
        _ writer: inout ValueWriter, _ entry: OperationEntry, _ call: Call, _ shape: some Presentation
    ) -> Outcome {
        shape.end(&writer)
        let bytes = writer.take()
        entry.noteAnswer(bytes: bytes.count)
        var outcome = shape.success(bytes, of: entry)
        outcome.user = call.user
        outcome.operation = entry.fullName
        outcome.operationID = call.operationID
        return outcome
    }

    /// REST has a status for it; JSON-RPC has the error alone.
    @inline(never)
    private func refused(
        _ refusal: Admission.Refusal, _ entry: OperationEntry, _ call: Call, _ shape: some Presentation
    ) -> Outcome {
        var outcome = refusal.marked(failure(refusal.fault, entry, call, shape))
        if outcome.status != 200 { outcome.status = refusal.status }
        return outcome
    }

    private func failure(_ fault: Fault, _ entry: OperationEntry, _ call: Call, _ shape: some Presentation) -> Outcome {
        var outcome = shape.failure(fault)
        outcome.user = call.user
        outcome.operation = entry.fullName
        outcome.operationID = call.operationID
        return outcome
    }
}
