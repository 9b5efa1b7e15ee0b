import Contract
import ContractTypes
import Domain
import Testing

// Inputs through the generated dispatcher: what the official client sent, what VMware's runtime says to malformed
// inputs, and the forms that the two REST roots allow.

private let call = Call(
    user: "administrator@vsphere.local", requestID: "r1", service: "", operation: "", peer: "127.0.0.1",
    receivedAt: Timestamp(milliseconds: 0))

private func index(_ service: String, _ name: String) throws -> Int {
    try #require(operations.firstIndex { $0.service == service && $0.name == name })
}

/// What an operation answers, and what its service was asked.
private func invoke(_ index: Int, _ input: OperationInput, _ wire: Wire = .jsonRPC) async throws(Fault) -> (
    answer: String, calls: [String]
) {
    let recorder = Recorder()
    var input = input
    var writer = ValueWriter(wire)
    let dispatcher = ServiceDispatcher(recordingServices(recorder))
    if case .pending(let work) = try dispatcher.invoke(index, input: &input, call: call, writer: &writer) {
        try await work().write(&writer)
    }
    return (String(decoding: writer.take(), as: UTF8.self), recorder.calls)
}

private func rest(
    _ service: String, _ name: String, _ wire: Wire = .clean, _ variables: [String] = [],
    query: [(name: String, value: String)] = [], body: String = ""
) async throws(Fault) -> (answer: String, calls: [String]) {
    guard let place = operations.firstIndex(where: { $0.service == service && $0.name == name }) else { return ("", []) }
    guard let route = wire == .clean ? operations[place].clean : operations[place].legacy else { return ("", []) }
    let input = try OperationInput(route: route, wire: wire, variables: variables, query: query, body: Array(body.utf8))
    return try await invoke(place, input, wire)
}

private let vm = "com.vmware.vcenter.VM"

@Suite struct DispatcherTests {
    @Test func whatTheOfficialClientSentIsUnderstoodAndItsAnswersHaveOurTypes() async throws {
        for exchange in try fixture("client-exchanges.json").elements {
            let (service, name) = (exchange["service"]?.text ?? "", exchange["operation"]?.text ?? "")
            let place = try index(service, name)
            let input = try OperationInput(jsonRPC: exchange["input"])
            do throws(Fault) {
                let (answer, _) = try await invoke(place, input)
                let value = try DataValue(jsonRPCText: Array(answer.utf8))
                // Samples do not keep union rules.
                let found = typeTable.violation(of: value, type: operations[place].output)
                #expect(found == nil || found?.contains(" with ") == true, "\(service).\(name)")
            } catch {
                Issue.record("\(exchange["name"]?.text ?? ""): \(error)")
            }
            if let output = exchange["output"] {
                let value = try DataValue(reading: ValueReader(output, wire: .jsonRPC))
                let found = typeTable.violation(of: value, type: operations[place].output)
                #expect(found == nil, "\(service).\(name)")
            }
        }
    }

    @Test func aListIsWrittenByteForByteAsTheClientTookIt() throws {
        let exchanges = Array(try fixture("client-exchanges.json").elements)
        let expected = try #require(exchanges.first { $0["name"]?.text == "VM.list()" }?["output"])
        let machines = [
            VcenterVMSummary(vm: "vm-101", name: "web-01", powerState: .poweredOn, cpuCount: 4, memorySizeMiB: 8192),
            VcenterVMSummary(vm: "vm-102", name: "db-01", powerState: .poweredOff),
        ]
        var writer = ValueWriter(.jsonRPC)
        machines.write(to: &writer)
        #expect(String(decoding: writer.take(), as: UTF8.self) == compact(expected))
        writer = ValueWriter(.clean)
        machines.write(to: &writer)
        let first = #"{"vm":"vm-101","name":"web-01","power_state":"POWERED_ON","cpu_count":4,"memory_size_MiB":8192}"#
        let second = #"{"vm":"vm-102","name":"db-01","power_state":"POWERED_OFF"}"#
        #expect(String(decoding: writer.take(), as: UTF8.self) == "[\(first),\(second)]")
    }

    @Test func malformedInputsGetTheAnswersOfTheRuntime() async throws {
        for entry in try fixture("runtime-answers.json").elements {
            let name = entry["name"]?.text ?? ""
            let place = try index(entry["service"]?.text ?? "", entry["operation"]?.text ?? "")
            var found: Fault?
            do throws(Fault) {
                _ = try await invoke(place, try OperationInput(jsonRPC: entry["input"]))
            } catch {
                found = error
            }
            #expect(found?.type.rawValue == entry["type"]?.text, "\(name)")
            let messages = (entry["messages"]?.elements ?? .empty).map {
                LocalizableMessage(
                    id: $0["id"]?.text ?? "", $0["text"]?.text ?? "", arguments: $0["args"]?.elements.compactMap(\.text) ?? [])
            }
            #expect(found?.messages ?? [] == messages, "\(name)")
        }
    }

    /// Where the runtime itself breaks down and answers `internal_server_error`.
    @Test(arguments: [
        (
            #"{"filter":{"STRUCTURE":{"com.vmware.vcenter.VM.filter_spec":{}}}}"#,
            "expected an object of type Optional, but got Structure"
        ),
        (#"{"filter":null}"#, "expected an object of type Optional, but got Void"),
        (#"{"filter":{"OPTIONAL":"x"}}"#, "expected an object of type Structure, but got String"),
        (
            #"{"filter":{"OPTIONAL":{"STRUCTURE":{"com.vmware.vcenter.VM.filter_spec":{"names":{"OPTIONAL":["a",3]}}}}}}"#,
            "expected an object of type String, but got Integer"
        ),
        (
            #"{"filter":{"OPTIONAL":{"STRUCTURE":{"com.vmware.vcenter.VM.filter_spec":{"names":{"OPTIONAL":[null]}}}}}}"#,
            "expected an object of type String, but got Void"
        ),
        (
            #"{"filter":{"OPTIONAL":{"STRUCTURE":{"com.vmware.vcenter.VM.filter_spec":{"power_states":{"OPTIONAL":["HALF"]}}}}}}"#,
            "\"HALF\" is not a value of com.vmware.vcenter.vm.power.state. Known values: POWERED_OFF, POWERED_ON, SUSPENDED."
        ),
    ])
    func otherMalformedInputsAreInvalidArguments(fields: String, reason: String) async throws {
        let document = try JSONDocument(parsing: Array(#"{"STRUCTURE":{"operation-input":\#(fields)}}"#.utf8))
        let place = try index(vm, "list")
        do throws(Fault) {
            _ = try await invoke(place, try OperationInput(jsonRPC: document.root))
            Issue.record("accepted")
        } catch {
            #expect(error.type == .invalidArgument)
            #expect(error.messages.last?.defaultMessage.hasSuffix(reason) == true, "\(error.messages)")
            #expect(error.messages.first?.arguments == ["filter", "operation-input"])
        }
    }

    @Test func queriesFillTheFilter() async throws {
        let clean = try await rest(
            vm, "list", query: [("names", "a"), ("power_states", "POWERED_ON"), ("names", "b&c"), ("names", "a")])
        let legacy = try await rest(
            vm, "list", .legacy,
            query: [("filter.names.2", "a"), ("filter.power_states", "POWERED_ON"), ("filter.names.1", "b&c")])
        let filter = VcenterVMFilterSpec(names: ["a", "b&c"], powerStates: [.poweredOn])
        let expected = Recorder()
        expected.note("list", Optional(filter) as Any)
        #expect(clean.calls == expected.calls)
        #expect(legacy.calls == expected.calls)
        let none = Recorder()
        none.note("list", VcenterVMFilterSpec?.none as Any)
        #expect(try await rest(vm, "list").calls == none.calls)
    }

    @Test(
        arguments: [
            (Wire.clean, [("nmaes", "a")], InputFault.unknownQuery("nmaes")),
            (.clean, [("names.1", "a")], InputFault.unknownQuery("names.1")),
            (.clean, [("filter.names", "a")], InputFault.unknownQuery("filter.names")),
            (.legacy, [("names", "a")], InputFault.unknownQuery("names")),
            (.legacy, [("filter.names.x", "a")], InputFault.unknownQuery("filter.names.x")),
            (.legacy, [("filter.names.", "a")], InputFault.unknownQuery("filter.names.")),
        ] as [(Wire, [(String, String)], Fault)])
    func unknownQueryItemsAreNamed(wire: Wire, query: [(String, String)], fault: Fault) async {
        await #expect(throws: fault) { try await rest(vm, "list", wire, query: query.map { (name: $0.0, value: $0.1) }) }
        #expect(fault.messages[0].defaultMessage == "Unsupported property with name: \(query[0].0).")
        #expect(fault.messages[0].arguments == [query[0].0])
    }

    @Test func scalarsInQueriesAreTyped() async throws {
        let tasks = "com.vmware.cis.tasks"
        let expected = Recorder()
        expected.note("get", "t1", Optional(CisTasksGetSpec(returnAll: true, excludeResult: false)) as Any)
        #expect(
            try await rest(tasks, "get", .clean, ["t1"], query: [("return_all", "true"), ("exclude_result", "false")]).calls
                == expected.calls)
        #expect(
            try await rest(
                tasks, "get", .legacy, ["t1"], query: [("spec.return_all", "true"), ("spec.exclude_result", "false")]
            ).calls == expected.calls)
        await #expect(throws: InputFault.repeatedQuery("return_all")) {
            try await rest(tasks, "get", .clean, ["t1"], query: [("return_all", "true"), ("return_all", "true")])
        }
        do throws(Fault) {
            _ = try await rest(tasks, "get", .clean, ["t1"], query: [("return_all", "yes")])
            Issue.record("accepted")
        } catch {
            #expect(error.messages.last?.id == "vapi.data.validate.mismatch")
            #expect(error.detail == "spec.return_all")
        }
    }

    @Test func bodiesAreBareOrWrapped() async throws {
        let spec = #"{"source":"vm-101","name":"c","disks_to_remove":["1","2"],"power_on":null"#
        let clean = try await rest(
            vm, "clone", .clean, query: [("action", "clone")],
            body: spec + #","disks_to_update":{"2000":{"datastore":"datastore-1"}}}"#)
        let legacy = try await rest(
            vm, "clone", .legacy, query: [("action", "clone")],
            body: #"{"spec":"# + spec + #","disks_to_update":[{"key":"2000","value":{"datastore":"datastore-1"}}]}}"#)
        #expect(clean.calls == legacy.calls)
        #expect(clean.calls.count == 1)
        #expect(clean.answer == legacy.answer)
        await #expect(throws: InputFault.missing("spec", in: "operation-input")) { try await rest(vm, "clone") }
        await #expect(throws: InputFault.missing("spec", in: "operation-input")) {
            try await rest(vm, "clone", .legacy, body: "{}")
        }
        await #expect(throws: InputFault.unexpected(["name", "source"], in: "operation-input")) {
            try await rest(vm, "clone", .legacy, body: #"{"spec":{"source":"a","name":"b"},"source":"a","name":"c"}"#)
        }
    }

    @Test func unreadableBodiesSayWhere() async throws {
        do throws(Fault) {
            _ = try await rest(vm, "create", body: #"{"guest_OS":"#)
            Issue.record("accepted")
        } catch {
            #expect(error.type == .invalidArgument)
            #expect(error.messages[0].defaultMessage == "Error when parsing request body, 'The text ends inside a value: byte 12.'")
        }
        do throws(Fault) {
            _ = try await rest(vm, "create", body: "[]")
            Issue.record("accepted")
        } catch {
            #expect(error.messages.map(\.id) == ["vapi.data.structure.field.invalid", "vapi.data.validate.mismatch"])
        }
        do throws(Fault) {
            _ = try await rest("com.vmware.cis.tasks", "list", body: "[1]")
            Issue.record("accepted")
        } catch {
            #expect(error.messages.map(\.id) == ["vapi.data.validate.mismatch"])
        }
        await #expect(throws: Fault.self) { try await rest(vm, "delete", .clean, ["vm-1"], body: #"{"a":1}"#) }
        #expect(try await rest(vm, "delete", .clean, ["vm-1"], body: "{}").calls.count == 1)
    }

    @Test func pathsOfTheOldRootCarryTheirPrefix() async throws {
        let introspection = "com.vmware.vapi.std.introspection.operation"
        let expected = Recorder()
        expected.note("get", "com.vmware.vcenter.VM", "list")
        #expect(
            try await rest(
                introspection, "get", .clean, query: [("service_id", "com.vmware.vcenter.VM"), ("operation_id", "list")]
            ).calls == expected.calls)
        #expect(
            try await rest(
                introspection, "get", .legacy, ["id:com.vmware.vcenter.VM"], query: [("~action", "get")],
                body: #"{"operation_id":"list"}"#
            ).calls
                == expected.calls)
        await #expect(throws: Fault(.notFound, id: "com.vmware.vapi.rest.httpNotFound", "Not found.")) {
            try await rest(introspection, "get", .legacy, ["com.vmware.vcenter.VM"], body: #"{"operation_id":"list"}"#)
        }
    }

    @Test(arguments: operations.indices)
    func everyOperationHasItsArm(index: Int) async throws {
        let operation = operations[index]
        var source = SampleSource(seed: UInt64(index))
        let reference = TypedReference(table: typeTable)
        let fields = operation.parameters.map { DataValue.Field($0.name, reference.sample($0.type, &source)) }
        let text = DataValue.structure("operation-input", fields).jsonRPCText
        let document = try JSONDocument(parsing: text)
        let (answer, calls) = try await invoke(index, try OperationInput(jsonRPC: document.root))
        let found = typeTable.violation(of: try DataValue(jsonRPCText: Array(answer.utf8)), type: operation.output)
        // Samples do not keep union rules.
        #expect(found == nil || found?.contains(" with ") == true, "\(operation.service).\(operation.name)\(found ?? "")")
        #expect(calls.count == 1)
        #expect(calls.first?.hasPrefix(operation.name) == true)
    }

    @Test func anUnknownIndexIsRefused() async throws {
        let document = try JSONDocument(parsing: Array(#"{"STRUCTURE":{"operation-input":{}}}"#.utf8))
        do throws(Fault) {
            _ = try await invoke(operations.count, try OperationInput(jsonRPC: document.root))
            Issue.record("accepted")
        } catch {
            #expect(error.type == .operationNotFound)
        }
    }
}
