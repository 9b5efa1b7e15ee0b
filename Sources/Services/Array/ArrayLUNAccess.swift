import ContractTypes
import Domain
import Persistence

/// `com.viaduct.array.lun.access`: which initiators reach a LUN. Each change is one transaction on the LUN's record.
struct ArrayLUNAccess: ArrayLUNAccessService {
    let store: Store
    let array: ArrayAdministration

    /// Of one LUN.
    static let initiatorLimit = 256

    func list(lun: String, call: Call) throws(Fault) -> [ViaductArrayLunAccessSummary] {
        try store.snapshot.lun(lun).initiators.map { ViaductArrayLunAccessSummary(initiator: $0.rawValue) }
    }

    func set(lun: String, initiator: String, call: Call) async throws(Fault) {
        let name = try Self.initiator(initiator, "initiator")
        try await change(lun, call) { (record, draft) throws(Fault) in
            guard !record.initiators.contains(name) else { return }
            guard record.initiators.count < Self.initiatorLimit else {
                throw .array(
                    .unableToAllocateResource, "too_many_initiators",
                    "At most \(Self.initiatorLimit) initiators can have access to a LUN.", lun)
            }
            record.initiators.append(name)
            record.initiators.sort()
            draft.audit(target: lun, detail: "access for \(name)")
        }
    }

    func delete(lun: String, initiator: String, call: Call) async throws(Fault) {
        let name = try Self.initiator(initiator, "initiator")
        try await change(lun, call) { (record, draft) throws(Fault) in
            guard let index = record.initiators.firstIndex(of: name) else {
                throw .array(.notFound, "no_access", "The initiator '\(name)' has no access to '\(lun)'.", name.rawValue, lun)
            }
            record.initiators.remove(at: index)
            draft.audit(target: lun, detail: "no access for \(name)")
        }
    }

    private func change(
        _ lun: String, _ call: Call, _ body: @escaping @Sendable (inout ArrayLUN, inout Draft) throws(Fault) -> Void
    ) async throws(Fault) {
        let id = try await store.commit(by: call) { (draft) throws(Fault) in
            var record = try draft.idleLUN(Identifier(lun))
            try body(&record, &draft)
            try draft.put(record)
            return record.id
        }
        array.exposure.refresh(id)
    }

    static func initiator(_ text: String, _ field: String) throws(Fault) -> InitiatorName {
        do {
            return try InitiatorName(text)
        } catch {
            throw .invalid(field, error.reason)
        }
    }
}
