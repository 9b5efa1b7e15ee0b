import Glibc
import Persistence

/// The signed checkpoints of the audit log, a line each, oldest first. Beside the log, so that its end cannot be cut off
/// alone.
struct AuditCheckpointFile: Sendable {
    let path: String

    /// - Returns: also how many lines are none. A last line that does not end is what a crash leaves, and does not count.
    func read() throws(StartError) -> (checkpoints: [AuditCheckpoint], strangers: Int) {
        guard DataDirectory.exists(path) else { return ([], 0) }
        var lines = try TextFile.read(path).split(separator: "\n", omittingEmptySubsequences: false)
        lines.removeLast()
        let checkpoints = lines.compactMap { AuditCheckpoint(text: String($0)) }
        return (checkpoints, lines.count - checkpoints.count)
    }

    /// Adds one, durably, after dropping what a crash has left of the last line. Blocks.
    func append(_ checkpoint: AuditCheckpoint) throws(StartError) {
        let isNew = !DataDirectory.exists(path)
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        let end = try wholeLines(of: descriptor)
        let bytes = Array((checkpoint.text + "\n").utf8)
        guard ftruncate(descriptor, end) == 0, pwrite(descriptor, bytes, bytes.count, end) == bytes.count,
            fsync(descriptor) == 0
        else { throw failure(path) }
        if isNew { try synchronizeDirectory() }
    }

    /// Where the last line that ends ends. No line is longer than what is read here.
    private func wholeLines(of descriptor: Int32) throws(StartError) -> off_t {
        let size = lseek(descriptor, 0, SEEK_END)
        guard size >= 0 else { throw failure(path) }
        let start = max(0, size - 4096)
        var tail = [UInt8](repeating: 0, count: Int(size - start))
        guard pread(descriptor, &tail, tail.count, start) == tail.count else { throw failure(path) }
        return start + off_t(tail.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0)
    }

    /// Keeps only some, durably. Blocks.
    func replace(with checkpoints: [AuditCheckpoint]) throws(StartError) {
        let temporary = AuditCheckpointFile(path: path + ".new")
        unlink(temporary.path)
        for checkpoint in checkpoints { try temporary.append(checkpoint) }
        guard rename(temporary.path, path) == 0 else { throw failure(path) }
        try synchronizeDirectory()
    }

    private func synchronizeDirectory() throws(StartError) {
        let directory = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[..<$0]) } ?? "."
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(directory) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(directory) }
    }

    private func failure(_ path: String) -> StartError { StartError("\(path): \(String(cString: strerror(errno)))") }
}
