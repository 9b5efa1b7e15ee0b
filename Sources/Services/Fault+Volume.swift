import Datastores
import Domain

extension Fault {
    /// What a volume refuses, in the words of vAPI.
    init(_ error: VolumeError, on datastore: Datastore) {
        switch error {
        case .notFound(let path):
            self = .file(.notFound, "not_found", "The file '[\(datastore.name)] \(path)' does not exist.")
        case .alreadyExists(let path):
            self = .file(.alreadyExists, "already_exists", "The file '[\(datastore.name)] \(path)' already exists.")
        case .notADirectory(let path):
            self = .file(.invalidArgument, "not_a_directory", "'[\(datastore.name)] \(path)' is not a directory.")
        case .isADirectory(let path):
            self = .file(.invalidArgument, "is_a_directory", "'[\(datastore.name)] \(path)' is a directory.")
        case .directoryNotEmpty(let path):
            self = .file(.resourceInUse, "directory_not_empty", "The directory '[\(datastore.name)] \(path)' is not empty.")
        case .invalidName(let name, _):
            self = .file(.invalidArgument, "invalid_name", "'\(name)' is not a valid file name.")
        case .invalidArgument(let reason):
            self = .file(.invalidArgument, "invalid_argument", "The datastore cannot do this.", detail: reason)
        case .busy(let path, let holder):
            self = .file(
                .resourceInUse, "locked", "The file '[\(datastore.name)] \(path)' is locked.", detail: holder.map { "by \($0)" })
        case .contended(let holder):
            self = .file(
                .resourceBusy, "contended", "The datastore '\(datastore.name)' is busy.", detail: holder.map { "held by \($0)" })
        case .noSpace, .arrayOutOfSpace, .tooManyFiles:
            self = .file(
                .unableToAllocateResource, "no_space", "There is not enough space on the datastore '\(datastore.name)'.",
                detail: "\(error)")
        case .fileTooLarge:
            self = .file(.invalidArgument, "file_too_large", "The file is larger than a datastore can hold.")
        case .cancelled:
            self = .file(.canceled, "canceled", "The operation was canceled.")
        case .notAVolume, .unsupportedVersion, .unsuitableDevice, .corrupt, .device, .tooManyHosts, .fenced, .failed, .closed:
            self = .file(
                .resourceInaccessible, "inaccessible", "The datastore '\(datastore.name)' is not accessible.",
                detail: "\(error)")
        }
    }

    private static func file(_ type: FaultType, _ id: String, _ text: String, detail: String? = nil) -> Fault {
        Fault(type, id: "com.viaduct.datastore.\(id)", text, detail: detail)
    }
}
