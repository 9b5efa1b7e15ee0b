/// Addresses as text. Sources: RFC 4632 §3.1, RFC 4291 §2.2.
enum AddressText {
    static func isAddress(_ text: some StringProtocol) -> Bool { isVersion4(text) || isVersion6(text) }

    static func isNetwork(_ text: some StringProtocol) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let length = number(parts[1], radix: 10, digits: 3) else { return false }
        return isVersion4(parts[0]) ? length <= 32 : isVersion6(parts[0]) && length <= 128
    }

    static func isAddresses(_ text: some StringProtocol) -> Bool {
        if isAddress(text) || isNetwork(text) { return true }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
        return ends.count == 2 && ((isVersion4(ends[0]) && isVersion4(ends[1])) || (isVersion6(ends[0]) && isVersion6(ends[1])))
    }

    static func isHardwareAddress(_ text: some StringProtocol) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 6 && parts.allSatisfy { $0.utf8.count == 2 && number($0, radix: 16, digits: 2) != nil }
    }

    static func isVersion4(_ text: some StringProtocol) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { (number($0, radix: 10, digits: 3) ?? 256) < 256 }
    }

    static func isVersion6(_ text: some StringProtocol) -> Bool {
        guard text.contains(":"), text.utf8.count <= 39 else { return false }
        let halves = text.split(separator: "::", omittingEmptySubsequences: false)
        guard halves.count <= 2 else { return false }
        var groups = 0
        for half in halves where !half.isEmpty {
            for group in half.split(separator: ":", omittingEmptySubsequences: false) {
                guard number(group, radix: 16, digits: 4) != nil else { return false }
                groups += 1
            }
        }
        return halves.count == 2 ? groups < 8 : groups == 8
    }

    private static func number(_ text: some StringProtocol, radix: Int, digits: Int) -> Int? {
        guard (1...digits).contains(text.utf8.count), text.first != "+", text.first != "-" else { return nil }
        return Int(text, radix: radix)
    }
}
