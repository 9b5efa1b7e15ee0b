// swift-tools-version: 6.2
import PackageDescription

// The array without its wire: what one command costs, and what the disk lets through.
let package = Package(
    name: "array-benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "viaduct", path: "../../..")],
    targets: [
        .executableTarget(
            name: "array-benchmark", dependencies: [.product(name: "StorageArray", package: "viaduct")],
            swiftSettings: [.swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny")]),
        // A fixed list of cases with a target for each.
        .executableTarget(
            name: "array-cases", dependencies: [.product(name: "StorageArray", package: "viaduct")],
            swiftSettings: [.swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny")]),
    ]
)
