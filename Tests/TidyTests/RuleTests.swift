import Testing

/// Every rule fails on a small example made for it, and passes on its harmless neighbour.
@Suite struct RuleTests {
    private func source(_ text: String, in target: String = "API") -> TextFile {
        TextFile(path: "Sources/\(target)/Example.swift", text: text)
    }

    private let manifest = Manifest(
        """
        let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
        var targets: [Target] = [
            .target(name: "CLinux"),
            .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
            library("Domain"),
            library("API", ["Domain", logging, "CLinux"]),
            .executableTarget(name: "tool", dependencies: ["API"], swiftSettings: settings),
            tests("APITests", ["API"]),
        ]
        """)

    @Test func manifestLinesAreRead() {
        #expect(manifest.targets.map(\.name) == ["CLinux", "CZlib", "Domain", "API", "tool", "APITests"])
        #expect(manifest["API"]?.dependencies == ["Domain", "Logging", "CLinux"])
        #expect(manifest["CZlib"]?.dependencies == [])
        #expect(manifest["tool"]?.dependencies == ["API"])
    }

    @Test(arguments: [
        "import Domain", "import Synchronization", "public import Logging", "import struct Domain.Fault",
        "// import Persistence", "let text = \"import Persistence\"",
    ])
    func declaredImportPasses(_ line: String) {
        #expect(ImportRules.violations(in: source(line), manifest: manifest) == [])
    }

    @Test(arguments: [
        "import Persistence", "@testable import Persistence", "private import Persistence", "import NIOCore", "import XCTest",
        "import struct Persistence.Table", "import Foundation", "import FoundationEssentials", "import CLinux", "import CZlib",
    ])
    func undeclaredOrForeignImportFails(_ line: String) {
        #expect(ImportRules.violations(in: source(line), manifest: manifest).count == 1)
    }

    @Test func testMayImportLibraryThatItsLineNames() {
        let manifest = Manifest("tests(\"ServingTests\", [\"COpenSSL\"]),\ntests(\"APITests\", []),")
        func file(_ target: String) -> TextFile { TextFile(path: "Tests/\(target)/Example.swift", text: "import COpenSSL") }
        #expect(ImportRules.violations(in: file("ServingTests"), manifest: manifest) == [])
        #expect(ImportRules.violations(in: file("APITests"), manifest: manifest).count == 1)
    }

    @Test func fileOfNoTargetFails() {
        #expect(ImportRules.violations(in: source("", in: "Nowhere"), manifest: manifest).count == 1)
    }

    @Test func eventLoopPackageFails() {
        let file = TextFile(path: "Package.swift", text: ".package(url: \"https://github.com/apple/swift-nio\", from: \"2\")")
        #expect(ImportRules.packageViolations(in: file).count == 1)
    }

    @Test(arguments: ["let x = try! f()", "let x = y as! Int", "fatalError(\"no\")", "Task.detached { }"])
    func bannedCallFails(_ line: String) {
        #expect(CodeRules.bannedCalls(in: source(line)).count == 1)
    }

    @Test(arguments: [
        "// never try! it", "let text = \"try! \\(name) as! fatalError(\"", "let x = notfatalError(1)", "let x = try f()",
        "/* a /* nested */ try! */ let x = 1", "let text = #\"a \" try! \"#", "let t = \"\"\"\n  try! \"x\"\n  \"\"\"",
    ])
    func mentionOfBannedCallPasses(_ text: String) {
        #expect(CodeRules.bannedCalls(in: source(text)) == [])
    }

    @Test func bannedCallNamesItsLineAndReplacement() {
        let found = CodeRules.bannedCalls(in: source("let a = 1\nlet b = try! f()\n"))
        #expect(found.first?.line == 2)
        #expect(found.first?.message.contains("throw") == true)
    }

    @Test func detachedTaskPassesWhereThreadsStart() {
        #expect(CodeRules.bannedCalls(in: source("Task.detached { }", in: "Serving")) == [])
    }

    @Test(arguments: ["do { } catch { }", "do { } catch {\n    // nothing to do\n}", "} catch let error as E { }", "} catch .notFound {\n}\n// outside"])
    func emptyCatchFails(_ text: String) {
        #expect(CodeRules.emptyCatches(in: source(text)).count == 1)
    }

    @Test(arguments: [
        "do { } catch { log(error) }", "// catch { }", "catchAll { }", "} catch {\n    throw Fault(.error)\n}",
        "} catch .notFound {\n    // Gone already.\n}",
    ])
    func handledErrorPasses(_ text: String) {
        #expect(CodeRules.emptyCatches(in: source(text)) == [])
    }

    @Test(arguments: [
        "final class A: @unchecked Sendable {", "\nnonisolated(unsafe) var x = 1", "let y = unsafeBitCast(x, to: Int.self)",
        "// far above\n\nfinal class A: @unchecked Sendable {",
    ])
    func unexplainedEscapeHatchFails(_ text: String) {
        #expect(CodeRules.unexplainedEscapeHatches(in: source(text)).count == 1)
        #expect(CodeRules.escapeHatchCount(in: source(text)) == 1)
    }

    @Test(arguments: [
        "// One thread owns it.\nfinal class A: @unchecked Sendable {",
        "// One thread owns it.\n@usableFromInline\nfinal class A: @unchecked Sendable {",
        "nonisolated(unsafe) var x = 1  // written before any thread starts",
    ])
    func explainedEscapeHatchPasses(_ text: String) {
        #expect(CodeRules.unexplainedEscapeHatches(in: source(text)) == [])
    }

    @Test func fileOfOneLineTooManyFails() {
        let line = "let x = 1\n"
        #expect(SizeRules.longFiles(source(String(repeating: line, count: 500))) == [])
        #expect(SizeRules.longFiles(source(String(repeating: line, count: 501))).count == 1)
    }

    private func function(lines: Int, head: String = "func f() {") -> String {
        ([head] + Array(repeating: "    work()", count: lines - 2) + ["}"]).joined(separator: "\n")
    }

    @Test(arguments: [
        "func f() {", "    public static func f<T>(_ x: T) -> [Int] {", "init(a: Int = { 1 }()) {", "deinit {",
        "@inlinable public mutating func f() {", "subscript(i: Int) -> Int {", "private(set) nonisolated func f() {",
    ])
    func functionOfOneLineTooManyFails(_ head: String) {
        #expect(SizeRules.longFunctions(source(function(lines: 70, head: head))) == [])
        #expect(SizeRules.longFunctions(source(function(lines: 71, head: head))).count == 1)
    }

    @Test func bracesInStringsAndCommentsDoNotCount() {
        let text = "func f() {\n    // }\n    let a = \"}\"\n    g { h() }\n}\n"
        #expect(SizeRules.functions(in: source(text)).map(\.count) == [5])
    }

    @Test func requirementsHaveNoBody() {
        let text = "protocol P {\n    func f() throws\n    func g() -> Int\n    init()\n}\nstruct S {\n    let x = 1\n}\n"
        #expect(SizeRules.functions(in: source(text)).isEmpty)
    }

    @Test(arguments: TextRules.markers)
    func markerFails(_ marker: String) {
        #expect(TextRules.leftovers(in: source("// \(marker): later")).count == 1)
        #expect(TextRules.leftovers(in: TextFile(path: "a.md", text: "\(marker) later")).count == 1)
        #expect(TextRules.leftovers(in: source("// asked for now and then")) == [])
        #expect(TextRules.leftovers(in: source("let x\(marker)y = 1")) == [])
    }

    @Test(arguments: TextRules.unwanted)
    func unwantedWordFails(_ word: String) {
        #expect(TextRules.unwantedWords(in: source("// \(word)x")).count == 1)
    }

    @Test func documentWithoutTitleFails() {
        func document(_ text: String) -> TextFile { TextFile(path: "a.md", text: text) }
        #expect(TextRules.titles(in: document("# Title\n\n```\n# a comment\n```\n")) == [])
        #expect(TextRules.titles(in: document("Text\n")).count == 1)
        #expect(TextRules.titles(in: document("# One\n# Two\n")).count == 1)
    }

    @Test func linksAndTableRowsAreRead() {
        let text = "# T\n[a](b/c.md), [d](https://example.com), [e](#f), [g](h.md#i)\n| 1 |\n<!-- x -->\n| 2 |\n<!-- y -->\n| 3 |\n"
        let file = TextFile(path: "a.md", text: text)
        #expect(TextRules.links(in: file).map(\.target) == ["b/c.md", "h.md"])
        #expect(TextRules.links(in: file).map(\.line) == [2, 2])
        #expect(TextRules.tableRows(of: text) == ["| 1 |", "| 2 |", "| 3 |"])
        #expect(TextRules.tableRows(of: text, from: "<!-- x -->", to: "<!-- y -->") == ["| 2 |"])
        #expect(TextRules.tableRows(of: text, from: "missing", to: "<!-- y -->") == [])
    }

    @Test func commandsAreFoundAndMissed() {
        let file = source(
            """
            struct Serve: ParsableCommand {}
            struct CheckData: AsyncParsableCommand {
                static let configuration = CommandConfiguration(abstract: "x")
            }
            struct Initialize: ParsableCommand {
                static let configuration = CommandConfiguration(commandName: "init", abstract: "x")
            }
            """)
        #expect(TextRules.commandNames(in: [file]) == ["serve", "check-data", "init"])
        let nested = source(
            """
            struct UserCommands: ParsableCommand {
                static let configuration = CommandConfiguration(commandName: "user")
                struct List: ParsableCommand {
                }
                struct Password: ParsableCommand {
                    static let configuration = CommandConfiguration(commandName: "passwd")
                }
            }
            """)
        #expect(TextRules.commandNames(in: [nested]) == ["user", "user list", "user passwd"])
        #expect(TextRules.unmentioned(["viaduct serve", "viaduct init"], in: "run `viaduct serve`") == ["viaduct init"])
    }

    @Test func generatedFilesAreKnown() {
        #expect(source("// Generated by `viaduct-dev generate` from openapi/.\nlet x = 1").isGenerated)
        #expect(!source("let x = 1").isGenerated)
    }
}
