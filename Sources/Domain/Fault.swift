/// What went wrong, in the vocabulary of vAPI, free of any wire.
///
/// Status codes and envelopes belong to the fault encoder of each wire.
/// Source: `com.vmware.vapi.std.errors`.
public struct Fault: Error, Sendable, Equatable {
    public var type: FaultType
    /// For the client; names nothing internal. Never empty.
    public var messages: [LocalizableMessage]
    /// For the log only.
    public var detail: String?
    /// More about it, for programs; `nil` for most faults.
    public var data: FaultData?
    /// How to authenticate; only with `.unauthenticated`.
    public var challenge: String?

    public init(_ type: FaultType, _ message: LocalizableMessage, detail: String? = nil, challenge: String? = nil) {
        self.type = type
        self.messages = [message]
        self.detail = detail
        self.challenge = challenge
    }

    public init(_ type: FaultType, id: String, _ text: String, arguments: [String] = [], detail: String? = nil) {
        self.init(type, LocalizableMessage(id: id, text, arguments: arguments), detail: detail)
    }
}

/// A value of the field `data` of an error.
public indirect enum FaultData: Sendable, Equatable {
    case integer(Int64)
    case text(String)
    case list([FaultData])
    case structure(String, [Field])

    public struct Field: Sendable, Equatable {
        public let name: String
        public let value: FaultData

        public init(_ name: String, _ value: FaultData) {
            self.name = name
            self.value = value
        }
    }
}

/// The standard vAPI errors. Raw value: the last part of the canonical name.
public enum FaultType: String, Sendable, CaseIterable, Codable {
    case alreadyExists = "already_exists"
    case alreadyInDesiredState = "already_in_desired_state"
    case canceled
    case concurrentChange = "concurrent_change"
    case error
    case featureInUse = "feature_in_use"
    case internalServerError = "internal_server_error"
    case invalidArgument = "invalid_argument"
    case invalidElementConfiguration = "invalid_element_configuration"
    case invalidElementType = "invalid_element_type"
    case invalidRequest = "invalid_request"
    case notAllowedInCurrentState = "not_allowed_in_current_state"
    case notFound = "not_found"
    case operationNotFound = "operation_not_found"
    case resourceBusy = "resource_busy"
    case resourceInUse = "resource_in_use"
    case resourceInaccessible = "resource_inaccessible"
    case serviceUnavailable = "service_unavailable"
    case timedOut = "timed_out"
    case unableToAllocateResource = "unable_to_allocate_resource"
    case unauthenticated
    case unauthorized
    case unexpectedInput = "unexpected_input"
    case unsupported
    case unverifiedPeer = "unverified_peer"

    /// For example `com.vmware.vapi.std.errors.not_found`.
    public var canonicalName: String { "com.vmware.vapi.std.errors." + rawValue }

    /// The value of the `error_type` field, for example `NOT_FOUND`.
    public var errorType: String { rawValue.uppercased() }
}

/// Source: `com.vmware.vapi.std.localizable_message`.
public struct LocalizableMessage: Sendable, Equatable, Codable {
    public var id: String
    /// English text with the arguments already in place.
    public var defaultMessage: String
    public var arguments: [String]

    public init(id: String, _ defaultMessage: String, arguments: [String] = []) {
        self.id = id
        self.defaultMessage = defaultMessage
        self.arguments = arguments
    }
}
