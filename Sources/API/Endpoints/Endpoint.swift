import HTTP

/// Something that answers paths outside of the vAPI roots.
public protocol Endpoint: Sendable {
    /// Whether it answers the path, given as sent. The first endpoint of the list that does is asked.
    func answers(_ path: ArraySlice<UInt8>) -> Bool
    func policy(for head: RequestHead) -> BodyPolicy
    func respond(to request: Request, in exchange: Exchange) -> Step
}

extension Endpoint {
    /// A body is not wanted, but a small one is let in, so that the answer can say what is.
    public func policy(for head: RequestHead) -> BodyPolicy { .collect(limit: 64 * 1024) }
}

extension Outcome {
    /// A short text for people.
    static func text(_ status: Int, _ text: String, fields: [ResponseField] = []) -> Outcome {
        Outcome(
            status: status, fields: [ResponseField("Content-Type", "text/plain; charset=utf-8")] + fields,
            body: .bytes(Array((text + "\n").utf8)))
    }

    /// - Parameter methods: value of `Allow`.
    static func methodNotAllowed(allow methods: String) -> Outcome {
        text(405, "Method not allowed.", fields: [ResponseField("Allow", methods)])
    }
}
