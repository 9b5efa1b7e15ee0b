import Domain

/// The parameters of one call, whichever wire brought them.
///
/// Generated code asks for each by name and then calls `finish`, which refuses what is left over. A REST request is
/// brought into the shape of the JSON-RPC input first (`operation-input`), so that there is one way to read.
public struct OperationInput: Sendable {
    static var structureName: StaticString { "operation-input" }

    /// What a path gave, if there is nothing but a path; `fields` is empty then.
    private var path: PathInput?
    private var fields: StructureReader

    /// From `params.input` of a JSON-RPC call; `nil` if it is absent.
    ///
    /// - Throws: `invalid_argument` if it is not a structure.
    public init(jsonRPC input: JSONValue?) throws(Fault) {
        guard let input else { throw InputFault.invalidInput() }
        do throws(Fault) {
            fields = try StructureReader(ValueReader(input, wire: .jsonRPC), name: "operation-input", nameMatters: false)
        } catch {
            throw InputFault.invalidInput()
        }
    }

    /// From the parts of a REST request that was matched to `route`.
    ///
    /// - Parameters:
    ///   - wire: `clean` or `legacy`.
    ///   - variables: texts of the path's variables in path order, percent-decoded.
    ///   - query: all query items in order, percent-decoded, those that selected the operation included.
    ///   - body: empty if there is none.
    /// - Throws: `invalid_argument` for an unknown query item, a repeated one that is no list, a body that is no JSON.
    public init(
        route: Route, wire: Wire, variables: [String], query: [(name: String, value: String)], body: [UInt8]
    ) throws(Fault) {
        var assembly = InputAssembly(wire: wire)
        var variables = variables[...]
        for case .variable(let name) in route.path { try assembly.variable(name, variables.popFirst() ?? "") }
        try assembly.query(query, of: route)
        try assembly.body(body, shape: route.body)
        fields = try StructureReader(
            ValueReader(assembly.document().root, wire: wire), name: "operation-input", nameMatters: false)
    }

    /// From a REST request that has neither query nor body; the same as with empty ones, without a document in between.
    ///
    /// - Parameter texts: of the path's variables in path order, percent-decoded; one for each.
    /// - Throws: `not_found` for a text that does not begin as its variable demands.
    public init(path variables: PathVariables, texts: [String]) throws(Fault) {
        path = texts.isEmpty ? nil : try PathInput(variables, texts: texts)
        fields = variables.empty
    }

    @inlinable
    public mutating func required<Value: WireReadable>(
        _ name: StaticString, as type: Value.Type = Value.self
    ) throws(Fault) -> Value {
        guard let text = pathText(name) else { return try requiredField(name) }
        return try value(name, text)
    }

    @inlinable
    public mutating func optional<Value: WireReadable>(
        _ name: StaticString, as type: Value.Type = Value.self
    ) throws(Fault) -> Value? {
        guard let text = pathText(name) else { return try optionalField(name) }
        return try value(name, text)
    }

    public mutating func requiredSet<Element: WireReadable>(_ name: StaticString) throws(Fault) -> [Element] {
        // A path has no lists: the text is refused as a value of another type.
        guard let text = pathText(name) else { return try fields.requiredSet(name) }
        return try value(name, text)
    }

    public mutating func optionalSet<Element: WireReadable>(_ name: StaticString) throws(Fault) -> [Element]? {
        guard let text = pathText(name) else { return try fields.optionalSet(name) }
        return try value(name, text)
    }

    /// Refuses parameters that the operation does not have.
    public func finish() throws(Fault) {
        try path?.finish()
        try fields.finish()
    }

    /// What the path gave, if there is nothing but a path.
    var pathMembers: [(name: String, value: JSONValue)] { path?.members ?? [] }

    /// The parameters otherwise.
    var bodyMembers: [(name: String, value: JSONValue)] { fields.members }

    /// The text of a variable of the path, as a value, without it counting as read.
    func text(inPath name: String) -> JSONValue? { path?.peek(name) }

    /// The value of a parameter, without it counting as read.
    func fieldValue(_ name: String) -> JSONValue? { fields.peek(name) }

    // What the callers of other modules are given to specialise stays small.

    @usableFromInline
    mutating func pathText(_ name: StaticString) -> String? { path?.text(of: name) }

    @usableFromInline
    mutating func requiredField<Value: WireReadable>(_ name: StaticString) throws(Fault) -> Value {
        try fields.required(name)
    }

    @usableFromInline
    mutating func optionalField<Value: WireReadable>(_ name: StaticString) throws(Fault) -> Value? {
        try fields.optional(name)
    }

    @inlinable
    func value<Value: WireReadable>(_ name: StaticString, _ text: String) throws(Fault) -> Value {
        do throws(Fault) {
            return try Value(pathText: text, wire: wire)
        } catch {
            throw Self.inside(name, error)
        }
    }

    @usableFromInline
    var wire: Wire { fields.wire }

    @usableFromInline
    static func inside(_ name: StaticString, _ fault: Fault) -> Fault {
        InputFault.inside(name.description, of: structureName.description, fault)
    }
}
