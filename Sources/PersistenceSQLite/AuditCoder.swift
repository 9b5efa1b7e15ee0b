import FoundationEssentials
import Persistence

/// The stored form of an audit entry: JSON, which a reader of a later version still understands.
enum AuditCoder {
    static func encode(_ entry: AuditEntry) throws(DatabaseError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return [UInt8](try encoder.encode(entry))
        } catch {
            throw DatabaseError(code: Code.error, message: "an audit entry cannot be encoded: \(error)")
        }
    }

    static func decode(_ body: [UInt8]) throws(DatabaseError) -> AuditEntry {
        do {
            return try JSONDecoder().decode(AuditEntry.self, from: Data(body))
        } catch {
            throw DatabaseError(code: Code.corrupt, message: "an audit entry does not decode: \(error)")
        }
    }
}
