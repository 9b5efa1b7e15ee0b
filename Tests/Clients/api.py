"""Small clients of the three wires, for proofs that look at every byte. Not an SDK."""
import itertools
import json
import re
import urllib.parse

import requests

from harness import ADMINISTRATOR, PASSWORD

STANDARD_ERROR = "com.vmware.vapi.std.errors."


class Answer:
    """Status, headers and body of one exchange; `value` is the body read as JSON, `None` if it is empty."""

    def __init__(self, response):
        self.status = response.status_code
        self.headers = response.headers
        self.content = response.content

    @property
    def value(self):
        return json.loads(self.content) if self.content else None

    @property
    def error_type(self):
        """For example `NOT_FOUND`, whichever REST root answered; `None` where no vAPI error was."""
        value = self.value if self.content[:1] == b"{" else None
        if not isinstance(value, dict):
            return None
        if "error_type" in value:
            return value["error_type"]
        name = value.get("type")
        return name.removeprefix(STANDARD_ERROR).upper() if isinstance(name, str) and STANDARD_ERROR in name else None

    @property
    def messages(self):
        value = self.value
        return value.get("messages") or value.get("value", {}).get("messages") or []

    def __repr__(self):
        return f"{self.status} {self.content[:400]!r}"


class Client:
    """One login, usable on all wires: `api` and `rest` for the two REST roots, `rpc` for JSON-RPC."""

    # Called with (what was asked, status) after every exchange of any client.
    observers = []

    def __init__(self, server, user=ADMINISTRATOR, password=PASSWORD, login=True, token=None):
        self.url = server.url
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = server.certificate
        self.token = token
        self._ids = itertools.count()
        if login and token is None:
            answer = self.call("POST", "/api/session", auth=(user, password))
            if answer.status != 201:
                raise AssertionError(f"login: {answer!r}")
            self.token = answer.value

    def call(self, method, path, query=None, body=None, headers=None, data=None, auth=None, stream=False):
        """One request; `body` is sent as JSON, `data` as it is."""
        fields = {"vmware-api-session-id": self.token} if self.token else {}
        if body is not None:
            data, fields["Content-Type"] = json.dumps(body), "application/json"
        fields.update(headers or {})
        response = self.http.request(
            method, self.url + path, params=query, data=data, headers=fields, auth=auth, stream=stream, timeout=120)
        for observe in Client.observers:
            observe(f"{method} {path[:80]}", response.status_code)
        return response if stream else Answer(response)

    def api(self, method, path, query=None, body=None, **more):
        return self.call(method, "/api" + path, query, body, **more)

    def rest(self, method, path, query=None, body=None, **more):
        return self.call(method, "/rest" + path, query, body, **more)

    def must(self, status, method, path, query=None, body=None):
        """An `/api` call that has to succeed; the value it answers."""
        answer = self.api(method, path, query, body)
        if answer.status != status:
            raise AssertionError(f"{method} {path}: {answer!r}, wanted {status}")
        return answer.value

    def rpc(self, service, operation, headers=None, context=None, **parameters):
        """A JSON-RPC call with parameters already in the encoding of data values."""
        request = envelope(service, operation, parameters, self.token if context is None else None, str(next(self._ids)))
        if context is not None:
            request["params"]["ctx"]["securityCtx"] = context
        return self.raw_rpc(json.dumps(request).encode(), headers)

    def raw_rpc(self, content, headers=None):
        fields = {"Content-Type": "application/json", **(headers or {})}
        return Answer(self.http.post(self.url + "/api", data=content, headers=fields, timeout=120))

    # Files of datastores

    def file(self, method, path, datastore, datacenter, **more):
        place = "/folder/" + urllib.parse.quote(path)
        return self.call(method, place, {"dcPath": datacenter, "dsName": datastore}, **more)


def envelope(service, operation, parameters, token, identifier="1"):
    context = {"appCtx": {"opId": "client-proof"}}
    if token:
        context["securityCtx"] = {"schemeId": "com.vmware.vapi.std.security.session_id", "sessionId": token}
    return {
        "jsonrpc": "2.0", "method": "invoke", "id": identifier,
        "params": {"serviceId": service, "operationId": operation, "ctx": context,
                   "input": {"STRUCTURE": {"operation-input": parameters}}},
    }


def datastore_path(text):
    """`("datastore1", "a/b.vmdk")` of `[datastore1] a/b.vmdk`."""
    found = re.fullmatch(r"\[([^\]]+)\] ?(.+)", text)
    if not found:
        raise AssertionError(f"not a datastore path: {text!r}")
    return found.group(1), found.group(2)


class Lab:
    """Where the first datacenter, cluster, folder, pool and datastore of a server are."""

    def __init__(self, client):
        self.client = client
        self.datacenter = self._first("datacenter")
        self.cluster = self._first("cluster")
        self.host = self._first("host")
        self.datastore = self._first("datastore")
        self.folder = self._first("folder", {"type": "VIRTUAL_MACHINE", "datacenters": self.datacenter["datacenter"]})
        self.pool = self._first("resource-pool", {"clusters": self.cluster["cluster"]})

    def _first(self, kind, query=None):
        found = self.client.must(200, "GET", f"/vcenter/{kind}", query)
        if not found:
            raise AssertionError(f"the server has no {kind}")
        return found[0]

    def placement(self):
        return {"folder": self.folder["folder"], "resource_pool": self.pool["resource_pool"],
                "datastore": self.datastore["datastore"]}

    def create_specification(self, name, capacity=16 << 20, vmdk_file=None, **more):
        disk = {"new_vmdk": {"capacity": capacity}}
        if vmdk_file:
            disk = {"backing": {"type": "VMDK_FILE", "vmdk_file": vmdk_file}}
        return {"guest_OS": "DEBIAN_12_64", "name": name, "placement": self.placement(), "disks": [disk],
                "cpu": {"count": 2}, "memory": {"size_MiB": 512}, **more}

    def create(self, name, **more):
        return self.client.must(201, "POST", "/vcenter/vm", body=self.create_specification(name, **more))

    def delete(self, machine):
        self.client.must(204, "DELETE", f"/vcenter/vm/{machine}")

    def file(self, method, path, **more):
        return self.client.file(method, path, self.datastore["name"], self.datacenter["name"], **more)

    def disk_files(self, machine):
        """Datastore paths of a machine's disks, for example `[datastore1] a/a.vmdk`."""
        disks = self.client.must(200, "GET", f"/vcenter/vm/{machine}")["disks"]
        return [disks[key]["backing"]["vmdk_file"] for key in sorted(disks)]
