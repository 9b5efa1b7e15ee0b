import Domain

/// What is wrong with an input, in the words and with the message ids of VMware's own runtime.
///
/// Messages go from the outermost name to the reason: "invalid field `spec` in `operation-input`", then "structure
/// `…create_spec` is missing a field". Violated unions, unexpected fields and duplicates stand alone, as there.
/// `detail` is the path for the log. Source: observed answers of the runtime; ids `vapi.data.*`, `vapi.method.*`.
public enum InputFault {
    public static func missing(_ field: String, in structure: String) -> Fault {
        Fault(
            .invalidArgument, id: "vapi.data.structure.field.missing",
            "Structure \(structure) is missing a field \"\(field)\"", arguments: [structure, field], detail: field)
    }

    public static func mismatch(expected: String, found: String) -> Fault {
        Fault(
            .invalidArgument, id: "vapi.data.validate.mismatch",
            "Type mismatch, expected an object of type \(expected), but got \(found)", arguments: [expected, found])
    }

    public static func nameMismatch(expected: String, found: String) -> Fault {
        Fault(
            .invalidArgument, id: "vapi.data.structure.name.mismatch",
            "Name mismatch for structure. Expected \(expected), but got \(found)", arguments: [expected, found])
    }

    /// - Parameter fields: sorted; written as a set, as the runtime does.
    public static func unexpected(_ fields: [String], in structure: String) -> Fault {
        let names = "{" + fields.map { "'\($0)'" }.joined(separator: ", ") + "}"
        return Fault(
            .unexpectedInput, id: "vapi.data.structure.field.unexpected",
            "Found unexpected field \"\(names)\" in structure \"\(structure)\"", arguments: [names, structure],
            detail: fields.first)
    }

    public static func unionFieldMissing(_ field: String, in structure: String) -> Fault {
        Fault(
            .invalidArgument, id: "vapi.data.structure.union.missing",
            "Structure \(structure) has a union that is missing a required field for this case = \(field)",
            arguments: [structure, field], detail: field)
    }

    public static func unionFieldExtra(_ field: String, in structure: String) -> Fault {
        Fault(
            .invalidArgument, id: "vapi.data.structure.union.extra",
            "Structure \(structure) has a union with a field not required for this case = \(field)",
            arguments: [structure, field], detail: field)
    }

    public static func duplicateSetElement(_ element: String) -> Fault {
        Fault(
            .invalidArgument, id: "vapi.bindings.typeconverter.set.duplicate.element",
            "List contains duplicate element \"\(element)\". Cannot convert to a set", arguments: [element])
    }

    public static func duplicateMapKey(_ key: String) -> Fault {
        Fault(
            .invalidArgument, id: "vapi.bindings.typeconverter.map.duplicate.key",
            "List contains structure with duplicate key \"\(key)\". Cannot convert to a Map", arguments: [key])
    }

    public static func invalidDateTime(_ text: String) -> Fault {
        let pattern = "YYYY-MM-DDThh:mm:ss.sssZ"
        return Fault(
            .invalidArgument, id: "vapi.bindings.typeconverter.datetime.deserialize.invalid.format",
            "Datetime string \"\(text)\" does not match expected pattern \"\(pattern)\"", arguments: [text, pattern])
    }

    public static func unknownEnumerationValue(_ text: String, of enumeration: String, known: [String]) -> Fault {
        let choice = known.count <= 12 ? " Known values: \(known.joined(separator: ", "))." : ""
        return Fault(
            .invalidArgument, id: "com.viaduct.input.enumeration.unknown",
            "\"\(text)\" is not a value of \(enumeration).\(choice)", arguments: [text, enumeration])
    }

    public static func outOfRange(_ text: String, type: String) -> Fault {
        Fault(
            .invalidArgument, id: "com.viaduct.input.number.range",
            "The number \(text) does not fit into a value of type \(type).", arguments: [text, type])
    }

    public static func invalidBase64() -> Fault {
        let reason = "not base64 with padding"
        return Fault(
            .invalidArgument, id: "vapi.bindings.typeconverter.blob.base64.decode.error",
            "Error in base64 decoding '\(reason)'", arguments: [reason])
    }

    /// Two values where one is allowed.
    public static func repeatedQuery(_ name: String) -> Fault {
        Fault(
            .invalidArgument, id: "com.viaduct.input.query.repeated",
            "The query parameter \(name) is given more than once.", arguments: [name])
    }

    public static func unknownQuery(_ name: String) -> Fault {
        Fault(
            .invalidArgument, id: "com.vmware.vapi.rest.unsupported_property",
            "Unsupported property with name: \(name).", arguments: [name])
    }

    public static func unreadableBody(_ error: JSONError) -> Fault {
        Fault(
            .invalidArgument, id: "vapi.protocol.server.rest.param.body_parse_error",
            "Error when parsing request body, '\(error.message)'", arguments: [error.message])
    }

    /// The input of a JSON-RPC call is missing or not a structure.
    public static func invalidInput() -> Fault {
        Fault(.invalidArgument, id: "vapi.method.input.invalid", "Invalid input to method")
    }

    /// A fault found inside field `field` of `structure`.
    static func inside(_ field: String, of structure: String, _ fault: Fault) -> Fault {
        var fault = located(field, fault)
        guard isTyping(fault) else { return fault }
        fault.messages.insert(
            LocalizableMessage(
                id: "vapi.data.structure.field.invalid",
                "Found invalid field \"\(field)\" in structure \"\(structure)\".", arguments: [field, structure]),
            at: 0)
        return fault
    }

    /// A fault found inside a set optional; JSON-RPC alone knows optionals as values of their own.
    static func insideOptional(_ fault: Fault) -> Fault {
        guard isTyping(fault) else { return fault }
        var fault = fault
        fault.messages.insert(
            LocalizableMessage(
                id: "vapi.data.optional.validate", "The given OptionalValue does not match the OptionalDefinition"),
            at: 0)
        return fault
    }

    static func insideList(_ value: String, at index: Int, _ fault: Fault) -> Fault {
        var fault = located("[\(index)]", fault)
        guard isTyping(fault) else { return fault }
        fault.messages.insert(
            LocalizableMessage(
                id: "vapi.data.list.invalid.entry", "The value \(value) at index \(index) in the list is invalid",
                arguments: [value, String(index)]),
            at: 0)
        return fault
    }

    private static func located(_ step: String, _ fault: Fault) -> Fault {
        var fault = fault
        let inner = fault.detail.map { $0.hasPrefix("[") ? $0 : "." + $0 } ?? ""
        fault.detail = step + inner
        return fault
    }

    /// Whether the runtime would find it while it checks types; what it finds later carries no path.
    private static func isTyping(_ fault: Fault) -> Bool {
        guard fault.type == .invalidArgument, let id = fault.messages.first?.id else { return false }
        return !id.hasPrefix("vapi.data.structure.union") && !id.hasPrefix("vapi.bindings.typeconverter.set")
            && !id.hasPrefix("vapi.bindings.typeconverter.map")
    }
}
