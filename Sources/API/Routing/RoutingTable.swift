import Contract
import HTTP

/// Finds the operation that a path, a method and the fixed query items name; built once from the operation table.
///
/// The paths form a tree of literal and variable segments. Where a literal and a variable stand at the same place, the
/// literal's branch also holds a copy of what lies behind the variable, so that one walk without backtracking finds
/// every candidate; the more literal candidate wins. On `/rest` some variables have a fixed beginning (`id:`), which
/// stands between the two. No expression is compiled and no text is made on the way.
final class RoutingTable: Sendable {
    private struct Node: Sendable {
        /// Into `edges`.
        var literals: Range<Int> = 0..<0
        /// Children for segments with a fixed beginning.
        var prefixes: [(text: [UInt8], child: Int)] = []
        /// Child for any other segment; -1 if there is none.
        var variable = -1
        var methods: [(method: Method, candidates: [CompiledRoute])] = []
    }

    private struct Edge: Sendable {
        var hash: UInt64
        var name: [UInt8]
        var child: Int
    }

    private let nodes: [Node]
    private let edges: [Edge]
    private let routes: [CompiledRoute]

    /// Where a path ends in the tree.
    struct Place: Equatable {
        fileprivate let node: Int
    }

    /// - Parameter routes: each with the index of its operation in the operation table.
    init(_ routes: [(operation: Int, route: Route)], wire: Wire) {
        self.routes = routes.map { CompiledRoute(operation: $0.operation, route: $0.route, wire: wire) }
        var builder = Builder(routes: self.routes)
        _ = builder.build(Array(self.routes.indices), depth: 0)
        (nodes, edges) = (builder.nodes, builder.edges)
    }

    /// The place of a path, or `nil` if no operation has such a path.
    ///
    /// - Parameter first: the segment below the root.
    func place(of path: borrowing PathSegments, from first: Int) -> Place? {
        let node = path.bytes.withUnsafeBufferPointer { memory -> Int in
            var node = 0
            var index = first
            while index < path.count, node >= 0 {
                node = child(of: node, UnsafeBufferPointer(rebasing: memory[path[index]]))
                index += 1
            }
            return node
        }
        return node < 0 || nodes[node].methods.isEmpty ? nil : Place(node: node)
    }

    /// The operations at a place that answer the method, most specific first.
    func candidates(at place: Place, _ method: Method) -> [CompiledRoute]? {
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

    /// - Returns: -1 if there is none.
    private func child(of node: Int, _ text: UnsafeBufferPointer<UInt8>) -> Int {
        let hash = SegmentHash.of(text)
        for edge in nodes[node].literals where edges[edge].hash == hash {
            // The hash alone would let a segment that was made to collide pass for a literal.
            if edges[edge].name.count == text.count, edges[edge].name.elementsEqual(text) { return edges[edge].child }
        }
        for prefix in nodes[node].prefixes where text.starts(with: prefix.text) { return prefix.child }
        return nodes[node].variable
    }

    /// Grows the tree from the root.
    private struct Builder {
        let routes: [CompiledRoute]
        var nodes: [Node] = []
        var edges: [Edge] = []

        init(routes: [CompiledRoute]) { self.routes = routes }

        /// Makes the node that stands for the given routes at the given depth.
        mutating func build(_ members: [Int], depth: Int) -> Int {
            let index = nodes.count
            nodes.append(Node())
            nodes[index].methods = methods(of: members.filter { routes[$0].route.path.count == depth })
            let deeper = members.filter { routes[$0].route.path.count > depth }.map {
                ($0, Pattern(routes[$0].route.path[depth]))
            }
            let patterns = deeper.reduce(into: [Pattern]()) { found, entry in
                if !found.contains(entry.1) { found.append(entry.1) }
            }
            var own: [Edge] = []
            for pattern in patterns {
                let child = build(deeper.filter { $0.1.covers(pattern) }.map(\.0), depth: depth + 1)
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

        /// Groups the routes that end at a node by method, the more selective and the more literal ones first.
        private func methods(of members: [Int]) -> [(method: Method, candidates: [CompiledRoute])] {
            var groups: [(method: Method, members: [Int])] = []
            for member in members {
                if let place = groups.firstIndex(where: { $0.method == routes[member].method }) {
                    groups[place].members.append(member)
                } else {
                    groups.append((routes[member].method, [member]))
                }
            }
            return groups.map { group in
                let ordered = group.members.sorted { left, right in
                    let (a, b) = (routes[left], routes[right])
                    if a.selectors.count != b.selectors.count { return a.selectors.count > b.selectors.count }
                    return a.variables.count == b.variables.count ? left < right : a.variables.count < b.variables.count
                }
                return (group.method, ordered.map { routes[$0] })
            }
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

/// A route with everything prepared that a request needs. A class, so that passing it on costs one reference.
final class CompiledRoute: Sendable {
    struct Selector: Sendable, Equatable {
        let name: [UInt8]
        /// `nil`: any value.
        let value: [UInt8]?
    }

    /// Index in the operation table.
    let operation: Int
    let method: Method
    /// Position of each variable segment below the root.
    let variables: [Int]
    let selectors: [Selector]
    let route: Route
    /// For the input of a request that has neither query nor body.
    let pathVariables: PathVariables

    init(operation: Int, route: Route, wire: Wire) {
        self.operation = operation
        self.route = route
        guard let method = Method.all.first(where: { $0.name == route.method }) else {
            preconditionFailure("A route of the contract has a method that this server does not speak: \(route.method).")
        }
        self.method = method
        variables = route.path.indices.filter { position in
            if case .variable = route.path[position] { true } else { false }
        }
        pathVariables = PathVariables(of: route, wire: wire)
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
