import Domain

/// The parameters of one call, whichever wire brought them.
///
/// Generated code asks for each by name and then calls `finish`, which refuses what is left over. A REST request is
/// brought into the shape of the JSON-RPC input first (`operation-input`), so that there is one way to read.
public struct OperationInput: Sendable {
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

    public mutating func required<Value: WireReadable>(
        _ name: StaticString, as type: Value.Type = Value.self
    ) throws(Fault) -> Value {
        try fields.required(name)
    }

    public mutating func optional<Value: WireReadable>(
        _ name: StaticString, as type: Value.Type = Value.self
    ) throws(Fault) -> Value? {
        try fields.optional(name)
    }

    public mutating func requiredSet<Element: WireReadable>(_ name: StaticString) throws(Fault) -> [Element] {
        try fields.requiredSet(name)
    }

    public mutating func optionalSet<Element: WireReadable>(_ name: StaticString) throws(Fault) -> [Element]? {
        try fields.optionalSet(name)
    }

    /// Refuses parameters that the operation does not have.
    public func finish() throws(Fault) { try fields.finish() }
}
