/// What MODE SELECT has set on a logical unit; a reset sets it back. Source: SPC-4 §7.5.8, control mode page.
struct ModeParameters: Sendable, Equatable {
    /// D_SENSE: sense data comes in descriptor format.
    var usesDescriptorSense = false
    /// SWP: software write protect.
    var isWriteProtected = false
}

/// A mode page as it is now, and which of its bits MODE SELECT may change.
struct ModePage: Sendable, Equatable {
    let code: UInt8
    /// 0 for a page without subpage format.
    let subpage: UInt8
    let current: [UInt8]
    let changeable: [UInt8]

    /// Bytes before the parameters: PAGE CODE and PAGE LENGTH, with SUBPAGE CODE between in subpage format.
    var headerBytes: Int { subpage == 0 ? 2 : 4 }

    private init(_ code: UInt8, subpage: UInt8 = 0, _ parameters: [UInt8], changeable: [Int: UInt8] = [:]) {
        self.code = code
        self.subpage = subpage
        var header: [UInt8] = subpage == 0 ? [code, UInt8(parameters.count)] : [code | 0x40, subpage]
        if subpage != 0 { header.append(bigEndian: UInt16(parameters.count)) }
        current = header + parameters
        var mask = header + [UInt8].zeros(parameters.count)
        for (index, bits) in changeable { mask[index] = bits }
        self.changeable = mask
    }

    /// All pages, in order.
    ///
    /// - Parameter threshold: the soft threshold that is watched, in units of the threshold exponent.
    static func all(_ mode: ModeParameters, threshold: UInt32?) -> [ModePage] {
        [
            // Read-write error recovery: nothing is retried or relocated that could be told of. Source: SBC-3 §6.4.7.
            ModePage(0x01, .zeros(10)),
            // Caching: the write cache is off. Source: SBC-3 §6.4.5.
            ModePage(0x08, .zeros(18)),
            // Control: D_SENSE, commands may be reordered, SWP. Source: SPC-4 §7.5.8.
            ModePage(
                0x0A,
                [mode.usesDescriptorSense ? 0x04 : 0, 0x10, mode.isWriteProtected ? 0x08 : 0, 0, 0, 0, 0, 0, 0, 0],
                changeable: [2: 0x04, 4: 0x08]),
            // Informational exceptions: none is generated. Source: SPC-4 §7.5.12.
            ModePage(0x1C, .zeros(10)),
            logicalBlockProvisioning(threshold),
        ]
    }

    /// One threshold descriptor: used resources (02h), armed when increasing (001b).
    ///
    /// ```
    /// 4 SITUA b0   16 ENABLED b7, TYPE b5-3 (soft), ARMING b2-0   17 RESOURCE   20 THRESHOLD COUNT (4)
    /// ```
    /// The unit attention is established for every initiator, so SITUA is clear. Source: SBC-3 §6.4.6.
    private static func logicalBlockProvisioning(_ threshold: UInt32?) -> ModePage {
        var descriptor: [UInt8] = [threshold == nil ? 0x01 : 0x81, 0x02, 0, 0]
        descriptor.append(bigEndian: threshold ?? 0)
        return ModePage(0x1C, subpage: 0x02, .zeros(12) + descriptor)
    }
}

extension ModeParameters {
    /// The parameters after a page was selected.
    ///
    /// - Parameters:
    ///   - page: the page as it is now.
    ///   - bytes: the page as it is to be, header included; as long as `page.current`.
    ///   - offset: where `bytes` begin in the parameter list.
    /// - Throws: INVALID FIELD IN PARAMETER LIST, pointing at a bit that cannot be changed.
    mutating func select(_ page: ModePage, _ bytes: UnsafeRawBufferPointer, at offset: Int) throws(Sense) {
        for index in page.headerBytes..<page.current.count {
            let wrong = (bytes[index] ^ page.current[index]) & ~page.changeable[index]
            guard wrong == 0 else {
                throw .invalidParameter(
                    byte: UInt16(clamping: offset + index), bit: UInt8(7 - wrong.leadingZeroBitCount))
            }
        }
        guard page.code == 0x0A else { return }
        usesDescriptorSense = bytes[2] & 0x04 != 0
        isWriteProtected = bytes[4] & 0x08 != 0
    }
}
