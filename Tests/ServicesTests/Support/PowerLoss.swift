import Domain
import Platform
import Testing

/// What is left of a laboratory whose power went in the middle of something.
struct Aftermath {
    /// What the client was told: done, refused, or nothing that promises anything.
    let told: Bool?
    /// Whether power was lost before the end.
    let isLost: Bool
    /// The laboratory started anew. Array and inventory agree in it.
    let laboratory: Laboratory

    /// Does something in a laboratory that loses its power at a write, and starts it again from what the medium kept.
    ///
    /// - Parameter count: writes before the power is lost.
    init(
        of laboratory: Laboratory, _ power: Power, after count: Int, _ survivors: SimulatedBlockDevice.Survivors,
        _ body: (Laboratory) async throws(Fault) -> Void
    ) async throws {
        power.lose(afterWrites: count)
        var told: Bool? = true
        do throws(Fault) {
            try await body(laboratory)
        } catch {
            // Only an answer that says that it was undone promises anything.
            told = error.type == .serviceUnavailable || !power.isOn ? nil : false
        }
        self.told = told
        isLost = !power.isOn
        await laboratory.die()
        laboratory.medium.device.crash(keeping: survivors, seed: UInt64(count))
        self.laboratory = try await Laboratory.reopened(laboratory.medium)
        let found = try self.laboratory.disagreements()
        #expect(found.isEmpty, "write \(count), \(survivors): \(found)")
    }
}
