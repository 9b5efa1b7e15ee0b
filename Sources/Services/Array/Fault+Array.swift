import Domain
import StorageArray

extension Fault {
    /// What the array refuses, in the words of vAPI.
    ///
    /// - Parameter subject: name or identifier of what it is about.
    init(_ error: ArrayError, about subject: String) {
        switch error {
        case .noSuchLUN: self = .lunNotFound(subject)
        case .badName: self = .duplicateName("LUN", subject)
        case .tooManyLUNs:
            self = .array(.unableToAllocateResource, "too_many_luns", "The array cannot hold more LUNs.", subject)
        case .outOfSpace:
            self = .array(
                .unableToAllocateResource, "no_space", "There is not enough space in the array for '\(subject)'.", subject,
                detail: "\(error)")
        case .writeProtected:
            self = .array(.notAllowedInCurrentState, "write_protected", "'\(subject)' cannot be written.", subject)
        case .isSnapshot:
            self = .array(.notAllowedInCurrentState, "is_snapshot", "'\(subject)' is a snapshot, which never changes.", subject)
        case .notASnapshotOfIt:
            self = .array(.notFound, "not_its_snapshot", "'\(subject)' is no snapshot of this LUN.", subject)
        case .hasSnapshots:
            self = .array(.resourceInUse, "has_snapshots", "'\(subject)' has snapshots.", subject)
        case .tooManySnapshots:
            self = .array(
                .unableToAllocateResource, "too_many_snapshots", "'\(subject)' has as many snapshots or clones as it may have.",
                subject)
        case .dataBeyondEnd:
            self = .array(
                .notAllowedInCurrentState, "data_beyond_end",
                "'\(subject)' holds data beyond that size; `discard_data` gives it up.", subject)
        case .misaligned, .outOfRange, .tooLarge:
            self = .array(
                .invalidArgument, "invalid_size", "The array cannot give '\(subject)' this size.", subject, detail: "\(error)")
        default:
            self = .array(
                .resourceInaccessible, "inaccessible", "The array cannot do this at the moment.", subject, detail: "\(error)")
        }
    }

    static func array(
        _ type: FaultType, _ id: String, _ text: String, _ arguments: String..., detail: String? = nil
    ) -> Fault {
        Fault(type, id: "com.viaduct.array.\(id)", text, arguments: arguments, detail: detail)
    }

    static func lunNotFound(_ id: String) -> Fault {
        .array(.notFound, "lun_not_found", "LUN with identifier '\(id)' does not exist.", id)
    }

    static func poolNotFound(_ id: String) -> Fault {
        .array(.notFound, "pool_not_found", "Pool with identifier '\(id)' does not exist.", id)
    }

    /// Another operation on the same LUN or pool is under way.
    static func arrayBusy(_ id: String) -> Fault {
        .array(.resourceBusy, "busy", "Another operation is already in progress on '\(id)'.", id)
    }

    static func carriesDatastore(_ type: FaultType, _ lun: String, _ datastore: Datastore) -> Fault {
        .array(
            type, "carries_datastore", "The LUN '\(lun)' carries the datastore '\(datastore.name)'.", lun,
            datastore.id.rawValue)
    }
}
