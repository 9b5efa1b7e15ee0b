import StorageArray

// INQUIRY: standard data and vital product data pages. Source: SPC-4 §6.6 and §7.8, SBC-3 §6.5.

extension ArrayTarget {
    private static let vendor = "VIADUCT "
    private static let product = "Virtual Disk    "
    private static let revision = "0001"

    func inquire(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let allocation = Int(command.cdb.bigEndian16(at: 3))
        let page = command.cdb[2]
        guard command.cdb[1] & 0x01 != 0 else {
            guard page == 0 else { throw .invalidField(byte: 2) }
            var data = standardInquiry(peripheral: 0x00)
            if unit.look({ $0.options.isRemovable }) { data[1] = 0x80 }
            return command.answer(data, allocationLength: allocation)
        }
        guard let body = body(of: page, unit, command.nexus) else { throw .invalidField(byte: 2) }
        var answer: [UInt8] = [0x00, page]
        answer.append(bigEndian: UInt16(body.count))
        command.answer(answer + body, allocationLength: allocation)
    }

    /// A LUN that is not there says so in the peripheral qualifier (3) and device type (1Fh).
    func inquireAbsentUnit(_ command: inout Command) throws(Sense) {
        guard command.cdb[1] & 0x01 == 0 else { throw .invalidField(byte: 1, bit: 0) }
        guard command.cdb[2] == 0 else { throw .invalidField(byte: 2) }
        let allocation = Int(command.cdb.bigEndian16(at: 3))
        command.answer(standardInquiry(peripheral: 0x7F), allocationLength: allocation)
    }

    private func standardInquiry(peripheral: UInt8) -> [UInt8] {
        var data = [UInt8].zeros(96)
        data[0] = peripheral
        data[2] = 0x06  // SPC-4.
        data[3] = 0x12  // HISUP; response data format 2.
        data[4] = UInt8(data.count - 5)
        data[5] = 0x08  // 3PC: EXTENDED COPY.
        data[6] = 0x10  // MULTIP.
        data[7] = 0x02  // CMDQUE.
        data.replaceSubrange(8..<36, with: Array((Self.vendor + Self.product + Self.revision).utf8))
        // SAM-5, iSCSI, SPC-4, SBC-3; no version claimed.
        for (index, descriptor) in [0x00A0, 0x0960, 0x0460, 0x04C0].enumerated() {
            data.put(UInt16(descriptor), at: 58 + 2 * index)
        }
        return data
    }

    // MARK: Vital product data

    private func body(of page: UInt8, _ unit: LogicalUnit, _ nexus: Nexus) -> [UInt8]? {
        switch page {
        case VitalProductData.supportedPages: Self.supportedPages
        case VitalProductData.unitSerialNumber: Array(serialNumber(unit).utf8)
        case VitalProductData.deviceIdentification: designators(unit, nexus)
        case VitalProductData.extendedInquiry: Self.extendedInquiry
        case VitalProductData.thirdPartyCopy: Self.thirdPartyCopy
        case VitalProductData.blockLimits: Self.blockLimits
        case VitalProductData.blockDeviceCharacteristics: Self.blockDeviceCharacteristics
        case VitalProductData.logicalBlockProvisioning: [UInt8(Self.thresholdExponent), 0xE4, 0x02, 0x00]
        default: nil
        }
    }

    private static let supportedPages: [UInt8] = [0x00, 0x80, 0x83, 0x86, 0x8F, 0xB0, 0xB1, 0xB2]

    /// The digits of the name behind `naa.6` and the company id.
    private func serialNumber(_ unit: LogicalUnit) -> String {
        String(unit.worldWideName.description.dropFirst(11))
    }

    /// NAA (the name that copies use), T10 vendor identification, and the port the command came in by.
    private func designators(_ unit: LogicalUnit, _ nexus: Nexus) -> [UInt8] {
        var list: [UInt8] = [0x01, 0x03, 0x00, 0x10]
        list.append(bigEndian: unit.worldWideName.high)
        list.append(bigEndian: unit.worldWideName.low)
        let vendorName = Array((Self.vendor + serialNumber(unit)).utf8)
        list += [0x02, 0x01, 0x00, UInt8(vendorName.count)] + vendorName
        list += [0x51, 0x94, 0x00, 0x04, 0x00, 0x00]
        list.append(bigEndian: nexus.targetPort)
        return list
    }

    private static let extendedInquiry: [UInt8] = [0x00, 0x07] + [UInt8].zeros(58)

    /// No rotation; after BLOCK ERASE reads succeed and give zeros (WABEREQ 01b). Source: SBC-3 §6.5.2.
    private static let blockDeviceCharacteristics: [UInt8] = [0x00, 0x01, 0x00, 0x40] + .zeros(56)

    private static let blockLimits: [UInt8] = {
        var page = [UInt8].zeros(64)
        page[4] = 0x01  // WSNZ: WRITE SAME of no blocks is refused.
        page[5] = Limits.compareAndWriteBlocks
        page.put(UInt16(8), at: 6)  // Optimal transfer length granularity: a pool block.
        page.put(Limits.transferBlocks, at: 8)
        page.put(UInt32(0x800), at: 12)
        page.put(UInt32.max, at: 20)  // Maximum unmap LBA count: no limit.
        page.put(Limits.unmapDescriptors, at: 24)
        page.put(UInt32(8), at: 28)  // Optimal unmap granularity: a pool block.
        page.put(UInt32(0x8000_0000), at: 32)  // UGAVALID, aligned at 0.
        page.put(Limits.writeSameBlocks, at: 36)
        page.put(Limits.atomicBlocks, at: 44)
        page.put(Limits.atomicGranularity, at: 48)  // Alignment.
        page.put(Limits.atomicGranularity, at: 52)
        return Array(page[4...])
    }()

    /// Descriptors: commands, parameter data, descriptor types, CSCD identifiers, general copy limits.
    /// Source: SPC-4 §7.8.17.
    private static let thirdPartyCopy: [UInt8] = {
        var page: [UInt8] = [0x00, 0x01, 0x00, 0x08, 0x07, 0x83, 0x01, 0x00, 0x84, 0x02, 0x00, 0x03]
        page += [0x00, 0x04, 0x00, 0x1C]
        var parameters = [UInt8].zeros(28)
        parameters.put(UInt16(Limits.copyDevices), at: 4)
        parameters.put(UInt16(Limits.copySegments), at: 6)
        parameters.put(UInt32(Limits.copyListBytes), at: 8)
        page += parameters
        page += [0x00, 0x08, 0x00, 0x04, 0x03, 0x02, 0x0A, 0xE4]
        page += [0x00, 0x0C, 0x00, 0x04, 0x00, 0x02, 0xFF, 0xFF]
        page += [0x80, 0x01, 0x00, 0x20]
        var general = [UInt8].zeros(32)
        general.put(UInt32(255), at: 0)
        general.put(UInt32(255), at: 4)
        general.put(Limits.copySegmentBytes, at: 8)
        general[12] = 9
        return page + general
    }()
}
