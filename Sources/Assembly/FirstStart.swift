import Cryptography
import Domain
import Persistence
import Platform
import Services

/// What happens once in the life of a data directory: the inventory of the seed file and the administrator.
struct FirstStart {
    static let administrator = User.administrator
    /// The record that says that the inventory is complete.
    private static let marker = Identifier<Setting>("inventory-made")
    /// The record that says that the seed file's virtual machines are made.
    private static let machinesMarker = Identifier<Setting>("machines-made")

    let store: Store
    let world: World
    /// How the administrator's password is hashed.
    let method: PasswordHash.Method

    /// Whether the inventory is still to be made.
    var isDue: Bool { !store.snapshot[Setting.self].contains(Self.marker) }

    /// Makes volumes, inventory and administrator. An earlier attempt that was interrupted is done again; files that are
    /// on the volumes stay. Blocks between suspensions.
    ///
    /// - Parameter password: the administrator's; `nil` generates one.
    /// - Returns: the generated password; `nil` if one was given.
    func perform(_ lab: LabDescription, array: any LabBuilder.Array, password: String?) async throws(StartError) -> String? {
        let generated = password == nil ? Self.generatePassword(world.randomness) : nil
        let secret = password ?? generated ?? ""
        if let weakness = IdentityPolicy().weaknesses(of: secret).first {
            throw StartError("the administrator's password: " + weakness.sentence)
        }
        do {
            let hash = try PasswordHash(of: secret, by: method, randomness: world.randomness).text
            let plan = try LabBuilder(world: world).plan(lab, array: array)
            try await store.commit(by: nil) { (draft) throws(Fault) in
                try LabBuilder.insert(plan, into: &draft)
                try PredefinedIdentities.put(administratorHash: hash, into: &draft)
                try draft.insert(Setting(id: Self.marker, value: "1"))
                draft.audit(target: Self.administrator.rawValue, detail: "first start")
            }
        } catch let fault as Fault {
            throw StartError("first start: \(fault.messages.first?.defaultMessage ?? "") \(fault.detail ?? "")")
        } catch {
            throw StartError("first start: \(error)")
        }
        return generated
    }

    /// Makes the seed file's virtual machines that do not exist yet, through the same steps as a create request.
    func makeMachines(_ lab: LabDescription, product: Product) async throws(StartError) {
        guard !store.snapshot[Setting.self].contains(Self.machinesMarker) else { return }
        do throws(Fault) {
            try await product.makeMachines(lab.virtualMachines)
            try await store.commit(by: nil) { (draft) throws(Fault) in
                try draft.put(Setting(id: Self.machinesMarker, value: "1"))
            }
        } catch {
            throw StartError("virtual machines of the seed file: \(error.messages.first?.defaultMessage ?? "")")
        }
    }

    /// 20 characters from an alphabet without look-alikes, of every kind that the policy wants: some 115 bits.
    private static func generatePassword(_ randomness: any Randomness) -> String {
        let alphabet = Array("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789-_.+")
        while true {
            var text = ""
            while text.count < 20 {
                // Bytes beyond the last whole multiple of the alphabet would favour its beginning.
                for byte in randomness.bytes(32) where Int(byte) < 256 / alphabet.count * alphabet.count && text.count < 20 {
                    text.append(alphabet[Int(byte) % alphabet.count])
                }
            }
            if IdentityPolicy().weaknesses(of: text).isEmpty { return text }
        }
    }
}
