/// What both ends have agreed on. Source: RFC 7143 §13, with the defaults given there.
struct SessionParameters: Equatable, Sendable {
    var hasHeaderDigest = false
    var hasDataDigest = false
    var isReadyToTransferFirst = true
    var takesImmediateData = true
    var maximumBurstBytes = 262_144
    var firstBurstBytes = 65_536
    /// Longest data segment that the initiator takes.
    var initiatorSegmentBytes = 8192
    var timeToWaitSeconds = 2
    var timeToRetainSeconds = 20
    var initiatorAlias = ""

    /// Unsolicited data of one command, immediate data included.
    var unsolicitedBytes: Int { min(firstBurstBytes, maximumBurstBytes) }
}

/// How the keys of the operational stage are answered.
///
/// Source: RFC 7143 §6.2 (list and simple-value negotiation) and §13 (each key's rule).
struct Negotiation: Sendable {
    static let segmentRange = 512...16_777_215

    private enum Rule {
        /// The first value offered that is among these.
        case choice([String])
        case and
        case or
        /// The smaller of the offer and our own.
        case minimum(Int, ClosedRange<Int>)
        case maximum(Int, ClosedRange<Int>)
        /// Told, not asked.
        case declaration
        case always(String)
    }

    /// What this end would like.
    struct Wishes: Sendable {
        var segmentBytes = 262_144
        var maximumBurstBytes = 1 << 20
        var firstBurstBytes = 262_144
        var timeToWaitSeconds = 2
    }

    let wishes: Wishes
    let isDiscovery: Bool

    /// Takes the peer's value of a key.
    ///
    /// - Returns: our answer, or `nil` for a declaration, which has none.
    func answer(_ pair: TextKeys.Pair, _ parameters: inout SessionParameters) -> String? {
        guard let rule = rule(pair.key) else { return "NotUnderstood" }
        // Answers to what this end has declared.
        if ["NotUnderstood", "Irrelevant", "Reject", "None"].contains(pair.value), case .declaration = rule { return nil }
        if isDiscovery, Self.sessionKeys.contains(pair.key) { return "Irrelevant" }
        guard let result = result(of: rule, pair.value) else { return "Reject" }
        guard store(pair.key, result, &parameters) else { return "Reject" }
        if case .declaration = rule { return nil }
        return result
    }

    /// Keys that mean something only where commands are sent.
    private static let sessionKeys: Set<String> = [
        "MaxConnections", "InitialR2T", "ImmediateData", "MaxBurstLength", "FirstBurstLength", "MaxOutstandingR2T",
        "DataPDUInOrder", "DataSequenceInOrder",
    ]

    private func rule(_ key: String) -> Rule? {
        switch key {
        case "HeaderDigest", "DataDigest": .choice(["None", "CRC32C"])
        case "MaxConnections": .minimum(1, 1...65_535)
        case "InitialR2T": .or
        case "ImmediateData": .and
        case "MaxRecvDataSegmentLength", "InitiatorAlias", "InitiatorName", "TargetName", "SessionType": .declaration
        case "MaxBurstLength": .minimum(wishes.maximumBurstBytes, Self.segmentRange)
        case "FirstBurstLength": .minimum(wishes.firstBurstBytes, Self.segmentRange)
        case "DefaultTime2Wait": .maximum(wishes.timeToWaitSeconds, 0...3600)
        case "DefaultTime2Retain": .minimum(0, 0...3600)
        case "MaxOutstandingR2T": .minimum(1, 1...65_535)
        case "DataPDUInOrder", "DataSequenceInOrder": .always("Yes")
        case "ErrorRecoveryLevel": .minimum(0, 0...2)
        case "TaskReporting": .choice(["RFC3720"])
        // Obsolete, but not to be called unknown: RFC 7143 §13.25.
        case "IFMarker", "OFMarker": .always("No")
        case "IFMarkInt", "OFMarkInt": .choice([])
        default: nil
        }
    }

    private func result(of rule: Rule, _ value: String) -> String? {
        switch rule {
        case .choice(let ours): return value.split(separator: ",").map(String.init).first { ours.contains($0) }
        case .and, .or: return value == "Yes" || value == "No" ? value : nil
        case .always(let result): return value == "Yes" || value == "No" ? result : nil
        case .minimum(let ours, let range): return Self.number(value, range).map { String(min(ours, $0)) }
        case .maximum(let ours, let range): return Self.number(value, range).map { String(max(ours, $0)) }
        case .declaration: return value
        }
    }

    private static func number(_ text: String, _ range: ClosedRange<Int>) -> Int? {
        guard let number = TextValue.number(text).flatMap({ Int(exactly: $0) }), range.contains(number) else { return nil }
        return number
    }

    /// - Returns: whether the value is one that the key can have.
    private func store(_ key: String, _ value: String, _ parameters: inout SessionParameters) -> Bool {
        switch key {
        case "HeaderDigest": parameters.hasHeaderDigest = value == "CRC32C"
        case "DataDigest": parameters.hasDataDigest = value == "CRC32C"
        case "InitialR2T": parameters.isReadyToTransferFirst = value == "Yes"
        case "ImmediateData": parameters.takesImmediateData = value == "Yes"
        case "InitiatorAlias": parameters.initiatorAlias = String(value.prefix(255))
        case "MaxRecvDataSegmentLength":
            guard let number = Self.number(value, Self.segmentRange) else { return false }
            parameters.initiatorSegmentBytes = number
        case "MaxBurstLength": parameters.maximumBurstBytes = Int(value) ?? parameters.maximumBurstBytes
        case "FirstBurstLength": parameters.firstBurstBytes = Int(value) ?? parameters.firstBurstBytes
        case "DefaultTime2Wait": parameters.timeToWaitSeconds = Int(value) ?? parameters.timeToWaitSeconds
        case "DefaultTime2Retain": parameters.timeToRetainSeconds = Int(value) ?? parameters.timeToRetainSeconds
        default: break
        }
        return true
    }
}
