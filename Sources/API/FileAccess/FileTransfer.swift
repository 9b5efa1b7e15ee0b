import HTTP
import Synchronization

/// Sends a part of a file, piece by piece.
final class FileDownload: BodyWriter {
    /// Pieces end at multiples of this, so that the blocks below are read whole.
    private static let pieceBytes: UInt64 = 256 * 1024

    private let content: any FileContent
    private let end: UInt64
    private let position: Mutex<UInt64>
    let length: UInt64?

    init(_ content: any FileContent, _ range: Range<UInt64>) {
        self.content = content
        end = range.upperBound
        position = Mutex(range.lowerBound)
        length = UInt64(range.count)
    }

    func next() async throws -> [UInt8]? {
        let start = position.withLock { $0 }
        guard start < end else { return nil }
        let piece = start..<min(end, (start / Self.pieceBytes + 1) * Self.pieceBytes)
        let bytes = try await content.read(piece)
        guard bytes.count == piece.count else { throw FileFault.inaccessible("A read of \(piece) gave \(bytes.count) bytes.") }
        position.withLock { $0 = piece.upperBound }
        return bytes
    }
}

/// Why a body did not become a file.
enum UploadError: Error, Equatable {
    case file(FileFault)
    case body(BodyError)
    /// Fewer or more bytes came than `Content-Range` had said.
    case wrongLength
}

/// Feeds a request's body into a file.
enum FileUpload {
    /// - Parameter expected: bytes that must come; `nil` for any number.
    static func run(_ body: RequestBody, into sink: any FileSink, expected: UInt64?) async throws(UploadError)
        -> FileWriteOutcome
    {
        do throws(UploadError) {
            var received: UInt64 = 0
            switch body {
            case .none: break
            case .bytes(let bytes):
                received = UInt64(bytes.count)
                if received <= expected ?? .max { try await write(bytes, to: sink) }
            case .stream(let reader):
                while let bytes = try await next(of: reader) {
                    received += UInt64(bytes.count)
                    guard received <= expected ?? .max else { break }
                    try await write(bytes, to: sink)
                }
            }
            if let expected, received != expected { throw UploadError.wrongLength }
        } catch {
            await sink.abandon()
            throw error
        }
        do { return try await sink.finish() } catch { throw .file(error) }
    }

    private static func next(of reader: any BodyReader) async throws(UploadError) -> [UInt8]? {
        do { return try await reader.next() } catch { throw .body(error) }
    }

    private static func write(_ bytes: [UInt8], to sink: any FileSink) async throws(UploadError) {
        do { try await sink.write(bytes) } catch { throw .file(error) }
    }
}
