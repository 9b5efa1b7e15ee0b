import Platform

/// What a target says about itself to everybody who logs in.
struct LoginPolicy: Sendable {
    var targetName: String
    var targetAlias: String?
    var portalGroup: UInt16 = 1
    var wishes = Negotiation.Wishes()
    /// Secrets by initiator name.
    var credentials: [String: ISCSICredentials] = [:]
    /// By which the target shows itself to initiators that ask.
    var ownCredentials: ISCSICredentials?
    /// Whether initiators without secrets here are turned away.
    var requiresAuthentication = false
}

/// Who logs in, once everything is agreed.
struct SessionOpening: Equatable, Sendable {
    var initiator: String
    /// ISID: 48 bits that tell sessions of one initiator apart.
    var initiatorSession: UInt64
    /// TSIH of the session to join; 0 for a new one.
    var targetSession: UInt16
    var connection: UInt16
    var isDiscovery: Bool
}

/// The login phase of one connection: requests in, responses out.
///
/// Source: RFC 7143 §6.3 (stages and their order), §11.12 and §11.13 (the PDUs).
struct LoginMachine: Sendable {
    /// What is answered to one request.
    enum Step {
        /// Keys to send; `transit` is the stage entered with this response, `isPart` tells that the initiator has more text.
        case respond(TextKeys, transit: LoginStage?)
        /// All is agreed: the response that ends the login waits for the session.
        case open(SessionOpening, TextKeys)
    }

    static let textLimitBytes = 64 << 10

    let policy: LoginPolicy
    private let randomness: any Randomness
    private(set) var parameters = SessionParameters()
    private(set) var opening: SessionOpening?
    private var stage: LoginStage?
    private var negotiation: Negotiation?
    private var handshake: ChallengeHandshake?
    private var text: [UInt8] = []
    private var tag: UInt32 = 0
    private var answered: Set<String> = []
    private var hasToldPortalGroup = false
    private var hasToldSegment = false
    private var isMethodChosen = false

    init(policy: LoginPolicy, randomness: any Randomness) {
        self.policy = policy
        self.randomness = randomness
    }

    /// Takes a login request with its text.
    mutating func request(_ header: PDUHeader, _ data: UnsafeRawBufferPointer) throws(LoginStatus) -> Step {
        guard header.byte3 == 0 else { throw .unsupportedVersion }
        guard let current = LoginStage(rawValue: header.flags >> 2 & 3), current != .fullFeature else { throw .initiatorError }
        let next = LoginStage(rawValue: header.flags & 3)
        if header.isFinal { guard !header.isContinued, let next, next.rawValue > current.rawValue else { throw .initiatorError } }
        if let stage, let opening {
            guard current == stage, header.tag == tag, header.initiatorSession == opening.initiatorSession,
                header.targetSession == opening.targetSession, header.connection == opening.connection
            else { throw .initiatorError }
        }
        tag = header.tag
        text.append(contentsOf: data)
        guard text.count <= Self.textLimitBytes else { throw .initiatorError }
        if header.isContinued {
            if stage == nil, text.count > 8192 { throw .initiatorError }
            return .respond(TextKeys(), transit: nil)
        }
        let keys = try takeText()
        if stage == nil { try begin(header, keys, at: current) }
        return try advance(keys, from: current, to: header.isFinal ? next : nil)
    }

    private mutating func takeText() throws(LoginStatus) -> TextKeys {
        defer { text = [] }
        do { return try TextKeys(text) } catch { throw .initiatorError }
    }

    /// The first request says who comes and for what.
    private mutating func begin(_ header: PDUHeader, _ keys: TextKeys, at current: LoginStage) throws(LoginStatus) {
        guard let initiator = keys["InitiatorName"] else { throw .missingParameter }
        guard ISCSIName.isValid(initiator) else { throw .initiatorError }
        var isDiscovery = false
        switch keys["SessionType"] {
        case nil, "Normal": break
        case "Discovery": isDiscovery = true
        default: throw .sessionTypeNotSupported
        }
        if let name = keys["TargetName"] {
            guard ISCSIName.normalized(name) == policy.targetName else { throw .notFound }
        } else if !isDiscovery {
            throw .missingParameter
        }
        let opening = SessionOpening(
            initiator: ISCSIName.normalized(initiator), initiatorSession: header.initiatorSession,
            targetSession: header.targetSession, connection: header.connection, isDiscovery: isDiscovery)
        self.opening = opening
        stage = current
        negotiation = Negotiation(wishes: policy.wishes, isDiscovery: isDiscovery)
        if let expected = policy.credentials[opening.initiator] {
            handshake = ChallengeHandshake(expected: expected, own: policy.ownCredentials)
        } else if policy.requiresAuthentication {
            throw .authorizationFailure
        }
        // Whoever has to prove itself cannot leave that out.
        if handshake != nil, current == .operational { throw .authenticationFailure }
    }

    private mutating func advance(
        _ keys: TextKeys, from current: LoginStage, to next: LoginStage?
    ) throws(LoginStatus) -> Step {
        guard let opening else { throw .initiatorError }
        var answer = TextKeys()
        if !opening.isDiscovery, !hasToldPortalGroup {
            answer.append("TargetPortalGroupTag", String(policy.portalGroup))
            if let alias = policy.targetAlias { answer.append("TargetAlias", alias) }
            hasToldPortalGroup = true
        }
        switch current {
        case .security: try secure(keys, &answer)
        case .operational: try negotiate(keys, &answer)
        case .fullFeature: throw .initiatorError
        }
        guard let next else { return .respond(answer, transit: nil) }
        if let handshake, !handshake.isDone {
            // Not without proof; but while one is under way the answer is simply "not yet".
            guard isMethodChosen else { throw .authenticationFailure }
            return .respond(answer, transit: nil)
        }
        stage = next
        // Keys may be negotiated once per stage.
        answered = []
        return next == .fullFeature ? .open(opening, answer) : .respond(answer, transit: next)
    }

    private mutating func secure(_ keys: TextKeys, _ answer: inout TextKeys) throws(LoginStatus) {
        for pair in keys.pairs where !Self.identityKeys.contains(pair.key) && !ChallengeHandshake.owns(pair.key) {
            guard answered.insert(pair.key).inserted else { throw .initiatorError }
            if pair.key == "AuthMethod" {
                try chooseMethod(pair.value, &answer)
            } else if pair.key == "MaxRecvDataSegmentLength" || pair.key == "InitiatorAlias" {
                _ = negotiation?.answer(pair, &parameters)
            } else {
                // Nothing that matters is agreed on with somebody who may be anybody.
                answer.append(pair.key, Self.operationalKeys.contains(pair.key) ? "Reject" : "NotUnderstood")
            }
        }
        guard isMethodChosen, var handshake else { return }
        do throws(ChallengeHandshake.Failure) {
            answer.pairs += try handshake.step(keys, randomness).pairs
            self.handshake = handshake
        } catch {
            switch error {
            case .malformed: throw .initiatorError
            case .refused: throw .authenticationFailure
            }
        }
    }

    private mutating func chooseMethod(_ offer: String, _ answer: inout TextKeys) throws(LoginStatus) {
        let wanted = handshake == nil ? "None" : "CHAP"
        guard offer.split(separator: ",").contains(Substring(wanted)) else { throw .authenticationFailure }
        answer.append("AuthMethod", wanted)
        isMethodChosen = true
    }

    private mutating func negotiate(_ keys: TextKeys, _ answer: inout TextKeys) throws(LoginStatus) {
        guard let negotiation else { return }
        for pair in keys.pairs where !Self.identityKeys.contains(pair.key) {
            guard answered.insert(pair.key).inserted else { throw .initiatorError }
            if pair.key == "AuthMethod" || ChallengeHandshake.owns(pair.key) { throw .initiatorError }
            if let value = negotiation.answer(pair, &parameters) { answer.append(pair.key, value) }
        }
        if !hasToldSegment {
            answer.append("MaxRecvDataSegmentLength", String(policy.wishes.segmentBytes))
            hasToldSegment = true
        }
    }

    private static let identityKeys: Set<String> = ["InitiatorName", "TargetName", "SessionType"]
    private static let operationalKeys: Set<String> = [
        "HeaderDigest", "DataDigest", "MaxConnections", "InitialR2T", "ImmediateData", "MaxBurstLength",
        "FirstBurstLength", "DefaultTime2Wait", "DefaultTime2Retain", "MaxOutstandingR2T", "DataPDUInOrder",
        "DataSequenceInOrder", "ErrorRecoveryLevel", "IFMarker", "OFMarker", "IFMarkInt", "OFMarkInt", "TaskReporting",
    ]
}

extension PDUHeader {
    /// ISID of a login request.
    var initiatorSession: UInt64 { word1 >> 16 }
    /// TSIH of a login request.
    var targetSession: UInt16 { UInt16(truncatingIfNeeded: word1) }
    /// CID of a login or logout request.
    var connection: UInt16 { UInt16(truncatingIfNeeded: field20 >> 16) }
}

/// Names of initiators and targets. Source: RFC 7143 §4.2.7, RFC 3722 (the profile folds case).
enum ISCSIName {
    static let longest = 223

    static func isValid(_ name: String) -> Bool {
        guard (1...longest).contains(name.utf8.count) else { return false }
        let name = normalized(name)
        guard ["iqn.", "eui.", "naa."].contains(where: name.hasPrefix) else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                UInt8(ascii: "."), UInt8(ascii: ":"), 128...: true
            default: false
            }
        }
    }

    static func normalized(_ name: String) -> String { name.lowercased() }
}
