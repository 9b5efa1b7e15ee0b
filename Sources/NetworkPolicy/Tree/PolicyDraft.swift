import Domain

/// Objects as they stand, and a change to them in the making: all of it holds, or nothing.
///
/// References are looked at once, in `finish`, so that they may point at what the same request makes later.
public struct PolicyDraft<Base: PolicyObjects>: Sendable {
    public let registry: PolicyRegistry
    let base: Base
    let user: String
    let now: Timestamp
    let overwrites: Bool
    /// Everything touched; `nil` for what is gone.
    private(set) var written: [String: PolicyObject?] = [:]
    private var order: [String] = []
    /// Of everything touched, by collection: a large request must not look through all of itself for every object.
    private var touched: [String: Set<String>] = [:]

    /// - Parameter overwrites: whether objects of the system may be changed.
    public init(
        _ base: Base, user: String = "", now: Timestamp = Timestamp(milliseconds: 0), overwrites: Bool = false,
        registry: PolicyRegistry = .standard
    ) {
        self.base = base
        self.user = user
        self.now = now
        self.overwrites = overwrites
        self.registry = registry
    }

    public func object(at path: String) -> PolicyObject? {
        if let known = written[path] { return known }
        if let stored = base.object(at: path) { return stored }
        if let fixed = DefaultObjects.byPath[path] { return fixed }
        guard case .object(let type, let gateway)? = registry.place(of: path), type.name == "PolicyNat", object(at: gateway) != nil
        else { return nil }
        return DefaultObjects.section(path, gateway: gateway, name: String(path.split(separator: "/").last ?? ""))
    }

    /// What stands in a collection, in the order of the paths.
    public func objects(in collection: String) -> [PolicyObject] {
        var paths = Set(base.paths(in: collection))
        paths.formUnion(DefaultObjects.byCollection[collection] ?? [])
        if collection.hasSuffix("/nat") { paths.formUnion(["USER", "DEFAULT", "INTERNAL"].map { collection + "/" + $0 }) }
        paths.formUnion(touched[collection] ?? [])
        return paths.sorted().compactMap { object(at: $0) }
    }

    /// Everything below an object, parents first.
    func descendants(of path: String, _ type: PolicyType) -> [PolicyObject] {
        var result: [PolicyObject] = []
        for child in registry.children(of: type) {
            for object in objects(in: path + "/" + child.collection) {
                result.append(object)
                result += descendants(of: object.path, child)
            }
        }
        return result
    }

    /// What names `path` when all is done.
    ///
    /// - Parameter naming: what the touched objects name, by path.
    private func referrers(of path: String, naming: [String: [String]]) -> [String] {
        let untouched = base.referrers(of: path).filter { written[$0] == nil }
        return (untouched + (naming[path] ?? [])).sorted()
    }

    mutating func set(_ object: PolicyObject?, at path: String) {
        guard written.updateValue(object, forKey: path) == nil else { return }
        order.append(path)
        touched[String(path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex)), default: []].insert(path)
    }

    /// What has to be kept, each path once in the order of its first change.
    ///
    /// - Throws: if something named is not there, or something gone is still named.
    public func finish() throws(PolicyError) -> [(path: String, object: PolicyObject?)] {
        var changes: [(path: String, object: PolicyObject?)] = []
        var naming: [String: [String]] = [:]
        for path in order {
            for reference in written[path]??.references ?? [] { naming[reference, default: []].append(path) }
        }
        for path in order {
            let before = base.object(at: path)
            let after = written[path] ?? nil
            if before == after { continue }
            changes.append((path, after))
            if let after {
                try check(after)
            } else {
                let users = referrers(of: path, naming: naming)
                if !users.isEmpty { throw .inUse(path, by: users) }
            }
        }
        return changes
    }

    private func check(_ object: PolicyObject) throws(PolicyError) {
        guard case .object(let type, let parent)? = registry.place(of: object.path) else { throw .invalidPath(object.path) }
        if !parent.isEmpty, self.object(at: parent) == nil { throw .invalidPath(parent) }
        for reference in object.references {
            guard let target = self.object(at: reference) else { throw .invalidPath(reference) }
            if let wanted = type.referenceTypes(of: reference, in: object.content), !wanted.contains(target.type) {
                throw .invalidPath(reference)
            }
        }
    }
}

extension PolicyType {
    /// The types that the field in which a reference stands allows; `nil` if it allows any.
    func referenceTypes(of path: String, in content: PolicyFields) -> [String]? {
        for field in fields {
            guard let value = content[field.name] else { continue }
            switch field.kind {
            case .reference(let types) where value.string == path && !types.isEmpty: return types
            case .list(.reference(let types), _) where value.array?.contains(.string(path)) == true && !types.isEmpty: return types
            default: continue
            }
        }
        return nil
    }
}
