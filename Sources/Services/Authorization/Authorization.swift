import Contract
import Domain
import Persistence

/// Decides who may do what: the privileges that the contract asks for, against what permissions give the caller.
///
/// What a caller may not see (`System.View`) is answered exactly as what does not exist; what may be seen but not used,
/// `unauthorized`.
public struct Authorization: Sendable {
    let store: Store
    private let cache: AccessCache
    /// By place in the operation table.
    private let needs: [Needs]

    /// What one operation asks for.
    private struct Needs: Sendable {
        var rule: AccessRule
        var isRead: Bool
        var requirements: [Requirement] = []
        /// All of `requirements` together.
        var all = PrivilegeSet.none
    }

    private struct Requirement: Sendable {
        let privileges: PrivilegeSet
        let resource: String
        let path: [String]
    }

    /// - Parameter operations: the table that `authorize` is called with indexes of.
    public init(store: Store, operations: [Operation]) {
        self.store = store
        cache = AccessCache()
        needs = operations.map(Self.needs)
    }

    private static func needs(of operation: Operation) -> Needs {
        let isUndeclared = operation.access == .privileges && operation.privileges.isEmpty && operation.authentication == .session
        var needs = Needs(rule: isUndeclared ? .administrators : operation.access, isRead: operation.isRead)
        for required in operation.privileges {
            let known = required.privileges.compactMap { Privilege($0) }
            // A privilege that nobody can have must not be one that everybody has.
            if known.count < required.privileges.count { needs.rule = .administrators }
            let privileges = PrivilegeSet(known)
            needs.requirements.append(Requirement(privileges: privileges, resource: required.resource, path: required.path))
            needs.all = needs.all.union(privileges)
        }
        return needs
    }

    /// What a user may do, by one inventory.
    public func access(of user: String, in inventory: Inventory) -> Access { cache.access(of: user, in: inventory) }

    /// What the caller may do; `nil` for work of the program itself, which may do everything.
    func access(_ call: Call, _ inventory: Inventory) -> Access? { call.user.map { access(of: $0, in: inventory) } }

    /// Decides about a call of an operation.
    ///
    /// - Parameter input: not read in full yet.
    /// - Throws: `not_found` as for an object that does not exist; `unauthorized`; `invalid_argument` if the objects it is
    ///   about cannot be read off.
    public func authorize(_ index: Int, _ input: borrowing OperationInput, by user: String) throws(Fault) {
        let needs = needs[index]
        if needs.rule == .everyone { return }
        let inventory = store.snapshot
        let access = access(of: user, in: inventory)
        if needs.rule == .administrators {
            guard access.isAdministrator else { throw .unauthorized }
            return
        }
        // Whoever may do it on every object need not be asked which. What does not exist, the service says itself then.
        if let everywhere = access.everywhere, everywhere.isSuperset(of: needs.all), everywhere.isSuperset(of: .view) { return }
        for requirement in needs.requirements {
            for target in try targets(requirement, input, inventory) {
                guard let object = target.object, access.sees(object, in: inventory) else { throw target.missing }
                guard access.may(requirement.privileges, on: object, in: inventory) else { throw .unauthorized }
                if !needs.isRead { try access.requireActive(object, inventory) }
            }
        }
    }

    /// An object that a call names, and the answer if it does not exist.
    private struct Target {
        let object: ManagedObject?
        let missing: Fault
    }

    private func targets(
        _ requirement: Requirement, _ input: borrowing OperationInput, _ inventory: Inventory
    ) throws(Fault) -> [Target] {
        // The root folder is no secret.
        if requirement.path.isEmpty { return [Target(object: .root, missing: .unauthorized)] }
        if requirement.resource == "DynamicID" {
            guard let named = input.objects(at: requirement.path) else { throw .unreadable(requirement.path) }
            return named.map { named in
                Target(object: ManagedObjectType(rawValue: named.type).map { ManagedObject($0, named.id) }, missing: .noObject)
            }
        }
        // What is no object of the tree, for example a LUN, belongs to the whole, as in vSphere.
        let type = Self.tenancyTypes[requirement.resource] ?? ManagedObjectType(rawValue: requirement.resource)
        if type == nil, requirement.resource != Self.permissionType { return [Target(object: .root, missing: .unauthorized)] }
        guard let ids = input.texts(at: requirement.path) else { throw .unreadable(requirement.path) }
        return ids.map { id in
            if let type { return Target(object: ManagedObject(type, id), missing: .missing(type, id)) }
            let missing = Fault.permissionNotFound(id)
            guard case .object(let object)? = inventory[Permission.self][Identifier(id)]?.place else {
                return Target(object: nil, missing: missing)
            }
            return Target(object: object, missing: missing)
        }
    }

    private static let tenancyTypes: [String: ManagedObjectType] = [
        "com.viaduct.tenancy.tenants": .tenant, "com.viaduct.tenancy.vdcs": .tenantDatacenter,
    ]
    static let permissionType = "com.vmware.vcenter.authorization.Permission"
}

extension Access {
    /// Demands privileges on an object.
    ///
    /// - Throws: `unauthorized`.
    func require(_ ids: String..., on object: ManagedObject, in inventory: Inventory) throws(Fault) {
        let privileges = PrivilegeSet(ids: ids)
        guard may(privileges, on: object, in: inventory) else { throw .unauthorized }
    }
}

extension Access? {
    /// Whether an object belongs into a list for this caller; without a caller everything does.
    func shows(_ object: ManagedObject, _ inventory: Inventory) -> Bool { self?.may(.view, on: object, in: inventory) ?? true }
}

extension Fault {
    static let unauthorized = Fault(.unauthorized, id: "vapi.security.authorization.invalid", "Unable to authorize user")

    static func unreadable(_ path: [String]) -> Fault {
        .invalid(path.joined(separator: ".").replacing(".[]", with: "[]").replacing(".{}", with: "{}"), "it has another type.")
    }

    /// For an object that a field names with its type; the same where the caller may not see it.
    static let noObject = Fault.invalid("spec.object", "there is no such object.")

    static func permissionNotFound(_ id: String) -> Fault { .notFound("authorization.permission", "Permission", id) }

    /// The answer for an object that does not exist, as the services give it.
    ///
    static func missing(_ type: ManagedObjectType, _ id: String) -> Fault {
        switch type {
        case .virtualMachine: .virtualMachineNotFound(id)
        case .folder: .notFound("folder", "Folder", id)
        case .datacenter: .notFound("datacenter", "Datacenter", id)
        case .cluster: .notFound("cluster", "Cluster", id)
        case .host: .notFound("host", "Host", id)
        case .resourcePool: .notFound("resourcepool", "Resource pool", id)
        case .network: .notFound("network", "Network", id)
        case .datastore: .notFound("datastore", "Datastore", id)
        case .tenant: .tenantNotFound(id)
        case .tenantDatacenter: .datacenterNotFound(id)
        }
    }
}
