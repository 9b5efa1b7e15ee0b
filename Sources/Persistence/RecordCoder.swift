import Domain
import FoundationEssentials

/// The stored form of a record: JSON with sorted keys, so that equal values have equal bytes.
///
/// A reader ignores members it does not know; a record type gives a new field a default in `init(from:)`, so that bodies
/// of older versions still decode. Not safe to use from two threads at once.
public final class RecordCoder {
    private let encoder: JSONEncoder
    private let decoder = JSONDecoder()

    public init() {
        encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    }

    public func encode<Value: Encodable>(_ value: Value) throws(RecordCodingError) -> [UInt8] {
        do {
            return [UInt8](try encoder.encode(value))
        } catch {
            throw RecordCodingError(reason: "\(error)")
        }
    }

    public func decode<Value: Decodable>(_ type: Value.Type, from body: [UInt8]) throws(RecordCodingError) -> Value {
        do {
            return try decoder.decode(type, from: Data(body))
        } catch {
            throw RecordCodingError(reason: "\(error)")
        }
    }
}

/// A record could not be written to or read from its stored form.
public struct RecordCodingError: Error, Sendable {
    /// For the log.
    public let reason: String

    public init(reason: String) { self.reason = reason }
}
