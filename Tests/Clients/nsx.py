"""NSX's own clients, unmodified: `vcf-nsx` 9.1.1 and, where it is installed, `vmware-nsxlib` 19.4.3, in an environment of
their own, because their packages do not live beside those of the SDK."""
import os
import pathlib
import subprocess
import sys

import harness
from harness import ADMINISTRATOR, PASSWORD, REPORT, Server, finish

PACKAGES = ["vcf-nsx==9.1.1.0", "vmware-nsxlib==19.4.3", "setuptools<81"]


def python():
    home = harness.WORK / "venv-nsx"
    stamp = home / "installed"
    if not stamp.exists() or stamp.read_text() != " ".join(PACKAGES):
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        subprocess.run(
            [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES], check=True)
        stamp.write_text(" ".join(PACKAGES))
    return str(home / "bin" / "python")


def follow(program, server, *cases):
    run = subprocess.run(
        [program, str(pathlib.Path(__file__).parent / "nsx_calls.py"), server.address, ADMINISTRATOR, PASSWORD,
         server.certificate, *cases],
        capture_output=True, text=True, timeout=300,
        # They would replace the certificate that is trusted here.
        env={name: value for name, value in os.environ.items()
             if name not in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")})
    for line in run.stdout.splitlines():
        if line.startswith("ok   "):
            REPORT.ok(line[5:])
        elif line.startswith("FAIL "):
            REPORT.fail(line[5:], run.stderr)
    if run.returncode and not REPORT.failed:
        REPORT.fail("the calls end", run.stderr)


if __name__ == "__main__":
    server = Server("nsx")
    try:
        program = python()
        server.start()
        follow(program, server)
        server.kill()
        server.start()
        follow(program, server, "survived")
    except Exception as problem:
        REPORT.fail("the server starts", problem)
    finish(server)
