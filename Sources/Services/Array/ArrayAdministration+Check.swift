import Domain
import Persistence
import StorageArray

extension ArrayAdministration {
    /// Where the array's catalogue and the inventory do not agree, one line each; empty if they do.
    ///
    /// Every LUN has one record and every record one LUN; a datastore stands on a LUN; nothing is left offline.
    public func disagreements(_ inventory: Inventory) -> [String] {
        var found: [String] = []
        let luns = Dictionary(uniqueKeysWithValues: pool.luns.map { (Identifier<ArrayLUN>($0.identifier), $0) })
        for id in luns.keys.sorted() where !inventory[ArrayLUN.self].contains(id) {
            found.append("array: \(id) '\(luns[id]?.name ?? "")' is not in the inventory")
        }
        for record in inventory[ArrayLUN.self].all {
            if luns[record.id] == nil { found.append("inventory: \(record.id) is not in the array") }
            if !record.isOnline { found.append("inventory: \(record.id) is offline") }
            if !ArrayLUN.numbers.contains(record.number) {
                found.append("inventory: \(record.id) has the number \(record.number)")
            }
        }
        for datastore in inventory[Datastore.self].all
        where inventory[ArrayLUN.self].record(by: "number", String(datastore.lun)) == nil {
            found.append("inventory: the datastore \(datastore.name) stands on no LUN")
        }
        return found
    }
}
