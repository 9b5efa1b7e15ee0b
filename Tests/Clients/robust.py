"""Clumsy and hostile clients: whatever they send, the server answers with what is wrong, keeps nothing half-made, and lives.

Every answer is watched: a status of 500 or more is a failure of the server unless the case says that it is the honest one.
"""
import harness

if __name__ == "__main__":
    harness.enter_environment()

import concurrent.futures
import hashlib
import json
import os
import re
import socket
import ssl

from api import Client, Lab, envelope
from harness import ADMINISTRATOR, PASSWORD, case, holds, same, wait_until

SEED = """
storage_policies:
  - id: aa6d5a82-1c88-45da-85d3-3d74b91a5bad
    name: Thin Provision
    description: Blocks are taken when they are first written.
    provisioning: thin
datacenters:
  - name: Small
    folders:
      virtual_machine: []
    networks:
      - name: VM Network
        type: STANDARD_PORTGROUP
    datastores:
      - name: small
        capacity_gib: 1
    clusters:
      - name: Cluster
        ha: false
        drs: false
        hosts:
          name: esx-#.small.local
          count: 1
          cpu_cores: 4
          memory_gib: 16
        resource_pools: []
virtual_machines: []
"""
MEBIBYTE = 1 << 20


class State:
    client = None
    lab = None
    # Answers of 500 and more, and whether the running case expects them.
    failures = []
    honest = False


def watch(what, status):
    if status >= 500 and not State.honest:
        State.failures.append(f"{what}: {status}")


def client(server):
    State.honest = False
    if State.client is None:
        Client.observers.append(watch)
        State.client = Client(server)
        State.lab = Lab(State.client)
    return State.client


def refused(answer, *statuses, what=""):
    holds(answer.status in statuses, f"{what}: {answer!r}, wanted {statuses}")
    return answer


# Raw connections


class Wire:
    """A TLS connection on which anything can be written."""

    def __init__(self, server):
        context = ssl.create_default_context(cafile=server.certificate)
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        self.socket = context.wrap_socket(plain, server_hostname="127.0.0.1")
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_problem):
        self.socket.close()

    def send(self, content):
        try:
            self.socket.sendall(content)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            pass  # It has refused us already; the answer says why.
        return self

    def all(self):
        """Everything until the server closes the connection."""
        try:
            while piece := self.socket.recv(65536):
                self.received += piece
        except (ConnectionResetError, ssl.SSLError):
            pass
        return self.received

    def statuses(self):
        return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3}) ", self.all())]


def raw(server, content):
    with Wire(server) as wire:
        statuses = wire.send(content).statuses()
    for status in statuses:
        watch(repr(content[:80]), 0 if status in (501, 505) else status)
    return statuses


def request(method, target, *fields, body=b"", close=True):
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", *fields, *(["Connection: close"] if close else [])]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def login_field():
    return f"vmware-api-session-id: {State.client.token}"


# Input


@case("bodies of the wrong shape are 400 and name what is wrong")
def wrong_types(server):
    caller = client(server)
    good = State.lab.create_specification("robust-shape")
    changes = [
        {"name": 7}, {"name": []}, {"name": {"a": 1}}, {"name": ""}, {"name": "x" * 10000}, {"name": "a/b\u0000c"},
        {"guest_OS": None}, {"guest_OS": "NO_SUCH_SYSTEM"}, {"guest_OS": 1}, {"placement": "here"},
        {"placement": {"folder": 1}}, {"cpu": {"count": "2"}}, {"cpu": {"count": 0}}, {"cpu": {"count": -1}},
        {"cpu": {"count": 2.5}}, {"cpu": {"count": True}}, {"cpu": {"count": 1 << 40}}, {"memory": {"size_MiB": 0}},
        {"memory": {"size_MiB": 1 << 62}}, {"disks": {}}, {"disks": [None]}, {"disks": [7]}, {"disks": [{"new_vmdk": 1}]},
        {"disks": [{"new_vmdk": {"capacity": -1}}]}, {"disks": [{"new_vmdk": {"capacity": 0}}]},
        {"disks": [{"new_vmdk": {"capacity": (1 << 63) - 1}}]}, {"disks": [{"new_vmdk": {"capacity": 1 << 63}}]},
        {"disks": [{"new_vmdk": {"capacity": 10 ** 400}}]}, {"disks": [{"backing": {"type": "VMDK_FILE"}}]},
        {"disks": [{"backing": {"type": "VMDK_FILE", "vmdk_file": "no datastore path"}}]},
        {"disks": [{"backing": {"type": "VMDK_FILE", "vmdk_file": "[small] ../../etc/passwd"}}]}, {"unknown_field": 1},
    ]
    for change in changes:
        answer = caller.api("POST", "/vcenter/vm", body={**good, **change})
        refused(answer, 400, 404, what=json.dumps(change)[:80])
        holds(answer.error_type and answer.messages, f"{change}: {answer!r}")
    for body in ([], "text", 7, None, True):
        refused(caller.api("POST", "/vcenter/vm", data=json.dumps(body), headers={"Content-Type": "application/json"}), 400)
    without = {key: value for key, value in good.items() if key != "guest_OS"}
    answer = refused(caller.api("POST", "/vcenter/vm", body=without), 400)
    holds("guest_OS" in json.dumps(answer.value), "the missing field is named")
    same(caller.must(200, "GET", "/vcenter/vm"), [], "machines made by refused requests")


@case("what is not JSON is 400: cut, deep, huge numbers, bad UTF-8, twice the same member")
def bad_json(server):
    caller, field = client(server), {"Content-Type": "application/json"}
    bodies = [b"", b"{", b'{"name":', b"{]", b"nul", b'{"name":"\xff\xfe"}', b'{"name":"\\ud800"}', b"[" * 100000,
              b'{"a":' * 50000 + b"1" + b"}" * 50000, b'{"cpu":{"count":1e999}}', b'{"cpu":{"count":' + b"9" * 100000 + b"}}",
              b'{"name":"a","name":"b"}', b'{"name":"a"} trailing', b"\x00\x01\x02", b"\xef\xbb\xbf{}"]
    for body in bodies:
        refused(caller.api("POST", "/vcenter/vm", data=body, headers=field), 400, 413, what=repr(body[:40]))
        answer = caller.raw_rpc(body)
        holds(answer.status in (200, 413) and b'"error"' in answer.content, f"JSON-RPC {body[:40]!r}: {answer!r}")


@case("a media type that is not JSON is refused where JSON belongs")
def wrong_media_type(server):
    body = json.dumps(State.lab.create_specification("robust-type"))
    for kind in ("text/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "nonsense"):
        answer = client(server).api("POST", "/vcenter/vm", data=body, headers={"Content-Type": kind})
        refused(answer, 400, 415, what=kind)


@case("tokens that are garbage, ended or not ours are 401; the limit on the header holds")
def tokens(server):
    ended = Client(server)
    same(ended.api("DELETE", "/session").status, 204, "logging out")
    for token in (ended.token, "x", "0" * 64, "' OR 1=1 --", "../../session", "%00", "a" * 4000):
        refused(Client(server, token=token).api("GET", "/vcenter/vm"), 401, what=token[:20])
    for line in (b"vmware-api-session-id: \xff\xfe", b"vmware-api-session-id: ", b"Authorization: Basic ####",
                 b"Authorization: Basic " + b"A" * 100, b"Authorization: Bearer a.b.c", b"Authorization: Nothing"):
        head = b"GET /api/vcenter/vm HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + line + b"\r\n\r\n"
        holds(raw(server, head)[:1] in ([401], [400]), f"{line[:60]!r}: {raw(server, head)}")
    same(raw(server, request("GET", "/api/vcenter/vm", "vmware-api-session-id: " + "a" * 100000)), [431], "a long token")
    context = {"schemeId": "com.vmware.vapi.std.security.session_id", "sessionId": 7}
    for wrong in (context, {"schemeId": "nonsense"}, {}, "text", 7, None):
        answer = client(server).rpc("com.vmware.vcenter.VM", "list", context=wrong or {"schemeId": None})
        holds(b'"error"' in answer.content, f"{wrong}: {answer!r}")


# HTTP


@case("requests that two parsers might read differently are refused and end the connection")
def smuggling(server):
    client(server)
    inner = request("GET", "/api/session", login_field())
    bad = {
        "two lengths": request("POST", "/api", "Content-Length: 0", "Content-Length: 5", body=b"hello"),
        "length and chunks": request("POST", "/api", "Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        "length as a list": request("POST", "/api", "Content-Length: 5, 6", body=b"hello!"),
        "negative length": request("POST", "/api", "Content-Length: -1"),
        "length with a sign": request("POST", "/api", "Content-Length: +5", body=b"hello"),
        "length beyond 64 bits": request("POST", "/api", "Content-Length: 99999999999999999999999"),
        "unknown coding": request("POST", "/api", "Transfer-Encoding: chunked, bogus", body=b"0\r\n\r\n"),
        "chunk size too large": request("POST", "/api", "Transfer-Encoding: chunked", body=b"ffffffffffffffffff\r\n"),
        "chunk size not a number": request("POST", "/api", "Transfer-Encoding: chunked", body=b"0x5\r\nhello\r\n0\r\n\r\n"),
        "blank before the colon": b"GET / HTTP/1.1\r\nHost : h\r\n\r\n",
        "folded field": b"GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n",
        "no host": b"GET / HTTP/1.1\r\n\r\n",
        "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "control character in a field": b"GET / HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n",
        "bare carriage return": b"GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n",
        "method with a blank": b"GE T / HTTP/1.1\r\nHost: h\r\n\r\n",
        "another version": b"GET / HTTP/3.7\r\nHost: h\r\n\r\n",
        "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        "endless line": b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
        "too many fields": request("GET", "/", *[f"X-{index}: y" for index in range(2000)]),
    }
    for name, content in bad.items():
        statuses = raw(server, content + inner)
        holds(len(statuses) == 1 and statuses[0] in (400, 413, 414, 431, 501, 505), f"{name}: {statuses}")


@case("pipelined requests are answered in order; an expectation is met")
def pipelining(server):
    client(server)
    head = [request("GET", "/health/live", close=False)] * 9 + [request("GET", "/health/live")]
    same(raw(server, b"".join(head)), [200] * 10, "ten at once")
    body = json.dumps(envelope("com.vmware.cis.session", "get", {}, State.client.token)).encode()
    fields = ("Content-Type: application/json", f"Content-Length: {len(body)}", "Expect: 100-continue")
    with Wire(server) as wire:
        wire.send(request("POST", "/api", *fields))
        holds(wire.socket.recv(1000).startswith(b"HTTP/1.1 100 "), "100 Continue before the body")
        same(wire.send(body).statuses(), [200], "after the body")


@case("a head that drips in is given up in time, and hurts nobody")
def slow_head(server):
    client(server)
    with Wire(server) as wire:
        wire.send(b"GET /health/live HTTP/1.1\r\nHost: h\r\nX-Slow: ")
        same(State.client.api("GET", "/session").status, 200, "another client meanwhile")
        statuses = wire.statuses()  # waits until the server closes
        holds(statuses in ([408], []), f"a slow head: {statuses}")


@case("many idle connections do not keep others out")
def idle_connections(server):
    client(server)
    wires = [Wire(server) for _ in range(200)]
    same(State.client.api("GET", "/session").status, 200, "another client meanwhile")
    for wire in wires:
        wire.socket.close()


# Files


def file(method, path, **more):
    return State.lab.file(method, path, **more)


def target(path):
    return f"/folder/{path}?dcPath={State.lab.datacenter['name']}&dsName={State.lab.datastore['name']}"


@case("an upload that breaks off leaves no file")
def dropped_upload(server):
    client(server)
    for field, piece in ((f"Content-Length: {64 * MEBIBYTE}", os.urandom(4 * MEBIBYTE)),
                         ("Transfer-Encoding: chunked", b"100000\r\n" + os.urandom(MEBIBYTE) + b"\r\n")):
        with Wire(server) as wire:
            wire.send(request("PUT", target("robust/dropped.vmdk"), login_field(), field) + piece)
        wait_until(lambda: file("HEAD", "robust/dropped.vmdk").status == 404, 30, "the half upload is gone")
    before = os.urandom(MEBIBYTE)
    holds(file("PUT", "robust/kept.vmdk", data=before).status in (200, 201), "a whole upload")
    with Wire(server) as wire:
        head = request("PUT", target("robust/kept.vmdk"), login_field(), f"Content-Length: {64 * MEBIBYTE}")
        wire.send(head + b"x" * MEBIBYTE)
    same(file("GET", "robust/kept.vmdk").content, before, "an upload that replaces a file and breaks off")


@case("two uploads of one path: the file is one of them, whole")
def racing_uploads(server):
    client(server)
    contents = [bytes([index]) * (8 * MEBIBYTE) for index in range(4)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        callers = [Client(server, token=State.client.token) for _ in contents]
        labs = [State.lab.datastore["name"], State.lab.datacenter["name"]]
        pairs = zip(callers, contents, strict=True)
        answers = list(pool.map(lambda pair: pair[0].file("PUT", "robust/raced.vmdk", *labs, data=pair[1]), pairs))
    for answer in answers:
        holds(answer.status in (200, 201, 204, 400, 409, 423), f"{answer!r}")
    winners = [content for content, answer in zip(contents, answers, strict=True) if answer.status < 300]
    holds(file("GET", "robust/raced.vmdk").content in winners, "a mixture of two uploads")


@case("an upload beyond the datastore's capacity is refused and leaves no file")
def beyond_capacity(server):
    client(server)
    State.honest = True
    usage = State.client.must(200, "GET", "/vcenter/datastore")[0]["free_space"]
    wanted = request("PUT", target("robust/large.vmdk"), login_field(), f"Content-Length: {1 << 40}", "Expect: 100-continue")
    statuses = raw(server, wanted)
    holds(statuses and statuses[-1] in (400, 413, 500, 507), f"1 TiB announced: {statuses}")
    same(file("HEAD", "robust/large.vmdk").status, 404, "the file")
    body = State.lab.create_specification("robust-large", capacity=1 << 50)
    answer = State.client.api("POST", "/vcenter/vm", body=body)
    holds(answer.error_type in ("UNABLE_TO_ALLOCATE_RESOURCE", "INVALID_ARGUMENT"), f"a disk of 1 PiB: {answer!r}")
    same(State.client.must(200, "GET", "/vcenter/vm"), [], "machines")
    same(State.client.must(200, "GET", "/vcenter/datastore")[0]["free_space"], usage, "free space")


@case("paths lead nowhere but into the datastore")
def path_tricks(server):
    client(server)
    lab, secret = target("").split("?")[1], login_field()
    paths = ["/folder/../../../../etc/passwd", "/folder/..%2f..%2f..%2fetc/passwd", "/folder/%2e%2e/%2e%2e/etc/passwd",
             "/folder//etc/passwd", "/folder/a%00b", "/folder/" + "a/" * 3000, "/folder/" + "n" * 5000, "/folder/.",
             "/folder/a/../b", "/folder/..", "/folder/%ff%fe", "/folder/a%5c..%5cb", "/folder/%", "/folder/%zz"]
    for path in paths:
        for method in ("GET", "PUT", "DELETE"):
            statuses = raw(server, request(method, f"{path}?{lab}", secret, "Content-Length: 0"))
            holds(statuses and 400 <= statuses[0] < 500, f"{method} {path[:60]}: {statuses}")
    for query in ("", "?dcPath=Small", "?dsName=small", "?dcPath=No&dsName=small", "?dcPath=Small&dsName=no",
                  "?dcPath=Small&dsName=small&dsName=small", "?dcPath=..&dsName=.."):
        statuses = raw(server, request("GET", "/folder/x" + query, secret))
        holds(statuses[0] in (400, 404), f"{query}: {statuses}")
    for path in ("/api/../folder/x", "/api/vcenter/..%2fsession", "//api/session", "/api/vcenter/vm/" + "x" * 3000,
                 "/api/vcenter/vm/%00", "/rest/../api/session", "/api/vcenter/vm/..", "/API/session"):
        statuses = raw(server, request("GET", path, secret))
        holds(statuses and 400 <= statuses[0] < 500, f"{path[:60]}: {statuses}")
    same(Client(server, login=False).file("GET", "robust/kept.vmdk", "small", "Small").status, 401, "a file without log-in")
    basic = Client(server, login=False).file("HEAD", "robust/kept.vmdk", "small", "Small", auth=(ADMINISTRATOR, PASSWORD))
    same(basic.status, 200, "a file with Basic authentication")


@case("ranges are answered exactly, nonsense ranges precisely")
def ranges(server):
    client(server)
    content = os.urandom(MEBIBYTE)
    holds(file("PUT", "robust/ranges.vmdk", data=content).status in (200, 201), "upload")
    wanted = {"bytes=0-0": content[:1], "bytes=100-199": content[100:200], "bytes=-5": content[-5:],
              "bytes=1048575-": content[-1:], "bytes=1000000-9999999": content[1000000:]}
    for field, part in wanted.items():
        answer = file("GET", "robust/ranges.vmdk", headers={"Range": field})
        same((answer.status, answer.content), (206, part), field)
    same(file("GET", "robust/ranges.vmdk", headers={"Range": "bytes=1048576-"}).status, 416, "beyond the end")
    for field in ("bytes=5-1", "bytes=a-b", "items=0-1", "bytes="):
        answer = file("GET", "robust/ranges.vmdk", headers={"Range": field})
        holds(answer.status in (200, 400, 416), f"{field}: {answer.status}")
    digest = hashlib.sha256(file("GET", "robust/ranges.vmdk").content).hexdigest()
    same(digest, hashlib.sha256(content).hexdigest(), "the whole file")


@case("a virtual machine's disk cannot be pulled from under it")
def disk_in_use(server):
    client(server)
    State.honest = True
    machine = State.lab.create("robust-owner", capacity=MEBIBYTE)
    path = State.lab.disk_files(machine)[0].split("] ")[1]
    State.client.must(204, "POST", f"/vcenter/vm/{machine}/power?action=start")
    for method in ("DELETE", "PUT"):
        answer = file(method, path, data=b"x" if method == "PUT" else None)
        holds(400 <= answer.status < 600 and answer.status != 404, f"{method} of a disk in use: {answer!r}")
    State.client.must(204, "POST", f"/vcenter/vm/{machine}/power?action=stop")
    same(file("HEAD", path).status, 200, "the disk is still there")
    State.lab.delete(machine)
    same(file("HEAD", path).status, 404, "the disk of a deleted machine")


@case("after all this the server is the same process, healthy, and has reported no failure of its own")
def still_healthy(server):
    same(server.process.poll(), None, "exit code")
    for path in ("/health/live", "/health/ready"):
        same(State.client.call("GET", path).status, 200, path)
    for name in ("kept", "raced", "ranges"):
        file("DELETE", f"robust/{name}.vmdk")
    same(State.failures, [], "answers of 500 and more")
    log = server.log.read_text(errors="replace")
    for text in ("Fatal error", "INTERNAL_SERVER_ERROR", "internal_server_error", "Segmentation", "precondition"):
        holds(text not in log, f"{text!r} in the log")


if __name__ == "__main__":
    harness.run_cases("robust", seed=SEED, environment={"VIADUCT_SERVER_HEADER_SECONDS": "2"})
