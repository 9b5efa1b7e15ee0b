"""Malformed JSON-RPC requests, answered by VMware's runtime in this process and by the server: both must agree.

The runtime's server half (`LocalProvider`, its skeletons and its JSON-RPC handler) is the reference for typing, unexpected
fields, unions and protocol errors; `STUMBLED` is the one answer of its that is not followed.
"""
import json
import logging

from vmware.vapi.bindings.skeleton import ApiInterfaceSkeleton
from vmware.vapi.bindings.skeleton import VapiInterface as ServerInterface
from vmware.vapi.protocol.server.msg.json_handler import JsonApiHandler
from vmware.vapi.provider.local import LocalProvider

import checker
from api import STANDARD_ERROR, Client, envelope
from harness import case, same

MACHINE = "com.vmware.vcenter.VM"
DISK = "com.vmware.vcenter.vm.hardware.disk"
SERVICES = [MACHINE, DISK, "com.vmware.vcenter.vm.power", "com.vmware.vcenter.vm.hardware.cpu", "com.vmware.cis.tasks",
            "com.vmware.vcenter.datastore"]

# What the runtime answers when its own validation stumbles over the input: an internal error. A client needs to hear that
# its input is wrong, so `invalid_argument` is wanted there, with a message of the server's choice.
STUMBLED = ("internal_server_error", ("vapi.method.invoke.exception",))


class Reached(Exception):
    """The request passed all checks: an implementation would have been called."""


class Implementation(ServerInterface):
    """Stands for the implementation of any service."""

    def __init__(self, service):
        described = checker.stub(service)
        operations = {}
        for name, known in described._operations.items():
            errors = [reference.resolved_type for reference in known["errors"].values()]
            operations[name] = {**known, "errors": errors}

        def skeleton(implementation, error_types=None):
            return ApiInterfaceSkeleton(service, implementation, operations, error_types)
        ServerInterface.__init__(self, skeleton)

    def __getattr__(self, name):
        def reached(**_arguments):
            raise Reached
        return reached


def reference():
    """The runtime's JSON-RPC handler over all `SERVICES`."""
    logging.disable(logging.CRITICAL)
    provider = LocalProvider(load_introspection=False)
    for service in SERVICES:
        provider.add_interface(Implementation(service))
    return JsonApiHandler(provider, [])


def structure(name, /, **fields):
    return {"STRUCTURE": {name: fields}}


def filtered(**fields):
    return {"filter": {"OPTIONAL": structure(MACHINE + ".filter_spec", **fields)}}


def created(**fields):
    return {"spec": structure(MACHINE + ".create_spec", **fields)}


def with_cpu(**fields):
    update = structure("com.vmware.vcenter.vm.hardware.cpu.update_spec", **fields)
    return created(guest_OS="DEBIAN_12_64", cpu={"OPTIONAL": update})


def cloned(**fields):
    return {"spec": structure(MACHINE + ".clone_spec", source="vm-1", name="x", **fields)}


def disk_updated(**backing):
    return {"vm": "vm-1", "disk": "2000", "spec": structure(
        DISK + ".update_spec", backing={"OPTIONAL": structure(DISK + ".backing_spec", **backing)})}


def with_disk(**fields):
    disk = structure(DISK + ".create_spec", **fields)
    return created(guest_OS="DEBIAN_12_64", disks={"OPTIONAL": [disk]})


SCSI_ADDRESS = {"OPTIONAL": structure("com.vmware.vcenter.vm.hardware.scsi_address_spec", bus=0)}

# name: (service, operation, parameters)
TYPED = {
    "unknown service": ("com.vmware.vcenter.Nope", "get", {}),
    "unknown operation": (MACHINE, "nope", {}),
    "task form that does not exist": (MACHINE, "get$task", {"vm": "vm-1"}),
    "service name in other capitals": ("com.vmware.vcenter.vm", "list", {}),
    "missing parameter": (MACHINE, "get", {}),
    "parameter of another type": (MACHINE, "get", {"vm": 7}),
    "parameter null": (MACHINE, "get", {"vm": None}),
    "parameter as a list": (MACHINE, "get", {"vm": ["vm-1"]}),
    "parameter as a secret": (MACHINE, "get", {"vm": {"SECRET": "vm-1"}}),
    "identifier in an optional": (MACHINE, "get", {"vm": {"OPTIONAL": "vm-1"}}),
    "unexpected parameter": (MACHINE, "get", {"vm": "vm-1", "more": "x"}),
    "unexpected parameter, set optional": (MACHINE, "get", {"vm": "vm-1", "more": {"OPTIONAL": "x"}}),
    "optional without its wrapper": (MACHINE, "list", {"filter": structure(MACHINE + ".filter_spec")}),
    "optional as bare null": (MACHINE, "list", {"filter": None}),
    "wrong structure name": (MACHINE, "list", {"filter": {"OPTIONAL": structure(MACHINE + ".wrong")}}),
    "structure where a set belongs": (MACHINE, "list", filtered(names={"OPTIONAL": structure("a")})),
    "string where a set belongs": (MACHINE, "list", filtered(names={"OPTIONAL": "a"})),
    "number in a set of strings": (MACHINE, "list", filtered(names={"OPTIONAL": ["a", 1]})),
    "null in a set of strings": (MACHINE, "list", filtered(names={"OPTIONAL": [None]})),
    "unexpected field": (MACHINE, "list", filtered(colour="red")),
    "unexpected field, two levels down": (MACHINE, "create", with_cpu(more=1)),
    "unexpected field, in a backing": (DISK, "update", disk_updated(type="VMDK_FILE", vmdk_file={"OPTIONAL": "x"}, n=1)),
    "required field missing": (MACHINE, "create", created()),
    "required field missing, nested": (DISK, "update", disk_updated()),
    "string for a number": (MACHINE, "create", with_cpu(count={"OPTIONAL": "2"})),
    "fraction for a whole number": (MACHINE, "create", with_cpu(count={"OPTIONAL": 2.5})),
    "boolean for a number": (MACHINE, "create", with_cpu(count={"OPTIONAL": True})),
    "number for a boolean": (MACHINE, "clone", cloned(power_on={"OPTIONAL": 1})),
    "error where a structure belongs": (MACHINE, "create", {"spec": {"ERROR": {MACHINE + ".create_spec": {}}}}),
    "union without its field": (DISK, "update", disk_updated(type="VMDK_FILE")),
    "union with a field of another case": (MACHINE, "create", with_disk(
        type={"OPTIONAL": "IDE"}, scsi=SCSI_ADDRESS)),
    "string where a map belongs": (MACHINE, "clone", cloned(disks_to_update={"OPTIONAL": "2000"})),
}


def whole(**changes):
    request = {**envelope(MACHINE, "list", {}, None), **changes}
    return json.dumps({key: value for key, value in request.items() if value is not ...}).encode()


def parameters(**changes):
    inner = {**envelope(MACHINE, "list", {}, None)["params"], **changes}
    return whole(params={key: value for key, value in inner.items() if value is not ...})


# name: (body, headers)
RAW = {
    "not JSON": (b"{", {}),
    "empty body": (b"", {}),
    "JSON cut off": (whole()[:-2], {}),
    "two documents": (whole() + whole(), {}),
    "a string": (b'"invoke"', {}),
    "a batch": (b"[" + whole() + b"]", {}),
    "null": (b"null", {}),
    "jsonrpc missing": (whole(jsonrpc=...), {}),
    "jsonrpc 1.0": (whole(jsonrpc="1.0"), {}),
    "jsonrpc as a number": (whole(jsonrpc=2.0), {}),
    "method missing": (whole(method=...), {}),
    "another method": (whole(method="get"), {}),
    "method as a number": (whole(method=1), {}),
    "params missing": (whole(params=...), {}),
    "params as a list": (whole(params=[]), {}),
    "ctx missing": (parameters(ctx=...), {}),
    "service missing": (parameters(serviceId=...), {}),
    "operation missing": (parameters(operationId=...), {}),
    "input missing": (parameters(input=...), {}),
    "input a string": (parameters(input="x"), {}),
    "input a list": (parameters(input=["x"]), {}),
    "headers name another service": (whole(), {"vapi-service": "com.vmware.vcenter.host", "vapi-operation": "list"}),
    "headers name another operation": (whole(), {"vapi-service": MACHINE, "vapi-operation": "get"}),
    "header with the service alone": (whole(), {"vapi-service": MACHINE}),
    "header with the operation alone": (whole(), {"vapi-operation": "list"}),
}


def outcome(body):
    """What is compared: a protocol error's code and id, or an error's name and the ids of its messages."""
    value = json.loads(body)
    if "error" in value:
        return value["error"]["code"], value["id"]
    result = value["result"]
    if "output" in result:
        return ("accepted",)
    name, fields = next(iter(result["error"]["ERROR"].items()))
    ids = tuple(next(iter(message["STRUCTURE"].values()))["id"] for message in fields["messages"])
    return name.removeprefix(STANDARD_ERROR), ids


def with_session(body, token):
    """The same request with our session: the runtime has no authentication, the server has."""
    try:
        request = json.loads(body)
        request["params"]["ctx"]["securityCtx"] = {
            "schemeId": "com.vmware.vapi.std.security.session_id", "sessionId": token}
        return json.dumps(request).encode()
    except (ValueError, KeyError, TypeError):
        return body


def play(handler, client, body, headers):
    wanted = outcome(handler.handle_request(body, headers)[0])
    answer = client.raw_rpc(with_session(body, client.token), headers)
    same(answer.status, 200, "HTTP status of JSON-RPC")
    same(answer.headers.get("Content-Type"), "application/json", "Content-Type")
    return wanted, outcome(answer.content)


def compare(client, rows):
    """Plays every row; one sentence for each that differs."""
    handler = reference()
    differences = []
    for name, (body, headers) in rows.items():
        try:
            wanted, got = play(handler, client, body, headers)
        except Exception as problem:
            differences.append(f"{name}: {type(problem).__name__} {problem}")
            continue
        if wanted == STUMBLED:
            wanted = ("invalid_argument", got[1])
        if got != wanted:
            differences.append(f"{name}:\n  wanted {wanted}\n  got    {got}")
    if differences:
        raise AssertionError(f"{len(differences)} of {len(rows)} differ\n" + "\n".join(differences))


def typed_rows():
    return {name: (json.dumps(envelope(service, operation, fields, None, "9")).encode(), {})
            for name, (service, operation, fields) in TYPED.items()}


@case("wrongly typed input gets the runtime's error type and message ids")
def typed_input(server):
    compare(Client(server), typed_rows())


@case("requests that are not JSON-RPC get the runtime's protocol errors")
def protocol_errors(server):
    compare(Client(server), RAW)


def show_reference():
    """The reference's answers, for a reader: `checker.py --reference`."""
    handler = reference()
    for name, (body, headers) in {**typed_rows(), **RAW}.items():
        print(f"{name:40} {outcome(handler.handle_request(body, headers)[0])}")
