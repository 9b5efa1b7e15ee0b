"""Virtual datacenters of tenants: VIO's five operations on three wires, quotas that hold, and deletes that leave nothing."""
import harness

if __name__ == "__main__":
    harness.enter_environment()

import concurrent.futures
import json
import os
import subprocess
import threading

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


@case("of 64 clients at quota minus one exactly one gets it, and 63 are told why")
def race(server):
    State.client.must(204, "PATCH", f"/tenancy/vdcs/{State.vdc}", body={"vm_quota": 1})
    specs = [machine() for _ in range(64)]
    clients = [Client(server, login=False, token=State.client.token) for _ in specs]
    start = threading.Barrier(len(specs))

    def race_one(one, spec):
        start.wait()
        return one.api("POST", "/vcenter/vm", body=spec)

    with concurrent.futures.ThreadPoolExecutor(len(specs)) as pool:
        answers = list(pool.map(race_one, clients, specs))
    same(sorted(answer.status for answer in answers), [201] + [400] * 63, "status codes")
    for refused in (answer for answer in answers if answer.status == 400):
        same(refused.error_type, "UNABLE_TO_ALLOCATE_RESOURCE", "error type")
        violation = refused.value["data"]["violations"][0]
        same(violation["used"] + violation["claimed"], 1, "what is in use")
        same({key: violation[key] for key in ("dimension", "limit", "requested", "available", "scope")},
             {"dimension": "vms", "limit": 1, "requested": 1, "available": 0, "scope": State.vdc}, "the violation")


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


@case("kill -9 in the middle of a recursive delete: the start completes it, and nothing is left")
def killed(server):
    count = 200 if "VIADUCT_LONG" in os.environ else 30
    client = State.client
    compute = client.must(200, "GET", "/vcenter/cluster")[0]["name"]
    vdc = client.must(201, "POST", "/vio/tenant/vdc", body={"compute": compute, "display_name": "doomed", "project_id": "doomed"})
    State.pool = client.must(200, "GET", f"/vio/tenant/vdc/{vdc}")["resource_pool"]
    specs = [machine(disks=[{"new_vmdk": {"capacity": 2 << 20}}]) for _ in range(count)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for answer in pool.map(lambda spec: Client(server, login=False, token=client.token).api("POST", "/vcenter/vm", body=spec), specs):
            same(answer.status, 201, repr(answer))
    killer = Client(server, login=False, token=client.token)

    def ask():
        try:
            killer.api("DELETE", f"/tenancy/vdcs/{vdc}", {"recursive": "true", "force": "true"})
        except OSError:
            pass

    asking = threading.Thread(target=ask)
    asking.start()
    left = lambda: len(client.must(200, "POST", f"/tenancy/vdcs/{vdc}?action=verify-usage")) or next(
        entry["used"] for entry in client.must(200, "GET", f"/tenancy/vdcs/{vdc}/usage")["dimensions"] if entry["name"] == "vms")
    harness.wait_until(lambda: left() <= count * 2 // 3, 300, "a third of the machines is gone")
    at = left()
    server.kill()
    asking.join()
    holds(0 < at < count, f"{at} of {count} machines were left")
    print(f"     killed with {at} of {count} machines left", flush=True)
    server.start()
    State.client = client = Client(server)
    harness.wait_until(lambda: client.api("GET", f"/tenancy/vdcs/{vdc}").status == 404, 300, "the delete goes on")
    names = [vm["name"] for vm in client.must(200, "GET", "/vcenter/vm")]
    holds(not any(name.startswith("tenant-vm-") for name in names), names)
    same(client.api("GET", f"/vcenter/resource-pool/{State.pool}").status, 404, "the pool")
    tenant = next(row["tenant"] for row in client.must(200, "GET", "/tenancy/tenants") if row["name"] == "doomed")
    client.must(204, "DELETE", f"/tenancy/tenants/{tenant}")
    # Inventory, volumes and blocks are compared by the program itself.
    server.stop()
    check = subprocess.run(
        [harness.binary(), "check-data", "--data-directory", str(server.data)], capture_output=True, text=True, timeout=600,
        env=server.variables())
    same(check.returncode, 0, check.stdout + check.stderr)
    server.start()


if __name__ == "__main__":
    # A race is decided by the quota alone: nobody is turned away because others wait.
    harness.run_cases("tenancy", environment={
        "VIADUCT_IDENTITY_BASIC_ON_EVERY_CALL": "true", "VIADUCT_LIMITS_OVERDUE_MILLISECONDS": "60000"})
