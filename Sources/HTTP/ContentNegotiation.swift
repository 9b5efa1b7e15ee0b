/// What `Accept-Encoding` allows. Source: RFC 9110 §12.5.3, §12.4.2.
enum ContentNegotiation {
    /// Whether gzip is wanted at least as much as no coding. Without the field it is not used: that a client says
    /// nothing need not mean that it can.
    ///
    /// If a client refuses the plain form, bodies that are short or streamed are sent plain nevertheless, as §12.5.3
    /// suggests over an error.
    static func accepts(_ head: RequestHead) -> (gzip: Bool, identity: Bool) {
        var weights = Weights()
        head.storage.withUnsafeBytes { bytes in
            for field in head.fields where Characters.equals(bytes, field.name, "accept-encoding") {
                Characters.forEachElement(bytes, field.value) { weights.note(bytes, $0) }
            }
        }
        let gzip = weights.gzip ?? weights.any ?? 0
        // Plain is acceptable unless it is refused by name or by the star.
        let identity = weights.identity ?? (weights.any == 0 ? 0 : nil)
        return (gzip: gzip > 0 && gzip >= (weights.identity ?? 0), identity: identity != 0)
    }

    private struct Weights {
        var gzip: Int?
        var identity: Int?
        var any: Int?

        mutating func note(_ bytes: UnsafeRawBufferPointer, _ element: Range<Int>) {
            let semicolon = element.first { bytes[$0] == UInt8(ascii: ";") } ?? element.upperBound
            let coding = Characters.trimmed(bytes, element.lowerBound..<semicolon)
            guard let weight = Self.weight(bytes, semicolon..<element.upperBound) else { return }
            if Characters.equalsIgnoringCase(bytes, coding, "gzip") || Characters.equalsIgnoringCase(bytes, coding, "x-gzip") {
                gzip = weight
            } else if Characters.equalsIgnoringCase(bytes, coding, "identity") {
                identity = weight
            } else if Characters.equals(bytes, coding, "*") {
                any = weight
            }
        }

        /// In thousandths; 1000 without a weight, `nil` if it is malformed.
        private static func weight(_ bytes: UnsafeRawBufferPointer, _ parameter: Range<Int>) -> Int? {
            if parameter.isEmpty { return 1000 }
            let text = Characters.trimmed(bytes, (parameter.lowerBound + 1)..<parameter.upperBound)
            guard text.count >= 3, text.count <= 7, bytes[text.lowerBound] | 0x20 == UInt8(ascii: "q"),
                bytes[text.lowerBound + 1] == UInt8(ascii: "=")
            else { return nil }
            let digits = bytes[(text.lowerBound + 2)..<text.upperBound]
            guard let first = digits.first, first == 48 || first == 49 else { return nil }
            guard digits.count == 1 || digits[digits.startIndex + 1] == UInt8(ascii: ".") else { return nil }
            var weight = Int(first - 48) * 1000
            var place = 100
            for digit in digits.dropFirst(2) {
                guard Characters.isDigit(digit) else { return nil }
                weight += Int(digit - 48) * place
                place /= 10
            }
            return weight <= 1000 ? weight : nil
        }
    }
}
