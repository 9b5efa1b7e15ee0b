/// Which modules a source file imports, and whether it may.
enum ImportRules {
    /// Parts of the toolchain, free for all. `Foundation` is not: see `withoutFoundation`.
    static let toolchain: Set<String> = [
        "Swift", "Synchronization", "Glibc", "Dispatch", "Testing", "Foundation", "FoundationEssentials",
    ]

    /// Each C library and the only targets that may import it. A test may as well, if its line says so: for a client.
    static let owners: [String: Set<String>] = [
        "COpenSSL": ["Cryptography"],
        "COpenSSLLibrary": ["COpenSSL"],
        "CArgon2": ["Cryptography"],
        "CZlib": ["HTTP"],
        "CSQLite": ["PersistenceSQLite"],
        "CChecksum": ["StorageArray"],
        "CLinux": ["Platform", "Sockets"],
    ]

    /// Targets on the request and data path: start time, size and speed forbid Foundation there.
    static let withoutFoundation: Set<String> = [
        "HTTP", "Sockets", "Cryptography", "StorageArray", "SCSI", "Datastores", "Contract", "ContractTypes", "API",
        "Serving", "ISCSI", "Syslog",
    ]

    static let neverImported: Set<String> = ["NIO", "NIOCore", "NIOPosix", "NIOSSL", "NIOHTTP1", "XCTest"]

    /// Module names with the line (from 1) that imports them.
    static func imports(of file: TextFile) -> [(module: String, line: Int)] {
        file.source.code.enumerated().compactMap { index, line in
            let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
            guard let place = words.firstIndex(of: "import"), place + 1 < words.count else { return nil }
            let modifiers = words[..<place]
            guard modifiers.allSatisfy({ $0.hasPrefix("@") || accessLevels.contains($0) }) else { return nil }
            var name = words[place + 1]
            if kinds.contains(name), place + 2 < words.count { name = words[place + 2] }
            let module = name.prefix { $0 != "." && $0 != ";" }
            return (String(module), index + 1)
        }
    }

    private static let accessLevels: Set<String> = ["public", "package", "internal", "fileprivate", "private"]
    private static let kinds: Set<String> = ["struct", "class", "enum", "protocol", "func", "let", "var", "typealias"]

    static func violations(in file: TextFile, manifest: Manifest) -> [Violation] {
        guard let target = manifest[file.target] else {
            return [Violation(path: file.path, line: 1, message: "Package.swift has no target line for \(file.target)")]
        }
        return imports(of: file).compactMap { module, line in
            reason(against: module, in: target).map { Violation(path: file.path, line: line, message: $0) }
        }
    }

    private static func reason(against module: String, in target: Manifest.Target) -> String? {
        if neverImported.contains(module) || module.hasPrefix("NIO") {
            return "\(module) is not used here: sockets are ours, tests are Swift Testing"
        }
        if module.hasPrefix("Foundation"), withoutFoundation.contains(target.name) {
            return "\(target.name) does without Foundation: use Platform, Glibc or Synchronization"
        }
        if let owner = owners[module], !owner.contains(target.name), !target.isTest {
            return "\(module) belongs to \(owner.sorted().joined(separator: " and ")): use what they offer"
        }
        if toolchain.contains(module) || module == target.name || target.dependencies.contains(module) { return nil }
        return "\(target.name) imports \(module), but its line in Package.swift does not name it"
    }

    /// Packages that must not be among the dependencies, directly or not.
    static func packageViolations(in file: TextFile) -> [Violation] {
        file.lines.enumerated().compactMap { index, line in
            guard line.lowercased().contains("swift-nio") else { return nil }
            return Violation(path: file.path, line: index + 1, message: "swift-nio is not used here")
        }
    }
}
