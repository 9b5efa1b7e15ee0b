/// A virtual machine as networks see it.
public struct NetworkMachine: Hashable, Sendable {
    /// A virtual network adapter.
    public struct Interface: Hashable, Sendable {
        /// The identifier that a segment port's attachment names.
        public let id: String
        public var label: String
        public var mac: MACAddress?
        /// What the guest uses, for example a leased address.
        public var addresses: [IPAddress]

        public init(id: String, label: String, mac: MACAddress?, addresses: [IPAddress] = []) {
            self.id = id
            self.label = label
            self.mac = mac
            self.addresses = addresses
        }
    }

    public let externalID: String
    public var name: String
    public var tags: [EntityTag]
    public var operatingSystem: String?
    public var interfaces: [Interface]

    public init(
        externalID: String, name: String, tags: [EntityTag] = [], operatingSystem: String? = nil, interfaces: [Interface] = []
    ) {
        self.externalID = externalID
        self.name = name
        self.tags = tags
        self.operatingSystem = operatingSystem
        self.interfaces = interfaces
    }

    var entity: NetworkEntity {
        NetworkEntity(
            .init(.virtualMachine, externalID), name: name, tags: tags, operatingSystem: operatingSystem, computerName: name)
    }
}

extension PolicyObject {
    var displayName: String { content["display_name"]?.string ?? name }

    var entityTags: [EntityTag] { EntityTag.list(content["tags"]) }

    func texts(_ name: String) -> [String] { (content[name]?.array ?? []).compactMap(\.string) }
    func text(_ name: String) -> String? { content[name]?.string }
    func number(_ name: String) -> Int? { content[name]?.integer.map { Int($0) } }
    func isTrue(_ name: String) -> Bool { content[name]?.boolean ?? false }
}

extension EntityTag {
    /// Tags as objects have them.
    public static func list(_ value: PolicyValue?) -> [EntityTag] {
        (value?.array ?? []).map { EntityTag(scope: $0.fields?["scope"]?.string ?? "", tag: $0.fields?["tag"]?.string ?? "") }
    }
}
