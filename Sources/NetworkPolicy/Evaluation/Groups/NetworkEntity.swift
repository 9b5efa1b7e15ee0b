/// A tag as NSX attaches it: both halves may be empty.
public struct EntityTag: Hashable, Sendable {
    public var scope: String
    public var tag: String

    public init(scope: String = "", tag: String) {
        self.scope = scope
        self.tag = tag
    }
}

/// Something that can be a member of a group: a virtual machine, a segment or a segment port.
public struct NetworkEntity: Hashable, Sendable {
    public enum Kind: UInt8, Hashable, Comparable, Sendable, CaseIterable {
        case virtualMachine, segment, segmentPort

        public static func < (left: Kind, right: Kind) -> Bool { left.rawValue < right.rawValue }
    }

    /// A virtual machine's external identifier, or the policy path of a segment (or VPC subnet) or of a port.
    public struct ID: Hashable, Comparable, Sendable {
        public let kind: Kind
        public let key: String

        public init(_ kind: Kind, _ key: String) {
            self.kind = kind
            self.key = key
        }

        public static func < (left: ID, right: ID) -> Bool {
            left.kind == right.kind ? left.key < right.key : left.kind < right.kind
        }
    }

    public let id: ID
    public var name: String
    public var tags: [EntityTag]
    /// Of a virtual machine: what its tools report; nil while unknown.
    public var operatingSystem: String?
    public var computerName: String?
    /// Of a port: the external identifier of the machine it belongs to, and the path of its segment.
    public var virtualMachine: String?
    public var segment: String?
    /// Of a port: the identifier of the attached virtual interface, the interface's address, and the IP addresses known there.
    public var interface: String?
    public var mac: MACAddress?
    public var addresses: [IPAddress]

    public init(
        _ id: ID, name: String = "", tags: [EntityTag] = [], operatingSystem: String? = nil, computerName: String? = nil,
        virtualMachine: String? = nil, segment: String? = nil, interface: String? = nil, mac: MACAddress? = nil,
        addresses: [IPAddress] = []
    ) {
        self.id = id
        self.name = name
        self.tags = tags
        self.operatingSystem = operatingSystem
        self.computerName = computerName
        self.virtualMachine = virtualMachine
        self.segment = segment
        self.interface = interface
        self.mac = mac
        self.addresses = addresses
    }
}
