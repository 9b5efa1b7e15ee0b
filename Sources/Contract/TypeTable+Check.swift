extension TypeTable {
    /// Whether a value, read from JSON-RPC, is what `type` promises to clients: types, names, required fields, unions.
    ///
    /// VMware's own clients check the same and refuse the whole answer otherwise, so tests let every answer pass here.
    /// - Returns: the path to the first violation and what it is; `nil` if there is none.
    public func violation(of value: DataValue, type: TypeExpression) -> String? {
        switch (type, value) {
        case (.void, .void), (.boolean, .boolean), (.long, .long), (.double, .double), (.string, .string), (.id, .string),
            (.uri, .string), (.secret, .secret), (.binary, .binary), (.opaque, _), (.anyError, .error),
            (.dynamic, .structure), (.optional, .unset):
            return nil
        case (.dateTime, .string(let text)):
            return DateTimeText.parse(text) == nil ? ": \(text) is no date-time" : nil
        case (.enumeration(let name), .string(let text)):
            let known = enumeration(name)?.values.contains(text) ?? false
            return known ? nil : ": \(text) is no \(name)"
        case (.optional(let inner), .optional(let wrapped)):
            return violation(of: wrapped, type: inner)
        case (.list(let element), .list(let elements)), (.set(let element), .list(let elements)):
            return firstViolation(elements) { violation(of: $0, type: element) }
        case (.map(let key, let element), .list(let entries)):
            return firstViolation(entries) { entry in
                guard case .structure("map-entry", let fields) = entry, fields.map(\.name) == ["key", "value"] else {
                    return ": no map entry"
                }
                return violation(of: fields[0].value, type: key) ?? violation(of: fields[1].value, type: element)
            }
        case (.structure(let expected), .structure(let name, let fields)),
            (.structure(let expected), .error(let name, let fields)):
            return structureViolation(expected, name, fields)
        default:
            return ": not of type \(type)"
        }
    }

    private func firstViolation(_ elements: [DataValue], _ check: (DataValue) -> String?) -> String? {
        for (index, element) in elements.enumerated() {
            if let found = check(element) { return "[\(index)]\(found)" }
        }
        return nil
    }

    private func structureViolation(_ expected: String, _ name: String, _ fields: [DataValue.Field]) -> String? {
        guard expected == name, let structure = structure(name) else { return ": \(name) instead of \(expected)" }
        for declared in structure.fields {
            guard let field = fields.first(where: { $0.name == declared.name }) else {
                if case .optional = declared.type { continue }
                return ".\(declared.name): missing"
            }
            if let found = violation(of: field.value, type: declared.type) { return ".\(declared.name)\(found)" }
        }
        for field in fields where !structure.fields.contains(where: { $0.name == field.name }) {
            return ".\(field.name): not declared"
        }
        for union in structure.unions {
            if let found = violation(of: union, fields) { return found }
        }
        return nil
    }

    private func violation(of union: UnionRule, _ fields: [DataValue.Field]) -> String? {
        let set = Set(fields.filter { $0.value != .unset }.map(\.name))
        let tag: String? =
            switch fields.first(where: { $0.name == union.tag })?.value {
            case .string(let text), .optional(.string(let text)): text
            default: nil
            }
        let chosen = union.cases.first { $0.value == tag }?.fields ?? []
        if let missing = chosen.first(where: { $0.isRequired && !set.contains($0.name) }) {
            return ".\(missing.name): required with \(union.tag) \(tag ?? "unset")"
        }
        let extra = union.allFields.first { name in set.contains(name) && !chosen.contains { $0.name == name } }
        return extra.map { ".\($0): forbidden with \(union.tag) \(tag ?? "unset")" }
    }
}
