import Domain

extension ValueWriter {
    /// Writes the error body of the wire; status codes and headers are the caller's.
    ///
    /// - `/api`: `{"error_type":"NOT_FOUND","messages":[…]}`, with `challenge` if there is one.
    /// - `/rest`: `{"type":"com.vmware.vapi.std.errors.not_found","value":{"messages":[…]}}`.
    /// - JSON-RPC: `{"ERROR":{"com.vmware.vapi.std.errors.not_found":{…}}}`, the value of the member `error`.
    public mutating func fault(_ fault: Fault) {
        switch wire {
        case .clean:
            raw("{\"error_type\":\"")
            raw(fault.type.errorType.utf8)
            raw("\"")
            messages(fault)
            raw("}")
        case .legacy:
            raw("{\"type\":\"")
            raw(fault.type.canonicalName.utf8)
            raw("\",\"value\":{")
            messages(fault)
            raw("}}")
        case .jsonRPC:
            DataValue(fault).write(to: &self)
        }
    }

    private mutating func messages(_ fault: Fault) {
        key(",\"messages\":")
        beginList()
        for message in fault.messages {
            separate()
            raw("{\"id\":")
            string(message.id)
            raw(",\"default_message\":")
            string(message.defaultMessage)
            raw(",\"args\":")
            message.arguments.write(to: &self)
            raw("}")
        }
        endList()
        if let data = fault.data {
            raw(",\"data\":")
            DataValue(data).write(to: &self)
        }
        if let challenge = fault.challenge {
            raw(",\"challenge\":")
            string(challenge)
        }
    }
}
