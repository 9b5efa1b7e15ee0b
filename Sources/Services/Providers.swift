import Contract
import ContractTypes
import Coordination
import Domain
import NetworkPolicy
import Persistence
import Platform

/// Everything the services share, and the services themselves.
public struct Product: Sendable {
    public let store: Store
    public let sessions: Sessions
    public let logins: Logins
    public let directory: IdentityDirectory
    public let refusals: RefusalRecorder
    public let fabric: StorageFabric
    public let engine: WorkflowEngine
    public let world: World
    public let array: ArrayAdministration
    public let authorization: Authorization

    public init(
        store: Store, sessions: Sessions, hasher: PasswordHasher, fabric: StorageFabric, engine: WorkflowEngine, world: World,
        array: ArrayAdministration
    ) {
        self.store = store
        self.sessions = sessions
        logins = Logins(store: store, hasher: hasher)
        directory = IdentityDirectory(store: store, hasher: hasher, logins: logins)
        refusals = RefusalRecorder(store: store, world: world)
        self.fabric = fabric
        self.engine = engine
        self.world = world
        self.array = array
        authorization = Authorization(store: store, operations: operations)
    }

    /// The types of record the store holds.
    public static let schema = Schema([
        Datacenter.self, Folder.self, Cluster.self, Host.self, ResourcePool.self, Network.self, Datastore.self,
        VirtualMachine.self, User.self, Session.self, WorkflowRecord.self, StoragePolicy.self, Setting.self,
        Group.self, LoginFailures.self, IdentityPolicy.self, ArrayLUN.self, Role.self, Permission.self,
        PolicyObject.self,
        Tenant.self, TenantDatacenter.self, TenancyUsage.self,
    ])

    /// The workflows the engine must know.
    public static func workflows(_ fabric: StorageFabric, _ array: ArrayAdministration) -> WorkflowRegistry {
        var registry = WorkflowRegistry()
        registry.register(ProvisionVirtualMachine.self, dependencies: fabric)
        registry.register(DeleteVirtualMachine.self, dependencies: fabric)
        registry.register(DeleteTenantDatacenter.self, dependencies: fabric)
        registry.register(MakeLUN.self, dependencies: array)
        registry.register(UpdateLUN.self, dependencies: array)
        registry.register(ResizeLUN.self, dependencies: array)
        registry.register(RevertLUN.self, dependencies: array)
        registry.register(UpdatePool.self, dependencies: array)
        registry.register(ScrubPool.self, dependencies: array)
        registry.register(DeleteLUN.self, dependencies: array)
        return registry
    }

    /// One implementation of every service of the contract.
    public var services: ServiceProviders {
        let introspection = Introspection(operations)
        return ServiceProviders(
            arrayLUN: ArrayLUNs(store: store, engine: engine, array: array),
            arrayLUNAccess: ArrayLUNAccess(store: store, array: array), 
            arrayLUNSnapshot: ArrayLUNSnapshots(store: store, engine: engine, array: array),
            arrayLUNStatistics: ArrayLUNStatistics(store: store, array: array),
            arrayLUNVAAI: ArrayLUNVAAI(store: store, array: array), arrayPool: ArrayPools(engine: engine, array: array),
            arraySession: ArraySessions(array: array),
            arrayStatistics: ArrayStatistics(store: store, pool: array.pool, fabric: fabric),
            audit: Audit(store: store, fabric: fabric),
            globalPermission: GlobalPermissions(store: store),
            hostSettings: HostSettings(store: store, fabric: fabric),
            identityGroups: IdentityGroups(directory: directory), identityUsers: IdentityUsers(directory: directory),
            sessionAdministration: SessionAdministration(store: store, sessions: sessions),
            tenantAudit: TenantAudit(store: store, fabric: fabric), tenancyCapacity: TenancyCapacity(store: store),
            tenantMembers: TenantMembers(store: store),
            tenants: Tenants(store: store, authorization: authorization),
            virtualDatacenters: VirtualDatacenters(store: store, engine: engine, authorization: authorization),
            localAccounts: LocalAccounts(directory: directory), localAccountsPolicy: LocalAccountsPolicy(store: store),
            session: SessionOperations(sessions: sessions),
            tasks: Tasks(store: store, engine: engine),
            operationIntrospection: Introspection.Operations(introspection: introspection),
            providerIntrospection: Introspection.Provider(introspection: introspection),
            serviceIntrospection: Introspection.Services(introspection: introspection),
            virtualMachine: VirtualMachines(
                store: store, fabric: fabric, engine: engine, world: world, views: MachineViews(), authorization: authorization),
            permission: Permissions(store: store, authorization: authorization), privilege: PrivilegeListing(),
            role: Roles(store: store), cluster: Clusters(store: store, authorization: authorization),
            datacenter: Datacenters(store: store, authorization: authorization),
            datastore: DatastoreListing(store: store, authorization: authorization, fabric: fabric),
            folder: Folders(store: store, authorization: authorization),
            host: Hosts(store: store, authorization: authorization),
            network: Networks(store: store, authorization: authorization),
            resourcePool: ResourcePools(store: store, authorization: authorization),
            storagePolicies: StoragePolicyListing(store: store), processor: Processors(store: store),
            disk: Disks(store: store, authorization: authorization, fabric: fabric), memory: MemorySizes(store: store), power: Power(store: store),
            tenantVDC: TenantVDCs(store: store))
    }
}
