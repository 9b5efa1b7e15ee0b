import Contract
import HTTP

/// Finds the operation that a path, a method and the fixed query items name; built once from the operation table.
///
/// The paths form a tree of literal and variable segments. Where a literal and a variable stand at the same place, the
/// literal's branch also holds a copy of what lies behind the variable, so that one walk without backtracking finds
/// every candidate; the more literal candidate wins. On `/rest` some variables have a fixed beginning (`id:`), which
/// stands between the two. No expression is compiled and no text is made on the way.
struct RoutingTable: Sendable {
    private struct Node: Sendable {
        /// Into `edges`.
        var literals: Range<Int> = 0..<0
        /// Children for segments with a fixed beginning.
        var prefixes: [(text: [UInt8], child: Int)] = []
        /// Child for any other segment; -1 if there is none.
        var variable = -1
        var methods: [(method: Method, candidates: [Int])] = []
    }

    private struct Edge: Sendable {
        var hash: UInt64
        var name: [UInt8]
        var child: Int
    }

    private var nodes: [Node] = []
    private var edges: [Edge] = []
    let routes: [CompiledRoute]

    /// Where a path ends in the tree.
    struct Place: Equatable {
        fileprivate let node: Int
    }

    /// - Parameter routes: each with the index of its operation in the operation table.
    init(_ routes: [(operation: Int, route: Route)]) {
        self.routes = routes.map { CompiledRoute(operation: $0.operation, route: $0.route) }
        _ = build(Array(self.routes.indices), depth: 0, routes: routes.map(\.route))
    }

    /// The place of a path, or `nil` if no operation has such a path.
    ///
    /// - Parameter first: the segment below the root.
    func place(of path: borrowing PathSegments, from first: Int) -> Place? {
        var node = 0
        var index = first
        while index < path.count {
            guard let next = child(of: node, path, index) else { return nil }
            node = next
            index += 1
        }
        return nodes[node].methods.isEmpty ? nil : Place(node: node)
    }

    /// The operations at a place that answer the method, most specific first.
    func candidates(at place: Place, _ method: Method) -> [Int]? {
        for entry in nodes[place.node].methods where entry.method == method {
            return entry.candidates
        }
        return nil
    }

    /// The value of `Allow`. Source: RFC 9110 §10.2.1.
    func allowedMethods(at place: Place) -> String {
        var names = nodes[place.node].methods.map(\.method)
        if names.contains(.get) { names.append(.head) }
        names.append(.options)
        return Method.all.filter(names.contains).map(\.name).joined(separator: ", ")
    }

    private func child(of node: Int, _ path: borrowing PathSegments, _ index: Int) -> Int? {
        let hash = path[index].hash
        for edge in nodes[node].literals where edges[edge].hash == hash {
            if path.bytes(of: index).elementsEqual(edges[edge].name) { return edges[edge].child }
        }
        for prefix in nodes[node].prefixes where path.bytes(of: index).starts(with: prefix.text) {
            return prefix.child
        }
        let variable = nodes[node].variable
        return variable < 0 ? nil : variable
    }

    /// Makes the node that stands for the given routes at the given depth.
    private mutating func build(_ members: [Int], depth: Int, routes: [Route]) -> Int {
        let index = nodes.count
        nodes.append(Node())
        nodes[index].methods = methods(of: members.filter { routes[$0].path.count == depth })
        let deeper = members.filter { routes[$0].path.count > depth }.map { ($0, Pattern(routes[$0].path[depth])) }
        let patterns = deeper.reduce(into: [Pattern]()) { found, entry in
            if !found.contains(entry.1) { found.append(entry.1) }
        }
        var own: [Edge] = []
        for pattern in patterns {
            let branch = deeper.filter { $0.1.covers(pattern) }.map(\.0)
            let child = build(branch, depth: depth + 1, routes: routes)
            switch pattern {
            case .literal(let name): own.append(Edge(hash: SegmentHash.of(name.utf8), name: Array(name.utf8), child: child))
            case .prefix(let text): nodes[index].prefixes.append((Array(text.utf8), child))
            case .any: nodes[index].variable = child
            }
        }
        nodes[index].literals = edges.count..<(edges.count + own.count)
        edges += own
        return index
    }

    /// Groups the routes that end at a node by method, the more literal and the more selective ones first.
    private func methods(of members: [Int]) -> [(method: Method, candidates: [Int])] {
        var result: [(method: Method, candidates: [Int])] = []
        for member in members {
            if let place = result.firstIndex(where: { $0.method == routes[member].method }) {
                result[place].candidates.append(member)
            } else {
                result.append((routes[member].method, [member]))
            }
        }
        return result.map { entry in
            let ordered = entry.candidates.sorted { left, right in
                let (a, b) = (routes[left], routes[right])
                if a.variables.count != b.variables.count { return a.variables.count < b.variables.count }
                return a.selectors.count == b.selectors.count ? left < right : a.selectors.count > b.selectors.count
            }
            return (entry.method, ordered)
        }
    }
}

/// What a segment of a route may be.
private enum Pattern: Equatable {
    case literal(String)
    /// A variable whose text begins so; the contract writes `id:name`.
    case prefix(String)
    case any

    init(_ segment: Route.Segment) {
        switch segment {
        case .literal(let name): self = .literal(name)
        case .variable(let name):
            let colon = name.firstIndex(of: ":")
            self = colon.map { .prefix(String(name[...$0])) } ?? .any
        }
    }

    /// Whether every segment that goes the way of `other` fits this pattern too.
    func covers(_ other: Pattern) -> Bool {
        switch (self, other) {
        case (.any, _): true
        case (.prefix(let text), .literal(let name)): name.hasPrefix(text)
        default: self == other
        }
    }
}

/// A route with everything prepared that a request needs.
struct CompiledRoute: Sendable {
    struct Selector: Sendable, Equatable {
        let name: [UInt8]
        /// `nil`: any value.
        let value: [UInt8]?
    }

    /// Index in the operation table.
    let operation: Int
    let method: Method
    /// Position of each variable segment below the root.
    let variables: [(position: Int, name: String)]
    let selectors: [Selector]
    let route: Route

    init(operation: Int, route: Route) {
        self.operation = operation
        self.route = route
        guard let method = Method.all.first(where: { $0.name == route.method }) else {
            preconditionFailure("A route of the contract has a method that this server does not speak: \(route.method).")
        }
        self.method = method
        var variables: [(position: Int, name: String)] = []
        for (position, segment) in route.path.enumerated() {
            if case .variable(let name) = segment { variables.append((position, name)) }
        }
        self.variables = variables
        selectors = route.selectors.map { Selector(name: Array($0.name.utf8), value: $0.value.map { Array($0.utf8) }) }
    }

    /// Whether every fixed query item of this route is there with its value.
    func isSelected(by query: RawQuery) -> Bool {
        selectors.allSatisfy { selector in
            query.contains { item in
                guard RawQuery.equal(item.name, selector.name) else { return false }
                guard let value = selector.value else { return true }
                return RawQuery.equal(item.value, value)
            }
        }
    }
}

extension Method {
    static let all: [Method] = [.get, .head, .post, .put, .patch, .delete, .options]

    var name: String {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .patch: "PATCH"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        }
    }
}
