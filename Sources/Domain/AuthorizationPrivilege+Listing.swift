// Every privilege by group, with the identifiers vSphere gives them.
// Source: vSphere Security, "Defined Privileges"; `AuthorizationManager.privilegeList` of vCenter 8.
extension Privilege {
    /// One line per group: its name, a colon, the names of its privileges. Sorted.
    static let listing = """
        Alarm: Acknowledge Create Delete DisableActions Edit SetStatus ToggleEnableOnEntity
        Authorization: ModifyPermissions ModifyPrivileges ModifyRoles ModifyVTContainerMappings ModifyVTContainers
        Authorization: ReassignRolePermissions
        AutoDeploy.Host: AssociateMachine
        AutoDeploy.Profile: Create Edit
        AutoDeploy.Rule: Create Delete Edit
        AutoDeploy.RuleSet: Activate Edit
        Certificate: Manage
        CertificateAuthority: Administer Manage
        CertificateManagement: Administer Manage
        CertificateManagementSubscriptions: Create Delete Update
        Cns: Searchable
        ComputePolicy: Manage
        ContentLibrary: AddCertToTrustStore AddLibraryItem AddSubscription CheckInTemplate CheckOutTemplate
        ContentLibrary: CreateLocalLibrary CreateSubscribedLibrary DeleteCertFromTrustStore DeleteLibraryItem
        ContentLibrary: DeleteLocalLibrary DeleteSubscribedLibrary DeleteSubscription DownloadSession EvictLibraryItem
        ContentLibrary: EvictSubscribedLibrary GetConfiguration ImportStorage ManageClusterRegistryResource
        ContentLibrary: ManageRegistry ManageRegistryProject MigrateLibrary ProbeSubscription PublishLibrary
        ContentLibrary: PublishLibraryItem ReadStorage SyncLibrary SyncLibraryItem TypeIntrospection UpdateConfiguration
        ContentLibrary: UpdateLibrary UpdateLibraryItem UpdateLocalLibrary UpdateSession UpdateSubscribedLibrary
        ContentLibrary: UpdateSubscription
        Cryptographer: Access AddDisk Clone Decrypt Encrypt EncryptNew ManageEncryptionPolicy ManageKeyServers
        Cryptographer: ManageKeys Migrate ReadKeyServersInfo Recrypt RegisterHost RegisterVM
        DVPortgroup: Create Delete Modify PolicyOp ScopeOp
        DVSwitch: Create Delete HostOp Modify Move PolicyOp PortConfig PortSetting ResourceManagement Vspan
        Datacenter: Create Delete IpPoolConfig IpPoolQueryAllocations IpPoolReleaseIp Move Reconfigure Rename
        Datacenter: UpdateCarbonInfo
        Datastore: AllocateSpace Browse Config ConfigIOManagement Delete DeleteFile FileManagement Move Rename
        Datastore: UpdateVirtualMachineFiles UpdateVirtualMachineMetadata
        DirectPathProfileManager: Manage
        EAM: Config Modify View
        Extension: Register Unregister Update
        ExternalStatsProvider: Register Unregister Update
        Folder: Create Delete ExternalFolderManagement Move Rename
        FoundationLoadBalancers: Manage
        Global: CancelTask CapacityPlanning Diagnostics DisableMethods EnableMethods GlobalTag Health Licenses LogEvent
        Global: ManageCustomFields Proxy ScriptAction ServiceManagers SetCustomField Settings SystemTag VCServer
        GuestDataPublisher: GetData
        HLM: Create Manage
        HealthUpdateProvider: Register Unregister Update
        Host.Cim: CimInteraction
        Host.Config: AdvancedConfig AuthenticationStore AutoStart Connection DateTime Firmware GuestStore HyperThreading
        Host.Config: Image Maintenance Memory NetService Network Nvdimm Patch PciPassthru Power ProductLocker Quarantine
        Host.Config: Resources Settings Snmp Storage SystemFirewallRuleSet SystemManagement
        Host.Entropy: Read Write
        Host.Hbr: HbrDaemonManagement HbrManagement
        Host.Inventory: AddHostToCluster AddStandaloneHost CreateCluster DeleteCluster EditCluster ManageClusterLifecyle
        Host.Inventory: MoveCluster MoveHost RemoveHostFromCluster RenameCluster
        Host.Local: CreateVM DeleteVM InstallAgent ManageUserGroups ReconfigVM
        Host.Sgx: Register
        Host.Stats: Query
        Host.Tpm: Read Unseal
        Infraprofile: Read Write
        IntercomNamespace: Read Write
        InventoryService.Tagging: AttachTag CreateCategory CreateTag DeleteCategory DeleteTag EditCategory EditTag
        InventoryService.Tagging: ModifyUsedByForCategory ModifyUsedByForTag ObjectAttachable
        Namespaces: Backup Configure ListAccess Manage ManageCapabilities ManageDisks SelfServiceManage Upgrade
        Network: Assign Config Delete Move
        Nsx: Manage ModifyAll Read
        Observability: Admin
        Observability.StatsProvider: Manage
        OvfManager: OvfConsumerAccess
        PartnerRestDaemon: Read Write
        Performance: ModifyIntervals
        Plugin: Management
        Profile: Clear Create Delete Edit Export View
        ReplicationService: Administer
        Resource: ApplyRecommendation AssignVAppToPool AssignVMToPool ColdMigrate CreatePool DeletePool EditPool
        Resource: HotMigrate MovePool QueryVMotion RenamePool
        ScheduledTask: Create Delete Edit Run
        ServiceAccount: Administer ManageAccount ManagePassword
        Sessions: CollectPrivilegeChecks GlobalMessage ImpersonateUser TerminateSession ValidateSession
        SettingsStore: Manage
        StoragePod: Config
        StorageProfile: Apply Update View
        StorageViews: ConfigureService View
        SupervisorServices: Install Manage
        System: Anonymous Read View
        Task: Create Update
        TenantManager: Query Update
        TokenService: PersistableTokenExchange
        TransferService: Manage Monitor
        Trust: Administer Manage
        TrustedAdmin: ConfigureHostCertificates ConfigureHostMetadata ConfigureTokenConversionPolicy ManageAttestingSSO
        TrustedAdmin: ManageKMSTrust ManageTrustedHosts ReadAttestingSSO ReadKMSTrust ReadStsInfo ReadTrustedHosts
        TrustedAdmin: RetrieveHostMetadata RetrieveTPMHostCertificates
        VApp: ApplicationConfig AssignResourcePool AssignVApp AssignVM Clone Create Delete Export ExtractOvfEnvironment
        VApp: Import InstanceConfig ManagedByConfig Move PowerOff PowerOn PullFromUrls Rename ResourceConfig Suspend
        VApp: Unregister
        VcIdentityProviders: Create Manage Read
        VcLifecycle: Upgrade View
        VirtualMachine.Config: AddExistingDisk AddNewDisk AddRemoveDevice AdvancedConfig Annotation CPUCount
        VirtualMachine.Config: ChangeTracking DiskExtend DiskLease EditDevice HostUSBDevice ManagedBy Memory MksControl
        VirtualMachine.Config: QueryFTCompatibility QueryUnownedFiles RawDevice ReloadFromPath RemoveDisk Rename
        VirtualMachine.Config: ResetGuestInfo Resource Settings SwapPlacement ToggleForkParent UpgradeVirtualHardware
        VirtualMachine.DataSets: DataSetCreate DataSetDelete DataSetEntryDelete DataSetEntryGet DataSetEntryList
        VirtualMachine.DataSets: DataSetEntrySet DataSetGet DataSetList DataSetUpdate Export
        VirtualMachine.GuestOperations: Execute Modify ModifyAliases Query QueryAliases
        VirtualMachine.Hbr: ConfigureReplication MonitorReplication ReplicaManagement
        VirtualMachine.Interact: AnswerQuestion Backup ConsoleInteract CreateScreenshot CreateSecondary
        VirtualMachine.Interact: DefragmentAllDisks DeviceConnection DisableSecondary DnD EnableSecondary GuestControl
        VirtualMachine.Interact: MakePrimary Pause PowerOff PowerOn PutUsbScanCodes Record Replay Reset
        VirtualMachine.Interact: SESparseMaintenance SetCDMedia SetFloppyMedia Suspend SuspendToMemory
        VirtualMachine.Interact: TerminateFaultTolerantVM ToolsInstall TurnOffFaultTolerance
        VirtualMachine.Inventory: Create CreateFromExisting Delete Move Register Unregister
        VirtualMachine.Namespace: Event EventNotify Management ModifyContent Query ReadContent
        VirtualMachine.Provisioning: Clone CloneTemplate CreateTemplateFromVM Customize DeployTemplate DiskRandomAccess
        VirtualMachine.Provisioning: DiskRandomRead FileRandomAccess GetVmFiles MarkAsTemplate MarkAsVM ModifyCustSpecs
        VirtualMachine.Provisioning: PromoteDisks PutVmFiles ReadCustSpecs
        VirtualMachine.State: CreateSnapshot RemoveSnapshot RenameSnapshot RevertToSnapshot
        VirtualMachineClasses: Manage
        VmResourceProfiles: Manage
        Vsan.Cluster: ShallowRekey
        Zone: Manage ObjectAttachable
        vSANStats: Access
        vService: CreateDependency DestroyDependency ReconfigureDependency UpdateDependency
        vStats: CollectAny QueryAny Settings
        """
}
