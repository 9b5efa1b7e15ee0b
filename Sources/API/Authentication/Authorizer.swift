import Contract
import Domain

/// Decides whether a user may call an operation.
public protocol Authorizer: Sendable {
    /// - Parameters:
    ///   - index: of the operation in the table, for what was prepared at the start.
    ///   - input: where the identifiers stand that `operation.privileges` point at; not read yet.
    /// - Throws: `.unauthorized`; `.notFound`, exactly as for what does not exist, where the user may not even see it.
    func authorize(_ operation: Operation, at index: Int, input: borrowing OperationInput, by principal: Principal, call: Call)
        throws(Fault)

    /// Decides whether a user may read or change files at a place.
    ///
    /// - Throws: `.unauthorized`; `.notFound` where the user may not even see it, or nothing is there.
    func authorize(_ access: FileAccess, at place: FilePlace, by principal: Principal) throws(Fault)
}

/// Where files are, in the names of the file access.
public enum FilePlace: Sendable, Equatable {
    /// Inventory path.
    case datacenter(String)
    case datastore(datacenter: String, name: String)
}

/// What somebody wants to do with the files of a datastore.
public enum FileAccess: Sendable, Equatable {
    case read
    case write
}

/// Administrators may do everything; anybody else may look after the session and ask what is served, nothing more.
public struct AdministratorsOnly: Authorizer {
    /// Services whose operations every authenticated user may call.
    private let servicesForAll: Set<String>

    public init(
        servicesForAll: Set<String> = [
            "com.viaduct.sessions", "com.vmware.cis.session", "com.vmware.vapi.std.introspection.operation",
            "com.vmware.vapi.std.introspection.provider", "com.vmware.vapi.std.introspection.service",
        ]
    ) {
        self.servicesForAll = servicesForAll
    }

    public func authorize(
        _ operation: Operation, at index: Int, input: borrowing OperationInput, by principal: Principal, call: Call
    ) throws(Fault) {
        if principal.isAdministrator || servicesForAll.contains(operation.service) { return }
        throw StandardFault.unauthorized
    }

    public func authorize(_ access: FileAccess, at place: FilePlace, by principal: Principal) throws(Fault) {
        if !principal.isAdministrator { throw StandardFault.unauthorized }
    }
}
