import Domain
import HTTP

/// The page that shows a directory, for people and for programs.
struct FileListing {
    struct Row {
        let name: String
        let link: String
        let information: FileFacts?
    }

    let title: String
    let rows: [Row]

    /// - Parameter accept: the request's `Accept`; JSON where it names JSON, a page otherwise.
    func outcome(accept: ArraySlice<UInt8>?) -> Outcome {
        let wantsJSON = accept.map { String(decoding: $0, as: UTF8.self).lowercased().contains("application/json") } ?? false
        if wantsJSON {
            return Outcome(
                status: 200, fields: [ResponseField("Content-Type", "application/json"), ResponseField("Vary", "Accept")], body: .bytes(Array(json.utf8)),
                isCompressible: true)
        }
        return Outcome(
            status: 200,
            fields: [
                ResponseField("Content-Type", "text/html; charset=utf-8"), ResponseField("Vary", "Accept"),
                ResponseField("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
            ],
            body: .bytes(Array(page.utf8)), isCompressible: true)
    }

    /// `{"path":…,"entries":[{"name":…,"type":"FILE"|"DIRECTORY","size":…,"modified":…}]}`; size and moment where known.
    /// The moment is in milliseconds since 1970.
    private var json: String {
        var entries: [String] = []
        for row in rows {
            var members = ["\"name\":" + Self.quoted(row.name)]
            members.append("\"type\":\"" + (row.information?.isDirectory ?? true ? "DIRECTORY" : "FILE") + "\"")
            if let information = row.information {
                if !information.isDirectory { members.append("\"size\":\(information.sizeBytes)") }
                members.append("\"modified\":\(information.modifiedAt.milliseconds)")
            }
            entries.append("{" + members.joined(separator: ",") + "}")
        }
        return "{\"path\":" + Self.quoted(title) + ",\"entries\":[" + entries.joined(separator: ",") + "]}"
    }

    private var page: String {
        var text =
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Index of \(Self.escaped(title))</title></head>\n"
        text +=
            "<body><h1>Index of \(Self.escaped(title))</h1>\n<table>\n<tr><th>Name</th><th>Last modified</th><th>Size</th></tr>\n"
        for row in rows {
            let isDirectory = row.information?.isDirectory ?? true
            let name = Self.escaped(row.name) + (isDirectory ? "/" : "")
            let moment = row.information.map { HTTPDate.text(unixSeconds: $0.modifiedAt.milliseconds / 1000) } ?? ""
            let size = isDirectory ? "-" : String(row.information?.sizeBytes ?? 0)
            text += "<tr><td><a href=\"\(Self.escaped(row.link))\">\(name)</a></td><td>\(moment)</td><td>\(size)</td></tr>\n"
        }
        return text + "</table></body></html>\n"
    }

    /// Text as HTML. Source: HTML Standard §13.3, with both quotes for attributes.
    static func escaped(_ text: String) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }

    /// Text as a JSON string. Source: RFC 8259 §7.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for character in text.unicodeScalars {
            switch character {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{0}"..."\u{1F}":
                let digits = String(character.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(character)
            }
        }
        return result + "\""
    }
}
