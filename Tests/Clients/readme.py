"""The README's walk and its Python example, run as they stand there."""
import harness

if __name__ == "__main__":
    harness.enter_environment()

import os
import pathlib
import re
import subprocess
import sys
import tempfile

from harness import ADMINISTRATOR, PASSWORD, ROOT, case, holds, same

README = (ROOT / "README.md").read_text()


def block(heading, language):
    """The first block of `language` below a heading."""
    text = README.split(f"## {heading}\n", 1)[1]
    return re.search(rf"```{language}\n(.*?)```", text, re.DOTALL).group(1)


def replaced(text, *pairs):
    """The text with what depends on the reader's machine put in place; each must occur."""
    for old, new in pairs:
        holds(old in text, f"{old!r} is not in the README any more: change this proof with it")
        text = text.replace(old, new)
    return text


@case("the five minutes with curl work as written")
def walk(server):
    script = replaced(
        block("Five minutes with curl", "sh"),
        ("https://127.0.0.1:8443", server.url), ("data/certificate.pem", server.certificate),
        ("read -rsp 'Password: ' password", f"password='{PASSWORD}'"))
    with tempfile.TemporaryDirectory(prefix="viaduct-readme-") as folder:
        (pathlib.Path(folder) / "Sources").symlink_to(ROOT / "Sources")
        run = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], cwd=folder, capture_output=True, text=True, timeout=300)
    same(run.returncode, 0, f"{run.stdout[-2000:]}{run.stderr[-2000:]}\nexit code")
    for word in ("error_type", "null,null", "Authentication required"):
        holds(word not in run.stdout, f"{word} in the output:\n{run.stdout[-2000:]}")
    copies = [int(count) for count in re.findall(r'"commands": (\d+)', run.stdout)]
    holds(len(copies) == 2 and copies[1] > copies[0], f"EXTENDED COPY commands before and after the clone: {copies}")
    used = [int(size) for size in re.findall(r'"allocated": (\d+)', run.stdout)]
    holds(len(used) == 2 and used[1] - used[0] < 16 << 20, f"the pool's usage before and after the clone: {used}")
    holds('"power_state": "POWERED_ON"' in run.stdout, "the clone runs at the end")


def run_after_login(server, heading):
    """The commands below a heading, in a shell that has logged in as the five minutes do."""
    login = block("Five minutes with curl", "sh").split("\n# Look around.")[0]
    script = replaced(
        login + block(heading, "sh"),
        ("https://127.0.0.1:8443", server.url), ("data/certificate.pem", server.certificate),
        ("read -rsp 'Password: ' password", f"password='{PASSWORD}'"))
    run = subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, timeout=120)
    same(run.returncode, 0, f"{run.stdout[-2000:]}{run.stderr[-2000:]}\nexit code")
    return run


@case("a user with fewer rights is made as written, and sees and may do just that")
def fewer_rights(server):
    run = run_after_login(server, "Let others in, with fewer rights")
    # The answers of the two requests before stand on the line of the first of these.
    seen = "".join(run.stdout.splitlines(keepends=True)[-3:])
    holds(seen.endswith('["Production"]\n0\nUNAUTHORIZED\n'), f"what the user sees, and may not do:\n{seen}")


@case("a virtual datacenter is made, filled, refused and deleted as written")
def tenants(server):
    run = run_after_login(server, "Give tenants virtual datacenters")
    holds('"requested":1,"available":0' in run.stdout, f"the refusal:\n{run.stdout[-2000:]}")
    _, verified, after = run.stdout.partition("\n[]\n")
    holds(verified, f"no differences:\n{run.stdout[-2000:]}")
    holds("member user:blue@vsphere.local, TENANT_OPERATOR" in after, f"the tenant's log tells of the member:\n{after}")
    last = after.splitlines(keepends=True)[-1]
    holds(last.startswith('{"cluster":') and last.endswith("}\n"), f"the capacity, and nothing said after it:\n{last}")


@case("the array over iSCSI works as written")
def iscsi(_server):
    portal = f"127.0.0.1:{harness.free_port()}"
    server = harness.Server("readme-iscsi", environment={"VIADUCT_ISCSI_LISTEN": portal})
    try:
        server.start()
        script = replaced(
            block("Use the array over iSCSI", "sh"),
            ("https://127.0.0.1:8443", server.url), ("data/certificate.pem", server.certificate),
            ("portal=127.0.0.1:3260", f"portal={portal}"), ("read -rsp 'Password: ' password", f"password='{PASSWORD}'"))
        run = subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, timeout=120)
        same(run.returncode, 0, f"{run.stdout[-2000:]}{run.stderr[-2000:]}\nexit code")
        holds("Type:DIRECT_ACCESS (Size:1" in run.stdout, f"the LUN as libiscsi sees it:\n{run.stdout[:1000]}")
        same(run.stdout.count('"SUPPORTED"'), 4, f"{run.stdout[-2000:]}\nVAAI primitives")
        for word in ("error_type", "failed"):
            holds(word not in run.stdout + run.stderr, f"{word} in the output:\n{run.stdout[-2000:]}")
        server.stop()
    finally:
        server.remove()


@case("networks are described as written")
def networks(server):
    script = replaced(
        block("Describe networks as NSX does", "sh"),
        ("https://127.0.0.1:8443", server.url), ("data/certificate.pem", server.certificate),
        ("read -rsp 'Password: ' password", f"password='{PASSWORD}'"))
    run = subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, timeout=120)
    same(run.returncode, 0, f"{run.stdout[-2000:]}{run.stderr[-2000:]}\nexit code")
    for part in ('"_revision": 0', '"/infra/domains/default/security-policies/shop/rules/https"', "cannot be deleted"):
        holds(part in run.stdout, f"no {part} in:\n{run.stdout[-2000:]}")


@case("the Python example prints the machines")
def example(server):
    program = replaced(
        block("Five minutes with curl", "python"),
        ("127.0.0.1:8443", server.address), ("data/certificate.pem", server.certificate), ('"…"', f'"{PASSWORD}"'))
    holds(ADMINISTRATOR in program, "who logs in")
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, env=dict(os.environ))
    same(run.returncode, 0, f"{run.stderr[-2000:]}\nexit code")
    holds("first" in run.stdout and "second" in run.stdout, f"the walk's machines: {run.stdout[-1000:]}")


if __name__ == "__main__":
    harness.run_cases("readme")
