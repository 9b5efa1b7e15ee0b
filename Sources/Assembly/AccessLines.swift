import API
import Logging

/// Writes one line per request: a line of the program's log with the facts as metadata.
struct AccessLines: AccessLog {
    let logger: Logger

    func record(_ entry: AccessEntry) {
        var metadata: Logger.Metadata = [
            "method": .string(entry.method), "path": .string(entry.path), "status": .stringConvertible(entry.status),
            "duration_us": .stringConvertible(entry.durationMicroseconds), "peer": .string(entry.peer),
            "request_id": .string(entry.requestID),
        ]
        if let bytes = entry.bytes { metadata["bytes"] = .stringConvertible(bytes) }
        if let user = entry.user { metadata["user"] = .string(user) }
        if let id = entry.operationID { metadata["operation_id"] = .string(id) }
        if let operation = entry.operation { metadata["operation"] = .string(operation) }
        if let fault = entry.fault {
            metadata["fault"] = .string(fault.type.rawValue)
            if let detail = fault.detail { metadata["detail"] = .string(detail) }
        }
        logger.info("request", metadata: metadata)
    }
}
