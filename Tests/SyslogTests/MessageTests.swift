import Testing

@testable import Syslog

@Suite struct MessageTests {
    static func message(_ parameters: [(name: String, value: String)] = [], text: String = "done") -> SyslogMessage {
        SyslogMessage(
            severity: .notice, milliseconds: 1_795_531_741_123, host: "node-1", application: "viaduct", process: 4711,
            kind: "VM.create", element: "audit@32473", parameters: parameters, text: text)
    }

    static func text(_ message: SyslogMessage) -> String { String(decoding: message.encoded(), as: UTF8.self) }

    @Test func hasTheFieldsOfRFC5424InOrder() {
        let message = Self.message([("seq", "42"), ("user", "a@b"), ("peer", "")])
        #expect(
            Self.text(message)
                == "<109>1 2026-11-24T14:49:01.123Z node-1 viaduct 4711 VM.create [audit@32473 seq=\"42\" user=\"a@b\"] done")
    }

    @Test func framesByOctetCount() {
        let message = Self.message(text: "größer")
        let framed = String(decoding: message.framed(), as: UTF8.self)
        #expect(framed == "\(message.encoded().count) " + Self.text(message))
    }

    @Test(arguments: [
        ("ab\"c", "ab\\\"c"), ("a]b", "a\\]b"), ("a\\b", "a\\\\b"), ("\\\"]", "\\\\\\\"\\]"),
        ("a\nb\r\u{0}", "a\u{FFFD}b\u{FFFD}\u{FFFD}"), ("\u{85}\u{2028}\u{1B}[31m", "\u{FFFD}\u{FFFD}\u{FFFD}[31m"), ("ü", "ü"),
    ])
    func valuesCannotBreakOut(_ value: String, _ expected: String) {
        #expect(Self.text(Self.message([("x", value)])).contains(" x=\"\(expected)\"] done"))
    }

    @Test func hostileNamesAreReducedToWhatIsAllowed() {
        var message = Self.message()
        message.host = "a b\n=]\"c"
        message.kind = String(repeating: "k", count: 100)
        message.application = ""
        let parts = Self.text(message).split(separator: " ")
        #expect(parts[2] == "abc")
        #expect(parts[3] == "-")
        #expect(parts[5].count == 32)
    }

    @Test func longValuesAreCut() {
        let text = Self.text(Self.message([("x", String(repeating: "v", count: 5000))]))
        #expect(text.utf8.count < 1200)
    }

    @Test(arguments: [
        ("tcp://collector", "tcp://collector:514"), ("tls://collector", "tls://collector:6514"),
        ("tls://10.0.0.1:99", "tls://10.0.0.1:99"), ("tcp://[::1]:514", "tcp://[::1]:514"), ("tcp://[fe80::1]", "tcp://[fe80::1]:514"),
    ])
    func destinationsAreRead(_ text: String, _ expected: String) {
        #expect(SyslogDestination(text)?.description == expected)
    }

    @Test(arguments: ["", "collector", "udp://a", "tcp://", "tcp://a:0", "tcp://a:65536", "tcp://a:x", "tls://a b", "tls://:1", "tcp://a/b"])
    func otherDestinationsAreRefused(_ text: String) { #expect(SyslogDestination(text) == nil) }
}

@Suite struct DeliveryTests {
    static let second: UInt64 = 1_000_000_000

    @Test func aRecordHasArrivedWhenItsBytesAreAcknowledgedAndTheConnectionHeld() {
        var delivery = Delivery(arrived: 7, settling: 2000)
        #expect(delivery.sent == 7)
        #expect(delivery.isSettled)
        delivery.sent(through: 9, atByte: 100)
        delivery.sent(through: 12, atByte: 250)
        #expect(delivery.sent == 12)
        delivery.acknowledge(bytes: 249, at: 1 * Self.second)
        #expect(delivery.takeArrived(at: 3 * Self.second - 1) == nil)
        #expect(delivery.takeArrived(at: 3 * Self.second) == 9)
        #expect(delivery.takeArrived(at: 9 * Self.second) == nil, "the second was not acknowledged")
        delivery.acknowledge(bytes: 250, at: 9 * Self.second)
        #expect(delivery.takeArrived(at: 11 * Self.second) == 12)
        #expect(delivery.isSettled)
    }
}
