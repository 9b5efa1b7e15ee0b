import Contract
import HTTP

/// The parts of a JSON-RPC call, found but not yet judged.
///
/// The order of the checks decides which of two mistakes is reported; it is the order of VMware's runtime.
struct JSONRPCEnvelope {
    /// As JSON: clients compare it with what they sent.
    let id: ArraySlice<UInt8>
    let service: String
    let operation: String
    let input: JSONValue?
    private let applicationContext: JSONValue?
    private let securityContext: JSONValue?

    init(_ body: [UInt8], _ head: RequestHead) throws(JSONRPCRefusal) {
        let root: JSONValue
        do throws(JSONError) {
            root = try JSONDocument(parsing: body).root
        } catch {
            throw JSONRPCRefusal(.parseError, data: error.message)
        }
        guard root.isObject else { throw JSONRPCRefusal(.invalidRequest, data: "The request is not an object.") }
        guard root["jsonrpc"]?.text == "2.0" else { throw JSONRPCRefusal(.invalidRequest) }
        id = try Self.identifier(root["id"])
        guard let method = root["method"]?.text else { throw JSONRPCRefusal(.invalidRequest) }
        guard method == "invoke" else { throw JSONRPCRefusal(.methodNotFound, id: id) }
        guard let parameters = root["params"], parameters.isObject, let context = parameters["ctx"], context.isObject else {
            throw JSONRPCRefusal(.invalidParameters, id: id)
        }
        service = parameters["serviceId"]?.text ?? ""
        operation = parameters["operationId"]?.text ?? ""
        input = parameters["input"]
        applicationContext = context["appCtx"]
        securityContext = context["securityCtx"]
        try checkFields(of: head)
    }

    /// The client's name for its request: the header's, which wins, or the context's.
    func operationID(_ head: RequestHead) -> String? {
        Exchange.trimmed(head.text("vapi-ctx-opid") ?? applicationContext?["opId"]?.text ?? head.text("x-request-id"))
    }

    /// What the request says about its caller. Cookies do not count: nobody sets them for this root.
    ///
    /// - Parameter isLogin: the operation wants name and password; then a session in the header is none of its business.
    func presented(_ head: RequestHead, isLogin: Bool) -> Presented {
        if !isLogin, let token = head.value("vmware-api-session-id") { return .token(token) }
        guard let securityContext, !securityContext.isNull else { return .nothing }
        guard let scheme = securityContext["schemeId"]?.text, scheme.hasPrefix(Self.schemes) else { return .unusable(.malformed) }
        switch scheme.dropFirst(Self.schemes.utf8.count) {
        case "no_authentication": return .nothing
        case "session_id":
            // Tokens have no characters that JSON escapes, so the bytes can be compared as they stand.
            guard let token = securityContext["sessionId"], token.text != nil else { return .unusable(.malformed) }
            return .token(token.rawBytes)
        case "user_pass":
            guard let user = securityContext["userName"]?.text, let password = securityContext["password"]?.text, !user.isEmpty
            else { return .unusable(.malformed) }
            return .credentials(Credentials(user: user, password: password))
        case "oauth":
            guard let token = securityContext["accessToken"], token.text != nil else { return .unusable(.malformed) }
            return .bearer(token.rawBytes)
        default: return .unusable(.unsupportedScheme)
        }
    }

    private static let schemes = "com.vmware.vapi.std.security."

    /// Source: JSON-RPC 2.0 §4. A request without identifier wants no answer; there is nothing here to be done unseen.
    private static func identifier(_ value: JSONValue?) throws(JSONRPCRefusal) -> ArraySlice<UInt8> {
        guard let value else { throw JSONRPCRefusal(.invalidRequest, data: "The request has no identifier.") }
        if value.text != nil {
            var quoted: [UInt8] = [UInt8(ascii: "\"")]
            quoted.reserveCapacity(value.rawBytes.count + 2)
            quoted.append(contentsOf: value.rawBytes)
            quoted.append(UInt8(ascii: "\""))
            return quoted[...]
        }
        if value.integer != nil { return value.rawBytes }
        if value.isNull { return JSONRPCRefusal.noID }
        throw JSONRPCRefusal(.invalidRequest, data: "The identifier is neither a text nor an integer.")
    }

    /// The fields `vapi-service` and `vapi-operation` must both say what the body says, if one of them is there.
    private func checkFields(of head: RequestHead) throws(JSONRPCRefusal) {
        let (service, operation) = (head.value("vapi-service"), head.value("vapi-operation"))
        if service == nil && operation == nil { return }
        guard !self.service.isEmpty, !self.operation.isEmpty else { throw JSONRPCRefusal(.invalidParameters, id: id) }
        guard let service, let operation, service.elementsEqual(self.service.utf8), operation.elementsEqual(self.operation.utf8)
        else { throw JSONRPCRefusal(.mismatchingOperation, id: id) }
    }
}
