import HTTP

/// `GET /health/live` and `GET /health/ready`, without authentication: for whatever starts and balances servers.
///
/// Live means that the event loop answers; ready, that requests will be served. They say no more than that.
public struct HealthEndpoint: Endpoint {
    private let isReady: @Sendable () -> Bool

    /// - Parameter isReady: called on the event loop; must not block.
    public init(isReady: @escaping @Sendable () -> Bool) { self.isReady = isReady }

    public func answers(_ path: ArraySlice<UInt8>) -> Bool {
        path.elementsEqual("/health/live".utf8) || path.elementsEqual("/health/ready".utf8)
    }

    public func respond(to request: Request, in exchange: Exchange) -> Step {
        guard request.head.method == .get || request.head.method == .head else {
            return .now(.methodNotAllowed(allow: "GET, HEAD"))
        }
        let isLive = request.head.path.elementsEqual("/health/live".utf8)
        let isHealthy = isLive || isReady()
        let body = isHealthy ? "{\"status\":\"UP\"}" : "{\"status\":\"DOWN\"}"
        return .now(
            Outcome(
                status: isHealthy ? 200 : 503, fields: [ResponseField("Content-Type", "application/json")], body: .bytes(Array(body.utf8))))
    }
}
