// Usage: contract-benchmark [session|vm|list|input|encode [COUNT]]
//
// Without arguments: processor time of each case, best of several rounds. With a case and a count: does it so often and
// says nothing, for a tool that counts instructions.
import API
import Contract
import ContractTypes
import Domain
import Glibc
import HTTP
import Platform

func processorNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

struct Benchmark {
    let dispatcher = FixedAnswers()
    let application: APIApplication
    let machineRoute: Route

    init() {
        let table = FixedAnswers.served.compactMap { name in
            operations.first { $0.service + "." + $0.name == name }
        }
        precondition(table.count == FixedAnswers.served.count, "The contract has lost an operation that is measured.")
        machineRoute = table[1].clean
        application = APIApplication(
            operations: table, dispatcher: dispatcher, sessions: OneSession(),
            world: World(clock: FixedClock(), randomness: FixedRandomness()))
    }

    /// Does a case so often; returns the bytes of one answer.
    @inline(never)
    func run(_ name: String, _ count: Int) -> Int {
        switch name {
        case "session": ask("/api/session", count)
        case "vm": ask("/api/vcenter/vm/vm-101", count)
        case "list": ask("/api/vcenter/vm", count)
        case "input": input(count)
        case "encode": encode(count)
        default: 0
        }
    }

    private func ask(_ target: String, _ count: Int) -> Int {
        let request = Request(
            head: RequestHead(
                .get, target,
                fields: [
                    ("host", "vcenter.example.com"), ("user-agent", "benchmark"), ("accept", "application/json"),
                    ("vmware-api-session-id", OneSession.token),
                ]),
            connection: ConnectionInfo(peer: "192.0.2.17", isSecure: true))
        var size = 0
        for _ in 0..<count {
            guard case .now(let response) = application.respond(to: request), response.status == 200,
                case .bytes(let bytes) = response.body
            else { preconditionFailure("\(target) is not answered.") }
            size = bytes.count
        }
        return size
    }

    /// Only the input of a request with one path variable.
    private func input(_ count: Int) -> Int {
        var size = 0
        let variables = PathVariables(of: machineRoute, wire: .clean)
        for _ in 0..<count {
            do throws(Fault) {
                var input = try OperationInput(path: variables, texts: ["vm-101"])
                let vm: String = try input.required("vm")
                try input.finish()
                size = vm.utf8.count
            } catch {
                preconditionFailure("\(error)")
            }
        }
        return size
    }

    /// Only the text of one machine, in a buffer that is large enough.
    private func encode(_ count: Int) -> Int {
        var size = 0
        for _ in 0..<count {
            var writer = ValueWriter(.clean, capacity: 2048)
            dispatcher.machine.write(to: &writer)
            size = writer.take().count
        }
        return size
    }
}

let benchmark = Benchmark()
let arguments = CommandLine.arguments.dropFirst()
if let name = arguments.first {
    _ = benchmark.run(name, arguments.dropFirst().first.flatMap { Int($0) } ?? 1)
} else {
    for (name, count) in [("session", 20_000), ("vm", 20_000), ("list", 200), ("input", 50_000), ("encode", 20_000)] {
        var best = Double.infinity
        var size = 0
        for _ in 0..<15 {
            let start = processorNanoseconds()
            size = benchmark.run(name, count)
            best = min(best, Double(processorNanoseconds() - start) / Double(count))
        }
        print("\(name): \(Int(best)) ns, \(size) bytes, \(Int(Double(size) * 1000 / best)) MB/s")
    }
}
