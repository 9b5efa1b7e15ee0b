/// Why a request for policy objects is refused, in NSX's numbers.
public struct PolicyError: Error, Sendable, Equatable {
    public var status: Int
    public var code: Int
    public var message: String

    public init(_ status: Int, _ code: Int, _ message: String) {
        self.status = status
        self.code = code
        self.message = message
    }

    static func notFound(_ path: String) -> PolicyError {
        PolicyError(404, 600, "The requested object : \(path) could not be found. Object identifiers are case sensitive.")
    }

    static func violations(_ texts: [String]) -> PolicyError {
        PolicyError(400, 255, "Field level validation errors: {\(texts.joined(separator: ", "))}")
    }

    static func invalidPath(_ path: String) -> PolicyError {
        PolicyError(400, 500012, "The path=[\(path)] is invalid")
    }

    static func inUse(_ path: String, by others: [String]) -> PolicyError {
        PolicyError(
            400, 500030,
            "The object path=[\(path)] cannot be deleted as either it has children or it is being referenced by other objects path=[\(others.joined(separator: ","))].")
    }

    static func exists(_ path: String) -> PolicyError {
        PolicyError(400, 500127, "Cannot create an object with path=[\(path)] as it already exists.")
    }

    static func stale(_ path: String, _ revision: Int64) -> PolicyError {
        PolicyError(
            412, 604,
            "The object path=[\(path)] was changed by somebody else meanwhile. Its revision is \(revision); fetch it and try again.")
    }

    static func notOwned(_ type: String, by user: String) -> PolicyError {
        PolicyError(
            400, 289,
            "Principal '\(user)' with role '[enterprise_admin]' attempts to delete or modify an object of type \(type) it doesn't own. (createUser=system, allowOverwrite=null)")
    }

    public static let malformed = PolicyError(400, 220, "The body of the request is not well formed.")
}
