// swift-tools-version: 6.2
import PackageDescription

// The server that is measured where only the serving layer matters: fixed answers over the real loops, TLS and parser.
let package = Package(
    name: "benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "viaduct", path: "../.."),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        .executableTarget(
            name: "benchmark-server",
            dependencies: [
                .product(name: "Serving", package: "viaduct"), .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny")])
    ]
)
