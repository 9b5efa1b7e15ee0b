"""The audit log as a collector gets it: rsyslog, which knows nothing of us, takes and parses every record over TLS."""
import harness

if __name__ == "__main__":
    harness.enter_environment()

import json
import pathlib
import shutil
import subprocess
import tempfile

from api import Client
from harness import REPORT, Server, finish, holds, run_case, same, wait_until


class Rsyslog:
    """A collector on a port of the loopback interface, with a certificate of its own."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="viaduct-rsyslog-"))
        self.port = harness.free_port()
        self.out = self.directory / "records"
        self.process = None
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", str(self.directory / "key.pem"), "-out", str(self.certificate)], check=True, capture_output=True)
        (self.directory / "rsyslog.conf").write_text(f"""
global(workDirectory="{self.directory}" maxMessageSize="16k" DefaultNetstreamDriver="ossl"
       DefaultNetstreamDriverCAFile="{self.certificate}" DefaultNetstreamDriverCertFile="{self.certificate}"
       DefaultNetstreamDriverKeyFile="{self.directory}/key.pem")
module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")
input(type="imtcp" port="{self.port}" address="127.0.0.1")
template(name="record" type="list") {{
  constant(value="{{") property(name="app-name" format="jsonf" outname="app") constant(value=",")
  property(name="msgid" format="jsonf" outname="kind") constant(value=",")
  property(name="syslogfacility-text" format="jsonf" outname="facility") constant(value=",")
  property(name="syslogseverity-text" format="jsonf" outname="severity") constant(value=",")
  property(name="structured-data" format="jsonf" outname="data") constant(value=",")
  property(name="timereported" dateFormat="rfc3339" format="jsonf" outname="time") constant(value="}}\\n")
}}
action(type="omfile" file="{self.out}" template="record" flushOnTXEnd="on" ioBufferSize="1k" asyncWriting="off")
""")

    @property
    def certificate(self):
        return self.directory / "certificate.pem"

    def start(self):
        program = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"
        self.process = subprocess.Popen(
            [program, "-n", "-f", str(self.directory / "rsyslog.conf"), "-i", str(self.directory / "pid")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def records(self):
        """All records that arrived, in order, as the collector understood them."""
        if not self.out.exists():
            return []
        return [json.loads(line) for line in self.out.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def remove(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


def sequence(record):
    return int(parameter(record, "seq"))


def parameter(record, name):
    """Read from the structured data as RFC 5424 §6.3 writes it."""
    data, mark = record["data"], f' {name}="'
    if mark not in data:
        return None
    value, rest = "", data.split(mark, 1)[1]
    while rest[0] != '"':
        step = 2 if rest[0] == "\\" else 1
        value += rest[step - 1]
        rest = rest[step:]
    return value


def content(server, collector):
    client = Client(server)
    try:
        Client(server, user='eve"]\\ [x@vsphere.local\n<13>1', password="wrong")
    except (AssertionError, UnicodeError):
        pass
    client.api("DELETE", "/session")
    wait_until(lambda: any(parameter(one, "operation") == "delete" for one in collector.records()), 60, "the log-out")
    records = collector.records()
    same({one["app"] for one in records}, {"viaduct"}, "application")
    same({one["facility"] for one in records}, {"audit"}, "facility")
    login = next(one for one in records if parameter(one, "operation") == "create" and "ession" in one["kind"])
    same(parameter(login, "user"), harness.ADMINISTRATOR, "user")
    same(parameter(login, "peer"), "127.0.0.1", "address")
    same(parameter(login, "outcome"), "succeeded", "outcome")
    holds(login["time"].endswith("Z") or "+00:00" in login["time"], f"a time in UTC: {login['time']}")
    numbers = [sequence(one) for one in records]
    same(numbers, sorted(set(numbers)), "sequence numbers in order, none twice")


def outage(server, collector):
    before = max(sequence(one) for one in collector.records())
    collector.kill()
    sessions = [Client(server) for _ in range(20)]
    server.kill()
    server.start()
    for client in sessions:
        client.api("DELETE", "/session")
    collector.start()
    wanted = 40
    wait_until(lambda: len({sequence(one) for one in collector.records()} - set(range(before + 1))) >= wanted, 120, "all records")
    late = [one for one in collector.records() if sequence(one) > before]
    deleted = {sequence(one) for one in late if parameter(one, "operation") == "delete"}
    created = {sequence(one) for one in late if parameter(one, "operation") == "create"}
    same((len(created), len(deleted)), (20, 20), "log-ins and log-outs")


def main():
    collector = Rsyslog().start()
    server = Server("syslog", environment={
        "VIADUCT_AUDIT_SYSLOG": f"tls://localhost:{collector.port}",
        "VIADUCT_AUDIT_SYSLOG_TRUST": str(collector.certificate)})
    try:
        server.start()
    except Exception as problem:
        REPORT.fail("the server starts", problem)
    else:
        run_case("rsyslog parses each record: who, what, from where, with what outcome", content, server, collector)
        run_case("nothing is lost while the collector is away, nor over kill -9 of the server", outage, server, collector)
        run_case("the server stops when asked", Server.stop, server)
    collector.remove()
    finish(server)


if __name__ == "__main__":
    main()
