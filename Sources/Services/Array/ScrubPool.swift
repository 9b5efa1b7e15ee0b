import Contract
import ContractTypes
import Coordination
import Domain
import Persistence
import StorageArray

/// Reads everything the pool holds and checks it. Nothing is changed by it, so that what a crash or a cancellation
/// interrupts leaves nothing behind.
struct ScrubPool: Workflow {
    typealias Dependencies = ArrayAdministration

    /// What was found, as it is stored.
    struct Findings: Codable {
        struct Block: Codable {
            let lun: Identifier<ArrayLUN>
            /// On the LUN, in bytes.
            let offset: UInt64
        }

        let readBytes: UInt64
        /// All there are, while at most a thousand are listed.
        let damagedBlockCount: Int
        let damagedBlocks: [Block]
        let problems: [String]
    }

    static let name = "scrub-pool"
    static let steps: [WorkflowStep<ScrubPool>] = [
        WorkflowStep("Reading", run: { (state, context) async throws(Fault) in try await state.scrub(context) })
    ]

    /// `nil` until it has ended.
    private(set) var findings: Findings?

    var target: WorkflowTarget? { .pool }

    var result: String? {
        findings.map { findings in
            var writer = ValueWriter(.jsonRPC)
            ViaductArrayPoolScrubResult(findings).write(to: &writer)
            return String(decoding: writer.take(), as: UTF8.self)
        }
    }

    func admit(_ draft: inout Draft) throws(Fault) -> ScrubPool {
        guard !draft.isBusy(.pool) else { throw .arrayBusy(ArrayPools.only) }
        draft.audit(target: ArrayPools.only)
        return self
    }

    private mutating func scrub(_ context: StepContext<ArrayAdministration>) async throws(Fault) {
        let array = context.dependencies
        let report = try await array.perform(on: ArrayPools.only) { (pool) throws(ArrayError) in
            try pool.scrub { progress in
                context.report(
                    completed: Int64(clamping: min(progress.doneBytes, progress.totalBytes)),
                    total: Int64(clamping: max(1, progress.totalBytes)),
                    message: progress.isCounting ? "Counting" : "Reading")
                return !context.isCancellationRequested && !array.isStopping
            }
        }
        try context.checkCancellation()
        guard report.isComplete else {
            throw .array(
                .serviceUnavailable, "scrub_stopped", "The server is stopping; the scrub did not end.", ArrayPools.only)
        }
        findings = Findings(
            readBytes: report.progress.readBlocks * 4096, damagedBlockCount: report.damagedBlockCount,
            damagedBlocks: report.damagedBlocks.map { Findings.Block(lun: Identifier($0.lun), offset: $0.offset) },
            problems: report.problems)
    }
}

extension ViaductArrayPoolScrubResult {
    init(_ findings: ScrubPool.Findings) {
        self.init(
            clean: findings.damagedBlockCount == 0 && findings.problems.isEmpty, readBytes: Int64(clamping: findings.readBytes),
            damagedBlockCount: Int64(findings.damagedBlockCount),
            damagedBlocks: findings.damagedBlocks.map {
                ViaductArrayPoolDamagedBlock(lun: $0.lun.rawValue, offset: Int64(clamping: $0.offset))
            },
            problems: findings.problems)
    }
}
