import Contract
import Coordination
import Domain
import Persistence
import StorageArray

/// Makes a LUN, empty or with the contents of another, and its record.
///
/// Until the record is there, the name is what the work is known by: the open task keeps it from being used by another one
/// (`admit`), the first step sees that the array has no LUN of that name, and so a LUN of that name is this work's own and
/// an undo may delete it.
struct MakeLUN: Workflow {
    typealias Dependencies = ArrayAdministration

    /// What the LUN begins with.
    enum Content: Codable, Equatable {
        case empty(sizeBytes: UInt64, physicalBlockExponent: UInt8)
        case clone(of: Identifier<ArrayLUN>)
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
    /// Set once it is made.
    private(set) var lun: Identifier<ArrayLUN>?

    init(lunName: String, content: Content, isRemovable: Bool = false, isReadOnly: Bool = false) {
        self.lunName = lunName
        self.content = content
        self.isRemovable = isRemovable
        self.isReadOnly = isReadOnly
    }

    /// The name stands for the LUN until that has an identifier.
    var target: WorkflowTarget? { lun.map { .lun($0) } ?? WorkflowTarget(type: Self.nameType, id: lunName) }

    private static let nameType = "com.viaduct.array.lun.name"

    var result: String? {
        lun.map { String(decoding: DataValue.string($0.rawValue).jsonRPCText, as: UTF8.self) }
    }

    func admit(_ draft: inout Draft) throws(Fault) -> MakeLUN {
        guard !draft.isBusy(WorkflowTarget(type: Self.nameType, id: lunName)) else { throw .duplicateName("LUN", lunName) }
        if case .clone(let source) = content { _ = try draft.idleLUN(source) }
        draft.audit(target: lunName, detail: "\(content)")
        return self
    }

    private func checkName(_ context: StepContext<ArrayAdministration>) async throws(Fault) {
        let name = lunName
        let isTaken = try await context.dependencies.perform(on: name) { (pool) throws(ArrayError) in
            pool.luns.contains { $0.name == name }
        }
        if isTaken { throw .duplicateName("LUN", name) }
    }

    private mutating func make(_ context: StepContext<ArrayAdministration>) async throws(Fault) {
        let (name, content) = (lunName, content)
        let made = try await context.dependencies.perform(on: name) { (pool) throws(ArrayError) in
            switch content {
            case .empty(let sizeBytes, let exponent):
                return try pool.createLUN(name: name, sizeBytes: sizeBytes, physicalBlockExponent: exponent)
            case .clone(let source):
                guard let source = LUNIdentifier(source) else { throw .noSuchLUN }
                return try pool.cloneLUN(source, name: name)
            }
        }
        lun = Identifier(made.identifier)
    }

    private func record(_ draft: inout Draft) throws(Fault) {
        guard let lun, let identifier = LUNIdentifier(lun) else { return }
        guard let number = draft.inventory.freeNumber(for: identifier) else {
            throw .array(.unableToAllocateResource, "too_many_luns", "All logical unit numbers are taken.", lunName)
        }
        try draft.insert(ArrayLUN(id: lun, number: number, isRemovable: isRemovable, isReadOnly: isReadOnly))
        draft.audit(target: lun.rawValue, detail: lunName)
    }

    private func unmake(_ context: StepContext<ArrayAdministration>) async throws(Fault) {
        let name = lunName
        try await context.dependencies.perform(on: name) { (pool) throws(ArrayError) in
            guard let made = pool.luns.first(where: { $0.name == name }) else { return }
            try pool.deleteLUN(made.identifier)
        }
    }
}
