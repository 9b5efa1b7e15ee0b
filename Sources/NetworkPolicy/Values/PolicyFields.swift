/// The members of a JSON object, ordered by name, so that two objects with the same members are equal however they were written.
///
/// Policy objects have a few dozen members: a sorted array is searched faster than a dictionary and is written in a settled order.
public struct PolicyFields: Sendable, Hashable {
    public struct Member: Sendable, Hashable {
        public let name: String
        public var value: PolicyValue

        public init(name: String, value: PolicyValue) {
            self.name = name
            self.value = value
        }
    }

    /// Ordered by name, each name once.
    public private(set) var members: [Member]

    public init() { members = [] }

    /// Of two members with one name the later counts.
    public init(_ members: [(String, PolicyValue)]) {
        self.init()
        for (name, value) in members { self[name] = value }
    }

    public var isEmpty: Bool { members.isEmpty }

    public subscript(name: String) -> PolicyValue? {
        get {
            let index = position(of: name)
            return index < members.count && members[index].name == name ? members[index].value : nil
        }
        set {
            let index = position(of: name)
            let exists = index < members.count && members[index].name == name
            switch (newValue, exists) {
            case (let value?, true): members[index].value = value
            case (let value?, false): members.insert(Member(name: name, value: value), at: index)
            case (nil, true): members.remove(at: index)
            case (nil, false): break
            }
        }
    }

    /// Where the member of that name stands or belongs.
    private func position(of name: String) -> Int {
        var low = 0
        var high = members.count
        while low < high {
            let middle = (low + high) / 2
            if members[middle].name < name { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
