"""What the client proofs share: a Python environment, a server of their own, cases and their report.

A proof is a file with functions marked `@case("what it shows")`, run in order of their definition. Every case prints one
line, `ok   …` or `FAIL …`; `run.py` counts these lines, whatever language wrote them.
"""
import contextlib
import hashlib
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / ".build-clients"
ADMINISTRATOR = "administrator@vsphere.local"
PASSWORD = "Vi4duct!client-proofs"


# The environment


def enter_environment():
    """Runs this program again inside a virtual environment with the pinned packages, made on first use."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        # They would replace the certificate that each proof trusts. pip needs its own, if there is one.
        if name in os.environ:
            os.environ.setdefault("PIP_CERT", os.environ.pop(name))
    python = WORK / "venv" / "bin" / "python"
    if pathlib.Path(sys.prefix).resolve() == python.parent.parent.resolve():
        return
    wanted = hashlib.sha256()
    for name in ("requirements.txt", "constraints.txt"):
        wanted.update((HERE / name).read_bytes())
    stamp = WORK / "venv" / "installed"
    if not stamp.exists() or stamp.read_text() != wanted.hexdigest():
        print("making the Python environment in", WORK / "venv", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(WORK / "venv")], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
             "-r", str(HERE / "requirements.txt"), "-c", str(HERE / "constraints.txt")], check=True)
        stamp.write_text(wanted.hexdigest())
    os.execv(str(python), [str(python), *sys.argv])


def tool(name, requirement):
    """A program from PyPI in an environment of its own, for packages that cannot live beside the SDK's."""
    home = WORK / f"venv-{name}"
    stamp = home / "installed"
    if not stamp.exists() or stamp.read_text() != requirement:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        subprocess.run(
            [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement],
            check=True)
        stamp.write_text(requirement)
    return str(home / "bin" / name)


def binary():
    """The program under test: `VIADUCT_BINARY`, or the newest build of this checkout."""
    given = os.environ.get("VIADUCT_BINARY")
    built = [ROOT / ".build" / kind / "viaduct" for kind in ("release", "debug")]
    found = [pathlib.Path(given)] if given else [path for path in built if path.exists()]
    if not found:
        sys.exit("no viaduct program: run `swift build -c release --product viaduct`, or set VIADUCT_BINARY")
    return str(max(found, key=lambda path: path.stat().st_mtime))


def wait_until(question, seconds, what):
    """Asks until the answer is true-like and returns it; waiting is bounded, its length is no condition."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


# The server


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One `viaduct serve` with a data directory of its own, on a port of the loopback interface."""

    def __init__(self, name="server", seed=None, environment=None):
        self.name = name
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"viaduct-{name}-"))
        self.data = self.directory / "data"
        self.log = self.directory / "server.log"
        self.port = free_port()
        self.process = None
        self.environment = {"VIADUCT_ADMIN_PASSWORD": PASSWORD, "VIADUCT_LOG_FORMAT": "text", **(environment or {})}
        if seed:
            path = self.directory / "seed.yaml"
            path.write_text(seed)
            self.environment["VIADUCT_INVENTORY_SEED"] = str(path)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"https://{self.address}"

    @property
    def certificate(self):
        """The PEM file to trust: the server made it in its data directory."""
        return str(self.data / "certificate.pem")

    def start(self, prepare=None):
        self.launch(prepare)
        try:
            wait_until(self.is_ready, 60, "/health/ready")
        except BaseException:
            self.kill()
            raise
        return self

    def launch(self, prepare=None):
        """Starts the process, which calls `prepare` first, and waits for nothing."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [binary(), "serve", "--data-directory", str(self.data), "--listen", self.address],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.variables(), preexec_fn=prepare)

    def variables(self):
        """Ours, without the settings of whoever runs the proofs."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("VIADUCT_")}
        return {**inherited, **self.environment}

    def is_ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"the server ended with {self.process.returncode}:\n{self.tail()}")
        try:
            context = ssl.create_default_context(cafile=self.certificate)
            with urllib.request.urlopen(f"{self.url}/health/ready", context=context, timeout=5) as answer:
                return answer.status == 200
        except (FileNotFoundError, ssl.SSLError, OSError, urllib.error.URLError):
            return False

    def kill(self):
        """As a power failure would: no word of warning."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def stop(self):
        """Asks it to finish and expects exit code 0."""
        if not self.process or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("SIGTERM did not end the server within 60 s") from None
        if code != 0:
            raise AssertionError(f"SIGTERM ended the server with {code}:\n{self.tail()}")

    def tail(self, lines=30):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def keep_log(self):
        """Moves the log to where the report of a failure points."""
        if not self.log.exists():
            return
        kept = WORK / "logs" / f"{self.name}.log"
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.log, kept)
        print(f"     the server's log: {kept}", flush=True)

    def remove(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


# Cases


class Report:
    """`ok` and `FAIL` lines on standard output."""

    def __init__(self):
        self.failed = 0
        self.passed = 0

    def ok(self, name):
        self.passed += 1
        print(f"ok   {name}", flush=True)

    def fail(self, name, reason):
        self.failed += 1
        print(f"FAIL {name}", flush=True)
        for line in str(reason).splitlines() or ["no reason given"]:
            print(f"     {line}", flush=True)


REPORT = Report()
_cases = []


def case(name):
    """Marks a function of one argument, the running server, as a case."""
    def mark(function):
        _cases.append((name, function))
        return function
    return mark


def run_cases(server_name, seed=None, environment=None, also=()):
    """Starts a server, runs the program's own cases against it and those of the modules `also`, and stops it.

    Exits with 1 if any failed.
    """
    server = Server(server_name, seed=seed, environment=environment)
    try:
        server.start()
    except Exception as problem:
        REPORT.fail("the server starts", problem)
    else:
        for name, function in _cases:
            if function.__module__ in ("__main__", *also):
                run_case(name, function, server)
        run_case("the server stops when asked", Server.stop, server)
    finish(server)


def run_case(name, function, *arguments):
    try:
        function(*arguments)
    except AssertionError as problem:
        REPORT.fail(name, f"{problem}\n{where(problem)}")
    except Exception:
        REPORT.fail(name, traceback.format_exc())
    else:
        REPORT.ok(name)


def where(problem):
    frame = traceback.extract_tb(problem.__traceback__)
    inner = [entry for entry in frame if pathlib.Path(entry.filename).name != "harness.py"] or frame
    return f"at {pathlib.Path(inner[-1].filename).name}:{inner[-1].lineno}"


def finish(*servers):
    for server in servers:
        if REPORT.failed:
            server.keep_log()
        server.remove()
    sys.exit(1 if REPORT.failed else 0)


# Expectations


def same(got, wanted, what="value"):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")


def holds(truth, what):
    if not truth:
        raise AssertionError(what)


@contextlib.contextmanager
def raises(kind, what=""):
    """Expects an error of class `kind` (or one of a tuple); the value has it as `.error` afterwards."""
    class Caught:
        error = None
    caught = Caught()
    try:
        yield caught
    except kind as error:
        caught.error = error
    else:
        names = " or ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))
        raise AssertionError(f"{what or 'the call'} did not raise {names}")
