// What the official Python client 9.1.1 sends, byte for byte but for the session identifier and the password, with the
// answers that the fake services give.
@testable import API

enum CapturedRequests {
    private static func call(_ service: String, _ operation: String, _ opID: String, _ body: String) -> String {
        """
        POST /api HTTP/1.1
        Host: 127.0.0.1:37043
        User-Agent: SDK/9.1.1.0 vAPI/9.1.1.0 Python/3.11.7 (Linux; 6.18.44; x86_64)
        Accept-Encoding: gzip, deflate
        Accept: */*
        Connection: keep-alive
        Content-Type: application/json
        vapi-service: \(service)
        vapi-operation: \(operation)
        vapi-ctx-opid: \(opID)
        Content-Length: \(body.utf8.count)

        \(body)
        """
    }

    private static let session =
        #""securityCtx":{"schemeId":"com.vmware.vapi.std.security.session_id","sessionId":"\#(FakeSessions.administratorToken)"}"#

    static let exchanges: [(request: String, answer: String, error: String?)] = [
        (
            call(
                "com.vmware.cis.session", "create", "79ddced2-3974-4bad-ab17-566e4289e75a",
                #"{"jsonrpc":"2.0","method":"invoke","params":{"serviceId":"com.vmware.cis.session","operationId":"create","input":{"STRUCTURE":{"operation-input":{}}},"ctx":{"appCtx":{"opId":"79ddced2-3974-4bad-ab17-566e4289e75a"},"securityCtx":{"schemeId":"com.vmware.vapi.std.security.user_pass","userName":"administrator@vsphere.local","password":"s3cret"}}},"id":"0"}"#
            ),
            #"{"jsonrpc":"2.0","id":"0","result":{"output":{"SECRET":"token-of-admin"}}}"#, nil
        ),
        (
            call(
                "com.vmware.cis.session", "get", "822646b0-1ae3-4abb-8480-08e23517a39a",
                #"{"jsonrpc":"2.0","method":"invoke","params":{"serviceId":"com.vmware.cis.session","operationId":"get","input":{"STRUCTURE":{"operation-input":{}}},"ctx":{"appCtx":{"opId":"822646b0-1ae3-4abb-8480-08e23517a39a"},\#(session)}},"id":"0"}"#
            ),
            #"{"jsonrpc":"2.0","id":"0","result":{"output":{"STRUCTURE":{"com.vmware.cis.session.info":{"user":"administrator@vsphere.local"}}}}}"#,
            nil
        ),
        (
            call(
                "com.vmware.vcenter.VM", "list", "2b94a3ec-e1c7-4846-bbc2-6a3fa745203b",
                #"{"jsonrpc":"2.0","method":"invoke","params":{"serviceId":"com.vmware.vcenter.VM","operationId":"list","input":{"STRUCTURE":{"operation-input":{"filter":{"OPTIONAL":null}}}},"ctx":{"appCtx":{"opId":"2b94a3ec-e1c7-4846-bbc2-6a3fa745203b"},\#(session)}},"id":"1"}"#
            ),
            #"{"jsonrpc":"2.0","id":"1","result":{"output":[{"STRUCTURE":{"com.vmware.vcenter.VM.summary":{"name":"db-01","cpu_count":{"OPTIONAL":null}}}},{"STRUCTURE":{"com.vmware.vcenter.VM.summary":{"name":"web-01","cpu_count":{"OPTIONAL":4}}}}]}}"#,
            nil
        ),
        (
            call(
                "com.vmware.vcenter.VM", "list", "fad5793b-b029-49f0-9b2e-c0b17197ec07",
                #"{"jsonrpc":"2.0","method":"invoke","params":{"serviceId":"com.vmware.vcenter.VM","operationId":"list","input":{"STRUCTURE":{"operation-input":{"filter":{"OPTIONAL":{"STRUCTURE":{"com.vmware.vcenter.VM.filter_spec":{"vms":{"OPTIONAL":null},"names":{"OPTIONAL":["web-01"]},"folders":{"OPTIONAL":null}}}}}}}},"ctx":{"appCtx":{"opId":"fad5793b-b029-49f0-9b2e-c0b17197ec07"},\#(session)}},"id":"2"}"#
            ),
            #"{"jsonrpc":"2.0","id":"2","result":{"output":[{"STRUCTURE":{"com.vmware.vcenter.VM.summary":{"name":"web-01","cpu_count":{"OPTIONAL":4}}}}]}}"#,
            nil
        ),
        (
            call(
                "com.vmware.vcenter.VM", "get", "d535c631-0000-4000-8000-000000000000",
                #"{"jsonrpc":"2.0","method":"invoke","params":{"serviceId":"com.vmware.vcenter.VM","operationId":"get","input":{"STRUCTURE":{"operation-input":{"vm":"vm-999"}}},"ctx":{"appCtx":{"opId":"d535c631-0000-4000-8000-000000000000"},\#(session)}},"id":"6"}"#
            ),
            #"{"jsonrpc":"2.0","id":"6","result":{"error":{"ERROR":{"com.vmware.vapi.std.errors.not_found":{"messages":[{"STRUCTURE":{"com.vmware.vapi.std.localizable_message":{"id":"com.vmware.api.vcenter.vm.not_found","default_message":"Virtual machine with identifier 'vm-999' does not exist.","args":["vm-999"],"params":{"OPTIONAL":null},"localized":{"OPTIONAL":null}}}}],"data":{"OPTIONAL":null},"error_type":{"OPTIONAL":"NOT_FOUND"}}}}}}"#,
            "com.vmware.vapi.std.errors.not_found"
        ),
        (
            call(
                "com.vmware.vcenter.vm.power", "start", "7d63b652-5dac-4e82-8c92-a38ab43fedb5",
                #"{"jsonrpc":"2.0","method":"invoke","params":{"serviceId":"com.vmware.vcenter.vm.power","operationId":"start","input":{"STRUCTURE":{"operation-input":{"vm":"vm-101"}}},"ctx":{"appCtx":{"opId":"7d63b652-5dac-4e82-8c92-a38ab43fedb5"},\#(session)}},"id":"9"}"#
            ),
            #"{"jsonrpc":"2.0","id":"9","result":{"output":null}}"#, nil
        ),
        (
            call(
                "com.vmware.cis.session", "delete", "28f24c89-337a-47a1-9eed-9edfd7a922da",
                #"{"jsonrpc":"2.0","method":"invoke","params":{"serviceId":"com.vmware.cis.session","operationId":"delete","input":{"STRUCTURE":{"operation-input":{}}},"ctx":{"appCtx":{"opId":"28f24c89-337a-47a1-9eed-9edfd7a922da"},\#(session)}},"id":"28"}"#
            ),
            #"{"jsonrpc":"2.0","id":"28","result":{"output":null}}"#, nil
        ),
    ]
}
