"""Checks JSON-RPC answers against the types of VMware's own bindings, more strictly than the SDK itself does.

The client tolerates wrong structure names, unknown fields and unknown enumeration values; a server should not count on
that. So each answer is walked along the binding types of its operation, then given to the runtime for its union rules.

As a program it shows that it refuses what it should, then plays malformed requests to the server (malformed.py).
`checker.py --exchanges FILE` checks a recording instead: one JSON object with `request`, `response`, `headers` a line.
"""
import sys

import harness

if __name__ == "__main__":
    harness.enter_environment()

import base64
import copy
import decimal
import functools
import importlib
import json
import re

from vmware.vapi.bindings import type as binding
from vmware.vapi.bindings.converter import TypeConverter
from vmware.vapi.bindings.stub import StubConfiguration, VapiInterface
from vmware.vapi.data.serializers.jsonrpc import JsonRpcDictToVapi
from vmware.vapi.exception import CoreException

from harness import case, holds, same

EVERYWHERE = {"com.vmware.vapi.std.errors." + name for name in (
    "internal_server_error", "invalid_argument", "operation_not_found", "unauthenticated", "unexpected_input")}
PROTOCOL_ERRORS = {-32700, -32600, -32601, -32602, -32603, -31001}
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


class NoConnector:
    """A stub asks its connector for a provider when it is made, and uses it only when it is called."""

    def get_api_provider(self):
        return None


@functools.cache
def stub(service):
    """The runtime's description of a service of the SDK; `None` if the SDK does not know it."""
    package = service.rpartition(".")[0]
    try:
        module = importlib.import_module(package + "_client")
    except ImportError:
        return None
    for member in vars(module).values():
        if isinstance(member, type) and issubclass(member, VapiInterface) \
                and getattr(member, "_VAPI_SERVICE_ID", None) == service:
            return member(StubConfiguration(NoConnector()))._api_interface
    return None


def operation(service, name):
    described = stub(service)
    return described._operations.get(name) if described else None


def check_exchange(request, response, headers):
    """Problems of one exchange as sentences; none if the answer is what the contract promises.

    - Parameters: the request and response as read from JSON, and the response's header fields.
    """
    problems = []
    if headers is not None and headers.get("Content-Type") != "application/json":
        problems.append(f"Content-Type is {headers.get('Content-Type')!r}")
    if response.get("jsonrpc") != "2.0":
        problems.append("jsonrpc is not \"2.0\"")
    if set(response) not in ({"jsonrpc", "id", "result"}, {"jsonrpc", "id", "error"}):
        return problems + [f"members {sorted(response)}"]
    if "error" in response:
        return problems + _protocol_error(response)
    if response["id"] != request.get("id") or type(response["id"]) is not type(request.get("id")):
        problems.append(f"id {response['id']!r} answers {request.get('id')!r}")
    result = response["result"]
    if not isinstance(result, dict) or set(result) not in ({"output"}, {"error"}):
        return problems + ["result has neither exactly output nor exactly error"]
    service, name = request["params"]["serviceId"], request["params"]["operationId"]
    known = operation(service, name)
    if "error" in result:
        return problems + _error(result["error"], known, headers)
    if headers is not None and "vapi-error" in headers:
        problems.append("header vapi-error on a success")
    if known is None:
        return problems + ([] if service.startswith("com.viaduct.") else [f"{service} {name} is not in the SDK"])
    return problems + check_value(known["output_type"], result["output"])


def _protocol_error(response):
    error = response["error"]
    if not isinstance(error, dict) or not {"code", "message"} <= set(error) <= {"code", "message", "data"}:
        return ["a protocol error has code, message and perhaps data"]
    problems = []
    if error["code"] not in PROTOCOL_ERRORS:
        problems.append(f"unknown protocol error {error['code']}")
    if error["code"] in (-32700, -32600) and response["id"] is not None:
        problems.append("id must be null: no request was understood")
    return problems


def _error(value, known, headers):
    """An ERROR of the operation's throws clause, or one that every operation may raise."""
    if not (isinstance(value, dict) and set(value) == {"ERROR"} and len(value["ERROR"]) == 1):
        return ["error is not one ERROR"]
    name = next(iter(value["ERROR"]))
    problems = []
    if headers is not None and headers.get("vapi-error") != name:
        problems.append(f"header vapi-error is {headers.get('vapi-error')!r}, the error {name}")
    declared = {key for key in known["errors"]} if known else set()
    if known and name not in declared | EVERYWHERE:
        problems.append(f"{name} is not in the throws clause")
    described = error_type(name)
    if described is None:
        return problems + [f"{name} is not an error of the SDK"]
    problems += check_value(described, value)
    kind = value["ERROR"][name].get("error_type", {})
    expected = {"OPTIONAL": name.rpartition(".")[2].upper()}
    if kind != expected:
        problems.append(f"error_type is {kind}, not {expected}")
    if not value["ERROR"][name].get("messages"):
        problems.append("an error without a message explains nothing")
    return problems


@functools.cache
def error_type(name):
    package, _, last = name.rpartition(".")
    try:
        module = importlib.import_module(package + "_client")
    except ImportError:
        return None
    for member in vars(module).values():
        described = getattr(member, "_binding_type", None) or getattr(member, "get_binding_type", lambda: None)()
        if isinstance(described, binding.ErrorType) and described.name == name:
            return described
    return None


def check_value(described, value):
    """Problems of one data value, found by our walk, then by the runtime's own validation and union rules."""
    problems = []
    Walk(problems).visit(described, value, "output")
    if problems:
        return problems
    decoded = JsonRpcDictToVapi.data_value(exact_copy(value))
    if isinstance(described, binding.ReferenceType):
        described = described.resolved_type
    described.definition.complete_value(decoded)
    messages = described.definition.validate(decoded) or []
    if not messages:
        try:
            TypeConverter.convert_to_python(decoded, described)
        except CoreException as refused:
            messages = refused.messages
    return [message.def_msg for message in messages]


def exact_copy(value):
    """The runtime reads decimals, not floats, and takes its input apart while reading."""
    return json.loads(json.dumps(value), parse_float=decimal.Decimal)


class Walk:
    """Compares JSON in the encoding of data values with a binding type; says where they differ."""

    def __init__(self, problems):
        self.problems = problems

    def problem(self, place, text):
        self.problems.append(f"{place}: {text}")

    def visit(self, described, value, place):
        if isinstance(described, binding.ReferenceType):
            described = described.resolved_type
        for kind, method in self.methods.items():
            if isinstance(described, kind):
                return method(self, described, value, place)
        return self.problem(place, f"no rule for {type(described).__name__}")

    def scalar(self, place, value, *kinds):
        if type(value) not in kinds:
            self.problem(place, f"{json.dumps(value)[:60]} is not a {kinds[0].__name__}")
            return False
        return True

    def text(self, described, value, place):
        self.scalar(place, value, str)

    def long(self, described, value, place):
        if self.scalar(place, value, int) and not -(1 << 63) <= value < 1 << 63:
            self.problem(place, f"{value} does not fit 64 bits")

    def wrapped(self, value, place, name):
        if not isinstance(value, dict) or set(value) != {name}:
            self.problem(place, f"{json.dumps(value)[:60]} is not wrapped in {name}")
            return False
        return True

    def secret(self, described, value, place):
        if self.wrapped(value, place, "SECRET"):
            self.scalar(place, value["SECRET"], str)

    def binary(self, described, value, place):
        if self.wrapped(value, place, "BINARY") and self.scalar(place, value["BINARY"], str):
            try:
                base64.b64decode(value["BINARY"], validate=True)
            except ValueError:
                self.problem(place, "not Base64")

    def date_time(self, described, value, place):
        if self.scalar(place, value, str) and not DATE_TIME.fullmatch(value):
            self.problem(place, f"{value!r} is not a date and time with zone")

    def enumeration(self, described, value, place):
        if self.scalar(place, value, str) and value not in described.binding_class.get_values():
            self.problem(place, f"{value!r} is not in {described.name}")

    def optional(self, described, value, place):
        if self.wrapped(value, place, "OPTIONAL") and value["OPTIONAL"] is not None:
            self.visit(described.element_type, value["OPTIONAL"], place)

    def items(self, described, value, place):
        if not self.scalar(place, value, list):
            return
        for index, item in enumerate(value):
            self.visit(described.element_type, item, f"{place}[{index}]")
        if isinstance(described, binding.SetType) and len({json.dumps(item) for item in value}) != len(value):
            self.problem(place, "a set holds an element twice")

    def mapping(self, described, value, place):
        if not self.scalar(place, value, list):
            return
        keys = []
        for index, entry in enumerate(value):
            fields = self.fields_of(entry, "map-entry", f"{place}[{index}]")
            if fields is None:
                continue
            if set(fields) != {"key", "value"}:
                self.problem(f"{place}[{index}]", f"a map entry has key and value, not {sorted(fields)}")
                continue
            keys.append(json.dumps(fields["key"]))
            self.visit(described.key_type, fields["key"], f"{place}[{index}].key")
            self.visit(described.value_type, fields["value"], f"{place}[{fields['key']}]")
        if len(set(keys)) != len(keys):
            self.problem(place, "a key appears twice")

    def fields_of(self, value, name, place, wrapper="STRUCTURE"):
        if not self.wrapped(value, place, wrapper):
            return None
        inner = value[wrapper]
        if not isinstance(inner, dict) or len(inner) != 1:
            self.problem(place, "not exactly one named structure")
            return None
        if name is not None and name not in inner:
            self.problem(place, f"structure {next(iter(inner))}, expected {name}")
            return None
        return next(iter(inner.values()))

    def structure(self, described, value, place):
        wrapper = "ERROR" if isinstance(described, binding.ErrorType) else "STRUCTURE"
        fields = self.fields_of(value, described.name, place, wrapper)
        if fields is None:
            return
        for name in described.get_field_names():
            kind = described.get_field(name)
            if name in fields:
                self.visit(kind, fields[name], f"{place}.{name}")
            elif not isinstance(kind, binding.OptionalType):
                self.problem(place, f"required field {name} is missing")
        for name in set(fields) - set(described.get_field_names()):
            self.problem(place, f"field {name} is not in {described.name}")

    def dynamic(self, described, value, place):
        self.fields_of(value, None, place)

    def any_error(self, described, value, place):
        fields = self.fields_of(value, None, place, "ERROR")
        if fields is not None:
            known = error_type(next(iter(value["ERROR"])))
            if known:
                self.structure(known, value, place)

    def anything(self, described, value, place):
        pass

    def nothing(self, described, value, place):
        if value is not None:
            self.problem(place, "void is null")

    # In order: the first that fits. A dynamic structure and an error are structures to Python.
    methods = {
        binding.VoidType: nothing,
        binding.BooleanType: lambda self, described, value, place: self.scalar(place, value, bool),
        binding.IntegerType: long,
        binding.DoubleType: lambda self, described, value, place: self.scalar(place, value, float, int),
        binding.SecretType: secret,
        binding.BlobType: binary,
        binding.DateTimeType: date_time,
        binding.EnumType: enumeration,
        binding.OptionalType: optional,
        binding.MapType: mapping,
        binding.ListType: items,
        binding.SetType: items,
        binding.DynamicStructType: dynamic,
        binding.StructType: structure,
        binding.AnyErrorType: any_error,
        binding.OpaqueType: anything,
        binding.StringType: text,
        binding.IdType: text,
        binding.URIType: text,
    }


# It refuses what it should


def _request(service, name):
    return {"jsonrpc": "2.0", "method": "invoke", "id": "7",
            "params": {"serviceId": service, "operationId": name, "ctx": {}, "input": {}}}


POWER = _request("com.vmware.vcenter.vm.power", "get")
POWER_ON = {"jsonrpc": "2.0", "id": "7", "result": {"output": {"STRUCTURE": {"com.vmware.vcenter.vm.power.info": {
    "state": "POWERED_ON", "clean_power_off": {"OPTIONAL": None}}}}}}
NOT_FOUND = {"jsonrpc": "2.0", "id": "7", "result": {"error": {"ERROR": {"com.vmware.vapi.std.errors.not_found": {
    "messages": [{"STRUCTURE": {"com.vmware.vapi.std.localizable_message": {
        "id": "com.example.gone", "default_message": "Gone.", "args": []}}}],
    "data": {"OPTIONAL": None}, "error_type": {"OPTIONAL": "NOT_FOUND"}}}}}}


def _changed(answer, change):
    answer = copy.deepcopy(answer)
    change(answer)
    return answer


def _info(answer):
    return answer["result"]["output"]["STRUCTURE"]["com.vmware.vcenter.vm.power.info"]


def _fault(answer):
    return answer["result"]["error"]["ERROR"]["com.vmware.vapi.std.errors.not_found"]


BROKEN = {
    "the id as a number": lambda answer: answer.update(id=7),
    "no jsonrpc": lambda answer: answer.pop("jsonrpc"),
    "output missing": lambda answer: answer.update(result={}),
    "another structure name": lambda answer: answer["result"].update(output={"STRUCTURE": {"other": _info(answer)}}),
    "a bare object": lambda answer: answer["result"].update(output={"state": "POWERED_ON"}),
    "an unknown enumeration value": lambda answer: _info(answer).update(state="HALF"),
    "an unknown field": lambda answer: _info(answer).update(more=1),
    "an optional without its wrapper": lambda answer: _info(answer).update(clean_power_off=None),
    "a required field missing": lambda answer: _info(answer).pop("state"),
    "a field of another union case": lambda answer: _info(answer).update(clean_power_off={"OPTIONAL": True}),
    "a required union field missing": lambda answer: _info(answer).update(state="POWERED_OFF"),
    "void where a value belongs": lambda answer: answer["result"].update(output=None),
}
BROKEN_ERRORS = {
    "an error without messages": lambda answer: _fault(answer).pop("messages"),
    "an error with no message": lambda answer: _fault(answer).update(messages=[]),
    "another error type": lambda answer: _fault(answer).update(error_type={"OPTIONAL": "ERROR"}),
    "an error that is not declared": lambda answer: answer["result"]["error"].update(
        ERROR={"com.vmware.vapi.std.errors.already_exists": _fault(answer)}),
}


@case("the checker accepts correct answers and refuses each kind of wrong one")
def refuses(_server):
    good = {"Content-Type": "application/json"}
    failed = {**good, "vapi-error": "com.vmware.vapi.std.errors.not_found"}
    same(check_exchange(POWER, POWER_ON, good), [], "a correct answer")
    same(check_exchange(POWER, NOT_FOUND, failed), [], "a correct error")
    for name, change in BROKEN.items():
        holds(check_exchange(POWER, _changed(POWER_ON, change), None), f"accepted {name}")
    for name, change in BROKEN_ERRORS.items():
        holds(check_exchange(POWER, _changed(NOT_FOUND, change), None), f"accepted {name}")
    holds(check_exchange(POWER, POWER_ON, {"Content-Type": "application/json; charset=utf-8"}), "accepted a charset")
    holds(check_exchange(POWER, NOT_FOUND, good), "accepted an error without its header")


def check_recording(path):
    """Prints what is wrong with a recording; exit code 1 if anything is."""
    count = wrong = 0
    with open(path) as lines:
        for line in lines:
            exchange = json.loads(line)
            count += 1
            for problem in check_exchange(exchange["request"], exchange["response"], exchange.get("headers")):
                wrong += 1
                parameters = exchange["request"]["params"]
                print(f"{parameters['serviceId']} {parameters['operationId']}: {problem}")
    print(f"{count} exchanges, {wrong} problems")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    if "--exchanges" in sys.argv:
        check_recording(sys.argv[sys.argv.index("--exchanges") + 1])
    sys.modules["checker"] = sys.modules["__main__"]  # malformed.py imports this module by name
    import malformed

    if "--reference" in sys.argv:
        malformed.show_reference()
        sys.exit()
    harness.run_cases("checker", also=["malformed"])
