// A contract of a dozen operations that has one of everything a route can be.
import Contract
import Domain

@testable import API

enum SmallContract {
    static let vm = "com.vmware.vcenter.VM"
    static let session = "com.vmware.cis.session"

    static func operation(
        _ service: String, _ name: String, _ parameters: [Parameter] = [], output: TypeExpression = .void,
        authentication: AuthenticationRule = .session, privileges: [RequiredPrivilege] = [], clean: Route, legacy: Route? = nil
    ) -> Operation {
        Operation(
            service: service, name: name, parameters: parameters, output: output, errors: [], privileges: privileges,
            authentication: authentication, clean: clean, legacy: legacy)
    }

    static func route(
        _ method: String, _ path: String, _ selectors: [(name: String, value: String?)] = [], query: [QueryItem] = [],
        body: Route.BodyShape = .none, status: Int = 200
    ) -> Route {
        let segments = path.split(separator: "/").map { part -> Route.Segment in
            part.hasPrefix("{") ? .variable(String(part.dropFirst().dropLast())) : .literal(String(part))
        }
        return Route(method: method, path: segments, selectors: selectors, query: query, body: body, status: status)
    }

    private static let names = TypeExpression.optional(.set(.string))
    private static let identifier = [Parameter("vm", .id)]

    static let operations: [Operation] = [
        operation(
            session, "create", output: .secret, authentication: .credentials, clean: route("POST", "session", status: 201),
            legacy: route("POST", "com/vmware/cis/session")),
        operation(
            session, "get", output: .structure("com.vmware.cis.session.info"), clean: route("GET", "session"),
            legacy: route("POST", "com/vmware/cis/session", [("~action", "get")])),
        operation(
            session, "delete", clean: route("DELETE", "session", status: 204), legacy: route("DELETE", "com/vmware/cis/session")
        ),
        operation(
            vm, "list", [Parameter("filter", .optional(.structure("com.vmware.vcenter.VM.filter_spec")))],
            output: .list(.structure("com.vmware.vcenter.VM.summary")),
            clean: route("GET", "vcenter/vm", query: [QueryItem("names", target: ["filter", "names"], type: names)]),
            legacy: route("GET", "vcenter/vm", query: [QueryItem("filter.names", target: ["filter", "names"], type: names)])),
        operation(
            vm, "get", identifier, output: .string, clean: route("GET", "vcenter/vm/{vm}"),
            legacy: route("GET", "vcenter/vm/{vm}")),
        operation(
            vm, "create", [Parameter("spec", .structure("com.vmware.vcenter.VM.create_spec"))], output: .id,
            clean: route("POST", "vcenter/vm", body: .parameter("spec"), status: 201),
            legacy: route("POST", "vcenter/vm", body: .object(["spec"]))),
        operation(
            vm, "clone", [Parameter("spec", .structure("com.vmware.vcenter.VM.create_spec"))], output: .id,
            clean: route("POST", "vcenter/vm", [("action", "clone")], body: .parameter("spec")),
            legacy: route("POST", "vcenter/vm", [("action", "clone")], body: .object(["spec"]))),
        operation(
            vm, "clone$task", [Parameter("spec", .structure("com.vmware.vcenter.VM.create_spec"))], output: .id,
            clean: route(
                "POST", "vcenter/vm", [("action", "clone"), ("vmw-task", "true")], body: .parameter("spec"), status: 202)),
        operation(
            vm, "delete", identifier, clean: route("DELETE", "vcenter/vm/{vm}", status: 204),
            legacy: route("DELETE", "vcenter/vm/{vm}")),
        operation(
            "com.vmware.vcenter.vm.power", "start", identifier,
            clean: route("POST", "vcenter/vm/{vm}/power", [("action", "start")], status: 204),
            legacy: route("POST", "vcenter/vm/{vm}/power/start")),
        operation(
            "com.vmware.vcenter.vm.guest", "policy", output: .string, clean: route("GET", "vcenter/vm/policy")),
        operation(
            "com.vmware.content.library.item", "list", [Parameter("library_id", .id)], output: .list(.string),
            clean: route(
                "GET", "content/library/item", [("library_id", nil)],
                query: [QueryItem("library_id", target: ["library_id"], type: .id)])),
        operation(
            "com.vmware.content.library.item", "names", [Parameter("library_id", .optional(.id))], output: .list(.string),
            clean: route("GET", "content/library/item")),
        operation(
            "com.vmware.vapi.std.introspection.service", "list", output: .list(.string), authentication: .open,
            clean: route("GET", "vapi/std/introspection/service"),
            legacy: route("GET", "com/vmware/vapi/std/introspection/service")),
    ]

    static let handlers: [String: FakeDispatcher.Handler] = [
        session + ".create": { input, call, writer throws(Fault) in
            try input.finish()
            return .pending { ServiceAnswer { $0.secret("token-of-\(call.user?.prefix(5) ?? "none")") } }
        },
        session + ".get": { input, call, writer throws(Fault) in
            try input.finish()
            writer.beginStructure("com.vmware.cis.session.info")
            writer.field(",\"user\":", call.user ?? "nobody")
            writer.endStructure()
            return .written
        },
        session + ".delete": { input, call, writer throws(Fault) in
            try input.finish()
            return .pending { ServiceAnswer { $0.void() } }
        },
        vm + ".list": { input, call, writer throws(Fault) in
            let filter: FilterSpec? = try input.optional("filter")
            try input.finish()
            writer.beginList()
            for name in filter?.names ?? ["db-01", "web-01"] {
                writer.separate()
                writer.beginStructure("com.vmware.vcenter.VM.summary")
                writer.field(",\"name\":", name)
                writer.optional(",\"cpu_count\":", name.hasPrefix("web") ? Int64(4) : nil)
                writer.endStructure()
            }
            writer.endList()
            return .written
        },
        vm + ".get": { input, call, writer throws(Fault) in
            let vm: String = try input.required("vm")
            try input.finish()
            if vm == "vm-999" { throw notFound }
            writer.string(vm)
            return .written
        },
        vm + ".create": { input, call, writer throws(Fault) in try make("vm-103", &input) },
        vm + ".clone": { input, call, writer throws(Fault) in try make("vm-104", &input) },
        vm + ".clone$task": { input, call, writer throws(Fault) in try make("task-1:\(vm)", &input) },
        vm + ".delete": { input, call, writer throws(Fault) in
            let vm: String = try input.required("vm")
            try input.finish()
            return .pending { () async throws(Fault) in
                if vm == "vm-999" { throw notFound }
                return ServiceAnswer { $0.void() }
            }
        },
        "com.vmware.vcenter.vm.power.start": { input, call, writer throws(Fault) in
            let _: String = try input.required("vm")
            try input.finish()
            return .pending { ServiceAnswer { $0.void() } }
        },
        "com.vmware.vcenter.vm.guest.policy": { input, call, writer throws(Fault) in
            try input.finish()
            writer.string("the policy")
            return .written
        },
        "com.vmware.content.library.item.list": { input, call, writer throws(Fault) in
            let library: String = try input.required("library_id")
            try input.finish()
            [library].write(to: &writer)
            return .written
        },
        "com.vmware.content.library.item.names": { input, call, writer throws(Fault) in
            try input.finish()
            [String]().write(to: &writer)
            return .written
        },
        "com.vmware.vapi.std.introspection.service.list": { input, call, writer throws(Fault) in
            try input.finish()
            [call.user ?? "nobody"].write(to: &writer)
            return .written
        },
    ]

    static let notFound = Fault(
        .notFound, id: "com.vmware.api.vcenter.vm.not_found", "Virtual machine with identifier 'vm-999' does not exist.",
        arguments: ["vm-999"], detail: "looked in the inventory")

    private static func make(_ id: String, _ input: inout OperationInput) throws(Fault) -> Invocation {
        let spec: CreateSpec = try input.required("spec")
        try input.finish()
        return .pending { () async throws(Fault) in
            if spec.name == "taken" { throw Fault(.alreadyExists, id: "test.taken", "The name is taken.") }
            return ServiceAnswer { $0.string(id) }
        }
    }
}

typealias ServiceAnswer = Contract.Answer

struct FilterSpec: WireReadable {
    let names: [String]?

    init(reading reader: ValueReader) throws(Fault) {
        var fields = try StructureReader(reader, name: "com.vmware.vcenter.VM.filter_spec")
        names = try fields.optionalSet("names")
        try fields.finish()
    }
}

struct CreateSpec: WireReadable {
    let name: String?

    init(reading reader: ValueReader) throws(Fault) {
        var fields = try StructureReader(reader, name: "com.vmware.vcenter.VM.create_spec")
        name = try fields.optional("name")
        try fields.finish()
    }
}
