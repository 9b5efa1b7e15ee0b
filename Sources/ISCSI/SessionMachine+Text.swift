// Text requests: SendTargets and the few keys that may change in the full feature phase.
// Source: RFC 7143 §11.10, §11.11, appendix C (SendTargets).

/// A text exchange under way.
struct TextExchange {
    static let limitBytes = 8192

    /// What the initiator has sent of its text.
    var request: [UInt8] = []
    /// What is still to be sent of the answer.
    var answer: [UInt8] = []
    /// Names the exchange in the PDUs that go on with it; `PDUHeader.noTag` if there is none.
    var tag = PDUHeader.noTag
}

extension SessionMachine {
    mutating func exchangeText(_ header: PDUHeader, _ data: UnsafeRawBufferPointer, _ output: inout OutputQueue) {
        if header.field20 == PDUHeader.noTag {
            // A new exchange; one that was left unfinished is forgotten.
            text = TextExchange()
        } else if header.field20 != text.tag {
            return reject(header, .invalidField, &output)
        }
        if !text.answer.isEmpty { return sendText(header, &output) }
        guard text.request.count + data.count <= TextExchange.limitBytes else {
            text = TextExchange()
            return reject(header, .protocolError, &output)
        }
        guard !(header.isFinal && header.isContinued) else { return reject(header, .protocolError, &output) }
        text.request.append(contentsOf: data)
        if header.isContinued { return sendText(header, &output) }
        let keys: TextKeys
        do throws(TextKeys.Failure) {
            keys = try TextKeys(text.request)
        } catch {
            text = TextExchange()
            return reject(header, .protocolError, &output)
        }
        text.request = []
        text.answer = answers(to: keys)
        sendText(header, &output)
    }

    private mutating func answers(to keys: TextKeys) -> [UInt8] {
        var answer = TextKeys()
        var bytes: [UInt8] = []
        for pair in keys.pairs {
            switch pair.key {
            case "SendTargets": bytes += targets(pair.value)
            case "MaxRecvDataSegmentLength":
                let negotiation = Negotiation(wishes: login.policy.wishes, isDiscovery: false)
                if let refusal = negotiation.answer(pair, &parameters) { answer.append(pair.key, refusal) }
            case "InitiatorAlias": break
            case "InitiatorName", "TargetName", "SessionType", "AuthMethod": answer.append(pair.key, "Reject")
            default:
                let negotiation = Negotiation(wishes: login.policy.wishes, isDiscovery: false)
                var unchanged = parameters
                let isKnown = negotiation.answer(pair, &unchanged) != "NotUnderstood"
                // What was agreed on at login stays.
                answer.append(pair.key, isKnown ? "Reject" : "NotUnderstood")
            }
        }
        return bytes + answer.encoded
    }

    /// The target with its addresses, if it is among those asked for.
    private func targets(_ wanted: String) -> [UInt8] {
        let name = login.policy.targetName
        let isDiscovery = opening?.isDiscovery ?? false
        guard wanted == "All" && isDiscovery || wanted.isEmpty && !isDiscovery || ISCSIName.normalized(wanted) == name else {
            return wanted == "All" || wanted.isEmpty ? Array("SendTargets=Reject\0".utf8) : []
        }
        var bytes = Array("TargetName=\(name)\0".utf8)
        for portal in portals { bytes += "TargetAddress=\(portal),\(login.policy.portalGroup)\0".utf8 }
        return bytes
    }

    /// Sends what fits one PDU of the answer, or asks for more of the request.
    private mutating func sendText(_ request: PDUHeader, _ output: inout OutputQueue) {
        let part = Array(text.answer.prefix(parameters.initiatorSegmentBytes))
        text.answer.removeFirst(part.count)
        let hasMore = !text.answer.isEmpty
        let isOver = !hasMore && request.isFinal
        var header = PDUHeader(.textResponse, flags: isOver ? 0x80 : hasMore ? 0x40 : 0, tag: request.tag)
        header.word1 = request.word1
        if isOver {
            text = TextExchange()
        } else if text.tag == PDUHeader.noTag {
            text.tag = nextTransferTag
            nextTransferTag &+= 1
            if nextTransferTag == PDUHeader.noTag { nextTransferTag = 1 }
        }
        header.field20 = text.tag
        number(&header)
        part.withUnsafeBytes { send(&header, $0, &output) }
    }
}
