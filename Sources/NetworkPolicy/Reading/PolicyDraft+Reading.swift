extension PolicyDraft {
    /// Answers `GET` of a path below `/policy/api/v1`.
    ///
    /// - Throws: 404 if nothing is there.
    public func read(_ path: String, _ parameters: [String: String]) throws(PolicyError) -> PolicyFields {
        if path == "/search" || path == "/search/query" { return try search(parameters) }
        if path.hasPrefix("/infra/realized-state/") { return try realized(path, parameters) }
        if path.hasSuffix("/state"), let object = object(at: String(path.dropLast(6))), ["Segment", "SegmentPort"].contains(object.type) {
            return state(of: object)
        }
        switch registry.place(of: path) {
        case .object(_, let parent):
            guard let object = object(at: path) else { throw .notFound(path) }
            guard parent.isEmpty else { return presentedWhole(object) }
            guard let filter = parameters["filter"] ?? parameters["type_filter"] else { return presented(object) }
            let names = filter.hasPrefix("Type-") ? filter.dropFirst(5) : filter[...]
            let wanted = names.split { $0 == "|" || $0 == ";" || $0 == "," }.map(String.init)
            return presentedTree(object, wanted: Set(wanted))
        case .collection(_, let parent):
            guard object(at: parent) != nil else { throw .notFound(parent) }
            return try PolicyListing(parameters).envelope(of: objects(in: path).map { presented($0) })
        case nil: throw .notFound(path)
        }
    }

    private func search(_ parameters: [String: String]) throws(PolicyError) -> PolicyFields {
        guard let text = parameters["query"], !text.isEmpty else { throw .violations(["query is required"]) }
        let query = try PolicySearch(text)
        guard let infra = registry.type(named: "Infra") else { return PolicyFields() }
        let found = descendants(of: "/infra", infra).map { presented($0) }.filter { query.matches($0) }
        return try PolicyListing(parameters).envelope(of: found)
    }

    /// A change is in force for evaluation with the commit that keeps it: what is there is realized, in its revision.
    private func realized(_ path: String, _ parameters: [String: String]) throws(PolicyError) -> PolicyFields {
        guard let intent = parameters["intent_path"], !intent.isEmpty else { throw .violations(["intent_path is required"]) }
        guard let object = object(at: intent) else { throw .notFound(intent) }
        switch path {
        case "/infra/realized-state/status":
            return PolicyFields([
                ("intent_path", .string(intent)), ("intent_version", .string(String(object.revision))),
                ("publish_status", "REALIZED"), ("publish_time", .integer(object.modifiedAt.milliseconds)),
                ("time_taken_for_realization", 0), ("consolidated_status", ["consolidated_status": "SUCCESS"]),
            ])
        case "/infra/realized-state/realized-entities":
            return try PolicyListing(parameters).envelope(of: [entity(of: object)])
        default: throw .notFound(path)
        }
    }

    private func entity(of object: PolicyObject) -> PolicyFields {
        let names = ["Segment": "LogicalSwitch", "SegmentPort": "LogicalPort", "Tier0": "LogicalRouter", "Tier1": "LogicalRouter"]
        let unique = PolicyText.uniqueID(of: object.path, at: object.createdAt)
        return PolicyFields([
            ("resource_type", "GenericPolicyRealizedResource"), ("id", .string(unique)), ("display_name", .string(object.name)),
            ("entity_type", .string("Realized" + (names[object.type] ?? object.type))), ("state", "REALIZED"),
            ("realization_specific_identifier", .string(unique)), ("intent_paths", [.string(object.path)]),
            ("publish_status", "REALIZED"), ("runtime_status", "UP"), ("alarms", []),
            ("path", .string("/infra/realized-state/enforcement-points/default/" + unique)),
        ])
    }

    private func state(of object: PolicyObject) -> PolicyFields {
        let unique = PolicyText.uniqueID(of: object.path, at: object.createdAt)
        var fields = PolicyFields([("state", "success"), ("details", [])])
        fields[object.type == "Segment" ? "segment_id" : "segment_port_id"] = .string(unique)
        return fields
    }
}
