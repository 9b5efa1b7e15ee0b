"""The audit log: who did what is there, also after `kill -9`, and nobody changes it without `viaduct audit verify` telling."""
import harness

if __name__ == "__main__":
    harness.enter_environment()

import json
import pathlib
import random
import shutil
import sqlite3
import subprocess
import threading
import time

import requests

from api import Client
from harness import PASSWORD, REPORT, Server, finish, holds, run_case, same, wait_until

ENTRIES = "/viaduct/audit"


def verify(server, data=None, *more):
    """Exit code and output."""
    run = subprocess.run(
        [harness.binary(), "audit", "verify", "--data-directory", str(data or server.data), *more], capture_output=True,
        text=True, timeout=120, env=server.variables())
    return run.returncode, run.stdout + run.stderr


def passes(server):
    code, output = verify(server)
    same(code, 0, f"{output}\nexit code of audit verify")


def entries(client, **filters):
    """All entries that match, in pages of 50."""
    found, query = [], {"page_size": 50, **filters}
    while True:
        page = client.must(200, "GET", ENTRIES, query)
        found += page["items"]
        if "marker" not in page:
            return found
        query["marker"] = page["marker"]


def facts(server):
    client = Client(server)
    folder = client.must(200, "GET", "/vcenter/folder")[0]["folder"]
    secret = "S3cret-of-a-user!"
    answer = client.call("POST", "/api/viaduct/identity/users", body={"name": "ann", "password": secret},
                         headers={"User-Agent": "proof/1", "X-Request-ID": "mine"})
    same(answer.status, 201, repr(answer))
    client.must(404, "DELETE", "/vcenter/vm/vm-nope")
    made = entries(client, service="com.viaduct.identity.users", operation="create")
    same(len(made), 1, "entries of the creation")
    entry = made[0]
    wanted = {"user": harness.ADMINISTRATOR, "authentication": "session", "peer": "127.0.0.1", "user_agent": "proof/1",
              "operation_id": "mine", "result": "succeeded", "request_id": answer.headers["X-Request-Id"]}
    same({name: entry.get(name) for name in wanted}, wanted, "entry")
    holds('"ann"' in entry["arguments"] and secret not in json.dumps(entry), f"arguments without secrets: {entry['arguments']}")
    holds(entry["duration_ms"] >= 0 and len(entry["digest"]) == 64, repr(entry))
    same([target["target"] for target in entry["targets"]], ["ann@vsphere.local"], "objects")
    same([one["operation"] for one in entries(client, object="ann@vsphere.local")], ["create"], "by object")
    same([one["operation"] for one in entries(client, result="not_found")], ["delete"], "by result")
    holds(secret.encode() not in (server.data / "inventory.db").read_bytes(), "no secret in the log")

    # Refused: nobody, somebody with a wrong password, somebody without the right.
    Client(server, login=False).api("GET", "/vcenter/vm")
    Client(server, login=False).call("POST", "/api/session", auth=("ann", "wrong"))
    ann = Client(server, user="ann", password=secret)
    same(ann.api("GET", ENTRIES).status, 403, "the log for somebody without Global.Diagnostics")
    same(ann.api("POST", "/viaduct/identity/groups", body={"name": "mine"}).status, 403, "a change without the right")
    refused = entries(client, result="unauthenticated")
    holds({"com.vmware.vcenter.VM", "com.vmware.cis.session"} <= {one["service"] for one in refused}, repr(refused))
    denied = {one["service"] for one in entries(client, user="ann@vsphere.local", result="unauthorized")}
    same(denied, {"com.viaduct.audit", "com.viaduct.identity.groups"}, "refused calls")

    newest = client.must(200, "GET", ENTRIES, {"newest_first": "true", "page_size": 2})
    numbers = [one["number"] for one in newest["items"]]
    holds(len(numbers) == 2 and numbers[0] == numbers[1] + 1, repr(numbers))
    every = entries(client)
    same([one["number"] for one in every], list(range(1, len(every) + 1)), "numbers without a gap")
    moment = every[len(every) // 2]["time"]
    holds(all(one["time"] >= moment for one in entries(client, begin_time=moment)), "from a moment on")
    same(client.api("GET", ENTRIES, {"page_size": 0}).status, 400, "no page at all")
    same(client.api("GET", ENTRIES, {"result": "success"}).status, 400, "a result that no entry has")


def wires(server):
    client = Client(server)
    query = {"operation": "create", "page_size": 3}
    clean = client.must(200, "GET", ENTRIES, query)
    rest = client.rest("GET", "/com/viaduct/audit", {f"filter.{name}": value for name, value in query.items()})
    rpc = client.rpc("com.viaduct.audit", "list", filter={"OPTIONAL": {"STRUCTURE": {"com.viaduct.audit.filter_spec": {
        "operation": {"OPTIONAL": "create"}, "page_size": {"OPTIONAL": 3}}}}})
    digests = [one["digest"] for one in clean["items"]]
    same(len(digests), 3, "entries")
    holds(all(digest in rest.content.decode() and digest in rpc.content.decode() for digest in digests), f"{rest!r} {rpc!r}")


def load(server, token, seed, done, stopping):
    """Makes users and deletes them; says of each what was answered."""
    chance, client = random.Random(seed), Client(server, token=token)
    number = 0
    while not stopping.is_set():
        number += 1
        name = f"u{seed}-{number}"
        try:
            answer = client.api("POST", "/viaduct/identity/groups", body={"name": name})
            done.append(("create", f"{name}@vsphere.local", answer.status))
            if chance.random() < 0.5:
                done.append(("delete", f"{name}@vsphere.local", client.api("DELETE", f"/viaduct/identity/groups/{name}@vsphere.local").status))
        except (requests.RequestException, OSError):
            return


def killed(server):
    """Every change in the inventory has its entry and every entry of success its change, whenever the power fails."""
    chance = random.Random(7)
    for round in range(4):
        token, done, stopping = Client(server).token, [], threading.Event()
        threads = [threading.Thread(target=load, args=(server, token, 10 * round + number, done, stopping)) for number in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(chance.uniform(0.1, 0.6))  # the moment of the power failure
        server.kill()
        stopping.set()
        for thread in threads:
            thread.join(60)
        passes(server)
        server.start()
        passes(server)
        client = Client(server)
        living = set()
        for one in entries(client, service="com.viaduct.identity.groups", result="succeeded"):
            for target in one["targets"]:
                (living.add if one["operation"] == "create" else living.discard)(target["target"])
        groups = {one["group"] for one in client.must(200, "GET", "/viaduct/identity/groups")}
        same({one for one in groups if one.startswith("u")}, living, "groups against the audit log")
        logged = {(one["operation"], target["target"]) for one in entries(client, service="com.viaduct.identity.groups")
                  for target in one["targets"]}
        missing = [one for one in done if one[2] < 300 and one[:2] not in logged]
        same(missing, [], "acknowledged changes without entry")


def copied(server, change):
    """What verify says of a copy of the data directory that was tampered with."""
    copy = server.directory / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for name in ("inventory.db", "inventory.db-wal", "audit-checkpoints", "audit-public-key.pem"):
        if (server.data / name).exists():
            shutil.copyfile(server.data / name, copy / name)
    with sqlite3.connect(copy / "inventory.db") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        change(database, copy)
        database.commit()
    database.close()
    return verify(server, copy)


def tampered(server):
    server.stop()
    same(copied(server, lambda database, copy: None)[0], 0, "an untouched copy")
    cases = {
        "a byte of an entry": "UPDATE audit SET entry = CAST(substr(entry,1,90)||x'41'||substr(entry,92) AS BLOB) WHERE sequence = {middle}",
        "a column beside it": "UPDATE audit SET user = 'mallory@vsphere.local' WHERE sequence = {middle}",
        "an entry removed": "DELETE FROM audit WHERE sequence = {middle}",
        "two entries swapped": "UPDATE audit SET (entry, digest) = (SELECT entry, digest FROM audit b WHERE b.sequence = "
                               "(SELECT min(sequence) FROM audit WHERE sequence > {middle})) WHERE sequence = {middle}",
        "the beginning removed": "DELETE FROM audit WHERE sequence < {middle}",
    }
    for what, statement in cases.items():
        first = []

        def change(database, copy):
            (middle,) = database.execute("SELECT sequence FROM audit ORDER BY sequence LIMIT 1 OFFSET 20").fetchone()
            (after,) = database.execute("SELECT min(sequence) FROM audit WHERE sequence > ?", (middle,)).fetchone()
            database.execute(statement.format(middle=middle))
            first.append(after if "DELETE" in statement and "<" not in statement else middle)

        code, output = copied(server, change)
        same(code, 1, f"{what}: {output}")
        holds(f"first bad sequence: {first[0]}\n" in output, f"{what}: {output}")

    def cut(database, copy):
        """As somebody would who knows how the log is kept."""
        database.execute("DELETE FROM audit WHERE sequence > (SELECT max(sequence) FROM audit) - 5")
        database.execute("UPDATE chain SET (number, sequence, digest) = ((SELECT count(*) FROM audit), "
                         "(SELECT max(sequence) FROM audit), (SELECT digest FROM audit ORDER BY sequence DESC LIMIT 1))")
    code, output = copied(server, cut)
    same(code, 1, output)
    holds("was signed" in output, output)

    # Whoever cuts the checkpoints as well is found by one that is kept elsewhere.
    newest = (server.data / "audit-checkpoints").read_text().splitlines()[-1]

    def all_cut(database, copy):
        cut(database, copy)
        (count,) = database.execute("SELECT count(*) FROM audit").fetchone()
        path = pathlib.Path(copy / "audit-checkpoints")
        kept = [line for line in path.read_text().splitlines() if int(line.split("number=")[1].split()[0]) <= count]
        path.write_text("".join(line + "\n" for line in kept))
    same(copied(server, all_cut)[0], 0, "without a checkpoint from elsewhere")
    code, output = verify(server, server.directory / "copy", "--checkpoint", newest)
    same(code, 1, output)
    code, output = copied(server, lambda database, copy: (copy / "audit-checkpoints").write_text(newest.replace("reached", "trimmed") + "\n"))
    holds(code == 1 and "not signed" in output, output)
    server.start()


def retained(server):
    """A log that is kept short verifies, and begins at a signed checkpoint."""
    server.stop()
    server.environment["VIADUCT_AUDIT_RETENTION_ENTRIES"] = "40"
    server.start()
    client = Client(server)
    for number in range(60):
        client.must(201, "POST", "/viaduct/identity/groups", body={"name": f"kept-{number}"})
    wait_until(lambda: client.must(200, "GET", ENTRIES, {"page_size": 1})["items"][0]["number"] > 60, 150, "trimming")
    passes(server)
    server.kill()
    passes(server)
    holds("trimmed" in (server.data / "audit-checkpoints").read_text(), "a signed checkpoint")
    server.start()


def main():
    server = Server("audit")
    try:
        server.start()
    except Exception as problem:
        REPORT.fail("the server starts", problem)
    else:
        run_case("entries say who, how, from where, what and with what result, without secrets", facts, server)
        run_case("the same entries on all three wires", wires, server)
        run_case("audit verify passes beside the running server", passes, server)
        run_case("kill -9: changes and their entries are one", killed, server)
        run_case("whatever is changed, removed, swapped or cut is found, where it is", tampered, server)
        run_case("what need not be kept is forgotten, and the rest verifies", retained, server)
        run_case("the server stops when asked", Server.stop, server)
    finish(server)


if __name__ == "__main__":
    main()
