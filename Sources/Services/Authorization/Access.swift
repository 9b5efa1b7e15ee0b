import Domain
import Persistence
import Synchronization

/// What one user may do, as long as roles, permissions, groups and the tree of objects stay as they are.
///
/// What containers hand down is remembered; a virtual machine is worked out from its two parents every time, so that
/// machines may come, go and move without any of this being forgotten.
public final class Access: Sendable {
    public let user: Identifier<User>
    /// What the user may do on every object, if it is the same on all.
    let everywhere: PrivilegeSet?
    let rules: AccessRules
    private let handedDown = Mutex<[String: PrivilegeSet]>([:])

    init(of user: Identifier<User>, in inventory: Inventory) {
        self.user = user
        rules = inventory.accessRules(of: user)
        everywhere = rules.everywhere
    }

    /// What the user may do on an object; nothing on one that does not exist.
    ///
    /// - Parameter inventory: one that agrees with that of the initializer in all but virtual machines.
    public func privileges(on object: ManagedObject, in inventory: Inventory) -> PrivilegeSet {
        if let everywhere { return everywhere }
        guard let parents = inventory.parents(of: object) else { return .none }
        return rules.privileges(on: object.id) { inherited(by: object, from: parents, in: inventory, depth: 0) }
    }

    public func may(_ needed: PrivilegeSet, on object: ManagedObject, in inventory: Inventory) -> Bool {
        privileges(on: object, in: inventory).isSuperset(of: needed)
    }

    /// Whether the object is there and the user may know.
    public func sees(_ object: ManagedObject, in inventory: Inventory) -> Bool {
        may(.view, on: object, in: inventory) && inventory.contains(object)
    }

    /// Whether the user has the role of administrators above everything.
    var isAdministrator: Bool { rules.fromAbove == .all }

    /// Whether the user has privileges on an object and, if asked, on everything below it, also in time to come.
    ///
    /// That is what one must have to give it to others.
    func holds(_ needed: PrivilegeSet, on place: PermissionPlace, andBelow: Bool, in inventory: Inventory) -> Bool {
        let below: [ManagedObject]
        switch place {
        case .everywhere:
            guard rules.fromAbove.isSuperset(of: needed) else { return false }
            below = rules.places
        case .object(let object):
            guard may(needed, on: object, in: inventory) else { return false }
            guard andBelow else { return true }
            let down = rules.handedDown(by: object.id) {
                inherited(by: object, from: inventory.parents(of: object) ?? [], in: inventory, depth: 0)
            }
            guard down.isSuperset(of: needed) else { return false }
            below = rules.places.filter { $0 != object && inventory.isWithin($0, object) }
        }
        return below.allSatisfy { place in
            let down = rules.handedDown(by: place.id) {
                inherited(by: place, from: inventory.parents(of: place) ?? [], in: inventory, depth: 0)
            }
            return down.isSuperset(of: needed) && may(needed, on: place, in: inventory)
        }
    }

    /// More levels than an inventory has: what a circle of damaged records would give is nothing.
    private static let depthLimit = 128

    private func inherited(
        by object: ManagedObject, from parents: [ManagedObject], in inventory: Inventory, depth: Int
    ) -> PrivilegeSet {
        guard depth < Self.depthLimit else { return .none }
        guard !parents.isEmpty else { return rules.fromAbove }
        var result = ofMembership(object, inventory)
        for parent in parents { result = result.union(handedDown(by: parent, in: inventory, depth: depth + 1)) }
        return result
    }

    private func handedDown(by object: ManagedObject, in inventory: Inventory, depth: Int) -> PrivilegeSet {
        if let known = handedDown.withLock({ $0[object.id] }) { return known }
        guard let parents = inventory.parents(of: object) else { return .none }
        let result = rules.handedDown(by: object.id) { inherited(by: object, from: parents, in: inventory, depth: depth) }
        if depth < Self.depthLimit { handedDown.withLock { $0[object.id] = result } }
        return result
    }
}

/// What every user may do, remembered until something that decides about it changes.
public final class AccessCache: Sendable {
    private struct State {
        /// The inventory that everything remembered agrees with in all that decides.
        var inventory: Inventory?
        var accesses: [String: Access] = [:]
    }

    /// How many users are remembered; one more, and all are forgotten.
    private static let userLimit = 4096

    private let state = Mutex(State())
    private let slots = ResourceKind.ofAuthorization.map(\.slot)

    public init() {}

    public func access(of user: String, in inventory: Inventory) -> Access {
        let known = state.withLock { state -> Access? in
            guard let last = state.inventory, inventory.shares(slots, with: last) else { return nil }
            // The newer one, so that no old inventory is kept alive for long.
            if last.sequence < inventory.sequence { state.inventory = inventory }
            return state.accesses[user]
        }
        if let known { return known }
        let access = Access(of: Identifier(user), in: inventory)
        state.withLock { state in
            if let last = state.inventory, inventory.shares(slots, with: last) {
                if state.accesses.count >= Self.userLimit { state.accesses = [:] }
            } else {
                // An older inventory must not displace what is known of a newer one.
                if let last = state.inventory, last.sequence > inventory.sequence { return }
                state.accesses = [:]
                state.inventory = inventory
            }
            state.accesses[user] = access
        }
        return access
    }
}
