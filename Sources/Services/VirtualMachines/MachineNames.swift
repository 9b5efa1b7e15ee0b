import Domain

/// Rules for names of virtual machines and their files.
enum MachineNames {
    /// - Throws: `invalid_argument` for an empty name or more than 80 characters, vSphere's limit.
    static func check(_ name: String, field: String) throws(Fault) {
        guard !name.isEmpty else { throw .invalid(field, "it must not be empty.") }
        guard name.count <= 80 else { throw .invalid(field, "it must have at most 80 characters.") }
        guard name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
            throw .invalid(field, "it must not contain control characters.")
        }
    }

    /// The name as a directory: `/`, `\\` and `%` become `-`, leading dots `_`; at most 200 bytes.
    static func directory(_ name: String) -> String {
        var text = ""
        for character in name {
            let safe: Character = "/\\%:*?\"<>|".contains(character) ? "-" : character
            guard text.utf8.count + String(safe).utf8.count <= 200 else { break }
            text.append(safe)
        }
        return text.hasPrefix(".") ? "_" + text.dropFirst() : text
    }

    /// Checks the name of a new disk's file and gives it the suffix `.vmdk` if it has none.
    static func diskFile(_ name: String, field: String) throws(Fault) -> String {
        let file = name.hasSuffix(".vmdk") ? name : name + ".vmdk"
        guard !name.isEmpty, file.utf8.count <= 255, !file.contains("/"), !file.contains("\\"), !file.hasPrefix("."),
            file.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
        else {
            throw .invalid(field, "'\(name)' is not a file name.")
        }
        return file
    }

    /// A path as vSphere writes it, `[datastore] directory/file`: the datastore's name and the path from its root.
    static func datastorePath(_ text: String, field: String) throws(Fault) -> (datastore: String, path: String) {
        guard text.hasPrefix("["), let close = text.firstIndex(of: "]") else {
            throw .invalid(field, "'\(text)' is not of the form '[datastore] path'.")
        }
        let datastore = String(text[text.index(after: text.startIndex)..<close])
        let rest = text[text.index(after: close)...].drop { $0 == " " }
        let parts = rest.split(separator: "/", omittingEmptySubsequences: true)
        guard !datastore.isEmpty, !parts.isEmpty, !parts.contains("."), !parts.contains("..") else {
            throw .invalid(field, "'\(text)' is not of the form '[datastore] path'.")
        }
        return (datastore, "/" + parts.joined(separator: "/"))
    }
}
