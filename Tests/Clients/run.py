#!/usr/bin/env python3
"""Runs the client proofs and prints `N passed, N failed`.

    run.py [--long] [NAME…]      NAME is one of the files beside this one, for example `sdk` or `walk`; all by default

Each proof starts `viaduct serve` on a free port with a data directory of its own. The program is VIADUCT_BINARY, or the
newest build of this checkout. The log of a failed proof's server is kept in `.build-clients/logs`.
"""
import argparse
import os
import subprocess
import sys
import threading

import harness

# In order: what others stand on comes first.
PROOFS = ["command_line", "readme", "walk", "sdk", "checker", "wires", "tls", "syslog", "audit", "nsx", "generated", "offloads", "luns", "tenancy", "walls", "robust", "crash"]
TIMEOUT_SECONDS = {"short": 900, "long": 7200}


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def read(self, line):
        self.passed += line.startswith("ok   ")
        self.failed += line.startswith("FAIL ")


def follow(command, environment, seconds, tally):
    """Runs a proof, shows what it prints, counts its lines; a proof that ends badly without a word counts as failed."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=environment,
        stdin=subprocess.DEVNULL)
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    failed_before = tally.failed
    for line in process.stdout:
        tally.read(line)
        print(line, end="", flush=True)
    code = process.wait()
    timer.cancel()
    if code != 0 and tally.failed == failed_before:
        tally.failed += 1
        print(f"FAIL {os.path.basename(command[-1])} ended with {code}", flush=True)


def walk(environment, seconds, tally):
    """The shell walk finds its server in the environment."""
    server = harness.Server("walk")
    before = tally.failed
    try:
        server.start()
        follow(["bash", str(harness.HERE / "walk.sh")], {
            **environment, "VIADUCT_URL": server.url, "VIADUCT_CERTIFICATE": server.certificate,
            "VIADUCT_ADMIN_PASSWORD": harness.PASSWORD}, seconds, tally)
        server.stop()
    except Exception as problem:
        tally.failed += 1
        print(f"FAIL walk: {problem}", flush=True)
    if tally.failed > before:
        server.keep_log()
    server.remove()


def main():
    harness.enter_environment()
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--long", action="store_true")
    arguments.add_argument("names", nargs="*", metavar="NAME")
    options = arguments.parse_args()
    unknown = set(options.names) - set(PROOFS)
    if unknown:
        sys.exit(f"no proof is called {', '.join(sorted(unknown))}: there are {', '.join(PROOFS)}")
    environment = {**os.environ, "VIADUCT_BINARY": harness.binary()}
    if options.long:
        environment["VIADUCT_LONG"] = "1"
    seconds = TIMEOUT_SECONDS["long" if options.long else "short"]
    tally = Tally()
    for name in options.names or PROOFS:
        print(f"\n== {name}", flush=True)
        if name == "walk":
            walk(environment, seconds, tally)
        else:
            follow([sys.executable, str(harness.HERE / f"{name}.py")], environment, seconds, tally)
    print(f"\n{tally.passed} passed, {tally.failed} failed", flush=True)
    sys.exit(1 if tally.failed or not tally.passed else 0)


if __name__ == "__main__":
    main()
