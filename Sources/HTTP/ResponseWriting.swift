extension ConnectionContext {
    /// Writes a head and, if it is not streamed, the body.
    ///
    /// - Returns: `false` if a field value could break the framing; nothing was written then.
    mutating func write(_ response: Response, _ plan: ResponsePlan, to head: RequestHead, isPersistent: Bool) -> Bool {
        let start = output.count
        writeStatusLine(response.status)
        for field in response.fields where !write(field, isWeakened: plan.gzip != nil) {
            output.truncate(to: start)
            return false
        }
        if plan.varies { output.append("Vary: Accept-Encoding\r\n") }
        if plan.gzip != nil { output.append("Content-Encoding: gzip\r\n") }
        writeFraming(plan.framing)
        if !isPersistent {
            output.append("Connection: close\r\n")
        } else if head.version == .http10 {
            output.append("Connection: keep-alive\r\n")
        }
        output.append("\r\n")
        guard plan.sendsBody, case .bytes(let bytes) = response.body else { return true }
        output.append(plan.gzip ?? bytes)
        return true
    }

    /// An answer of the connection itself; it always ends it.
    mutating func writeRefusal(_ refusal: Refusal, omitsBody: Bool) {
        writeStatusLine(refusal.status)
        let phrase = StatusPhrase.phrase(refusal.status)
        // {"status":400,"reason":"…","detail":"…"}
        let bodyBytes = 38 + phrase.utf8CodeUnitCount + refusal.explanation.utf8CodeUnitCount
        if refusal.status == 415 { output.append("Accept-Encoding: identity\r\n") }
        output.append("Content-Type: application/json\r\n")
        writeFraming(.length(UInt64(bodyBytes)))
        output.append("Connection: close\r\n\r\n")
        if omitsBody { return }
        output.append("{\"status\":")
        output.append(decimal: UInt64(refusal.status))
        output.append(",\"reason\":\"")
        output.append(phrase)
        output.append("\",\"detail\":\"")
        output.append(refusal.explanation)
        output.append("\"}")
    }

    /// Status line and `Date`.
    private mutating func writeStatusLine(_ status: Int) {
        precondition((200...599).contains(status), "a response has a final status")
        if status == 200 {
            output.append("HTTP/1.1 200 OK\r\n")
        } else {
            output.append("HTTP/1.1 ")
            output.append(decimal: UInt64(status))
            output.append(byte: Characters.space)
            output.append(StatusPhrase.phrase(status))
            output.append("\r\n")
        }
        output.append(dateLine.bytes)
    }

    private mutating func writeFraming(_ framing: ResponsePlan.Framing) {
        switch framing {
        case .none, .untilClose: break
        case .chunked: output.append("Transfer-Encoding: chunked\r\n")
        case .length(let length):
            output.append("Content-Length: ")
            output.append(decimal: length)
            output.append("\r\n")
        }
    }

    /// - Parameter isWeakened: the body is not the one that a strong entity tag was made for. RFC 9110 §8.8.3.3
    ///   wants another tag for another coding; a weak one is right for both.
    private mutating func write(_ field: ResponseField, isWeakened: Bool) -> Bool {
        output.append(field.name)
        output.append(": ")
        if isWeakened, field.value.utf8.first == UInt8(ascii: "\""), ResponseField.isNamed(field.name, "etag") {
            output.append("W/")
        }
        let start = output.count
        output.append(field.value)
        let value = UnsafeRawBufferPointer(rebasing: output.bytes[start...])
        guard Characters.firstControl(in: value, from: 0) == value.count else { return false }
        output.append("\r\n")
        return true
    }
}

extension ResponseField {
    /// - Parameter word: in lower case.
    static func isNamed(_ name: StaticString, _ word: StaticString) -> Bool {
        let bytes = UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        return Characters.equalsIgnoringCase(bytes, 0..<bytes.count, word)
    }
}
