"""One call on three wires: `/api`, `/rest` and JSON-RPC give the same result; each has its own status and error tables."""
import harness

if __name__ == "__main__":
    harness.enter_environment()

import json
import pathlib
import re

import requests

from api import STANDARD_ERROR, Client, Lab
from harness import ADMINISTRATOR, PASSWORD, case, holds, same

NOW = {"created_time", "last_accessed_time"}


class State:
    client = None
    lab = None
    machine = None


def client(server):
    if State.client is None:
        State.client = Client(server)
        State.lab = Lab(State.client)
        State.machine = State.lab.create("wires-1")
    return State.client


# Normal forms


def plain(value):
    """A data value without its wrappers: structures lose their names, maps become objects, unset fields vanish."""
    if isinstance(value, list):
        items = [plain(item) for item in value]
        if items and all(_is_entry(item) for item in value):
            return {str(item["key"]): item["value"] for item in items}
        return items
    if not isinstance(value, dict):
        return value
    kind, inner = next(iter(value.items()))
    if kind == "STRUCTURE":
        fields = next(iter(inner.values()))
        return {name: plain(field) for name, field in fields.items() if field != {"OPTIONAL": None}}
    return None if inner is None else plain(inner)


def _is_entry(item):
    return isinstance(item, dict) and next(iter(item.get("STRUCTURE", {"": 0}))) == "map-entry"


def normal(value):
    """The two kinds of JSON brought together: legacy maps become objects, an empty list and an empty map are the same."""
    if isinstance(value, list):
        if value and all(isinstance(item, dict) and set(item) == {"key", "value"} for item in value):
            return {str(item["key"]): normal(item["value"]) for item in value}
        return [normal(item) for item in value] or None
    if isinstance(value, dict):
        return {name: normal(item) for name, item in value.items() if name not in NOW} or None
    return value


def unordered(value):
    return sorted(value, key=json.dumps) if isinstance(value, list) else value


def optional(value):
    return {"OPTIONAL": value}


def rows():
    """name: (path below `/api`, path below `/rest`, service, operation, parameters as data values)"""
    machine, vm = State.machine, {"vm": State.machine}
    disk = State.client.must(200, "GET", f"/vcenter/vm/{machine}/hardware/disk")[0]["disk"]
    datastore = State.lab.datastore["datastore"]
    cluster, pool = State.lab.cluster["cluster"], State.lab.pool["resource_pool"]
    datacenter = State.lab.datacenter["datacenter"]
    named = {"filter": optional({"STRUCTURE": {"com.vmware.vcenter.VM.filter_spec": {
        "names": optional(["wires-1", "other"]), "power_states": optional(["POWERED_OFF"])}}})}
    place = "com.vmware.vcenter."
    result = {
        "VM.list": ("/vcenter/vm", "/vcenter/vm", place + "VM", "list", {}),
        "VM.list with filters": (
            "/vcenter/vm?names=wires-1&names=other&power_states=POWERED_OFF",
            "/vcenter/vm?filter.names.1=wires-1&filter.names.2=other&filter.power_states=POWERED_OFF",
            place + "VM", "list", named),
        "VM.get": (f"/vcenter/vm/{machine}",) * 2 + (place + "VM", "get", vm),
        "power.get": (f"/vcenter/vm/{machine}/power",) * 2 + (place + "vm.power", "get", vm),
        "disk.list": (f"/vcenter/vm/{machine}/hardware/disk",) * 2 + (place + "vm.hardware.disk", "list", vm),
        "disk.get": (f"/vcenter/vm/{machine}/hardware/disk/{disk}",) * 2 + (
            place + "vm.hardware.disk", "get", {**vm, "disk": disk}),
        "cpu.get": (f"/vcenter/vm/{machine}/hardware/cpu",) * 2 + (place + "vm.hardware.cpu", "get", vm),
        "memory.get": (f"/vcenter/vm/{machine}/hardware/memory",) * 2 + (place + "vm.hardware.memory", "get", vm),
        "datastore.get": (f"/vcenter/datastore/{datastore}",) * 2 + (
            place + "datastore", "get", {"datastore": datastore}),
        "cluster.get": (f"/vcenter/cluster/{cluster}",) * 2 + (place + "cluster", "get", {"cluster": cluster}),
        "resource_pool.get": (f"/vcenter/resource-pool/{pool}",) * 2 + (
            place + "resource_pool", "get", {"resource_pool": pool}),
        "datacenter.get": (f"/vcenter/datacenter/{datacenter}",) * 2 + (
            place + "datacenter", "get", {"datacenter": datacenter}),
    }
    for name in ("datacenter", "cluster", "host", "folder", "network", "datastore"):
        result[name + ".list"] = (f"/vcenter/{name}",) * 2 + (place + name, "list", {})
    result["storage.policies.list"] = ("/vcenter/storage/policies",) * 2 + (place + "storage.policies", "list", {})
    result["resource_pool.list"] = ("/vcenter/resource-pool",) * 2 + (place + "resource_pool", "list", {})
    return result


@case("reads give the same on /api, /rest and JSON-RPC")
def reads_agree(server):
    caller = client(server)
    for name, (clean, legacy, service, operation, fields) in rows().items():
        answers = caller.api("GET", clean), caller.rest("GET", legacy), caller.rpc(service, operation, **fields)
        for wire, answer in zip(("/api", "/rest", "JSON-RPC"), answers, strict=True):
            same(answer.status, 200, f"{name} on {wire}: {answer!r}\nstatus")
        first, second = answers[0].value, answers[1].value
        same(set(second), {"value"}, f"{name}: envelope of /rest")
        third = plain(answers[2].value["result"]["output"])
        wanted = unordered(normal(first))
        same(unordered(normal(second["value"])), wanted, f"{name}: /rest against /api")
        same(unordered(normal(third)), wanted, f"{name}: JSON-RPC against /api")


@case("the session is the same on all wires, however it is presented")
def session_presented(server):
    caller = client(server)
    views = [caller.api("GET", "/session").value,
             caller.rest("POST", "/com/vmware/cis/session?~action=get").value["value"],
             plain(caller.rpc("com.vmware.cis.session", "get").value["result"]["output"])]
    same([view["user"].lower() for view in views], [ADMINISTRATOR] * 3, "user")
    anonymous = Client(server, login=False)
    cookie = {"Cookie": f"vmware-api-session-id={caller.token}"}
    same(anonymous.api("GET", "/session", headers=cookie).status, 200, "session as a cookie")
    header = {"vmware-api-session-id": caller.token}
    same(plain(anonymous.rpc("com.vmware.cis.session", "get", headers=header).value["result"].get("output", {})).get("user"),
         views[0]["user"], "session as a header on JSON-RPC")


@case("writes answer the status of their wire")
def writes(server):
    caller = client(server)
    body = State.lab.create_specification("wires-2")
    created = caller.api("POST", "/vcenter/vm", body=body)
    same(created.status, 201, f"create on /api {created!r}")
    holds(isinstance(created.value, str), "a bare identifier")
    legacy = caller.rest("POST", "/vcenter/vm", body={"spec": State.lab.create_specification("wires-3")})
    same(legacy.status, 200, f"create on /rest {legacy!r}")
    clone = caller.api("POST", "/vcenter/vm?action=clone", body={"source": created.value, "name": "wires-4"})
    same(clone.status, 200, f"clone on /api {clone!r}")
    task = caller.api("POST", "/vcenter/vm?action=clone&vmw-task=true", body={"source": created.value, "name": "wires-5"})
    same(task.status, 202, f"clone as a task {task!r}")
    view = harness.wait_until(
        lambda: next((info for info in [caller.must(200, "GET", f"/cis/tasks/{task.value}")]
                      if info["status"] in ("SUCCEEDED", "FAILED")), None), 60, "the task")
    same(view["status"], "SUCCEEDED", "status of the task")
    for verb, wire in (("start", caller.api), ("stop", caller.rest)):
        path = f"/vcenter/vm/{created.value}/power" + ("?action=start" if verb == "start" else "/stop")
        answer = wire("POST", path)
        same((answer.status, answer.content), (204 if verb == "start" else 200, b""), f"{verb}: status and body")
    patched = caller.api("PATCH", f"/vcenter/vm/{created.value}/hardware/cpu", body={"count": 3})
    same((patched.status, patched.content), (204, b""), "update on /api")
    legacy_patch = caller.rest("PATCH", f"/vcenter/vm/{created.value}/hardware/cpu", body={"spec": {"count": 4}})
    same((legacy_patch.status, legacy_patch.content), (200, b""), "update on /rest")
    same(caller.must(200, "GET", f"/vcenter/vm/{created.value}/hardware/cpu")["count"], 4, "processors")
    same(caller.rest("DELETE", f"/vcenter/vm/{legacy.value['value']}").status, 200, "delete on /rest")
    removed = caller.rpc("com.vmware.vcenter.VM", "delete", vm=clone.value)
    same(removed.value["result"], {"output": None}, "delete on JSON-RPC")
    for machine in (created.value, view["result"]):
        State.lab.delete(machine)


@case("the status of each error is that of its wire")
def error_tables(server):
    caller, gone = client(server), "vm-0"
    busy = f"/vcenter/vm/{State.machine}/power"
    existing = State.lab.create_specification("wires-1")
    missing = {"name": "x"}
    # (call on /api, call on /rest, error, status on /api, status on /rest)
    table = [
        (("GET", f"/vcenter/vm/{gone}"), ("GET", f"/vcenter/vm/{gone}"), "NOT_FOUND", 404, 404),
        (("POST", busy + "?action=stop"), ("POST", busy + "/stop"), "ALREADY_IN_DESIRED_STATE", 400, 400),
        (("POST", busy + "?action=reset"), ("POST", busy + "/reset"), "NOT_ALLOWED_IN_CURRENT_STATE", 400, 400),
        (("POST", "/vcenter/vm", existing), ("POST", "/vcenter/vm", {"spec": existing}), "ALREADY_EXISTS", 400, 400),
        (("POST", "/vcenter/vm", missing), ("POST", "/vcenter/vm", {"spec": missing}), "INVALID_ARGUMENT", 400, 400),
        (("GET", "/vcenter/vm?colour=red"), ("GET", "/vcenter/vm?filter.colour=red"), "INVALID_ARGUMENT", 400, 400),
    ]
    for clean, legacy, kind, clean_status, legacy_status in table:
        for wire, call, status in ((caller.api, clean, clean_status), (caller.rest, legacy, legacy_status)):
            answer = wire(call[0], call[1], body=call[2] if len(call) > 2 else None)
            same((answer.status, answer.error_type), (status, kind), f"{wire.__name__} {call[:2]} {answer!r}\n")
            for message in answer.messages:
                holds({"id", "default_message", "args"} <= set(message), f"a whole message: {message}")
            holds(answer.messages, f"{wire.__name__} {call[:2]}: no message")
    answer = caller.rpc("com.vmware.vcenter.VM", "get", vm=gone)
    same(answer.headers.get("vapi-error"), STANDARD_ERROR + "not_found", "header vapi-error")
    same(set(answer.value["result"]["error"]["ERROR"]), {STANDARD_ERROR + "not_found"}, "error on JSON-RPC")


@case("an unknown query parameter is named in the answer")
def unknown_query(server):
    answer = client(server).api("GET", "/vcenter/vm?colour=red")
    message = answer.messages[0]
    same(message["default_message"], "Unsupported property with name: colour.", "message")
    same(message["args"], ["colour"], "arguments")


@case("without a session a known path is 401, an unknown one 404; health needs none")
def no_session(server):
    caller = Client(server, login=False)
    for answer in (caller.api("GET", "/vcenter/vm"), caller.api("GET", "/vcenter/vm", headers={
            "vmware-api-session-id": "not-a-session"})):
        same((answer.status, answer.error_type), (401, "UNAUTHENTICATED"), "known path")
        same(answer.messages[0]["id"], "com.vmware.vapi.endpoint.method.authentication.required", "message id")
        holds("Basic" in answer.headers.get("WWW-Authenticate", ""), "how to authenticate")
    legacy = caller.rest("GET", "/vcenter/vm")
    same((legacy.status, legacy.error_type), (401, "UNAUTHENTICATED"), "known path on /rest")
    unknown = caller.api("GET", "/vcenter/nothing")
    same((unknown.status, unknown.messages[0]["id"]), (404, "com.vmware.vapi.rest.httpNotFound"), "unknown path")
    same(caller.rest("GET", "/vcenter/nothing").status, 404, "unknown path on /rest")
    remote = caller.rpc("com.vmware.vcenter.VM", "list")
    same((remote.status, remote.headers.get("vapi-error")), (200, STANDARD_ERROR + "unauthenticated"), "JSON-RPC")
    for path in ("/health/live", "/health/ready"):
        same(caller.call("GET", path).status, 200, path)


@case("a wrong method on a known path is 405 or 404, never a success")
def wrong_method(server):
    caller = client(server)
    for method, path in (("PUT", "/vcenter/vm"), ("DELETE", "/vcenter/vm"), ("POST", f"/vcenter/vm/{State.machine}")):
        answer = caller.api(method, path, body={})
        holds(answer.status in (404, 405), f"{method} {path}: {answer!r}")
        if answer.status == 405:
            holds(answer.headers.get("Allow"), "405 names what is allowed")
    same(caller.api("HEAD", "/vcenter/vm").content, b"", "HEAD has no body")


@case("Content-Type is exactly application/json wherever JSON is answered")
def content_type(server):
    caller = client(server)
    answers = [caller.api("GET", "/vcenter/vm"), caller.api("GET", "/vcenter/vm/vm-0"), caller.api("GET", "/nothing"),
               caller.rest("GET", "/vcenter/vm"), caller.rest("GET", "/vcenter/vm/vm-0"),
               caller.rpc("com.vmware.vcenter.VM", "list"), caller.rpc("com.vmware.vcenter.VM", "get", vm="vm-0"),
               caller.raw_rpc(b"{"), Client(server, login=False).api("GET", "/vcenter/vm")]
    for answer in answers:
        same(answer.headers.get("Content-Type"), "application/json", f"{answer!r}\nContent-Type")
    empty = caller.api("PATCH", f"/vcenter/vm/{State.machine}/hardware/cpu", body={})
    same((empty.status, empty.headers.get("Content-Type")), (204, None), "an empty answer has no type")


@case("both logins: 201 and a bare token on /api; 200, an envelope and a cookie on /rest")
def logins(server):
    caller = Client(server, login=False)
    basic = (ADMINISTRATOR, PASSWORD)
    clean = caller.api("POST", "/session", auth=basic)
    same(clean.status, 201, "status on /api")
    holds("Set-Cookie" not in clean.headers, "no cookie on /api")
    octets = {"Content-Type": "application/octet-stream"}
    legacy = caller.rest("POST", "/com/vmware/cis/session", auth=basic, headers=octets)
    same(legacy.status, 200, "status on /rest")
    holds("vmware-api-session-id=" in legacy.headers.get("Set-Cookie", ""), "a cookie on /rest")
    quiet = caller.rest("POST", "/com/vmware/cis/session", auth=basic, headers={"vmware-use-header-authn": "true"})
    holds("Set-Cookie" not in quiet.headers, "no cookie for who wants headers")
    wrong = caller.api("POST", "/session", auth=(ADMINISTRATOR, "wrong"))
    same((wrong.status, wrong.error_type), (401, "UNAUTHENTICATED"), "a wrong password")
    for token in (clean.value, legacy.value["value"], quiet.value["value"]):
        visitor = Client(server, token=token)
        visitor.http.cookies.clear()
        same(visitor.api("GET", "/vcenter/vm").status, 200, "a token of either root on /api")
        same(visitor.api("DELETE", "/session").status, 204, "logging out")
        same(visitor.api("GET", "/vcenter/vm").status, 401, "after logging out")


@case("the certificate lies where the README says")
def certificate_place(server):
    place = pathlib.Path(server.certificate).relative_to(server.data)
    readme = (harness.ROOT / "README.md").read_text()
    same(set(re.findall(r"data/([\w/.-]+\.(?:pem|crt))", readme)), {str(place)}, "certificates that the README names")


@case("answers are compressed when asked for, and the same")
def compressed(server):
    caller = client(server)
    plain_text = caller.api("GET", f"/vcenter/vm/{State.machine}", headers={"Accept-Encoding": "identity"})
    holds("Content-Encoding" not in plain_text.headers, "identity was asked for")
    response = requests.get(
        server.url + "/openapi.json", verify=server.certificate, headers={"Accept-Encoding": "gzip"}, timeout=60)
    same((response.status_code, response.headers.get("Content-Encoding")), (200, "gzip"), "a long answer")
    same(json.loads(response.content)["openapi"][:2], "3.", "the document")


@case("the machine of these cases is deleted")
def cleans_up(server):
    client(server)
    State.lab.delete(State.machine)
    same(State.client.must(200, "GET", "/vcenter/vm"), [], "machines left")


if __name__ == "__main__":
    harness.run_cases("wires")
