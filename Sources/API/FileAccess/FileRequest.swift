import HTTP

/// What a request to `/folder` names. Source: vSphere Web Services SDK Programming Guide, "Datastore Access (/folder)".
enum FileTarget: Equatable {
    /// `/folder`: the datacenters.
    case datacenters
    /// `/folder?dcPath=…`: the datastores of one.
    case datastores(datacenter: String)
    /// `/folder/…?dcPath=…&dsName=…`.
    case file(FileLocation)
}

enum FileRequestError: Error, Equatable {
    case malformed(String)
}

extension FileTarget {
    static let root = "/folder"
    /// Directories on the way are made by an upload, so their number must have a bound.
    static let maximumDepth = 64

    static func isBelowRoot(_ path: ArraySlice<UInt8>) -> Bool {
        guard path.starts(with: root.utf8) else { return false }
        let rest = path.dropFirst(root.utf8.count)
        return rest.isEmpty || rest.first == UInt8(ascii: "/")
    }

    init(_ head: RequestHead) throws(FileRequestError) {
        let path = try Self.parts(of: head.path)
        var datacenter: String?
        var datastore: String?
        for item in try Self.items(of: head) {
            switch item.name {
            case "dcPath" where datacenter == nil: datacenter = item.value
            case "dsName" where datastore == nil: datastore = item.value
            case "dcPath", "dsName": throw .malformed("The query parameter \(item.name) is given more than once.")
            default: throw .malformed("The query parameter \(item.name) is not known.")
            }
        }
        // The inventory path may be written with slashes at its ends.
        let place = (datacenter ?? "").split(separator: "/", omittingEmptySubsequences: true).joined(separator: "/")
        switch (place.isEmpty, datastore ?? "") {
        case (true, ""):
            guard path.isEmpty else { throw .malformed("A path needs dcPath and dsName.") }
            self = .datacenters
        case (true, _): throw .malformed("dsName needs dcPath.")
        case (false, ""):
            guard path.isEmpty else { throw .malformed("A path needs dsName.") }
            self = .datastores(datacenter: place)
        case (false, let name):
            self = .file(FileLocation(datacenter: place, datastore: name, path: path))
        }
    }

    private static func items(of head: RequestHead) throws(FileRequestError) -> [QueryItem] {
        do throws(QueryError) {
            return try QueryItems.all(head.query)
        } catch {
            throw .malformed("The query is malformed.")
        }
    }

    /// The names below `/folder`; a slash at the end is allowed, as for a directory.
    private static func parts(of path: ArraySlice<UInt8>) throws(FileRequestError) -> [String] {
        let plain: ArraySlice<UInt8>
        do {
            plain = try PathSegments.decoded(path)
        } catch {
            throw .malformed("The path is malformed.")
        }
        var names: [String] = []
        for part in plain.dropFirst(root.utf8.count).split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            names.append(String(decoding: part, as: UTF8.self))
        }
        if names.first?.isEmpty == true { names.removeFirst() }
        if names.last?.isEmpty == true { names.removeLast() }
        guard names.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else { throw .malformed("The path is malformed.") }
        guard names.count <= maximumDepth else { throw .malformed("The path has more than \(maximumDepth) parts.") }
        return names
    }
}
