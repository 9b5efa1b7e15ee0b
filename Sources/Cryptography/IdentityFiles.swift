import Glibc

extension Identity {
    /// Loads certificate chain and key from two PEM files.
    ///
    /// - Throws: `.file` if one cannot be read; otherwise as `init(certificatePEM:keyPEM:)`.
    public static func load(certificatePath: String, keyPath: String) throws(CryptographyError) -> Identity {
        let certificate = try PEMFile.read(certificatePath)
        let key = try PEMFile.read(keyPath)
        return try Identity(certificatePEM: certificate, keyPEM: key)
    }

    /// Writes both files, the key first and readable for its owner alone. Each is complete or absent after a crash; a
    /// certificate file is never there without its key.
    public func save(certificatePath: String, keyPath: String) throws(CryptographyError) {
        try PEMFile.write(keyPEM, to: keyPath, mode: 0o600)
        try PEMFile.write(certificatePEM, to: certificatePath, mode: 0o644)
    }
}

/// Small files that are replaced as a whole.
enum PEMFile {
    /// More cannot be a certificate chain.
    private static let limitBytes = 1 << 20

    static func read(_ path: String) throws(CryptographyError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .file(path, errno) }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: limitBytes)
        var count = 0
        while count < limitBytes {
            let capacity = limitBytes - count
            let got = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress?.advanced(by: count), capacity) }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw .file(path, errno) }
            if got == 0 { return Array(bytes.prefix(count)) }
            count += got
        }
        throw .file(path, EFBIG)
    }

    static func write(_ bytes: [UInt8], to path: String, mode: mode_t) throws(CryptographyError) {
        let temporary = path + ".new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw .file(temporary, errno) }
        let isWritten = writeAll(bytes, to: descriptor) && fsync(descriptor) == 0
        let error = errno
        close(descriptor)
        guard isWritten, rename(temporary, path) == 0 else {
            let reason = isWritten ? errno : error
            unlink(temporary)
            throw .file(path, reason)
        }
        try synchronizeDirectory(of: path)
    }

    private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var written = 0
        while written < bytes.count {
            let rest = bytes.count - written
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress?.advanced(by: written), rest) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            written += count
        }
        return true
    }

    /// Makes the new name durable.
    private static func synchronizeDirectory(of path: String) throws(CryptographyError) {
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let directory = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .file(directory, errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .file(directory, errno) }
    }
}
