import Contract
import Foundation

/// Turns `openapi/` into `Sources/ContractTypes`, the test samples and the coverage table.
public struct Generator {
    /// The directory that contains `openapi` and `Sources`.
    let root: URL

    public init(root: String) { self.root = URL(fileURLWithPath: root, isDirectory: true) }

    private static let types = "Sources/ContractTypes"

    /// Every file that there must be: path below the root, and text.
    public func expected() throws -> [String: String] {
        let documents = try read()
        let model = try DocumentReader(documents).model
        let types = TypeEmitter(model)
        let documentEmitter = DocumentEmitter(documents: documents, model: model)
        var files: [String: String] = [:]
        for (name, text) in types.files() { files["\(Self.types)/\(name)"] = text }
        let services = ServiceEmitter(model: model, types: types)
        for (name, text) in services.files() { files["\(Self.types)/\(name)"] = text }
        files["\(Self.types)/ServedDocument.swift"] = documentEmitter.servedSource()
        files["openapi/COVERAGE.md"] = documentEmitter.coverage()
        files["Tests/ContractTests/Generated/Samples.swift"] = types.samples()
        files["Tests/ContractTests/Generated/RecordingServices.swift"] = services.recordingServices()
        return files
    }

    /// What differs from `expected`, one line per file; empty if nothing does.
    public func differences() throws -> [String] {
        let expected = try expected()
        var lines: [String] = []
        for (path, text) in expected {
            guard let current = try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8) else {
                lines.append("missing \(path)")
                continue
            }
            if current != text { lines.append("changed \(path): \(Self.firstDifference(current, text))") }
        }
        for path in try present() where expected[path] == nil { lines.append("stale   \(path)") }
        return lines.sorted()
    }

    /// Makes the tree as expected; files of ours that are no longer wanted go.
    ///
    /// - Returns: the paths that were written or removed.
    public func write() throws -> [String] {
        let expected = try expected()
        var touched: [String] = []
        for (path, text) in expected {
            let file = root.appendingPathComponent(path)
            if (try? String(contentsOf: file, encoding: .utf8)) == text { continue }
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file, options: .atomic)
            touched.append(path)
        }
        for path in try present() where expected[path] == nil {
            try FileManager.default.removeItem(at: root.appendingPathComponent(path))
            touched.append(path)
        }
        return touched.sorted()
    }

    private func read() throws -> [(name: String, value: JSONValue)] {
        let directory = root.appendingPathComponent("openapi")
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.path).filter { $0.hasSuffix(".json") }
        return try names.sorted().map { name in
            let bytes = [UInt8](try Data(contentsOf: directory.appendingPathComponent(name)))
            do throws(JSONError) {
                return (name: name, value: try JSONDocument(parsing: bytes).root)
            } catch {
                throw GeneratorError("openapi/\(name): \(error.message)")
            }
        }
    }

    /// Generated files that exist, by their first line.
    private func present() throws -> [String] {
        let directory = root.appendingPathComponent(Self.types)
        let paths = FileManager.default.enumerator(atPath: directory.path)?.compactMap { $0 as? String } ?? []
        return paths.filter { $0.hasSuffix(".swift") }.map { "\(Self.types)/\($0)" }.filter { path in
            let text = try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
            return text?.hasPrefix(SourceText.mark) == true
        }
    }

    private static func firstDifference(_ current: String, _ wanted: String) -> String {
        let old = current.split(separator: "\n", omittingEmptySubsequences: false)
        let new = wanted.split(separator: "\n", omittingEmptySubsequences: false)
        let line = zip(old, new).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(old.count, new.count)
        let excerpt = line < new.count ? new[line].prefix(80) : "end of file"
        return "line \(line + 1) should be: \(excerpt)"
    }
}
