// swift-tools-version: 6.2
import PackageDescription

// What a call costs between the parsed request and the bytes of the answer: no socket, no TLS, no inventory.
let package = Package(
    name: "contract-benchmark",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "viaduct", path: "../../..")],
    targets: [
        .executableTarget(
            name: "contract-benchmark",
            dependencies: [.product(name: "API", package: "viaduct")],
            swiftSettings: [.swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny")])
    ]
)
