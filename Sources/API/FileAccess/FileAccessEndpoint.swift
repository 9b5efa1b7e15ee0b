import Domain
import HTTP

/// `GET`, `HEAD`, `PUT` and `DELETE` of `/folder/<path>?dcPath=…&dsName=…`: files of datastores, as vSphere serves them.
///
/// Source: vSphere Web Services SDK Programming Guide, "HTTP Access to vSphere Server Files".
public struct FileAccessEndpoint: Endpoint {
    static let methods = "GET, HEAD, PUT, DELETE, OPTIONS"
    /// What an upload is called in `Call.service`, the audit and the access log.
    static let service = "com.viaduct.datastore_files"

    let files: any DatastoreFiles
    let authorizer: any Authorizer
    private let authenticator: Authenticator
    private let audit: (any AuditTrail)?

    public init(
        files: any DatastoreFiles, sessions: any SessionAuthority, authorizer: any Authorizer = AdministratorsOnly(),
        audit: (any AuditTrail)? = nil
    ) {
        self.audit = audit
        self.files = files
        self.authorizer = authorizer
        authenticator = Authenticator(authority: sessions, acceptsCredentialsOnEveryCall: true)
    }

    public func answers(_ path: ArraySlice<UInt8>) -> Bool { FileTarget.isBelowRoot(path) }

    public func policy(for head: RequestHead) -> BodyPolicy {
        head.method == .put ? .stream : .collect(limit: 64 * 1024)
    }

    public func respond(to request: Request, in exchange: Exchange) -> Step {
        switch request.head.method {
        case .get, .head, .put, .delete: break
        case .options: return .now(Outcome(status: 204, fields: [ResponseField("Allow", Self.methods)]))
        case .post, .patch: return .now(.methodNotAllowed(allow: Self.methods))
        }
        switch authenticator.judgeSession(request.head, credentialsCount: true, at: exchange.receivedAt) {
        case .anyone: return .now(Self.unauthenticated)
        case .refused(let reason):
            _ = authenticator.refuse(reason, call(by: nil, request.head, exchange))
            return .now(Self.unauthenticated)
        case .accepted(let principal):
            return .later { await serve(request, by: principal, in: exchange) }
        case .check(let credentials):
            return .later {
                do throws(Fault) {
                    return await serve(request, by: try await authenticator.check(
                        credentials, for: call(by: nil, request.head, exchange)), in: exchange)
                } catch {
                    return Self.refusal(error)
                }
            }
        }
    }

    private func serve(_ request: Request, by principal: Principal, in exchange: Exchange) async -> Outcome {
        var outcome = await answer(request, by: principal, in: exchange)
        outcome.user = principal.user
        outcome.operation = Self.service + "." + operationName(request.head.method)
        return outcome
    }

    private func answer(_ request: Request, by principal: Principal, in exchange: Exchange) async -> Outcome {
        let head = request.head
        let target: FileTarget
        do throws(FileRequestError) {
            target = try FileTarget(head)
        } catch {
            guard case .malformed(let reason) = error else { return .text(400, "Malformed.") }
            return .text(400, reason)
        }
        let call = call(by: principal, head, exchange)
        do throws(FileFault) {
            if let refusal = try refusal(of: target, head.method, by: principal) {
                audit?.noteRefusal(.unauthorized, of: call, because: .notPermitted)
                return refusal
            }
        } catch {
            audit?.noteRefusal(.notFound, of: call, because: .notPermitted)
            return Self.refusal(error)
        }
        do throws(FileFault) {
            switch (head.method, target) {
            case (.put, .file(let location)) where !location.path.isEmpty:
                return try await write(location, request, call)
            case (.delete, .file(let location)) where !location.path.isEmpty:
                return try await delete(location, head, call)
            case (.put, _), (.delete, _):
                return .methodNotAllowed(allow: "GET, HEAD, OPTIONS")
            case (_, .file(let location)): return try await read(location, head, by: principal)
            case (_, .datacenters), (_, .datastores): return try await list(target, head, by: principal)
            }
        } catch {
            // A change that failed; one that was made has its entry.
            if let slip = call.audit, !slip.isMarked { await audit?.record(call, FaultType(ofStatus: Self.refusal(error).status)) }
            return Self.refusal(error)
        }
    }

    /// The answer to somebody who may not; `nil` for one who may.
    ///
    /// - Throws: what is said of a datacenter or datastore that does not exist, if it must not be seen.
    private func refusal(of target: FileTarget, _ method: Method, by principal: Principal) throws(FileFault) -> Outcome? {
        let access: FileAccess = method == .put || method == .delete ? .write : .read
        let (place, absence): (FilePlace, FileFault)
        switch target {
        case .datacenters: return nil
        case .datastores(let datacenter): (place, absence) = (.datacenter(datacenter), .noSuchDatacenter)
        case .file(let location):
            (place, absence) = (.datastore(datacenter: location.datacenter, name: location.datastore), .noSuchDatastore)
            guard shows(.datacenter(location.datacenter), to: principal) else { throw .noSuchDatacenter }
        }
        do throws(Fault) {
            try authorizer.authorize(access, at: place, by: principal)
            return nil
        } catch {
            if error.type == .notFound { throw absence }
            return Self.refusal(error)
        }
    }

    /// Whether somebody may know that a place exists.
    func shows(_ place: FilePlace, to principal: Principal) -> Bool {
        do throws(Fault) {
            try authorizer.authorize(.read, at: place, by: principal)
            return true
        } catch {
            return error.type != .notFound
        }
    }

    private func call(by principal: Principal?, _ head: RequestHead, _ exchange: Exchange) -> Call {
        var call = Call(
            user: principal?.user, session: principal?.session, requestID: exchange.requestID,
            operationID: exchange.operationID, service: Self.service, operation: operationName(head.method),
            peer: exchange.peer, receivedAt: exchange.receivedAt)
        if principal == nil || head.method == .put || head.method == .delete {
            call.audit = AuditSlip(head, principal?.authentication, arguments: nil)
        }
        return call
    }

    private func operationName(_ method: Method) -> String {
        switch method {
        case .put: "write"
        case .delete: "delete"
        case .get, .head, .post, .patch, .options: "read"
        }
    }
}

extension FileAccessEndpoint {
    static let unauthenticated = Outcome.text(
        401, "Authentication required.", fields: [ResponseField("WWW-Authenticate", "Basic realm=\"VMware HTTP server\"")])

    static func refusal(_ fault: Fault) -> Outcome {
        var outcome =
            fault.type == .unauthenticated
            ? unauthenticated : Outcome.text(CleanStatus.status(of: fault.type), fault.messages.first?.defaultMessage ?? "")
        outcome.fault = fault
        return outcome
    }

    static func refusal(_ fault: FileFault) -> Outcome {
        switch fault {
        case .noSuchDatacenter: return .text(404, "There is no such datacenter.")
        case .noSuchDatastore: return .text(404, "There is no such datastore.")
        case .notFound: return .text(404, "There is no such file.")
        case .notADirectory: return .text(409, "A part of the path is a file.")
        case .isADirectory: return .text(409, "The path names a directory.")
        case .directoryNotEmpty: return .text(409, "The directory is not empty.")
        case .inUse: return .text(409, "The file is in use.")
        case .noSpace: return .text(507, "The datastore is full.")
        case .invalidName: return .text(400, "A name of the path cannot be the name of a file.")
        case .tooLarge: return .text(413, "The file would be too large.")
        case .inaccessible(let detail):
            var outcome = Outcome.text(503, "The datastore cannot be reached.", fields: [ResponseField("Retry-After", "10")])
            outcome.fault = Fault(
                .resourceInaccessible, id: "com.viaduct.datastore_files.inaccessible", "The datastore cannot be reached.",
                detail: detail)
            return outcome
        }
    }
}
