import Domain

/// One operation of the contract, as generated from `openapi/`.
public struct Operation: Sendable {
    /// Canonical service name, for example `com.vmware.vcenter.VM`.
    public let service: String
    /// For example `create`, or `clone$task`.
    public let name: String
    public let parameters: [Parameter]
    public let output: TypeExpression
    /// Canonical names of the errors it declares.
    public let errors: [String]
    public let privileges: [RequiredPrivilege]
    public let access: AccessRule
    public let authentication: AuthenticationRule
    /// How `/api` presents it.
    public let clean: Route
    /// How `/rest` presents it; `nil` where that root never had it.
    public let legacy: Route?
    /// Whether it runs to its end when invoked, on a snapshot, and changes nothing.
    public let isRead: Bool

    public init(
        service: String, name: String, parameters: [Parameter], output: TypeExpression, errors: [String],
        privileges: [RequiredPrivilege], access: AccessRule = .privileges, authentication: AuthenticationRule, clean: Route,
        legacy: Route?, isRead: Bool = true
    ) {
        self.service = service
        self.name = name
        self.parameters = parameters
        self.output = output
        self.errors = errors
        self.privileges = privileges
        self.access = access
        self.authentication = authentication
        self.clean = clean
        self.legacy = legacy
        self.isRead = isRead
    }
}

public struct Parameter: Sendable {
    /// Wire name in JSON-RPC, for example `vm` or `spec`.
    public let name: String
    public let type: TypeExpression

    public init(_ name: String, _ type: TypeExpression) {
        self.name = name
        self.type = type
    }
}

/// A type in the notation of the contract: `opt(s:com.vmware.vcenter.VM.filter_spec)`, `list(string)`, `map(id,long)`.
public indirect enum TypeExpression: Sendable, Equatable {
    case void, boolean, long, double, string, secret, binary, dateTime, uri, opaque, dynamic, anyError
    case id
    case optional(TypeExpression)
    case list(TypeExpression)
    case set(TypeExpression)
    case map(key: TypeExpression, value: TypeExpression)
    case structure(String)
    case enumeration(String)
}

/// How one of the two REST roots presents an operation.
public struct Route: Sendable {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    public let method: String
    /// Segments below the root; a variable carries the parameter's name.
    public let path: [Segment]
    /// Query items that select this operation, for example `action=clone` or `vmw-task=true`; a `nil` value means the
    /// item must be present with any value.
    public let selectors: [(name: String, value: String?)]
    /// Query items that carry parameters: wire name, and the path of names they fill (`["filter", "names"]`).
    public let query: [QueryItem]
    public let body: BodyShape
    /// Of a success.
    public let status: Int

    public enum Segment: Sendable, Equatable {
        case literal(String)
        /// The parameter's name; `id:name` if the segment must start with `id:` (`/rest` has such paths).
        case variable(String)
    }

    public enum BodyShape: Sendable, Equatable {
        case none
        /// The body is this parameter itself.
        case parameter(String)
        /// The body is an object with one member per named parameter.
        case object([String])
    }

    public init(
        method: String, path: [Segment], selectors: [(name: String, value: String?)], query: [QueryItem], body: BodyShape,
        status: Int
    ) {
        self.method = method
        self.path = path
        self.selectors = selectors
        self.query = query
        self.body = body
        self.status = status
    }
}

public struct QueryItem: Sendable {
    /// Name on the wire, for example `names` on `/api` and `filter.names` on `/rest`.
    public let name: String
    /// Parameter, and member of its structure if it is one.
    public let target: [String]
    public let type: TypeExpression

    public init(_ name: String, target: [String], type: TypeExpression) {
        self.name = name
        self.target = target
        self.type = type
    }
}

/// What a caller must be allowed on an object that the input names, or on the root folder.
public struct RequiredPrivilege: Sendable {
    /// For example `VirtualMachine.Inventory.Create`.
    public let privileges: [String]
    /// vSphere resource type, for example `Folder`; `DynamicID` if the input tells it; empty for the root folder.
    public let resource: String
    /// Where the object's identifier stands in the input, for example `["vm"]`, or `["spec", "nics", "[]", "backing",
    /// "network"]` with `[]` for each element of a list and `{}` for each value of a map; empty for the root folder.
    public let path: [String]

    public init(_ privileges: [String], on resource: String, at path: [String]) {
        self.privileges = privileges
        self.resource = resource
        self.path = path
    }
}

/// Who may call an operation.
public enum AccessRule: Sendable, Equatable {
    /// Whoever has its privileges. With none declared, administrators alone.
    case privileges
    /// Everybody who is known: it is about the caller's own things, or leaves out of its answer what the caller may not see.
    case everyone
    /// Administrators: those with every privilege above the root folder.
    case administrators
}

public enum AuthenticationRule: Sendable, Equatable {
    /// Anyone may call it.
    case open
    /// User name and password of this very call: login.
    case credentials
    /// A session, or credentials where vCenter allows them.
    case session
}

/// What calling an operation gives.
///
/// A read has run by then and has written its answer; anything else hands back a closure that does the work.
public enum Invocation: Sendable {
    case written
    case pending(@Sendable () async throws(Fault) -> Answer)
}

/// An answer that does not know its wire yet.
public struct Answer: Sendable {
    public let write: @Sendable (inout ValueWriter) -> Void

    public init(_ write: @escaping @Sendable (inout ValueWriter) -> Void) { self.write = write }
}

/// All operations, in the order of `ContractTypes.operations`; generated code conforms a dispatcher to it.
public protocol OperationDispatcher: Sendable {
    /// Decodes the input of operation `index`, calls its service, and (for a read) writes the answer.
    func invoke(_ index: Int, input: inout OperationInput, call: Call, writer: inout ValueWriter) throws(Fault) -> Invocation
}
