import Domain

// The faults of the inventory and of the store, in one place for their message identifiers.
extension Fault {
    static func alreadyExists(_ kind: ResourceKind, _ id: String) -> Fault {
        Fault(
            .alreadyExists, id: "com.viaduct.inventory.already_exists", "An object with the identifier \(id) exists already.",
            arguments: [id], detail: kind.rawValue)
    }

    static func keyTaken(_ taken: UniqueKeyTaken, kind: ResourceKind) -> Fault {
        Fault(
            .alreadyExists, id: "com.viaduct.inventory.key_taken", "The object \(taken.holder) conflicts with this one.",
            arguments: [taken.holder], detail: "\(kind.rawValue): key \(taken.key) of the unique index \(taken.index)")
    }

    static func notFound(_ kind: ResourceKind, _ id: String) -> Fault {
        Fault(
            .notFound, id: "com.viaduct.inventory.not_found", "The object with the identifier \(id) was not found.",
            arguments: [id], detail: kind.rawValue)
    }

    /// The change is not stored and will not be.
    static func notStored(_ reason: String) -> Fault {
        Fault(
            .serviceUnavailable, id: "com.viaduct.store.not_stored", "The change could not be stored. Try again later.",
            detail: reason)
    }

    /// Nobody knows yet whether the change is stored.
    static func outcomeUnknown(_ reason: String) -> Fault {
        Fault(
            .serviceUnavailable, id: "com.viaduct.store.outcome_unknown",
            "It is not known whether the change was stored. Look at the object before you try again.", detail: reason)
    }

    static func unstorable(_ reason: String) -> Fault {
        Fault(
            .internalServerError, id: "com.viaduct.store.unstorable", "The change could not be stored.", detail: reason)
    }
}
