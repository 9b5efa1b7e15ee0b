import API
import Contract
import Domain
import Persistence
import Services

/// Lets the interface ask the services who may do what.
struct AuthorizationAdapter: Authorizer {
    let product: Product

    func authorize(
        _ operation: Operation, at index: Int, input: borrowing OperationInput, by principal: Principal, call: Call
    ) throws(Fault) {
        try product.authorization.authorize(index, input, by: principal.user)
    }

    /// Source: vSphere Security, "Datastore Privileges": browsing and low-level file operations.
    func authorize(_ access: FileAccess, at place: FilePlace, by principal: Principal) throws(Fault) {
        let inventory = product.store.snapshot
        let needed: PrivilegeSet
        let object: ManagedObject
        do throws(FileFault) {
            switch place {
            case .datacenter(let path):
                needed = .view
                object = ManagedObject(try FileAccessAdapter.datacenter(path, inventory).id)
            case .datastore(let datacenter, let name):
                needed = PrivilegeSet(ids: [access == .read ? "Datastore.Browse" : "Datastore.FileManagement"])
                let location = FileLocation(datacenter: datacenter, datastore: name, path: [])
                object = ManagedObject(try FileAccessAdapter.datastore(location, inventory).id)
            }
        } catch {
            throw Self.absent
        }
        let may = product.authorization.access(of: principal.user, in: inventory)
        guard may.sees(object, in: inventory) else { throw Self.absent }
        guard may.may(needed, on: object, in: inventory) else { throw Self.unauthorized }
    }

    private static let absent = Fault(.notFound, id: "com.viaduct.datastore_files.not_found", "There is no such place.")
    private static let unauthorized = Fault(.unauthorized, id: "vapi.security.authorization.invalid", "Unable to authorize user")
}
