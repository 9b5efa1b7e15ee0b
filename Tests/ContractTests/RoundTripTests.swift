import Contract
import ContractTypes
import Domain
import Testing

// The generated codecs against a second implementation that interprets the type table: random values of every
// structure, on each wire. A failure prints the seed.

private let reference = TypedReference(table: typeTable)
private let seeds: [UInt64] = (0..<40).map { 0xC0FFEE + $0 }

@Suite struct RoundTripTests {
    @Test(arguments: outputSamples.indices)
    func whatIsWrittenReadsAsTheSameValueOnEveryWire(index: Int) throws {
        let (name, make) = outputSamples[index]
        for seed in seeds {
            var source = SampleSource(seed: seed)
            let value = make(&source)
            let expected = try DataValue(describing: value)
            for wire in Wire.allCases {
                var writer = ValueWriter(wire)
                value.write(to: &writer)
                let document = try JSONDocument(parsing: writer.take())
                let found = reference.read(document.root, .structure(name), wire)
                // Dynamic values lose their names on the REST wires.
                #expect(found?.nameless == expected.nameless, "\(name) on \(wire), seed \(seed)")
            }
        }
    }

    @Test(arguments: outputSamples.indices)
    func jsonRPCAnswersHaveTheDeclaredTypes(index: Int) throws {
        let (name, make) = outputSamples[index]
        for seed in seeds {
            var source = SampleSource(seed: seed)
            let found = typeTable.violation(of: try DataValue(describing: make(&source)), type: .structure(name))
            let isUnionRule = found?.contains("required with") == true || found?.contains("forbidden with") == true
            #expect(found == nil || isUnionRule, "\(name), seed \(seed): \(found ?? "")")
        }
    }

    @Test(arguments: inputReaders.indices)
    func whatClientsSendReadsTheSameFromEveryWire(index: Int) throws {
        let (name, read) = inputReaders[index]
        for seed in seeds {
            var source = SampleSource(seed: seed)
            let value = reference.sample(.structure(name), &source)
            var dumps: [String] = []
            for wire in Wire.allCases {
                let text = reference.text(value, .structure(name), wire)
                let document = try JSONDocument(parsing: Array(text.utf8))
                do throws(Fault) {
                    var dumped = ""
                    dump(try read(ValueReader(document.root, wire: wire)), to: &dumped)
                    dumps.append(dumped)
                } catch {
                    Issue.record("\(name) on \(wire), seed \(seed): \(error.messages) in \(text)")
                }
            }
            #expect(Set(dumps).count == 1, "\(name), seed \(seed)")
            for leaf in value.texts {
                #expect(dumps.first?.contains(leaf) == true, "\(name), seed \(seed): \(leaf) got lost")
            }
        }
    }

    @Test(arguments: inputReaders.indices)
    func everyRequiredFieldIsMissed(index: Int) throws {
        let (name, read) = inputReaders[index]
        var source = SampleSource(seed: 7)
        guard case .structure(_, let fields) = reference.sample(.structure(name), &source) else { return }
        for field in typeTable.structure(name)?.fields ?? [] {
            if case .optional = field.type { continue }
            let cut = DataValue.structure(name, fields.filter { $0.name != field.name })
            for wire in Wire.allCases {
                let fault = try fault(reading: reference.text(cut, .structure(name), wire), wire, read)
                #expect(fault?.messages == InputFault.missing(field.name, in: name).messages, "\(field.name) on \(wire)")
                #expect(fault?.detail == field.name)
            }
        }
    }

    @Test(arguments: inputReaders.indices)
    func everyUnionIsGuarded(index: Int) throws {
        let (name, read) = inputReaders[index]
        for union in typeTable.structure(name)?.unions ?? [] {
            for (seed, choice) in union.cases.enumerated() {
                let fields = unionSample(name, union, choice, seed: UInt64(seed))
                #expect(try fault(of: fields, name, read) == nil, "\(name) \(choice.value)")
                for field in choice.fields where field.isRequired {
                    let cut = fields.map { $0.name == field.name ? DataValue.Field($0.name, .unset) : $0 }
                    let found = try fault(of: cut, name, read)
                    #expect(found?.messages == InputFault.unionFieldMissing(field.name, in: name).messages)
                }
                for extra in union.allFields where !choice.fields.contains(where: { $0.name == extra }) {
                    let spoiled = set(extra, in: fields, of: name)
                    let found = try fault(of: spoiled, name, read)
                    #expect(found?.messages.last == InputFault.unionFieldExtra(extra, in: name).messages.last)
                }
            }
        }
    }

    /// Fields of a valid structure in which `choice` is chosen.
    private func unionSample(_ name: String, _ union: UnionRule, _ choice: UnionRule.Case, seed: UInt64) -> [DataValue.Field] {
        var source = SampleSource(seed: seed)
        guard let structure = typeTable.structure(name),
            case .structure(_, var fields) = reference.sample(.structure(name), &source)
        else { return [] }
        for (index, field) in structure.fields.enumerated() {
            if field.name == union.tag {
                let isOptional = if case .optional = field.type { true } else { false }
                let value = DataValue.string(choice.value)
                fields[index] = DataValue.Field(field.name, isOptional ? .optional(value) : value)
            } else if union.allFields.contains(field.name) {
                let isRequired = choice.fields.contains { $0.name == field.name && $0.isRequired }
                fields[index] = DataValue.Field(field.name, .unset)
                if isRequired { fields = set(field.name, in: fields, of: name) }
            }
        }
        return fields
    }

    private func set(_ field: String, in fields: [DataValue.Field], of name: String) -> [DataValue.Field] {
        var source = SampleSource(seed: 3)
        return fields.map { old in
            guard old.name == field, let type = typeTable.structure(name)?.fields.first(where: { $0.name == field })?.type,
                case .optional(let inner) = type
            else { return old }
            return DataValue.Field(field, .optional(reference.sample(inner, &source)))
        }
    }

    private func fault(
        of fields: [DataValue.Field], _ name: String, _ read: @Sendable (ValueReader) throws(Fault) -> any WireReadable
    ) throws -> Fault? {
        try fault(reading: reference.text(.structure(name, fields), .structure(name), .jsonRPC), .jsonRPC, read)
    }

    private func fault(
        reading text: String, _ wire: Wire, _ read: @Sendable (ValueReader) throws(Fault) -> any WireReadable
    ) throws -> Fault? {
        let document = try JSONDocument(parsing: Array(text.utf8))
        do throws(Fault) {
            _ = try read(ValueReader(document.root, wire: wire))
            return nil
        } catch {
            return error
        }
    }
}

extension DataValue {
    /// The same with all names of structures and errors forgotten, and unset fields left out.
    var nameless: DataValue {
        switch self {
        case .structure(_, let fields), .error(_, let fields):
            .structure("", fields.filter { $0.value != .unset }.map { Field($0.name, $0.value.nameless) })
        case .list(let elements): .list(elements.map(\.nameless))
        case .optional(let inner): .optional(inner.nameless)
        default: self
        }
    }

    /// All texts in it that `dump` shows unchanged.
    var texts: [String] {
        switch self {
        case .string(let text): text.allSatisfy { $0.isLetter && $0.isASCII && $0.isLowercase } ? [text] : []
        case .structure(_, let fields), .error(_, let fields): fields.flatMap(\.value.texts)
        case .list(let elements): elements.flatMap(\.texts)
        case .optional(let inner): inner.texts
        default: []
        }
    }
}
