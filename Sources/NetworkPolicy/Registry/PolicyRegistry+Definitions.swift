extension PolicyRegistry {
    /// Source: NSX Policy API 9.1.1, the schemas of the official client.
    static let definitions = """
        struct Tag
        scope text(128)
        tag text(256)

        struct SegmentSubnet
        gateway_address network
        dhcp_ranges [addresses]99
        dhcp_config {SegmentDhcpConfig}

        struct SegmentDhcpConfig
        resource_type SegmentDhcpV4Config|SegmentDhcpV6Config
        server_address network
        lease_time int(60:4294967295)
        dns_servers [address]3
        options any

        struct AddressBinding
        ip_address addresses
        mac_address mac
        vlan_id int(0:4094)

        struct PortAttachment
        id text(64)
        type PARENT|CHILD|INDEPENDENT|STATIC
        context_id text(64)
        app_id text(64)
        traffic_tag int(0:4094)
        allocate_addresses IP_POOL|MAC_POOL|BOTH|DHCP|DHCPV6|SLAAC|NONE

        struct NextHop
        ip_address address
        admin_distance int(1:255) =1
        scope [path]

        struct AdvertisementRule
        name! text(255)
        subnets [network]
        prefix_operator GE|EQ =GE
        action! PERMIT|DENY
        route_advertisement_types [text(64)]

        struct AddressRange
        start! address
        end! address

        struct ProfileAttribute
        key! text(64)
        value! [text(256)]
        datatype STRING
        sub_attributes any

        type Infra infra

        type Site sites Infra

        type EnforcementPoint enforcement-points Site

        type PolicyTransportZone transport-zones EnforcementPoint
        tz_type OVERLAY_STANDARD|OVERLAY_ENS|VLAN_BACKED|OVERLAY_BACKED|UNKNOWN
        transport_zone_type OVERLAY|VLAN
        is_default bool

        type PolicyEdgeCluster edge-clusters EnforcementPoint

        type Segment segments Infra Tier1
        subnets [{SegmentSubnet}]1
        connectivity_path path(Tier0,Tier1)
        transport_zone_path path(PolicyTransportZone)
        vlan_ids [text(16)]
        overlay_id int(0:2147483647)
        replication_mode MTEP|SOURCE =MTEP
        admin_state UP|DOWN =UP
        domain_name text(255)
        dhcp_config_path path(DhcpServerConfig,DhcpRelayConfig)
        advanced_config any
        address_bindings [{AddressBinding}]512
        extra_configs any

        type SegmentPort ports Segment
        attachment {PortAttachment}
        address_bindings [{AddressBinding}]512
        ignored_address_bindings [{AddressBinding}]512
        admin_state UP|DOWN =UP
        init_state UNBLOCKED_VLAN|RESTORE_VIF
        extra_configs any

        type Tier0 tier-0s Infra
        ha_mode ACTIVE_ACTIVE|ACTIVE_STANDBY =ACTIVE_ACTIVE
        failover_mode PREEMPTIVE|NON_PREEMPTIVE =NON_PREEMPTIVE
        transit_subnets [network]
        internal_transit_subnets [network]
        dhcp_config_paths [path(DhcpServerConfig,DhcpRelayConfig)]1
        disable_firewall bool =false
        arp_limit int(5000:50000)

        type Tier1 tier-1s Infra
        tier0_path path(Tier0)
        ha_mode ACTIVE_ACTIVE|ACTIVE_STANDBY
        failover_mode PREEMPTIVE|NON_PREEMPTIVE =NON_PREEMPTIVE
        route_advertisement_types [TIER1_CONNECTED|TIER1_NAT|TIER1_STATIC_ROUTES|TIER1_LB_VIP|TIER1_LB_SNAT|TIER1_DNS_FORWARDER_IP|TIER1_IPSEC_LOCAL_ENDPOINT] =TIER1_IPSEC_LOCAL_ENDPOINT
        route_advertisement_rules [{AdvertisementRule}]
        dhcp_config_paths [path(DhcpServerConfig,DhcpRelayConfig)]1
        disable_firewall bool =false
        pool_allocation ROUTING|LB_SMALL|LB_MEDIUM|LB_LARGE|LB_XLARGE =ROUTING
        arp_limit int(5000:50000)

        type LocaleServices locale-services Tier0 Tier1
        edge_cluster_path path(PolicyEdgeCluster)
        route_redistribution_types [text(64)]
        preferred_edge_paths [path]

        type StaticRoutes static-routes Tier0 Tier1
        network! network
        next_hops! [{NextHop}]32

        type PolicyNat nat Tier0 Tier1

        type PolicyNatRule nat-rules PolicyNat
        action! SNAT|DNAT|REFLEXIVE|NO_SNAT|NO_DNAT|NAT64
        source_network addresses
        destination_network addresses
        translated_network addresses
        translated_ports text(64)
        service path(Service)
        sequence_number int(0:2147481599) =0
        enabled bool =true
        logging bool =false
        firewall_match MATCH_EXTERNAL_ADDRESS|MATCH_INTERNAL_ADDRESS|BYPASS =MATCH_INTERNAL_ADDRESS
        scope [path]

        type Domain domains Infra

        type Group groups Domain
        expression any
        extended_expression any
        group_type [IPAddress]1

        type Service services Infra
        service_type ETHER|NON_ETHER

        type ServiceEntry service-entries Service embedded=service_entries variants=L4PortSetServiceEntry,ICMPTypeServiceEntry,IPProtocolServiceEntry,IGMPTypeServiceEntry,EtherTypeServiceEntry,ALGTypeServiceEntry,NestedServiceServiceEntry
        l4_protocol TCP|UDP
        source_ports [text(16)]15
        destination_ports [text(16)]15
        protocol ICMPv4|ICMPv6
        icmp_type int(0:255)
        icmp_code int(0:255)
        protocol_number int(0:255)
        ether_type int(0:65535)
        alg ORACLE_TNS|FTP|SUN_RPC_TCP|SUN_RPC_UDP|MS_RPC_TCP|MS_RPC_UDP|NBNS_BROADCAST|NBDG_BROADCAST|TFTP
        nested_service_path path(Service)

        type SecurityPolicy security-policies Domain
        category Ethernet|Emergency|Infrastructure|Environment|Application =Application
        sequence_number int(0:999999) =0
        stateful bool =true
        tcp_strict bool
        scope [text(512)]128
        locked bool =false
        comments text(1024)
        logging_enabled bool
        connectivity_preference ALLOWLIST|DENYLIST|ALLOWLIST_ENABLE_LOGGING|DENYLIST_ENABLE_LOGGING|NONE

        type GatewayPolicy gateway-policies Domain
        category Emergency|SystemRules|SharedPreRules|LocalGatewayRules|AutoServiceRules|Default =LocalGatewayRules
        sequence_number int(0:999999) =0
        stateful bool =true
        tcp_strict bool
        scope [text(512)]128
        locked bool =false
        comments text(1024)

        type Rule rules SecurityPolicy GatewayPolicy embedded=rules
        action ALLOW|DROP|REJECT|JUMP_TO_APPLICATION =ALLOW
        sequence_number int(0:2147483647) =0
        source_groups [text(512)]128 =ANY
        destination_groups [text(512)]128 =ANY
        sources_excluded bool =false
        destinations_excluded bool =false
        services [text(512)]128 =ANY
        service_entries any
        profiles [text(512)]128 =ANY
        scope [text(512)]128 =ANY
        direction IN|OUT|IN_OUT =IN_OUT
        ip_protocol IPV4|IPV6|IPV4_IPV6 =IPV4_IPV6
        logged bool =false
        disabled bool =false
        notes text(2048)
        tag text(32)

        type IpAddressBlock ip-blocks Infra
        cidr network
        visibility PRIVATE|EXTERNAL

        type IpAddressPool ip-pools Infra
        ip_release_delay int(0:86400000) =120000
        check_overlap_with_existing_pools bool =false

        type IpAddressPoolSubnet ip-subnets IpAddressPool variants=IpAddressPoolStaticSubnet,IpAddressPoolBlockSubnet
        cidr network
        allocation_ranges [{AddressRange}]
        gateway_ip address
        dns_nameservers [address]3
        dns_suffix text(255)
        ip_block_path path(IpAddressBlock)
        size int(2:65536)
        auto_assign_gateway bool

        type DhcpServerConfig dhcp-server-configs Infra
        server_addresses [network]2
        lease_time int(60:4294967295) =86400
        edge_cluster_path path(PolicyEdgeCluster)

        type DhcpRelayConfig dhcp-relay-configs Infra
        server_addresses! [address]8

        type PolicyContextProfile context-profiles Infra
        attributes! [{ProfileAttribute}]
        """
}
