import Domain

/// The variables of a route's path, prepared once for all requests.
public final class PathVariables: Sendable {
    struct Variable: Sendable {
        /// The parameter's name.
        let name: [UInt8]
        /// Whether the text must start with `id:`, which is no part of the value.
        let isPrefixed: Bool
    }

    let all: [Variable]
    private let hasPrefixes: Bool
    /// An input without fields, which says what is missing.
    let empty: StructureReader

    /// - Parameter wire: `clean` or `legacy`.
    public init(of route: Route, wire: Wire) {
        var all: [Variable] = []
        for case .variable(let name) in route.path {
            let isPrefixed = name.hasPrefix("id:")
            all.append(Variable(name: Array((isPrefixed ? name.dropFirst(3) : name[...]).utf8), isPrefixed: isPrefixed))
        }
        // One bit each.
        precondition(all.count <= 64, "A path has more than 64 variables.")
        self.all = all
        hasPrefixes = all.contains(where: \.isPrefixed)
        empty = StructureReader(emptyOn: wire)
    }

    /// The values of texts.
    ///
    /// - Throws: `not_found` for one that does not begin as it must.
    func values(of texts: [String]) throws(Fault) -> [String] {
        guard hasPrefixes else { return texts }
        var values = texts
        for index in all.indices where all[index].isPrefixed {
            values[index] = try InputAssembly.unprefixed(texts[index])
        }
        return values
    }

    /// The place of the variable that is this parameter; -1 if there is none.
    func place(of name: StaticString) -> Int {
        let count = name.utf8CodeUnitCount
        for place in all.indices where all[place].name.count == count {
            let isSame = all[place].name.withUnsafeBufferPointer { own in
                for offset in 0..<count where own[offset] != name.utf8Start[offset] { return false }
                return true
            }
            if isSame { return place }
        }
        return -1
    }
}

/// What stands in the path of a request that has neither query nor body.
struct PathInput: Sendable {
    private let variables: PathVariables
    private let values: [String]
    /// The places that were read.
    private var taken: UInt64 = 0

    /// - Parameter texts: one per variable.
    init(_ variables: PathVariables, texts: [String]) throws(Fault) {
        precondition(texts.count == variables.all.count, "A path gives one text per variable.")
        self.variables = variables
        values = try variables.values(of: texts)
    }

    /// The text of a parameter, which then counts as read.
    mutating func text(of name: StaticString) -> String? {
        let place = variables.place(of: name)
        guard place >= 0 else { return nil }
        taken |= 1 << UInt64(truncatingIfNeeded: place)
        return values[place]
    }

    var members: [(name: String, value: JSONValue)] {
        zip(variables.all, values).map { (String(decoding: $0.name, as: UTF8.self), JSONValue.text($1)) }
    }

    /// As `text`, but it does not count as read.
    func peek(_ name: String) -> JSONValue? {
        guard let place = variables.all.firstIndex(where: { $0.name.elementsEqual(name.utf8) }) else { return nil }
        return JSONValue.text(values[place])
    }

    func finish() throws(Fault) {
        if taken.nonzeroBitCount == values.count { return }
        var unexpected: [String] = []
        for (place, variable) in variables.all.enumerated() where taken & 1 << UInt64(place) == 0 {
            unexpected.append(String(decoding: variable.name, as: UTF8.self))
        }
        throw InputFault.unexpected(unexpected.sorted(), in: OperationInput.structureName.description)
    }
}
