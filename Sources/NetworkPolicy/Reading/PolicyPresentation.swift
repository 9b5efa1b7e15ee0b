import Domain

extension PolicyDraft {
    /// An object as clients see it.
    public func presented(_ object: PolicyObject) -> PolicyFields {
        var fields = object.content
        let parent = object.collection.prefix(upTo: object.collection.lastIndex(of: "/") ?? object.collection.startIndex)
        fields["id"] = .string(object.name)
        fields["path"] = .string(object.path)
        fields["relative_path"] = .string(object.name)
        if !parent.isEmpty { fields["parent_path"] = .string(String(parent)) }
        let unique = PolicyText.uniqueID(of: object.path, at: object.createdAt)
        fields["unique_id"] = .string(unique)
        fields["realization_id"] = .string(unique)
        fields["marked_for_delete"] = false
        fields["overridden"] = false
        fields["_create_time"] = .integer(object.createdAt.milliseconds)
        fields["_create_user"] = .string(object.createdBy)
        fields["_last_modified_time"] = .integer(object.modifiedAt.milliseconds)
        fields["_last_modified_user"] = .string(object.modifiedBy)
        fields["_system_owned"] = .boolean(object.isSystemOwned)
        fields["_protection"] = "NOT_PROTECTED"
        fields["_revision"] = .integer(object.revision)
        return fields
    }

    /// One object with what is embedded in it.
    public func presentedWhole(_ object: PolicyObject) -> PolicyFields {
        var fields = presented(object)
        guard let type = registry.type(named: object.type) else { return fields }
        for child in registry.children(of: type) {
            guard let name = child.embeddedAs else { continue }
            let inner = objects(in: object.path + "/" + child.collection).map { presented($0) }.sorted {
                ($0["sequence_number"]?.integer ?? 0) < ($1["sequence_number"]?.integer ?? 0)
            }
            fields[name] = .array(inner.map { .object($0) })
        }
        return fields
    }

    /// An object with everything below it, in the words of the hierarchical request.
    ///
    /// - Parameter wanted: only objects of these types and what they stand in; `nil` for all.
    public func presentedTree(_ object: PolicyObject, wanted: Set<String>?) -> PolicyFields {
        var fields = presented(object)
        guard let type = registry.type(named: object.type) else { return fields }
        var children: [PolicyValue] = []
        for child in registry.children(of: type) {
            for below in objects(in: object.path + "/" + child.collection) {
                let tree = presentedTree(below, wanted: wanted)
                if let wanted, !wanted.contains(child.name), tree["children"] == nil { continue }
                let wrapped = PolicyFields([
                    ("resource_type", .string("Child" + child.name)), ("marked_for_delete", false), (child.name, .object(tree)),
                ])
                children.append(.object(wrapped))
            }
        }
        if !children.isEmpty { fields["children"] = .array(children) }
        return fields
    }
}

extension PolicyText {
    /// The identifier of an object below its path: another one if the object is made anew. Source: RFC 9562 §5.8.
    static func uniqueID(of path: String, at time: Timestamp) -> String {
        var high: UInt64 = 0xCBF2_9CE4_8422_2325
        var low: UInt64 = 0x6C62_272E_07BB_0142
        for byte in Array(path.utf8) + Array(String(time.milliseconds).utf8) {
            high = (high ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
            low = (low &+ UInt64(byte)) &* 0x9E37_79B9_7F4A_7C15
            low ^= low >> 29
        }
        high = high & ~0xF000 | 0x8000
        low = low & (1 << 62 - 1) | 1 << 63
        let digits = Array((hexadecimal(high) + hexadecimal(low)).utf8)
        let groups = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(decoding: digits[$0], as: UTF8.self) }
        return groups.joined(separator: "-")
    }

    private static func hexadecimal(_ value: UInt64) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}
