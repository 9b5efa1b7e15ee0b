"""Measures servers against each other, in the order A B B A in every round, and prints medians and ratios.

The main number is processor time of the server per request: on a shared machine it is the one that repeats. Wall
throughput and the 99th percentile are printed beside it.
"""
import argparse
import csv
import os
import re
import socket
import ssl
import statistics
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
# Cases and what they ask for; `--path` adds others, which are measured like "small".
PATHS = {"small": "/small", "list": "/list", "handshake": "/small", "stream": "/stream", "idle": "/small"}


class Server:
    def __init__(self, text):
        self.name, port, pid = text.split(":")
        self.port, self.pid = int(port), int(pid)

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/schedstat") as file:
            leader = int(file.read().split()[0])
        total = 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{task}/schedstat") as file:
                total += int(file.read().split()[0])
        return max(total, leader) / 1e9

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/statm") as file:
            return int(file.read().split()[1]) * PAGE

    def url(self, path):
        return f"https://127.0.0.1:{self.port}{path}"


def client(*command):
    """Runs a client on the second processor, in a session of its own that is first in line there."""
    first = "echo -19 > /proc/self/autogroup 2>/dev/null || true; exec taskset -c 1 \"$@\""
    return subprocess.run(("setsid", "--wait", "bash", "-c", first, "client") + command,
                          check=True, capture_output=True, text=True).stdout


def seconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60}[unit]


def load(server, path, connections, duration, headers=()):
    """Runs wrk; processor time and latency per request."""
    extra = [part for header in headers for part in ("-H", header)]
    before = server.cpu_seconds()
    text = client("wrk", "-t1", f"-c{connections}", f"-d{duration}s", "--latency", *extra, server.url(path))
    used = server.cpu_seconds() - before
    count = int(re.search(r"(\d+) requests in", text).group(1))
    errors = re.search(r"Non-2xx.*: (\d+)", text)
    assert errors is None, text
    return {"cpu_us": used / count * 1e6, "per_second": float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)),
            "p99_ms": seconds(re.search(r"99%\s+(\S+)", text).group(1)) * 1e3}


def download(server):
    before, start = server.cpu_seconds(), time.monotonic()
    client("curl", "-sk", "--tlsv1.3", "-o", "/dev/null", server.url("/stream"))
    used, wall = server.cpu_seconds() - before, time.monotonic() - start
    return {"cpu_us": used * 1e6, "per_second": (4 << 30) / wall / 1e6, "p99_ms": 0}


def idle(server, count=10_000):
    """Memory per connection that has had one answer and does nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    request = b"GET /small HTTP/1.1\r\nHost: t\r\n\r\n"
    before = server.resident_bytes()
    used = server.cpu_seconds()
    sockets = []
    for _ in range(count):
        connection = context.wrap_socket(socket.create_connection(("127.0.0.1", server.port)))
        connection.sendall(request)
        connection.recv(65536)
        sockets.append(connection)
    result = {"cpu_us": (server.cpu_seconds() - used) / count * 1e6,
              "per_second": (server.resident_bytes() - before) / count, "p99_ms": 0}
    for connection in sockets:
        connection.close()
    return result


def measure(case, server, duration, headers):
    if case == "handshake":
        return load(server, PATHS[case], 32, duration, headers + ["Connection: close"])
    if case == "stream":
        return download(server)
    if case == "idle":
        return idle(server)
    return load(server, PATHS[case], 64, duration, headers)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", action="append", type=Server)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--csv", required=True)
    parser.add_argument("--path", action="append", default=[], help="NAME=PATH")
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("cases", nargs="*", default=[])
    options = parser.parse_args()
    first, second = options.server
    PATHS.update(pair.split("=", 1) for pair in options.path)
    rows = []
    for case in options.cases or list(PATHS):
        results = {first.name: [], second.name: []}
        rounds = 1 if case == "idle" else options.rounds
        order = [first, second] if case == "idle" else [first, second, second, first]
        for _ in range(rounds):
            for server in order:
                result = measure(case, server, options.seconds, options.header)
                results[server.name].append(result)
                rows.append({"case": case, "server": server.name, **result})
        report(case, first, second, results)
    with open(options.csv, "w", newline="") as file:
        writer = csv.DictWriter(file, ["case", "server", "cpu_us", "per_second", "p99_ms"])
        writer.writeheader()
        writer.writerows(rows)


def report(case, first, second, results):
    middle = {name: {key: statistics.median(one[key] for one in list_) for key in list_[0]}
              for name, list_ in results.items()}
    ours, theirs = middle[first.name], middle[second.name]
    unit = {"stream": "MB/s", "idle": "bytes/connection"}.get(case, "requests/s")
    for name, values in middle.items():
        print(f"{case:10} {name:8} cpu {values['cpu_us']:12.2f} us   {values['per_second']:12.1f} {unit}"
              f"   p99 {values['p99_ms']:7.2f} ms")
    line = f"{case:10} ratio    per cpu second {theirs['cpu_us'] / ours['cpu_us']:.2f}"
    if case != "idle":
        line += f"   throughput {ours['per_second'] / theirs['per_second']:.2f}"
    if theirs["p99_ms"]:
        line += f"   p99 {ours['p99_ms'] / theirs['p99_ms']:.2f}"
    print(line, flush=True)


main()
