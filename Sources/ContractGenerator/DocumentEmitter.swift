import Contract

/// Writes the one document that clients are served, and the table of what is covered.
struct DocumentEmitter {
    let documents: [(name: String, value: JSONValue)]
    let model: ContractModel

    /// All documents in one, without our own marks, references made local.
    func served() -> String {
        var tags: [String] = []
        var paths: [(String, String)] = []
        var schemas: [(String, String)] = []
        for document in documents {
            tags += (document.value["tags"]?.elements ?? JSONElements.empty).map(text)
            paths += (document.value["paths"]?.members ?? JSONMembers.empty).map { ($0.name.text ?? "", text($0.value)) }
            schemas += (document.value["components"]?["schemas"]?.members ?? JSONMembers.empty).map {
                ($0.name.text ?? "", text($0.value))
            }
        }
        let security = documents.first?.value["components"]?["securitySchemes"].map(text) ?? "{}"
        return "{\"openapi\":\"3.0.3\",\"info\":{\"title\":\"Viaduct\",\"version\":\"0.1.0\"},\"servers\":[{\"url\":\"/api\"}],"
            + "\"security\":[{\"session\":[]}],\"tags\":[\(tags.joined(separator: ","))],\"paths\":\(object(paths)),"
            + "\"components\":{\"securitySchemes\":\(security),\"schemas\":\(object(schemas))}}"
    }

    private func object(_ members: [(String, String)]) -> String {
        "{" + members.sorted { $0.0 < $1.0 }.map { "\(Self.quoted($0.0)):\($0.1)" }.joined(separator: ",") + "}"
    }

    private func text(_ value: JSONValue) -> String {
        if value.isObject {
            let members = value.members.filter { $0.name.text != "x-viaduct" }.map { key, member in
                let name = key.text ?? ""
                guard name == "$ref", let target = member.text, let hash = target.firstIndex(of: "#") else {
                    return "\(Self.quoted(name)):\(text(member))"
                }
                return "\"$ref\":\(Self.quoted(String(target[hash...])))"
            }
            return "{" + members.joined(separator: ",") + "}"
        }
        if value.isArray { return "[" + value.elements.map(text).joined(separator: ",") + "]" }
        if let string = value.text { return Self.quoted(string) }
        if value.isNumber { return String(decoding: value.rawBytes, as: UTF8.self) }
        return value.isNull ? "null" : value.isTrue ? "true" : "false"
    }

    private static func quoted(_ text: String) -> String {
        var writer = ValueWriter(.clean)
        writer.string(text)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    func servedSource() -> String {
        var text = SourceText(imports: [])
        text.line("/// The OpenAPI document of everything that is served below `/api`.")
        text.line("public let servedDocument: StaticString = ##\"\(served())\"##")
        return text.text
    }

    func coverage() -> String {
        var text =
            "# Coverage\n\nWritten by `viaduct-dev generate`. An operation is in these documents exactly when it works.\n\n"
        text += "| Service | Served | Known | Operations |\n|---|--:|--:|---|\n"
        for service in model.services {
            let names = service.operations.map { "`\($0.name)`" }.joined(separator: " ")
            text += "| `\(service.identifier)` | \(service.operations.count) | \(service.knownOperationCount) | \(names) |\n"
        }
        let served = model.operations.count
        let known = model.services.reduce(0) { $0 + $1.knownOperationCount }
        text += "| \(model.services.count) services | \(served) | \(known) | |\n\n"
        text += "Known are the operations that the bindings of the official SDK (9.1.1) have in these services.\n"
        return text
    }
}
