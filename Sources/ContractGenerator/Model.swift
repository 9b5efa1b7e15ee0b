import Contract

/// Everything that the documents in `openapi/` say, freed from OpenAPI.
struct ContractModel {
    var services: [ServiceModel] = []
    var structures: [String: StructureModel] = [:]
    var enumerations: [String: EnumerationModel] = [:]

    /// Sorted by service, then by name: the order of the operation table.
    var operations: [OperationModel] { services.flatMap(\.operations) }
}

/// One vAPI service.
struct ServiceModel {
    /// For example `com.vmware.vcenter.VM`.
    var identifier: String
    /// For example `VirtualMachine`.
    var name: String
    var summary: String
    /// Operations that the service has in the bindings of the official SDK.
    var knownOperationCount: Int
    var operations: [OperationModel] = []
}

struct OperationModel {
    enum Execution: String { case read, write }

    var service: String
    /// For example `clone$task`.
    var name: String
    var summary: String
    var execution: Execution
    /// `open`, `credentials` or `session`.
    var authentication: String
    /// In declared order.
    var parameters: [FieldModel]
    var output: TypeExpression
    /// Canonical names, sorted.
    var errors: [String]
    /// In the paths `[]` stands for each element of a list, `{}` for each value of a map.
    var privileges: [(need: [String], resource: String, path: [String])]
    /// `privileges`, `everyone` or `administrators`.
    var access: String
    var clean: RouteModel
    var legacy: RouteModel?
}

struct RouteModel {
    var method: String
    /// Segments; a variable stands in braces, perhaps behind `id:`.
    var path: [String]
    var selectors: [(name: String, value: String?)] = []
    var query: [(name: String, target: [String], type: TypeExpression)] = []
    var body = Body.none
    var status = 200

    enum Body {
        case none
        case parameter(String)
        case object([String])
    }
}

/// A structure or an error.
struct StructureModel {
    var name: String
    /// Of the Swift type, for example `VcenterVMCreateSpec`.
    var swiftName: String
    var summary: String
    var isError: Bool
    var fields: [FieldModel]
    var unions: [UnionModel]
    /// Whether a value keeps what it looks like on each wire: for answers that are given again and again.
    var isMemoized = false
}

struct FieldModel {
    var name: String
    var type: TypeExpression
    var summary: String

    var isOptional: Bool { if case .optional = type { true } else { false } }
}

struct UnionModel {
    var tag: String
    var cases: [(value: String, fields: [(name: String, isRequired: Bool)])]
}

struct EnumerationModel {
    var name: String
    var swiftName: String
    var summary: String
    var values: [String]
}

extension TypeExpression {
    /// Names of the structures and enumerations it mentions.
    var references: [String] {
        switch self {
        case .optional(let inner), .list(let inner), .set(let inner): inner.references
        case .map(let key, let value): key.references + value.references
        case .structure(let name), .enumeration(let name): [name]
        default: []
        }
    }

    /// Without the outermost optional.
    var unwrapped: TypeExpression { if case .optional(let inner) = self { inner } else { self } }
}

/// Names of Swift declarations for names of vAPI.
enum Naming {
    private static let acronyms: Set<String> = ["uuid", "id", "url", "uri", "os"]
    private static let reserved: Set<String> = [
        "in", "init", "default", "operator", "protocol", "extension", "import", "case", "self", "switch", "where", "is",
        "as", "for", "if", "else", "return", "repeat", "do", "try", "throw", "static", "class", "struct", "enum", "func",
        "let", "var", "internal", "public", "private", "true", "false", "nil", "none",
    ]

    /// `memory_size_MiB` gives `memorySizeMiB`, `host_uuid` gives `hostUUID`.
    static func member(_ name: String) -> String {
        let words = name.split { $0 == "_" || $0 == "$" || $0 == "-" }.map(String.init)
        var result = words.first.map { $0.prefix(1).lowercased() + $0.dropFirst() } ?? name
        for word in words.dropFirst() {
            result += acronyms.contains(word) ? word.uppercased() : word.prefix(1).uppercased() + word.dropFirst()
        }
        return reserved.contains(result) ? "`\(result)`" : result
    }

    /// `POWERED_ON` gives `poweredOn`, `RHEL_7_64` gives `rhel7_64`.
    static func enumerationCase(_ value: String) -> String {
        var result = ""
        for word in value.lowercased().split(separator: "_") {
            if result.isEmpty {
                result = String(word)
            } else if word.first?.isNumber == true, result.last?.isNumber == true {
                result += "_" + word
            } else {
                result += word.prefix(1).uppercased() + word.dropFirst()
            }
        }
        return reserved.contains(result) ? "`\(result)`" : result
    }

    /// `com.vmware.vcenter.VM.create_spec` gives `VcenterVMCreateSpec`.
    static func type(_ canonical: String) -> String {
        var parts = canonical.split(separator: ".").map(String.init)
        if parts.starts(with: ["com", "vmware"]) || parts.starts(with: ["com", "viaduct"]) {
            let isOwn = parts[1] == "viaduct"
            parts.removeFirst(2)
            if isOwn { parts.insert("viaduct", at: 0) }
        }
        return parts.flatMap { $0.split(separator: "_") }.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }
}
