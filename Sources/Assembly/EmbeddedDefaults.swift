/// The files of config/ that the program carries with it; a test keeps them equal to the files.
enum EmbeddedDefaults {
    /// `config/inventory/demo.yaml`
    static let demoInventory = """
        # The lab that a first start makes when no other seed file is given: names and counts of what the inventory holds.
        # Identifiers are handed out in order, so the same file always gives the same ones.

        storage_policies:
          - id: aa6d5a82-1c88-45da-85d3-3d74b91a5bad
            name: Thin Provision
            description: Blocks are taken when they are first written.
            provisioning: thin
          - id: 4d5f673c-536f-11e6-beb8-9e71128cae77
            name: Eager Zeroed Thick
            description: All blocks are taken and zeroed when the disk is made.
            provisioning: eager_zeroed

        datacenters:
          - name: Datacenter
            folders:
              # Below the folder "vm" of the datacenter.
              virtual_machine: [Production, Development]
            networks:
              - name: VM Network
                type: STANDARD_PORTGROUP
              - name: Tenant Network
                type: DISTRIBUTED_PORTGROUP
            datastores:
              # Each is a volume on a thin LUN of its own.
              - name: datastore1
                capacity_gib: 1024
              - name: datastore2
                capacity_gib: 1024
            clusters:
              - name: Cluster
                ha: true
                drs: true
                hosts:
                  # The number is put in place of the hash sign.
                  name: esx-#.viaduct.local
                  count: 3
                  cpu_cores: 32
                  # Speed of one core in MHz.
                  core_mhz: 2000
                  memory_gib: 256
                resource_pools: [Development]

        # Virtual machines to make, through the same steps as a create request.
        virtual_machines: []

        """
}
