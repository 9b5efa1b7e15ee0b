import Domain
import HTTP

extension FileAccessEndpoint {
    /// A file, a part of it, or a directory's listing. Source: RFC 9110 §13, §14.
    func read(_ location: FileLocation, _ head: RequestHead, by principal: Principal) async throws(FileFault) -> Outcome {
        let information = try await files.information(on: location)
        if information.isDirectory { return try await list(.file(location), head, by: principal) }
        switch head.conditions(entityTag: EntityTag(information.version), lastModified: Self.seconds(information)) {
        case .proceed: break
        case .notModified: return Outcome(status: 304, fields: Self.fields(of: information))
        case .failed: return Self.otherVersion
        }
        let content = try await files.open(location)
        // What is sent is what was opened, even if another file has taken the name since.
        let current = content.information
        let fields = Self.fields(of: current)
        let tag = EntityTag(current.version)
        switch head.byteRange(length: current.sizeBytes, entityTag: tag, lastModified: Self.seconds(current)) {
        case .whole:
            return Outcome(
                status: 200, fields: fields + [ResponseField("Content-Type", "application/octet-stream")],
                body: Self.body(head, content, 0..<current.sizeBytes))
        case .part(let range):
            let place = ByteRange.contentRange(range, length: current.sizeBytes)
            return Outcome(
                status: 206, fields: fields + [ResponseField("Content-Type", "application/octet-stream"), ResponseField("Content-Range", place)],
                body: Self.body(head, content, range))
        case .unsatisfiable:
            return Outcome.text(
                416, "The file does not have these bytes.",
                fields: [ResponseField("Content-Range", ByteRange.contentRange(nil, length: current.sizeBytes))])
        }
    }

    /// Takes the body as a new file, or with `Content-Range` as a part of an existing one.
    func write(_ location: FileLocation, _ request: Request, _ call: Call) async throws(FileFault) -> Outcome {
        let head = request.head
        var mode = FileWriteMode.replace(bytes: request.body.length)
        var expected: UInt64?
        if let field = head.value("content-range") {
            guard let part = ContentRange(field) else { return .text(400, "The Content-Range is malformed.") }
            let count = UInt64(part.range.count)
            if let length = request.body.length, length != count { return Self.wrongLength }
            mode = .patch(offset: part.range.lowerBound, bytes: count)
            expected = count
        }
        if try await !meetsConditions(head, location) { return Self.otherVersion }
        let sink = try await files.write(location, mode, call: call)
        do throws(UploadError) {
            let outcome = try await FileUpload.run(request.body, into: sink, expected: expected)
            return Outcome(status: outcome.isNew ? 201 : 200, fields: Self.fields(of: outcome.information))
        } catch {
            switch error {
            case .file(let fault): throw fault
            case .body(.aborted): return .text(400, "The body did not arrive whole.")
            case .body(.tooLarge): throw .tooLarge
            case .wrongLength: return Self.wrongLength
            }
        }
    }

    func delete(_ location: FileLocation, _ head: RequestHead, _ call: Call) async throws(FileFault) -> Outcome {
        if try await !meetsConditions(head, location) { return Self.otherVersion }
        try await files.delete(location, call: call)
        return Outcome(status: 204)
    }

    func list(_ target: FileTarget, _ head: RequestHead, by principal: Principal) async throws(FileFault) -> Outcome {
        let listing: FileListing
        switch target {
        case .datacenters:
            listing = FileListing(
                title: "/",
                rows: try await files.datacenters().filter { shows(.datacenter($0), to: principal) }.map { name in
                    FileListing.Row(
                        name: name, link: FileTarget.root + "?dcPath=" + PercentCoding.encode(name), information: nil)
                })
        case .datastores(let datacenter):
            let query = FileTarget.root + "?dcPath=" + PercentCoding.encode(datacenter) + "&dsName="
            listing = FileListing(
                title: datacenter,
                rows: try await files.datastores(of: datacenter)
                    .filter { shows(.datastore(datacenter: datacenter, name: $0), to: principal) }.map { name in
                    FileListing.Row(name: name, link: query + PercentCoding.encode(name), information: nil)
                })
        case .file(let location):
            listing = FileListing(title: Self.title(of: location), rows: try await rows(of: location))
        }
        return listing.outcome(accept: head.value("accept"))
    }

    private func rows(of location: FileLocation) async throws(FileFault) -> [FileListing.Row] {
        let entries = try await files.list(location)
        let query =
            "?dcPath=" + PercentCoding.encode(location.datacenter) + "&dsName=" + PercentCoding.encode(location.datastore)
        return entries.map { entry in
            let path = (location.path + [entry.name]).map { PercentCoding.encode($0) }.joined(separator: "/")
            return FileListing.Row(
                name: entry.name, link: FileTarget.root + "/" + path + (entry.information.isDirectory ? "/" : "") + query,
                information: entry.information)
        }
    }

    /// Whether a change may go on; asks for the file only if the request has conditions.
    private func meetsConditions(_ head: RequestHead, _ location: FileLocation) async throws(FileFault) -> Bool {
        let names: [StaticString] = ["if-match", "if-none-match", "if-unmodified-since"]
        guard names.contains(where: { head.value($0) != nil }) else { return true }
        do throws(FileFault) {
            let information = try await files.information(on: location)
            let tag = EntityTag(information.version)
            return head.conditions(entityTag: tag, lastModified: Self.seconds(information)) == .proceed
        } catch {
            guard error == .notFound else { throw error }
            return head.conditions(entityTag: nil, lastModified: nil, exists: false) == .proceed
        }
    }
}

extension FileAccessEndpoint {
    private static let wrongLength = Outcome.text(400, "The body is not as long as Content-Range says.")

    /// For example `[iso] images/a.iso`.
    private static func title(of location: FileLocation) -> String {
        "[\(location.datastore)] " + location.path.joined(separator: "/")
    }

    private static let otherVersion = Outcome.text(412, "The file has another version.")

    private static func seconds(_ information: FileFacts) -> Int64 { information.modifiedAt.milliseconds / 1000 }

    private static func fields(of information: FileFacts) -> [ResponseField] {
        [
            ResponseField("ETag", EntityTag(information.version).text), ResponseField("Accept-Ranges", "bytes"),
            ResponseField("Last-Modified", HTTPDate.text(unixSeconds: seconds(information))),
        ]
    }

    private static func body(_ head: RequestHead, _ content: any FileContent, _ range: Range<UInt64>) -> ResponseBody {
        if head.method == .head { return .headOnly(length: UInt64(range.count)) }
        return range.isEmpty ? .none : .stream(FileDownload(content, range))
    }
}

extension RequestBody {
    /// Bytes that will come; `nil` if that is not known.
    var length: UInt64? {
        switch self {
        case .none: 0
        case .bytes(let bytes): UInt64(bytes.count)
        case .stream(let reader): reader.length
        }
    }
}
