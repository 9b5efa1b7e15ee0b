"""Runs families of `iscsi-test-cu` and reads what they print.

CUnit counts a test that skipped itself as passed, and a test that never answers stops those behind it; so every family
is a process of its own with a time limit, and verdicts are read from the text:

    Test: Simple ...    [SKIPPED] COMPAREANDWRITE is not implemented.
passed
"""
import dataclasses
import re
import subprocess
import time

from targets import SUITE_INITIATORS

PROGRAM = "iscsi-test-cu"

_TEST = re.compile(r"^  Test: (\S+) \.\.\.", re.MULTILINE)
# At the start of a line, or right behind the dots where the test printed nothing.
_VERDICT = re.compile(r"(?:^|\A)(passed|FAILED)", re.MULTILINE)


@dataclasses.dataclass
class Result:
    """What became of one test: `verdict` is `pass`, `fail` or `skip`."""
    family: str
    test: str
    verdict: str
    reason: str = ""

    @property
    def name(self):
        return f"{self.family}.{self.test}"


def tests():
    """The tests of every family, in the order in which the program lists them."""
    listed = subprocess.run([PROGRAM, "--list"], capture_output=True, text=True, check=True).stdout
    families = {}
    for line in listed.split():
        parts = line.split(".")
        if len(parts) == 3 and parts[0] == "ALL":
            families.setdefault(parts[1], []).append(parts[2])
    return families


def command(family, urls):
    """`-d` allows writing, `-S` SANITIZE."""
    return [PROGRAM, "-d", "-S", "-i", SUITE_INITIATORS[0], "-I", SUITE_INITIATORS[1], f"--test=ALL.{family}", *urls]


def run(family, expected, urls, seconds, log):
    """Runs one family and writes all it prints to the file `log`; returns a result for each name in `expected`."""
    began = time.monotonic()
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command(family, urls), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        try:
            ending = f"ended with {process.wait(timeout=seconds)}"
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            ending = f"did not end within {seconds} s"
    with open(log, errors="replace") as text:
        return read(family, expected, text.read(), ending), time.monotonic() - began


def read(family, expected, text, ending="ended"):
    """The verdicts in a family's output; a test without one has failed."""
    report = text.split(f"Suite: {family}\n")[-1].split("\nRun Summary:")[0]
    parts = _TEST.split(report)
    printed = dict(zip(parts[1::2], parts[2::2]))
    if not printed:
        # It gave up before the first test: where the target cannot be reached, for example.
        ending = last_line(text) or ending
    return [judge(family, test, printed.get(test), ending) for test in expected]


def judge(family, test, body, ending):
    if body is None:
        return Result(family, test, "fail", f"was not run: {ending}")
    found = _VERDICT.search(body)
    if not found:
        return Result(family, test, "fail", f"no verdict: {ending}; {last_line(body)}")
    before = body[:found.start()]
    if found[1] == "FAILED":
        # A marked line says most; else the assertion that did not hold. Tests that pass print such lines as well, about
        # what they expect or wait for.
        said = marked(before, "FAILED") or re.findall(r"^\s+\d+\. (.+)$", body[found.end():], re.MULTILINE)
        return Result(family, test, "fail", said[0] if said else "")
    skips = marked(before, "SKIPPED")
    if skips:
        return Result(family, test, "skip", skips[0])
    return Result(family, test, "pass")


def marked(text, mark):
    return [line.split(f"[{mark}]", 1)[1].strip() for line in text.splitlines() if f"[{mark}]" in line]


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
