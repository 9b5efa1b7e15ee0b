import Cryptography
import Domain

/// The end of the chain that audit entries form: each contains the digest of the one before, so that none can be changed,
/// taken out or moved without all later ones telling.
public struct AuditHead: Sendable, Equatable {
    /// Of the last entry; so is the rest.
    public let number: UInt64
    public let sequence: UInt64
    public let digest: Digest

    public init(number: UInt64, sequence: UInt64, digest: Digest) {
        self.number = number
        self.sequence = sequence
        self.digest = digest
    }

    /// Before the first entry.
    public static let start = AuditHead(number: 0, sequence: 0, digest: Digest(of: "viaduct audit"))
}

extension AuditEntry {
    /// What the chain ends with after this entry.
    public var head: AuditHead { AuditHead(number: number, sequence: sequence, digest: digest) }

    /// The entry as the next of a chain.
    func sealed(after head: AuditHead) -> AuditEntry {
        var entry = self
        entry.number = head.number + 1
        entry.previousDigest = head.digest
        entry.digest = Digest(of: entry.canonicalBytes)
        return entry
    }
}

/// Follows a chain of audit entries, and compares it with what was signed.
public struct AuditVerification: Sendable {
    public struct Problem: Sendable, Equatable {
        /// Number of the change it was found at.
        public let sequence: UInt64
        public let text: String
    }

    /// Empty if nothing was changed, taken out, put in or moved.
    public private(set) var problems: [Problem] = []
    public private(set) var count = 0
    private var last: AuditEntry?
    private let checkpoints: [UInt64: [AuditCheckpoint]]
    private let newest: AuditCheckpoint?
    private let trimmed: AuditCheckpoint?

    /// - Parameter checkpoints: with good signatures.
    public init(checkpoints: [AuditCheckpoint]) {
        self.checkpoints = Dictionary(grouping: checkpoints, by: \.head.number)
        newest = checkpoints.max { $0.head.number < $1.head.number }
        trimmed = checkpoints.filter { $0.kind == .trimmed }.max { $0.head.number < $1.head.number }
    }

    /// The smallest number of a change at which something is wrong.
    public var firstBadSequence: UInt64? { problems.map(\.sequence).min() }

    /// Something that is no entry at all.
    public mutating func note(_ text: String, at sequence: UInt64) {
        problems.append(Problem(sequence: sequence, text: text))
    }

    /// The next entry in order.
    ///
    /// - Parameter sequence: where it stands, if that may be another than it says.
    public mutating func take(_ entry: AuditEntry, at sequence: UInt64? = nil) {
        count += 1
        let sequence = sequence ?? entry.sequence
        let place = "entry \(entry.number)"
        if entry.digest != Digest(of: entry.canonicalBytes) { note("\(place) was changed", at: sequence) }
        if let last {
            if entry.number != last.number + 1 { note("\(place) follows entry \(last.number)", at: sequence) }
            if entry.sequence <= last.sequence { note("\(place) is not in the order of the changes", at: sequence) }
            if entry.previousDigest != last.digest { note("\(place) does not continue what stands before it", at: sequence) }
        } else {
            begin(with: entry, at: sequence)
        }
        for checkpoint in checkpoints[entry.number] ?? [] where checkpoint.head != entry.head {
            note("\(place) is not the one that was signed", at: sequence)
        }
        last = entry
    }

    /// The first entry begins the chain, or follows what was trimmed. A stop amid trimming leaves some of that.
    private mutating func begin(with entry: AuditEntry, at sequence: UInt64) {
        let place = "entry \(entry.number)"
        if entry.number <= 1 {
            if entry.number != 1 || entry.previousDigest != AuditHead.start.digest {
                note("\(place) does not begin the chain", at: sequence)
            }
        } else if let trimmed, trimmed.head.number >= entry.number - 1 {
            if trimmed.head.number == entry.number - 1, trimmed.head.digest != entry.previousDigest {
                note("\(place) does not continue what was trimmed", at: sequence)
            }
        } else {
            note("\(place) is the first: what stood before it is missing", at: sequence)
        }
    }

    /// After the last entry.
    ///
    /// - Parameter head: the end of the chain as the log notes it.
    public mutating func finish(head: AuditHead) {
        let end = last?.head ?? .start
        if end != head {
            note("entry \(head.number) was written last, but entry \(end.number) stands at the end", at: end.sequence + 1)
        }
        guard let newest else { return }
        if newest.head.number > end.number {
            note("entry \(newest.head.number) was signed, but entry \(end.number) stands at the end", at: end.sequence + 1)
        }
    }
}
