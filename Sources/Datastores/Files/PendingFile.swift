import Synchronization

/// A file that is being written and has no name yet.
///
/// Nobody else can see it. It gets its name in one step, taking the place of a file of that name if that is wanted; until
/// then a crash, or `abandon`, gives its blocks back.
public final class PendingFile: Sendable {
    private let volume: Volume
    private let number: UInt32
    private let file: OpenFile
    private let isDone = Mutex(false)

    fileprivate init(volume: Volume, number: UInt32) {
        self.volume = volume
        self.number = number
        // Marked closed by `take` or `abandon`, so that it never commits or unlocks by itself.
        file = OpenFile(
            volume: volume, number: number, path: "", mode: .writing, state: FileState(map: ExtentMap(), sizeBytes: 0))
    }

    deinit {
        // Nobody is left to tell of an error; what stays is listed as unfinished work and goes with recovery.
        _ = try? abandon()
    }

    public var sizeBytes: UInt64 { file.sizeBytes }

    public func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(VolumeError) {
        try file.write(buffer, at: offset)
    }

    /// Gives the file its name; it is durable and visible when this returns.
    ///
    /// - Parameter replacing: whether a file of that name may be replaced.
    /// - Returns: whether there was no such file before.
    /// - Throws: `.alreadyExists`, `.busy` while the file to replace is open, `.isADirectory`, `.notFound` when the parent
    ///   is missing. The pending file stays as it is then.
    public func take(_ path: String, replacing: Bool) throws(VolumeError) -> Bool {
        let path = try FilePath(path)
        guard let name = path.names.last else { throw .alreadyExists(path.text) }
        return try isDone.withLock { (isDone) throws(VolumeError) in
            if isDone { throw .closed }
            try settle()
            let replaced = try volume.change { (state) throws(VolumeError) -> (isNew: Bool, number: UInt32?) in
                let parent = try state.lockDirectory(path.parent)
                let existing = try state.entry(name, in: parent, path: path.text)
                if let existing {
                    guard existing.kind == .file else { throw .isADirectory(path.text) }
                    guard replacing else { throw .alreadyExists(path.text) }
                }
                let number = existing == nil ? nil : try state.unlink(name, path)
                try state.link(self.number, at: path)
                return (existing == nil, number)
            }
            isDone = true
            file.state.withLock { $0.isClosed = true }
            if let number = replaced.number { try volume.reclaim(number) }
            return replaced.isNew
        }
    }

    /// Commits what was written and gives back what was set aside.
    private func settle() throws(VolumeError) {
        try file.state.withLock { (open) throws(VolumeError) in
            let settled = open
            try volume.change { (state) throws(VolumeError) in
                try state.lock(state.geometry.inodeSector(self.number), .inode)
                for run in settled.reserve { try state.free(run) }
                var stored = settled
                (stored.reserve, stored.isChanged) = ([], true)
                try state.storeFile(self.number, stored)
            }
            (open.reserve, open.isChanged, open.uncommittedBlocks) = ([], false, 0)
        }
    }

    /// Drops the file with its blocks. Doing it again, or after `take`, does nothing.
    public func abandon() throws(VolumeError) {
        try isDone.withLock { (isDone) throws(VolumeError) in
            guard !isDone else { return }
            isDone = true
            file.state.withLock { $0.isClosed = true }
            try volume.reclaim(number)
        }
    }
}

extension Volume {
    /// Begins a file that gets its name when it is complete.
    public func makePendingFile() throws(VolumeError) -> PendingFile {
        PendingFile(volume: self, number: try makeUnlinked(sizeBytes: 0))
    }
}
