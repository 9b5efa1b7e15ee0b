import Contract
import Domain
import Testing

// Scalars of the writer and their reading back.

private func written(_ wire: Wire = .clean, _ write: (inout ValueWriter) -> Void) -> String {
    var writer = ValueWriter(wire)
    write(&writer)
    return String(decoding: writer.take(), as: UTF8.self)
}

private func reader(_ text: String, _ wire: Wire = .clean) throws -> ValueReader {
    ValueReader(try JSONDocument(parsing: Array(text.utf8)).root, wire: wire)
}

@Suite struct WriterTests {
    @Test func everyScalarValueOfUnicodeSurvives() throws {
        var text = ""
        for value in UInt32(0)...0x11_0000 {
            guard let scalar = Unicode.Scalar(value), value < 0x3000 || value % 61 == 0 else { continue }
            text.unicodeScalars.append(scalar)
        }
        let copy = written { $0.string(text) }
        #expect(try reader(copy).string().utf8.elementsEqual(text.utf8))
    }

    @Test(arguments: 0..<40)
    func theEscapeScanFindsEveryPlace(length: Int) {
        for place in 0..<length {
            for byte: UInt8 in [0x00, 0x1F, 0x22, 0x5C] {
                var bytes = [UInt8](repeating: 0x61, count: length)
                bytes[place] = byte
                let text = String(decoding: bytes, as: UTF8.self)
                let expected =
                    switch byte {
                    case 0x22: "\\\""
                    case 0x5C: "\\\\"
                    case 0x00: "\\u0000"
                    default: "\\u001f"
                    }
                let head = String(repeating: "a", count: place)
                let tail = String(repeating: "a", count: length - place - 1)
                #expect(written { $0.string(text) } == "\"\(head)\(expected)\(tail)\"")
            }
        }
    }

    @Test(arguments: [0, 7, -7, 10, 99, 100, 1_234_567_890, .max, .min, .min + 1] as [Int64])
    func integersAreDecimal(value: Int64) throws {
        #expect(written { $0.long(value) } == String(value))
        #expect(try reader(String(value)).long() == value)
    }

    @Test(arguments: [
        (0.0, "0.0"), (12.5, "12.5"), (-1.0, "-1.0"), (1e20, "1e+20"), (1e-300, "1e-300"), (.infinity, "null"), (.nan, "null"),
    ])
    func doublesAreNumbersThatNobodyTakesForIntegers(value: Double, text: String) throws {
        #expect(written { $0.double(value) } == text)
        if value.isFinite { #expect(try reader(text).double() == value) }
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_796_140_526_042, "2026-12-01T15:55:26.042Z"), (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
            (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"), (4_107_542_399_000, "2100-02-28T23:59:59.000Z"),
        ] as [(Int64, String)])
    func dateTimesHaveMillisecondsAndZ(milliseconds: Int64, text: String) throws {
        let moment = Timestamp(milliseconds: milliseconds)
        #expect(written { $0.dateTime(moment) } == "\"\(text)\"")
        #expect(try reader("\"\(text)\"").dateTime() == moment)
    }

    @Test(
        arguments: [
            ("2026-11-23T15:45:26Z", 0), ("2026-11-23T15:45:26.5Z", 500), ("2026-11-23T15:45:26.123456789Z", 123),
            ("2026-11-23T17:45:26+02:00", 0), ("2026-11-23T11:15:26-04:30", 0), ("2026-11-23t15:45:26z", 0),
        ] as [(String, Int64)])
    func dateTimesOfOtherFormsAreUnderstood(text: String, milliseconds: Int64) throws {
        let base = try reader("\"2026-11-23T15:45:26.000Z\"").dateTime().milliseconds
        #expect(try reader("\"\(text)\"").dateTime().milliseconds == base + milliseconds)
    }

    @Test(arguments: [
        "2026-11-23T15:45:26", "2026-11-23 15:45:26Z", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
        "2026-11-23T24:00:00Z", "2026-11-23T15:60:00Z", "2026-11-23T15:45:60Z", "2026-11-23T15:45:26.Z",
        "2026-11-23T15:45:26+0200",
        "2026-11-23T15:45:26Zx", "", "2026-11-23", "x026-11-23T15:45:26Z", "2026-11-23T15:45:26.5", "2026-11-31T15:45:26Z",
        "2026-11-23T15:45:26+24:00", "2100-02-29T00:00:00Z",
    ])
    func otherTextsAreNoDateTimes(text: String) throws {
        let reader = try reader("\"\(text)\"")
        #expect(throws: InputFault.invalidDateTime(text)) { try reader.dateTime() }
    }

    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func binariesAreBase64(plain: String, text: String) throws {
        let bytes = Array(plain.utf8)
        #expect(written { $0.binary(bytes) } == "\"\(text)\"")
        #expect(written(.jsonRPC) { $0.binary(bytes) } == "{\"BINARY\":\"\(text)\"}")
        #expect(try reader("\"\(text)\"").binary() == bytes)
        #expect(try reader("{\"BINARY\":\"\(text)\"}", .jsonRPC).binary() == bytes)
    }

    @Test(arguments: ["Zg", "Zg=", "Zh==", "Z===", "====", "Zm9v\\n", "Zm-v", "Zg==Zg=="])
    func otherTextsAreNoBase64(text: String) throws {
        let reader = try reader("\"\(text)\"")
        #expect(throws: InputFault.invalidBase64()) { try reader.binary() }
    }

    @Test func everyWireHasItsForm() {
        let map = ValueMap<String, Int64?>([("a", 1), ("b", nil)])
        #expect(written(.clean) { map.write(to: &$0) } == #"{"a":1,"b":null}"#)
        #expect(written(.legacy) { map.write(to: &$0) } == #"[{"key":"a","value":1},{"key":"b","value":null}]"#)
        let entries =
            #"{"STRUCTURE":{"map-entry":{"key":"a","value":{"OPTIONAL":1}}}},{"STRUCTURE":{"map-entry":{"key":"b","value":{"OPTIONAL":null}}}}"#
        #expect(written(.jsonRPC) { map.write(to: &$0) } == "[\(entries)]")
        #expect(written(.jsonRPC) { Secret("x").write(to: &$0) } == #"{"SECRET":"x"}"#)
        #expect(written(.clean) { Secret("x").write(to: &$0) } == "\"x\"")
        #expect(written(.clean) { $0.void() }.isEmpty)
        #expect(written(.jsonRPC) { $0.void() } == "null")
        #expect(written(.clean) { $0.optionalResult(nil as String?) }.isEmpty)
        #expect(written(.jsonRPC) { $0.optionalResult("vm-1") } == #"{"OPTIONAL":"vm-1"}"#)
    }

    @Test func secretsDoNotShow() { #expect(!"\(Secret("hunter2"))".contains("hunter2")) }

    @Test func theBufferIsReusedAndCutBack() {
        var writer = ValueWriter(.clean, after: Array("head".utf8))
        writer.string(String(repeating: "x", count: 1_000))
        writer.truncate(to: 4)
        writer.raw("!")
        #expect(String(decoding: writer.bytes, as: UTF8.self) == "head!")
        #expect(writer.count == 5)
        #expect(writer.take() == Array("head!".utf8))
        #expect(writer.take().isEmpty)
    }

    @Test func faultsHaveTheBodyOfTheirWire() {
        var fault = Fault(
            .notFound, id: "com.vmware.api.vcenter.vm.not_found", "No \"vm-9\".", arguments: ["vm-9"], detail: "secret")
        let message = #"{"id":"com.vmware.api.vcenter.vm.not_found","default_message":"No \"vm-9\".","args":["vm-9"]}"#
        #expect(written(.clean) { $0.fault(fault) } == #"{"error_type":"NOT_FOUND","messages":[\#(message)]}"#)
        #expect(
            written(.legacy) { $0.fault(fault) }
                == #"{"type":"com.vmware.vapi.std.errors.not_found","value":{"messages":[\#(message)]}}"#)
        let wrapped = message.dropLast() + #","params":{"OPTIONAL":null},"localized":{"OPTIONAL":null}}"#
        let fields =
            #""messages":[{"STRUCTURE":{"com.vmware.vapi.std.localizable_message":\#(wrapped)}}],"data":{"OPTIONAL":null},"error_type":{"OPTIONAL":"NOT_FOUND"}"#
        #expect(written(.jsonRPC) { $0.fault(fault) } == #"{"ERROR":{"com.vmware.vapi.std.errors.not_found":{\#(fields)}}}"#)
        fault.type = .unauthenticated
        fault.challenge = "Basic realm=\"x\""
        #expect(written(.clean) { $0.fault(fault) }.hasSuffix(#","challenge":"Basic realm=\"x\""}"#))
        #expect(written(.jsonRPC) { $0.fault(fault) }.contains(#""challenge":{"OPTIONAL":"Basic realm=\"x\""}"#))
    }

    @Test func storedResultsLoseNothing() throws {
        let value = DataValue.optional(
            .structure(
                "a.b",
                [
                    .init("x", .list([.long(1), .double(0.5), .boolean(true), .void])), .init("s", .secret("k")),
                    .init("o", .unset), .init("b", .binary([1, 2])),
                ]))
        #expect(try DataValue(jsonRPCText: value.jsonRPCText) == value)
        #expect(try DataValue(describing: "vm-1" as String?) == .optional(.string("vm-1")))
        #expect(throws: Fault.self) { try DataValue(jsonRPCText: Array("{\"LIST\":[]}".utf8)) }
    }
}
