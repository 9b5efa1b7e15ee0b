/// The smallest questions group expressions ask of one entity. Equal questions of different groups are one leaf, and most are
/// equalities, which are found by looking up what the entity has rather than by asking each.
enum GroupLeaf: Hashable, Sendable {
    case exact(Key)
    case compared(GroupCondition)

    struct Key: Hashable, Sendable {
        enum Attribute: UInt8, Hashable, Sendable { case identity, tag, name, operatingSystem, computerName, interface, mac }

        let kind: NetworkEntity.Kind
        let attribute: Attribute
        /// Of a tag; nil for any scope.
        var scope: String?
        let value: String
    }

    /// - Parameter condition: one about entities.
    init(_ condition: GroupCondition, _ kind: NetworkEntity.Kind) {
        guard condition.comparison == .equals else {
            self = .compared(condition)
            return
        }
        switch condition.key {
        case .tag:
            let (scope, tag) = condition.scopeAndTag
            guard scope == nil || !condition.scopeMustDiffer else {
                self = .compared(condition)
                return
            }
            self = .exact(Key(kind: kind, attribute: .tag, scope: scope, value: tag))
        case .name: self = .exact(Key(kind: kind, attribute: .name, value: condition.value))
        case .operatingSystem: self = .exact(Key(kind: kind, attribute: .operatingSystem, value: condition.value))
        case .computerName: self = .exact(Key(kind: kind, attribute: .computerName, value: condition.value))
        }
    }

    static func identity(_ id: NetworkEntity.ID) -> GroupLeaf {
        .exact(Key(kind: id.kind, attribute: .identity, value: id.key))
    }

    static func interface(_ identifier: String) -> GroupLeaf {
        .exact(Key(kind: .segmentPort, attribute: .interface, value: identifier))
    }

    static func mac(_ address: MACAddress) -> GroupLeaf {
        .exact(Key(kind: .segmentPort, attribute: .mac, value: address.description))
    }
}

extension NetworkEntity {
    /// Every equality that holds for this entity.
    var keys: Set<GroupLeaf.Key> {
        let kind = id.kind
        var keys: Set = [
            GroupLeaf.Key(kind: kind, attribute: .identity, value: id.key),
            GroupLeaf.Key(kind: kind, attribute: .name, value: name),
        ]
        for tag in tags {
            keys.insert(.init(kind: kind, attribute: .tag, scope: tag.scope, value: tag.tag))
            keys.insert(.init(kind: kind, attribute: .tag, value: tag.tag))
        }
        if let operatingSystem { keys.insert(.init(kind: kind, attribute: .operatingSystem, value: operatingSystem)) }
        if let computerName { keys.insert(.init(kind: kind, attribute: .computerName, value: computerName)) }
        if kind == .segmentPort {
            if let interface { keys.insert(.init(kind: kind, attribute: .interface, value: interface)) }
            if let mac { keys.insert(.init(kind: kind, attribute: .mac, value: mac.description)) }
        }
        return keys
    }
}
