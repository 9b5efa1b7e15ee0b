"""A client generated from the served `/openapi.json` by openapi-python-client lists and creates virtual machines.

Function names depend on the document's operation ids, so the generated modules are found by the method and path they call.
"""
import harness

if __name__ == "__main__":
    harness.enter_environment()

import importlib
import inspect
import json
import os
import pathlib
import pkgutil
import re
import ssl
import subprocess
import sys
import tempfile
import typing

import requests

from api import Client, Lab
from harness import case, holds, same


class State:
    package = None
    document = None
    machine = None
    directory = tempfile.TemporaryDirectory(prefix="viaduct-generated-")


@case("the document is served to everybody, is OpenAPI 3 and names every served path once")
def served(server):
    answer = requests.get(server.url + "/openapi.json", verify=server.certificate, timeout=60)
    same((answer.status_code, answer.headers["Content-Type"]), (200, "application/json"), "status and type")
    State.document = answer.json()
    holds(re.match(r"3\.[01]\.", State.document["openapi"]), "version")
    identifiers = [operation["operationId"] for path in State.document["paths"].values()
                   for method, operation in path.items() if method in ("get", "post", "put", "patch", "delete")]
    same(len(set(identifiers)), len(identifiers), "operation ids are unique")


@case("openapi-python-client generates a package from it")
def generates(_server):
    directory = pathlib.Path(State.directory.name)
    (directory / "openapi.json").write_text(json.dumps(State.document))
    tool = pathlib.Path(sys.executable).parent / "openapi-python-client"
    environment = {**os.environ, "PATH": f"{tool.parent}{os.pathsep}{os.environ['PATH']}"}
    run = subprocess.run(
        [str(tool), "generate", "--path", str(directory / "openapi.json"), "--output-path", str(directory / "viaduct_client"),
         "--meta", "none"], capture_output=True, text=True, env=environment)
    same(run.returncode, 0, run.stdout[-3000:] + run.stderr[-3000:] + "\nexit code")
    holds("unable to parse" not in run.stdout.lower(), "parts were left out:\n" + run.stdout[-3000:])
    sys.path.insert(0, str(directory))
    State.package = importlib.import_module("viaduct_client")


def calls(method, path):
    """The generated module that sends `method` to `path`."""
    api = importlib.import_module("viaduct_client.api")
    for info in pkgutil.walk_packages(api.__path__, api.__name__ + "."):
        module = importlib.import_module(info.name)
        if not hasattr(module, "sync_detailed"):
            continue
        source = inspect.getsource(module._get_kwargs)
        url = re.search(r'"url": "([^"]+)"', source)
        if url and f'"method": "{method}"' in source and url.group(1).removeprefix("/api") == path:
            return module
    raise AssertionError(f"no generated call for {method} {path}")


def client(server):
    token = Client(server).token
    prefix = State.document.get("servers", [{"url": ""}])[0]["url"]
    base = "" if any(path.startswith("/api/") for path in State.document["paths"]) else "/api"
    holds(prefix in ("", "/", "/api") or prefix.startswith("https://"), f"server {prefix}")
    context = ssl.create_default_context(cafile=server.certificate)
    return State.package.AuthenticatedClient(
        base_url=server.url + base, token=token, prefix="", auth_header_name="vmware-api-session-id", verify_ssl=context)


@case("the generated client creates a machine")
def creates(server):
    module = calls("post", "/vcenter/vm")
    model = typing.get_type_hints(module.sync_detailed)["body"]
    options = [kind for kind in (typing.get_args(model) or (model,)) if hasattr(kind, "from_dict")]
    body = options[0].from_dict(Lab(Client(server)).create_specification("generated-1"))
    answer = module.sync_detailed(client=client(server), body=body)
    same(int(answer.status_code), 201, f"{answer.content!r}\nstatus")
    State.machine = answer.parsed
    holds(isinstance(State.machine, str), "a bare identifier")


@case("the generated client lists it, with and without filter")
def lists(server):
    module = calls("get", "/vcenter/vm")
    everything = module.sync_detailed(client=client(server))
    same(int(everything.status_code), 200, f"{everything.content!r}\nstatus")
    same([(item.vm, item.name) for item in everything.parsed], [(State.machine, "generated-1")], "machines")
    same(module.sync_detailed(client=client(server), names=["other"]).parsed, [], "machines of another name")


@case("the generated client reads errors")
def reads_errors(server):
    module = calls("get", "/vcenter/vm/{vm}")
    answer = module.sync_detailed(vm="vm-0", client=client(server))
    same(int(answer.status_code), 404, "status")
    holds(answer.parsed is not None, "the document describes the error's body")


if __name__ == "__main__":
    harness.run_cases("generated")
