/// A fact about the whole installation, for example that its first start is complete.
public struct Setting: Resource {
    public static let kind = ResourceKind.setting
    public static let indexes: [Index<Setting>] = []

    public let id: Identifier<Setting>
    public var value: String

    public init(id: Identifier<Setting>, value: String) {
        self.id = id
        self.value = value
    }
}
