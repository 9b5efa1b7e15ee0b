/// What the fields of one object must be to each other. Source: NSX Policy API 9.1.1, the descriptions of the schemas.
enum PolicyRules {
    static func violations(of content: PolicyFields, as type: PolicyType, before: PolicyFields?) -> [String] {
        switch type.name {
        case "Segment": segment(content, before)
        case "PolicyNatRule": translation(content)
        case "SecurityPolicy":
            content["category"] == "Ethernet" && content["stateful"] == true ? ["stateful must be false for category Ethernet"] : []
        case "GatewayPolicy":
            content["category"] == "SystemRules" || content["category"] == "AutoServiceRules" ? ["category is reserved to the system"] : []
        case "Rule": rule(content)
        case "Group": group(content)
        case "ServiceEntry": entry(content)
        default: []
        }
    }

    private static func segment(_ content: PolicyFields, _ before: PolicyFields?) -> [String] {
        var result: [String] = []
        for vlan in content["vlan_ids"]?.array ?? [] {
            let ends = (vlan.string ?? "").split(separator: "-", omittingEmptySubsequences: false).map { Int($0) ?? -1 }
            let isValid = (1...2).contains(ends.count) && ends.allSatisfy { (0...4094).contains($0) } && ends[0] <= ends[ends.count - 1]
            if !isValid { result.append("vlan_ids \(vlan.string ?? "") is not a VLAN or a range of them") }
        }
        let isVLAN = !(content["vlan_ids"]?.array ?? []).isEmpty
        if isVLAN, content["connectivity_path"] != nil { result.append("connectivity_path is not allowed with vlan_ids") }
        if isVLAN, content["transport_zone_path"] == nil { result.append("transport_zone_path is required with vlan_ids") }
        for name in ["overlay_id", "transport_zone_path"] {
            if let old = before?[name], old != content[name] { result.append("\(name) cannot be changed") }
        }
        for subnet in content["subnets"]?.array ?? [] {
            guard let gateway = subnet.fields?["gateway_address"]?.string.flatMap({ InterfaceAddress($0) }) else {
                result.append("subnets.gateway_address is required")
                continue
            }
            // Networks of two addresses or one have no address of their own: RFC 3021.
            let hasOwnAddress = gateway.prefix.length < gateway.address.family.bitCount - 1
            if hasOwnAddress, gateway.address == gateway.prefix.network {
                result.append("subnets.gateway_address \(gateway) is the address of the network itself")
            }
        }
        return result
    }

    private static func translation(_ content: PolicyFields) -> [String] {
        let action = content["action"]?.string ?? ""
        var result: [String] = []
        if action == "SNAT" || action == "REFLEXIVE", content["source_network"] == nil {
            result.append("source_network is required for \(action)")
        }
        if action == "DNAT" || action == "NO_DNAT", content["destination_network"] == nil {
            result.append("destination_network is required for \(action)")
        }
        let translates = !action.hasPrefix("NO_")
        if translates, content["translated_network"] == nil { result.append("translated_network is required for \(action)") }
        if !translates, content["translated_network"] != nil || content["translated_ports"] != nil {
            result.append("translated_network and translated_ports are not allowed for \(action)")
        }
        return result
    }

    private static func rule(_ content: PolicyFields) -> [String] {
        var result: [String] = []
        for name in ["source_groups", "destination_groups", "services", "scope", "profiles"] {
            let texts = (content[name]?.array ?? []).compactMap(\.string)
            if texts.count > 1, texts.contains(where: { $0.uppercased() == "ANY" }) { result.append("\(name) has ANY beside others") }
            for text in texts where !text.hasPrefix("/infra/") && text.uppercased() != "ANY" {
                let mayBeAddress = name == "source_groups" || name == "destination_groups"
                if !mayBeAddress || IPRange(text) == nil { result.append("\(name) \(text) is neither a path nor ANY") }
            }
        }
        return result
    }

    private static func entry(_ content: PolicyFields) -> [String] {
        let needed: [String: String] = [
            "L4PortSetServiceEntry": "l4_protocol", "ICMPTypeServiceEntry": "protocol", "IPProtocolServiceEntry": "protocol_number",
            "EtherTypeServiceEntry": "ether_type", "ALGTypeServiceEntry": "alg", "NestedServiceServiceEntry": "nested_service_path",
        ]
        var result: [String] = []
        if let name = needed[content["resource_type"]?.string ?? ""], content[name] == nil { result.append("\(name) is required") }
        for name in ["source_ports", "destination_ports"] {
            for port in (content[name]?.array ?? []).compactMap(\.string) {
                let ends = port.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) ?? -1 }
                let isValid = (1...2).contains(ends.count) && ends.allSatisfy { (0...65535).contains($0) } && ends[0] <= ends[ends.count - 1]
                if !isValid { result.append("\(name) \(port) is not a port or a range of them") }
            }
        }
        return result
    }

    private static let expressions: Set<String> = [
        "Condition", "NestedExpression", "PathExpression", "IPAddressExpression", "MACAddressExpression", "ExternalIDExpression",
        "IdentityGroupExpression",
    ]

    private static func group(_ content: PolicyFields) -> [String] {
        guard let value = content["expression"] else { return [] }
        guard let elements = value.array else { return ["expression is not a list"] }
        let conditions = elements.count { ["Condition", "NestedExpression"].contains($0.fields?["resource_type"]?.string ?? "") }
        return problems(of: elements, "expression") + (conditions > 5 ? ["expression has exceeded maximum size 5"] : [])
    }

    /// Operands with a conjunction between each two.
    private static func problems(of elements: [PolicyValue], _ name: String) -> [String] {
        if elements.isEmpty { return [] }
        if elements.count % 2 == 0 { return ["\(name) must have an odd number of elements"] }
        var result: [String] = []
        for (index, element) in elements.enumerated() {
            let fields = element.fields ?? PolicyFields()
            let kind = fields["resource_type"]?.string ?? ""
            if index % 2 == 1 {
                let operation = fields["conjunction_operator"]?.string ?? ""
                if kind != "ConjunctionOperator" || !["AND", "OR"].contains(operation) {
                    result.append("\(name) needs a ConjunctionOperator AND or OR at index \(index)")
                }
            } else if !expressions.contains(kind) {
                result.append("\(name) has no condition at index \(index)")
            } else {
                result += problems(ofOperand: fields, kind)
            }
        }
        return result
    }

    private static func problems(ofOperand fields: PolicyFields, _ kind: String) -> [String] {
        switch kind {
        case "Condition":
            return ["member_type", "key", "operator", "value"].filter { fields[$0]?.string?.isEmpty ?? true }
                .map { "Condition.\($0) is required" }
        case "NestedExpression":
            guard let inner = fields["expressions"]?.array else { return ["NestedExpression.expressions is required"] }
            return problems(of: inner, "expressions")
        case "IPAddressExpression":
            let texts = (fields["ip_addresses"]?.array ?? []).map { $0.string ?? "" }
            let wrong = texts.filter { IPRange($0) == nil }.map { "ip_addresses \($0) is not an address, prefix or range" }
            let families = Set(texts.compactMap { IPRange($0)?.family })
            return wrong + (families.count > 1 ? ["ip_addresses has addresses of IPv4 and of IPv6"] : [])
        default: return []
        }
    }
}
