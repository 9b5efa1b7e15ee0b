import ContractTypes
import Domain
import Persistence

/// `com.viaduct.host.settings`: the advanced options of a host that switch its use of array offloads.
struct HostSettings: HostSettingsService {
    let store: Store
    let fabric: StorageFabric

    private struct Option: Sendable {
        let key: String
        let summary: String
        let property: any WritableKeyPath<HostAcceleration, Bool> & Sendable
    }

    private static let options: [Option] = [
        Option(
            key: "DataMover.HardwareAcceleratedInit", summary: "Zero blocks by WRITE SAME instead of writing zeros.",
            property: \.initialize),
        Option(
            key: "DataMover.HardwareAcceleratedMove", summary: "Copy by EXTENDED COPY instead of reading and writing.",
            property: \.move),
        Option(
            key: "VMFS3.HardwareAcceleratedLocking",
            summary: "Lock by COMPARE AND WRITE instead of reserving the unit.", property: \.locking),
    ]

    func list(host: String, call: Call) throws(Fault) -> [ViaductHostSettingsSummary] {
        let acceleration = try find(host).acceleration
        return Self.options.map {
            ViaductHostSettingsSummary(key: $0.key, value: acceleration[keyPath: $0.property] ? 1 : 0)
        }
    }

    func get(host: String, key: String, call: Call) throws(Fault) -> ViaductHostSettingsInfo {
        let acceleration = try find(host).acceleration
        let option = try Self.option(key)
        return ViaductHostSettingsInfo(
            value: acceleration[keyPath: option.property] ? 1 : 0, defaultValue: 1, minimum: 0, maximum: 1,
            description: option.summary)
    }

    func update(host: String, key: String, spec: ViaductHostSettingsUpdateSpec, call: Call) async throws(Fault) {
        let found = try find(host)
        let option = try Self.option(key)
        guard (0...1).contains(spec.value) else { throw .invalid("spec.value", "it must be 0 or 1, not \(spec.value).") }
        let value = spec.value == 1
        let settings = try await store.commit(by: call) { (draft) throws(Fault) in
            draft.audit(target: found.id.rawValue, detail: "\(key) = \(value ? 1 : 0)")
            return try draft.update(found.id) { (host: inout Host) throws(Fault) -> HostAcceleration in
                host.acceleration[keyPath: option.property] = value
                return host.acceleration
            }
        }
        fabric.apply(settings, to: found.id)
    }

    private func find(_ id: String) throws(Fault) -> Host {
        guard let host = store.snapshot[Host.self][Identifier(id)] else { throw .notFound("host", "Host", id) }
        return host
    }

    private static func option(_ key: String) throws(Fault) -> Option {
        guard let option = options.first(where: { $0.key == key }) else {
            throw Fault(
                .notFound, id: "com.viaduct.host.setting_not_found", "There is no advanced option named '\(key)'.",
                arguments: [key])
        }
        return option
    }
}
