import Domain

/// Status codes of faults on `/rest`. Source: the error responses of VMware's published documents of that root, 6.5 to
/// 7.0; where they name none, the table of VMware's runtime.
enum LegacyStatus {
    static func status(of type: FaultType) -> Int {
        switch type {
        case .alreadyExists, .alreadyInDesiredState, .concurrentChange, .error, .featureInUse, .invalidArgument,
            .invalidElementConfiguration, .invalidElementType, .invalidRequest, .notAllowedInCurrentState, .resourceBusy,
            .resourceInUse, .resourceInaccessible, .unableToAllocateResource, .unexpectedInput, .unsupported, .unverifiedPeer:
            400
        case .unauthenticated: 401
        case .unauthorized: 403
        case .notFound, .operationNotFound: 404
        case .canceled, .internalServerError: 500
        case .serviceUnavailable: 503
        case .timedOut: 504
        }
    }
}
