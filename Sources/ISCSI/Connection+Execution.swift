import Platform
import SCSI
import Sockets
import StorageArray
import Synchronization

// Sessions begin, commands are carried out, units are reset.

extension Connection {
    // MARK: Beginning a session

    func open(_ opening: SessionOpening) {
        switch home.context.registry.open(opening, on: self) {
        case .opened(let handle):
            self.handle = handle
            let context = home.context
            if !opening.isDiscovery {
                let nexus = Nexus(
                    initiator: opening.initiator, initiatorSession: opening.initiatorSession,
                    targetPort: context.configuration.portalGroup)
                self.nexus = nexus
                context.target.nexusEstablished(nexus)
                context.configuration.observer?(.loggedIn(initiator: opening.initiator, peer: peer))
            }
            machine.sessionOpened(handle, &output, at: loop.now)
            loggedIn()
        case .replaces(let old):
            // The old session's commands are over before the new one has its first.
            let isTaken = old.loop.execute {
                old.end { self.loop.execute { self.tryAgain(opening) } }
            }
            if !isTaken { machine.sessionRefused(.serviceUnavailable, &output) }
        case .refused(let status):
            machine.sessionRefused(status, &output)
        }
    }

    private func tryAgain(_ opening: SessionOpening) {
        guard !isClosed else { return }
        open(opening)
        goOn()
    }

    // MARK: Commands

    func execute(_ task: CommandTask) {
        if let failure = task.failure {
            task.completion = Completion(.checkCondition, sense: failure)
            return machine.finish(task, &output)
        }
        guard let nexus else { return machine.finish(task, &output) }
        guard ArrayTarget.isQuick(task.cdb) else { return executeElsewhere(task, nexus) }
        let place = machine.placeForData(task, &output)
        var dataIn = place ?? UnsafeMutableRawBufferPointer(start: nil, count: 0)
        if place == nil, task.dataInRoom > 0 { dataIn = machine.makeDataIn(task) }
        let target = home.context.target
        let (completion, ticket) = target.start(
            task.cdb, lun: task.lun, from: nexus, dataOut: task.dataOut, dataIn: dataIn)
        task.completion = completion
        if ticket <= .now || target.pool.isDurable(ticket) {
            return machine.finish(task, isInPlace: place != nil, &output)
        }
        if place != nil, completion.dataInCount > 0 {
            let kept = machine.makeDataIn(task)
            kept.copyMemory(from: UnsafeRawBufferPointer(rebasing: dataIn[..<completion.dataInCount]))
        }
        home.await(ticket, self, task)
    }

    /// Has a command that may take long carried out by a worker thread.
    private func executeElsewhere(_ task: CommandTask, _ nexus: Nexus) {
        machine.keepImmediate(task)
        let dataIn = task.dataInRoom > 0 ? machine.makeDataIn(task) : UnsafeMutableRawBufferPointer(start: nil, count: 0)
        let work = Work(connection: self, task: task, dataOut: task.dataOut, dataIn: dataIn)
        let (cdb, lun) = (task.cdb, task.lun)
        let cancellation = Cancellation()
        task.cancellation = cancellation
        let isTaken = home.context.workers.submit {
            let (completion, ticket) = work.connection.home.context.target.start(
                cdb, lun: lun, from: nexus, dataOut: work.dataOut, dataIn: work.dataIn,
                isCancelled: { cancellation.isSet })
            work.connection.loop.execute { work.connection.worked(work, completion, ticket) }
        }
        if !isTaken {
            task.completion = Completion(.busy)
            machine.finish(task, &output)
        }
    }

    /// What a worker thread needs of a command.
    private struct Work: @unchecked Sendable {
        // The task is used on the loop's thread alone; the memory is the worker's until it hands the result back.
        let connection: Connection
        let task: CommandTask
        let dataOut: UnsafeRawBufferPointer
        let dataIn: UnsafeMutableRawBufferPointer
    }

    private func worked(_ work: Work, _ completion: Completion, _ ticket: CommitTicket) {
        work.task.completion = completion
        if ticket <= .now || home.context.target.pool.isDurable(ticket) {
            finish(work.task)
            goOn()
        } else {
            home.await(ticket, self, work.task)
            home.registerForDurability()
        }
    }

    /// A command that was under way has ended; `goOn` has to follow.
    func finish(_ task: CommandTask) {
        machine.finish(task, &output)
        if isClosed {
            output.removeAll()
            endIfQuiet()
        }
    }

    // MARK: Task management beyond the session

    func manage(_ management: ManagementTask) {
        let lun = LUNField.number(management.lunField)
        guard let nexus else { return }
        let isForOne = management.function == .clearTaskSet || management.function == .logicalUnitReset
        if isForOne, !home.context.target.visibleLUNs(to: nexus.initiator).contains(lun) {
            management.response = .lunDoesNotExist
            return machine.managementDone(management, &output)
        }
        let others = home.context.registry.connections(except: self)
        let work = ManagementWork(connection: self, management: management)
        let countdown = Countdown(others.count + 1) {
            work.connection.loop.execute { work.connection.managed(work.management, others) }
        }
        for other in others {
            let isTaken = other.loop.execute {
                other.machine.dropForOthers(lun: isForOne ? lun : nil)
                other.goOn()
                countdown.step()
            }
            if !isTaken { countdown.step() }
        }
        let function = management.function
        let target = home.context.target
        let isTaken = home.context.workers.submit {
            switch function {
            case .logicalUnitReset: target.reset(lun: lun, by: nexus)
            case .targetWarmReset, .targetColdReset: target.resetTarget()
            default: break
            }
            countdown.step()
        }
        if !isTaken { countdown.step() }
    }

    private func managed(_ management: ManagementTask, _ others: [Connection]) {
        if management.function == .targetColdReset {
            for other in others { other.loop.execute { other.close() } }
        }
        machine.managementDone(management, &output)
        goOn()
    }

    /// What other threads hand back to the connection's loop.
    private struct ManagementWork: @unchecked Sendable {
        // The function is used on the connection's loop alone.
        let connection: Connection
        let management: ManagementTask
    }
}

/// Calls a closure when so many things have happened, on whatever thread the last one does.
private final class Countdown: Sendable {
    private let count: Atomic<Int>
    private let body: @Sendable () -> Void

    init(_ count: Int, _ body: @escaping @Sendable () -> Void) {
        self.count = Atomic(count)
        self.body = body
    }

    func step() {
        if count.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { body() }
    }
}
