"""Virtual datacenters of tenants: VIO's five operations on three wires, quotas that hold, and deletes that leave nothing."""
import harness

if __name__ == "__main__":
    harness.enter_environment()

import concurrent.futures
import json

from api import Client, envelope
from harness import ADMINISTRATOR, PASSWORD, case, holds, same

VDC = "com.vmware.vio.tenant.vdc"
PROJECT = "5c8e1a0e6f5d4f0cb5d6a3a7a8f1b2c3"


class State:
    client = None
    vdc = None
    pool = None
    count = 0


def client(server):
    if State.client is None:
        State.client = Client(server)
    return State.client


def rpc(operation, **parameters):
    request = envelope(VDC, operation, parameters, State.client.token)
    answer = State.client.raw_rpc(json.dumps(request).encode())
    holds("result" in answer.value, f"{operation}: {answer!r}")
    return answer.value["result"]


def machine(**more):
    State.count += 1
    return {"guest_OS": "UBUNTU_64", "name": f"tenant-vm-{State.count}", "placement": {"resource_pool": State.pool},
            "disks": [], **more}


@case("the five operations as the guide writes them, with name and password on each call")
def guide(server):
    compute = client(server).must(200, "GET", "/vcenter/cluster")[0]["name"]
    bare = Client(server, login=False)
    who = (ADMINISTRATOR, PASSWORD)
    spec = {"compute": compute, "display_name": "blue", "project_id": PROJECT, "cpu_limit": 2000, "mem_limit": 4096}
    made = bare.rest("POST", "/vio/tenant/vdc", body={"spec": spec}, auth=who)
    same(made.status, 200, repr(made))
    State.vdc = made.value["value"]
    same(bare.rest("GET", "/vio/tenant/vdc").status, 401, "without a name")
    same(bare.rest("PATCH", f"/vio/tenant/vdc/{State.vdc}", body={"spec": {"mem_limit": 2048}}, auth=who).status, 200, "update")
    legacy = bare.rest("GET", f"/vio/tenant/vdc/{State.vdc}", auth=who).value["value"]
    same((legacy["mem_limit"], legacy["cpu_limit"], legacy["mem_reserve"]), (2048, 2000, 0), "what get says")
    same(State.client.must(200, "GET", f"/vio/tenant/vdc/{State.vdc}"), legacy, "/api")
    same(rpc("get", vdc=State.vdc)["output"]["STRUCTURE"][VDC + ".info"], legacy, "JSON-RPC")
    State.pool = legacy["resource_pool"]
    pool = State.client.must(200, "GET", f"/vcenter/resource-pool/{State.pool}")
    same(pool["memory_allocation"]["limit"], 2048, "the pool's limit")
    other = State.client.must(201, "POST", "/vio/tenant/vdc", body={**spec, "display_name": "green"})
    same(len(rpc("list")["output"]), 2, "the list")
    rpc("delete", vdc=other)
    same(State.client.api("GET", f"/vio/tenant/vdc/{other}").status, 404, "after delete")


@case("of many clients at the last place exactly one gets it, and the others are told why")
def race(server):
    State.client.must(204, "PATCH", f"/tenancy/vdcs/{State.vdc}", body={"vm_quota": 1})
    specs = [machine() for _ in range(16)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda spec: Client(server).api("POST", "/vcenter/vm", body=spec), specs))
    same(sorted(answer.status for answer in answers), [201] + [400] * 15, "status codes")
    refused = next(answer for answer in answers if answer.status == 400)
    same(refused.error_type, "UNABLE_TO_ALLOCATE_RESOURCE", "error type")
    same(refused.value["data"]["violations"], [
        {"dimension": "vms", "limit": 1, "used": refused.value["data"]["violations"][0]["used"],
         "claimed": refused.value["data"]["violations"][0]["claimed"], "requested": 1, "available": 0,
         "scope": State.vdc}], "the violations")


@case("a machine as large as the limit starts, a larger one does not")
def exact(server):
    State.client.must(204, "PATCH", f"/tenancy/vdcs/{State.vdc}", body={"vm_quota": 3})
    vm = State.client.must(201, "POST", "/vcenter/vm", body=machine(memory={"size_MiB": 2048}, cpu={"count": 2}))
    State.client.must(204, "POST", f"/vcenter/vm/{vm}/power?action=start")
    more = State.client.must(201, "POST", "/vcenter/vm", body=machine())
    answer = State.client.api("POST", f"/vcenter/vm/{more}/power?action=start")
    same(answer.status, 400, repr(answer))
    same([entry["dimension"] for entry in answer.value["data"]["violations"]], ["cpu_mhz", "mem_mb"], "all violations")


@case("after kill -9 the sums are those of the objects")
def restart(server):
    server.kill()
    server.start()
    State.client = Client(server)
    same(State.client.must(200, "POST", f"/tenancy/vdcs/{State.vdc}?action=verify-usage"), [], "differences")
    usage = State.client.must(200, "GET", f"/tenancy/vdcs/{State.vdc}/usage")
    used = {entry["name"]: entry["used"] for entry in usage["dimensions"]}
    same((used["vms"], used["cpu_mhz"], used["mem_mb"]), (3, 2000, 2048), "used")


@case("delete names what is in the way; a recursive delete leaves nothing")
def delete(server):
    answer = State.client.api("DELETE", f"/vio/tenant/vdc/{State.vdc}")
    same((answer.status, answer.error_type, answer.value["data"]["total"]), (400, "RESOURCE_IN_USE", 3), "blockers")
    same(len(answer.value["data"]["blockers"]), 3, "listed")
    answer = State.client.api("DELETE", f"/tenancy/vdcs/{State.vdc}", {"recursive": "true"})
    same(answer.error_type, "NOT_ALLOWED_IN_CURRENT_STATE", "while enabled")
    State.client.must(204, "POST", f"/tenancy/vdcs/{State.vdc}?action=disable")
    State.client.must(204, "DELETE", f"/tenancy/vdcs/{State.vdc}", {"recursive": "true"})
    names = [vm["name"] for vm in State.client.must(200, "GET", "/vcenter/vm")]
    holds(not any(name.startswith("tenant-vm-") for name in names), names)
    same(State.client.api("GET", f"/vcenter/resource-pool/{State.pool}").status, 404, "the pool")
    tenant = State.client.must(200, "GET", "/tenancy/tenants")[0]["tenant"]
    State.client.must(204, "DELETE", f"/tenancy/tenants/{tenant}")


if __name__ == "__main__":
    harness.run_cases("tenancy", environment={"VIADUCT_IDENTITY_BASIC_ON_EVERY_CALL": "true"})
