import Domain
import Foundation
import Yams

extension Configuration {
    /// Defaults, then the file, then the environment, then the command line: later wins.
    ///
    /// - Parameters:
    ///   - yaml: the file's text; `nil` if there is none.
    ///   - environment: variables; those that do not start with `VIADUCT_` are ignored, other unknown ones are errors.
    ///   - overrides: dotted key and value, from the command line.
    public static func load(
        yaml: String?, environment: [String: String] = [:], overrides: [(key: String, value: String)] = []
    ) throws(ConfigurationError) -> Configuration {
        var configuration = Configuration()
        if let yaml {
            for (path, value, line) in try scalars(of: yaml) {
                try configuration.set(path, value, source: "line \(line)")
            }
        }
        for (name, value) in environment.sorted(by: { $0.key < $1.key })
        where name.hasPrefix("VIADUCT_") && !reservedVariables.contains(name) {
            guard let key = ConfigurationKey.all.first(where: { $0.environmentName == name }) else {
                throw ConfigurationError("environment: unknown variable \(name)")
            }
            try configuration.set(key.path, value, source: "environment \(name)")
        }
        for (key, value) in overrides {
            try configuration.set(key, value, source: "command line")
        }
        try configuration.check()
        return configuration
    }

    /// Variables with our prefix that are not configuration keys.
    static let reservedVariables: Set<String> = ["VIADUCT_ADMIN_PASSWORD", "VIADUCT_ONLY", "VIADUCT_LONG"]

    private mutating func set(_ path: String, _ value: String, source: String) throws(ConfigurationError) {
        guard let key = ConfigurationKey.all.first(where: { $0.path == path }) else {
            throw ConfigurationError("\(source): unknown key \(path)")
        }
        guard key.apply(&self, value) else {
            throw ConfigurationError("\(source): \(path) must be \(key.expectation), not \"\(value)\"")
        }
    }

    /// Rules that join several keys.
    private func check() throws(ConfigurationError) {
        guard certificateFile.isEmpty == privateKeyFile.isEmpty else {
            throw ConfigurationError("tls.certificate and tls.private_key must be given together")
        }
        guard tokenKeysFile.isEmpty || !(tokenIssuer.isEmpty || tokenAudience.isEmpty || tokenUserClaim.isEmpty) else {
            throw ConfigurationError(
                "identity.token_keys needs identity.token_issuer, identity.token_audience and identity.token_user_claim")
        }
        _ = try ListenAddress(listen)
        if !iscsiListen.isEmpty { _ = try ListenAddress(iscsiListen, key: "iscsi.listen") }
        if !iscsiTargetName.isEmpty {
            do throws(InitiatorName.Malformed) {
                _ = try InitiatorName(iscsiTargetName)
            } catch {
                throw ConfigurationError("iscsi.target_name: \(error.reason)")
            }
        }
    }

    /// All scalar values of a document with their dotted paths and lines.
    private static func scalars(of yaml: String) throws(ConfigurationError) -> [(String, String, Int)] {
        let root: Yams.Node?
        do {
            root = try Yams.compose(yaml: yaml)
        } catch {
            throw ConfigurationError("not valid YAML: \(error)")
        }
        guard let root else { return [] }
        var found: [(String, String, Int)] = []
        try collect(root, path: "", into: &found)
        return found
    }

    private static func collect(_ node: Yams.Node, path: String, into found: inout [(String, String, Int)])
        throws(ConfigurationError)
    {
        let line = node.mark?.line ?? 0
        switch node {
        case .scalar(let scalar):
            guard !path.isEmpty else { throw ConfigurationError("line \(line): the file must be a mapping of keys") }
            found.append((path, scalar.string, line))
        case .mapping(let mapping):
            for (key, value) in mapping {
                guard let name = key.string else { throw ConfigurationError("line \(line): a key must be text") }
                try collect(value, path: path.isEmpty ? name : "\(path).\(name)", into: &found)
            }
        case .sequence:
            throw ConfigurationError("line \(line): \(path.isEmpty ? "the file" : path) must not be a list")
        case .alias:
            throw ConfigurationError("line \(line): aliases are not allowed")
        }
    }
}

/// `host:port` or `[ipv6]:port`.
public struct ListenAddress: Sendable, Equatable {
    public let host: String
    /// 0 lets the system choose.
    public let port: UInt16

    /// - Parameter key: of the configuration, for errors.
    public init(_ text: String, key: String = "listen") throws(ConfigurationError) {
        let colon = text.lastIndex(of: ":") ?? text.startIndex
        let digits = text[colon...].dropFirst()
        guard let port = UInt16(digits), digits.first != "+" else {
            throw ConfigurationError("\(key) must be ADDRESS:PORT, not \"\(text)\"")
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            throw ConfigurationError("\(key): an IPv6 address stands in brackets, as in [::1]:8443")
        }
        guard !host.isEmpty else { throw ConfigurationError("\(key) must name an address, not \"\(text)\"") }
        self.host = host
        self.port = port
    }
}

extension Configuration {
    /// As `load`, from a file and this process's environment.
    ///
    /// - Parameter file: path; `nil` for none.
    public static func load(
        file: String?, overrides: [(key: String, value: String)]
    ) throws -> Configuration {
        try load(yaml: file.map { path in try TextFile.read(path) }, environment: processEnvironment, overrides: overrides)
    }

    /// `VIADUCT_ADMIN_PASSWORD`: the administrator's password at first start.
    public static var administratorPassword: String? { processEnvironment["VIADUCT_ADMIN_PASSWORD"] }

    /// Reads the seed file without using it.
    public func checkSeed() throws(StartError) { _ = try Parts.lab(self) }

    private static var processEnvironment: [String: String] { ProcessInfo.processInfo.environment }
}
