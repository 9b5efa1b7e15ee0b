import Cryptography
import Glibc
import Platform
import Synchronization

/// The certificate the server shows: the user's own, or one made at first start and remade before it ends.
final class ServerIdentity: Sendable {
    /// A made certificate is replaced when it has fewer days left.
    private static let renewalDays: Int64 = 30

    private struct State {
        var context: TLSContext
        var fingerprint: String
    }

    let certificatePath: String
    private let keyPath: String
    private let isMade: Bool
    private let tickets: TicketKeys
    private let world: World
    private let state: Mutex<State>

    init(_ configuration: Configuration, _ directory: DataDirectory, _ world: World) throws(StartError) {
        isMade = configuration.certificateFile.isEmpty
        certificatePath = isMade ? directory.certificate : configuration.certificateFile
        keyPath = isMade ? directory.privateKey : configuration.privateKeyFile
        tickets = TicketKeys(world: world)
        self.world = world
        let identity = try Self.load(certificatePath, keyPath, isMade: isMade, world)
        state = Mutex(try Self.state(identity, tickets))
    }

    var context: TLSContext { state.withLock { $0.context } }
    var fingerprint: String { state.withLock { $0.fingerprint } }

    func reload() throws(StartError) -> TLSContext {
        let identity = try Self.load(certificatePath, keyPath, isMade: isMade, world)
        let new = try Self.state(identity, tickets)
        state.withLock { $0 = new }
        return new.context
    }

    private static func state(_ identity: Identity, _ tickets: TicketKeys) throws(StartError) -> State {
        do {
            return State(context: try TLSContext(identities: [identity], tickets: tickets), fingerprint: identity.fingerprint)
        } catch {
            throw StartError("cannot use the certificate: \(error)")
        }
    }

    private static func load(
        _ certificate: String, _ key: String, isMade: Bool, _ world: World
    ) throws(StartError) -> Identity {
        do {
            if isMade && !(DataDirectory.exists(certificate) && DataDirectory.exists(key)) {
                return try make(certificate, key, world)
            }
            let identity = try Identity.load(certificatePath: certificate, keyPath: key)
            let secondsLeft = identity.expiresAtSeconds - world.clock.wallMilliseconds / 1000
            if isMade && secondsLeft < renewalDays * 86_400 { return try make(certificate, key, world) }
            return identity
        } catch {
            throw StartError("cannot load the certificate \(certificate): \(error)")
        }
    }

    private static func make(_ certificate: String, _ key: String, _ world: World) throws(CryptographyError) -> Identity {
        let identity = try Identity.selfSigned(hosts: [hostName()], days: 365, world: world)
        try identity.save(certificatePath: certificate, keyPath: key)
        return identity
    }

    private static func hostName() -> String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return "localhost" }
        let name = String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // A name that no certificate can carry, for example with an underscore, is left out.
        let isName = !name.isEmpty && name.utf8.allSatisfy { $0 == 0x2D || $0 == 0x2E || (0x30...0x39).contains($0) || (0x61...0x7A).contains($0 | 0x20) }
        return isName ? name : "localhost"
    }
}
