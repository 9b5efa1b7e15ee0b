import Cryptography
import Persistence
import PersistenceSQLite

/// Checks that nobody changed the audit log; a server may be running on it.
public enum AuditCheck {
    /// - Parameters:
    ///   - publicKey: a PEM file; empty for the one of the data directory.
    ///   - further: checkpoints that were kept elsewhere, as text.
    /// - Throws: `StartError` if log, key or checkpoints cannot be read at all.
    public static func run(
        _ configuration: Configuration, publicKey: String = "", further: [String] = []
    ) throws(StartError) -> AuditVerification {
        let directory = DataDirectory(configuration.dataDirectory)
        guard DataDirectory.exists(directory.inventory) else { throw StartError("\(directory.path) holds no inventory") }
        let key = try key(publicKey.isEmpty ? directory.auditPublicKey : publicKey)
        let (stored, strangers) = try AuditCheckpointFile(path: directory.auditCheckpoints).read()
        var all = stored
        for text in further {
            guard let checkpoint = AuditCheckpoint(text: text) else { throw StartError("\"\(text)\" is no checkpoint") }
            all.append(checkpoint)
        }
        let good = all.filter { $0.isSigned(by: key) }
        do {
            var verification = try SQLiteLog.verifyAudit(path: directory.inventory, good)
            let bad = all.count - good.count + strangers
            if bad > 0 { verification.note("\(bad) checkpoints are not signed with the key", at: 0) }
            if good.isEmpty { verification.note("there is no checkpoint: an end that was cut off would not be seen", at: 0) }
            return verification
        } catch {
            throw StartError("cannot read the audit log: \(error)")
        }
    }

    private static func key(_ path: String) throws(StartError) -> VerificationKey {
        do {
            guard let key = try VerificationKey.load(path: path) else { throw CryptographyError.noKey }
            return key
        } catch {
            throw StartError("cannot read the public key \(path): \(error)")
        }
    }
}

extension Program {
    /// `viaduct audit verify`. Exit code 1: something was changed, or cannot be read.
    public static func verifyAudit(_ configuration: Configuration, publicKey: String, further: [String]) -> Int32 {
        do throws(StartError) {
            let verification = try AuditCheck.run(configuration, publicKey: publicKey, further: further)
            for problem in verification.problems.prefix(100) { print("change \(problem.sequence): \(problem.text)") }
            if let first = verification.firstBadSequence { print("first bad sequence: \(first)") }
            print("\(verification.count) entries, \(verification.problems.count) problems")
            return verification.problems.isEmpty ? 0 : 1
        } catch {
            fail(error.description)
            return 1
        }
    }
}
