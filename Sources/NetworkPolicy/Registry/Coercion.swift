/// What clients write in more than one way.
enum Coercion {
    /// A number, also as text.
    static func integer(_ value: PolicyValue) -> Int64? {
        switch value {
        case .integer(let number): number
        case .string(let text): Int64(text)
        case .number(let number): Int64(exactly: number)
        default: nil
        }
    }

    /// A truth value, also as text.
    static func boolean(_ value: PolicyValue) -> Bool? {
        switch value {
        case .boolean(let isTrue): isTrue
        case .string("true"): true
        case .string("false"): false
        default: nil
        }
    }
}

extension PolicyRegistry {
    /// What a body says of the fields that can be set: nulls, read-only and unknown fields left out, texts for numbers read.
    func content(of body: PolicyFields, as type: PolicyType) throws(PolicyError) -> PolicyFields {
        var violations: [String] = []
        var result = clean(body, type.fields, "", &violations)
        if let name = body["resource_type"]?.string {
            if type.variants.contains(name) {
                result["resource_type"] = .string(name)
            } else {
                violations.append("resource_type \(name) is not one of \(type.variants.joined(separator: ", "))")
            }
        }
        if !violations.isEmpty { throw .violations(violations) }
        return result
    }

    private func clean(
        _ body: PolicyFields, _ fields: [PolicyField], _ prefix: String, _ violations: inout [String]
    ) -> PolicyFields {
        var result = PolicyFields()
        for field in fields {
            guard let value = body[field.name], value != .null else { continue }
            result[field.name] = clean(value, field.kind, prefix + field.name, &violations)
        }
        return result
    }

    private func clean(_ value: PolicyValue, _ kind: FieldKind, _ name: String, _ violations: inout [String]) -> PolicyValue {
        func refuse(_ text: String) -> PolicyValue {
            violations.append("\(name) \(text)")
            return .null
        }
        switch kind {
        case .any: return value
        case .integer(let range):
            guard let number = Coercion.integer(value) else { return refuse("is not a number") }
            return range.contains(number) ? .integer(number) : refuse("must be between \(range.lowerBound) and \(range.upperBound)")
        case .boolean: return Coercion.boolean(value).map { .boolean($0) } ?? refuse("is neither true nor false")
        case .list(let element, let limit):
            guard let elements = value.array else { return refuse("is not a list") }
            guard elements.count <= limit else { return refuse("has exceeded maximum size \(limit)") }
            return .array(elements.map { clean($0, element, name, &violations) })
        case .structure(let inner):
            guard let body = value.fields else { return refuse("is not an object") }
            return .object(clean(body, structures[inner] ?? [], name + ".", &violations))
        case .text, .choice, .reference, .network, .address, .addresses, .mac:
            guard case .string(let text) = Self.texted(value) else { return refuse("is not a text") }
            if let problem = problem(of: text, kind) { return refuse(problem) }
            return .string(text)
        }
    }

    /// Numbers where a text is wanted: ports and VLANs.
    private static func texted(_ value: PolicyValue) -> PolicyValue {
        if case .integer(let number) = value { .string(String(number)) } else { value }
    }

    private func problem(of text: String, _ kind: FieldKind) -> String? {
        switch kind {
        case .text(let limit): text.count <= limit ? nil : "has exceeded maximum length \(limit)"
        case .choice(let names): names.contains(text) ? nil : "must be one of \(names.joined(separator: ", "))"
        case .reference: text.isEmpty || text.hasPrefix("/infra/") ? nil : "is not a policy path"
        case .network: InterfaceAddress(text) != nil ? nil : "is not an address with prefix length"
        case .address: IPAddress(text) != nil ? nil : "is not an address"
        case .addresses: IPRange(text) != nil ? nil : "is not an address, prefix or range"
        case .mac: MACAddress(text) != nil ? nil : "is not a MAC address"
        default: nil
        }
    }

    /// What stands there with what a body says: objects member by member, arrays as a whole.
    func merged(_ old: PolicyFields, with new: PolicyFields) -> PolicyFields {
        var result = old
        for member in new.members {
            if let before = old[member.name]?.fields, let after = member.value.fields {
                result[member.name] = .object(merged(before, with: after))
            } else {
                result[member.name] = member.value
            }
        }
        return result
    }

    /// Puts in what is true if nothing is said, and looks for what must be there and fit together.
    func complete(_ content: inout PolicyFields, as type: PolicyType, before: PolicyFields?) throws(PolicyError) {
        var violations: [String] = []
        fill(&content, type.fields, "", &violations)
        if violations.isEmpty { violations = PolicyRules.violations(of: content, as: type, before: before) }
        if !violations.isEmpty { throw .violations(violations) }
    }

    private func fill(_ content: inout PolicyFields, _ fields: [PolicyField], _ prefix: String, _ violations: inout [String]) {
        for field in fields {
            if content[field.name] == nil, let value = field.defaultValue { content[field.name] = value }
            guard let value = content[field.name] else {
                if field.isRequired { violations.append("\(prefix)\(field.name) is required") }
                continue
            }
            content[field.name] = filled(value, field.kind, prefix + field.name, &violations)
        }
    }

    private func filled(_ value: PolicyValue, _ kind: FieldKind, _ name: String, _ violations: inout [String]) -> PolicyValue {
        switch (kind, value) {
        case (.structure(let inner), .object(var fields)):
            fill(&fields, structures[inner] ?? [], name + ".", &violations)
            return .object(fields)
        case (.list(let element, _), .array(let elements)):
            return .array(elements.map { filled($0, element, name, &violations) })
        default: return value
        }
    }
}
