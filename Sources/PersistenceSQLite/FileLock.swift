import Glibc
import Persistence

/// Keeps other processes from a log: `flock` on a file of its own, given up when the process ends, however it ends.
///
/// Not on the database file: closing any descriptor of that would drop the locks SQLite itself has on it
/// (https://www.sqlite.org/howtocorrupt.html, section 2.2).
final class FileLock: Sendable {
    private let descriptor: Int32

    init(path: String) throws(LogError) {
        let opened = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard opened >= 0 else { throw .unavailable("\(path): \(systemError(errno))") }
        guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
            let error = errno
            Glibc.close(opened)
            throw error == EWOULDBLOCK ? .inUse : .unavailable("\(path): \(systemError(error))")
        }
        descriptor = opened
    }

    /// Unlocked by name: a child that is being started may share the descriptor for a moment, and closing it alone would not do.
    deinit {
        flock(descriptor, LOCK_UN)
        Glibc.close(descriptor)
    }
}

/// Makes the names of new files in the directory of `path` durable.
func syncDirectory(of path: String) throws(LogError) {
    let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
    let directory = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let descriptor = Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .unavailable("\(directory): \(systemError(errno))") }
    defer { Glibc.close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .unavailable("\(directory): \(systemError(errno))") }
}

private func systemError(_ code: Int32) -> String { String(cString: strerror(code)) }
