// Too many requests: rates per address and user, requests that wait, and overload.
import Domain
import HTTP
import Testing

@testable import API

struct AdmissionTests {
    static let second: UInt64 = 1_000_000_000

    @Test func aSecondsWorthPassesAtOnceAndThenTheRate() throws {
        let limiter = try #require(RateLimiter(perSecond: 10))
        for _ in 0..<10 { #expect(limiter.take("a", at: 7) == nil) }
        #expect(limiter.take("a", at: 7) == 1)
        #expect(limiter.take("b", at: 7) == nil, "others are not held up")
        #expect(limiter.take("a", at: 7 + Self.second / 10 - 1) == 1)
        #expect(limiter.take("a", at: 7 + Self.second / 10) == nil)
        #expect(limiter.take("a", at: 7 + Self.second / 10) == 1)
    }

    @Test func noMoreThanTheRatePassesOverManySeconds() throws {
        let limiter = try #require(RateLimiter(perSecond: 100))
        let passed = (0..<100_000).filter { limiter.take("a", at: UInt64($0) * 100_000) == nil }.count
        // Ten seconds of a request every 0.1 ms: the first second's worth, then 100 a second.
        #expect((1090...1110).contains(passed), "\(passed)")
    }

    @Test func aClockThatStandsStillOrGoesBackGivesNothing() throws {
        let limiter = try #require(RateLimiter(perSecond: 1))
        #expect(limiter.take("a", at: 5 * Self.second) == nil)
        #expect(limiter.take("a", at: 5 * Self.second) == 1)
        #expect(limiter.take("a", at: Self.second) == 1)
    }

    @Test func memoryStaysBoundedWhateverTheNames() throws {
        let limiter = try #require(RateLimiter(perSecond: 2))
        for name in 0..<200_000 { #expect(limiter.take("\(name)", at: UInt64(name)) == nil) }
        #expect(limiter.take("199999", at: 200_000) == nil)
        #expect(limiter.take("199999", at: 200_000) == 1, "a busy one is still known")
        #expect(limiter.count < 70_000)
    }

    @Test func zeroMeansNoLimit() { #expect(RateLimiter(perSecond: 0) == nil) }

    @Test(arguments: ["/api/vcenter/vm/vm-1", "/rest/vcenter/vm/vm-1", "/api"])
    func tooManyFromAnAddressAre429WithRetryAfter(_ path: String) async {
        var configuration = APIConfiguration()
        configuration.admission.requestsPerSecondPerAddress = 2
        let bench = Bench(configuration: configuration)
        for _ in 0..<2 { #expect(await bench.send(.get, path, Bench.session).status != 429) }
        let answer = await bench.send(.get, path, Bench.session)
        #expect(answer.status == 429)
        #expect(answer["Retry-After"] == "1")
        #expect(bench.log.all.last?.status == 429)
    }

    @Test func tooManyOfAUserAre429AndOthersGoOn() async {
        var configuration = APIConfiguration()
        configuration.admission.requestsPerSecondPerUser = 1
        let bench = Bench(configuration: configuration)
        let path = "/api/vcenter/vm/vm-1"
        #expect(await bench.send(.get, path, Bench.session).status == 200)
        let refused = await bench.send(.get, path, Bench.session)
        #expect(refused.status == 429)
        #expect(refused["Retry-After"] == "1")
        #expect(bench.dispatcher.seen.count == 1, "the operation was not reached")
        let reader = [(name: "vmware-api-session-id", value: FakeSessions.readerToken)]
        #expect(await bench.send(.get, path, reader).status != 429)
    }

    @Test(arguments: ["/api/vcenter/vm/vm-1", "/rest/vcenter/vm/vm-1"])
    func overdueRequestsAreShedAndHealthIsNot(_ path: String) {
        let bench = Bench(endpoints: [HealthEndpoint(isReady: { true })])
        func status(_ path: String) -> Int? {
            let request = Request(
                head: RequestHead(.get, path, fields: Bench.session), connection: ConnectionInfo(peer: "192.0.2.1", isSecure: true),
                isOverdue: true)
            guard case .now(let response) = bench.application.respond(to: request) else { return nil }
            return response.status
        }
        #expect(status(path) == 503)
        #expect(bench.dispatcher.seen.isEmpty)
        #expect(status("/health/ready") == 200)
    }

    @Test func requestsThatWaitAreBounded() {
        let admission = Admission(
            { var limits = AdmissionLimits(); limits.waitingRequests = 2; return limits }(), clock: FixedClock())
        #expect(admission.enter())
        #expect(admission.enter())
        #expect(!admission.enter())
        admission.leave()
        #expect(admission.enter())
        #expect(!admission.enter())
    }
}
