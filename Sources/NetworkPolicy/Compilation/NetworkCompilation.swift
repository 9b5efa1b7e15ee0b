/// The objects of the policy tree and the virtual machines as one model that packets can be sent through.
///
/// Segments, ports and gateways keep their number as long as the compilation lives, so that connections and counters stay
/// with them: what is gone leaves an empty place. An object that changed is compiled again with what depends on it.
public struct NetworkCompilation: Sendable {
    public private(set) var topology: Topology
    public private(set) var machines: [String: NetworkMachine] = [:]
    var segmentByPath: [String: Int] = [:]
    var portByPath: [String: Int] = [:]
    var gatewayByPath: [String: Int] = [:]
    private var policies: [String: FirewallPolicy] = [:]
    /// Policies and gateways by a service they use.
    private var usersOfService: [String: Set<String>] = [:]
    private var servicesOfUser: [String: Set<String>] = [:]
    private var machineOfInterface: [String: String] = [:]
    private var portsOfInterface: [String: Set<String>] = [:]
    private var interfaceOfPort: [String: String] = [:]
    private var nestedGroups: [String: [String]] = [:]
    /// Groups that contain themselves, or stand between such groups: they have no members.
    public private(set) var circularGroups: Set<String> = []
    private var gatewayFirewall: Firewall?

    public init() {
        var groups = GroupIndex()
        let firewall = Firewall([], groups: &groups)
        topology = Topology(segments: [], ports: [], gateways: [], firewall: firewall, groups: groups)
    }

    /// Everything anew.
    public init(_ objects: some PolicyObjects, machines: [NetworkMachine]) {
        self.init()
        let draft = PolicyDraft(objects)
        var paths: [String] = []
        if let infra = draft.registry.type(named: "Infra") { paths = draft.descendants(of: "/infra", infra).map(\.path) }
        update(paths, machines: Dictionary(machines.map { ($0.externalID, $0) }) { $1 }, in: objects)
    }

    public func port(_ path: String) -> Int? { portByPath[path].flatMap { topology.ports[$0].path.isEmpty ? nil : $0 } }
    public func segment(_ path: String) -> Int? { segmentByPath[path].flatMap { topology.segments[$0].path.isEmpty ? nil : $0 } }
    public func machine(ofInterface id: String) -> NetworkMachine? { machineOfInterface[id].flatMap { machines[$0] } }
    public func interface(ofPort path: String) -> String? { interfaceOfPort[path] }
    public func ports(ofInterface id: String) -> [String] { (portsOfInterface[id] ?? []).sorted() }

    /// Compiles what changed, with what depends on it.
    ///
    /// - Parameters:
    ///   - paths: of objects made, changed or gone.
    ///   - changed: machines by external identifier; `nil` for what is gone.
    ///   - objects: all of them, as they now are.
    public mutating func update(_ paths: [String], machines changed: [String: NetworkMachine?] = [:], in objects: some PolicyObjects) {
        let draft = PolicyDraft(objects)
        var work = Work(paths, draft.registry)
        for service in work.services { work.add(usersOfService[service] ?? []) }
        for (id, machine) in changed.sorted(by: { $0.key < $1.key }) { work.ports.formUnion(set(machine, id)) }
        for path in work.segments.sorted() { compileSegment(path, draft) }
        for path in work.ports.sorted() { compilePort(path, draft) }
        for path in work.gateways.sorted() { compileGateway(path, draft) }
        compileGroups(work.groups.sorted(), draft)
        if !work.policies.isEmpty {
            for path in work.policies.sorted() { compilePolicy(path, draft) }
            assembleFirewalls()
        }
        if !work.policies.isEmpty || !work.gateways.isEmpty { placeFirewalls(draft, work.policies.isEmpty ? work.gateways : nil) }
    }

    /// What has to be compiled, by kind.
    private struct Work {
        var segments: Set<String> = []
        var ports: Set<String> = []
        var gateways: Set<String> = []
        var groups: Set<String> = []
        var services: Set<String> = []
        var policies: Set<String> = []

        init(_ paths: [String], _ registry: PolicyRegistry) {
            for path in paths {
                guard case .object(let type, let parent)? = registry.place(of: path) else { continue }
                switch type.name {
                case "Segment": segments.insert(path)
                case "SegmentPort": ports.insert(path)
                case "Tier0", "Tier1": gateways.insert(path)
                case "Group": groups.insert(path)
                case "Service": services.insert(path)
                case "ServiceEntry": services.insert(parent)
                case "SecurityPolicy", "GatewayPolicy": policies.insert(path)
                case "Rule": policies.insert(parent)
                default: if let gateway = PolicyObject.gateway(of: path) { gateways.insert(gateway) }
                }
            }
        }

        mutating func add(_ users: Set<String>) {
            for user in users {
                if user.contains("-policies/") { policies.insert(user) } else { gateways.insert(user) }
            }
        }
    }
}

// MARK: Machines, segments, ports

extension NetworkCompilation {
    /// - Returns: the ports whose machine it is or was.
    private mutating func set(_ machine: NetworkMachine?, _ id: String) -> Set<String> {
        let old = machines[id]
        if old == machine { return [] }
        for interface in old?.interfaces ?? [] where machineOfInterface[interface.id] == id { machineOfInterface[interface.id] = nil }
        machines[id] = machine
        for interface in machine?.interfaces ?? [] { machineOfInterface[interface.id] = id }
        if let machine {
            _ = topology.groups.set(machine.entity)
        } else {
            _ = topology.groups.remove(.init(.virtualMachine, id))
        }
        let interfaces = Set(((old?.interfaces ?? []) + (machine?.interfaces ?? [])).map(\.id))
        return interfaces.reduce(into: []) { $0.formUnion(portsOfInterface[$1] ?? []) }
    }

    private mutating func segmentNumber(_ path: String) -> Int {
        if let known = segmentByPath[path] { return known }
        topology.segments.append(SegmentModel(path: "", isUp: false))
        segmentByPath[path] = topology.segments.count - 1
        return topology.segments.count - 1
    }

    private mutating func gatewayNumber(_ path: String) -> Int {
        if let known = gatewayByPath[path] { return known }
        topology.gateways.append(GatewayModel(path: "", isTier0: false))
        gatewayByPath[path] = topology.gateways.count - 1
        return topology.gateways.count - 1
    }

    private mutating func compileSegment<Base>(_ path: String, _ draft: PolicyDraft<Base>) {
        let number = segmentNumber(path)
        guard let object = draft.object(at: path) else {
            topology.segments[number] = SegmentModel(path: "", isUp: false)
            _ = topology.groups.remove(.init(.segment, path))
            return
        }
        let gateway = object.connectivity.map { gatewayNumber($0) }
        topology.segments[number] = object.segmentModel(gateway: gateway)
        _ = topology.groups.set(NetworkEntity(.init(.segment, path), name: object.displayName, tags: object.entityTags))
    }

    private mutating func compilePort<Base>(_ path: String, _ draft: PolicyDraft<Base>) {
        if let old = interfaceOfPort.removeValue(forKey: path) {
            portsOfInterface[old]?.remove(path)
            if portsOfInterface[old]?.isEmpty == true { portsOfInterface[old] = nil }
        }
        let segmentPath = path.components(before: "/ports/")
        let segment = segmentNumber(segmentPath)
        let number = portByPath[path] ?? topology.ports.count
        guard let object = draft.object(at: path) else {
            if portByPath[path] != nil { topology.ports[number] = PortModel(path: "", segment: segment, addresses: [], isUp: false) }
            _ = topology.groups.remove(.init(.segmentPort, path))
            return
        }
        let attachment = object.attachment
        if let attachment {
            interfaceOfPort[path] = attachment
            portsOfInterface[attachment, default: []].insert(path)
        }
        let machine = attachment.flatMap { self.machine(ofInterface: $0) }
        let interface = machine?.interfaces.first { $0.id == attachment }
        let mac = object.boundMAC ?? interface?.mac
        var addresses = object.boundAddresses
        for address in interface?.addresses ?? [] where !addresses.contains(address) { addresses.append(address) }
        let model = PortModel(
            path: path, segment: segment, mac: mac, addresses: addresses, isUp: object.text("admin_state") != "DOWN")
        if number == topology.ports.count { topology.ports.append(model) } else { topology.ports[number] = model }
        portByPath[path] = number
        _ = topology.groups.set(
            NetworkEntity(
                .init(.segmentPort, path), name: object.displayName, tags: object.entityTags, virtualMachine: machine?.externalID,
                segment: segmentPath, interface: attachment, mac: mac, addresses: addresses))
    }
}

extension String {
    fileprivate func components(before separator: String) -> String {
        var position = startIndex
        while position < endIndex {
            if self[position...].hasPrefix(separator) { return String(self[..<position]) }
            position = index(after: position)
        }
        return self
    }
}

// MARK: Gateways

extension NetworkCompilation {
    private mutating func compileGateway<Base>(_ path: String, _ draft: PolicyDraft<Base>) {
        let number = gatewayNumber(path)
        guard let object = draft.object(at: path) else {
            use([], by: path)
            topology.gateways[number] = GatewayModel(path: "", isTier0: false)
            return
        }
        var resolver = ServiceResolver(draft)
        var model = GatewayModel(path: path, isTier0: object.type == "Tier0")
        if object.type == "Tier1" {
            model.uplink = object.text("tier0_path").flatMap { $0.isEmpty ? nil : gatewayNumber($0) }
            model.advertises = object.advertisements
            model.advertisementRules = object.advertisementRules
        }
        for services in draft.objects(in: path + "/locale-services") where object.type == "Tier0" {
            for interface in draft.objects(in: services.path + "/interfaces") where interface.text("type") ?? "EXTERNAL" == "EXTERNAL" {
                model.externalInterfaces += Self.addresses(of: interface)
            }
        }
        model.staticRoutes = draft.objects(in: path + "/static-routes").flatMap(\.staticRoutes)
        for section in ["INTERNAL", "USER", "DEFAULT"] {
            for rule in draft.objects(in: path + "/nat/" + section + "/nat-rules") {
                let service = rule.text("service").flatMap { $0.isEmpty ? nil : resolver.matches([$0]).first }
                if let compiled = rule.translation(service: service) { model.natRules.append(compiled) }
            }
        }
        use(resolver.services, by: path)
        topology.gateways[number] = model
    }

    private static func addresses(of interface: PolicyObject) -> [InterfaceAddress] {
        (interface.content["subnets"]?.array ?? []).flatMap { subnet -> [InterfaceAddress] in
            let length = subnet.fields?["prefix_len"]?.integer ?? 0
            return (subnet.fields?["ip_addresses"]?.array ?? []).compactMap { $0.string.flatMap { InterfaceAddress("\($0)/\(length)") } }
        }
    }

    /// Who has to be compiled again when a service changes.
    private mutating func use(_ services: Set<String>, by user: String) {
        for service in servicesOfUser[user] ?? [] {
            usersOfService[service]?.remove(user)
            if usersOfService[service]?.isEmpty == true { usersOfService[service] = nil }
        }
        servicesOfUser[user] = services.isEmpty ? nil : services
        for service in services { usersOfService[service, default: []].insert(user) }
    }
}

// MARK: Groups and policies

extension NetworkCompilation {
    private mutating func compileGroups<Base>(_ paths: [String], _ draft: PolicyDraft<Base>) {
        guard !paths.isEmpty else { return }
        var mayClose = false
        for path in paths {
            let nested = draft.object(at: path)?.nestedGroups
            if nested != nestedGroups[path] { mayClose = true }
            nestedGroups[path] = nested
        }
        var again = Set(paths)
        if mayClose {
            let circular = Self.circular(nestedGroups)
            again.formUnion(circular.symmetricDifference(circularGroups))
            circularGroups = circular
        }
        // Emptied first: a definition is refused while a circle of former definitions stands.
        for path in again.sorted() where circularGroups.contains(path) || draft.object(at: path) == nil {
            _ = topology.groups.removeGroup(path)
        }
        for path in again.sorted() where !circularGroups.contains(path) {
            guard let object = draft.object(at: path) else { continue }
            do throws(GroupError) {
                _ = try topology.groups.set(object.groupDefinition)
            } catch {
                // Former definitions on the way are still to be replaced; the second round meets none of them.
                _ = topology.groups.removeGroup(path)
            }
        }
        for path in again.sorted() where !circularGroups.contains(path) {
            guard let object = draft.object(at: path) else { continue }
            do throws(GroupError) {
                _ = try topology.groups.set(object.groupDefinition)
            } catch {
                circularGroups.insert(path)
            }
        }
    }

    /// What is left when groups that nest none of the others, or are nested by none, are taken away again and again.
    static func circular(_ nested: [String: [String]]) -> Set<String> {
        var left = Set(nested.keys)
        let upwards = nested
        var downwards: [String: [String]] = [:]
        for (path, inner) in nested { for other in inner { downwards[other, default: []].append(path) } }
        for (edges, back) in [(upwards, downwards), (downwards, upwards)] {
            var count: [String: Int] = [:]
            for path in left { count[path] = (edges[path] ?? []).count { left.contains($0) } }
            var ready = left.filter { count[$0] == 0 }
            while let path = ready.popFirst() {
                left.remove(path)
                for other in back[path] ?? [] where left.contains(other) {
                    count[other, default: 0] -= 1
                    if count[other] == 0 { ready.insert(other) }
                }
            }
        }
        return left
    }

    private mutating func compilePolicy<Base>(_ path: String, _ draft: PolicyDraft<Base>) {
        guard let object = draft.object(at: path) else {
            policies[path] = nil
            use([], by: path)
            return
        }
        var resolver = ServiceResolver(draft)
        policies[path] = object.firewallPolicy(&resolver)
        use(resolver.services, by: path)
    }

    private mutating func assembleFirewalls() {
        let all = policies.values.sorted { $0.path < $1.path }
        topology.firewall = Firewall(all.filter { $0.category <= .application }, groups: &topology.groups)
        gatewayFirewall = Firewall(all.filter { $0.category > .application }, groups: &topology.groups)
    }

    private mutating func placeFirewalls<Base>(_ draft: PolicyDraft<Base>, _ paths: Set<String>?) {
        for path in paths ?? Set(gatewayByPath.keys) {
            guard let number = gatewayByPath[path], let object = draft.object(at: path) else { continue }
            topology.gateways[number].firewall = object.isTrue("disable_firewall") ? nil : gatewayFirewall
        }
    }
}
