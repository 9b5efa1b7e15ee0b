"""The command line: first start, configuration, signals, and what must not happen twice."""
import harness

if __name__ == "__main__":
    harness.enter_environment()

import pathlib
import re
import signal
import subprocess
import tempfile

from api import Client
from harness import PASSWORD, Server, case, holds, same, wait_until


def viaduct(*arguments, **environment):
    """Runs the program to its end."""
    server = Server("unused", environment=environment)
    try:
        return subprocess.run(
            [harness.binary(), *arguments], capture_output=True, text=True, timeout=120, env=server.variables(),
            stdin=subprocess.DEVNULL)
    finally:
        server.remove()


@case("version prints a version; an unknown verb or flag is an error with usage")
def version(_server):
    run = viaduct("version")
    same(run.returncode, 0, "exit code")
    holds(re.search(r"\d+\.\d+\.\d+", run.stdout), f"a version: {run.stdout!r}")
    for arguments in (["nonsense"], ["serve", "--nonsense"]):
        run = viaduct(*arguments)
        holds(run.returncode != 0 and "sage" in run.stdout + run.stderr, f"{arguments}: {run}")


@case("check-config accepts the documented file and names a wrong key or value")
def check_configuration(_server):
    documented = harness.ROOT / "config" / "viaduct.yaml"
    same(viaduct("check-config", "--config", str(documented)).returncode, 0, "the documented file")
    wrong = {"colour: red\n": "colour", "server:\n  idle_second: 3\n": "idle_second", "listen: nowhere\n": "listen",
             "sessions:\n  per_user: many\n": "per_user", "- a\n": ""}
    for text, name in wrong.items():
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(text)
            file.flush()
            run = viaduct("check-config", "--config", file.name)
        holds(run.returncode != 0 and name in run.stdout + run.stderr, f"{text!r}: {run}")
    run = viaduct("check-config", VIADUCT_COLOUR="red")
    holds(run.returncode != 0 and "COLOUR" in run.stdout + run.stderr, f"an unknown variable: {run}")


@case("the first start shows fingerprint and generated password, once; the password works")
def first_start(_server):
    server = Server("first-start")
    del server.environment["VIADUCT_ADMIN_PASSWORD"]
    try:
        server.start()
        shown = server.log.read_text()
        fingerprint = subprocess.run(
            ["openssl", "x509", "-in", server.certificate, "-noout", "-fingerprint", "-sha256"], capture_output=True,
            text=True, check=True).stdout.strip().partition("=")[2]
        plain = re.sub("[^0-9a-f]", "", fingerprint.lower())
        holds(plain in re.sub("[^0-9a-f]", "", shown.lower()), f"the fingerprint is not shown:\n{shown[-2000:]}")
        # Not every word is tried: guesses at the administrator's password are limited.
        passwords = re.findall(r"^password +(\S+)", shown, re.MULTILINE)
        same(len(passwords), 1, f"passwords shown:\n{shown[-2000:]}\nnumber")
        same(shown.count(passwords[0]), 1, "how often the password is shown")
        same(is_password(server, passwords[0]), True, "the password shown")
        server.stop()
        before = server.log.stat().st_size
        server.start()
        again = server.log.read_text()[before:]
        holds(passwords[0] not in again, "the password is shown again")
        same(is_password(server, passwords[0]), True, "the password after a restart")
        server.stop()
    finally:
        server.remove()


def is_password(server, word):
    return Client(server, login=False).api("POST", "/session", auth=("administrator@vsphere.local", word)).status == 201


@case("init makes the data directory, readable for its owner alone, and serve goes on with it")
def initializes(_server):
    server = Server("init")
    try:
        run = subprocess.run(
            [harness.binary(), "init", "--data-directory", str(server.data)], capture_output=True, text=True, timeout=120,
            env=server.variables())
        same(run.returncode, 0, f"{run.stderr}\nexit code")
        same(oct(server.data.stat().st_mode & 0o077), "0o0", "rights of group and others")
        keys = [path for path in server.data.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()[:4096]]
        holds(keys and all(path.stat().st_mode & 0o077 == 0 for path in keys), f"private keys {keys}")
        first = pathlib.Path(server.certificate).read_bytes()
        server.start()
        same(pathlib.Path(server.certificate).read_bytes(), first, "the certificate")
        Client(server)
        server.stop()
    finally:
        server.remove()


@case("two servers do not share a data directory")
def exclusive(server):
    run = viaduct("serve", "--data-directory", str(server.data), "--listen", f"127.0.0.1:{harness.free_port()}")
    holds(run.returncode != 0 and run.stdout + run.stderr, f"a second server: {run}")
    run = viaduct("check-data", "--data-directory", str(server.data))
    holds(run.returncode != 0, "check-data on the data of a running server")
    same(Client(server).api("GET", "/vcenter/vm").status, 200, "the first server afterwards")


@case("SIGHUP keeps connections and sessions; SIGTERM lets a request finish")
def signals(server):
    caller = Client(server)
    server.process.send_signal(signal.SIGHUP)
    for _ in range(20):
        same(caller.api("GET", "/session").status, 200, "a request after SIGHUP")
    other = Server("drain")
    other.start()
    body = b"x" * (4 << 20)
    drained = Client(other)
    datastore, datacenter = "datastore1", "Datacenter"

    def slowly():
        """An upload under way when the signal comes."""
        yield body[: 1 << 20]
        other.process.send_signal(signal.SIGTERM)
        yield body[1 << 20:]
    try:
        answer = drained.file("PUT", "drain/whole.vmdk", datastore, datacenter, data=slowly())
        same(answer.status, 201, f"an upload during SIGTERM {answer!r}\nstatus")
        same(wait_until(lambda: other.process.poll() is not None and [other.process.returncode], 60, "the end"), [0], "exit")
        other.start()
        same(Client(other).file("GET", "drain/whole.vmdk", datastore, datacenter).content, body, "the upload afterwards")
        other.stop()
    finally:
        other.remove()


@case("the certificate is for the names a client on this machine uses")
def names(server):
    text = subprocess.run(
        ["openssl", "x509", "-in", server.certificate, "-noout", "-ext", "subjectAltName"], capture_output=True, text=True,
        check=True).stdout
    for name in ("127.0.0.1", "localhost"):
        holds(name in text, f"{name} in {text}")


@case("the password that was given works, another does not")
def given_password(server):
    same(is_password(server, PASSWORD), True, "the right one")
    same(is_password(server, PASSWORD + "x"), False, "a wrong one")


if __name__ == "__main__":
    harness.run_cases("command-line")
