import Contract
import Domain

/// Faults in the shape that each wire gives them.
enum FaultEncoder {
    /// `{"error_type":"NOT_FOUND","messages":[{"id":…,"default_message":…,"args":[…]}]}`, with `challenge` where there
    /// is one.
    static func writeClean(_ fault: Fault, to writer: inout ValueWriter) {
        writer.beginStructure("")
        writer.field(",\"error_type\":", fault.type.errorType)
        writeMessages(fault.messages, to: &writer)
        writer.optional(",\"challenge\":", fault.challenge)
        writer.endStructure()
    }

    /// `{"type":"com.vmware.vapi.std.errors.not_found","value":{"error_type":…,"messages":[…]}}`.
    static func writeLegacy(_ fault: Fault, to writer: inout ValueWriter) {
        writer.beginStructure("")
        writer.field(",\"type\":", fault.type.canonicalName)
        writer.raw(",\"value\":")
        writeClean(fault, to: &writer)
        writer.endStructure()
    }

    /// `{"ERROR":{"com.vmware.vapi.std.errors.not_found":{…}}}`, complete with the fields that are not set.
    static func writeJSONRPC(_ fault: Fault, to writer: inout ValueWriter) {
        writer.raw("{\"ERROR\":{\"")
        writer.raw(fault.type.canonicalName.utf8)
        writer.raw("\":{")
        writeMessages(fault.messages, to: &writer)
        writer.optional(",\"data\":", String?.none)
        writer.optional(",\"error_type\":", fault.type.errorType)
        if fault.type == .unauthenticated || fault.type == .unauthorized { writer.optional(",\"challenge\":", fault.challenge) }
        writer.raw("}}}")
    }

    private static func writeMessages(_ messages: [LocalizableMessage], to writer: inout ValueWriter) {
        writer.separate()
        writer.raw("\"messages\":")
        writer.beginList()
        for message in messages {
            writer.separate()
            writer.beginStructure("com.vmware.vapi.std.localizable_message")
            writer.field(",\"id\":", message.id)
            writer.field(",\"default_message\":", message.defaultMessage)
            writer.field(",\"args\":", message.arguments)
            writer.optional(",\"params\":", String?.none)
            writer.optional(",\"localized\":", String?.none)
            writer.endStructure()
        }
        writer.endList()
    }
}
