"""`kill -9` at random moments under a load of create, clone and delete: what was acknowledged is there, nothing is half-made.

After each restart: every machine whose creation was acknowledged exists with its identifier, every one whose deletion was
acknowledged is gone, a request under way has happened wholly or not at all, disks are readable and clones hold their
original's bytes. Then the stopped server's data are given to `viaduct check-data`, which proves that inventory, volume
and array agree. One round in five the server is killed once more while it recovers.

`--long` kills 200 times, `--rounds N` N times; `--seed N` repeats a run's decisions (not the scheduler's).
"""
import harness

if __name__ == "__main__":
    harness.enter_environment()

import argparse
import hashlib
import os
import random
import subprocess
import threading
import time

import requests

from api import Client, Lab, datastore_path
from harness import REPORT, Server, holds, run_case, same

THREADS = 4
MACHINES_PER_THREAD = 6
DISK_BYTES = 2 << 20
IMAGE_BYTES = 4 << 20


class Load(threading.Thread):
    """One client that makes and deletes machines of its own until the server dies under it."""

    def __init__(self, number, seed):
        super().__init__(daemon=True)
        self.number = number
        self.random = random.Random(seed)
        self.machines = {}      # name: identifier, acknowledged and not deleted
        self.pending = None     # (verb, name) of the request under way, outcome unknown once the server died
        self.counter = 0
        self.acknowledged = 0
        self.unexpected = []
        self.stopping = threading.Event()

    def begin(self, server, token, image):
        """A thread runs once, so each round has a new one that takes over what the last one knows."""
        successor = Load(self.number, self.random.random())
        successor.machines, successor.counter = self.machines, self.counter
        successor.client = Client(server, token=token)
        successor.lab, successor.image = self.lab, image
        successor.start()
        return successor

    def run(self):
        while not self.stopping.is_set():
            try:
                self.step()
            except (requests.RequestException, OSError):
                return  # killed; `pending` says what was under way

    def step(self):
        names = sorted(self.machines)
        choice = self.random.random()
        if names and (choice < 0.3 or len(names) >= MACHINES_PER_THREAD):
            return self.delete(self.random.choice(names))
        self.counter += 1
        name = f"crash-{self.number}-{self.counter}"
        if choice < 0.65:
            body = {"source": self.image, "name": name}
            return self.make("clone", name, "/vcenter/vm?action=clone", body, 200)
        return self.make("create", name, "/vcenter/vm", self.lab.create_specification(name, capacity=DISK_BYTES), 201)

    def make(self, verb, name, path, body, status):
        self.pending = (verb, name)
        answer = self.client.api("POST", path, body=body)
        if answer.status == status:
            self.machines[name] = answer.value
            self.acknowledged += 1
            self.pending = None
        else:
            self.refused(verb, name, answer)

    def delete(self, name):
        self.pending = ("delete", name)
        answer = self.client.api("DELETE", f"/vcenter/vm/{self.machines[name]}")
        if answer.status == 204:
            del self.machines[name]
            self.acknowledged += 1
            self.pending = None
        else:
            self.refused("delete", name, answer)

    def refused(self, verb, name, answer):
        """503 means that the outcome is unknown, for example while draining; anything else is wrong."""
        if answer.status == 503:
            self.stopping.set()
        else:
            self.unexpected.append(f"{verb} {name}: {answer!r}")
            self.pending = None


class Campaign:
    def __init__(self, seed, rounds):
        self.random = random.Random(seed)
        self.rounds = rounds
        self.server = Server("crash")
        self.acknowledged = 0
        self.checked = 0
        self.image = None
        self.loads = []

    def prepare(self):
        """A machine with known contents, from which all clones are made."""
        self.server.start()
        client = Client(self.server)
        self.token, self.lab = client.token, Lab(client)
        content = os.urandom(IMAGE_BYTES)
        self.digest = hashlib.sha256(content).hexdigest()
        answer = self.lab.file("PUT", "images/crash.vmdk", data=content)
        holds(answer.status in (200, 201), f"upload: {answer!r}")
        path = f"[{self.lab.datastore['name']}] images/crash.vmdk"
        self.image = self.lab.create("crash-image", vmdk_file=path)
        self.loads = [Load(number, self.random.random()) for number in range(THREADS)]
        for load in self.loads:
            load.lab = self.lab

    def round(self):
        self.loads = [load.begin(self.server, self.token, self.image) for load in self.loads]
        time.sleep(self.random.uniform(0.02, 1.0))  # the moment of the power failure
        self.server.kill()
        for load in self.loads:
            load.stopping.set()
            load.join(timeout=60)
            holds(not load.is_alive(), "a client hangs after its server died")
            same(load.unexpected, [], "refused requests")
            self.acknowledged += load.acknowledged
        if self.random.random() < 0.2:
            self.kill_while_recovering()
        self.server.start()
        self.compare()
        self.server.stop()
        self.check_data()
        self.server.start()

    def kill_while_recovering(self):
        self.server.launch()
        time.sleep(self.random.uniform(0, 0.4))
        self.server.kill()

    def compare(self):
        """The server's view against what the clients know. The session survived, too: it is used on."""
        client = Client(self.server, token=self.token)
        lab = self.lab
        lab.client = client
        found = {item["name"]: item["vm"] for item in client.must(200, "GET", "/vcenter/vm")}
        expected = {"crash-image": self.image}
        for load in self.loads:
            self.settle(load, found)
            expected.update(load.machines)
        same(found, expected, "machines")
        for name, machine in self.random.sample(sorted(found.items()), min(8, len(found))):
            self.look_at(client, name, machine)
        self.no_strangers(set(expected))

    def settle(self, load, found):
        """A request without an answer has happened, or it has not: both are right."""
        if load.pending is None:
            return
        verb, name = load.pending
        load.pending = None
        if verb == "delete":
            if name not in found:
                del load.machines[name]
        elif name in found:
            load.machines[name] = found[name]

    def look_at(self, client, name, machine):
        self.checked += 1
        info = client.must(200, "GET", f"/vcenter/vm/{machine}")
        same(info["name"], name, "name")
        for disk in info["disks"].values():
            _, path = datastore_path(disk["backing"]["vmdk_file"])
            answer = self.lab.file("GET", path)
            same((answer.status, len(answer.content)), (200, disk["capacity"]), f"{path}: status and size")
            if disk["capacity"] == IMAGE_BYTES:
                same(hashlib.sha256(answer.content).hexdigest(), self.digest, f"{path}: contents")
            else:
                holds(not any(answer.content), f"{path}: a new disk is zero")

    def no_strangers(self, names):
        """No directory of a machine that does not exist."""
        listing = self.lab.file("GET", "", headers={"Accept": "application/json"})
        same(listing.status, 200, "listing of the datastore")
        directories = {entry["name"] for entry in listing.value["entries"] if entry["type"] == "DIRECTORY"}
        strangers = {name for name in directories if name.startswith("crash-")} - names
        same(strangers, set(), "directories without machine")

    def check_data(self):
        run = subprocess.run(
            [harness.binary(), "check-data", "--data-directory", str(self.server.data)], capture_output=True, text=True,
            timeout=120, env=self.server.variables())
        same(run.returncode, 0, f"{run.stdout[-3000:]}{run.stderr[-3000:]}\nexit code of check-data")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--long", action="store_true", help="200 rounds")
    arguments.add_argument("--rounds", type=int)
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = arguments.parse_args()
    rounds = options.rounds or (200 if options.long or os.environ.get("VIADUCT_LONG") == "1" else 10)
    print(f"     seed {options.seed}, {rounds} rounds (crash.py --seed {options.seed} --rounds {rounds})", flush=True)
    campaign = Campaign(options.seed, rounds)
    try:
        run_case("a machine with known contents is made", campaign.prepare)
        number = 0
        while not REPORT.failed and number < rounds:
            number += 1
            run_case(f"killed and recovered, round {number} of {rounds}", campaign.round)
        print(f"     {campaign.acknowledged} acknowledged changes, {campaign.checked} machines read back", flush=True)
        if not REPORT.failed:
            holds(campaign.acknowledged > rounds, "the load did too little to show anything")
            run_case("the server stops when asked", campaign.server.stop)
    finally:
        if REPORT.failed:
            kept = harness.WORK / "logs" / "crash-data"
            subprocess.run(["rm", "-rf", str(kept)], check=True)
            subprocess.run(["cp", "-r", "--sparse=always", str(campaign.server.data), str(kept)], check=False)
            print(f"     the data directory: {kept}", flush=True)
        harness.finish(campaign.server)


if __name__ == "__main__":
    main()
