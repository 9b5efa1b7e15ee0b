import Domain

/// The faults that arise before a service is reached, with the message identifiers that clients know.
enum StandardFault {
    /// Value of `WWW-Authenticate` and of the `challenge` field.
    static let challenge = "Basic realm=\"VAPI endpoint\""

    /// No proof of identity, or one that does not hold: nothing tells which.
    static let unauthenticated = Fault(
        .unauthenticated,
        LocalizableMessage(id: "com.vmware.vapi.endpoint.method.authentication.required", "Authentication required."),
        challenge: challenge)

    /// A kind of proof that is known but not spoken here, for example SAML: other than with a wrong password, the client
    /// should hear that.
    static let unsupportedScheme = Fault(
        .unauthenticated,
        LocalizableMessage(
            id: "vapi.security.authentication.invalid",
            "Unable to authenticate user: this authentication scheme is not supported."),
        challenge: challenge)

    /// Every refusal of a caller says how to do better, wherever it arose. Source: RFC 9110 §15.5.2.
    static func challenging(_ fault: Fault) -> Fault {
        guard fault.type == .unauthenticated, fault.challenge == nil else { return fault }
        var fault = fault
        fault.challenge = challenge
        return fault
    }

    static let unauthorized = Fault(
        .unauthorized, id: "vapi.security.authorization.invalid", "Unable to authorize user")

    /// A path that no operation has.
    static let pathNotFound = Fault(.notFound, id: "com.vmware.vapi.rest.httpNotFound", "Not found.")

    static let methodNotAllowed = Fault(
        .invalidRequest, id: "com.vmware.vapi.rest.httpMethodNotAllowed", "Method not allowed.")

    static let malformedPath = Fault(
        .invalidRequest, id: "com.vmware.vapi.rest.httpBadRequest", "The path of the request is malformed.")

    static let malformedQuery = Fault(
        .invalidRequest, id: "com.vmware.vapi.rest.httpBadRequest", "The query of the request is malformed.")

    static let unsupportedMediaType = Fault(
        .invalidRequest, id: "com.vmware.vapi.rest.unsupported_media_type", "Unsupported media type.")

    static func invalidTaskQuery(_ value: String) -> Fault {
        Fault(
            .invalidArgument, id: "vapi.protocol.server.rest.param.invalid_value",
            "Invalid value for request parameter 'vmw-task'. Expected 'true', but got '\(value)'.",
            arguments: ["vmw-task", value])
    }

    static func noSuchService(_ name: String) -> Fault {
        Fault(.operationNotFound, id: "vapi.method.input.invalid.interface", "Invalid interface \(name)", arguments: [name])
    }

    static func noSuchOperation(_ name: String) -> Fault {
        Fault(.operationNotFound, id: "vapi.method.input.invalid.method", "Invalid method \(name)", arguments: [name])
    }
}
