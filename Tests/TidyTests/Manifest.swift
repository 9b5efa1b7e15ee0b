/// The target lines of `Package.swift`: for each target the modules it may import.
struct Manifest {
    struct Target: Equatable {
        var name: String
        var dependencies: Set<String>
        var isTest: Bool { name.hasSuffix("Tests") }
    }

    let targets: [Target]

    subscript(name: String) -> Target? { targets.first { $0.name == name } }

    /// - Parameter text: the manifest; every target is one call of `library`, `tests`, `.target`, `.executableTarget`
    ///   or `.systemLibrary` that starts a line. A dependency is a quoted name or a constant of the file's own that
    ///   holds a product.
    init(_ text: String) {
        let lines = text.split(separator: "\n").map { $0.trimmingPrefix(while: \.isWhitespace) }
        var products: [String: String] = [:]
        for line in lines where line.hasPrefix("let ") && line.contains(".product(") {
            let name = line.dropFirst(4).prefix { $0 != ":" && $0 != " " }
            products[String(name)] = Self.quoted(line).first
        }
        targets = lines.compactMap { Self.target($0, products: products) }
    }

    private static let calls = ["library(", "tests(", ".target(", ".executableTarget(", ".systemLibrary("]

    private static func target(_ line: Substring, products: [String: String]) -> Target? {
        guard calls.contains(where: line.hasPrefix), let name = quoted(line).first else { return nil }
        if line.hasPrefix(".systemLibrary(") { return Target(name: name, dependencies: []) }
        guard let open = line.firstIndex(of: "["), let close = line[open...].firstIndex(of: "]") else {
            return Target(name: name, dependencies: [])
        }
        let list = line[line.index(after: open)..<close]
        let names = list.split(separator: ",").map { $0.trimmingPrefix(while: \.isWhitespace) }
        let dependencies = names.map { quoted($0).first ?? products[String($0)] ?? String($0) }
        return Target(name: name, dependencies: Set(dependencies))
    }

    private static func quoted(_ text: Substring) -> [String] {
        let parts = text.split(separator: "\"", omittingEmptySubsequences: false)
        return stride(from: 1, to: parts.count, by: 2).map { String(parts[$0]) }
    }
}
