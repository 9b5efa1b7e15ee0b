import Contract
import ContractTypes
import Domain
import Testing

// The short way of a request that has only a path against the way over a document: both must read the same values and
// find the same faults.

private let call = Call(
    user: "administrator@vsphere.local", requestID: "r1", service: "", operation: "", peer: "127.0.0.1",
    receivedAt: Timestamp(milliseconds: 0))

private let texts = ["vm-101", "", "true", "12", "id:vm-1", "id:", "ä\"\\", "a text that does not fit into a small string"]

/// What an input gives to an operation, or the fault.
private func outcome(_ index: Int, _ make: () throws(Fault) -> OperationInput) async -> Result<[String], Fault> {
    let recorder = Recorder()
    var writer = ValueWriter(.clean)
    do throws(Fault) {
        var input = try make()
        let dispatcher = ServiceDispatcher(recordingServices(recorder))
        if case .pending(let work) = try dispatcher.invoke(index, input: &input, call: call, writer: &writer) {
            _ = try await work()
        }
        return .success(recorder.calls)
    } catch {
        return .failure(error)
    }
}

private func read<Value>(_ read: () throws(Fault) -> Value) -> Result<Value, Fault> {
    do throws(Fault) { return .success(try read()) } catch { return .failure(error) }
}

@Suite struct PathInputTests {
    @Test(arguments: [Wire.clean, .legacy])
    func everyOperationReadsThePathAsItReadsADocument(wire: Wire) async {
        var compared = 0
        for (place, operation) in operations.enumerated() {
            guard let route = wire == .clean ? operation.clean : operation.legacy else { continue }
            let variables = PathVariables(of: route, wire: wire)
            let count = route.path.count { if case .variable = $0 { true } else { false } }
            // Its own operation, and one that expects something else.
            for index in [place, (place + 7) % operations.count] {
                for first in texts.indices {
                    let given = (0..<count).map { texts[(first + $0) % texts.count] }
                    let short = await outcome(index) { () throws(Fault) in try OperationInput(path: variables, texts: given) }
                    let long = await outcome(index) { () throws(Fault) in
                        try OperationInput(route: route, wire: wire, variables: given, query: [], body: [])
                    }
                    #expect(short == long, "\(operation.service).\(operation.name) \(given)")
                    compared += 1
                }
            }
        }
        #expect(compared > 500)
    }

    @Test(arguments: texts)
    func everyTypeReadsTheTextOfAPathAsThatOfADocument(text: String) {
        let route = Route(
            method: "GET", path: [.variable("first"), .variable("second")], selectors: [], query: [], body: .none, status: 200)
        let variables = PathVariables(of: route, wire: .clean)
        func compare<Value: Equatable>(_ take: (inout OperationInput) throws(Fault) -> Value) {
            let short = read { () throws(Fault) in
                var input = try OperationInput(path: variables, texts: ["x", text])
                return try take(&input)
            }
            let long = read { () throws(Fault) in
                var input = try OperationInput(route: route, wire: .clean, variables: ["x", text], query: [], body: [])
                return try take(&input)
            }
            #expect(short == long)
        }
        compare { (input) throws(Fault) -> String in try input.required("second") }
        compare { (input) throws(Fault) -> Int64 in try input.required("second") }
        compare { (input) throws(Fault) -> Bool in try input.required("second") }
        compare { (input) throws(Fault) -> Double in try input.required("second") }
        compare { (input) throws(Fault) -> [String] in try input.required("second") }
        compare { (input) throws(Fault) -> [String] in try input.requiredSet("second") }
        compare { (input) throws(Fault) -> [String]? in try input.optionalSet("second") }
        compare { (input) throws(Fault) -> Int64? in try input.optional("second") }
        compare { (input) throws(Fault) -> String? in try input.optional("third") }
        compare { (input) throws(Fault) -> String in try input.required("third") }
        compare { (input) throws(Fault) -> Bool in
            let _: String = try input.required("second")
            try input.finish()
            return true
        }
    }
}

@Suite struct WriterGrowthTests {
    @Test func memoryThatRunsOutAnywhereLosesNothing() {
        let moment = Timestamp(milliseconds: 1_700_000_000_123)
        for filler in 0..<300 {
            var writer = ValueWriter(.clean, capacity: 1)
            writer.string(String(repeating: "x", count: filler))
            var expected = "\"" + String(repeating: "x", count: filler) + "\""
            writer.beginStructure("test")
            writer.field(",\"a\":", "some text")
            writer.field(",\"b\":", Int64.min)
            writer.field(",\"c\":", moment)
            writer.field(",\"d\":", [true, false])
            writer.field(",\"e\":", ValueMap([(key: "k", value: "a\nb")]))
            writer.endStructure()
            expected += #"{"a":"some text","b":-9223372036854775808,"c":"2023-11-14T22:13:20.123Z","#
            expected += #""d":[true,false],"e":{"k":"a\nb"}}"#
            let found = String(decoding: writer.take(), as: UTF8.self)
            #expect(found == expected)
        }
    }
}
