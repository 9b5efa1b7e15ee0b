import Contract
import Domain
import HTTP

/// One of the two REST roots.
enum RESTRoot: Sendable {
    case clean
    case legacy

    func failure(_ fault: Fault, status: Int) -> Outcome {
        switch self {
        case .clean: CleanPresentation.failure(fault, status: status)
        case .legacy: LegacyPresentation.failure(fault, status: status)
        }
    }
}

extension APIApplication {
    /// Answers a request below `/api` or `/rest`.
    func respondREST(_ root: RESTRoot, to request: Request, in exchange: Exchange) -> Step {
        let path: PathSegments
        do throws(PathError) {
            path = try PathSegments(request.head.path)
        } catch {
            switch error {
            case .malformed: return .now(root.failure(StandardFault.malformedPath, status: 400))
            case .nowhere: return .now(root.failure(StandardFault.pathNotFound, status: 404))
            }
        }
        let table = root == .clean ? cleanRoutes : legacyRoutes
        guard let place = table.place(of: path, from: Self.rootSegments) else {
            if let endpoint = endpoint(for: request.head.path) { return endpoint.respond(to: request, in: exchange) }
            return .now(root.failure(StandardFault.pathNotFound, status: 404))
        }
        let method = request.head.method
        if method == .options {
            return .now(Outcome(status: 204, fields: [ResponseField("Allow", table.allowedMethods(at: place))]))
        }
        guard let candidates = table.candidates(at: place, method == .head ? .get : method) else {
            var outcome = root.failure(StandardFault.methodNotAllowed, status: 405)
            outcome.fields.append(ResponseField("Allow", table.allowedMethods(at: place)))
            return .now(outcome)
        }
        do throws(Fault) {
            let route = try Self.select(candidates, by: RawQuery(bytes: request.head.query))
            let variables = route.variables.map { path.text(of: $0 + Self.rootSegments) }
            return start(root, route, variables, request, exchange)
        } catch {
            return .now(root.failure(error, status: error.type == .notFound ? 404 : 400))
        }
    }

    private func start(
        _ root: RESTRoot, _ route: CompiledRoute, _ variables: [String], _ request: Request, _ exchange: Exchange
    ) -> Step {
        let entry = entries[route.operation]
        switch root {
        case .clean:
            let shape = CleanPresentation(status: route.route.status)
            return start(entry, route, variables, request, exchange, as: shape)
        case .legacy:
            // Clients send `true`, VMware's own samples `test`: that the field is there is what counts.
            let usesHeader = request.head.value("vmware-use-header-authn").map { !$0.elementsEqual("false".utf8) } ?? false
            let shape = LegacyPresentation(setsCookie: !usesHeader, isSecure: request.connection.isSecure)
            return start(entry, route, variables, request, exchange, as: shape)
        }
    }

    private static let taskItem = Array("vmw-task".utf8)
    private static let actionItems = [Array("action".utf8), Array("~action".utf8)]

    /// The route whose fixed query items are all there.
    ///
    /// - Throws: `not_found` for an action that nobody has or a needed one that is missing; `invalid_argument` for a
    ///   `vmw-task` other than `true`.
    static func select(_ candidates: [CompiledRoute], by query: RawQuery) throws(Fault) -> CompiledRoute {
        if query.bytes.isEmpty {
            for candidate in candidates where candidate.selectors.isEmpty { return candidate }
            throw StandardFault.pathNotFound
        }
        if let task = query.first(named: taskItem), !task.value.elementsEqual("true".utf8) {
            throw StandardFault.invalidTaskQuery(task.decodedValue ?? "")
        }
        guard let route = candidates.first(where: { $0.isSelected(by: query) }) else { throw StandardFault.pathNotFound }
        for name in actionItems where query.first(named: name) != nil {
            guard
                route.selectors.contains(where: { $0.name == name })
                    || route.route.query.contains(where: { Array($0.name.utf8) == name })
            else { throw StandardFault.pathNotFound }
        }
        return route
    }
}
