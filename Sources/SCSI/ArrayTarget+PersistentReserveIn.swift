// PERSISTENT RESERVE IN. Source: SPC-4 §6.15.

extension ArrayTarget {
    /// ```
    /// 0 PRGENERATION (4)   4 ADDITIONAL LENGTH (4)   8 keys (8 each)
    /// ```
    func readKeys(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let state = unit.look { $0.persistent }
        var keys: [UInt8] = []
        for registration in state.registrations { keys.append(bigEndian: registration.key) }
        answer(&command, state, keys)
    }

    /// ```
    /// 8 RESERVATION KEY (8)   20 reserved   21 SCOPE b7-4 (0: the logical unit), TYPE b3-0
    /// ```
    func readReservation(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let state = unit.look { $0.persistent }
        guard let reservation = state.reservation else { return answer(&command, state, []) }
        var body = [UInt8].zeros(16)
        body.put(state.holderKey, at: 0)
        body[13] = reservation.type.rawValue
        answer(&command, state, body)
    }

    /// ```
    /// 0 LENGTH (2)   2 PTPL_C b0   3 TMV b7, ALLOW COMMANDS b6-4, PTPL_A b0   4 PERSISTENT RESERVATION TYPE MASK (2)
    /// ```
    func reportReservationCapabilities(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let survives: UInt8 = unit.look { $0.persistent.survivesPowerLoss } ? 1 : 0
        command.answer(
            // All six types; TEST UNIT READY is allowed beside any of them (ALLOW COMMANDS 001b).
            [0x00, 0x08, 0x01, 0x80 | 0x10 | survives, 0xEA, 0x01, 0x00, 0x00],
            allocationLength: Int(command.cdb.bigEndian16(at: 7)))
    }

    /// ```
    /// per registration: 0 RESERVATION KEY (8)  12 R_HOLDER b0  13 SCOPE, TYPE  18 RELATIVE TARGET PORT (2)
    ///                  20 ADDITIONAL DESCRIPTOR LENGTH (4)  24 TransportID
    /// ```
    func readFullStatus(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let state = unit.look { $0.persistent }
        var list: [UInt8] = []
        for registration in state.registrations {
            var descriptor = [UInt8].zeros(24)
            descriptor.put(registration.key, at: 0)
            if let reservation = state.reservation, state.isHolder(registration.nexus) {
                descriptor[12] = 1
                descriptor[13] = reservation.type.rawValue
            }
            descriptor.put(registration.nexus.targetPort, at: 18)
            let identifier = TransportIdentifier.encode(registration.nexus)
            descriptor.put(UInt32(identifier.count), at: 20)
            list += descriptor + identifier
        }
        answer(&command, state, list)
    }

    private func answer(_ command: inout Command, _ state: PersistentReservations, _ body: [UInt8]) {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: state.generation)
        bytes.append(bigEndian: UInt32(body.count))
        command.answer(bytes + body, allocationLength: Int(command.cdb.bigEndian16(at: 7)))
    }
}
