/// How a login request was taken: class in the upper byte, detail in the lower.
///
/// Source: RFC 7143 §11.13.5.
enum LoginStatus: UInt16, Error, Sendable {
    case success = 0x0000
    case initiatorError = 0x0200
    case authenticationFailure = 0x0201
    case authorizationFailure = 0x0202
    case notFound = 0x0203
    case unsupportedVersion = 0x0205
    case tooManyConnections = 0x0206
    case missingParameter = 0x0207
    case cannotIncludeInSession = 0x0208
    case sessionTypeNotSupported = 0x0209
    case sessionDoesNotExist = 0x020A
    case invalidDuringLogin = 0x020B
    case targetError = 0x0300
    case serviceUnavailable = 0x0301
    case outOfResources = 0x0302
}

/// Stages of a login as its CSG and NSG fields have them. Source: RFC 7143 §11.12.3.
enum LoginStage: UInt8, Sendable {
    case security = 0
    case operational = 1
    case fullFeature = 3
}
