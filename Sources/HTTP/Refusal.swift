/// Why a request is not served: the status to answer with, and a sentence for whoever reads the answer.
///
/// Every refusal ends the connection, because after one the two sides may disagree on where the next request begins.
struct Refusal: Error, Sendable {
    let status: Int
    /// Plain ASCII without quotation marks or backslashes; it goes into JSON as it is.
    let explanation: StaticString

    init(_ status: Int, _ explanation: StaticString) {
        self.status = status
        self.explanation = explanation
    }
}

/// Phrases of the status codes. Source: RFC 9110 §15, RFC 6585 §5, IANA HTTP Status Code Registry.
enum StatusPhrase {
    static func phrase(_ status: Int) -> StaticString {
        status < 400 ? success(status) : failure(status)
    }

    private static func success(_ status: Int) -> StaticString {
        switch status {
        case 100: "Continue"
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 206: "Partial Content"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 303: "See Other"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        default: "Success"
        }
    }

    private static func failure(_ status: Int) -> StaticString {
        switch status {
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 411: "Length Required"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 416: "Range Not Satisfiable"
        case 417: "Expectation Failed"
        case 422: "Unprocessable Content"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        case 507: "Insufficient Storage"
        default: "Error"
        }
    }
}
