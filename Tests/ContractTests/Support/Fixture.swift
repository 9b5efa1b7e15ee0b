import Contract
import Domain
import Foundation

/// A JSON file beside the tests.
func fixture(_ name: String, of file: String = #filePath) throws -> JSONValue {
    let directory = URL(fileURLWithPath: file).deletingLastPathComponent()
    let data = try Data(contentsOf: directory.appendingPathComponent("Fixtures/\(name)"))
    return try JSONDocument(parsing: [UInt8](data)).root
}

/// The compact text of a value, in the order of its members.
func compact(_ value: JSONValue) -> String {
    if value.isObject {
        return "{" + value.members.map { "\(quoted($0.text ?? "")):\(compact($1))" }.joined(separator: ",") + "}"
    }
    if value.isArray { return "[" + value.elements.map(compact).joined(separator: ",") + "]" }
    if let text = value.text { return quoted(text) }
    if value.isNumber { return String(decoding: value.rawBytes, as: UTF8.self) }
    return value.isNull ? "null" : value.isTrue ? "true" : "false"
}

private func quoted(_ text: String) -> String {
    var writer = ValueWriter(.clean)
    writer.string(text)
    return String(decoding: writer.bytes, as: UTF8.self)
}
