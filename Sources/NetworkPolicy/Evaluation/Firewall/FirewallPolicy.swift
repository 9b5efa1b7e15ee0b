/// A security or gateway policy as configured, its references resolved to paths.
public struct FirewallPolicy: Hashable, Sendable {
    /// In the order of evaluation. The distributed firewall has the first five, gateways the others.
    public enum Category: UInt8, Hashable, Comparable, Sendable, CaseIterable {
        case ethernet, emergency, infrastructure, environment, application
        case gatewayEmergency, systemRules, sharedPreRules, localGatewayRules, autoServiceRules, gatewayDefault

        public static func < (left: Category, right: Category) -> Bool { left.rawValue < right.rawValue }
    }

    public var path: String
    public var category: Category
    public var sequenceNumber: Int
    /// Milliseconds since 1970. Of two policies with one sequence number the older comes first, then the smaller path.
    public var createdMilliseconds: Int64
    public var isStateful: Bool
    /// Whether a TCP packet that is not the first of a connection needs one to exist. Only where `isStateful`.
    public var isTCPStrict: Bool
    /// Paths of groups; nil for ANY. Overrides the scope of the rules unless nil.
    public var scope: [String]?
    /// Whether the policy's schedule has it active.
    public var isActive: Bool
    public var rules: [FirewallRule]

    public init(
        path: String, _ category: Category = .application, sequenceNumber: Int = 0, createdMilliseconds: Int64 = 0,
        isStateful: Bool = true, isTCPStrict: Bool = false, scope: [String]? = nil, isActive: Bool = true,
        rules: [FirewallRule]
    ) {
        self.path = path
        self.category = category
        self.sequenceNumber = sequenceNumber
        self.createdMilliseconds = createdMilliseconds
        self.isStateful = isStateful
        self.isTCPStrict = isTCPStrict
        self.scope = scope
        self.isActive = isActive
        self.rules = rules
    }
}

public struct FirewallRule: Hashable, Sendable {
    public enum Action: Hashable, Sendable { case allow, drop, reject, jumpToApplication }
    public enum Direction: Hashable, Sendable { case incoming, outgoing, both }

    /// Source or destination: groups by path and addresses; both empty for ANY.
    public struct Side: Hashable, Sendable {
        public var groups: [String]
        public var addresses: AddressSet
        /// Everything but what is listed.
        public var isExcluded: Bool

        public init(groups: [String] = [], addresses: AddressSet = AddressSet(), isExcluded: Bool = false) {
            self.groups = groups
            self.addresses = addresses
            self.isExcluded = isExcluded
        }

        public static let any = Side()
        public var isAny: Bool { groups.isEmpty && addresses.isEmpty }
    }

    /// The `rule_id`.
    public var number: Int
    public var path: String
    public var sequenceNumber: Int
    public var action: Action
    public var sources: Side
    public var destinations: Side
    /// Nil for ANY.
    public var services: [ServiceMatch]?
    /// Whether a context or access profile has to see payload before the rule is decided.
    public var needsPayload: Bool
    /// Paths of groups, or of gateways and interfaces; nil for ANY.
    public var scope: [String]?
    public var direction: Direction
    /// Nil for both families.
    public var family: IPAddress.Family?
    public var isDisabled: Bool

    public init(
        _ number: Int, path: String = "", sequenceNumber: Int = 0, _ action: Action, from sources: Side = .any,
        to destinations: Side = .any, services: [ServiceMatch]? = nil, needsPayload: Bool = false, scope: [String]? = nil,
        direction: Direction = .both, family: IPAddress.Family? = nil, isDisabled: Bool = false
    ) {
        self.number = number
        self.path = path
        self.sequenceNumber = sequenceNumber
        self.action = action
        self.sources = sources
        self.destinations = destinations
        self.services = services
        self.needsPayload = needsPayload
        self.scope = scope
        self.direction = direction
        self.family = family
        self.isDisabled = isDisabled
    }
}
