"""Transport security as scanners judge it: sslyze against Mozilla's profile, and testssl.sh in the long form."""
import harness

if __name__ == "__main__":
    harness.enter_environment()

import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import urllib.request
import warnings

from harness import case, holds, run_cases, same


@case("sslyze: compliant with Mozilla's intermediate profile, certificate included")
def mozilla_profile(server):
    # It needs an older release of the package cryptography than the SDK does.
    sslyze = harness.tool("sslyze", "sslyze==6.3.1")
    run = subprocess.run(
        [sslyze, "--mozilla_config=intermediate", "--certinfo", f"--certinfo_ca_file={server.certificate}",
         server.address], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    same(run.returncode, 0, f"exit code of sslyze\n{run.stdout[-2000:]}\n{run.stderr[-2000:]}")
    holds("OK - Compliant" in run.stdout, run.stdout[-2000:])


@case("TLS 1.1 is refused, 1.2 and 1.3 are spoken")
def versions(server):
    for version, wanted in ((ssl.TLSVersion.TLSv1_1, None), (ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
                            (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
        context = ssl.create_default_context(cafile=server.certificate)
        # The lowest level, so that it is the server that refuses and not this side.
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            context.minimum_version = context.maximum_version = version
        same(spoken(server, context), wanted, version.name)


def spoken(server, context):
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as secured:
                return secured.version()
    except ssl.SSLError:
        return None


@case("security fields: HSTS, no sniffing, nothing cached, no word of the program's version")
def fields(server):
    context = ssl.create_default_context(cafile=server.certificate)
    with urllib.request.urlopen(f"{server.url}/health/ready", context=context, timeout=10) as answer:
        got = answer.headers
    holds("max-age=" in got.get("Strict-Transport-Security", ""), f"HSTS: {got}")
    same(got.get("X-Content-Type-Options"), "nosniff", "X-Content-Type-Options")
    same(got.get("Cache-Control"), "no-store", "Cache-Control")
    holds(not any(character.isdigit() for character in got.get("Server", "")), f"Server: {got.get('Server')}")
    holds("Access-Control-Allow-Origin" not in got, "CORS is off")


# What a certificate made by ourselves cannot have, and what TLS 1.3 leaves to the client.
EXPECTED = {"cert_revocation", "cert_crlDistributionPoints", "cert_ocspURL", "cipher_order", "cipherorder",
            "cert_chain_of_trust", "cert_trust", "DNS_CAArecord", "OCSP_stapling"}


def testssl(server):
    program = shutil.which("testssl") or shutil.which("testssl.sh")
    holds(program, "testssl.sh is missing: apt-get install testssl.sh")
    with tempfile.TemporaryDirectory() as directory:
        report = pathlib.Path(directory) / "report.json"
        subprocess.run(
            [program, "--quiet", "--color", "0", "--warnings", "off", "--jsonfile", str(report),
             "--add-ca", server.certificate, server.url.replace("127.0.0.1", "localhost")],
            capture_output=True, timeout=900, stdin=subprocess.DEVNULL)
        findings = json.loads(report.read_text())
    holds(len(findings) > 30, f"only {len(findings)} findings: the scan was cut short")
    serious = [one for one in findings if one["severity"] in ("MEDIUM", "HIGH", "CRITICAL")]
    bad = [f"{one['severity']} {one['id']}: {one['finding']}" for one in serious
           if not one["id"].startswith(tuple(EXPECTED))]
    holds(not bad, "\n".join(bad))


if os.environ.get("VIADUCT_LONG"):
    case("testssl.sh: no finding above LOW but revocation and cipher order")(testssl)

if __name__ == "__main__":
    run_cases("tls")
