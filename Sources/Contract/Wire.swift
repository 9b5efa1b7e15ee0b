import Domain

/// The three presentations of one typed call.
public enum Wire: Sendable, CaseIterable {
    /// `/api`: bare values, unset members left out, maps as objects.
    case clean
    /// `/rest`: like `clean`, but maps are lists of `{"key":…,"value":…}`.
    case legacy
    /// `POST /api`: every optional, structure, secret and binary wears its type.
    case jsonRPC
}

/// A Swift type that a wire can carry from the client.
public protocol WireReadable: Sendable {
    /// - Throws: `invalid_argument`, `unexpected_input`; the messages lead from the outermost name to the reason.
    init(reading reader: ValueReader) throws(Fault)

    /// Reads what stands in a path; as from a document that holds this text.
    init(pathText text: String, wire: Wire) throws(Fault)
}

extension WireReadable {
    public init(pathText text: String, wire: Wire) throws(Fault) {
        let bytes = Array(text.utf8)
        let node = JSONNode(kind: .loose, isIntricate: false, start: 0, count: UInt32(bytes.count), next: 1)
        try self.init(reading: ValueReader(JSONDocument(bytes: bytes, nodes: [node]).root, wire: wire))
    }
}

/// A Swift type that a wire can carry to the client.
public protocol WireWritable: Sendable {
    func write(to writer: inout ValueWriter)
}

/// A text that must not be logged or shown.
public struct Secret: WireReadable, WireWritable, CustomStringConvertible {
    public let value: String

    public init(_ value: String) { self.value = value }

    public init(reading reader: ValueReader) throws(Fault) { value = try reader.secret() }

    public func write(to writer: inout ValueWriter) { writer.secret(value) }

    public var description: String { "•••" }
}

/// Bytes; base64 with padding on every wire.
public struct Binary: WireReadable, WireWritable, Equatable {
    public let bytes: [UInt8]

    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    public init(reading reader: ValueReader) throws(Fault) { bytes = try reader.binary() }

    public func write(to writer: inout ValueWriter) { writer.binary(bytes) }
}

/// A vAPI map in the order in which it is to appear.
public struct ValueMap<Key: Sendable, Value: Sendable>: Sendable {
    public var entries: [(key: Key, value: Value)]

    public init(_ entries: [(key: Key, value: Value)] = []) { self.entries = entries }
}

extension ValueMap: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (Key, Value)...) { entries = elements.map { (key: $0.0, value: $0.1) } }
}

/// A type that can be the key of a map: its text is the member name where a map is a JSON object.
public protocol WireKey: WireReadable, WireWritable {
    init(key: String, reader: ValueReader) throws(Fault)
    var keyText: String { get }
}

/// A closed list of names, as generated for vAPI enumerations.
public protocol WireEnumeration: WireKey, RawRepresentable, CaseIterable where RawValue == String {
    static var canonicalName: StaticString { get }
}

extension WireEnumeration {
    public init(reading reader: ValueReader) throws(Fault) {
        let text = try reader.string()
        guard let value = Self(rawValue: text) else { throw Self.unknown(text) }
        self = value
    }

    public init(key: String, reader: ValueReader) throws(Fault) {
        guard let value = Self(rawValue: key) else { throw Self.unknown(key) }
        self = value
    }

    public var keyText: String { rawValue }

    @inlinable
    public func write(to writer: inout ValueWriter) { writer.string(rawValue) }

    private static func unknown(_ text: String) -> Fault {
        InputFault.unknownEnumerationValue(text, of: canonicalName.description, known: allCases.map(\.rawValue))
    }
}
