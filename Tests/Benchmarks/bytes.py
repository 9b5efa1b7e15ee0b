"""Writes the bytes that both servers answer: a small object and a list of 1,000 virtual machines."""
import json
import pathlib
import sys

out = pathlib.Path(sys.argv[1])
small = json.dumps(
    {"name": "vm-1", "power_state": "POWERED_ON", "guest_OS": "OTHER_64", "cpu": {"count": 2, "cores_per_socket": 1},
     "memory": {"size_MiB": 4096}, "disks": {}, "nics": {}, "instant_clone_frozen": False}, separators=(",", ":"))
machines = [
    {"vm": f"vm-{number}", "name": f"machine-with-a-usual-name-{number:06}", "power_state": "POWERED_ON",
     "cpu_count": 2, "memory_size_MiB": 4096, "note": "x" * 44} for number in range(1000)]
(out / "small.json").write_text(small)
(out / "list.json").write_text(json.dumps(machines, separators=(",", ":")))
(out / "small.conf").write_text(f"location = /small {{ return 200 '{small}'; }}\n")
