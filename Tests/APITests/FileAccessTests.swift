// Files of datastores over HTTP, against datastores in a dictionary.
import Contract
import Domain
import HTTP
import Testing

@testable import API

struct FileAccessTests {
    static let place = "?dcPath=Lab%2FBerlin&dsName=nvme+one"
    static let image = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 7) }

    let files = FakeFiles(["images/a.img": image, "readme": Array("hello".utf8), "images/old/b.img": []])
    var bench: Bench { Bench(endpoints: [FileAccessEndpoint(files: files, sessions: FakeSessions())]) }

    @Test func fileIsSentWhole() async {
        let answer = await bench.send(.get, "/folder/images/a.img" + Self.place, Bench.session)
        #expect(answer.status == 200)
        #expect(answer.body == Self.image)
        #expect(answer["Content-Type"] == "application/octet-stream")
        #expect(answer["Accept-Ranges"] == "bytes")
        #expect(answer["ETag"] == "\"v1\"")
        #expect(answer["Last-Modified"] == "Tue, 14 Nov 2023 22:13:20 GMT")
        let head = await bench.send(.head, "/folder/images/a.img" + Self.place, Bench.session)
        #expect(head.status == 200)
        #expect(head.body.isEmpty)
    }

    @Test(
        arguments: [
            ("bytes=0-0", 206, 0..<1, "bytes 0-0/1000"), ("bytes=10-19", 206, 10..<20, "bytes 10-19/1000"),
            ("bytes=990-", 206, 990..<1000, "bytes 990-999/1000"), ("bytes=-5", 206, 995..<1000, "bytes 995-999/1000"),
            ("bytes=0-99999", 206, 0..<1000, "bytes 0-999/1000"), ("bytes=1000-", 416, 0..<0, "bytes */1000"),
            ("bytes=5-4", 200, 0..<1000, nil), ("bytes=0-1,5-6", 200, 0..<1000, nil), ("lines=1-2", 200, 0..<1000, nil),
        ] as [(String, Int, Range<Int>, String?)])
    func rangeIsHonoured(range: String, status: Int, part: Range<Int>, place: String?) async {
        let answer = await bench.send(.get, "/folder/images/a.img" + Self.place, Bench.session + [("range", range)])
        #expect(answer.status == status)
        #expect(answer["Content-Range"] == place)
        if status != 416 { #expect(answer.body == Array(Self.image[part])) }
    }

    @Test(arguments: [
        ("if-none-match", "\"v1\"", 304), ("if-none-match", "\"v2\"", 200), ("if-match", "\"v2\"", 412),
        ("if-match", "\"v1\"", 200),
        ("if-modified-since", "Tue, 14 Nov 2023 22:13:20 GMT", 304),
        ("if-modified-since", "Tue, 14 Nov 2023 22:13:19 GMT", 200),
    ])
    func conditionIsHonoured(name: String, value: String, status: Int) async {
        let answer = await bench.send(.get, "/folder/readme" + Self.place, Bench.session + [(name, value)])
        #expect(answer.status == status)
    }

    @Test(arguments: [("\"v1\"", 206), ("\"v0\"", 200), ("W/\"v1\"", 200), ("Tue, 14 Nov 2023 22:13:20 GMT", 206)])
    func rangeOfAnotherVersionIsTheWhole(condition: String, status: Int) async {
        let fields: Bench.Fields = Bench.session + [("range", "bytes=0-1"), ("if-range", condition)]
        let answer = await bench.send(.get, "/folder/readme" + Self.place, fields)
        #expect(answer.status == status)
    }

    @Test func largeFileComesInPieces() async throws {
        let large = (0..<1_000_003).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        let content = FakeFiles.Content(
            bytes: large,
            information: FileFacts(
                isDirectory: false, sizeBytes: 1_000_003, modifiedAt: Timestamp(milliseconds: 0), version: "1"))
        let download = FileDownload(content, 100_000..<1_000_003)
        #expect(download.length == 900_003)
        var collected: [UInt8] = []
        var sizes: [Int] = []
        while let piece = try await download.next() {
            collected += piece
            sizes.append(piece.count)
        }
        #expect(collected == Array(large[100_000...]))
        #expect(sizes == [162_144, 262_144, 262_144, 213_571])
    }

    @Test func failingReadCutsTheAnswer() async {
        let content = FakeFiles.Content(
            bytes: Array(repeating: 1, count: 300_000),
            information: FileFacts(
                isDirectory: false, sizeBytes: 600_000, modifiedAt: Timestamp(milliseconds: 0), version: "1"))
        let answer = await Answer(Response(status: 200, body: .stream(FileDownload(content, 0..<600_000))), wasImmediate: true)
        #expect(answer.wasCut)
        #expect(answer.body.count == 262_144)
    }

    @Test(arguments: [false, true])
    func uploadMakesAFileAndReplacesIt(streamed: Bool) async {
        let pieces = [Array("first ".utf8), Array("second".utf8)]
        let body: RequestBody = streamed ? .stream(FakeBody(pieces, length: 12)) : .bytes(pieces.flatMap { $0 })
        let new = await bench.send(.put, "/folder/a%20b/new%C3%A9.img" + Self.place, Bench.session, body: body)
        #expect(new.status == 201)
        #expect(new["ETag"] == "\"v1\"")
        #expect(files.bytes("a b/newé.img") == Array("first second".utf8))
        let again = await bench.send(
            .put, "/folder/a%20b/new%C3%A9.img" + Self.place, Bench.session, body: .stream(FakeBody([])))
        #expect(again.status == 200)
        #expect(files.bytes("a b/newé.img") == [])
    }

    @Test func brokenUploadLeavesTheOldFile() async {
        let body = RequestBody.stream(FakeBody([[1, 2, 3]], length: 10, breaks: true))
        let answer = await bench.send(.put, "/folder/readme" + Self.place, Bench.session, body: body)
        #expect(answer.status == 400)
        #expect(files.bytes("readme") == Array("hello".utf8))
        #expect(files.abandonedCount == 1)
    }

    @Test func fullDatastoreAnswers507() async {
        let full = FakeFiles(spaceBytes: 4)
        let bench = Bench(endpoints: [FileAccessEndpoint(files: full, sessions: FakeSessions())])
        let body = RequestBody.stream(FakeBody([[1, 2, 3], [4, 5, 6], [7]]))
        let answer = await bench.send(.put, "/folder/x" + Self.place, Bench.session, body: body)
        #expect(answer.status == 507)
        #expect(full.abandonedCount == 1)
        #expect(full.bytes("x") == nil)
    }

    @Test(arguments: [
        ("bytes 1-2/5", "XY", 200, "hXYlo"), ("bytes 4-6/*", "XYZ", 200, "hellXYZ"), ("bytes 7-7/8", "X", 200, "hello\0\0X"),
        ("Bytes 0-0/*", "X", 200, "Xello"), ("bytes 1-2/5", "X", 400, "hello"), ("bytes 1-2/5", "XYZ", 400, "hello"),
        ("bytes 2-1/5", "X", 400, "hello"), ("bytes 1-2/2", "XY", 400, "hello"), ("bytes */5", "X", 400, "hello"),
        ("bytes 1-2", "XY", 400, "hello"), ("lines 1-2/5", "XY", 400, "hello"),
        ("bytes 1-18446744073709551615/*", "X", 400, "hello"),
        ("bytes -1-2/5", "XY", 400, "hello"), ("bytes +1-2/5", "XY", 400, "hello"),
    ])
    func partIsWrittenInPlace(range: String, body: String, status: Int, result: String) async {
        for isStreamed in [false, true] {
            let files = FakeFiles(["readme": Array("hello".utf8)])
            let bench = Bench(endpoints: [FileAccessEndpoint(files: files, sessions: FakeSessions())])
            let bytes = Array(body.utf8)
            let payload: RequestBody = isStreamed ? .stream(FakeBody(bytes.map { [$0] })) : .bytes(bytes)
            let answer = await bench.send(
                .put, "/folder/readme" + Self.place, Bench.session + [("content-range", range)], body: payload)
            #expect(answer.status == status, "\(answer.text)")
            #expect(files.bytes("readme") == Array(result.utf8))
        }
    }

    @Test func partOfAMissingFileIsRefused() async {
        let answer = await bench.send(
            .put, "/folder/nothing" + Self.place, Bench.session + [("content-range", "bytes 0-0/*")], body: .bytes([1]))
        #expect(answer.status == 404)
    }

    @Test(arguments: [
        ("/folder/readme", "if-none-match", "*", 412), ("/folder/new", "if-none-match", "*", 201),
        ("/folder/readme", "if-match", "\"v1\"", 200),
        ("/folder/readme", "if-match", "\"v2\"", 412), ("/folder/new", "if-match", "*", 412),
    ])
    func uploadHonoursConditions(path: String, name: String, value: String, status: Int) async {
        let answer = await bench.send(.put, path + Self.place, Bench.session + [(name, value)], body: .bytes([1]))
        #expect(answer.status == status)
        if status == 412, path == "/folder/readme" { #expect(files.bytes("readme") == Array("hello".utf8)) }
    }

    @Test func deleteTakesFilesAndNotFullDirectories() async {
        let file = await bench.send(.delete, "/folder/readme" + Self.place, Bench.session)
        #expect(file.status == 204)
        #expect(files.bytes("readme") == nil)
        let again = await bench.send(.delete, "/folder/readme" + Self.place, Bench.session)
        #expect(again.status == 404)
        let directory = await bench.send(.delete, "/folder/images" + Self.place, Bench.session)
        #expect(directory.status == 409)
    }

    @Test(arguments: [
        (FileFault.noSuchDatacenter, 404), (.noSuchDatastore, 404), (.notFound, 404), (.notADirectory, 409),
        (.isADirectory, 409),
        (.directoryNotEmpty, 409), (.inUse, 409), (.noSpace, 507), (.invalidName, 400), (.tooLarge, 413),
        (.inaccessible("inside"), 503),
    ])
    func faultHasItsStatus(fault: FileFault, status: Int) async {
        let bench = Bench(endpoints: [FileAccessEndpoint(files: FakeFiles(fault: fault), sessions: FakeSessions())])
        for method in [Method.get, .head, .put, .delete] {
            let answer = await bench.send(method, "/folder/a" + Self.place, Bench.session)
            #expect(answer.status == status)
            #expect(!answer.text.contains("inside"))
        }
    }

    @Test(arguments: [
        ("", "Lab/Berlin"), ("?dcPath=Lab/Berlin", "nvme one"), ("/" + place, "readme"), (place, "images"),
        ("/images/" + place, "a.img"),
        ("/images" + place, "a.img"),
    ])
    func directoryIsShownToPeopleAndPrograms(target: String, name: String) async {
        let page = await bench.send(.get, "/folder" + target, Bench.session)
        #expect(page.status == 200)
        #expect(page["Content-Type"] == "text/html; charset=utf-8")
        #expect(page.text.contains(">\(name)"))
        let list = await bench.send(.get, "/folder" + target, Bench.session + [("accept", "application/json")])
        #expect(list["Content-Type"] == "application/json")
        let names = list.json?["entries"]?.elements.map { $0["name"]?.text } ?? []
        #expect(names.contains(name))
    }

    @Test func linksOfAPageLeadOn() async {
        var targets = ["/folder"]
        var seen: Set<String> = []
        while let target = targets.popLast() {
            guard seen.insert(target).inserted, !target.contains("%3Cb%3E") else { continue }
            let page = await bench.send(.get, target, Bench.session)
            #expect(page.status == 200, "\(target)")
            guard page["Content-Type"]?.hasPrefix("text/html") == true else { continue }
            for part in page.text.split(separator: "href=\"").dropFirst() {
                targets.append(String(part.prefix(while: { $0 != "\"" })).replacing("&amp;", with: "&"))
            }
        }
        #expect(seen.contains("/folder/images/old/b.img?dcPath=Lab%2FBerlin&dsName=nvme%20one"))
    }

    @Test func namesCannotBecomeMarkup() async {
        let page = await bench.send(.get, "/folder", Bench.session)
        #expect(!page.text.contains("<b>"))
        #expect(page.text.contains("Lab/&lt;b&gt;"))
        #expect(page["Content-Security-Policy"]?.hasPrefix("default-src 'none'") == true)
        #expect(FileListing.quoted("a\"\\\u{1}\n") == #""a\"\\\u0001\u000a""#)
    }

    @Test(arguments: [
        "/folder/a?dcPath=x", "/folder/a", "/folder?dsName=x", "/folder/a" + place + "&x=1", "/folder/a" + place + "&dsName=b",
        "/folder/a?dcPath=%zz", "/folder/a//b" + place, "/folder/a/../b" + place, "/folder/a/%2e%2e/b" + place,
        "/folder/a%2fb" + place,
        "/folder/a%00" + place, "/folder//" + place,
        "/folder/" + String(repeating: "a/", count: FileTarget.maximumDepth + 1) + place,
    ])
    func malformedRequestIsRefused(target: String) async {
        for method in [Method.get, .put, .delete] {
            let answer = await bench.send(method, target, Bench.session, body: .bytes([1]))
            #expect(answer.status == 400)
        }
    }

    @Test(arguments: ["/folder" + place, "/folder/" + place, "/folder", "/folder?dcPath=Lab/Berlin"])
    func topCannotBeReplaced(target: String) async {
        for method in [Method.put, .delete] {
            let answer = await bench.send(method, target, Bench.session, body: .bytes([1]))
            #expect(answer.status == 405)
        }
    }

    @Test func accessNeedsProofAndPrivilege() async {
        for method in [Method.get, .head, .put, .delete] {
            let none = await bench.send(method, "/folder/readme" + Self.place)
            #expect(none.status == 401)
            #expect(none["WWW-Authenticate"] == "Basic realm=\"VMware HTTP server\"")
            let reader = await bench.send(
                method, "/folder/readme" + Self.place, [("vmware-api-session-id", FakeSessions.readerToken)], body: .bytes([]))
            #expect(reader.status == 403)
            let wrong = await bench.send(method, "/folder/readme" + Self.place, [("authorization", "Basic YTpi")])
            #expect(wrong.status == 401)
        }
        #expect(files.bytes("readme") == Array("hello".utf8))
        let basic = await bench.send(.get, "/folder/readme" + Self.place, Bench.basic)
        #expect(basic.text == "hello")
        let post = await bench.send(.post, "/folder/readme" + Self.place, Bench.session)
        #expect(post.status == 405)
        #expect(post["Allow"] == "GET, HEAD, PUT, DELETE, OPTIONS")
    }

    @Test func uploadsAreStreamedAndOthersAreNot() {
        #expect(bench.application.policy(for: RequestHead(.put, "/folder/a" + Self.place)) == .stream)
        #expect(bench.application.policy(for: RequestHead(.get, "/folder/a")) == .collect(limit: 64 * 1024))
        #expect(bench.application.policy(for: RequestHead(.put, "/folders")) == .collect(limit: 1 << 20))
    }
}
