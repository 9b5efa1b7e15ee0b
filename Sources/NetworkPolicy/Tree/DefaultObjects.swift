import Domain

/// What is there from the beginning and belongs to the system. Kept as a record only once somebody has changed it.
public enum DefaultObjects {
    static let byPath: [String: PolicyObject] = Dictionary(uniqueKeysWithValues: all.map { ($0.path, $0) })
    static let byCollection: [String: [String]] = Dictionary(grouping: all.map(\.path)) {
        String($0.prefix(upTo: $0.lastIndex(of: "/") ?? $0.startIndex))
    }

    static let point = "/infra/sites/default/enforcement-points/default"

    static let all: [PolicyObject] = [
        make("/infra", "Infra"),
        make("/infra/domains/default", "Domain"),
        make("/infra/sites/default", "Site"),
        make(point, "EnforcementPoint"),
        make(
            point + "/transport-zones/overlay", "PolicyTransportZone",
            [("tz_type", "OVERLAY_BACKED"), ("transport_zone_type", "OVERLAY"), ("is_default", true), ("display_name", "nsx-overlay-transportzone")]),
        make(
            point + "/transport-zones/vlan", "PolicyTransportZone",
            [("tz_type", "VLAN_BACKED"), ("transport_zone_type", "VLAN"), ("is_default", true), ("display_name", "nsx-vlan-transportzone")]),
        make(point + "/edge-clusters/default", "PolicyEdgeCluster"),
    ] + services

    private static let services: [PolicyObject] = ports.flatMap { name, transport, port in
        let path = "/infra/services/" + name
        return [
            make(path, "Service", [("service_type", "NON_ETHER")]),
            make(
                path + "/service-entries/" + name, "ServiceEntry",
                [
                    ("resource_type", "L4PortSetServiceEntry"), ("l4_protocol", .string(transport)),
                    ("destination_ports", [.string(port)]), ("source_ports", []),
                ]),
        ]
    }

    /// Source: IANA Service Name and Transport Protocol Port Number Registry.
    private static let ports: [(String, String, String)] = [
        ("HTTP", "TCP", "80"), ("HTTPS", "TCP", "443"), ("SSH", "TCP", "22"), ("DNS", "TCP", "53"), ("DNS-UDP", "UDP", "53"),
        ("NTP", "UDP", "123"), ("FTP-Control", "TCP", "21"), ("Telnet", "TCP", "23"), ("SMTP", "TCP", "25"), ("POP3", "TCP", "110"),
        ("IMAP", "TCP", "143"), ("IMAP_SSL", "TCP", "993"), ("LDAP", "TCP", "389"), ("LDAP-over-SSL", "TCP", "636"),
        ("SNMP", "UDP", "161"), ("SNMP-Trap", "UDP", "162"), ("Syslog-UDP", "UDP", "514"), ("MySQL", "TCP", "3306"),
        ("PostgreSQL", "TCP", "5432"), ("RDP", "TCP", "3389"), ("TFTP", "UDP", "69"), ("DHCP-Server", "UDP", "67"),
        ("DHCP-Client", "UDP", "68"), ("Kerberos", "TCP", "88"), ("NFS", "TCP", "2049"), ("iSCSI", "TCP", "3260"),
    ]

    private static func make(_ path: String, _ type: String, _ fields: [(String, PolicyValue)] = []) -> PolicyObject {
        var content = PolicyFields(fields)
        if content["resource_type"] == nil { content["resource_type"] = .string(type) }
        if content["display_name"] == nil { content["display_name"] = .string(String(path.split(separator: "/").last ?? "")) }
        return PolicyObject(
            id: Identifier(path), type: type, content: content, revision: 0, createdAt: Timestamp(milliseconds: 0),
            createdBy: "system", modifiedAt: Timestamp(milliseconds: 0), modifiedBy: "system")
    }

    /// The three sections of every gateway's address translation are there with the gateway.
    static func section(_ path: String, gateway: String, name: String) -> PolicyObject? {
        ["USER", "DEFAULT", "INTERNAL"].contains(name) ? make(path, "PolicyNat") : nil
    }
}
