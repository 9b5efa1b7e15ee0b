// swift-tools-version: 6.2
import PackageDescription

// Swift 6 language mode everywhere; a warning is an error.
let settings: [SwiftSetting] = [
    // Release: generic code is specialised across modules, and exclusive access, which debug builds check in every test, is
    // not checked again. Together a fifth of the processor time of a small answer.
    .unsafeFlags(["-cross-module-optimization", "-enforce-exclusivity=unchecked"], .when(configuration: .release)),
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
]

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, exclude: name == "ContractTests" ? ["Fixtures"] : [], swiftSettings: settings)
}

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let hashTrees: Target.Dependency = .product(name: "HashTreeCollections", package: "swift-collections")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

// One line per target, lowest floor first: a target may import only what its line names.
// `swift test --filter TidyTests` reads these lines and the imports.
var targets: [Target] = [
    .target(name: "CLinux"),
    .target(name: "CChecksum"),
    .target(name: "COpenSSL", dependencies: ["COpenSSLLibrary"]),
    .systemLibrary(name: "COpenSSLLibrary", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CArgon2", pkgConfig: "libargon2", providers: [.apt(["libargon2-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),

    library("Platform", ["CLinux", logging]),
    library("Domain"),

    library("HTTP", ["CZlib"]),
    library("Sockets", ["Platform", "CLinux"]),
    library("Cryptography", ["Platform", "COpenSSL", "CArgon2"]),
    library("StorageArray", ["Platform", "CChecksum"]),

    library("SCSI", ["StorageArray", "Platform"]),
    library("Persistence", ["Domain", "Platform", "Cryptography", hashTrees]),
    library("NetworkPolicy", ["Domain"]),
    library("PersistenceSQLite", ["Persistence", "Domain", "Cryptography", "CSQLite"]),

    library("Datastores", ["SCSI", "Domain"]),
    library("Coordination", ["Persistence", "Domain", "Platform"]),
    library("Contract", ["Domain"]),

    library("ContractTypes", ["Contract", "Domain"]),
    library("ContractGenerator", ["Contract"]),
    library("Services", ["Domain", "NetworkPolicy", "Persistence", "Coordination", "Datastores", "SCSI", "StorageArray", "Contract", "ContractTypes", "Cryptography", "Platform"]),
    library("ISCSI", ["SCSI", "StorageArray", "Sockets", "Cryptography", "Platform"]),
    library("Serving", ["Sockets", "Cryptography", "HTTP", "Platform", logging]),

    library("Syslog", ["Sockets", "Cryptography", "Platform"]),

    library("API", ["HTTP", "Contract", "ContractTypes", "Domain", "Platform"]),
    library("Assembly", ["API", "NetworkPolicy", "Serving", "Services", "Persistence", "PersistenceSQLite", "Coordination", "Datastores", "ISCSI", "SCSI", "StorageArray", "Cryptography", "Sockets", "Syslog", "HTTP", "Contract", "ContractTypes", "Domain", "Platform", yams, logging]),

    .executableTarget(name: "viaduct", dependencies: ["Assembly", argumentParser], swiftSettings: settings),
    .executableTarget(name: "viaduct-dev", dependencies: ["ContractGenerator", argumentParser], swiftSettings: settings),

    tests("PlatformTests", ["Platform", logging]),
    tests("HTTPTests", ["HTTP"]),
    tests("ServingTests", ["Serving", "Sockets", "Cryptography", "HTTP", "Platform", "COpenSSL", "CLinux", logging]),
    tests("SyslogTests", ["Syslog", "Sockets", "Cryptography", "Platform"]),
    tests("StorageArrayTests", ["StorageArray", "Platform"]),
    tests("SCSITests", ["SCSI", "StorageArray", "Platform"]),
    tests("ISCSITests", ["ISCSI", "SCSI", "StorageArray", "Sockets", "Cryptography", "Platform"]),
    .executableTarget(name: "ISCSITestTarget", dependencies: ["ISCSI", "SCSI", "StorageArray", "Sockets", "Platform"], path: "Tests/ISCSITestTarget", swiftSettings: settings),
    tests("NetworkPolicyTests", ["NetworkPolicy", "Domain"]),
    tests("DatastoresTests", ["Datastores", "SCSI", "StorageArray", "Domain", "Platform"]),
    tests("PersistenceTests", ["Persistence", "PersistenceSQLite", "Coordination", "Cryptography", "Domain", "Platform"]),
    tests("ContractTests", ["Contract", "ContractTypes", "ContractGenerator", "Domain"]),
    tests("APITests", ["API", "HTTP", "Contract", "ContractTypes", "Domain", "Platform"]),
    tests("ServicesTests", ["Services", "Persistence", "PersistenceSQLite", "Coordination", "Datastores", "SCSI", "StorageArray", "Contract", "ContractTypes", "Cryptography", "Domain", "Platform"]),
    tests("AssemblyTests", ["Assembly", "Services", "Persistence", "Domain", "Datastores", "ISCSI", "Sockets", "SCSI", "StorageArray", "API", "HTTP", "Contract", "ContractTypes", "Platform"]),
    tests("TidyTests", []),
]

// Development convenience: VIADUCT_ONLY=HTTPTests builds that target and what it stands on.
if let only = Context.environment["VIADUCT_ONLY"] {
    var wanted = Set(only.split(separator: ",").map(String.init))
    var grew = true
    while grew {
        grew = false
        for target in targets where wanted.contains(target.name) {
            for case .byNameItem(let name, _) in target.dependencies where wanted.insert(name).inserted {
                grew = true
            }
        }
    }
    targets = targets.filter { wanted.contains($0.name) }
}

let package = Package(
    name: "viaduct",
    platforms: [.macOS(.v15)],
    // For the packages in Tests/Benchmarks.
    products: [
        Product.library(name: "Serving", targets: ["Serving", "Sockets", "Cryptography", "HTTP", "Platform"]),
        Product.library(name: "StorageArray", targets: ["StorageArray", "Platform"]),
        Product.library(name: "API", targets: ["API", "ContractTypes", "Contract", "HTTP", "Domain", "Platform"]),
    ].filter { product in
        guard let library = product as? Product.Library else { return true }
        return library.targets.allSatisfy { name in targets.contains { $0.name == name } }
    },
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: targets
)
