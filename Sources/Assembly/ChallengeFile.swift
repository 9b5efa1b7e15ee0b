import Domain
import Glibc
import ISCSI

/// The secrets by which initiators and the target prove who they are (CHAP).
///
/// ```
/// # initiator                       user    secret
/// iqn.2001-04.com.example:host      host    0123456789abcdef
/// # The target's own, for initiators that ask for it (mutual CHAP).
/// target                            array   fedcba9876543210
/// ```
/// One line each, parts separated by blanks; secrets of 12 to 255 bytes. Nothing of a secret is ever shown or logged.
struct ChallengeFile: Sendable {
    private(set) var initiators: [String: ISCSICredentials] = [:]
    private(set) var target: ISCSICredentials?

    private static let byteLimit = 1 << 20
    private static let targetWord = "target"

    /// - Throws: `StartError` naming file and line; also if anybody but the owner could read the file.
    init(path: String) throws(StartError) {
        try Self.checkOwner(path)
        let text = try TextFile.read(path)
        do throws(ConfigurationError) {
            try self.init(text: text)
        } catch {
            throw StartError("\(path): \(error.description)")
        }
    }

    init(text: String) throws(ConfigurationError) {
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            try add(words, place: "line \(index + 1)")
        }
        // Source: RFC 7143 §12.1.3: a secret must not serve for both directions, or answers could be reflected.
        if let target, initiators.values.contains(where: { $0.secret == target.secret }) {
            throw ConfigurationError("the target must have a secret of its own")
        }
    }

    private mutating func add(_ words: [String], place: String) throws(ConfigurationError) {
        guard words.count == 3 else {
            throw ConfigurationError("\(place): a line has an initiator (or the word `target`), a user and a secret")
        }
        guard let credentials = ISCSICredentials(name: words[1], secret: Array(words[2].utf8)) else {
            throw ConfigurationError("\(place): a user has 1 to 255 bytes, a secret 12 to 255")
        }
        guard words[0] != Self.targetWord else {
            guard target == nil else { throw ConfigurationError("\(place): the target has a line already") }
            target = credentials
            return
        }
        let name: String
        do throws(InitiatorName.Malformed) {
            name = try InitiatorName(words[0]).rawValue
        } catch {
            throw ConfigurationError("\(place): \(error.reason)")
        }
        guard initiators.updateValue(credentials, forKey: name) == nil else {
            throw ConfigurationError("\(place): \(name) has a line already")
        }
    }

    private static func checkOwner(_ path: String) throws(StartError) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw StartError("cannot read \(path): \(String(cString: strerror(errno)))")
        }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= byteLimit else {
            throw StartError("\(path) must be a file of at most \(byteLimit) bytes")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw StartError("\(path) holds secrets and must be for its owner alone: chmod 600 \(path)")
        }
    }
}
