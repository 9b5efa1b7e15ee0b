"""The targets that the conformance suite, the proof with qemu and the measurements run against.

Each is a context manager and answers `urls`: the iSCSI addresses of its LUNs by what they are for. `plain` is a thin LUN
that everything may be written to, with physical blocks of 512 bytes; those of `large` have 4096. `readonly` and
`removable` are for the families that look for such a LUN. Any but the first may be missing.
"""
import base64
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Clients"))
import harness

# So much that to overwrite it takes 20 s at the 128 MiB/s to which SANITIZE is held back for the sake of others: one test
# resets the target five times, three seconds apart, and expects the overwriting to go on all the while.
LUN_BYTES = 2560 << 20
# Who gets access: the two names of the suite, and those of qemu and of the load generator.
SUITE_INITIATORS = ("iqn.2026-01.com.viaduct:conformance-1", "iqn.2026-01.com.viaduct:conformance-2")
INITIATOR = "iqn.2026-01.com.viaduct:load"


def install(*packages):
    """Installs Debian packages that are missing."""
    def is_missing(package):
        asked = subprocess.run(
            ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package], capture_output=True, text=True)
        return asked.stdout != "installed"

    missing = [package for package in packages if is_missing(package)]
    if missing:
        print("installing", *missing, flush=True)
        as_root = [] if os.geteuid() == 0 else ["sudo"]
        subprocess.run([*as_root, "apt-get", "update", "-qq"], check=True)
        subprocess.run(
            [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-qq", "-y",
             "--no-install-recommends", *missing], check=True, stdout=subprocess.DEVNULL)


def alone_on(processor):
    """For a process that is measured: a session of its own that comes first, and one processor."""
    def prepare():
        os.setsid()
        # With autogroups a nice value counts within a session only.
        try:
            pathlib.Path("/proc/self/autogroup").write_text("-19")
        except OSError:
            pass
        os.sched_setaffinity(0, {processor})
    return prepare


class Given:
    """A target that somebody else runs."""

    def __init__(self, urls, process_identifier=None):
        self.urls = urls
        self.process_identifier = process_identifier
        self.description = urls["plain"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def check(self):
        """Nobody to ask whether it still lives."""

    def settle(self):
        """Nothing is known about its files."""


class Viaduct:
    """`viaduct serve` with an iSCSI target and LUNs made through its API."""

    description = "viaduct"
    _name = "iqn.2026-01.com.viaduct:array"
    _luns = {
        "plain": {"physical_block_exponent": 0},
        "large": {},
        "readonly": {"read_only": True, "physical_block_exponent": 0},
        "removable": {"removable": True, "physical_block_exponent": 0},
    }

    def __init__(self, lun_bytes=LUN_BYTES, prepare=None, luns=None):
        self._lun_bytes = lun_bytes
        self._prepare = prepare
        self._wanted = luns or self._luns
        self._port = harness.free_port()

    def __enter__(self):
        settings = {
            "VIADUCT_ISCSI_LISTEN": f"127.0.0.1:{self._port}", "VIADUCT_ISCSI_TARGET_NAME": self._name}
        self.server = harness.Server("iscsi", environment=settings)
        self.server.start(self._prepare)
        try:
            self._login()
            base = f"iscsi://127.0.0.1:{self._port}/{self._name}"
            self.urls = {name: f"{base}/{self._make(name)}" for name in self._wanted}
        except BaseException:
            self.server.keep_log()
            self.server.remove()
            raise
        return self

    @property
    def process_identifier(self):
        return self.server.process.pid

    def _login(self):
        credentials = f"{harness.ADMINISTRATOR}:{harness.PASSWORD}".encode()
        self._fields = {"Authorization": "Basic " + base64.b64encode(credentials).decode()}
        token = self.call("POST", "/session")
        self._fields = {"vmware-api-session-id": token}

    def call(self, method, path, body=None):
        """One call of the API; the value it answers."""
        fields = {**self._fields, "Content-Type": "application/json"}
        request = urllib.request.Request(
            self.server.url + "/api" + path, method=method, headers=fields,
            data=None if body is None else json.dumps(body).encode())
        context = ssl.create_default_context(cafile=self.server.certificate)
        try:
            with urllib.request.urlopen(request, context=context, timeout=60) as answer:
                content = answer.read()
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from None
        return json.loads(content) if content else None

    def _make(self, name):
        """Makes a LUN with access for everybody here; returns its number."""
        lun = self.call("POST", "/viaduct/array/lun", {"name": name, "capacity": self._lun_bytes, **self._wanted[name]})
        for initiator in (*SUITE_INITIATORS, INITIATOR):
            self.call("PUT", f"/viaduct/array/lun/{lun}/access/{urllib.parse.quote(initiator)}")
        return self.call("GET", f"/viaduct/array/lun/{lun}")["number"]

    def settle(self):
        """What was answered is on the disk."""

    def check(self):
        if self.server.process.poll() is not None:
            self.server.keep_log()
            raise RuntimeError(f"viaduct ended with {self.server.process.returncode}:\n{self.server.tail()}")

    def __exit__(self, kind, *_):
        if kind:
            self.server.keep_log()
        try:
            self.server.stop()
        finally:
            self.server.remove()


class Tgtd:
    """Debian's user-space target `tgt`, the peer that the harness is tried on; needs root."""

    description = "tgtd"
    _name = "iqn.2026-01.com.viaduct:peer"

    def __init__(self, lun_bytes=LUN_BYTES, prepare=None, luns=("plain", "large", "readonly", "removable")):
        self._lun_bytes = lun_bytes
        self._prepare = prepare
        self._luns = luns

    def __enter__(self):
        install("tgt")
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="viaduct-tgtd-"))
        self.port = harness.free_port()
        self.control = str(self.port % 32000)
        os.makedirs("/var/run/tgtd", exist_ok=True)
        with open(self.directory / "tgtd.log", "wb") as log:
            self.process = subprocess.Popen(
                ["/usr/sbin/tgtd", "-f", "-C", self.control, "--iscsi", f"portal=127.0.0.1:{self.port}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=self._prepare)
        try:
            harness.wait_until(self._answers, 20, "tgtd")
            self._configure()
        except BaseException:
            self.__exit__()
            raise
        base = f"iscsi://127.0.0.1:{self.port}/{self._name}"
        self.urls = {name: f"{base}/{number}" for number, name in enumerate(self._luns, 1)}
        return self

    @property
    def process_identifier(self):
        return self.process.pid

    def _administer(self, *arguments, check=True):
        return subprocess.run(
            ["tgtadm", "-C", self.control, "--lld", "iscsi", *arguments], capture_output=True, text=True, check=check)

    def _answers(self):
        return self._administer("--op", "show", "--mode", "target", check=False).returncode == 0

    def _configure(self):
        self._administer("--op", "new", "--mode", "target", "--tid", "1", "-T", self._name)
        for lun, name in enumerate(self._luns, 1):
            parameter = {"readonly": "readonly=1", "removable": "removable=1"}.get(name, "thin_provisioning=1")
            path = self.directory / f"lun{lun}"
            with open(path, "wb") as file:
                file.truncate(self._lun_bytes)
            on = ["--mode", "logicalunit", "--tid", "1", "--lun", str(lun)]
            self._administer("--op", "new", *on, "-b", str(path), "--bstype", "rdwr", "--blocksize", "512")
            self._administer("--op", "update", *on, "--params", parameter)
        self._administer("--op", "bind", "--mode", "target", "--tid", "1", "-I", "ALL")

    def settle(self):
        """Writes back what is only in the page cache."""
        for number, _ in enumerate(self._luns, 1):
            with open(self.directory / f"lun{number}", "rb+") as file:
                os.fsync(file)

    def check(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"tgtd ended with {self.process.returncode}")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
