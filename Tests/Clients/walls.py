"""Walls between tenants: whatever a member of one names that is another's is answered as what does not exist.

The calls are made from the contract: every operation with an identifier among its inputs, on each wire that has it, once
with an object of another tenant and once with an identifier of the same length that nothing has. Bodies and headers must
be the same byte for byte, and the times must not tell them apart.
"""
import harness

if __name__ == "__main__":
    harness.enter_environment()

import json
import pathlib
import re
import statistics
import time
import urllib.parse

from api import Client, envelope
from harness import case, holds, same

PASSWORD = "Blue-sky-42!x"
METHODS = ("get", "post", "put", "patch", "delete")
ID = re.compile(r"id\(([^)]*)\)")
# Sessions end with it, and what it answers is not about identifiers.
PASSED_OVER = {"com.vmware.cis.session.delete"}


class State:
    operator = None
    blue = None
    green = None
    foreign = {}
    own = {}
    structures = {}
    by_key = {}
    operations = []
    compared = 0


def load():
    for path in sorted((pathlib.Path(harness.ROOT) / "openapi").glob("*.json")):
        document = json.loads(path.read_text())
        State.by_key |= document["components"]["schemas"]
        for schema in document["components"]["schemas"].values():
            State.structures[schema.get("x-vapi-name")] = schema
        for path, methods in document["paths"].items():
            for method in METHODS:
                if method in methods:
                    State.operations.append((path, method.upper(), methods[method]))


def tenant(name):
    """A tenant with a virtual datacenter, a machine and a member; what its identifiers are, by resource type."""
    admin = State.operator
    compute = admin.must(200, "GET", "/vcenter/cluster")[0]["cluster"]
    ids = {"com.viaduct.tenancy.tenants": admin.must(201, "POST", "/tenancy/tenants", body={"name": name, "project_id": name})}
    spec = {"tenant": ids["com.viaduct.tenancy.tenants"], "display_name": "prod", "compute": compute}
    vdc = admin.must(201, "POST", "/tenancy/vdcs", body=spec)
    info = admin.must(200, "GET", f"/tenancy/vdcs/{vdc}")
    ids |= {"com.viaduct.tenancy.vdcs": vdc, "com.vmware.vio.tenant.vdc": vdc, "Folder": info["folder"],
            "ResourcePool": info["resource_pool"]}
    user = admin.must(201, "POST", "/viaduct/identity/users", body={"name": name, "domain": "vsphere.local", "password": PASSWORD})
    ids["com.viaduct.tenancy.members"] = admin.must(
        201, "POST", f"/tenancy/tenants/{ids['com.viaduct.tenancy.tenants']}/members",
        body={"principal": {"type": "USER", "name": name, "domain": "vsphere.local"}, "role": "TENANT_ADMIN"})
    ids["com.vmware.vcenter.authorization.Permission"] = ids["com.viaduct.tenancy.members"]
    member = Client(State.server, f"{name}@vsphere.local", PASSWORD)
    vm = member.must(201, "POST", "/vcenter/vm", body={
        "guest_OS": "UBUNTU_64", "name": "web", "placement": {"resource_pool": info["resource_pool"]},
        "disks": [{"new_vmdk": {"capacity": 1 << 20}}], "nics": [{}]})
    ids["VirtualMachine"] = vm
    disk = admin.must(200, "GET", f"/vcenter/vm/{vm}/hardware/disk")[0]["disk"]
    # The number of a device counts in its machine alone: it is nobody's.
    State.own["com.vmware.vcenter.vm.hardware.Disk"] = disk
    # A task of its own, to be found or not.
    task = member.must(202, "POST", "/vcenter/vm?action=clone&vmw-task=true", body={"name": "copy", "source": vm})
    ids["com.vmware.cis.task"] = task
    ids["com.viaduct.identity.user"] = user
    sessions = member.must(200, "GET", "/viaduct/sessions")
    ids["com.viaduct.session"] = sessions[0]["session"]
    return member, ids


@case("a member sees what is in the tenant's virtual datacenters, and nothing else")
def sees(server):
    State.server = server
    load()
    State.operator = Client(server)
    State.blue, own = tenant("blue")
    State.own |= own
    State.green, State.foreign = tenant("green")
    admin = State.operator
    for kind, path, key in (("ClusterComputeResource", "/vcenter/cluster", "cluster"), ("HostSystem", "/vcenter/host", "host"),
                            ("Datacenter", "/vcenter/datacenter", "datacenter")):
        State.foreign[kind] = admin.must(200, "GET", path)[0][key]
        same(State.blue.must(200, "GET", path), [], path)
    harness.wait_until(lambda: len(State.blue.must(200, "GET", "/vcenter/vm")) == 2, 30, "the clone")
    same({vm["name"] for vm in State.blue.must(200, "GET", "/vcenter/vm")}, {"web", "copy"}, "machines")
    same([pool["resource_pool"] for pool in State.blue.must(200, "GET", "/vcenter/resource-pool")], [State.own["ResourcePool"]], "pools")
    same([folder["folder"] for folder in State.blue.must(200, "GET", "/vcenter/folder")], [State.own["Folder"]], "folders")
    same([vdc["vdc"] for vdc in State.blue.must(200, "GET", "/tenancy/vdcs")], [State.own["com.viaduct.tenancy.vdcs"]], "vdcs")
    same(len(State.blue.must(200, "GET", "/tenancy/tenants")), 1, "tenants")
    holds(all("free_space" not in row and "capacity" not in row for row in State.blue.must(200, "GET", "/vcenter/datastore")),
          "what others left on the datastores")
    info = State.blue.must(200, "GET", f"/tenancy/vdcs/{State.own['com.viaduct.tenancy.vdcs']}")
    holds("compute" not in info, "the cluster is told")
    same(set(State.blue.must(200, "POST", "/cis/tasks?action=list", body={})) & {State.foreign["com.vmware.cis.task"]}, set(), "tasks")
    log = State.blue.must(200, "GET", f"/tenancy/tenants/{State.own['com.viaduct.tenancy.tenants']}/audit")["items"]
    holds({entry["user"] for entry in log} == {"operator", "blue@vsphere.local"}, repr(log)[:400])
    holds(not any(State.foreign["VirtualMachine"] == one["target"] for entry in log for one in entry["targets"]), "entries of others")
    quota = State.blue.api("PATCH", f"/tenancy/vdcs/{State.own['com.viaduct.tenancy.vdcs']}", body={"vm_quota": 9})
    same(quota.status, 403, "its own quota")


# Inputs made from types


def resource(kind, schema=None):
    if schema and schema.get("x-vapi-id"):
        return schema["x-vapi-id"][0]
    found = ID.search(kind or "")
    return found.group(1) if found else None


def leaves(schema, path, depth=0):
    """Paths to identifiers in a value of a type: (steps, resource type)."""
    schema = resolved(schema)
    kind = schema.get("type")
    if schema.get("x-vapi-type") == "id":
        yield path, resource(None, schema)
    elif kind == "array":
        yield from leaves(schema["items"], path + ["[]"], depth)
    elif kind == "object" and "properties" in schema and depth < 6:
        for name, inner in schema["properties"].items():
            yield from leaves(inner, path + [name], depth + 1)


def resolved(schema):
    if "$ref" not in schema:
        return schema
    return State.by_key[schema["$ref"].split("/")[-1]]


def value(schema, steps, wanted, structured):
    """The least value of a type that holds `wanted` at the end of `steps`; identifiers elsewhere are the caller's own."""
    schema = resolved(schema)
    kind = schema.get("type")
    if schema.get("x-vapi-type") == "id":
        return wanted if steps == [] else State.own.get(resource(None, schema), "own")
    if "enum" in schema:
        return schema["enum"][0]
    if kind == "array":
        return [value(schema["items"], steps[1:], wanted, structured)] if steps else []
    if kind == "object" and "properties" in schema:
        fields = {}
        for name, inner in schema["properties"].items():
            if steps and steps[0] == name:
                fields[name] = value(inner, steps[1:], wanted, structured)
            elif name in schema.get("required", []):
                fields[name] = value(inner, None, None, structured)
        return {"STRUCTURE": {schema["x-vapi-name"]: fields}} if structured else fields
    return {"integer": 1, "number": 1.0, "boolean": False}.get(kind, "x")


def absent(identifier):
    """One that nothing has, as long as the other and of the same kind."""
    text = list(identifier)
    for index in range(len(text) - 1, -1, -1):
        if text[index].isalnum():
            text[index] = "9" if text[index].isdigit() and text[index] != "9" else "8" if text[index].isdigit() else "z" if text[index] != "z" else "y"
            if index == 0 or not text[index].isdigit() or not text[index - 1].isdigit():
                break
    return "".join(text)


def shown(response, identifier):
    content = response.content.replace(identifier.encode(), b"<id>").replace(urllib.parse.quote(identifier).encode(), b"<id>")
    headers = {name.lower(): text for name, text in response.headers.items()}
    for name in ("date", "x-request-id", "vmware-request-id"):
        headers.pop(name, None)
    return response.status, re.sub(rb"[0-9a-f-]{36}", b"<uuid>", content), headers


def compare(what, foreign, ask):
    missing = absent(foreign)
    left, right = shown(ask(foreign), foreign), shown(ask(missing), missing)
    State.compared += 1
    holds(b"operation_not_found" not in left[1].lower() and left[0] != 405, f"{what}: the call is not one of the contract: {left}")
    if left != right:
        raise AssertionError(f"{what}: {foreign} is answered\n{left}\nand {missing}\n{right}")


def problems(calls):
    found = []
    for what, foreign, ask in calls:
        try:
            compare(what, foreign, ask)
        except AssertionError as problem:
            found.append(str(problem))
    holds(not found, f"{len(found)} of {State.compared}:\n" + "\n".join(found[:8]))


def body_schema(operation):
    body = operation.get("requestBody")
    return next(iter(body["content"].values()))["schema"] if body else None


def inputs(operation):
    """Every place for an identifier: (parameter or None for the body, steps, resource type)."""
    for parameter in operation.get("parameters", []):
        schema = parameter["schema"]
        for steps, kind in leaves(schema, []):
            yield parameter, steps, kind
    schema = body_schema(operation)
    if schema:
        for steps, kind in leaves(schema, []):
            yield None, steps, kind


def candidates(kind, steps):
    if kind in State.foreign:
        return [State.foreign[kind]]
    # Filters do not say what they are identifiers of; their names do.
    name = next((step for step in reversed(steps) if step != "[]"), "")
    named = {"folder": "Folder", "datacenter": "Datacenter", "host": "HostSystem", "cluster": "ClusterComputeResource", "vm": "VirtualMachine",
             "resource_pool": "ResourcePool", "task": "com.vmware.cis.task", "object": "VirtualMachine", "source": "VirtualMachine", "session": "com.viaduct.session"}
    for text, type in named.items():
        if text in name and type in State.foreign:
            return [State.foreign[type]]
    return []


def served():
    return [entry for entry in State.operations
            if entry[2]["operationId"] not in PASSED_OVER and entry[2]["x-viaduct"].get("authentication") == "session"]


def clean_calls():
    for path, method, operation in served():
        for parameter, steps, kind in inputs(operation):
            for foreign in candidates(kind, steps or [parameter["name"]] if parameter else steps):
                def ask(identifier, path=path, method=method, operation=operation, parameter=parameter, steps=steps):
                    return clean_send(path, method, operation, parameter, steps, identifier)
                place = parameter["name"] if parameter else ".".join(steps)
                yield f"/api {operation['operationId']} {place}", foreign, ask


def clean_send(path, method, operation, chosen, steps, identifier):
    query = []
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            text = identifier if parameter is chosen else value(parameter["schema"], None, None, False)
            path = path.replace("{" + parameter["name"] + "}", urllib.parse.quote(str(text), safe=""))
        elif parameter is chosen or parameter.get("required"):
            text = value(parameter["schema"], steps if parameter is chosen else None, identifier, False)
            query += [(parameter["name"], one) for one in (text if isinstance(text, list) else [text])]
    schema = body_schema(operation)
    body = value(schema, steps if chosen is None else None, identifier, False) if schema else None
    return State.blue.call(method, "/api" + path, query or None, body)


def typed_inputs(calls):
    """The same for the wires that take parameters by name: (operation, name, steps, an identifier of another tenant)."""
    for path, method, operation in calls:
        for parameter, expression in operation["x-vapi"]["in"].items():
            for steps, kind in leaves(typed(expression), []):
                for foreign in candidates(kind, steps or [parameter]):
                    yield path, method, operation, parameter, steps, foreign


def fields(operation, chosen, steps, identifier, structured):
    return {name: value(typed(expression), steps if name == chosen else None, identifier, structured)
            for name, expression in operation["x-vapi"]["in"].items() if name == chosen or not expression.startswith("opt(")}


def legacy_route(path, method, operation):
    """As the vAPI runtimes derive it: old paths where the bindings have them, else `com/...` with `id:{x}`."""
    marks = operation["x-vapi"]
    if "legacy" in operation["x-viaduct"]:
        return operation["x-viaduct"]["legacy"].split(" ", 1)
    if "http" in marks:
        return method, path
    base = "/" + marks["service"].replace(".", "/").replace("_", "-")
    name = next((name for name, kind in marks["in"].items() if kind.startswith("id(")), None)
    own = base + (f"/id:{{{name}}}" if name else "")
    only = len(marks["in"]) == 1 and name
    word = marks["operation"]
    known = {"list": ("GET", base), "create": ("POST", base), "update": ("PATCH", own), "set": ("PUT", own)}
    if only:
        known |= {"get": ("GET", own), "delete": ("DELETE", own)}
    return known.get(word, ("POST", f"{own}?~action={word.replace('_', '-')}"))


def legacy_calls():
    for path, method, operation, parameter, steps, foreign in typed_inputs(served()):
        def ask(identifier, path=path, method=method, operation=operation, parameter=parameter, steps=steps):
            method, path = legacy_route(path, method, operation)
            left = fields(operation, parameter, steps, identifier, False)
            for name in re.findall(r"\{([^}]*)\}", path):
                text = left.pop(name.replace("-", "_"), "own")
                path = path.replace("{" + name + "}", urllib.parse.quote(str(text), safe=""))
            if method not in ("GET", "DELETE"):
                return State.blue.call(method, "/rest" + path, None, left or None)
            query = []
            for name, inner in left.items():
                for key, one in (inner.items() if isinstance(inner, dict) else [(None, inner)]):
                    query += [(f"{name}.{key}" if key else name, item) for item in (one if isinstance(one, list) else [one])]
            return State.blue.call(method, "/rest" + path, query or None)
        yield f"/rest {operation['operationId']} {parameter} {'.'.join(steps)}", foreign, ask


@case("an object of another tenant is answered as one that does not exist: /api")
def clean(server):
    problems(clean_calls())
    holds(State.compared > 60, f"only {State.compared} calls were compared")


@case("an object of another tenant is answered as one that does not exist: /rest")
def legacy(server):
    State.compared = 0
    problems(legacy_calls())
    holds(State.compared > 60, f"only {State.compared} calls were compared")


def typed(expression):
    """The schema of a type of the contract, as far as inputs need it."""
    expression = expression.strip()
    for word in ("opt", "list", "set"):
        if expression.startswith(word + "("):
            inner = typed(expression[len(word) + 1:-1])
            return inner if word == "opt" else {"type": "array", "items": inner}
    if expression.startswith("id("):
        return {"type": "string", "x-vapi-type": "id", "x-vapi-id": [expression[3:-1]]}
    if expression[:2] in ("s:", "e:"):
        return State.structures.get(expression[2:], {"type": "object", "properties": {}, "x-vapi-name": expression[2:]})
    return {"type": {"bool": "boolean", "long": "integer", "double": "number"}.get(expression, "string")}


@case("an object of another tenant is answered as one that does not exist: JSON-RPC")
def rpc(server):
    State.compared = 0

    def calls():
        for _, _, operation, parameter, steps, foreign in typed_inputs(served()):
            def ask(identifier, operation=operation, parameter=parameter, steps=steps):
                marks = operation["x-vapi"]
                call = envelope(marks["service"], marks["operation"], fields(operation, parameter, steps, identifier, True), State.blue.token)
                return State.blue.raw_rpc(json.dumps(call).encode())
            yield f"JSON-RPC {operation['operationId']} {parameter} {'.'.join(steps)}", foreign, ask

    problems(calls())
    holds(State.compared > 60, f"only {State.compared} calls were compared")


@case("what was answered is still there, and untouched")
def untouched(server):
    same(State.operator.must(200, "GET", f"/vcenter/vm/{State.foreign['VirtualMachine']}")["name"], "web", "the machine")
    same(len(State.green.must(200, "GET", "/vcenter/vm")), 2, "machines")
    State.green.must(200, "GET", f"/tenancy/vdcs/{State.foreign['com.viaduct.tenancy.vdcs']}")


@case("the time of an answer does not tell them apart")
def timing(server):
    for path in ("/vcenter/vm/{}", "/vcenter/resource-pool/{}", "/tenancy/vdcs/{}"):
        kind = {"vm": "VirtualMachine", "resource-pool": "ResourcePool", "vdcs": "com.viaduct.tenancy.vdcs"}[path.split("/")[2]]
        foreign = State.foreign[kind]
        times = {True: [], False: []}
        for number in range(1200):
            # In turn, and the first of a pair is now one, now the other.
            for is_foreign in ((True, False) if number % 2 else (False, True)):
                start = time.perf_counter_ns()
                State.blue.api("GET", path.format(foreign if is_foreign else absent(foreign)))
                times[is_foreign].append(time.perf_counter_ns() - start)
        medians = [statistics.median(times[one]) / 1000 for one in (True, False)]
        spread = statistics.median(abs(one / 1000 - medians[1]) for one in times[False])
        print(f"     {path}: {medians[0]:.0f} us foreign, {medians[1]:.0f} us missing, spread {spread:.0f} us", flush=True)
        holds(abs(medians[0] - medians[1]) < max(spread, 15), f"{path}: {medians}, spread {spread}")


@case("a suspended virtual datacenter takes no change from members, but from operators")
def suspended(server):
    vdc, vm = State.own["com.viaduct.tenancy.vdcs"], State.own["VirtualMachine"]
    State.blue.must(204, "POST", f"/vcenter/vm/{vm}/power?action=start")
    State.operator.must(204, "POST", f"/tenancy/vdcs/{vdc}?action=suspend", query={"suspend_policy": "POWER_OFF"})
    same(State.blue.must(200, "GET", f"/vcenter/vm/{vm}/power")["state"], "POWERED_OFF", "after POWER_OFF")
    answer = State.blue.api("POST", f"/vcenter/vm/{vm}/power?action=start")
    same((answer.status, answer.error_type), (400, "NOT_ALLOWED_IN_CURRENT_STATE"), "a member's start")
    answer = State.blue.api("DELETE", f"/vcenter/vm/{vm}")
    same((answer.status, answer.error_type), (400, "NOT_ALLOWED_IN_CURRENT_STATE"), "a member's delete")
    State.operator.must(204, "POST", f"/vcenter/vm/{vm}/power?action=start")
    State.operator.must(204, "POST", f"/tenancy/vdcs/{vdc}?action=enable")
    State.blue.must(204, "POST", f"/vcenter/vm/{vm}/power?action=stop")


if __name__ == "__main__":
    harness.run_cases("walls")
