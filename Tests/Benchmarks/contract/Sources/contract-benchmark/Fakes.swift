// What stands in for the rest of the server: one session, and answers made beforehand.
import API
import Contract
import ContractTypes
import Domain
import HTTP
import Platform

struct FixedClock: Clock {
    var wallMilliseconds: Int64 { 1_700_000_000_000 }
    var monotonicNanoseconds: UInt64 { 5_000_000 }
}

struct FixedRandomness: Randomness {
    func fill(_ bytes: UnsafeMutableRawBufferPointer) {
        for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index &* 37 &+ 11) }
    }
}

struct OneSession: SessionAuthority {
    static let token = "0123456789abcdef0123456789abcdef"

    private let principal = Principal(
        user: "administrator@vsphere.local", isAdministrator: true, session: Identifier("session-1"))

    func session(forToken token: ArraySlice<UInt8>, at now: Timestamp) -> Principal? {
        token.count == 32 && token.first == UInt8(ascii: "0") ? principal : nil
    }

    func bearer(_ token: ArraySlice<UInt8>, at now: Timestamp) -> Principal? { nil }

    func antiForgeryToken(of token: ArraySlice<UInt8>) -> String { "" }

    func noteRefusal(_ reason: AuthenticationRefusal, of call: Call) {}

    func authenticate(user: String, password: String, call: Call) async throws(Fault) -> Principal {
        principal
    }
}

/// Does what the generated dispatcher does for three operations.
struct FixedAnswers: OperationDispatcher {
    let session = CisSessionInfo(
        user: "administrator@vsphere.local", createdTime: Timestamp(milliseconds: 1_700_000_000_000),
        lastAccessedTime: Timestamp(milliseconds: 1_700_000_100_000))
    let machine = Samples.machine()
    let list = Samples.list(count: 1000)

    static let served = ["com.vmware.cis.session.get", "com.vmware.vcenter.VM.get", "com.vmware.vcenter.VM.list"]

    func invoke(
        _ index: Int, input: inout OperationInput, call: Call, writer: inout ValueWriter
    ) throws(Fault) -> Invocation {
        switch index {
        case 0:
            try input.finish()
            session.write(to: &writer)
        case 1:
            let vm: String = try input.required("vm")
            try input.finish()
            guard vm == "vm-101" else { throw Fault(.notFound, id: "benchmark", "No such machine.") }
            machine.write(to: &writer)
        default:
            let filter: VcenterVMFilterSpec? = try input.optional("filter")
            try input.finish()
            guard filter == nil else { throw Fault(.unsupported, id: "benchmark", "No filter here.") }
            list.write(to: &writer)
        }
        return .written
    }
}
