/// One comparison of a group expression (NSX `Condition`). Comparisons respect case.
public struct GroupCondition: Hashable, Sendable {
    public enum Key: Hashable, Sendable { case tag, name, operatingSystem, computerName }
    public enum Operator: Hashable, Sendable { case equals, notEquals, contains, startsWith, endsWith, isIn, matches }
    /// What is compared. Groups match only if they nest no group themselves, so that no tag can close a circle.
    public enum Subject: Hashable, Sendable { case entity(NetworkEntity.Kind), group }

    public var subject: Subject
    public var key: Key
    public var comparison: Operator
    /// For a tag: whether the scope must be the one named or must not. Without effect if `value` names none.
    public var scopeMustDiffer: Bool
    /// For a tag `scope|tag`, or `|tag` for a tag of any scope; for `isIn` the choices, separated by commas;
    /// for `matches` a pattern in which `*` stands for any text and `?` for one character.
    public var value: String

    public init(
        _ subject: Subject, _ key: Key, _ comparison: Operator, _ value: String, scopeMustDiffer: Bool = false
    ) {
        self.subject = subject
        self.key = key
        self.comparison = comparison
        self.value = value
        self.scopeMustDiffer = scopeMustDiffer
    }

    /// The scope and tag a tag condition names; no scope means any.
    var scopeAndTag: (scope: String?, tag: String) {
        guard let bar = value.firstIndex(of: "|") else { return (nil, value) }
        let scope = value[..<bar]
        return (scope.isEmpty ? nil : String(scope), String(value[value.index(after: bar)...]))
    }

    func holds(for entity: NetworkEntity) -> Bool {
        guard subject == .entity(entity.id.kind) else { return false }
        switch key {
        case .tag: return holds(forTags: entity.tags)
        case .name: return compare(entity.name, with: value)
        case .operatingSystem: return entity.operatingSystem.map { compare($0, with: value) } ?? false
        case .computerName: return entity.computerName.map { compare($0, with: value) } ?? false
        }
    }

    /// Whether a group with this name and these tags is meant.
    func holds(forGroupNamed name: String, tags: [EntityTag]) -> Bool {
        guard subject == .group else { return false }
        switch key {
        case .tag: return holds(forTags: tags)
        case .name: return compare(name, with: value)
        case .operatingSystem, .computerName: return false
        }
    }

    /// A tag that is not equal: the entity has no tag that is.
    private func holds(forTags tags: [EntityTag]) -> Bool {
        let (scope, text) = scopeAndTag
        func scopeFits(_ tag: EntityTag) -> Bool { scope.map { ($0 == tag.scope) != scopeMustDiffer } ?? true }
        if comparison == .notEquals { return !tags.contains { $0.tag == text && scopeFits($0) } }
        return tags.contains { scopeFits($0) && compare($0.tag, with: text) }
    }

    private func compare(_ subject: String, with value: String) -> Bool {
        switch comparison {
        case .equals: subject == value
        case .notEquals: subject != value
        case .startsWith: subject.hasPrefix(value)
        case .endsWith: subject.hasSuffix(value)
        case .contains: Pattern.contains(Array(subject.utf8), Array(value.utf8))
        case .isIn: value.split(separator: ",").contains { $0.trimmed == subject[...] }
        case .matches: Pattern.matches(Array(subject), Array(value))
        }
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        guard let first = firstIndex(where: { $0 != " " }), let last = lastIndex(where: { $0 != " " }) else { return "" }
        return self[first...last]
    }
}

enum Pattern {
    static func contains(_ text: [UInt8], _ part: [UInt8]) -> Bool {
        guard part.count <= text.count else { return false }
        return (0...(text.count - part.count)).contains { start in text[start..<(start + part.count)].elementsEqual(part) }
    }

    /// `*` stands for any text and `?` for one character. At most text × pattern steps, whatever the pattern.
    static func matches(_ text: [Character], _ pattern: [Character]) -> Bool {
        var (place, asked) = (0, 0)
        var retry: (place: Int, asked: Int)?
        while place < text.count {
            if asked < pattern.count, pattern[asked] == "*" {
                retry = (place, asked + 1)
                asked += 1
            } else if asked < pattern.count, pattern[asked] == "?" || pattern[asked] == text[place] {
                place += 1
                asked += 1
            } else if let last = retry {
                retry = (last.place + 1, last.asked)
                (place, asked) = (last.place + 1, last.asked)
            } else {
                return false
            }
        }
        return pattern[asked...].allSatisfy { $0 == "*" }
    }
}

/// Terms joined by conjunctions; AND binds tighter than OR. An expression without terms has no members.
public struct GroupExpression: Hashable, Sendable {
    public enum Conjunction: Hashable, Sendable { case and, or }

    public indirect enum Term: Hashable, Sendable {
        case condition(GroupCondition)
        case nested(GroupExpression)
        /// A path expression: other groups by path, segments and ports.
        case references(groups: [String], entities: [NetworkEntity.ID])
        /// Addresses belong to the group as such: a port that has one of them is not a member.
        case addresses(AddressSet)
        case macAddresses(Set<MACAddress>)
        /// Machines by external identifier, and ports by the identifier of the attached interface.
        case externalIDs(virtualMachines: [String], interfaces: [String])
    }

    public private(set) var terms: [Term]
    public private(set) var conjunctions: [Conjunction]

    /// - Parameter conjunctions: one fewer than terms.
    public init(_ terms: [Term], _ conjunctions: [Conjunction]) {
        precondition(conjunctions.count == max(terms.count - 1, 0), "a conjunction stands between each two terms")
        self.terms = terms
        self.conjunctions = conjunctions
    }

    public init(_ term: Term) { self.init([term], []) }
    public init() { self.init([], []) }

    /// One of the alternatives must hold; each holds if all of its terms do.
    var alternatives: [[Term]] {
        guard let first = terms.first else { return [] }
        var result = [[first]]
        for (conjunction, term) in zip(conjunctions, terms.dropFirst()) {
            switch conjunction {
            case .and: result[result.count - 1].append(term)
            case .or: result.append([term])
            }
        }
        return result
    }
}

/// A group as configured.
public struct GroupDefinition: Hashable, Sendable {
    public let path: String
    public var name: String
    public var tags: [EntityTag]
    public var expression: GroupExpression

    public init(path: String, name: String = "", tags: [EntityTag] = [], expression: GroupExpression) {
        self.path = path
        self.name = name
        self.tags = tags
        self.expression = expression
    }
}
