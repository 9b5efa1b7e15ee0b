import HTTP

/// The fields that every answer carries.
///
/// Answers are private to the session that asked, so no cache may keep them; a document that may be kept names its own
/// `Cache-Control`. There is no cross-origin permission at all: pages of other origins get nothing.
/// Source: RFC 9111 §5.2.2.5, RFC 6797 §6.1, Fetch §"X-Content-Type-Options".
enum CommonFields {
    typealias Field = ResponseField

    /// - Parameter own: what the outcome brings; wins over a common field of the same name.
    static func added(to own: [Field], requestID: String, isSecure: Bool) -> [Field] {
        [Field](unsafeUninitializedCapacity: own.count + 4) { buffer, count in
            var hasCacheControl = false
            for field in own {
                if field.name.utf8CodeUnitCount == 13, field.name.utf8Start[0] == UInt8(ascii: "C"), isCacheControl(field.name)
                {
                    hasCacheControl = true
                }
                (buffer.baseAddress.unsafelyUnwrapped + count).initialize(to: field)
                count += 1
            }
            func add(_ name: StaticString, _ value: String) {
                (buffer.baseAddress.unsafelyUnwrapped + count).initialize(to: Field(name, value))
                count += 1
            }
            if !hasCacheControl { add("Cache-Control", "no-store") }
            add("X-Content-Type-Options", "nosniff")
            if isSecure { add("Strict-Transport-Security", "max-age=31536000") }
            add("X-Request-Id", requestID)
        }
    }

    private static func isCacheControl(_ name: StaticString) -> Bool {
        name.description == "Cache-Control"
    }
}
