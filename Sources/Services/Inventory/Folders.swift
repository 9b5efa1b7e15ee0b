import ContractTypes
import Domain
import Persistence

/// `com.vmware.vcenter.folder`
struct Folders: FolderService {
    let store: Store
    let authorization: Authorization

    func list(filter: VcenterFolderFilterSpec?, call: Call) throws(Fault) -> [VcenterFolderSummary] {
        let (ids, names) = (Choice(filter?.folders), Choice(filter?.names))
        let inventory = store.snapshot
        let access = authorization.access(call, inventory)
        let parents = Choice(access.known(filter?.parentFolders, .folder, inventory))
        let datacenters = Choice(access.known(filter?.datacenters, .datacenter, inventory))
        let type = filter?.type.flatMap { FolderType(rawValue: $0.rawValue) }
        let rows = inventory[Folder.self].all
            .filter {
                ids.contains($0.id.rawValue) && names.contains($0.name) && (type == nil || $0.type == type)
                    && parents.contains($0.parent?.rawValue) && datacenters.contains($0.datacenter?.rawValue)
                    && access.shows(ManagedObject($0.id), inventory)
            }
            .map {
                VcenterFolderSummary(folder: $0.id.rawValue, name: $0.name, type: VcenterFolderType($0.type))
            }
        return try limited(rows, to: 1000, "folder", "folders")
    }
}

extension VcenterFolderType {
    init(_ type: FolderType) {
        switch type {
        case .datacenter: self = .datacenter
        case .datastore: self = .datastore
        case .host: self = .host
        case .network: self = .network
        case .virtualMachine: self = .virtualMachine
        }
    }
}
