import Domain

/// A value of an input together with the wire it came by; generated decoders read from it.
public struct ValueReader: Sendable {
    public let value: JSONValue
    public let wire: Wire

    public init(_ value: JSONValue, wire: Wire) {
        self.value = value
        self.wire = wire
    }

    public func string() throws(Fault) -> String {
        guard let text = value.text else { throw mismatch("String") }
        return text
    }

    public func boolean() throws(Fault) -> Bool {
        switch value.node.kind {
        case .yes: return true
        case .no: return false
        case .loose where value.equals("true" as StaticString): return true
        case .loose where value.equals("false" as StaticString): return false
        default: throw mismatch("Boolean")
        }
    }

    public func long() throws(Fault) -> Int64 {
        let node = value.node
        guard node.kind == .number && !node.isIntricate || node.kind == .loose else { throw mismatch("Integer") }
        guard let number = value.document.integer(value.index) else {
            if node.kind == .loose, !isDecimal { throw mismatch("Integer") }
            throw InputFault.outOfRange(String(decoding: value.rawBytes, as: UTF8.self), type: "Integer")
        }
        return number
    }

    /// Any number; a whole one too.
    public func double() throws(Fault) -> Double {
        let node = value.node
        if node.kind == .loose, (try? JSONDocument(parsing: Array(value.rawBytes)).root.isNumber) != true {
            throw mismatch("Double")
        }
        guard node.kind == .number || node.kind == .loose else { throw mismatch("Double") }
        guard let number = value.document.double(value.index) else {
            throw InputFault.outOfRange(String(decoding: value.rawBytes, as: UTF8.self), type: "Double")
        }
        return number
    }

    /// `{"SECRET":"…"}` or the bare text on JSON-RPC; the bare text elsewhere.
    public func secret() throws(Fault) -> String {
        guard let text = wrapped("SECRET")?.text ?? value.text else { throw mismatch("Secret") }
        return text
    }

    public func binary() throws(Fault) -> [UInt8] {
        guard let text = (wire == .jsonRPC ? wrapped("BINARY") : value)?.text else { throw mismatch("Blob") }
        guard let bytes = Base64.decode(text) else { throw InputFault.invalidBase64() }
        return bytes
    }

    public func dateTime() throws(Fault) -> Timestamp {
        let text = try string()
        guard let moment = DateTimeText.parse(text) else { throw InputFault.invalidDateTime(text) }
        return moment
    }

    public func list<Element: WireReadable>(of type: Element.Type = Element.self) throws(Fault) -> [Element] {
        guard value.isArray else { throw mismatch("List") }
        var result: [Element] = []
        result.reserveCapacity(Int(value.node.count))
        for element in value.elements {
            do throws(Fault) {
                result.append(try Element(reading: ValueReader(element, wire: wire)))
            } catch {
                throw InputFault.insideList(Self.summary(element), at: result.count, error)
            }
        }
        return result
    }

    /// A list in which no element occurs twice. Elements of vAPI sets are texts and numbers.
    public func set<Element: WireReadable>(of type: Element.Type = Element.self) throws(Fault) -> [Element] {
        let result = try list(of: type)
        var seen = Set<String>(minimumCapacity: result.count)
        for element in value.elements {
            let key = element.text ?? String(decoding: element.rawBytes, as: UTF8.self)
            if !seen.insert(key).inserted { throw InputFault.duplicateSetElement(key) }
        }
        return result
    }

    public func map<Key: WireKey, Value: WireReadable>(
        _ key: Key.Type = Key.self, _ element: Value.Type = Value.self
    ) throws(Fault) -> ValueMap<Key, Value> {
        if wire == .clean { return try objectMap() }
        guard value.isArray else { throw mismatch("List") }
        var result = ValueMap<Key, Value>()
        var seen = Set<String>()
        for entry in value.elements {
            do throws(Fault) {
                var fields = try StructureReader(ValueReader(entry, wire: wire), name: "map-entry")
                let key: Key = try fields.required("key")
                result.entries.append((key, try fields.required("value")))
                try fields.finish()
                if !seen.insert(key.keyText).inserted { throw InputFault.duplicateMapKey(key.keyText) }
            } catch {
                throw InputFault.insideList(Self.summary(entry), at: result.entries.count, error)
            }
        }
        return result
    }

    private func objectMap<Key: WireKey, Value: WireReadable>() throws(Fault) -> ValueMap<Key, Value> {
        guard value.isObject else { throw mismatch("Structure") }
        var result = ValueMap<Key, Value>()
        for (name, member) in value.members {
            let text = name.text ?? ""
            do throws(Fault) {
                let reader = ValueReader(member, wire: wire)
                result.entries.append((try Key(key: text, reader: reader), try Value(reading: reader)))
            } catch {
                throw InputFault.inside(text, of: "map-entry", error)
            }
        }
        return result
    }

    /// A value that may be unset: `{"OPTIONAL":null}` on JSON-RPC, `null` elsewhere.
    public func optional<Wrapped: WireReadable>(_ type: Wrapped.Type = Wrapped.self) throws(Fault) -> Wrapped? {
        guard let reader = try unwrapped() else { return nil }
        guard wire == .jsonRPC else { return try Wrapped(reading: reader) }
        do throws(Fault) {
            return try Wrapped(reading: reader)
        } catch {
            throw InputFault.insideOptional(error)
        }
    }

    /// What stands inside an optional; `nil` if it is unset.
    func unwrapped() throws(Fault) -> ValueReader? {
        guard wire == .jsonRPC else { return value.isNull ? nil : self }
        guard let inner = wrapped("OPTIONAL") else { throw mismatch("Optional") }
        return inner.isNull ? nil : ValueReader(inner, wire: wire)
    }

    /// Whether it is anything but null or an unset optional.
    var isSet: Bool {
        if value.isNull { return false }
        return !(wire == .jsonRPC && wrapped("OPTIONAL")?.isNull == true)
    }

    /// The one member of an object that has exactly that one.
    func wrapped(_ name: StaticString) -> JSONValue? {
        guard wire == .jsonRPC, value.node.kind == .object, value.node.count == 1 else { return nil }
        for (key, inner) in value.members where key.equals(name) { return inner }
        return nil
    }

    func mismatch(_ expected: String) -> Fault { InputFault.mismatch(expected: expected, found: typeName) }

    /// What the runtime calls the type of a value that stands here.
    private var typeName: String {
        switch value.node.kind {
        case .null: return "Void"
        case .yes, .no: return "Boolean"
        case .number: return value.node.isIntricate ? "Double" : "Integer"
        case .string, .loose: return "String"
        case .array: return "List"
        case .object:
            guard wire == .jsonRPC, value.node.count == 1 else { return "Structure" }
            if wrapped("OPTIONAL") != nil { return "Optional" }
            if wrapped("SECRET") != nil { return "Secret" }
            if wrapped("BINARY") != nil { return "Blob" }
            return wrapped("ERROR") != nil ? "Error" : "Structure"
        }
    }

    private var isDecimal: Bool {
        let digits = value.rawBytes.first == UInt8(ascii: "-") ? value.rawBytes.dropFirst() : value.rawBytes
        return !digits.isEmpty && digits.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    }

    /// A scalar as text, cut; the kind of anything else.
    private static func summary(_ value: JSONValue) -> String {
        switch value.node.kind {
        case .string, .loose: String((value.text ?? "").prefix(64))
        case .number: String(decoding: value.rawBytes.prefix(64), as: UTF8.self)
        case .yes: "true"
        case .no: "false"
        case .null: "null"
        case .array: "[…]"
        case .object: "{…}"
        }
    }
}
