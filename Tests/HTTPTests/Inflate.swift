/// A small decompressor for checking what the server compresses: written from RFC 1951 and RFC 1952, so that zlib is not
/// its own judge.
struct Inflate {
    private let input: [UInt8]
    private var bit = 0
    private var output: [UInt8] = []

    /// `nil` for anything that is not one whole gzip member without extra fields.
    static func gunzip(_ bytes: [UInt8]) -> [UInt8]? {
        guard bytes.count > 18, bytes[0..<4] == [0x1F, 0x8B, 8, 0] else { return nil }
        var inflate = Inflate(input: Array(bytes[10..<(bytes.count - 8)]))
        while let isLast = inflate.block() {
            guard isLast else { continue }
            var trailer: UInt64 = 0
            for byte in bytes.suffix(8).reversed() { trailer = trailer << 8 | UInt64(byte) }
            let output = inflate.output
            let isWhole = trailer >> 32 == UInt64(output.count) && trailer & 0xFFFF_FFFF == UInt64(checksum(output))
            return isWhole && (inflate.bit + 7) / 8 == inflate.input.count ? output : nil
        }
        return nil
    }

    /// CRC-32 as gzip uses it.
    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var sum: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 {
                let isOdd = sum & 1 == 1
                sum >>= 1
                if isOdd { sum ^= 0xEDB8_8320 }
            }
        }
        return ~sum
    }

    private mutating func bits(_ count: Int) -> Int? {
        guard bit + count <= input.count * 8 else { return nil }
        defer { bit += count }
        var value = 0
        for index in 0..<count {
            let place = bit + index
            let one = Int(input[place / 8] >> UInt8(place % 8)) & 1
            value |= one << index
        }
        return value
    }

    /// Whether the block was the last; `nil` if it is malformed.
    private mutating func block() -> Bool? {
        guard let last = bits(1), let kind = bits(2) else { return nil }
        switch kind {
        case 0: return stored() ? last == 1 : nil
        case 1:
            let literals: [Int] = (0..<288).map { symbol -> Int in
                if symbol < 144 { return 8 }
                if symbol < 256 { return 9 }
                return symbol < 280 ? 7 : 8
            }
            return codes(Huffman(literals), Huffman([Int](repeating: 5, count: 30))) ? last == 1 : nil
        case 2:
            guard let (literals, distances) = tables() else { return nil }
            return codes(literals, distances) ? last == 1 : nil
        default: return nil
        }
    }

    private mutating func stored() -> Bool {
        bit = (bit + 7) / 8 * 8
        guard let count = bits(16), let check = bits(16), count == check ^ 0xFFFF else { return false }
        guard bit / 8 + count <= input.count else { return false }
        output += input[(bit / 8)..<(bit / 8 + count)]
        bit += count * 8
        return true
    }

    private mutating func tables() -> (Huffman, Huffman)? {
        guard let literals = bits(5), let distances = bits(5), let lengths = bits(4) else { return nil }
        var order = [Int](repeating: 0, count: 19)
        for place in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15].prefix(lengths + 4) {
            guard let length = bits(3) else { return nil }
            order[place] = length
        }
        let code = Huffman(order)
        var all: [Int] = []
        while all.count < literals + 257 + distances + 1 {
            guard let symbol = symbol(code) else { return nil }
            switch symbol {
            case 16:
                guard let previous = all.last, let more = bits(2) else { return nil }
                all += [Int](repeating: previous, count: more + 3)
            case 17:
                guard let more = bits(3) else { return nil }
                all += [Int](repeating: 0, count: more + 3)
            case 18:
                guard let more = bits(7) else { return nil }
                all += [Int](repeating: 0, count: more + 11)
            default: all.append(symbol)
            }
        }
        return (Huffman(Array(all[..<(literals + 257)])), Huffman(Array(all[(literals + 257)...])))
    }

    private static let lengthBases = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
    ]
    private static let lengthBits = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0]
    private static let distanceBases = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193,
        12289, 16385, 24577,
    ]

    private mutating func codes(_ literals: Huffman, _ distances: Huffman) -> Bool {
        while let symbol = symbol(literals), symbol != 256 {
            if symbol < 256 {
                output.append(UInt8(symbol))
                continue
            }
            guard symbol < 286, let more = bits(Self.lengthBits[symbol - 257]), let place = self.symbol(distances), place < 30,
                let far = bits(max(0, place / 2 - 1))
            else { return false }
            let distance = Self.distanceBases[place] + far
            guard distance <= output.count else { return false }
            for _ in 0..<(Self.lengthBases[symbol - 257] + more) { output.append(output[output.count - distance]) }
        }
        return true
    }

    private mutating func symbol(_ code: Huffman) -> Int? {
        var value = 0
        for length in 1...15 {
            guard let next = bits(1) else { return nil }
            value = value << 1 | next
            if let symbol = code.symbols[length << 16 | value] { return symbol }
        }
        return nil
    }

    private init(input: [UInt8]) { self.input = input }

    /// A canonical code. Source: RFC 1951 §3.2.2.
    private struct Huffman {
        /// By length (upper bits) and code.
        var symbols: [Int: Int] = [:]

        init(_ lengths: [Int]) {
            var code = 0
            for length in 1...15 {
                code <<= 1
                for (symbol, own) in lengths.enumerated() where own == length {
                    symbols[length << 16 | code] = symbol
                    code += 1
                }
            }
        }
    }
}
