import Contract
import Domain

/// A second implementation of the wires, slow and driven by the type table, against which the generated one is held.
struct TypedReference {
    let table: TypeTable

    // MARK: - Reading

    /// Reads what `wire` carries as a value of `type`; `nil` if it does not fit.
    func read(_ value: JSONValue, _ type: TypeExpression, _ wire: Wire) -> DataValue? {
        if wire == .jsonRPC { return try? DataValue(reading: ValueReader(value, wire: wire)) }
        switch type {
        case .optional(let inner): return value.isNull ? .unset : read(value, inner, wire).map { .optional($0) }
        case .boolean, .string, .id, .uri, .enumeration, .dateTime, .long, .opaque, .dynamic, .anyError:
            return try? DataValue(reading: ValueReader(value, wire: wire))
        case .double: return (try? ValueReader(value, wire: wire).double()).map { .double($0) }
        case .secret: return value.text.map { .secret($0) }
        case .binary: return (try? ValueReader(value, wire: wire).binary()).map { .binary($0) }
        case .list(let element), .set(let element): return list(value.elements.map { read($0, element, wire) })
        case .map(let key, let element): return list(readMap(value, key, element, wire))
        case .structure(let name): return readStructure(value, name, wire)
        case .void: return nil
        }
    }

    private func list(_ values: [DataValue?]) -> DataValue? {
        values.contains(nil) ? nil : .list(values.compactMap { $0 })
    }

    private func readMap(_ value: JSONValue, _ key: TypeExpression, _ element: TypeExpression, _ wire: Wire) -> [DataValue?] {
        if wire == .clean {
            return value.members.map { name, member in
                let text = name.text ?? ""
                let keyValue: DataValue? = key == .long ? Int64(text).map { .long($0) } : .string(text)
                return read(member, element, wire).flatMap { inner in keyValue.map { .mapEntry($0, inner) } }
            }
        }
        return value.elements.map { entry in
            guard let first = entry["key"], let second = entry["value"], let name = read(first, key, wire),
                let inner = read(second, element, wire)
            else { return nil }
            return .mapEntry(name, inner)
        }
    }

    private func readStructure(_ value: JSONValue, _ name: String, _ wire: Wire) -> DataValue? {
        guard let structure = table.structure(name), value.isObject else { return nil }
        var fields: [DataValue.Field] = []
        for field in structure.fields {
            guard let member = value[field.name] else {
                guard case .optional = field.type else { return nil }
                fields.append(DataValue.Field(field.name, .unset))
                continue
            }
            guard let inner = read(member, field.type, wire) else { return nil }
            fields.append(DataValue.Field(field.name, inner))
        }
        return .structure(name, fields)
    }

    // MARK: - Writing

    /// The text of a value of `type` on `wire`.
    func text(_ value: DataValue, _ type: TypeExpression, _ wire: Wire) -> String {
        if wire == .jsonRPC { return String(decoding: value.jsonRPCText, as: UTF8.self) }
        switch (type, value) {
        case (.optional(let inner), .optional(let wrapped)): return text(wrapped, inner, wire)
        case (.list(let element), .list(let elements)), (.set(let element), .list(let elements)):
            return "[" + elements.map { text($0, element, wire) }.joined(separator: ",") + "]"
        case (.map(let key, let element), .list(let entries)): return mapText(entries, key, element, wire)
        case (.structure(let name), .structure(_, let fields)):
            let types = table.structure(name)?.fields ?? []
            let members = fields.filter { $0.value != .unset }.map { field in
                let type = types.first { $0.name == field.name }?.type ?? .opaque
                return "\"\(field.name)\":" + text(field.value, type, wire)
            }
            return "{" + members.joined(separator: ",") + "}"
        default:
            var writer = ValueWriter(wire)
            value.write(to: &writer)
            return String(decoding: writer.bytes, as: UTF8.self)
        }
    }

    private func mapText(_ entries: [DataValue], _ key: TypeExpression, _ element: TypeExpression, _ wire: Wire) -> String {
        let parts = entries.map { entry -> String in
            guard case .structure(_, let fields) = entry else { return "" }
            let name = text(fields[0].value, key, wire)
            let inner = text(fields[1].value, element, wire)
            return wire == .clean ? "\(key == .long ? "\"\(name)\"" : name):\(inner)" : "{\"key\":\(name),\"value\":\(inner)}"
        }
        let inner = parts.joined(separator: ",")
        return wire == .clean ? "{\(inner)}" : "[\(inner)]"
    }

    // MARK: - Random inputs

    /// A value of `type` that satisfies every rule.
    func sample(_ type: TypeExpression, _ source: inout SampleSource) -> DataValue {
        switch type {
        case .void: return .void
        case .boolean: return .boolean(source.value())
        case .long: return .long(source.value())
        case .double: return .double(source.value())
        case .string, .id, .uri: return .string(source.text())
        case .secret: return .secret(source.text())
        case .binary: return .binary((source.value() as Binary).bytes)
        case .dateTime:
            var writer = ValueWriter(.clean)
            writer.dateTime(source.value())
            return .string(String(decoding: writer.bytes.dropFirst().dropLast(), as: UTF8.self))
        case .opaque, .dynamic, .anyError: return source.value()
        case .enumeration(let name):
            let values = table.enumeration(name)?.values ?? [""]
            return .string(values[source.below(values.count)])
        case .optional(let inner):
            return source.below(3) == 0 ? .unset : .optional(source.deeper { sample(inner, &$0) })
        case .list(let element), .set(let element):
            var elements: [DataValue] = []
            for _ in 0..<source.below(4) {
                let candidate = source.deeper { sample(element, &$0) }
                if !elements.contains(candidate) { elements.append(candidate) }
            }
            return .list(elements)
        case .map(let key, let element):
            return .list((0..<source.below(3)).map { _ in .mapEntry(sample(key, &source), sample(element, &source)) })
        case .structure(let name): return structureSample(name, &source)
        }
    }

    private func structureSample(_ name: String, _ source: inout SampleSource) -> DataValue {
        guard let structure = table.structure(name) else { return .void }
        var fields: [DataValue.Field] = []
        for field in structure.fields { fields.append(DataValue.Field(field.name, sample(field.type, &source))) }
        for union in structure.unions { repair(&fields, structure, union, &source) }
        return .structure(name, fields)
    }

    /// Sets what the chosen case requires and unsets what it forbids.
    private func repair(
        _ fields: inout [DataValue.Field], _ structure: StructureType, _ union: UnionRule, _ source: inout SampleSource
    ) {
        let tag: String? =
            switch fields.first(where: { $0.name == union.tag })?.value {
            case .string(let text), .optional(.string(let text)): text
            default: nil
            }
        let chosen = union.cases.first { $0.value == tag }?.fields ?? []
        for (index, field) in fields.enumerated() where union.allFields.contains(field.name) {
            guard let rule = chosen.first(where: { $0.name == field.name }) else {
                fields[index] = DataValue.Field(field.name, .unset)
                continue
            }
            guard rule.isRequired, field.value == .unset, case .optional(let inner) = structure.fields[index].type else {
                continue
            }
            fields[index] = DataValue.Field(field.name, .optional(sample(inner, &source)))
        }
    }
}
