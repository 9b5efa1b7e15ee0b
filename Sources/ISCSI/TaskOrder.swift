/// The order in which a session's commands to one unit may run.
///
/// SIMPLE commands run side by side; an ORDERED one waits for all before it and holds up all after it; HEAD OF QUEUE runs at
/// once. Source: SAM-5 §8.6 to §8.8. As long as no ORDERED command is there, nothing is kept here.
struct TaskOrder {
    /// Commands of one unit in the order of their arrival, while an ORDERED one is among them.
    private var queues: [UInt16: [CommandTask]] = [:]

    /// A command's turn by CmdSN has come.
    ///
    /// - Parameter others: the unit's commands that came before it and have not ended; asked only if an ORDERED command
    ///   opens a queue.
    mutating func enter(_ task: CommandTask, others: () -> [CommandTask]) {
        guard task.attribute == .ordered || !queues.isEmpty else { return }
        if queues[task.lun] == nil {
            guard task.attribute == .ordered else { return }
            queues[task.lun] = others()
        }
        queues[task.lun]?.append(task)
    }

    /// Whether a command whose data is there may run now.
    func mayRun(_ task: CommandTask) -> Bool {
        guard !queues.isEmpty, task.attribute != .headOfQueue, let queue = queues[task.lun] else { return true }
        if task.attribute == .ordered { return queue.first === task }
        for other in queue {
            if other === task { return true }
            if other.attribute == .ordered { return false }
        }
        return true
    }

    /// A command has ended or was aborted.
    ///
    /// - Returns: those that were held up and may run now.
    mutating func ended(_ task: CommandTask) -> [CommandTask] {
        guard !queues.isEmpty, let index = queues[task.lun]?.firstIndex(where: { $0 === task }) else { return [] }
        queues[task.lun]?.remove(at: index)
        let runnable = (queues[task.lun] ?? []).filter { $0.state == .blocked && mayRun($0) }
        if queues[task.lun]?.contains(where: { $0.attribute == .ordered }) == false { queues[task.lun] = nil }
        return runnable
    }
}

/// First in, first out.
struct TaskQueue {
    private var tasks: [CommandTask] = []
    private var head = 0

    var isEmpty: Bool { head == tasks.count }

    mutating func append(_ task: CommandTask) { tasks.append(task) }

    /// - Returns: the first that is still wanted; `nil` if there is none.
    mutating func takeFirst() -> CommandTask? {
        guard head < tasks.count else { return nil }
        let task = tasks[head]
        head += 1
        if head == tasks.count {
            tasks.removeAll(keepingCapacity: true)
            head = 0
        }
        return task
    }

    mutating func remove(_ task: CommandTask) {
        guard let index = tasks[head...].firstIndex(where: { $0 === task }) else { return }
        tasks.remove(at: index)
    }
}
