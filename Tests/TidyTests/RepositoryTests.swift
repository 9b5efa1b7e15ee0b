import Testing

/// The rules applied to this checkout.
@Suite struct RepositoryTests {
    let repository = Repository.current

    private func expectNone(_ violations: [Violation], sourceLocation: SourceLocation = #_sourceLocation) {
        let list = violations.prefix(40).map(\.description).joined(separator: "\n")
        #expect(violations.isEmpty, "\(violations.count) found:\n\(list)", sourceLocation: sourceLocation)
    }

    /// Read once: the rules share what was lexed.
    private static let allSwift = Result { try Repository.current.swiftFiles() }

    private var handWritten: [TextFile] {
        get throws { try Self.allSwift.get().filter { !$0.isGenerated } }
    }

    @Test func targetsImportOnlyWhatTheirLineNames() throws {
        let manifest = Manifest(try repository.file("Package.swift").text)
        // Benchmarks are a package of their own.
        let ours = try Self.allSwift.get().filter { $0.target != "Benchmarks" }
        expectNone(ours.flatMap { ImportRules.violations(in: $0, manifest: manifest) })
    }

    @Test func noEventLoopOfOthersIsPulledIn() throws {
        let files = try repository.files(in: "", endingIn: ["Package.swift", "Package.resolved"])
        expectNone(files.flatMap(ImportRules.packageViolations))
    }

    @Test func sourcesAvoidBannedCalls() throws {
        expectNone(try handWritten.filter(\.isSource).flatMap(CodeRules.bannedCalls))
    }

    @Test func errorsAreNotSwallowed() throws {
        expectNone(try handWritten.flatMap(CodeRules.emptyCatches))
    }

    @Test func escapeHatchesSayWhy() throws {
        expectNone(try handWritten.filter(\.isSource).flatMap(CodeRules.unexplainedEscapeHatches))
    }

    /// May only be lowered. Raise it in the commit that adds a use, with the reason in its message.
    static let escapeHatchLimit = 24

    @Test func escapeHatchesDoNotMultiply() throws {
        let count = try handWritten.filter(\.isSource).reduce(0) { $0 + CodeRules.escapeHatchCount(in: $1) }
        #expect(count <= Self.escapeHatchLimit, "\(count) uses of \(CodeRules.escapeHatches)")
    }

    @Test func filesAreShort() throws {
        expectNone(try handWritten.flatMap(SizeRules.longFiles))
    }

    @Test func functionsAreShort() throws {
        expectNone(try handWritten.flatMap(SizeRules.longFunctions))
    }

    private var prose: [TextFile] {
        get throws {
            let suffixes = [".md", ".py", ".sh", ".yaml", ".yml", ".c", ".h"]
            let scripts = try repository.files(in: ".scripts", endingIn: [""]) + repository.files(in: ".ci", endingIn: [""])
            return try Self.allSwift.get() + repository.files(in: "", endingIn: suffixes) + scripts
        }
    }

    @Test func noUnfinishedWorkIsMarked() throws {
        expectNone(try prose.filter { $0.target != "TidyTests" }.flatMap(TextRules.leftovers))
    }

    @Test func onlyTheProjectItselfIsSpokenOf() throws {
        expectNone(try prose.filter { $0.target != "TidyTests" }.flatMap(TextRules.unwantedWords))
    }

    @Test func documentsHaveOneTitle() throws {
        expectNone(try repository.documents().flatMap(TextRules.titles))
    }

    @Test func linksOfDocumentsResolve() throws {
        let broken = try repository.documents().flatMap { document in
            let folder = document.path.split(separator: "/").dropLast().map { $0 + "/" }.joined()
            return TextRules.links(in: document).filter { !repository.contains(folder + $0.target) }.map {
                Violation(path: document.path, line: $0.line, message: "\($0.target) does not exist")
            }
        }
        expectNone(broken)
    }

    @Test func readmeHasTheGeneratedCoverageTable() throws {
        let readme = try repository.file("README.md").text
        let generated = try repository.file("openapi/COVERAGE.md").text
        let shown = TextRules.tableRows(of: readme, from: "<!-- coverage:begin -->", to: "<!-- coverage:end -->")
        #expect(!shown.isEmpty)
        #expect(shown == TextRules.tableRows(of: generated), "run .scripts/coverage")
    }

    @Test(arguments: ["viaduct", "viaduct-dev"])
    func readmeMentionsEveryCommand(of program: String) throws {
        let sources = try repository.files(in: "Sources/" + program, endingIn: [".swift"])
        let verbs = TextRules.commandNames(in: sources).filter { $0 != program }
        #expect(sources.isEmpty || !verbs.isEmpty, "no verb of \(program) found in its sources")
        let readme = try repository.file("README.md").text
        #expect(TextRules.unmentioned(verbs.map { "\(program) \($0)" }, in: readme) == [])
    }

    @Test func readmeMentionsEveryScript() throws {
        let scripts = try repository.files(in: ".scripts", endingIn: [""]).map(\.path)
        #expect(!scripts.isEmpty)
        #expect(TextRules.unmentioned(scripts, in: try repository.file("README.md").text) == [])
    }
}
