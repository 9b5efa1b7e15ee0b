import Domain
import HTTP

/// Makes and ends sessions for whoever has proved who they are.
public protocol SessionMaker: Sendable {
    /// - Parameter call: by the user that was authenticated.
    /// - Returns: the token.
    func createSession(by call: Call) async throws(Fault) -> String
    /// Ends the session of the call.
    func endSession(by call: Call) async throws(Fault)
}

/// `POST /api/session/create` and `POST /api/session/destroy`: NSX's form login on the same sessions as everything else.
///
/// The token comes as the cookie `JSESSIONID`, and with it an anti-forgery token that every later request must carry in
/// `X-XSRF-TOKEN`. Source: NSX REST API, "Session-Based Authentication".
public struct FormLoginEndpoint: Endpoint {
    static let service = "com.vmware.nsx.session"

    private let authenticator: Authenticator
    private let maker: any SessionMaker

    public init(sessions: any SessionAuthority, maker: any SessionMaker) {
        authenticator = Authenticator(authority: sessions, acceptsCredentialsOnEveryCall: true)
        self.maker = maker
    }

    public func answers(_ path: ArraySlice<UInt8>) -> Bool { Self.isCreate(path) || path.elementsEqual("/api/session/destroy".utf8) }

    private static func isCreate(_ path: ArraySlice<UInt8>) -> Bool { path.elementsEqual("/api/session/create".utf8) }

    public func respond(to request: Request, in exchange: Exchange) -> Step {
        guard request.head.method == .post else { return .now(.methodNotAllowed(allow: "POST")) }
        return Self.isCreate(request.head.path) ? create(request, exchange) : destroy(request, exchange)
    }

    private func create(_ request: Request, _ exchange: Exchange) -> Step {
        let call = call("create", request.head, exchange)
        let body: [UInt8] = if case .bytes(let bytes) = request.body { bytes } else { [] }
        guard let form = FormBody(body[...]), let user = form["j_username"], let password = form["j_password"], !user.isEmpty
        else {
            _ = authenticator.refuse(.malformed, call)
            return .now(Self.refused)
        }
        let isSecure = request.connection.isSecure
        return .later {
            do throws(Fault) {
                let principal = try await authenticator.check(Credentials(user: user, password: password), for: call)
                var call = call
                call.user = principal.user
                call.credentialVersion = principal.credentialVersion
                return opened(try await maker.createSession(by: call), principal, isSecure)
            } catch {
                return Self.answer(to: error)
            }
        }
    }

    private func opened(_ token: String, _ principal: Principal, _ isSecure: Bool) -> Outcome {
        // Clients cut the value out by the semicolon behind it.
        let cookie = "JSESSIONID=\(token); Path=/; " + (isSecure ? "Secure; " : "") + "HttpOnly; SameSite=Lax"
        let antiForgery = authenticator.authority.antiForgeryToken(of: Array(token.utf8)[...])
        return Outcome(
            status: 200, fields: [ResponseField("Set-Cookie", cookie), ResponseField("X-XSRF-TOKEN", antiForgery)],
            user: principal.user, operation: Self.service + ".create")
    }

    private func destroy(_ request: Request, _ exchange: Exchange) -> Step {
        var call = call("destroy", request.head, exchange)
        switch authenticator.judge(SessionTokenScheme.readForm(request.head), rule: .session, at: exchange.receivedAt) {
        case .accepted(let principal):
            call.user = principal.user
            call.session = principal.session
            let known = call
            return .later {
                do throws(Fault) {
                    try await maker.endSession(by: known)
                    let gone = "JSESSIONID=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
                    return Outcome(
                        status: 200, fields: [ResponseField("Set-Cookie", gone)], user: principal.user,
                        operation: Self.service + ".destroy")
                } catch {
                    return Self.answer(to: error)
                }
            }
        case .refused(let reason): _ = authenticator.refuse(reason, call)
        case .anyone, .check: break
        }
        return .now(Self.refused)
    }

    private func call(_ operation: String, _ head: RequestHead, _ exchange: Exchange) -> Call {
        var call = Call(
            user: nil, requestID: exchange.requestID, operationID: exchange.operationID, service: Self.service,
            operation: operation, peer: exchange.peer, receivedAt: exchange.receivedAt)
        call.audit = AuditSlip(head, operation == "create" ? .password : .session)
        return call
    }

    /// In NSX's words, which clients look for.
    private static let refused = failure(
        403, "403", "The credentials were incorrect or the account specified has been locked.")

    private static func answer(to fault: Fault) -> Outcome {
        var outcome = refused
        if fault.type != .unauthenticated {
            let status = CleanStatus.status(of: fault.type)
            outcome = failure(status, "\(status)", fault.messages.first?.defaultMessage ?? "")
            if status == 503 { outcome.fields.append(ResponseField("Retry-After", "10")) }
        }
        outcome.fault = fault
        return outcome
    }

    /// - Parameter text: ours, or with a user's name that the directory keeps: no character that JSON would escape.
    private static func failure(_ status: Int, _ code: String, _ text: String) -> Outcome {
        let body = "{\"module_name\":\"common-services\",\"error_message\":\"\(text)\",\"error_code\":\(code)}"
        return Outcome(status: status, fields: JSONAnswer.fields, body: .bytes(Array(body.utf8)))
    }
}

/// A body of the type `application/x-www-form-urlencoded`.
///
/// Source: WHATWG URL §5.1. A percent sign without two digits stands for itself, as there and as some clients send it.
struct FormBody {
    private var fields: [(name: String, value: String)] = []

    /// - Returns: `nil` if there are more than 16 fields, or one is no UTF-8 or comes twice.
    init?(_ body: ArraySlice<UInt8>) {
        let parts = body.split(separator: UInt8(ascii: "&"))
        guard parts.count <= 16 else { return nil }
        for part in parts {
            let mark = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
            guard let name = Self.decoded(part[..<mark]), let value = Self.decoded(part[mark...].dropFirst()),
                self[name] == nil
            else { return nil }
            fields.append((name, value))
        }
    }

    subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

    private static func decoded(_ bytes: ArraySlice<UInt8>) -> String? {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            index += 1
            if byte == UInt8(ascii: "%"), index + 1 < bytes.endIndex, let high = digit(bytes[index]),
                let low = digit(bytes[index + 1])
            {
                result.append(high << 4 | low)
                index += 2
            } else {
                result.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(validating: result, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
