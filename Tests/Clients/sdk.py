"""The official Python SDK (vcf-sdk), unmodified: from log-in to log-out, every answer checked against its types.

The exchanges are left in `.build-clients/logs/sdk-exchanges.jsonl`, readable by `checker.py --exchanges`.
"""
import harness

if __name__ == "__main__":
    harness.enter_environment()

import json
import traceback

import requests
from com.vmware.cis_client import Session, Tasks
from com.vmware.vapi.std import errors_client as errors
from com.vmware.vapi.std.introspection_client import Operation, Provider, Service
from com.vmware.vcenter.vm.hardware_client import Cpu, Disk, Memory
from com.vmware.vcenter.vm_client import GuestOS, Power
from com.vmware.vcenter_client import VM, Cluster, Datacenter, Datastore, Folder, Host, Network, ResourcePool
from vmware.vapi.lib.connect import get_requests_connector
from vmware.vapi.security.client.security_context_filter import LegacySecurityContextFilter
from vmware.vapi.security.session import create_session_security_context
from vmware.vapi.stdlib.client.factories import StubConfigurationFactory
from vmware.vapi.vsphere.client import VsphereClient, create_vsphere_client

import checker
from harness import ADMINISTRATOR, PASSWORD, case, holds, raises, same, wait_until

RECORDING = harness.WORK / "logs" / "sdk-exchanges.jsonl"
OFF, ON, SUSPENDED = Power.State.POWERED_OFF, Power.State.POWERED_ON, Power.State.SUSPENDED


class Recorder:
    """A hook on the SDK's transport: keeps each exchange and what the checker says about it."""

    def __init__(self):
        self.count = 0
        self.problems = []
        RECORDING.parent.mkdir(parents=True, exist_ok=True)
        self.file = open(RECORDING, "w")

    def __call__(self, response, *_arguments, **_options):
        request = json.loads(response.request.body)
        answer = json.loads(response.content)
        self.count += 1
        self.file.write(json.dumps({"request": request, "response": answer, "headers": dict(response.headers)}) + "\n")
        where = "{serviceId} {operationId}".format(**request["params"])
        if response.status_code != 200:
            self.problems.append(f"{where}: HTTP {response.status_code}")
        if response.headers.get("vapi-error", "").endswith(".internal_server_error"):
            self.problems.append(f"{where}: an internal error: {response.text[:300]}")
        if "set-cookie" in response.headers:
            self.problems.append(f"{where}: a cookie, which this client would send back")
        self.problems += [f"{where}: {text}" for text in checker.check_exchange(request, answer, response.headers)]


RECORDER = Recorder()


def transport(server):
    session = requests.Session()
    session.trust_env = False
    session.verify = server.certificate
    session.hooks["response"].append(RECORDER)
    return session


class State:
    """What one case leaves for the next."""
    client = None
    machine = None
    clones = []


def client(server):
    if State.client is None:
        State.client = create_vsphere_client(server.address, ADMINISTRATOR, PASSWORD, session=transport(server))
    return State.client


def configuration(server, session_id):
    """For services that are no attribute of the client, as programs make it."""
    connector = get_requests_connector(
        session=transport(server), url=server.url + "/api",
        provider_filter_chain=[LegacySecurityContextFilter(security_context=create_session_security_context(session_id))])
    return StubConfigurationFactory.new_std_configuration(connector)


@case("create_vsphere_client logs in and sees its session")
def logs_in(server):
    info = client(server).session_svc.get()
    same(info.user.lower(), ADMINISTRATOR, "user")
    holds(info.created_time <= info.last_accessed_time, "created after its last use")


@case("a wrong password is Unauthenticated")
def wrong_password(server):
    with raises(errors.Unauthenticated) as caught:
        create_vsphere_client(server.address, ADMINISTRATOR, "wrong", session=transport(server))
    holds(caught.error.messages, "no message")
    lay_to_rest(caught.error)


def lay_to_rest(error):
    """Gives the client that was never complete the factory that its `__del__` looks for.

    Without one the SDK's `ApiClient.__getattr__` calls itself until the stack ends, and Python 3.11 aborts if the garbage
    collector happens to come by just then: not in each run, and whatever server refused the log-in.
    """
    for frame, _ in traceback.walk_tb(error.__traceback__):
        made = frame.f_locals.get("self")
        if isinstance(made, VsphereClient) and "_stub_factory" not in vars(made):
            made._stub_factory = None


@case("the inventory is listed: datacenter, cluster, hosts, folders, pools, networks, datastores")
def lists_inventory(server):
    vcenter = client(server).vcenter
    datacenter = vcenter.Datacenter.list(Datacenter.FilterSpec())[0]
    detail = vcenter.Datacenter.get(datacenter.datacenter)
    same(detail.name, datacenter.name, "name")
    cluster = vcenter.Cluster.list(Cluster.FilterSpec(datacenters={datacenter.datacenter}))[0]
    same(vcenter.Cluster.get(cluster.cluster).name, cluster.name, "name")
    hosts = vcenter.Host.list(Host.FilterSpec(clusters={cluster.cluster}))
    holds(hosts and all(host.connection_state == Host.ConnectionState.CONNECTED for host in hosts), "hosts connected")
    pool = vcenter.ResourcePool.list(ResourcePool.FilterSpec(clusters={cluster.cluster}))[0]
    same(vcenter.ResourcePool.get(pool.resource_pool).name, pool.name, "name")
    networks = vcenter.Network.list(Network.FilterSpec(datacenters={datacenter.datacenter}))
    holds({network.type for network in networks} >= {Network.Type.STANDARD_PORTGROUP}, "a standard port group")
    folders = vcenter.Folder.list(Folder.FilterSpec(type=Folder.Type.VIRTUAL_MACHINE))
    holds(any(folder.folder == detail.vm_folder for folder in folders), "the datacenter's vm folder")
    datastore = vcenter.Datastore.list(Datastore.FilterSpec(datacenters={datacenter.datacenter}))[0]
    holds(0 < datastore.free_space <= datastore.capacity, "free space within capacity")
    same(vcenter.Datastore.get(datastore.datastore).accessible, True, "accessible")
    roots = vcenter.Folder.list(Folder.FilterSpec(folders={"group-d1"}))
    same([folder.type for folder in roots], [Folder.Type.DATACENTER], "the root folder")


def placement(server):
    vcenter = client(server).vcenter
    datacenter = vcenter.Datacenter.list()[0]
    cluster = vcenter.Cluster.list(Cluster.FilterSpec(datacenters={datacenter.datacenter}))[0]
    return VM.PlacementSpec(
        folder=vcenter.Datacenter.get(datacenter.datacenter).vm_folder,
        resource_pool=vcenter.Cluster.get(cluster.cluster).resource_pool,
        datastore=vcenter.Datastore.list()[0].datastore)


def specification(server, name, **more):
    disk = Disk.CreateSpec(new_vmdk=Disk.VmdkCreateSpec(capacity=64 << 20))
    return VM.CreateSpec(
        guest_os=GuestOS.DEBIAN_12_64, name=name, placement=placement(server), cpu=Cpu.UpdateSpec(count=2),
        memory=Memory.UpdateSpec(size_mib=1024), disks=[disk], **more)


@case("a virtual machine is created and read back")
def creates(server):
    vm = client(server).vcenter.VM
    State.machine = vm.create(specification(server, "sdk-1"))
    info = vm.get(State.machine)
    same((info.name, info.guest_os, info.power_state), ("sdk-1", GuestOS.DEBIAN_12_64, OFF), "name, guest, state")
    same((info.cpu.count, info.memory.size_mib), (2, 1024), "processors and memory")
    same([disk.capacity for disk in info.disks.values()], [64 << 20], "capacities")


@case("every filter of VM.list finds it, and its opposite does not")
def filters(server):
    vcenter = client(server).vcenter
    place = placement(server)
    datacenter = vcenter.Datacenter.list()[0].datacenter
    cluster = vcenter.Cluster.list()[0].cluster
    matching = {
        "vms": {State.machine}, "names": {"sdk-1"}, "folders": {place.folder}, "datacenters": {datacenter},
        "hosts": {host.host for host in vcenter.Host.list()}, "clusters": {cluster},
        "resource_pools": {place.resource_pool}, "power_states": {OFF},
    }
    others = {
        "vms": {"vm-0"}, "names": {"sdk-2"}, "folders": {"group-v0"}, "datacenters": {"datacenter-0"}, "hosts": {"host-0"},
        "clusters": {"domain-c0"}, "resource_pools": {"resgroup-0"}, "power_states": {ON},
    }
    for name, values in matching.items():
        found = vcenter.VM.list(VM.FilterSpec(**{name: values}))
        holds(State.machine in {item.vm for item in found}, f"{name} did not find it")
    for name, values in others.items():
        found = vcenter.VM.list(VM.FilterSpec(**{name: values}))
        holds(State.machine not in {item.vm for item in found}, f"{name} found it wrongly")
    both = vcenter.VM.list(VM.FilterSpec(**matching))
    same([item.vm for item in both], [State.machine], "all filters together")
    same(vcenter.VM.list(VM.FilterSpec(**{**matching, "power_states": {ON}})), [], "filters are joined by and")
    summary = both[0]
    same((summary.name, summary.cpu_count, summary.memory_size_mib), ("sdk-1", 2, 1024), "summary")
    holds(State.machine in {item.vm for item in vcenter.VM.list()}, "a list without filter")


@case("power: start, suspend, start, reset, stop; a state that holds already is AlreadyInDesiredState")
def power(server):
    service = client(server).vcenter.vm.Power
    same(service.get(State.machine).state, OFF, "state")
    with raises(errors.AlreadyInDesiredState):
        service.stop(State.machine)
    with raises(errors.NotAllowedInCurrentState):
        service.reset(State.machine)
    with raises(errors.NotAllowedInCurrentState):
        service.suspend(State.machine)
    for change, state in ((service.start, ON), (service.suspend, SUSPENDED), (service.start, ON), (service.reset, ON)):
        change(State.machine)
        same(service.get(State.machine).state, state, f"after {change.__name__}")
    with raises(errors.AlreadyInDesiredState):
        service.start(State.machine)
    with raises(errors.NotAllowedInCurrentState):
        client(server).vcenter.VM.delete(State.machine)
    service.stop(State.machine)
    same(service.get(State.machine).state, OFF, "state")


@case("disk, CPU and memory are listed, read and updated")
def hardware(server):
    service = client(server).vcenter.vm.hardware
    key = service.Disk.list(State.machine)[0].disk
    disk = service.Disk.get(State.machine, key)
    same(disk.capacity, 64 << 20, "capacity")
    same(disk.backing.type, Disk.BackingType.VMDK_FILE, "backing")
    service.Disk.update(State.machine, key, Disk.UpdateSpec())
    service.Cpu.update(State.machine, Cpu.UpdateSpec(count=4, cores_per_socket=2))
    cpu = service.Cpu.get(State.machine)
    same((cpu.count, cpu.cores_per_socket), (4, 2), "processors")
    service.Memory.update(State.machine, Memory.UpdateSpec(size_mib=2048))
    same(service.Memory.get(State.machine).size_mib, 2048, "memory")


@case("errors are typed: NotFound, AlreadyExists, InvalidArgument, Unauthenticated")
def typed_errors(server):
    vcenter = client(server).vcenter
    with raises(errors.NotFound) as caught:
        vcenter.VM.get("vm-0")
    holds("vm-0" in caught.error.messages[0].args, "the message's arguments name the machine")
    for call in (vcenter.vm.Power.get, vcenter.VM.delete, vcenter.vm.hardware.Disk.list, vcenter.vm.hardware.Cpu.get):
        with raises(errors.NotFound):
            call("vm-0")
    with raises(errors.NotFound):
        vcenter.vm.hardware.Disk.get(State.machine, "9999")
    with raises(errors.AlreadyExists):
        vcenter.VM.create(specification(server, "sdk-1"))
    with raises(errors.InvalidArgument):
        vcenter.vm.hardware.Cpu.update(State.machine, Cpu.UpdateSpec(count=0))
    with raises(errors.NotFound):
        wrong = specification(server, "sdk-wrong")
        wrong.placement.datastore = "datastore-0"
        vcenter.VM.create(wrong)
    same(vcenter.VM.list(VM.FilterSpec(names={"sdk-wrong"})), [], "nothing half-made")
    with raises(errors.Unauthenticated):
        create_vsphere_client(server.address, session_id="no-such-session", session=transport(server)).vcenter.VM.list()


@case("clone answers the new machine; clone_task answers a task that becomes it")
def clones(server):
    vm = client(server).vcenter.VM
    State.clones = [vm.clone(VM.CloneSpec(source=State.machine, name="sdk-clone-1"))]
    task = vm.clone_task(VM.CloneSpec(source=State.machine, name="sdk-clone-2", power_on=True))

    def finished():
        info = task.get_info()
        return info if info.status in ("SUCCEEDED", "FAILED") else None
    info = wait_until(finished, 60, "the clone's task")
    same((info.status, info.service), ("SUCCEEDED", "com.vmware.vcenter.VM"), "status and service")
    same(info.operation.removesuffix("$task"), "clone", "operation")
    holds(info.start_time <= info.end_time, "ended before it started")
    State.clones.append(task.get_result())
    same(vm.get(State.clones[1]).name, "sdk-clone-2", "name of the task's result")
    same(vm.get(State.clones[1]).power_state, ON, "powered on as asked")
    for machine in State.clones:
        same(vm.get(machine).cpu.count, 4, "processors of the clone")
    with raises(errors.AlreadyExists):
        vm.clone(VM.CloneSpec(source=State.machine, name="sdk-clone-1"))
    with raises(errors.NotFound):
        vm.clone(VM.CloneSpec(source="vm-0", name="sdk-clone-3"))


@case("tasks are listed by filter; an unknown one is NotFound")
def lists_tasks(server):
    tasks = Tasks(configuration(server, client(server).get_session_id()))
    found = tasks.list(Tasks.FilterSpec(services={"com.vmware.vcenter.VM"}, status={"SUCCEEDED"}))
    holds(found, "no task of the VM service")
    key, info = next(iter(found.items()))
    same(tasks.get(key, Tasks.GetSpec(exclude_result=True)).result, None, "result left out on demand")
    same(set(tasks.list(Tasks.FilterSpec(tasks={key}))), {key}, "list by identifier")
    same(tasks.list(Tasks.FilterSpec(tasks={key}, status={"RUNNING"})), {}, "filters are joined by and")
    same(info.service, "com.vmware.vcenter.VM", "service")
    with raises(errors.NotFound):
        tasks.get("no-such-task")
    with raises((errors.NotAllowedInCurrentState, errors.Unsupported)):
        tasks.cancel(key)


@case("what is served describes itself")
def introspection(server):
    stubs = configuration(server, client(server).get_session_id())
    services = Service(stubs).list()
    holds({"com.vmware.vcenter.VM", "com.vmware.cis.session", "com.vmware.cis.tasks"} <= set(services), "core services")
    for service in sorted(services):
        if service.startswith("com.vmware.vapi.std.introspection"):
            continue
        known = checker.stub(service)
        for name in sorted(Service(stubs).get(service).operations):
            described = Operation(stubs).get(service_id=service, operation_id=name)
            holds(described.input_definition.name in (None, "operation-input"), f"{service} {name}: input")
            holds(known is None or name in known._operations, f"{service} {name} is not in the SDK")
    holds(Provider(stubs).get().checksum, "the provider's checksum")


@case("machines are deleted, and are gone")
def deletes(server):
    vcenter = client(server).vcenter
    vcenter.vm.Power.stop(State.clones[1])
    for machine in [State.machine, *State.clones]:
        vcenter.VM.delete(machine)
        with raises(errors.NotFound):
            vcenter.VM.get(machine)
    same(vcenter.VM.list(VM.FilterSpec(vms={State.machine, *State.clones})), [], "remaining machines")


@case("after logging out the session is refused")
def logs_out(server):
    token = client(server).get_session_id()
    sessions = Session(configuration(server, token))
    sessions.get()
    sessions.delete()
    with raises(errors.Unauthenticated):
        sessions.get()
    State.client = None


@case("the checker accepted every answer")
def all_checked(_server):
    RECORDER.file.close()
    holds(RECORDER.count > 50, f"only {RECORDER.count} exchanges recorded")
    holds(not RECORDER.problems, f"{len(RECORDER.problems)} problems in {RECORDER.count} answers:\n"
          + "\n".join(sorted(set(RECORDER.problems))[:40]))


if __name__ == "__main__":
    harness.run_cases("sdk")
