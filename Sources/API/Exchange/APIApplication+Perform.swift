import Contract
import Domain
import HTTP

extension APIApplication {
    /// Authorises and calls an operation whose caller is known, and frames what comes back.
    ///
    /// A read has written its answer when the dispatcher returns; it is answered at once. Anything else is work that
    /// the caller starts.
    func perform(
        _ entry: OperationEntry, input: consuming OperationInput, by principal: Principal?, from head: RequestHead,
        in exchange: Exchange, as shape: some Presentation
    ) -> Step {
        if !entry.operation.isRead, let audit {
            return performAudited(entry, input: input, by: principal, from: head, in: exchange, as: shape, audit)
        }
        let call = entry.call(by: principal, in: exchange)
        if let principal, let refusal = admission.refusal(ofUser: principal.user) {
            return .now(refused(refusal, entry, call, principal, head, shape))
        }
        var input = input
        do throws(Fault) {
            if let principal { try authorizeRead(entry, input, by: principal, from: head, call) }
            var writer = ValueWriter(shape.wire, capacity: entry.expectedBytes)
            shape.begin(&writer)
            switch try dispatcher.invoke(entry.index, input: &input, call: call, writer: &writer) {
            case .written:
                return .now(success(&writer, entry, call, shape))
            case .pending(let work): return later(work, entry, call, shape, nil)
            }
        } catch {
            return .now(failure(error, entry, call, shape))
        }
    }

    /// As `perform`, for what may change something: whatever becomes of it has an audit entry when it is answered.
    @inline(never)
    private func performAudited(
        _ entry: OperationEntry, input: consuming OperationInput, by principal: Principal?, from head: RequestHead,
        in exchange: Exchange, as shape: some Presentation, _ audit: any AuditTrail
    ) -> Step {
        var call = entry.call(by: principal, in: exchange)
        if let principal, let refusal = admission.refusal(ofUser: principal.user) {
            return .now(refused(refusal, entry, call, principal, head, shape))
        }
        call.audit = AuditSlip(head, principal?.authentication, arguments: input.summary(without: secrets.names))
        var input = input
        do throws(Fault) {
            if let principal {
                try authorizer.authorize(entry.operation, at: entry.index, input: input, by: principal, call: call)
            }
            var writer = ValueWriter(shape.wire, capacity: entry.expectedBytes)
            shape.begin(&writer)
            switch try dispatcher.invoke(entry.index, input: &input, call: call, writer: &writer) {
            case .written: return .now(success(&writer, entry, call, shape))
            case .pending(let work): return later(work, entry, call, shape, audit)
            }
        } catch {
            let call = call
            return .later { [self] in
                await audit.record(call, error.type)
                return failure(error, entry, call, shape)
            }
        }
    }

    private func authorizeRead(
        _ entry: OperationEntry, _ input: borrowing OperationInput, by principal: Principal, from head: RequestHead, _ call: Call
    ) throws(Fault) {
        do throws(Fault) {
            try authorizer.authorize(entry.operation, at: entry.index, input: input, by: principal, call: call)
        } catch {
            note(error.type, call, principal, head, .notPermitted)
            throw error
        }
    }

    @inline(never)
    private func note(
        _ type: FaultType, _ call: Call, _ principal: Principal, _ head: RequestHead, _ reason: CallRefusal
    ) {
        var call = call
        call.audit = AuditSlip(head, principal.authentication)
        audit?.noteRefusal(type, of: call, because: reason)
    }

    /// By itself, so that a read does not copy into a closure what only the others need.
    ///
    /// - Parameter audit: takes what has no entry of its own.
    @inline(never)
    private func later(
        _ work: @escaping @Sendable () async throws(Fault) -> Contract.Answer, _ entry: OperationEntry, _ call: Call,
        _ shape: some Presentation, _ audit: (any AuditTrail)?
    ) -> Step {
        .later { [self] in
            do throws(Fault) {
                let answer = try await work()
                if let slip = call.audit, !slip.isMarked { await audit?.record(call, nil) }
                var writer = ValueWriter(shape.wire, capacity: entry.expectedBytes)
                shape.begin(&writer)
                answer.write(&writer)
                return success(&writer, entry, call, shape)
            } catch {
                await audit?.record(call, error.type)
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
        _ refusal: Admission.Refusal, _ entry: OperationEntry, _ call: Call, _ principal: Principal, _ head: RequestHead,
        _ shape: some Presentation
    ) -> Outcome {
        note(refusal.fault.type, call, principal, head, .tooMany)
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
