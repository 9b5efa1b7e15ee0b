import SCSI
import Synchronization

/// How a file is opened: many may read while nobody writes, one may write while nobody else has it open.
public enum OpenMode: Sendable, Equatable {
    case reading
    case writing
}

/// An open file. Holds the file's lock on the volume until it is closed.
///
/// What is written into blocks that the file had is durable when `write` returns. Blocks and size that a write added
/// belong to the file for good after `flush`, `close`, or 64 MiB more of them; after a crash before that, the file
/// is as it was and the blocks are free again.
public final class OpenFile: Sendable {
    let volume: Volume
    let number: UInt32
    let path: String
    public let mode: OpenMode
    let state: Mutex<FileState>

    init(volume: Volume, number: UInt32, path: String, mode: OpenMode, state: FileState) {
        self.volume = volume
        self.number = number
        self.path = path
        self.mode = mode
        self.state = Mutex(state)
    }

    deinit {
        // A file that was dropped without `close` gives its lock up as well; nobody is left to tell of an error.
        _ = try? close()
    }

    public var sizeBytes: UInt64 { state.withLock { $0.sizeBytes } }

    /// Byte ranges that have blocks, in order, joined where they touch; the rest of the file reads as zeros.
    public var allocatedRanges: [Range<UInt64>] {
        state.withLock { state in
            var ranges: [Range<UInt64>] = []
            for extent in state.map.extents {
                let start = UInt64(extent.logical) * Geometry.blockBytes
                let end = min(UInt64(extent.logicalEnd) * Geometry.blockBytes, state.sizeBytes)
                guard start < end else { continue }
                if let last = ranges.last, last.upperBound == start {
                    ranges[ranges.count - 1] = last.lowerBound..<end
                } else {
                    ranges.append(start..<end)
                }
            }
            return ranges
        }
    }

    /// Reads from `offset` on.
    ///
    /// - Returns: bytes read: fewer than asked for only at the end of the file.
    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(VolumeError) -> Int {
        if mode == .reading {
            // Nobody changes the file now, so what its map says stays true outside of the mutex.
            let (map, size) = try state.withLock { (state) throws(VolumeError) in
                try state.requireOpen()
                return (state.map, state.sizeBytes)
            }
            return try FileBytes(device: volume.device, map: map).read(into: buffer, at: offset, sizeBytes: size)
        }
        return try state.withLock { (state) throws(VolumeError) in
            try state.requireOpen()
            return try FileBytes(device: volume.device, map: state.map)
                .read(into: buffer, at: offset, sizeBytes: state.sizeBytes)
        }
    }

    /// Commits blocks and size that writes added.
    public func flush() throws(VolumeError) {
        try state.withLock { (state) throws(VolumeError) in
            try state.requireOpen()
            try commit(&state)
        }
    }

    /// Commits as `flush` does and gives the lock up. Closing again does nothing, unless it failed: then it is tried again.
    public func close() throws(VolumeError) {
        try state.withLock { (state) throws(VolumeError) in
            guard !state.isClosed else { return }
            switch mode {
            case .reading: try volume.finishReading(number)
            case .writing: try volume.finishWriting(number, state)
            }
            state.isClosed = true
        }
    }

    func commit(_ state: inout FileState) throws(VolumeError) {
        guard state.isChanged else { return }
        try volume.commit(number, state)
        state.uncommittedBlocks = 0
        state.isChanged = false
    }
}

/// An open file as its holder sees it; ahead of the inode by what is not committed.
struct FileState: Sendable {
    var map: ExtentMap
    var sizeBytes: UInt64
    /// Blocks set aside on the volume, not yet given a place in the file.
    var reserve: [BlockRun] = []
    /// Whether the blocks of the reserve are known to read as zeros.
    var reserveIsZeroed = false
    /// How many blocks to set aside next time.
    var nextReserve = 1
    var uncommittedBlocks = 0
    var isChanged = false
    var isClosed = false

    func requireOpen() throws(VolumeError) {
        if isClosed { throw .closed }
    }
}

extension Volume {
    /// Opens a file and takes its lock.
    ///
    /// - Throws: `.busy` when it is open in a way that excludes this, here or on another host; `.isADirectory`.
    public func open(_ path: String, for mode: OpenMode) throws(VolumeError) -> OpenFile {
        let path = try FilePath(path)
        let (number, file) =
            switch mode {
            case .reading: try attempt { (state) throws(VolumeError) in try state.openForReading(path) }
            case .writing: try change { (state) throws(VolumeError) in try state.openForWriting(path) }
            }
        return OpenFile(volume: self, number: number, path: path.text, mode: mode, state: file)
    }

    func finishReading(_ number: UInt32) throws(VolumeError) {
        try attempt { (state) throws(VolumeError) in
            guard let count = state.readers[number] else { return }
            if count > 1 {
                state.readers[number] = count - 1
                return
            }
            try state.unlockShared(state.geometry.inodeSector(number))
            state.readers[number] = nil
        }
    }

    /// Commits the file, frees what was set aside for it and gives its lock up, in one change.
    func finishWriting(_ number: UInt32, _ file: FileState) throws(VolumeError) {
        try change { (state) throws(VolumeError) in
            try state.lock(state.geometry.inodeSector(number), .inode)
            for run in file.reserve { try state.free(run) }
            if file.isChanged || !file.reserve.isEmpty {
                var file = file
                file.reserve = []
                try state.storeFile(number, file)
            }
            state.keepLock(ofInode: number, false)
        }
    }

    func commit(_ number: UInt32, _ file: FileState) throws(VolumeError) {
        try change { (state) throws(VolumeError) in
            try state.lock(state.geometry.inodeSector(number), .inode)
            try state.storeFile(number, file)
        }
    }

    /// Sets blocks aside for a file: it owns them from now on, whatever happens to the host.
    ///
    /// - Returns: the new runs; at least one block.
    func reserve(
        _ blocks: Int, parity: UInt32, for number: UInt32, _ file: FileState
    ) throws(VolumeError) -> [BlockRun] {
        try change { (state) throws(VolumeError) in
            try state.lock(state.geometry.inodeSector(number), .inode)
            var runs: [BlockRun] = []
            var missing = blocks
            while missing > 0, file.reserve.count + runs.count < Inode.reservedRuns {
                do throws(VolumeError) {
                    let run = try state.allocate(upTo: missing, parity: (parity + UInt32(blocks - missing)) % 2)
                    runs.append(run)
                    missing -= Int(run.count)
                } catch .noSpace where !runs.isEmpty {
                    break
                }
            }
            var file = file
            file.reserve += runs
            try state.storeFile(number, file)
            return runs
        }
    }
}

extension MountState {
    mutating func openForReading(_ path: FilePath) throws(VolumeError) -> (UInt32, FileState) {
        let reference = try resolve(path)
        guard reference.kind == .file else { throw .isADirectory(path.text) }
        let sector = geometry.inodeSector(reference.number)
        try lockShared(sector, file: path.text)
        do throws(VolumeError) {
            let bytes = try device.read(sector: sector + 1, sectors: Geometry.bodySectors)
            let page = try Page(.inode, sector: sector + 1, decoding: bytes)
            let inode = try Inode(decoding: page, number: reference.number)
            // Between the look-up and the lock the file may have been removed.
            guard inode.state == .linked, inode.generation == reference.generation else { throw .notFound(path.text) }
            let file = FileState(map: try extents(of: inode), sizeBytes: inode.sizeBytes)
            readers[reference.number, default: 0] += 1
            return (reference.number, file)
        } catch {
            if readers[reference.number] == nil { try unlockShared(sector) }
            throw error
        }
    }

    mutating func openForWriting(_ path: FilePath) throws(VolumeError) -> (UInt32, FileState) {
        let reference = try resolve(path)
        guard reference.kind == .file else { throw .isADirectory(path.text) }
        let sector = geometry.inodeSector(reference.number)
        guard keptLocks[sector] == nil else { throw .busy(path.text, holder: host.name) }
        try lock(sector, .inode, file: path.text)
        var inode = try inode(reference.number)
        guard inode.state == .linked, inode.generation == reference.generation else { throw .notFound(path.text) }
        // What a host that died had set aside goes back.
        try device.unmap(inode.reserved.map(\.sectors))
        for run in inode.reserved { try free(run) }
        if !inode.reserved.isEmpty {
            inode.reserved = []
            setInode(inode)
        }
        keepLock(ofInode: reference.number, true)
        return (reference.number, FileState(map: try extents(of: inode), sizeBytes: inode.sizeBytes))
    }

    /// Puts the state of an open file into its inode, which is held.
    mutating func storeFile(_ number: UInt32, _ file: FileState) throws(VolumeError) {
        var inode = try inode(number)
        if inode.extentCount != file.map.extents.count || file.isChanged { try store(file.map, in: &inode) }
        inode.sizeBytes = file.sizeBytes
        inode.reserved = file.reserve
        inode.modified = clock.now()
        setInode(inode)
    }
}
