import ContractTypes
import Domain
import Persistence
import SCSI
import StorageArray

/// `com.viaduct.array.lun.vaai`: whether a LUN takes the commands behind the four primitives, asked of the LUN itself as a
/// host would, by REPORT SUPPORTED OPERATION CODES.
struct ArrayLUNVAAI: ArrayLUNVAAIService {
    let store: Store
    let array: ArrayAdministration

    func get(lun: String, call: Call) throws(Fault) -> ViaductArrayLunVaaiInfo {
        let record = try store.snapshot.lun(lun)
        guard record.isOnline else {
            throw .array(.notAllowedInCurrentState, "offline", "The LUN '\(lun)' is offline.", lun)
        }
        let device = try array.information(record.id).worldWideName.description
        func status(_ operation: UInt8, _ action: UInt8? = nil) -> ViaductArrayLunVaaiStatus {
            array.exposure.supports(operation, action, on: record.number) ? .supported : .unsupported
        }
        // COMPARE AND WRITE, EXTENDED COPY (LID1), WRITE SAME (16), UNMAP.
        return ViaductArrayLunVaaiInfo(
            device: device, atsStatus: status(0x89), cloneStatus: status(0x83, 0x00), zeroStatus: status(0x93),
            deleteStatus: status(0x42))
    }
}

extension LUNExposure {
    /// Whether the LUN with a number takes a command.
    ///
    /// - Parameter action: with operation codes that have service actions.
    func supports(_ operation: UInt8, _ action: UInt8?, on number: UInt16) -> Bool {
        // REPORT SUPPORTED OPERATION CODES: about one command, without (1) or with (2) a service action. SPC-4 §6.35.
        let cdb = CDB([0xA3, 0x0C, action == nil ? 0x01 : 0x02, operation, 0x00, action ?? 0, 0, 0, 0, 32])
        var answer = [UInt8](repeating: 0, count: 32)
        // A unit attention is told once each, and then the command is done.
        for _ in 0..<Self.attentionLimit {
            let completion = answer.withUnsafeMutableBytes { buffer in
                target.execute(
                    cdb, lun: number, from: Nexus(initiator: Self.observer),
                    dataOut: UnsafeRawBufferPointer(start: nil, count: 0), dataIn: buffer)
            }
            // SUPPORT is 011b for a command that does what a standard says.
            if completion.status == .good { return completion.dataInCount > 1 && answer[1] & 0x07 == 0x03 }
            guard completion.sense?.key == .unitAttention else { return false }
        }
        return false
    }

    private static let attentionLimit = 8
}
