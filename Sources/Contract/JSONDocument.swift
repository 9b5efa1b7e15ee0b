/// A JSON text that has been checked in full: its bytes, and one node per value in document order.
///
/// Strict RFC 8259: one value, UTF-8 without byte order mark, no duplicate member names, no lone surrogates, at most
/// `JSONParser.maximumDepth` containers inside each other. Strings and numbers are converted when they are asked for.
public final class JSONDocument: Sendable {
    /// The text, followed by whatever `OperationInput` appended for values that came from a URL.
    let bytes: [UInt8]
    let nodes: [JSONNode]

    /// - Throws: `JSONError` with the place of the first violation.
    public init(parsing bytes: [UInt8]) throws(JSONError) {
        var parser = JSONParser(bytes)
        try parser.parse()
        self.bytes = bytes
        self.nodes = parser.nodes
    }

    /// Takes nodes that somebody built; they must be well formed.
    init(bytes: [UInt8], nodes: [JSONNode]) {
        self.bytes = bytes
        self.nodes = nodes
    }

    /// The outermost value.
    public var root: JSONValue { JSONValue(document: self, index: 0) }
}

/// One value of a document. A container is followed by its contents; `next` is the index behind them.
struct JSONNode: Sendable {
    enum Kind: UInt8 {
        case null, no, yes, number, string, array, object
        /// Text out of a URL: a string, or the digits of a number, or `true` or `false`, as the reader wants it.
        case loose
    }

    var kind: Kind
    /// A string that contains backslashes, or a number with fraction or exponent.
    var isIntricate: Bool
    /// Offset of the first byte between the quotes, or of the number.
    var start: UInt32
    /// Bytes of a string or number; elements of an array; members of an object.
    var count: UInt32
    var next: UInt32
}

/// A place in a document.
public struct JSONValue: Sendable {
    let document: JSONDocument
    let index: Int

    var node: JSONNode { document.nodes[index] }

    static let nothing = JSONValue(
        document: JSONDocument(
            bytes: [], nodes: [JSONNode(kind: .null, isIntricate: false, start: 0, count: 0, next: 1)]),
        index: 0)

    /// A document of its own for a text out of a URL.
    static func text(_ text: String) -> JSONValue {
        let bytes = Array(text.utf8)
        let node = JSONNode(kind: .loose, isIntricate: false, start: 0, count: UInt32(clamping: bytes.count), next: 1)
        return JSONValue(document: JSONDocument(bytes: bytes, nodes: [node]), index: 0)
    }

    /// The text of a string; `nil` if it is something else.
    public var text: String? {
        node.kind == .string || node.kind == .loose ? document.text(index) : nil
    }

    /// A number without fraction and exponent that fits; `nil` otherwise.
    public var integer: Int64? { node.kind == .number && !node.isIntricate ? document.integer(index) : nil }

    public var isNull: Bool { node.kind == .null }
    public var isTrue: Bool { node.kind == .yes }
    public var isObject: Bool { node.kind == .object }
    public var isArray: Bool { node.kind == .array }
    public var isNumber: Bool { node.kind == .number }

    /// The value of an object's member; `nil` if there is none or this is no object.
    public subscript(name: String) -> JSONValue? {
        for (key, value) in members where key.equals(name) { return value }
        return nil
    }

    /// The members of an object in the order of the text; empty for anything else.
    public var members: JSONMembers { JSONMembers(self) }

    /// The elements of an array in order; empty for anything else.
    public var elements: JSONElements { JSONElements(self) }

    /// The bytes of this value as they stand in the text; for a string and a number only.
    public var rawBytes: ArraySlice<UInt8> {
        let node = self.node
        return document.bytes[Int(node.start)..<Int(node.start) + Int(node.count)]
    }

    /// Whether this is the string `text`.
    func equals(_ text: String) -> Bool {
        let node = self.node
        if node.isIntricate { return document.text(index) == text }
        guard Int(node.count) == text.utf8.count else { return false }
        return document.bytes[Int(node.start)..<Int(node.start) + Int(node.count)].elementsEqual(text.utf8)
    }

    /// Whether this is the string `text`.
    func equals(_ text: StaticString) -> Bool {
        let node = self.node
        if node.isIntricate { return document.text(index) == text.description }
        guard Int(node.count) == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { document.bytes[Int(node.start)..<Int(node.start) + Int(node.count)].elementsEqual($0) }
    }
}

/// The members of one object.
public struct JSONMembers: Sequence, IteratorProtocol, Sendable {
    /// Of no object.
    public static let empty = JSONValue.nothing.members

    private let document: JSONDocument
    private var index: Int
    private let end: Int

    init(_ value: JSONValue) {
        document = value.document
        index = value.index + 1
        end = value.isObject ? Int(value.node.next) : index
    }

    public mutating func next() -> (name: JSONValue, value: JSONValue)? {
        guard index < end else { return nil }
        let value = index + 1
        defer { index = Int(document.nodes[value].next) }
        return (JSONValue(document: document, index: index), JSONValue(document: document, index: value))
    }
}

/// The elements of one array.
public struct JSONElements: Sequence, IteratorProtocol, Sendable {
    /// Of no array.
    public static let empty = JSONValue.nothing.elements

    private let document: JSONDocument
    private var index: Int
    private let end: Int

    init(_ value: JSONValue) {
        document = value.document
        index = value.index + 1
        end = value.isArray ? Int(value.node.next) : index
    }

    public mutating func next() -> JSONValue? {
        guard index < end else { return nil }
        defer { index = Int(document.nodes[index].next) }
        return JSONValue(document: document, index: index)
    }
}

extension JSONDocument {
    /// The text of string `index`, escapes resolved.
    func text(_ index: Int) -> String {
        let node = nodes[index]
        let range = Int(node.start)..<Int(node.start) + Int(node.count)
        guard node.isIntricate, node.kind == .string else { return String(decoding: bytes[range], as: UTF8.self) }
        return JSONEscapes.resolve(bytes[range])
    }

    /// Number `index`, which has neither fraction nor exponent; `nil` outside of 64 bits.
    func integer(_ index: Int) -> Int64? {
        let node = nodes[index]
        return DecimalText.integer(bytes[Int(node.start)..<Int(node.start) + Int(node.count)])
    }

    /// Number `index`; `nil` if too large for a double.
    func double(_ index: Int) -> Double? {
        let node = nodes[index]
        let text = String(decoding: bytes[Int(node.start)..<Int(node.start) + Int(node.count)], as: UTF8.self)
        return Double(text).flatMap { $0.isFinite ? $0 : nil }
    }
}

/// Decimal digits with an optional minus sign.
enum DecimalText {
    static func integer(_ digits: ArraySlice<UInt8>) -> Int64? {
        let isNegative = digits.first == UInt8(ascii: "-")
        let unsigned = isNegative ? digits.dropFirst() : digits
        guard !unsigned.isEmpty else { return nil }
        var value: Int64 = 0
        for digit in unsigned {
            guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let step = Int64(digit - UInt8(ascii: "0"))
            let (sum, carry) = isNegative ? product.subtractingReportingOverflow(step) : product.addingReportingOverflow(step)
            guard !overflow, !carry else { return nil }
            value = sum
        }
        return value
    }
}
