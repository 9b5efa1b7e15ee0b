import Domain

/// A value whose type is known only when it is there: results of tasks, dynamic structures, errors as data.
public indirect enum DataValue: Sendable, Equatable {
    case void
    case boolean(Bool)
    case long(Int64)
    case double(Double)
    case string(String)
    case secret(String)
    case binary([UInt8])
    case unset
    case optional(DataValue)
    case list([DataValue])
    case structure(String, [Field])
    case error(String, [Field])

    public struct Field: Sendable, Equatable {
        public let name: String
        public let value: DataValue

        public init(_ name: String, _ value: DataValue) {
            self.name = name
            self.value = value
        }
    }

    /// An entry of a map, which on JSON-RPC is a structure in a list.
    public static func mapEntry(_ key: DataValue, _ value: DataValue) -> DataValue {
        .structure("map-entry", [Field("key", key), Field("value", value)])
    }

    /// What `value` looks like when its type is forgotten.
    public init(describing value: some WireWritable) throws(Fault) {
        var writer = ValueWriter(.jsonRPC)
        value.write(to: &writer)
        self = try DataValue(jsonRPCText: writer.take())
    }

    /// - Parameter text: as `jsonRPCText` gives it.
    public init(jsonRPCText text: [UInt8]) throws(Fault) {
        let document: JSONDocument
        do throws(JSONError) {
            document = try JSONDocument(parsing: text)
        } catch {
            throw InputFault.unreadableBody(error)
        }
        try self.init(reading: ValueReader(document.root, wire: .jsonRPC))
    }

    /// The value in the encoding of JSON-RPC, which loses nothing.
    public var jsonRPCText: [UInt8] {
        var writer = ValueWriter(.jsonRPC)
        write(to: &writer)
        return writer.take()
    }

    /// A standard error as a value.
    public init(_ fault: Fault) {
        let messages = fault.messages.map { message in
            DataValue.structure(
                "com.vmware.vapi.std.localizable_message",
                [
                    Field("id", .string(message.id)), Field("default_message", .string(message.defaultMessage)),
                    Field("args", .list(message.arguments.map { .string($0) })), Field("params", .unset),
                    Field("localized", .unset),
                ])
        }
        var fields = [
            Field("messages", .list(messages)), Field("data", fault.data.map { .optional(DataValue($0)) } ?? .unset),
            Field("error_type", .optional(.string(fault.type.errorType))),
        ]
        if fault.type == .unauthenticated || fault.type == .unauthorized {
            fields.append(Field("challenge", fault.challenge.map { .optional(.string($0)) } ?? .unset))
        }
        self = .error(fault.type.canonicalName, fields)
    }
}

extension DataValue {
    public init(_ data: FaultData) {
        switch data {
        case .integer(let value): self = .long(value)
        case .text(let value): self = .string(value)
        case .list(let elements): self = .list(elements.map { DataValue($0) })
        case .structure(let name, let fields):
            self = .structure(name, fields.map { Field($0.name, DataValue($0.value)) })
        }
    }
}

// MARK: - Reading

extension DataValue: WireReadable {
    /// Reads without knowing the type. REST bodies do not say what is a map or a date: objects become structures,
    /// named by their member `@class` if they have one.
    public init(reading reader: ValueReader) throws(Fault) {
        switch reader.value.node.kind {
        case .null: self = .void
        case .yes: self = .boolean(true)
        case .no: self = .boolean(false)
        case .string, .loose: self = .string(try reader.string())
        case .number: self = reader.value.node.isIntricate ? .double(try reader.double()) : .long(try reader.long())
        case .array: self = .list(try reader.list())
        case .object: self = try reader.wire == .jsonRPC ? Self.wrapped(reader) : Self.object(reader)
        }
    }

    private static func wrapped(_ reader: ValueReader) throws(Fault) -> DataValue {
        if let inner = reader.wrapped("OPTIONAL") {
            return inner.isNull ? .unset : .optional(try DataValue(reading: ValueReader(inner, wire: .jsonRPC)))
        }
        if let inner = reader.wrapped("SECRET")?.text { return .secret(inner) }
        if reader.wrapped("BINARY") != nil { return .binary(try reader.binary()) }
        if let inner = reader.wrapped("STRUCTURE") {
            let (name, fields) = try named(inner, reader)
            return .structure(name, fields)
        }
        if let inner = reader.wrapped("ERROR") {
            let (name, fields) = try named(inner, reader)
            return .error(name, fields)
        }
        throw reader.mismatch("Structure")
    }

    private static func named(_ value: JSONValue, _ reader: ValueReader) throws(Fault) -> (String, [Field]) {
        var iterator = value.members
        guard let (key, inner) = iterator.next(), inner.isObject, iterator.next() == nil else {
            throw reader.mismatch("Structure")
        }
        return (key.text ?? "", try fields(inner, wire: .jsonRPC))
    }

    private static func object(_ reader: ValueReader) throws(Fault) -> DataValue {
        let name = reader.value["@class"]?.text ?? ""
        return .structure(name, try fields(reader.value, wire: reader.wire).filter { $0.name != "@class" })
    }

    private static func fields(_ object: JSONValue, wire: Wire) throws(Fault) -> [Field] {
        var result: [Field] = []
        for (key, value) in object.members {
            result.append(Field(key.text ?? "", try DataValue(reading: ValueReader(value, wire: wire))))
        }
        return result
    }
}

// MARK: - Writing

extension DataValue: WireWritable {
    public func write(to writer: inout ValueWriter) {
        switch self {
        case .void: writer.raw("null")
        case .boolean(let value): writer.boolean(value)
        case .long(let value): writer.long(value)
        case .double(let value): writer.double(value)
        case .string(let value): writer.string(value)
        case .secret(let value): writer.secret(value)
        case .binary(let value): writer.binary(value)
        case .unset: writer.unset()
        case .optional(let value):
            writer.beginOptional()
            value.write(to: &writer)
            writer.endOptional()
        case .list(let elements): Self.list(elements, to: &writer)
        case .structure(let name, let fields): Self.structure("STRUCTURE", name, fields, to: &writer)
        case .error(let name, let fields): Self.structure("ERROR", name, fields, to: &writer)
        }
    }

    /// A list of map entries is a map.
    private static func list(_ elements: [DataValue], to writer: inout ValueWriter) {
        if writer.wire == .clean, !elements.isEmpty, let entries = entries(elements) {
            writer.beginMap()
            for (key, value) in entries {
                writer.key(named: key)
                value.write(to: &writer)
            }
            return writer.endMap()
        }
        elements.write(to: &writer)
    }

    private static func entries(_ elements: [DataValue]) -> [(String, DataValue)]? {
        var result: [(String, DataValue)] = []
        for element in elements {
            guard case .structure("map-entry", let fields) = element, fields.count == 2 else { return nil }
            switch fields[0].value {
            case .string(let key): result.append((key, fields[1].value))
            case .long(let key): result.append((String(key), fields[1].value))
            default: return nil
            }
        }
        return result
    }

    private static func structure(_ kind: String, _ name: String, _ fields: [Field], to writer: inout ValueWriter) {
        let isWrapped = writer.wire == .jsonRPC
        if isWrapped {
            writer.raw("{\"\(kind)\":{".utf8)
            writer.key(named: name)
        }
        writer.raw("{")
        for field in fields where isWrapped || field.value != .unset {
            writer.key(named: field.name)
            field.value.write(to: &writer)
        }
        writer.raw(isWrapped ? "}}}" : "}")
    }
}
