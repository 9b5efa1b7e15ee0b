// The three wires are presentations of one call: the same operation gives the same value or the same fault on each.
import Contract
import Domain
import HTTP
import Testing

@testable import API

struct WireAgreementTests {
    /// Random inputs for the small contract's operations, each sent by every wire; what comes back is compared as text
    /// with envelopes, structure names and wrappers taken off.
    @Test func sameOperationGivesTheSameOnEveryWire() async {
        let seed: UInt64 = 0x5EED_0004
        let random = SeededRandomness(seed)
        let bench = Bench()
        let identifiers = ["vm-1", "vm-999", "a b", "é", "policy2", "x+y", "a&b=c"]
        for round in 0..<400 {
            let id = identifiers[random.below(identifiers.count)]
            let coded = PercentCoding.encode(id)
            let quoted = FileListing.quoted(id)
            let clean: Line
            let legacy: Line
            let operation: (String, String, String)
            switch random.below(5) {
            case 0:
                clean = (.get, "/api/vcenter/vm/\(coded)", nil)
                legacy = (.get, "/rest/vcenter/vm/\(coded)", nil)
                operation = (SmallContract.vm, "get", #"{"vm":\#(quoted)}"#)
            case 1:
                clean = (.delete, "/api/vcenter/vm/\(coded)", nil)
                legacy = (.delete, "/rest/vcenter/vm/\(coded)", nil)
                operation = (SmallContract.vm, "delete", #"{"vm":\#(quoted)}"#)
            case 2:
                clean = (.get, "/api/vcenter/vm?names=\(coded)&names=web-1", nil)
                legacy = (.get, "/rest/vcenter/vm?filter.names=\(coded)&filter.names=web-1", nil)
                operation = (
                    SmallContract.vm, "list",
                    #"{"filter":{"OPTIONAL":{"STRUCTURE":{"com.vmware.vcenter.VM.filter_spec":{"names":{"OPTIONAL":[\#(quoted),"web-1"]}}}}}}"#
                )
            case 3:
                let name = ["taken", id][random.below(2)]
                let text = FileListing.quoted(name)
                clean = (.post, "/api/vcenter/vm?action=clone", #"{"name":\#(text)}"#)
                legacy = (.post, "/rest/vcenter/vm?action=clone", #"{"spec":{"name":\#(text)}}"#)
                operation = (
                    SmallContract.vm, "clone",
                    #"{"spec":{"STRUCTURE":{"com.vmware.vcenter.VM.create_spec":{"name":{"OPTIONAL":\#(text)}}}}}"#
                )
            default:
                clean = (.post, "/api/vcenter/vm", #"{"name":7}"#)
                legacy = (.post, "/rest/vcenter/vm", #"{"spec":{"name":7}}"#)
                operation = (
                    SmallContract.vm, "create",
                    #"{"spec":{"STRUCTURE":{"com.vmware.vcenter.VM.create_spec":{"name":{"OPTIONAL":7}}}}}"#
                )
            }
            let one = await bench.send(clean.method, clean.target, Bench.session + Bench.json, body: clean.body)
            let two = await bench.send(legacy.method, legacy.target, Bench.session + Bench.json, body: legacy.body)
            let three = await bench.invoke(operation.0, operation.1, input: operation.2)
            let meanings = [Self.meaning(clean: one), Self.meaning(legacy: two), Self.meaning(jsonRPC: three)]
            #expect(Set(meanings).count == 1, "seed \(seed), round \(round): \(meanings)")
        }
    }

    private typealias Line = (method: Method, target: String, body: String?)

    private static func meaning(clean answer: Answer) -> String {
        guard let json = answer.json else { return "void" }
        if let type = json["error_type"]?.text { return type + ids(json["messages"]) }
        return canonical(json)
    }

    private static func meaning(legacy answer: Answer) -> String {
        guard let value = answer.json?["value"] else { return "void" }
        guard let type = answer.json?["type"]?.text else { return canonical(value) }
        return type.split(separator: ".").last.map { $0.uppercased() + ids(value["messages"]) } ?? ""
    }

    private static func meaning(jsonRPC answer: Answer) -> String {
        guard let result = answer.json?["result"] else { return "no result" }
        if let error = result["error"]?["ERROR"]?.members.first(where: { _ in true })?.value {
            // The optional's own message exists on this wire alone.
            return (error["error_type"]?["OPTIONAL"]?.text ?? "")
                + ids(error["messages"], without: "vapi.data.optional.validate")
        }
        guard let output = result["output"], !output.isNull else { return "void" }
        return stripped(output)
    }

    private static func ids(_ messages: JSONValue?, without: String = "") -> String {
        guard let messages else { return "" }
        return messages.elements.map { message in
            let plain = message["STRUCTURE"]?.members.first { _ in true }?.value ?? message
            return plain["id"]?.text ?? ""
        }.filter { $0 != without }.joined(separator: ",")
    }

    /// Takes structures and optionals out of their wrappers, and drops what is unset.
    private static func stripped(_ value: JSONValue) -> String {
        if let inner = value["OPTIONAL"] { return inner.isNull ? "" : stripped(inner) }
        if let structure = value["STRUCTURE"]?.members.first(where: { _ in true })?.value { return stripped(structure) }
        if value.isObject {
            let members = value.members.map { ("\"\($0.name.text ?? "")\":", stripped($0.value)) }.filter { !$0.1.isEmpty }
            return "{" + members.map { $0.0 + $0.1 }.sorted().joined(separator: ",") + "}"
        }
        if value.isArray { return "[" + value.elements.map(stripped).joined(separator: ",") + "]" }
        return canonical(value)
    }
}
