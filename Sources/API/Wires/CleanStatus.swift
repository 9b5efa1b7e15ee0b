import Domain

/// Status codes of faults on `/api`. Source: the error responses of VMware's published OpenAPI documents, 7.0.3 to 8.0.2.
enum CleanStatus {
    /// A limit that is told in numbers is the client's to keep, not a failure of the server.
    static func status(of fault: Fault) -> Int {
        fault.type == .unableToAllocateResource && fault.data != nil ? 400 : status(of: fault.type)
    }

    static func status(of type: FaultType) -> Int {
        switch type {
        case .alreadyExists, .alreadyInDesiredState, .featureInUse, .invalidArgument, .invalidElementConfiguration,
            .invalidElementType, .invalidRequest, .notAllowedInCurrentState, .resourceInUse, .unexpectedInput, .unsupported,
            .unverifiedPeer:
            400
        case .unauthenticated: 401
        case .unauthorized: 403
        case .notFound, .operationNotFound: 404
        case .concurrentChange: 409
        case .canceled, .error, .internalServerError, .resourceBusy, .resourceInaccessible, .timedOut,
            .unableToAllocateResource:
            500
        case .serviceUnavailable: 503
        }
    }
}
