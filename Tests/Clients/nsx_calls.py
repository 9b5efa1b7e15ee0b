"""The calls of `nsx.py`: address, user, password and certificate are the arguments."""
import base64
import sys
import traceback

import requests

ADDRESS, USER, PASSWORD, CERTIFICATE = sys.argv[1:5]
BASE = f"https://{ADDRESS}/policy/api/v1"


def session():
    """Log-in by form: cookie and anti-forgery token, as every NSX client has them."""
    result = requests.Session()
    result.verify = CERTIFICATE
    answer = result.post(f"https://{ADDRESS}/api/session/create", data={"j_username": USER, "j_password": PASSWORD})
    answer.raise_for_status()
    result.headers["X-XSRF-TOKEN"] = answer.headers["X-XSRF-TOKEN"]
    return result


def tree(child):
    return {"resource_type": "Infra", "children": child}


DESIRED = tree([
    {"resource_type": "ChildResourceReference", "id": "default", "target_type": "Domain", "children": [
        {"resource_type": "ChildSecurityPolicy", "SecurityPolicy": {
            "resource_type": "SecurityPolicy", "id": "web", "category": "Application", "rules": [{
                "resource_type": "Rule", "id": "allow", "action": "ALLOW", "sequence_number": "10",
                "source_groups": ["ANY"], "destination_groups": ["/infra/domains/default/groups/web"],
                "services": ["/infra/services/HTTPS"]}]}},
        {"resource_type": "ChildGroup", "Group": {"resource_type": "Group", "id": "web", "expression": [{
            "resource_type": "Condition", "member_type": "VirtualMachine", "key": "Tag", "operator": "EQUALS",
            "value": "tier|web"}]}}]},
    {"resource_type": "ChildSegment", "Segment": {
        "resource_type": "Segment", "id": "web", "connectivity_path": "/infra/tier-1s/t1",
        "subnets": [{"gateway_address": "10.20.1.1/24"}], "children": [
            {"resource_type": "ChildSegmentPort", "SegmentPort": {"resource_type": "SegmentPort", "id": "p1"}}]}},
    {"resource_type": "ChildTier1", "Tier1": {"resource_type": "Tier1", "id": "t1"}},
])
PATHS = ["/infra/segments/web", "/infra/segments/web/ports/p1", "/infra/tier-1s/t1", "/infra/domains/default/groups/web",
         "/infra/domains/default/security-policies/web", "/infra/domains/default/security-policies/web/rules/allow"]


def hierarchy():
    web = session()
    for run in range(2):
        answer = web.patch(BASE + "/infra", json=DESIRED)
        assert answer.status_code == 200 and not answer.content, answer.text
    revisions = {path: web.get(BASE + path).json()["_revision"] for path in PATHS}
    assert set(revisions.values()) == {0}, revisions
    refused = web.delete(BASE + "/infra/tier-1s/t1")
    assert refused.status_code == 400 and refused.json()["error_code"] == 500030, refused.text
    found = web.get(BASE + "/search/query", params={"query": "resource_type:Segment AND id:web"}).json()
    assert found["result_count"] == 1, found
    status = web.get(BASE + "/infra/realized-state/status", params={"intent_path": "/infra/segments/web"}).json()
    assert status["publish_status"] == "REALIZED", status
    no_token = requests.Session()
    no_token.verify = CERTIFICATE
    no_token.cookies.update(web.cookies)
    assert no_token.get(BASE + "/infra/segments").status_code == 403


def official():
    from vmware.vapi.lib import connect
    from vmware.vapi.security.user_password import create_user_password_security_context
    from vmware.vapi.stdlib.client.factories import StubConfigurationFactory
    from vcf.nsx.model_client import Segment
    from vcf.nsx.policy.api.v1.infra_client import Segments
    web = requests.Session()
    web.verify = CERTIFICATE
    web.headers["Authorization"] = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    connector = connect.get_requests_connector(session=web, msg_protocol="rest", url=f"https://{ADDRESS}")
    connector.set_security_context(create_user_password_security_context(USER, PASSWORD))
    segments = Segments(StubConfigurationFactory.new_std_configuration(connector))
    for run in range(2):
        segments.policy_lm_patch_infra_segment("sdk", Segment(display_name="SDK"))
    got = segments.policy_lm_read_infra_segment("sdk")
    assert got.display_name == "SDK" and got.revision == 0, got
    got.description = "changed"
    assert segments.policy_lm_create_or_replace_infra_segment("sdk", got).revision == 1
    assert "sdk" in [segment.id for segment in segments.policy_lm_list_all_infra_segments().results]
    segments.policy_lm_delete_infra_segment("sdk")
    assert "sdk" not in [segment.id for segment in segments.policy_lm_list_all_infra_segments().results]


def nsxlib():
    from vmware_nsxlib import v3
    from vmware_nsxlib.v3 import config, policy
    library = policy.NsxPolicyLib(config.NsxLibConfig(
        nsx_api_managers=[f"https://{ADDRESS}"], username=USER, password=PASSWORD, ca_file=CERTIFICATE, insecure=False,
        allow_passthrough=False))
    library.segment.create_or_overwrite("lib", segment_id="lib", description="one")
    assert library.segment.get("lib")["description"] == "one"
    library.segment.update("lib", description="two")
    assert library.segment.get("lib")["description"] == "two"
    assert "lib" in [segment["id"] for segment in library.segment.list()]
    library.segment.delete("lib")
    assert "lib" not in [segment["id"] for segment in library.segment.list()]


def survived():
    web = session()
    for path in PATHS:
        assert web.get(BASE + path).json()["_revision"] == 0, path


CASES = [("hierarchical transactions: a second run moves no revision", hierarchy),
         ("vcf-nsx: create, read, update, list, delete", official),
         ("vmware-nsxlib: create, read, update, list, delete", nsxlib)]
if "survived" in sys.argv:
    CASES = [("everything is there after the server was killed", survived)]

for name, case in CASES:
    try:
        case()
        print("ok   " + name, flush=True)
    except BaseException:
        traceback.print_exc()
        print("FAIL " + name, flush=True)
