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
        expectNone(try Self.allSwift.get().flatMap { ImportRules.violations(in: $0, manifest: manifest) })
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
    static let escapeHatchLimit = 40

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
            let scripts = try repository.files(in: "scripts", endingIn: [""]) + repository.files(in: ".ci", endingIn: [""])
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

    @Test(arguments: ["viaduct", "viaduct-dev"])
    func readmeMentionsEveryCommand(of program: String) throws {
        let sources = try repository.files(in: "Sources/" + program, endingIn: [".swift"])
        let verbs = TextRules.commandNames(in: sources).filter { $0 != program }
        #expect(sources.isEmpty || !verbs.isEmpty, "no verb of \(program) found in its sources")
        let readme = try repository.file("README.md").text
        #expect(TextRules.unmentioned(verbs.map { "\(program) \($0)" }, in: readme) == [])
    }

    @Test func readmeMentionsEveryScript() throws {
        let scripts = try repository.files(in: "scripts", endingIn: [""]).map(\.path)
        #expect(!scripts.isEmpty)
        #expect(TextRules.unmentioned(scripts, in: try repository.file("README.md").text) == [])
    }
}
