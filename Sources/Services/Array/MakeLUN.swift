import Contract
import Coordination
import Domain
import Persistence
import StorageArray

/// Makes a LUN, empty or with the contents of another, and its record.
///
/// Until the record is there, the name is what the LUN is known by: `admit` reserves it against other work of this kind, the
/// first step sees that the array has no LUN of that name, and so a LUN of that name without a record is this work's own,
/// and an undo may delete it.
struct MakeLUN: Workflow {
    typealias Dependencies = ArrayAdministration

    /// What the LUN begins with.
    enum Content: Codable, Equatable {
        case empty(sizeBytes: UInt64, physicalBlockExponent: UInt8)
        case clone(of: Identifier<ArrayLUN>)
        case snapshot(of: Identifier<ArrayLUN>)

        var source: Identifier<ArrayLUN>? {
            switch self {
            case .empty: nil
            case .clone(let source), .snapshot(let source): source
            }
        }
    }

    static let name = "make-lun"
    static let isCancelable = false
    static let steps: [WorkflowStep<MakeLUN>] = [
        WorkflowStep(
            "Checking the name", run: { (state, context) async throws(Fault) in try await state.checkName(context) }),
        WorkflowStep(
            "Making the LUN", isPointOfNoReturn: true,
            run: { (state, context) async throws(Fault) in try await state.make(context) },
            change: { (state, draft) throws(Fault) in try state.record(&draft) },
            undo: { (state, context) async throws(Fault) in try await state.unmake(context) }),
        WorkflowStep(
            "Exposing the LUN",
            run: { (state, context) async throws(Fault) in
                if let lun = state.lun { context.dependencies.exposure.refresh(lun) }
            }),
    ]

    let lunName: String
    let content: Content
    var isRemovable = false
    var isReadOnly = false
    var softThreshold: UInt64?
    /// Set once it is made.
    private(set) var lun: Identifier<ArrayLUN>?

    init(lunName: String, content: Content, isRemovable: Bool = false, isReadOnly: Bool = false, softThreshold: UInt64? = nil) {
        self.lunName = lunName
        self.content = content
        self.isRemovable = isRemovable
        self.isReadOnly = isReadOnly
        self.softThreshold = softThreshold
    }

    /// The source until there is the LUN, so that nothing else is done with it meanwhile.
    var target: WorkflowTarget? { (lun ?? content.source).map { .lun($0) } }

    private var reservation: Identifier<Setting> { Self.reservation(of: lunName) }

    static func reservation(of name: String) -> Identifier<Setting> { Identifier("lun-name:" + name) }

    var result: String? {
        lun.map { String(decoding: DataValue.string($0.rawValue).jsonRPCText, as: UTF8.self) }
    }

    func admit(_ draft: inout Draft) throws(Fault) -> MakeLUN {
        guard !draft[Setting.self].contains(reservation) else { throw .duplicateName("LUN", lunName) }
        if let source = content.source { _ = try draft.idleLUN(source) }
        try draft.insert(Setting(id: reservation, value: ""))
        draft.audit(target: lunName, detail: content.source.map { "from \($0)" })
        return self
    }

    func release(_ draft: inout Draft) throws(Fault) { try draft.remove(reservation) }

    private func checkName(_ context: StepContext<ArrayAdministration>) async throws(Fault) {
        let name = lunName
        let isTaken = try await context.dependencies.perform(on: name) { (pool) throws(ArrayError) in
            pool.luns.contains { $0.name == name }
        }
        if isTaken { throw .duplicateName("LUN", name) }
    }

    private mutating func make(_ context: StepContext<ArrayAdministration>) async throws(Fault) {
        let (name, content, threshold) = (lunName, content, softThreshold)
        let made = try await context.dependencies.perform(on: name) { (pool) throws(ArrayError) in
            let made: LUNInformation
            switch content {
            case .empty(let sizeBytes, let exponent):
                made = try pool.createLUN(name: name, sizeBytes: sizeBytes, physicalBlockExponent: exponent)
            case .clone(let source):
                guard let source = LUNIdentifier(source) else { throw .noSuchLUN }
                made = try pool.cloneLUN(source, name: name)
            case .snapshot(let source):
                guard let source = LUNIdentifier(source) else { throw .noSuchLUN }
                made = try pool.createSnapshot(of: source, name: name)
            }
            if let threshold { try pool.setSoftThreshold(made.identifier, usedBytes: threshold) }
            return made
        }
        lun = Identifier(made.identifier)
    }

    private func record(_ draft: inout Draft) throws(Fault) {
        guard let lun, let identifier = LUNIdentifier(lun) else { return }
        guard let number = draft.inventory.freeNumber(for: identifier) else {
            throw .array(.unableToAllocateResource, "too_many_luns", "All logical unit numbers are taken.", lunName)
        }
        try draft.remove(reservation)
        try draft.insert(ArrayLUN(id: lun, number: number, isRemovable: isRemovable, isReadOnly: isReadOnly))
        draft.audit(target: lun.rawValue, detail: lunName)
    }

    private func unmake(_ context: StepContext<ArrayAdministration>) async throws(Fault) {
        let (name, inventory) = (lunName, context.snapshot)
        try await context.dependencies.perform(on: name) { (pool) throws(ArrayError) in
            guard let made = pool.luns.first(where: { $0.name == name }),
                !inventory[ArrayLUN.self].contains(Identifier(made.identifier))
            else { return }
            try pool.deleteLUN(made.identifier)
        }
    }
}
