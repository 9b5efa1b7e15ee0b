import Contract

/// Writes structures and enumerations.
struct TypeEmitter {
    let model: ContractModel
    /// Structures and enumerations that an input reaches.
    private let inputs: Set<String>
    /// Those that an output reaches.
    private let outputs: Set<String>
    /// Structures that contain themselves.
    private let recursive: Set<String>

    init(_ model: ContractModel) {
        self.model = model
        let operations = model.operations
        inputs = Self.closure(operations.flatMap { $0.parameters.map(\.type) }, model)
        outputs = Self.closure(operations.map(\.output), model)
        recursive = Set(
            model.structures.values.filter { Self.closure($0.fields.map(\.type), model).contains($0.name) }.map(\.name))
    }

    private static func closure(_ types: [TypeExpression], _ model: ContractModel) -> Set<String> {
        var result = Set<String>()
        var rest = types.flatMap(\.references)
        while let name = rest.popLast() {
            guard result.insert(name).inserted else { continue }
            rest += model.structures[name]?.fields.flatMap { $0.type.references } ?? []
        }
        return result
    }

    /// Files by name: one per group of types.
    func files() -> [String: String] {
        var files: [String: SourceText] = [:]
        let structures = model.structures.values.filter { inputs.contains($0.name) || outputs.contains($0.name) }
        for structure in structures.sorted(by: { $0.name < $1.name }) {
            emit(structure, into: &files[file(of: structure.name), default: SourceText(imports: ["Contract", "Domain"])])
        }
        let enumerations = model.enumerations.values.filter { inputs.contains($0.name) || outputs.contains($0.name) }
        for enumeration in enumerations.sorted(by: { $0.name < $1.name }) {
            emit(enumeration, into: &files[file(of: enumeration.name), default: SourceText(imports: ["Contract", "Domain"])])
        }
        return files.mapValues(\.text)
    }

    /// Types of one service share a file; below `vm.hardware` one device does.
    private func file(of name: String) -> String {
        let parts = name.split(separator: ".").map(String.init).dropFirst(2).dropLast()
        let group = parts.starts(with: ["vcenter", "vm", "hardware"]) ? Array(parts.prefix(4)) : Array(parts.prefix(3))
        let isOwn = name.hasPrefix("com.viaduct.")
        let stem = group == ["vcenter", "VM"] ? ["VcenterVirtualMachine"] : group
        return "Types/" + (isOwn ? "Viaduct" : "") + stem.map { Naming.type($0) }.joined() + ".swift"
    }

    // MARK: - Enumerations

    private func emit(_ enumeration: EnumerationModel, into text: inout SourceText) {
        text.line()
        text.comment(enumeration.summary)
        text.block("public enum \(enumeration.swiftName): String, WireEnumeration") { text in
            for value in enumeration.values {
                text.line("case \(Naming.enumerationCase(value)) = \(value.literal)")
            }
            text.line()
            text.line("public static let canonicalName: StaticString = \(enumeration.name.literal)")
        }
    }

    // MARK: - Structures

    /// Large and recursive ones are classes: they compile to a fraction of the code, and copies of them are cheap.
    private func isClass(_ structure: StructureModel) -> Bool {
        structure.fields.count > 8 || structure.isMemoized || recursive.contains(structure.name)
    }

    private func emit(_ structure: StructureModel, into text: inout SourceText) {
        let reads = inputs.contains(structure.name)
        let writes = outputs.contains(structure.name)
        let conformances = (reads ? ["WireReadable"] : []) + (writes ? ["WireWritable"] : [])
        text.line()
        text.comment(structure.summary)
        let keyword = isClass(structure) ? "final class" : "struct"
        text.block("public \(keyword) \(structure.swiftName): \(conformances.joined(separator: ", "))") { text in
            for field in structure.fields {
                text.comment(field.summary)
                text.line("public let \(Naming.member(field.name)): \(swiftType(field.type))")
            }
            emitInit(structure, into: &text)
            if reads { emitReading(structure, into: &text) }
            if writes { emitWriting(structure, into: &text) }
        }
    }

    private func emitInit(_ structure: StructureModel, into text: inout SourceText) {
        let parameters = structure.fields.map {
            "\(Naming.member($0.name)): \(swiftType($0.type))" + ($0.isOptional ? " = nil" : "")
        }
        text.line()
        text.block("public init(\(parameters.joined(separator: ", ")))") { text in
            for field in structure.fields {
                let name = Naming.member(field.name)
                text.line("self.\(name) = \(name)")
            }
        }
    }

    private func emitReading(_ structure: StructureModel, into text: inout SourceText) {
        text.line()
        text.block("public init(reading reader: ValueReader) throws(Fault)") { text in
            text.line("var fields = try StructureReader(reader, name: \(structure.name.literal))")
            for field in structure.fields {
                text.line("\(Naming.member(field.name)) = \(Self.reading(field, from: "fields"))")
            }
            text.line("try fields.finish()")
            for index in structure.unions.indices { text.line("try fields.check(Self.union\(index + 1))") }
        }
        for (index, union) in structure.unions.enumerated() {
            text.line()
            text.line("static let union\(index + 1) = UnionRule(")
            text.line("    tag: \(union.tag.literal),")
            text.line("    [")
            for item in union.cases { text.line("        \(Self.literal(item)),") }
            text.line("    ])")
        }
    }

    static func literal(_ item: (value: String, fields: [(name: String, isRequired: Bool)])) -> String {
        var result = "UnionRule.Case(\(item.value.literal)"
        let required = item.fields.filter(\.isRequired).map(\.name)
        let optional = item.fields.filter { !$0.isRequired }.map(\.name)
        if !required.isEmpty { result += ", required: \(required.literal)" }
        if !optional.isEmpty { result += ", optional: \(optional.literal)" }
        return result + ")"
    }

    /// The expression that reads a field or parameter.
    static func reading(_ field: FieldModel, from source: String) -> String {
        let isSet = if case .set = field.type.unwrapped { true } else { false }
        let verb = (field.isOptional ? "optional" : "required") + (isSet ? "Set" : "")
        return "try \(source).\(verb)(\(field.name.literal))"
    }

    private func emitWriting(_ structure: StructureModel, into text: inout SourceText) {
        text.line()
        if structure.isMemoized {
            text.line("private let forms = EncodedForms()")
            text.line()
            text.block("public func write(to writer: inout ValueWriter)") { text in
                text.line("forms.write(to: &writer) { (writer: inout ValueWriter) in encode(to: &writer) }")
            }
            text.line()
        }
        text.block("\(structure.isMemoized ? "private func encode" : "public func write")(to writer: inout ValueWriter)") { text in
            text.line("writer.beginStructure(\(structure.name.literal))")
            for field in structure.fields {
                let key = ",\"\(field.name)\":".literal
                text.line("writer.\(field.isOptional ? "optional" : "field")(\(key), \(Naming.member(field.name)))")
            }
            text.line("writer.endStructure()")
        }
    }

    /// The Swift type of a field, parameter or result.
    func swiftType(_ type: TypeExpression) -> String {
        switch type {
        case .void: "Void"
        case .boolean: "Bool"
        case .long: "Int64"
        case .double: "Double"
        case .string, .uri, .id: "String"
        case .secret: "Secret"
        case .binary: "Binary"
        case .dateTime: "Timestamp"
        case .opaque, .dynamic, .anyError: "DataValue"
        case .optional(let inner): swiftType(inner) + "?"
        case .list(let element), .set(let element): "[\(swiftType(element))]"
        case .map(let key, let value): "ValueMap<\(swiftType(key)), \(swiftType(value))>"
        case .structure(let name): model.structures[name]?.swiftName ?? name
        case .enumeration(let name): model.enumerations[name]?.swiftName ?? name
        }
    }

    // MARK: - Samples

    /// Random values of every structure that a client receives, for tests.
    func samples() -> String {
        var text = SourceText(imports: ["Contract", "ContractTypes", "Domain"])
        let structures = model.structures.values.filter { outputs.contains($0.name) }.sorted { $0.name < $1.name }
        for structure in structures {
            text.line()
            text.block("extension \(structure.swiftName): Sample") { text in
                text.block("static func sample(_ source: inout SampleSource) -> \(structure.swiftName)") { text in
                    for field in structure.fields {
                        let name = Naming.member(field.name)
                        text.line("let \(name): \(swiftType(field.type)) = source.value()")
                    }
                    let arguments = structure.fields.map { "\(Naming.member($0.name)): \(Naming.member($0.name))" }
                    text.line("return \(structure.swiftName)(\(arguments.joined(separator: ", ")))")
                }
            }
        }
        for enumeration in model.enumerations.values.filter({ outputs.contains($0.name) }).sorted(by: { $0.name < $1.name }) {
            text.line("extension \(enumeration.swiftName): Sample {}")
        }
        text.line()
        text.line("let outputSamples: [(name: String, make: @Sendable (inout SampleSource) -> any WireWritable)] = [")
        for structure in structures {
            text.line("    (\(structure.name.literal), { \(structure.swiftName).sample(&$0) }),")
        }
        text.line("]")
        text.line()
        let readers = model.structures.values.filter { inputs.contains($0.name) }.sorted { $0.name < $1.name }
        text.line("let inputReaders: [(name: String, read: @Sendable (ValueReader) throws(Fault) -> any WireReadable)] = [")
        for structure in readers {
            text.line(
                "    (\(structure.name.literal), { (reader: ValueReader) throws(Fault) in try \(structure.swiftName)(reading: reader) }),"
            )
        }
        text.line("]")
        return text.text
    }
}
