import HTTP

/// One unchanging document at one path, for everybody; answers 304 to whoever has it already.
public struct DocumentEndpoint: Endpoint {
    private let path: [UInt8]
    private let bytes: [UInt8]
    private let contentType: String
    private let entityTag: EntityTag

    /// - Parameters:
    ///   - path: for example `/openapi.json`.
    ///   - version: changes with the bytes; letters and digits.
    public init(path: String, contentType: String, version: String, bytes: [UInt8]) {
        self.path = Array(path.utf8)
        self.bytes = bytes
        self.contentType = contentType
        entityTag = EntityTag(version)
    }

    public func answers(_ path: ArraySlice<UInt8>) -> Bool { path.elementsEqual(self.path) }

    public func respond(to request: Request, in exchange: Exchange) -> Step {
        guard request.head.method == .get || request.head.method == .head else {
            return .now(.methodNotAllowed(allow: "GET, HEAD"))
        }
        let fields: [ResponseField] = [
            ResponseField("Content-Type", contentType), ResponseField("Cache-Control", "no-cache"), ResponseField("ETag", entityTag.text),
        ]
        switch request.head.conditions(entityTag: entityTag, lastModified: nil) {
        case .notModified: return .now(Outcome(status: 304, fields: fields))
        case .failed: return .now(.text(412, "The document has another version."))
        case .proceed:
            return .now(Outcome(status: 200, fields: fields, body: .bytes(bytes), isCompressible: true))
        }
    }
}
