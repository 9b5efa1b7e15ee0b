"""The array through the contract and over iSCSI: LUNs, access, snapshots, clones, what it counts, and its secrets.

What speaks iSCSI are the tools of qemu and libiscsi (Debian: qemu-utils, qemu-block-extra, libiscsi-bin).
"""
import harness

if __name__ == "__main__":
    harness.enter_environment()

import json
import os
import re
import shutil
import subprocess

from api import Client, envelope
from checker import check_exchange
from harness import Server, case, holds, same, wait_until

HOST = "iqn.2001-04.com.example:host"
OTHER = "iqn.2001-04.com.example:other"
MEBIBYTE = 1 << 20
LUN = "com.viaduct.array.lun"
PORT = harness.free_port()


class State:
    client = None
    lun = None
    number = None
    snapshot = None
    clone = None


def client(server):
    if State.client is None:
        for tool in ("qemu-io", "iscsi-ls"):
            holds(shutil.which(tool), f"{tool} is missing: run .scripts/setup")
        State.client = Client(server)
    return State.client


def run(*command, environment=None):
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, env=environment)


def target_name(server):
    return re.search(r"iSCSI target +(\S+) at", server.log.read_text()).group(1)


def visible(initiator, port=PORT, user=""):
    """Numbers of the LUNs that an initiator sees; `None` if it is not let in."""
    ended = run("iscsi-ls", "-i", initiator, "-s", f"iscsi://{user}127.0.0.1:{port}")
    found = sorted(int(number) for number in re.findall(r"Lun:(\d+) +Type:DIRECT_ACCESS", ended.stdout))
    return found if ended.returncode == 0 else None


def disk(server, number, *commands, initiator=HOST, flags=()):
    """Runs commands of qemu-io on a LUN; whether all of them succeeded."""
    place = (f"driver=raw,file.driver=iscsi,file.transport=tcp,file.portal=127.0.0.1:{PORT},file.lun={number},"
             f"file.target={target_name(server)},file.initiator-name={initiator}")
    ended = run("qemu-io", *flags, "--image-opts", place, *(part for command in commands for part in ("-c", command)))
    return ended.returncode == 0 and "failed" not in ended.stdout + ended.stderr


def rpc(service, operation, **parameters):
    """A JSON-RPC call whose answer the checker has nothing against; its result."""
    request = envelope(service, operation, parameters, State.client.token)
    answer = State.client.raw_rpc(json.dumps(request).encode())
    same(check_exchange(request, answer.value, answer.headers), [], f"{service} {operation}: {answer!r}\nproblems")
    return answer.value["result"]


def structure(value, name):
    """The fields of a structure of that name, optionals taken out of their wrapping."""
    fields = value["STRUCTURE"][name]
    return {key: field["OPTIONAL"] if isinstance(field, dict) and set(field) == {"OPTIONAL"} else field
            for key, field in fields.items()}


@case("a LUN is made, and is the same on all three wires")
def made(server):
    State.lun = client(server).must(201, "POST", "/viaduct/array/lun", body={"name": "first", "capacity": 64 * MEBIBYTE})
    clean = State.client.must(200, "GET", f"/viaduct/array/lun/{State.lun}")
    State.number = clean["number"]
    same((clean["capacity"], clean["allocated"], clean["initiators"]), (64 * MEBIBYTE, 0, []), "the new LUN")
    legacy = State.client.rest("GET", f"/com/viaduct/array/lun/id:{State.lun}")
    same((legacy.status, legacy.value), (200, {"value": clean}), "/rest")
    remote = structure(rpc(LUN, "get", lun=State.lun)["output"], f"{LUN}.info")
    same({key: value for key, value in remote.items() if value is not None}, clean, "JSON-RPC")
    rows = State.client.must(200, "GET", "/viaduct/array/lun", {"names": "first"})
    same([row["lun"] for row in rows], [State.lun], "the list")
    same(len(rpc(LUN, "list", filter={"OPTIONAL": None})["output"]), 3, "LUNs by JSON-RPC")


@case("nobody sees it before access is given, nor after it is taken away; hosts of the inventory cannot be impersonated")
def access(server):
    place = f"/viaduct/array/lun/{State.lun}/access/"
    same(visible(HOST), [], "before")
    State.client.must(204, "PUT", place + HOST)
    same((visible(HOST), visible(OTHER)), ([State.number], []), "with access")
    State.client.must(204, "DELETE", place + HOST)
    same(visible(HOST), [], "without access")
    rpc(f"{LUN}.access", "set", lun=State.lun, initiator=HOST)
    same(visible(HOST), [State.number], "by JSON-RPC")
    same(State.client.must(200, "GET", place[:-1]), [{"initiator": HOST}], "the list of access")
    host = State.client.must(200, "GET", "/vcenter/host")[0]["name"]
    same(visible(f"iqn.1998-01.com.vmware:{host}"), [], "under the name of a host")


@case("what is written over iSCSI is kept by a snapshot, shared by a clone, and back after a revert")
def data(server):
    lun = f"/viaduct/array/lun/{State.lun}"
    holds(disk(server, State.number, "write -P 0xa1 0 8M"), "the first write")
    State.snapshot = State.client.must(201, "POST", f"{lun}/snapshot", body={"name": "kept"})
    used = State.client.must(200, "GET", "/viaduct/array/pool/pool-1")["used"]
    State.clone = State.client.must(200, "POST", "/viaduct/array/lun?action=clone",
                                    body={"source": State.lun, "name": "copy"})
    same(State.client.must(200, "GET", "/viaduct/array/pool/pool-1")["used"], used, "the pool's use after a clone")
    holds(disk(server, State.number, "write -P 0xb2 0 8M"), "the second write")
    copy = State.client.must(200, "GET", f"/viaduct/array/lun/{State.clone}")
    State.client.must(204, "PUT", f"/viaduct/array/lun/{State.clone}/access/{HOST}")
    holds(disk(server, copy["number"], "read -P 0xa1 0 8M"), "the clone has what was there")
    State.client.must(204, "POST", f"{lun}/snapshot/{State.snapshot}?action=revert")
    holds(disk(server, State.number, "read -P 0xa1 0 8M"), "the LUN after the revert")
    holds(not disk(server, State.number, "read -P 0xb2 0 4k"), "the second write is gone")
    same([row["name"] for row in State.client.must(200, "GET", f"{lun}/snapshot")], ["kept"], "the snapshot stays")


@case("a read-only LUN is not written; a larger capacity is there at once")
def guise(server):
    lun = f"/viaduct/array/lun/{State.lun}"
    State.client.must(204, "PATCH", lun, body={"read_only": True})
    holds(not disk(server, State.number, "write -P 1 0 4k"), "written although read-only")
    holds(disk(server, State.number, "read -P 0xa1 0 4k", flags=["-r"]), "read while read-only")
    State.client.must(204, "PATCH", lun, body={"read_only": False})
    State.client.must(204, "POST", f"{lun}?action=resize", body={"capacity": 128 * MEBIBYTE})
    holds(disk(server, State.number, "write -P 0xc3 100M 1M"), "a write beyond the old end")
    answer = State.client.api("POST", f"{lun}?action=resize", body={"capacity": 64 * MEBIBYTE})
    same((answer.status, answer.error_type), (400, "NOT_ALLOWED_IN_CURRENT_STATE"), f"{answer!r}\nshrinking over data")


@case("the four VAAI primitives are supported, as hosts ask for them")
def primitives(server):
    for lun in ("lun-1", State.lun):
        status = client(server).must(200, "GET", f"/viaduct/array/lun/{lun}/vaai")
        same({key: value for key, value in status.items() if key != "device"},
             dict.fromkeys(["ats_status", "clone_status", "zero_status", "delete_status"], "SUPPORTED"), lun)
    rpc(f"{LUN}.vaai", "get", lun=State.lun)


@case("each LUN counts its commands by kind, and how long they took; sessions are listed while they last")
def statistics(server):
    counters = client(server).must(200, "GET", f"/viaduct/array/lun/{State.lun}/statistics")["counters"]
    found = {row["primitive"]: row for row in counters}
    holds(found["WRITE"]["initiator_bytes"] >= 16 * MEBIBYTE, f"bytes written: {found['WRITE']}")
    holds(found["READ"]["commands"] > 0 and found["READ"]["latency"]["count"] > 0, f"reads: {found['READ']}")
    rpc(f"{LUN}.statistics", "get", lun=State.lun)
    same(State.client.must(200, "GET", "/viaduct/array/session"), [], "sessions")
    place = (f"driver=raw,file.driver=iscsi,file.transport=tcp,file.portal=127.0.0.1:{PORT},file.lun={State.number},"
             f"file.target={target_name(server)},file.initiator-name={HOST}")
    held = subprocess.Popen(
        ["qemu-io", "--image-opts", place], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        rows = wait_until(lambda: State.client.must(200, "GET", "/viaduct/array/session"), 30, "a session in the list")
        same([row["initiator"] for row in rows], [HOST], "who is logged in")
        rpc("com.viaduct.array.session", "list")
    finally:
        held.communicate(b"quit\n", timeout=30)
    wait_until(lambda: not State.client.must(200, "GET", "/viaduct/array/session"), 30, "no session in the list")


@case("a scrub is a task with a result: what it read, and that nothing is damaged")
def scrub(server):
    pool = "/viaduct/array/pool/pool-1?action=scrub"
    task = client(server).must(202, "POST", f"{pool}&vmw-task=true")
    info = wait_until(
        lambda: (found := State.client.must(200, "GET", f"/cis/tasks/{task}"))["status"] in ("SUCCEEDED", "FAILED") and found,
        60, "the end of the scrub")
    same(info["status"], "SUCCEEDED", f"{info}\nthe task")
    same((info["result"]["clean"], info["result"]["damaged_blocks"]), (True, []), "the result")
    holds(info["result"]["read_bytes"] >= 8 * MEBIBYTE, f"bytes read: {info['result']}")
    holds(State.client.must(200, "POST", pool)["clean"], "the plain form")
    rpc("com.viaduct.array.pool", "scrub", pool="pool-1")
    rpc("com.viaduct.array.pool", "scrub$task", pool="pool-1")


@case("what is in use stays: refusals have type and reason on every wire")
def refusals(server):
    place = "/viaduct/array/lun"
    create = {"name": "x", "capacity": MEBIBYTE}
    for method, path, body, status, kind in [
            ("DELETE", f"{place}/lun-1", None, 400, "RESOURCE_IN_USE"),
            ("DELETE", f"{place}/{State.lun}", None, 400, "RESOURCE_IN_USE"),
            ("POST", f"{place}/lun-1?action=resize", {"capacity": 1 << 41}, 400, "NOT_ALLOWED_IN_CURRENT_STATE"),
            ("POST", f"{place}/lun-1/snapshot/{State.snapshot}?action=revert", None, 404, "NOT_FOUND"),
            ("GET", f"{place}/lun-999", None, 404, "NOT_FOUND"),
            ("GET", f"{place}/first", None, 404, "NOT_FOUND"),
            ("POST", place, {**create, "name": "first"}, 400, "ALREADY_EXISTS"),
            ("POST", place, {**create, "capacity": 1000}, 400, "INVALID_ARGUMENT"),
            ("POST", place, {**create, "capacity": -4096}, 400, "INVALID_ARGUMENT"),
            ("POST", place, {**create, "name": ""}, 400, "INVALID_ARGUMENT"),
            ("POST", place, {**create, "physical_block_exponent": 16}, 400, "INVALID_ARGUMENT"),
            ("POST", place, {"name": "x"}, 400, "INVALID_ARGUMENT"),
            ("PUT", f"{place}/{State.lun}/access/host", None, 400, "INVALID_ARGUMENT"),
            ("PUT", f"{place}/{State.lun}/access/eui.0123", None, 400, "INVALID_ARGUMENT"),
            ("DELETE", f"{place}/{State.lun}/access/{OTHER}", None, 404, "NOT_FOUND"),
            ("GET", "/viaduct/array/pool/pool-2", None, 404, "NOT_FOUND")]:
        answer = client(server).api(method, path, body=body)
        same((answer.status, answer.error_type), (status, kind), f"{method} {path} {body}: {answer!r}\nstatus and type")
        holds(answer.messages, f"{method} {path}: no message")
    fault = rpc(LUN, "delete", lun="lun-1")["error"]
    holds("com.vmware.vapi.std.errors.resource_in_use" in fault["ERROR"], f"by JSON-RPC: {fault}")
    same(client(server).rest("DELETE", "/com/viaduct/array/lun/id:lun-1").status, 400, "by /rest")


@case("after kill -9 everything is there: LUNs, access, data; check-data agrees")
def restart(server):
    server.kill()
    checked = run(
        harness.binary(), "check-data", "--data-directory", str(server.data), environment=server.variables())
    same(checked.returncode, 0, f"{checked.stdout}{checked.stderr}\ncheck-data")
    server.start()
    State.client = None
    copy = client(server).must(200, "GET", f"/viaduct/array/lun/{State.clone}")["number"]
    same(visible(HOST), sorted([State.number, copy]), "visible LUNs")
    holds(disk(server, State.number, "read -P 0xa1 0 8M", "read -P 0xc3 100M 1M"), "the LUN's data")
    holds(disk(server, copy, "read -P 0xa1 0 8M"), "the clone's data")


@case("what is given up is gone")
def removal(server):
    for lun in (State.lun, State.clone):
        client(server).must(204, "DELETE", f"/viaduct/array/lun/{lun}/access/{HOST}")
    answer = State.client.api("DELETE", f"/viaduct/array/lun/{State.lun}")
    same((answer.status, answer.error_type), (400, "RESOURCE_IN_USE"), "a LUN with a snapshot")
    State.client.must(204, "DELETE", f"/viaduct/array/lun/{State.lun}/snapshot/{State.snapshot}")
    for lun in (State.lun, State.clone):
        State.client.must(204, "DELETE", f"/viaduct/array/lun/{lun}")
    same([row["name"] for row in State.client.must(200, "GET", "/viaduct/array/lun")],
         ["Datacenter/datastore1", "Datacenter/datastore2"], "what is left")
    same(visible(HOST), [], "what is visible")


@case("with secrets, initiators prove who they are; a file that others can read is refused")
def secrets(_server):
    port = harness.free_port()
    server = Server("luns-secrets", environment={"VIADUCT_ISCSI_LISTEN": f"127.0.0.1:{port}"})
    path = server.directory / "secrets"
    path.write_text(f"# one line each\n{HOST} guest 0123456789abcdef\n")
    server.environment["VIADUCT_ISCSI_CHAP_FILE"] = str(path)
    try:
        os.chmod(path, 0o644)
        server.launch()
        same(server.process.wait(timeout=60), 1, "exit code with a file that others can read")
        holds("chmod 600" in server.log.read_text(), server.tail())
        os.chmod(path, 0o600)
        server.start()
        lun = Client(server).must(201, "POST", "/viaduct/array/lun", body={"name": "a", "capacity": MEBIBYTE})
        number = int(lun.removeprefix("lun-"))
        Client(server).must(204, "PUT", f"/viaduct/array/lun/{lun}/access/{HOST}")
        same(visible(HOST, port, "guest%0123456789abcdef@"), [number], "with the secret")
        same(visible(HOST, port, "guest%0123456789abcdee@"), None, "with another one")
        same(visible(HOST, port), None, "without")
        same(visible(OTHER, port, "guest%0123456789abcdef@"), None, "by another name")
        holds("0123456789abcdef" not in server.log.read_text(), "a secret is in the log")
        server.stop()
    finally:
        server.remove()


if __name__ == "__main__":
    harness.run_cases("luns", environment={"VIADUCT_ISCSI_LISTEN": f"127.0.0.1:{PORT}"})
