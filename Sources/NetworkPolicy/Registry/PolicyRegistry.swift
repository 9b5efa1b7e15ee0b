/// Every type that is known, with the structures inside.
///
/// Written down as text (`PolicyRegistry+Definitions.swift`), one line for each field: `name kind`, an exclamation mark behind
/// a name that must be there, `=value` for what stands there if nothing is said.
public struct PolicyRegistry: Sendable {
    public let types: [PolicyType]
    private let byName: [String: PolicyType]
    let structures: [String: [PolicyField]]
    private let byPlace: [String: PolicyType]

    public static let standard = PolicyRegistry(definitions)

    init(_ text: String) {
        var types: [PolicyType] = []
        var structures: [String: [PolicyField]] = [:]
        for block in text.split(separator: "\n\n") {
            let lines = block.split(separator: "\n")
            let head = lines[0].split(separator: " ").map(String.init)
            let fields = lines.dropFirst().map { Self.field($0) }
            if head[0] == "struct" {
                structures[head[1]] = fields
                continue
            }
            var (parents, variants) = ([String](), [head[1]])
            var embeddedAs: String?
            for word in head.dropFirst(3) {
                if word.hasPrefix("variants=") {
                    variants = word.dropFirst(9).split(separator: ",").map(String.init)
                } else if word.hasPrefix("embedded=") {
                    embeddedAs = String(word.dropFirst(9))
                } else {
                    parents.append(word)
                }
            }
            types.append(
                PolicyType(
                    name: head[1], collection: head[2], parents: parents, variants: variants, embeddedAs: embeddedAs,
                    fields: Self.common + fields))
        }
        self.types = types
        self.structures = structures
        byName = Dictionary(uniqueKeysWithValues: types.map { ($0.name, $0) })
        var byPlace: [String: PolicyType] = [:]
        for type in types {
            for parent in type.parents { byPlace[parent + "/" + type.collection] = type }
        }
        self.byPlace = byPlace
    }

    private static let common = ["display_name text(255)", "description text(1024)", "tags [{Tag}]30"].map { field(Substring($0)) }

    public func type(named name: String) -> PolicyType? { byName[name] }

    /// The type of what stands below a type in a collection.
    func type(below parent: String, collection: some StringProtocol) -> PolicyType? { byPlace[parent + "/" + collection] }

    /// Types whose objects stand below one of this type.
    func children(of type: PolicyType) -> [PolicyType] { types.filter { $0.parents.contains(type.name) } }

    private static func field(_ line: Substring) -> PolicyField {
        let words = line.split(separator: " ")
        precondition(words.count >= 2, "A field of the registry has a name and a kind: \(line)")
        let isRequired = words[0].hasSuffix("!")
        var defaultValue: PolicyValue?
        if words.count > 2 {
            let text = String(words[2].dropFirst())
            defaultValue =
                text == "true" ? .boolean(true) : text == "false" ? .boolean(false) : Int64(text).map { .integer($0) } ?? .string(text)
            if case .list = kind(words[1]) { defaultValue = .array([.string(text)]) }
        }
        return PolicyField(
            name: String(isRequired ? words[0].dropLast() : words[0]), kind: kind(words[1]), isRequired: isRequired,
            defaultValue: defaultValue)
    }

    private static func kind(_ text: Substring) -> FieldKind {
        if text.hasPrefix("["), let end = text.lastIndex(of: "]") {
            return .list(kind(text.dropFirst().prefix(upTo: end)), limit: Int(text[text.index(after: end)...]) ?? 1024)
        }
        if text.hasPrefix("{") { return .structure(String(text.dropFirst().dropLast())) }
        if text.contains("|") || text.first?.isUppercase == true {
            return .choice(text.split(separator: "|").map(String.init))
        }
        let name = text.prefix { $0 != "(" }
        let argument = text.dropFirst(name.count).dropFirst().dropLast()
        switch name {
        case "text": return .text(Int(argument) ?? 4096)
        case "int":
            let bounds = argument.split(separator: ":").compactMap { Int64($0) }
            return .integer(bounds.count == 2 ? bounds[0]...max(bounds[0], bounds[1]) : Int64.min...Int64.max)
        case "bool": return .boolean
        case "path": return .reference(argument.split(separator: ",").map(String.init))
        case "network": return .network
        case "address": return .address
        case "addresses": return .addresses
        case "mac": return .mac
        case "any": return .any
        default: preconditionFailure("The registry knows no kind \(text).")
        }
    }
}
