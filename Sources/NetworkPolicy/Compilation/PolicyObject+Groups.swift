extension PolicyObject {
    /// The group that this object describes.
    var groupDefinition: GroupDefinition {
        GroupDefinition(
            path: path, name: displayName, tags: entityTags, expression: Self.expression(content["expression"]?.array ?? []))
    }

    /// The groups its expression names by path.
    var nestedGroups: [String] { references.filter { $0.contains("/groups/") } }

    private static func expression(_ elements: [PolicyValue]) -> GroupExpression {
        var terms: [GroupExpression.Term] = []
        var conjunctions: [GroupExpression.Conjunction] = []
        for (index, element) in elements.enumerated() {
            guard let fields = element.fields else { continue }
            if index % 2 == 1 {
                conjunctions.append(fields["conjunction_operator"] == "AND" ? .and : .or)
            } else {
                terms.append(term(fields))
            }
        }
        guard conjunctions.count == max(terms.count - 1, 0) else { return GroupExpression() }
        return GroupExpression(terms, conjunctions)
    }

    /// What is not known here has no members: an identity group, say, needs a directory.
    private static func term(_ fields: PolicyFields) -> GroupExpression.Term {
        func texts(_ name: String) -> [String] { (fields[name]?.array ?? []).compactMap(\.string) }
        switch fields["resource_type"]?.string {
        case "Condition": return condition(fields)
        case "NestedExpression": return .nested(expression(fields["expressions"]?.array ?? []))
        case "PathExpression":
            let paths = texts("paths")
            return .references(groups: paths.filter { $0.contains("/groups/") }, entities: paths.compactMap(entity))
        case "IPAddressExpression": return .addresses(AddressSet(texts("ip_addresses").compactMap { IPRange($0) }))
        case "MACAddressExpression": return .macAddresses(Set(texts("mac_addresses").compactMap { MACAddress($0) }))
        case "ExternalIDExpression":
            let isMachine = fields["member_type"] == "VirtualMachine"
            return .externalIDs(
                virtualMachines: isMachine ? texts("external_ids") : [], interfaces: isMachine ? [] : texts("external_ids"))
        default: return .references(groups: [], entities: [])
        }
    }

    private static func entity(_ path: String) -> NetworkEntity.ID? {
        let parts = path.split(separator: "/")
        guard parts.count >= 2 else { return nil }
        switch parts[parts.count - 2] {
        case "ports": return .init(.segmentPort, path)
        case "segments", "subnets": return .init(.segment, path)
        default: return nil
        }
    }

    private static let subjects: [String: GroupCondition.Subject] = [
        "VirtualMachine": .entity(.virtualMachine), "Segment": .entity(.segment), "VpcSubnet": .entity(.segment),
        "SegmentPort": .entity(.segmentPort), "VpcSubnetPort": .entity(.segmentPort), "Group": .group,
    ]
    private static let keys: [String: GroupCondition.Key] = [
        "Tag": .tag, "Name": .name, "OSName": .operatingSystem, "ComputerName": .computerName,
    ]
    private static let operators: [String: GroupCondition.Operator] = [
        "EQUALS": .equals, "NOTEQUALS": .notEquals, "CONTAINS": .contains, "STARTSWITH": .startsWith, "ENDSWITH": .endsWith,
        "IN": .isIn, "MATCHES": .matches,
    ]

    private static func condition(_ fields: PolicyFields) -> GroupExpression.Term {
        guard let subject = subjects[fields["member_type"]?.string ?? ""], let key = keys[fields["key"]?.string ?? ""],
            let comparison = operators[fields["operator"]?.string ?? ""], let value = fields["value"]?.string
        else { return .references(groups: [], entities: []) }
        return .condition(
            GroupCondition(subject, key, comparison, value, scopeMustDiffer: fields["scope_operator"] == "NOTEQUALS"))
    }
}
