"""The targets that the conformance suite can be run against.

Each is a context manager and answers `urls`: the iSCSI addresses of its LUNs by what they are for. `plain` is a thin LUN
that everything may be written to; `second` lies beside it; `readonly` and `removable` are for the families that look for
such a LUN, and may be missing.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Clients"))
import harness

LUN_BYTES = 1 << 30


class Given:
    """A target that somebody else runs."""

    def __init__(self, urls):
        self.urls = urls
        self.description = urls["plain"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def check(self):
        """Nobody to ask whether it still lives."""


class Tgtd:
    """Debian's user-space target `tgt`, the peer that the harness is tried on; needs root."""

    description = "tgtd"
    _name = "iqn.2026-01.com.viaduct:peer"

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="viaduct-tgtd-"))
        self.port = harness.free_port()
        self.control = str(self.port % 32000)
        os.makedirs("/var/run/tgtd", exist_ok=True)
        with open(self.directory / "tgtd.log", "wb") as log:
            self.process = subprocess.Popen(
                ["/usr/sbin/tgtd", "-f", "-C", self.control, "-t", "4", "--iscsi", f"portal=127.0.0.1:{self.port}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            harness.wait_until(self._answers, 20, "tgtd")
            self._configure()
        except BaseException:
            self.__exit__()
            raise
        base = f"iscsi://127.0.0.1:{self.port}/{self._name}"
        self.urls = {"plain": f"{base}/1", "second": f"{base}/2", "readonly": f"{base}/3", "removable": f"{base}/4"}
        return self

    def _administer(self, *arguments, check=True):
        return subprocess.run(
            ["tgtadm", "-C", self.control, "--lld", "iscsi", *arguments], capture_output=True, text=True, check=check)

    def _answers(self):
        return self._administer("--op", "show", "--mode", "target", check=False).returncode == 0

    def _configure(self):
        self._administer("--op", "new", "--mode", "target", "--tid", "1", "-T", self._name)
        parameters = {1: "thin_provisioning=1", 2: "thin_provisioning=1", 3: "readonly=1", 4: "removable=1"}
        for lun, parameter in parameters.items():
            path = self.directory / f"lun{lun}"
            with open(path, "wb") as file:
                file.truncate(LUN_BYTES)
            on = ["--mode", "logicalunit", "--tid", "1", "--lun", str(lun)]
            self._administer("--op", "new", *on, "-b", str(path), "--bstype", "rdwr", "--blocksize", "512")
            self._administer("--op", "update", *on, "--params", parameter)
        self._administer("--op", "bind", "--mode", "target", "--tid", "1", "-I", "ALL")

    def check(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"tgtd ended with {self.process.returncode}")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
