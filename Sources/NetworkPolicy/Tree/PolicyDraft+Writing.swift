import Domain

extension PolicyDraft {
    /// Makes an object or changes what the body names of it.
    public mutating func patch(_ path: String, _ body: PolicyValue, checksRevision: Bool = false) throws(PolicyError) {
        if path == "/infra" { return try hierarchy(body) }
        try write(path, body, replaces: false, checksRevision: checksRevision)
    }

    /// Makes an object or puts another in its place.
    public mutating func put(_ path: String, _ body: PolicyValue) throws(PolicyError) {
        try write(path, body, replaces: true, checksRevision: true)
    }

    /// Takes an object away, with what is embedded in it.
    public mutating func delete(_ path: String) throws(PolicyError) {
        guard case .object(let type, _)? = registry.place(of: path), let object = object(at: path) else { throw .notFound(path) }
        try mayChange(object)
        let below = descendants(of: path, type)
        let children = below.filter { registry.type(named: $0.type)?.embeddedAs == nil && $0.type != "PolicyNat" }
        guard children.isEmpty else { throw .inUse(path, by: children.prefix(20).map(\.path)) }
        remove(object, with: below)
    }

    private mutating func remove(_ object: PolicyObject, with below: [PolicyObject]) {
        for child in below.reversed() { set(nil, at: child.path) }
        set(nil, at: object.path)
    }

    private func mayChange(_ object: PolicyObject) throws(PolicyError) {
        if object.isSystemOwned, !overwrites { throw .notOwned(object.type, by: user) }
    }

    private mutating func write(
        _ path: String, _ body: PolicyValue, replaces: Bool, checksRevision: Bool
    ) throws(PolicyError) {
        guard case .object(let type, let parent)? = registry.place(of: path) else { throw .notFound(path) }
        guard let fields = body.fields else { throw .malformed }
        let before = object(at: path)
        guard object(at: parent) != nil else { throw .invalidPath(parent) }
        if let id = fields["id"]?.string, !path.hasSuffix("/" + id) {
            throw .violations(["id \(id) differs from the identifier in the path"])
        }
        let cleaned = try registry.content(of: fields, as: type)
        if checksRevision, let before {
            guard let revision = fields["_revision"].flatMap(Coercion.integer) else {
                throw replaces ? .exists(path) : .stale(path, before.revision)
            }
            guard revision == before.revision else { throw .stale(path, before.revision) }
        }
        var content = cleaned
        if let before, !replaces { content = registry.merged(before.content, with: cleaned) }
        if content["display_name"] == nil { content["display_name"] = .string(String(path.split(separator: "/").last ?? "")) }
        if content["resource_type"] == nil { content["resource_type"] = before?.content["resource_type"] ?? .string(type.variants[0]) }
        try registry.complete(&content, as: type, before: before?.content)
        try keep(content, type, path, before)
        try writeEmbedded(fields, type, path, replaces: replaces)
    }

    private mutating func keep(
        _ content: PolicyFields, _ type: PolicyType, _ path: String, _ before: PolicyObject?
    ) throws(PolicyError) {
        guard var object = before else {
            let new = PolicyObject(
                id: Identifier(path), type: type.name, content: content, revision: 0, createdAt: now, createdBy: user,
                modifiedAt: now, modifiedBy: user)
            return set(new, at: path)
        }
        if object.content == content { return }
        try mayChange(object)
        object.content = content
        // Several changes in one request are one.
        object.revision = (base.object(at: path)?.revision ?? DefaultObjects.byPath[path]?.revision ?? -1) + 1
        object.modifiedAt = now
        object.modifiedBy = user
        set(object, at: path)
    }

    /// Rules within their policy, entries within their service.
    private mutating func writeEmbedded(
        _ fields: PolicyFields, _ type: PolicyType, _ path: String, replaces: Bool
    ) throws(PolicyError) {
        for child in registry.children(of: type) {
            guard let name = child.embeddedAs else { continue }
            let elements = fields[name]?.array ?? []
            guard elements.count <= 1000 else { throw .violations(["\(name) has exceeded maximum size 1000"]) }
            var named: Set<String> = []
            for element in elements {
                let inner = element.fields
                guard let id = (inner?["id"] ?? inner?["display_name"])?.string, PolicyRegistry.isIdentifier(id) else {
                    throw .violations(["\(name).id is required"])
                }
                let place = path + "/" + child.collection + "/" + id
                guard named.insert(place).inserted else { throw .violations(["\(name) has the id \(id) twice"]) }
                try write(place, element, replaces: replaces, checksRevision: false)
            }
            guard replaces else { continue }
            for object in objects(in: path + "/" + child.collection) where !named.contains(object.path) {
                try mayChange(object)
                remove(object, with: [])
            }
        }
    }
}

extension PolicyDraft {
    /// Objects a hierarchical request may name.
    static var hierarchyLimit: Int { 10_000 }

    /// A tree of children below `/infra`, as one change.
    mutating func hierarchy(_ body: PolicyValue) throws(PolicyError) {
        guard let fields = body.fields, let infra = registry.type(named: "Infra") else { throw .malformed }
        var budget = Self.hierarchyLimit
        try descend(fields, below: "/infra", infra, &budget)
    }

    private mutating func descend(
        _ fields: PolicyFields, below path: String, _ type: PolicyType, _ budget: inout Int
    ) throws(PolicyError) {
        if let children = fields["children"], children.array == nil { throw .violations(["children is not a list"]) }
        for element in fields["children"]?.array ?? [] {
            budget -= 1
            guard budget >= 0 else { throw .violations(["children has exceeded maximum size \(Self.hierarchyLimit)"]) }
            guard let child = element.fields, let kind = child["resource_type"]?.string else { throw .malformed }
            if kind == "ChildResourceReference" {
                try follow(child, below: path, type, &budget)
                continue
            }
            let name = String(kind.dropFirst(5))
            guard kind.hasPrefix("Child"), let childType = registry.children(of: type).first(where: { $0.name == name }) else {
                throw .violations(["resource_type \(kind) is not a child of \(type.name)"])
            }
            guard let inner = child[name]?.fields else { throw .violations(["\(name) is required"]) }
            guard let id = inner["id"]?.string, PolicyRegistry.isIdentifier(id) else { throw .violations(["\(name).id is required"]) }
            let place = path + "/" + childType.collection + "/" + id
            if child["marked_for_delete"] == true || inner["marked_for_delete"] == true {
                guard let object = object(at: place) else { continue }
                try mayChange(object)
                remove(object, with: descendants(of: place, childType))
            } else {
                try patch(place, .object(inner))
                try descend(inner, below: place, childType, &budget)
            }
        }
    }

    private mutating func follow(
        _ child: PolicyFields, below path: String, _ type: PolicyType, _ budget: inout Int
    ) throws(PolicyError) {
        guard let id = child["id"]?.string, let target = child["target_type"]?.string, PolicyRegistry.isIdentifier(id),
            let childType = registry.children(of: type).first(where: { $0.name == target })
        else { throw .violations(["target_type is not a child of \(type.name)"]) }
        let place = path + "/" + childType.collection + "/" + id
        guard object(at: place) != nil else { throw .invalidPath(place) }
        try descend(child, below: place, childType, &budget)
    }
}
