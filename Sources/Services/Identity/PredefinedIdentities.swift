import Domain
import Persistence

/// What the embedded directory holds from the first start on.
public enum PredefinedIdentities {
    /// The groups that the roles of `com.vmware.appliance.local_accounts` stand for, weakest first.
    public static let localRoles = ["operator", "admin", "superAdmin"]

    /// Makes groups and administrator, or sets the administrator's password if an interrupted first start made them.
    ///
    /// - Parameter administratorHash: PHC string.
    public static func put(administratorHash: String, into draft: inout Draft) throws(Fault) {
        let roles = localRoles.map { role in
            Group(name: role, domain: EmbeddedDomain.local, summary: "Local accounts with the role \(role)")
        }
        for role in roles { try draft.put(role) }
        // Whoever may administer the appliance could read its data directory anyway.
        let strongest = roles.suffix(1).map { GroupMember.group($0.id) }
        try draft.put(
            Group(
                name: "Administrators", domain: EmbeddedDomain.standard, summary: "May do everything",
                members: [.user(User.administrator)] + strongest))
        try draft.put(
            User(
                name: "Administrator", domain: EmbeddedDomain.standard, summary: "Made at the first start",
                password: StoredPassword(hash: administratorHash, changedAt: draft.now), createdAt: draft.now))
    }
}
