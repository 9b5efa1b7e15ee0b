/// Policies compiled for evaluation: all rules in the one order in which they are asked.
///
/// Order: category, the policy's sequence number, its creation, its path; then the rule's sequence number and its number.
/// Ethernet rules come first and are a filter of their own: a packet they allow goes on to the layer-3 rules.
public struct Firewall: Sendable {
    struct Side: Sendable {
        let isAny: Bool
        let isExcluded: Bool
        let groups: [Int32]
        let addresses: AddressSet
    }

    struct Rule: Sendable {
        let policy: Int32
        /// Groups (of the distributed firewall); nil for every port.
        let scope: [Int32]?
        /// Paths, as gateways compare them; nil for every place.
        let scopePaths: [String]?
        let source: Side
        let destination: Side
        let rule: FirewallRule
    }

    public let policies: [FirewallPolicy]
    let rules: [Rule]
    /// Groups whose ports no rule applies to.
    let excluded: [Int32]
    /// What happens to a packet no rule decides.
    public let defaultRule: FirewallRule
    /// Where the Ethernet rules end.
    let firstLayer3: Int
    /// Where the rules of the application category begin.
    let firstApplication: Int

    /// NSX's `default-layer3-rule`.
    public static let allowByDefault = FirewallRule(2, path: "default-layer3-rule", .allow)

    /// - Parameter groups: gets the groups the rules name, if it does not know them yet.
    public init(
        _ policies: [FirewallPolicy], excludedGroups: [String] = [], defaultRule: FirewallRule = Firewall.allowByDefault,
        groups: inout GroupIndex
    ) {
        let policies = policies.sorted { Self.order($0) < Self.order($1) }
        self.policies = policies
        self.defaultRule = defaultRule
        var rules: [Rule] = []
        for (index, policy) in policies.enumerated() {
            for rule in policy.rules.sorted(by: { ($0.sequenceNumber, $0.number) < ($1.sequenceNumber, $1.number) }) {
                let scope = policy.scope ?? rule.scope
                let numbers = scope.map { groups.numbers($0) }
                rules.append(
                    Rule(
                        policy: Int32(index), scope: numbers, scopePaths: scope,
                        source: Self.side(rule.sources, &groups), destination: Self.side(rule.destinations, &groups),
                        rule: rule))
            }
        }
        let categories = rules.map { policies[Int($0.policy)].category }
        firstLayer3 = categories.firstIndex { $0 > .ethernet } ?? rules.count
        firstApplication = categories.firstIndex { $0 >= .application } ?? rules.count
        excluded = groups.numbers(excludedGroups)
        self.rules = rules
    }

    private static func order(_ policy: FirewallPolicy) -> (FirewallPolicy.Category, Int, Int64, String) {
        (policy.category, policy.sequenceNumber, policy.createdMilliseconds, policy.path)
    }

    private static func side(_ side: FirewallRule.Side, _ groups: inout GroupIndex) -> Side {
        Side(
            isAny: side.isAny, isExcluded: side.isExcluded, groups: groups.numbers(side.groups), addresses: side.addresses)
    }

    public var ruleCount: Int { rules.count }
    /// The rule at a place of the order, and its policy.
    public subscript(index: Int) -> (rule: FirewallRule, policy: FirewallPolicy) {
        (rules[index].rule, policies[Int(rules[index].policy)])
    }
}

extension GroupIndex {
    mutating func numbers(_ paths: [String]) -> [Int32] {
        var numbers: [Int32] = []
        for path in paths { numbers.append(Int32(group(path))) }
        return numbers
    }
}

extension Firewall {
    /// Whether the exclude list takes the port out of the distributed firewall.
    public func isExcluded(port: Int, _ groups: GroupIndex) -> Bool {
        excluded.contains { groups.contains(group: Int($0), entity: port) }
    }

    /// The places of the rules that are realised on a port, in order: in scope, not disabled, of an active policy.
    /// Empty for a port on the exclude list.
    public func effectiveRules(ofPort port: Int, _ groups: GroupIndex) -> [Int] {
        if isExcluded(port: port, groups) { return [] }
        let memberships = groups.groups(ofEntity: port)
        return rules.indices.filter { reasonNotRealised($0, memberships) == nil }
    }

    func reasonNotRealised(_ index: Int, _ memberships: Set<Int32>) -> SkippedRule.Reason? {
        let rule = rules[index]
        if rule.rule.isDisabled { return .disabled }
        if !policies[Int(rule.policy)].isActive { return .notScheduled }
        if let scope = rule.scope, !scope.contains(where: memberships.contains) { return .notInScope }
        return nil
    }
}
