"""ssm-lab's EC2, and the calls that it lets fail for every service: asked by the AWS CLI, by its copy of botocore, and by our
own signer."""

import json
import os
import re
import subprocess
import unittest
import urllib.parse

from emulator_support import NODE, OFFLINE, STOPPED, EmulatorCase, sign, wait_for

try:
    import awscli  # noqa: F401 (puts its own copy of botocore, which counts attempts in another way, in the place of the library)
    import botocore.config
    import botocore.exceptions
    import botocore.session
except ImportError:
    botocore = None

AWS = "/usr/bin/aws"
TWINS = ["i-0aaaaaaaaaaaaaaa1", "i-0aaaaaaaaaaaaaaa2"]
TERMINATED = "i-0deadbeefdeadbee2"


@unittest.skipIf(botocore is None, "awscli is not installed")
class BotocoreCase(EmulatorCase):
    botocore = None

    def client(self, service, keys=None, attempts=1, **config):
        keys = keys or self.lab.keys
        self.botocore = self.botocore or botocore.session.Session()  # reads each service's model once
        return self.botocore.create_client(
            service, region_name=self.lab.region, endpoint_url=self.lab.ready["api_url"], verify=self.lab.ready["ca_file"],
            aws_access_key_id=keys["access_key_id"], aws_secret_access_key=keys["secret_access_key"],
            aws_session_token=keys.get("session_token"), config=botocore.config.Config(
                retries={"mode": "standard", "max_attempts": attempts}, parameter_validation=False, **config))

    def assert_refused(self, status, code, words, call, **parameters):
        with self.assertRaises(botocore.exceptions.ClientError, msg=parameters) as caught:
            call(**parameters)
        answer = caught.exception.response
        self.assertEqual((answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]), (status, code), answer)
        self.assertIn(words, answer["Error"]["Message"])

    def ids(self, ec2, **parameters):
        pages = ec2.get_paginator("describe_instances").paginate(**parameters)
        return [instance["InstanceId"] for page in pages for reservation in page["Reservations"]
                for instance in reservation["Instances"]]

    def raw(self, form, keys=None, is_signed=True):
        """(HTTP status, error code, body) of a form that botocore would not send."""
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        body = urllib.parse.urlencode(form).encode()
        if is_signed:
            headers = sign("POST", self.lab.api_address.netloc, "/", body, "ec2", headers, keys or self.lab.keys, self.lab.region)
        status, _, data = self.lab.http(self.lab.api_address, "POST", "/", body, headers)
        return status, (re.findall("<Code>(.*)</Code>", data.decode()) or [""])[0], data.decode()


class EmulatorEc2Test(BotocoreCase):
    def setUp(self):
        super().setUp()
        self.ec2 = self.client("ec2")

    def found(self, *values, name):
        return self.ids(self.ec2, Filters=[{"Name": name, "Values": list(values)}])

    def test_what_describe_instances_refuses(self):
        describe, named = self.ec2.describe_instances, [{"Name": "tag:Name", "Values": ["x"] * 201}]
        for code, words, parameters in (
                ("InvalidInstanceID.Malformed", 'Invalid id: "nonsense"', {"InstanceIds": ["nonsense"]}),
                ("InvalidInstanceID.Malformed", "mi-0123456789abcdef0", {"InstanceIds": ["mi-0123456789abcdef0"]}),
                ("InvalidInstanceID.NotFound", "The instance ID 'i-00000000' does not exist", {"InstanceIds": [NODE, "i-00000000"]}),
                ("InvalidInstanceID.NotFound", "The instance IDs 'i-00000000, i-00000001' do not exist",
                 {"InstanceIds": ["i-00000000", "i-00000001"]}),
                ("InvalidParameterValue", "The filter 'shoe-size' is invalid", {"Filters": [{"Name": "shoe-size", "Values": ["9"]}]}),
                ("InvalidParameterValue", "has no value", {"Filters": [{"Name": "instance-id", "Values": []}]}),
                ("FilterLimitExceeded", "200", {"Filters": named}),
                ("InvalidParameterValue", "maxResults", {"MaxResults": 4}),
                ("InvalidParameterValue", "maxResults", {"MaxResults": 1001}),
                ("InvalidParameterCombination", "maxResults", {"MaxResults": 5, "InstanceIds": [NODE]}),
                ("InvalidNextToken", "", {"NextToken": "x"}), ("InvalidNextToken", "", {"NextToken": "lab-instances-x"})):
            self.assert_refused(400, code, words, describe, **parameters)
        start = self.ec2.start_instances
        self.assert_refused(400, "InvalidInstanceID.NotFound", "i-00000000", start, InstanceIds=[STOPPED, "i-00000000"])
        self.assert_refused(400, "IncorrectInstanceState", "'%s' is not in a state from which it can be started" % TERMINATED,
                            start, InstanceIds=[STOPPED, TERMINATED])
        self.assert_refused(412, "DryRunOperation", "would have succeeded", start, InstanceIds=[STOPPED], DryRun=True)
        self.assertEqual(self.found("stopped", name="instance-state-name"), [STOPPED], "a refused call starts nothing")
        version = {"Version": "2016-11-15"}
        self.assertEqual(self.raw(dict(version, Action="StartInstances"))[:2], (400, "MissingParameter"))
        self.assertEqual(self.raw(dict(version, Action="MakeCoffee"))[:2], (400, "InvalidAction"))
        self.assertEqual(self.raw(version)[:2], (400, "InvalidAction"))
        self.assertEqual(self.raw(dict(version, Action="DescribeInstances"), is_signed=False)[:2], (400, "MissingParameter"))
        status, _, body = self.raw(dict(version, Action="DescribeInstances", **{"InstanceId.1": "<&>"}))
        self.assertIn("Invalid id: &quot;&lt;&amp;&gt;&quot;", body, status)

    def test_who_may(self):
        ready, keys = self.lab.ready, self.lab.keys
        wrong = (401, "AuthFailure", "AWS was not able to validate the provided access credentials")
        late = (400, "RequestExpired", "Request has expired.")
        for keys, refusal in ((dict(keys, secret_access_key="x" * 40), wrong), (dict(keys, access_key_id="AKIAX"), wrong),
                              (dict(ready["temporary"], session_token="x"), wrong), (ready["expired"], late)):
            self.assert_refused(*refusal, self.client("ec2", keys).describe_instances)
        for region in ("eu-west-1", "us-east-1"):
            self.lab.region = region
            self.lab.faults(clock_offset_s=3600 if region == "us-east-1" else 0)
            self.assert_refused(*(late if region == "us-east-1" else wrong), self.client("ec2").describe_instances)
        self.lab.faults(clock_offset_s=-3600)
        self.assert_refused(*wrong, self.ec2.describe_instances)
        self.assert_refused(403, "SignatureDoesNotMatch", "Signature not yet current: ", self.client("sts").get_caller_identity)
        self.lab.faults(clock_offset_s=3600)
        self.assert_refused(403, "SignatureDoesNotMatch", "Signature expired: ", self.client("sts").get_caller_identity)
        self.lab.faults(clock_offset_s=600)
        self.assertEqual(self.ids(self.ec2, InstanceIds=[NODE]), [NODE])
        self.lab.faults(reset=True)
        denied = self.client("ec2", ready["denied"])
        self.assertEqual(self.ids(denied, InstanceIds=[NODE]), [NODE])
        self.assert_refused(403, "UnauthorizedOperation", "You are not authorized to perform this operation. User: arn:aws:iam:",
                            denied.start_instances, InstanceIds=[STOPPED])

    def test_filters(self):
        for name, value, ids in (
                ("instance-id", NODE, [NODE]), ("private-ip-address", "10.0.0.10", [NODE]), ("ip-address", "203.0.113.10", [NODE]),
                ("network-interface.ipv6-addresses.ipv6-address", "2001:db8::10", [NODE]),
                ("private-dns-name", "ip-10-0-0-10.ec2.internal", [NODE]),
                ("dns-name", "ec2-203-0-113-10.compute-1.amazonaws.com", [NODE]), ("tag:Name", "twin", TWINS),
                ("tag:Name", "t?in", TWINS), ("tag:Name", "*wi*", TWINS), ("tag:Name", "tw*n*x", []), ("tag:Name", "tw\\*", []),
                ("tag:Name", "[t]win", []), ("tag:Name", "Twin", []), ("tag:Shoe", "*", []), ("tag-key", "Own*", ["i-0fedcba9876543210"]),
                ("tag:Owner", 'R&D <Zürich> "team: 1"', ["i-0fedcba9876543210"]), ("instance-state-name", "terminated", [TERMINATED]),
                ("instance-state-code", "80", [STOPPED]), ("private-ip-address", "10.0.0.12", []), ("ip-address", "203.0.113.16", []),
                ("private-ip-address", "10.0.0.19", []), ("ip-address", "203.0.113.11", [])):
            self.assertEqual(self.found(value, name=name), ids, (name, value))
        self.assertEqual(self.found("10.0.0.1?", "10.0.0.99", name="private-ip-address")[:2], [NODE, "i-0fedcba9876543210"])
        filters = [{"Name": "tag:Name", "Values": ["node", "offline"]}, {"Name": "instance-state-name", "Values": ["running"]}]
        self.assertEqual(self.ids(self.ec2, Filters=filters), [NODE, OFFLINE])
        self.assertEqual(self.ids(self.ec2, Filters=filters, InstanceIds=[OFFLINE, STOPPED]), [OFFLINE])
        reservation, = self.ec2.describe_instances(InstanceIds=TWINS)["Reservations"]
        self.assertEqual([instance["InstanceId"] for instance in reservation["Instances"]], TWINS)

    def test_pages(self):
        every = [instance["id"] for instance in self.lab.ready["instances"]]
        self.assertEqual(self.ids(self.ec2), every)
        pages = list(self.ec2.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 5}))
        self.assertEqual([sum(len(r["Instances"]) for r in page["Reservations"]) for page in pages], [5, len(every) - 5])
        self.lab.faults(page_size=2)
        pages = list(self.ec2.get_paginator("describe_instances").paginate(Filters=[{"Name": "tag:Name", "Values": ["twin"]}]))
        self.assertEqual([len(page["Reservations"]) for page in pages], [0, 1, 0, 0, 0])

    def test_instances_as_ec2_shows_them(self):
        for shown in self.lab.ready["instances"]:
            reservation, = self.ec2.describe_instances(InstanceIds=[shown["id"]])["Reservations"]
            instance, = reservation["Instances"]
            is_gone = shown["state"] == "terminated"
            self.assertEqual(instance["State"]["Name"], shown["state"])
            self.assertEqual({tag["Key"]: tag["Value"] for tag in instance["Tags"]}["Name"], shown["name"])
            self.assertEqual(instance.get("PrivateIpAddress"), None if is_gone else shown["private_ipv4"])
            self.assertEqual(instance["PrivateDnsName"], "" if is_gone else shown["private_dns"])
            public = shown["public_ipv4"] if shown["state"] == "running" else ""
            self.assertEqual(instance.get("PublicIpAddress", ""), public)
            self.assertEqual("IamInstanceProfile" in instance, shown["name"] not in ("no-profile", "terminated"))
            self.assertEqual([address["Ipv6Address"] for interface in instance["NetworkInterfaces"]
                              for address in interface["Ipv6Addresses"]], [] if is_gone else [shown["ipv6"]])

    def look(self):
        """(whether the agent is connected, state of the instance), asked in this order."""
        status = self.lab.must("GetConnectionStatus", {"Target": STOPPED})["Status"]
        reservation, = self.ec2.describe_instances(InstanceIds=[STOPPED])["Reservations"]
        return status == "connected", reservation["Instances"][0]["State"]["Name"]

    def test_a_start(self):
        self.lab.faults(instance_pending_ms=60000)
        change, = self.ec2.start_instances(InstanceIds=[STOPPED])["StartingInstances"]
        self.assertEqual((change["PreviousState"], change["CurrentState"]),
                         ({"Code": 80, "Name": "stopped"}, {"Code": 0, "Name": "pending"}))
        self.assertEqual(self.look(), (False, "pending"))
        self.assertEqual(self.found("203.0.113.16", name="ip-address"), [])
        self.lab.faults(instance_states={STOPPED: "stopped"}, instance_pending_ms=1, agent_start_ms=60000)
        self.ec2.start_instances(InstanceIds=[STOPPED])
        wait_for("the instance", lambda: self.look()[1] == "running")
        self.assertEqual(self.look(), (False, "running"))
        self.assertEqual(self.found("203.0.113.16", name="ip-address"), [STOPPED])
        self.lab.faults(instance_states={STOPPED: "stopped"}, agent_start_ms=1)
        self.assertEqual(self.look(), (False, "stopped"))
        self.ec2.start_instances(InstanceIds=[STOPPED])
        wait_for("the agent", lambda: self.look() == (True, "running"))
        change, = self.ec2.start_instances(InstanceIds=[STOPPED])["StartingInstances"]
        self.assertEqual((change["PreviousState"]["Name"], change["CurrentState"]["Name"]), ("running", "running"))
        self.assertEqual(self.lab.api("StartSession", {"Target": STOPPED, "DocumentName": "AWS-StartSSHSession"})[0], 200)
        self.lab.faults(instance_states={STOPPED: "stopping"})
        self.assertEqual(self.look(), (False, "stopping"))
        self.assert_refused(400, "IncorrectInstanceState", STOPPED, self.ec2.start_instances, InstanceIds=[STOPPED])
        for wrong in ({"i-00000000": "stopped"}, {STOPPED: "asleep"}, {STOPPED: 80}):
            self.assertRaises(AssertionError, self.lab.faults, instance_states=wrong)

    def test_the_aws_cli(self):
        if not os.access(AWS, os.X_OK):
            self.skipTest("no " + AWS)
        ready = self.lab.ready
        settings = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_CA_BUNDLE": ready["ca_file"], "AWS_MAX_ATTEMPTS": "1",
                    "AWS_ACCESS_KEY_ID": ready["access_key_id"], "AWS_SECRET_ACCESS_KEY": ready["secret_access_key"],
                    "AWS_DEFAULT_REGION": ready["region"], "AWS_EC2_METADATA_DISABLED": "true"}
        self.lab.faults(calls=[{"action": "ec2:StartInstances", "answer": "deny"}])
        for arguments, words in (
                (("describe-instances", "--filters", "Name=tag:Name,Values=twin", "--query", "Reservations[].Instances[].InstanceId",
                  "--output", "text"), "\t".join(TWINS)),
                (("start-instances", "--instance-ids", STOPPED), "(UnauthorizedOperation) when calling the StartInstances operation")):
            done = subprocess.run([AWS, "--endpoint-url", ready["api_url"], "ec2", *arguments], env=settings, capture_output=True,
                                  text=True, timeout=60, check=False)
            self.assertIn(words, done.stdout + done.stderr)


class EmulatorCallFaultTest(BotocoreCase):
    """Each service fails in its own words."""

    def fail(self, answer, action="*", **more):
        self.lab.faults(calls=[dict({"action": action, "answer": answer}, **more)])

    def calls(self, **options):
        return (self.client("ssm", **options).describe_instance_information, self.client("ec2", **options).describe_instances,
                self.client("sts", **options).get_caller_identity)

    def test_words_of_each_service(self):
        ssm, ec2, sts = self.calls()
        for answer, refusals in (
                ("throttle", ((400, "ThrottlingException", "Rate exceeded"), (503, "RequestLimitExceeded", "Request limit exceeded."),
                              (400, "Throttling", "Rate exceeded"))),
                ("internal", ((500, "InternalServerError", ""), (500, "InternalError", ""), (500, "InternalFailure", ""))),
                ("unavailable", ((503, "ServiceUnavailableException", ""), (503, "Unavailable", ""), (503, "ServiceUnavailable", ""))),
                ("deny", ((400, "AccessDeniedException", "User: arn:aws:iam::111122223333:user/lab-user is not authorized to perform: "
                           "ssm:DescribeInstanceInformation on resource: arn:aws:ssm:us-east-1:111122223333:*"),
                          (403, "UnauthorizedOperation", "You are not authorized to perform this operation."),
                          (403, "AccessDenied", "is not authorized to perform: sts:GetCallerIdentity")))):
            self.fail(answer)
            for call, refusal in zip((ssm, ec2, sts), refusals):
                self.assert_refused(*refusal, call)

    def test_words_of_identity_center(self):
        portal, oidc = self.client("sso").list_accounts, self.client("sso-oidc").register_client
        for answer, refusals in (
                ("throttle", ((429, "TooManyRequestsException", "HTTP 429"), (400, "SlowDownException", ""))),
                ("internal", ((500, "InternalServerException", ""), (500, "InternalServerException", ""))),
                ("unavailable", ((503, "ServiceUnavailableException", ""), (503, "ServiceUnavailableException", ""))),
                ("deny", ((403, "ForbiddenException", "No access"), (400, "AccessDeniedException", "")))):
            self.lab.faults(calls=[{"action": "sso:ListAccounts", "answer": answer}, {"action": "sso-oauth:*", "answer": answer}])
            self.assert_refused(*refusals[0], portal, accessToken="x")
            self.assert_refused(*refusals[1], oidc, clientName="x", clientType="public")
        self.lab.faults(calls=[])
        self.assert_refused(401, "UnauthorizedException", "", portal, accessToken="x")
        self.assertIn("clientId", oidc(clientName="x", clientType="public"))

    def test_which_calls(self):
        ssm, ec2, sts = self.calls()
        self.lab.faults(calls=[{"action": "ssm:*", "answer": "throttle", "count": 1}, {"action": "ssm:*", "answer": "internal", "count": 1},
                               {"action": "ec2:DescribeInstances", "answer": "deny"}, {"action": "ec2", "answer": "throttle"}])
        sts()
        self.assert_refused(400, "ThrottlingException", "", ssm)
        self.assert_refused(500, "InternalServerError", "", ssm)
        ssm()
        for _ in range(3):
            self.assert_refused(403, "UnauthorizedOperation", "", ec2)
        self.client("ec2").start_instances(InstanceIds=[NODE])
        bad = ([{"action": "x"}], [{"answer": "throttle"}], [{"action": "x", "answer": "explode"}], ["x"], [7],
               [{"action": "x", "answer": "deny", "count": "1"}], [{"action": "x", "answer": "deny", "often": 1}],
               [{"action": "x" * 80, "answer": "deny"}], [{"action": "x", "answer": "deny"}] * 33, {})
        for calls in bad:
            self.assertRaises(AssertionError, self.lab.faults, calls=calls)
        self.assert_refused(403, "UnauthorizedOperation", "", ec2)
        self.lab.faults(throttle_next=1, fail_next=1, calls=[])
        self.assert_refused(503, "RequestLimitExceeded", "", ec2)
        self.assert_refused(500, "InternalFailure", "", sts)
        ec2()
        self.fail("deny")
        self.lab.faults(reset=True)
        ec2()

    def test_no_answer(self):
        self.fail("close", count=3)
        for call in self.calls():
            self.assertRaises(botocore.exceptions.ConnectionClosedError, call)
        self.fail("hang", count=1)
        self.assertRaises(botocore.exceptions.ReadTimeoutError, self.client("ec2", read_timeout=0.5).describe_instances)
        for call in self.calls():
            call()

    def test_a_standard_client_tries_again(self):
        for answer in ("throttle", "unavailable", "close"):
            before = self.lab.status()["counters"]["api_calls"]
            self.fail(answer, count=1)
            answer = self.client("ec2", attempts=2).describe_instances(InstanceIds=[NODE])
            self.assertEqual(answer["ResponseMetadata"]["RetryAttempts"], 1)
            self.assertEqual(self.lab.status()["counters"]["api_calls"], before + 2)
