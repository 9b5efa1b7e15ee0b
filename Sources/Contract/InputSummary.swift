// What a caller gave, for the audit.
extension OperationInput {
    /// The input as JSON, every value of a secret field replaced, cut after `limit` bytes.
    ///
    /// - Parameter secrets: names of fields whose values are left out, at any depth; a name that contains one counts too.
    public func summary(without secrets: Set<String>, limit: Int = 2048) -> String {
        var writer = SummaryWriter(secrets: secrets, limit: limit)
        writer.object(pathMembers + bodyMembers)
        return writer.text
    }
}

/// Writes JSON values as text until there is enough of it.
private struct SummaryWriter {
    let secrets: Set<String>
    let limit: Int
    private var bytes: [UInt8] = []

    init(secrets: Set<String>, limit: Int) {
        self.secrets = secrets
        self.limit = limit
    }

    /// Cut between characters.
    var text: String {
        guard bytes.count > limit else { return String(decoding: bytes, as: UTF8.self) }
        var end = limit
        while end > 0, bytes[end] & 0xC0 == 0x80 { end -= 1 }
        return String(decoding: bytes[..<end], as: UTF8.self) + "…"
    }

    private var isFull: Bool { bytes.count > limit }

    mutating func object(_ members: [(name: String, value: JSONValue)]) {
        bytes.append(UInt8(ascii: "{"))
        for (index, member) in members.enumerated() where !isFull {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            string(member.name)
            bytes.append(UInt8(ascii: ":"))
            if isSecret(member.name) { string("***") } else { value(member.value) }
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private func isSecret(_ name: String) -> Bool {
        let name = name.lowercased()
        return name == "secret" || secrets.contains { name.contains($0) }
    }

    private mutating func value(_ value: JSONValue) {
        if isFull { return }
        switch value.node.kind {
        case .null: bytes += "null".utf8
        case .no: bytes += "false".utf8
        case .yes: bytes += "true".utf8
        case .number: bytes += value.rawBytes
        case .string, .loose: string(value.text ?? "")
        case .object: object(value.members.map { ($0.name.text ?? "", $0.value) })
        case .array:
            bytes.append(UInt8(ascii: "["))
            for (index, element) in value.elements.enumerated() where !isFull {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                self.value(element)
            }
            bytes.append(UInt8(ascii: "]"))
        }
    }

    private mutating func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8.prefix(limit) {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0..<0x20, 0x7F: bytes += "\\u00".utf8 + [Self.digits[Int(byte >> 4)], Self.digits[Int(byte & 15)]]
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static let digits = Array("0123456789abcdef".utf8)
}
