import Testing

@testable import HTTP

// What applications read from a head: path segments, query items, ranges, conditions; and the sets of characters they
// stand on.

@Suite struct TargetTests {
    static func slice(_ text: String) -> ArraySlice<UInt8> { Array("..\(text)".utf8)[2...] }

    @Test(
        arguments: [
            ("/", []), ("/a", ["a"]), ("/a/b%20c/", ["a", "b c", ""]), ("/%C3%A4/+", ["ä", "+"]), ("/a%25b", ["a%b"]),
        ] as [(String, [String])])
    func segmentsAreDecodedOnce(_ path: String, _ segments: [String]) {
        #expect(RequestHead(.get, path).pathSegments == segments)
    }

    @Test(
        arguments: [
            ("", []), ("a=1", [("a", "1", true)]), ("a=1&a=2&b", [("a", "1", true), ("a", "2", true), ("b", "", false)]),
            ("a=b=c&&=x&", [("a", "b=c", true), ("", "x", true)]), ("n%61me=a+b%2Bc%26", [("name", "a b+c&", true)]),
            ("%C3%A4=%E2%82%AC", [("ä", "€", true)]), ("filter.names.1=x", [("filter.names.1", "x", true)]),
            ("~action=", [("~action", "", true)]),
        ] as [(String, [(String, String, Bool)])])
    func queryItemsAreRead(_ query: String, _ expected: [(String, String, Bool)]) throws {
        let items = try QueryItems.all(Self.slice(query))
        #expect(items == expected.map { QueryItem(name: $0.0, value: $0.1, hasValue: $0.2) })
    }

    @Test(
        arguments: [
            ("a=%", .malformedEscape), ("a=%4", .malformedEscape), ("%zz=1", .malformedEscape), ("a=1&b=%+1", .malformedEscape),
            ("a=%ff", .notUTF8), ("%c0%80", .notUTF8),
        ] as [(String, QueryError)])
    func queryIsNotRepaired(_ query: String, _ expected: QueryError) {
        #expect(throws: expected) { try QueryItems.all(Self.slice(query)) }
    }

    @Test func escapingIsUndoneByDecoding() {
        let text = "a b/ä%?&=+~.-_"
        #expect(PercentCoding.encode(text) == "a%20b%2F%C3%A4%25%3F%26%3D%2B~.-_")
        #expect(PercentCoding.text(Self.slice(PercentCoding.encode(text))) == text)
    }

    @Test(
        arguments: [
            ("bytes=0-0", .part(0..<1)), ("bytes=0-", .part(0..<100)), ("bytes=10-19", .part(10..<20)),
            ("Bytes=99-500", .part(99..<100)),
            ("bytes=-1", .part(99..<100)), ("bytes=-500", .part(0..<100)), ("bytes=00-01", .part(0..<2)),
            ("bytes=0-99999999999999999999999", .part(0..<100)),
            ("bytes=100-", .unsatisfiable), ("bytes=100-200", .unsatisfiable), ("bytes=-0", .unsatisfiable),
            ("bytes=99999999999999999999999-", .unsatisfiable),
            ("bytes=5-4", .whole), ("bytes=", .whole), ("bytes=-", .whole), ("bytes=a-b", .whole), ("bytes= 0-1", .whole),
            ("bytes=0-1,3-4", .whole),
            ("items=0-1", .whole), ("bytes 0-1", .whole), ("bytes=0-1-2", .whole), ("bytes=+0-1", .whole), ("", .whole),
        ] as [(String, ByteRange)])
    func rangesAreRead(_ field: String, _ expected: ByteRange) {
        #expect(ByteRange(parsing: Self.slice(field), length: 100) == expected)
    }

    @Test func emptyResourceHasNoRanges() {
        #expect(ByteRange(parsing: Self.slice("bytes=0-"), length: 0) == .unsatisfiable)
        #expect(ByteRange(parsing: Self.slice("bytes=-5"), length: 0) == .whole)
    }

    @Test func contentRangeIsWritten() {
        #expect(ByteRange.contentRange(10..<20, length: 100) == "bytes 10-19/100")
        #expect(ByteRange.contentRange(nil, length: 100) == "bytes */100")
    }

    @Test(
        arguments: [
            ("\"1\"", .part(0..<1)), ("\"2\"", .whole), ("W/\"1\"", .whole), ("Sun, 06 Nov 1994 08:49:37 GMT", .part(0..<1)),
            ("Sun, 06 Nov 1994 08:49:38 GMT", .whole), ("nonsense", .whole),
        ] as [(String, ByteRange)])
    func rangeOfAnotherVersionIsNotHonoured(_ condition: String, _ expected: ByteRange) {
        let head = RequestHead(.get, "/", fields: [("Range", "bytes=0-0"), ("If-Range", condition)])
        #expect(head.byteRange(length: 9, entityTag: EntityTag("1"), lastModified: 784_111_777) == expected)
        let other = RequestHead(.put, "/", fields: [("Range", "bytes=0-0")])
        #expect(other.byteRange(length: 9) == .whole)
    }

    @Test func entityTagsAreCompared() {
        let strong = EntityTag("1")
        let weak = EntityTag("1", isWeak: true)
        #expect(strong.stronglyEquals(strong) && !strong.stronglyEquals(weak) && !weak.stronglyEquals(weak))
        #expect(strong.weaklyEquals(weak) && !weak.weaklyEquals(EntityTag("2")))
        #expect(EntityTag(parsing: Self.slice("W/\"1\"")) == weak)
        #expect(strong.text == "\"1\"" && weak.text == "W/\"1\"")
        for text in ["1", "\"1", "w/\"1\"", "\"a\"b\"", "W/", "\"", "", "\"a b\""] {
            #expect(EntityTag(parsing: Self.slice(text)) == nil)
        }
    }

    static let before = "Sun, 06 Nov 1994 08:49:36 GMT"
    static let exactly = "Sun, 06 Nov 1994 08:49:37 GMT"

    @Test(
        arguments: [
            (.get, [], .proceed), (.get, [("If-None-Match", "\"1\"")], .notModified),
            (.get, [("If-None-Match", "W/\"1\"")], .notModified),
            (.get, [("If-None-Match", "\"a,b\" , \"1\"")], .notModified), (.get, [("If-None-Match", "\"2\"")], .proceed),
            (.get, [("If-None-Match", "*")], .notModified), (.put, [("If-None-Match", "*")], .failed),
            (.put, [("If-Match", "\"1\"")], .proceed),
            (.put, [("If-Match", "\"2\", \"3\"")], .failed), (.put, [("If-Match", "W/\"1\"")], .failed),
            (.put, [("If-Match", "*")], .proceed),
            (.put, [("If-Match", "\"2\""), ("If-Match", "\"1\"")], .proceed),
            (.get, [("If-Modified-Since", exactly)], .notModified),
            (.get, [("If-Modified-Since", before)], .proceed), (.put, [("If-Modified-Since", exactly)], .proceed),
            (.get, [("If-Modified-Since", "soon")], .proceed), (.put, [("If-Unmodified-Since", before)], .failed),
            (.put, [("If-Unmodified-Since", exactly)], .proceed),
            (.get, [("If-None-Match", "\"2\""), ("If-Modified-Since", exactly)], .proceed),
            (.put, [("If-Match", "\"1\""), ("If-Unmodified-Since", before)], .proceed),
        ] as [(Method, [(String, String)], ConditionOutcome)])
    func conditionsAreWeighed(_ method: Method, _ fields: [(String, String)], _ expected: ConditionOutcome) {
        let head = RequestHead(method, "/", fields: fields.map { (name: $0.0, value: $0.1) })
        #expect(head.conditions(entityTag: EntityTag("1"), lastModified: 784_111_777) == expected)
    }

    @Test func starAsksForExistence() {
        let match = RequestHead(.put, "/", fields: [("If-Match", "*")])
        #expect(match.conditions(entityTag: nil, lastModified: nil, exists: false) == .failed)
        let noneMatch = RequestHead(.put, "/", fields: [("If-None-Match", "*")])
        #expect(noneMatch.conditions(entityTag: nil, lastModified: nil, exists: false) == .proceed)
    }

    @Test(arguments: [
        ("GET http://h.example HTTP/1.1", "/", "h.example"), ("GET http://h:1?q=1 HTTP/1.1", "/", "h:1"),
        ("OPTIONS http://h HTTP/1.1", "*", "h"), ("GET https://[::1]/a HTTP/1.1", "/a", "[::1]"),
        ("GET /a HTTP/1.1", "/a", "other"),
    ])
    func absoluteTargetNamesTheHost(_ line: String, _ path: String, _ host: String) {
        var parser = HeadParser()
        let bytes = Array("\(line)\r\nX: other\r\nHost: other\r\n\r\n".utf8)
        let head = bytes.withUnsafeBytes { bytes in
            guard case .complete = parser.parse(bytes, Limits()) else { return RequestHead(.get, "/none") }
            return parser.takeHead(bytes)
        }
        #expect(String(decoding: head.path, as: UTF8.self) == path)
        #expect(head.text("host") == host)
        #expect(head.text("x") == "other")
    }

    @Test func fieldsAreFoundByName() {
        let head = RequestHead(.get, "/", fields: [("A", "1"), ("B", "2"), ("a", "3")])
        #expect(head.text("a") == "1")
        #expect(head.values("a").map { String(decoding: $0, as: UTF8.self) } == ["1", "3"])
        #expect(head.value("c") == nil)
    }

    @Test func characterSetsAreThoseOfTheStandards() {
        let digits = [UInt8](48...57)
        let alphanumeric = digits + [UInt8](65...90) + [UInt8](97...122)
        let visible = [UInt8](0x21...0x7E)
        let sets: [(HTTP.CharacterSet, [UInt8])] = [
            (.token, alphanumeric + "!#$%&'*+-.^_`|~".utf8), (.target, visible.filter { $0 != 35 }),
            (.plainSegment, visible.filter { !"#/%\\".utf8.contains($0) }),
            (.registeredName, alphanumeric + "-._~!$&'()*+,;=".utf8),
            (.addressLiteral, Array("0123456789abcdefABCDEF:.".utf8)), (.unreserved, alphanumeric + "-._~".utf8),
        ]
        for (set, expected) in sets {
            #expect((0...255).filter { set.contains(UInt8($0)) } == expected.map { Int($0) }.sorted())
        }
    }

    @Test func firstControlIsFoundWhereverItStands() {
        for byte in 0...255 {
            for index in 0..<20 {
                var bytes = [UInt8](repeating: 0x80, count: 20)
                bytes[max(0, index - 1)] = 9
                bytes[index] = UInt8(byte)
                let isControl = (byte < 32 && byte != 9) || byte == 127
                let found = bytes.withUnsafeBytes { Characters.firstControl(in: $0, from: 0) }
                #expect(found == (isControl ? index : 20))
            }
        }
    }

    @Test func numbersAreWritten() {
        var buffer = OutputBuffer(capacity: 1)
        for number in [0, 9, 10, 12345, UInt64.max] {
            buffer.append(decimal: number)
            buffer.append(byte: 32)
            buffer.append(hexadecimal: number)
            buffer.append(byte: 32)
        }
        #expect(
            String(decoding: buffer.bytes, as: UTF8.self) == "0 0 9 9 10 a 12345 3039 18446744073709551615 ffffffffffffffff ")
        buffer.removeAll(keeping: 64)
        let isEmpty = buffer.isEmpty
        #expect(isEmpty)
    }
}
