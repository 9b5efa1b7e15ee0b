"""What the array does for the hosts, seen from outside: VAAI counters, and the host options that switch each offload off."""
import harness

if __name__ == "__main__":
    harness.enter_environment()

import contextlib
import hashlib
import os

from api import Client, Lab, datastore_path
from harness import case, holds, same

EAGER_ZEROED = "Eager Zeroed Thick"
MOVE, INITIALIZE = "DataMover.HardwareAcceleratedMove", "DataMover.HardwareAcceleratedInit"
LOCKING = "VMFS3.HardwareAcceleratedLocking"
MEBIBYTE = 1 << 20
IMAGE_BYTES = 16 * MEBIBYTE


class State:
    client = None
    lab = None
    image = None


def client(server):
    if State.client is None:
        State.client = Client(server)
        State.lab = Lab(State.client)
        content = os.urandom(IMAGE_BYTES)
        State.digest = hashlib.sha256(content).hexdigest()
        answer = State.lab.file("PUT", "images/offloads.vmdk", data=content)
        same(answer.status, 201, f"upload {answer!r}\nstatus")
        State.image = State.lab.create("offloads-image", vmdk_file=f"[{State.lab.datastore['name']}] images/offloads.vmdk")
    return State.client


def statistics():
    return State.client.must(200, "GET", "/viaduct/array/statistics")


def count(primitive):
    return statistics()["total"][primitive]["commands"]


def moved(verb, path):
    """Bytes that all hosts moved by `verb` on a path, `hardware` or `software`."""
    return sum(mover[verb][path]["bytes"] for mover in statistics()["movers"])


def switch(key, value):
    """Sets an option on every host: which one a machine is on is the server's choice."""
    for host in State.client.must(200, "GET", "/vcenter/host"):
        State.client.must(204, "PATCH", f"/viaduct/host/{host['host']}/settings/{key}", body={"value": value})
        same(State.client.must(200, "GET", f"/viaduct/host/{host['host']}/settings/{key}")["value"], value, key)


@contextlib.contextmanager
def switched_off(key):
    switch(key, 0)
    try:
        yield
    finally:
        switch(key, 1)


def clone(name):
    return State.client.must(200, "POST", "/vcenter/vm?action=clone", body={"source": State.image, "name": name})


def digest(machine):
    _, path = datastore_path(State.lab.disk_files(machine)[0])
    return hashlib.sha256(State.lab.file("GET", path).content).hexdigest()


@case("every host offers the three options, all on")
def options(server):
    for host in client(server).must(200, "GET", "/vcenter/host"):
        listed = State.client.must(200, "GET", f"/viaduct/host/{host['host']}/settings")
        found = {row["key"]: row["value"] for row in listed}
        holds({MOVE, INITIALIZE, LOCKING} <= set(found), f"options {found}")
        same([found[key] for key in (MOVE, INITIALIZE, LOCKING)], [1, 1, 1], "values")


@case("a clone is EXTENDED COPY: the hosts move nothing, the pool does not grow by it")
def offloaded(server):
    client(server)
    copies, by_hosts, used = count("full_copy"), moved("move", "software"), statistics()["pool"]["allocated"]
    machine = clone("offloads-offloaded")
    holds(count("full_copy") > copies, "no EXTENDED COPY")
    same(moved("move", "software"), by_hosts, "bytes moved by hosts")
    holds(statistics()["pool"]["allocated"] - used < IMAGE_BYTES // 2, "the pool grew by the clone")
    same(digest(machine), State.digest, "contents")
    State.lab.delete(machine)


@case("with HardwareAcceleratedMove off the host moves the bytes, to the same result")
def in_software(server):
    client(server)
    copies, by_hosts = count("full_copy"), moved("move", "software")
    with switched_off(MOVE):
        machine = clone("offloads-software")
    same(count("full_copy"), copies, "EXTENDED COPY commands")
    holds(moved("move", "software") - by_hosts >= IMAGE_BYTES, "bytes moved by hosts")
    same(digest(machine), State.digest, "contents")
    State.lab.delete(machine)


def eager_zeroed(name):
    policies = State.client.api("GET", "/vcenter/storage/policies")
    known = [policy["policy"] for policy in policies.value if policy["name"] == EAGER_ZEROED] if policies.status == 200 else []
    policy = known[0] if known else "4d5f673c-536f-11e6-beb8-9e71128cae77"
    body = State.lab.create_specification(name, capacity=IMAGE_BYTES)
    body["disks"][0]["new_vmdk"]["storage_policy"] = {"policy": policy}
    return State.client.must(201, "POST", "/vcenter/vm", body=body)


@case("an eager zeroed disk is zeroed by WRITE SAME, or by the host where that is off")
def zeroing(server):
    client(server)
    zeros, by_hosts = count("block_zeroing"), moved("initialize", "software")
    machine = eager_zeroed("offloads-zeroed")
    holds(count("block_zeroing") > zeros, "no WRITE SAME")
    same(moved("initialize", "software"), by_hosts, "zeros written by hosts")
    zeros = count("block_zeroing")
    with switched_off(INITIALIZE):
        other = eager_zeroed("offloads-zeroed-by-host")
    same(count("block_zeroing"), zeros, "WRITE SAME commands")
    holds(moved("initialize", "software") - by_hosts >= IMAGE_BYTES, "zeros written by hosts")
    for one in (machine, other):
        _, path = datastore_path(State.lab.disk_files(one)[0])
        holds(not any(State.lab.file("GET", path).content), "contents that are not zero")
        State.lab.delete(one)


@case("files are locked by COMPARE AND WRITE; deleting gives blocks back by UNMAP")
def locking(server):
    client(server)
    locks, unmaps = count("hardware_assisted_locking"), count("unmap")
    used = statistics()["pool"]["allocated"]
    content = os.urandom(IMAGE_BYTES)
    same(State.lab.file("PUT", "images/other.vmdk", data=content).status, 201, "upload")
    holds(statistics()["pool"]["allocated"] - used >= IMAGE_BYTES, "the pool did not grow by an upload")
    same(State.lab.file("DELETE", "images/other.vmdk").status, 204, "deletion")
    holds(count("hardware_assisted_locking") > locks, "no COMPARE AND WRITE")
    holds(count("unmap") > unmaps, "no UNMAP")
    holds(statistics()["pool"]["allocated"] - used < IMAGE_BYTES // 2, "the pool kept the blocks")


@case("an option that does not exist, or a value beyond its range, is refused")
def refusals(server):
    host = client(server).must(200, "GET", "/vcenter/host")[0]["host"]
    same(State.client.api("GET", f"/viaduct/host/{host}/settings/No.Such").status, 404, "an unknown option")
    same(State.client.api("GET", f"/viaduct/host/host-0/settings/{MOVE}").status, 404, "an unknown host")
    for value in (2, -1, "on", None, True):
        answer = State.client.api("PATCH", f"/viaduct/host/{host}/settings/{MOVE}", body={"value": value})
        same(answer.status, 400, f"{value!r}: {answer!r}\nstatus")
    same(State.client.must(200, "GET", f"/viaduct/host/{host}/settings/{MOVE}")["value"], 1, "the value afterwards")


if __name__ == "__main__":
    harness.run_cases("offloads")
