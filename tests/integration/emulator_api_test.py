"""ssm-lab's API: signatures, errors in AWS's words, nodes and sessions; asked by our own signer and by the AWS CLI."""

import json
import os
import subprocess
import tempfile
import time

from emulator_support import NODE, OFFLINE, STOPPED, EmulatorCase, wait_for

AWS = "/usr/bin/aws"

# Stands in for the real plugin: it writes down what the AWS CLI gives it.
PLUGIN = """#!/bin/sh
printf '%s\\n' "$#" "$@" >"$RECORD"
"""


class EmulatorSignatureTest(EmulatorCase):
    def describe(self, **options):
        return self.lab.api("DescribeInstanceInformation", {}, **options)

    def test_a_wrong_secret(self):
        keys = dict(self.lab.keys, secret_access_key="x" * 40)
        self.assert_fails(self.describe(keys=keys), 400, "InvalidSignatureException",
                          "The request signature we calculated does not match the signature you provided.")
        self.assert_fails(self.describe(break_signature=True), 400, "InvalidSignatureException")

    def test_an_unknown_key(self):
        keys = dict(self.lab.keys, access_key_id="AKIAAAAAAAAAAAAAAAAA")
        self.assert_fails(self.describe(keys=keys), 400, "UnrecognizedClientException",
                          "The security token included in the request is invalid.")

    def test_temporary_keys_need_their_token(self):
        keys = self.lab.ready["temporary"]
        self.assertEqual(self.describe(keys=keys)[0], 200)
        for wrong in (dict(keys, session_token=""), dict(keys, session_token="x" * 400),
                      dict(self.lab.keys, session_token=keys["session_token"])):
            self.assert_fails(self.describe(keys=wrong), 400, "UnrecognizedClientException")
        self.assert_fails(self.describe(keys=keys, unsigned=("x-amz-security-token",)), 400,
                          "InvalidSignatureException")

    def test_an_expired_token(self):
        self.assert_fails(self.describe(keys=self.lab.ready["expired"]), 400, "ExpiredTokenException",
                          "The security token included in the request is expired")

    def test_the_clock(self):
        self.assert_fails(self.describe(offset=-16 * 60), 400, "InvalidSignatureException", "Signature expired: ",
                          " is now earlier than ")
        self.assert_fails(self.describe(offset=16 * 60), 400, "InvalidSignatureException",
                          "Signature not yet current: ", " is still later than ")
        for near in (-200, 200):
            self.assertEqual(self.describe(offset=near)[0], 200)
        self.lab.faults(clock_offset_s=3600)
        self.assert_fails(self.describe(), 400, "InvalidSignatureException", "Signature expired: ")
        self.assertEqual(self.describe(offset=3600)[0], 200)
        _, headers, _ = self.lab.http(self.lab.api_address, "POST", "/", b"{}",
                                      {"x-amz-target": "AmazonSSM.DescribeInstanceInformation"})
        shown = time.strptime(headers["date"], "%a, %d %b %Y %H:%M:%S GMT")
        self.assertAlmostEqual(time.mktime(shown) - time.mktime(time.gmtime()), 3600, delta=5)

    def test_the_scope(self):
        self.assert_fails(self.describe(scope_region="eu-west-1"), 400, "InvalidSignatureException",
                          "Credential should be scoped to a valid region", "'eu-west-1'")
        self.assert_fails(self.describe(scope_service="ec2"), 400, "InvalidSignatureException",
                          "Credential should be scoped to correct service: 'ssm'")

    def test_what_must_be_signed(self):
        for header in ("host", "x-amz-date"):
            self.assert_fails(self.describe(unsigned=(header,)), 400, "InvalidSignatureException", "SignedHeader")

    def test_no_signature_and_half_of_one(self):
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "AmazonSSM.StartSession"}
        for authorization, kind in ((None, "MissingAuthenticationTokenException"),
                                    ("AWS4-HMAC-SHA256 Credential=a/b/c/d/e", "IncompleteSignatureException"),
                                    ("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0",
                                     "IncompleteSignatureException"),
                                    ("Basic Zm9vOmJhcg==", "IncompleteSignatureException")):
            more = {"authorization": authorization} if authorization else {}
            status, reply, data = self.lab.http(self.lab.api_address, "POST", "/", b"{}", dict(headers, **more))
            self.assertEqual((status, json.loads(data)["__type"]), (400, kind))
            self.assertEqual(reply["x-amzn-errortype"], kind)
            self.assertEqual(len(reply["x-amzn-requestid"]), 36)

    def test_denied(self):
        answer = self.lab.api("StartSession", {"Target": NODE, "DocumentName": "AWS-StartSSHSession"},
                              keys=self.lab.ready["denied"])
        self.assert_fails(answer, 400, "AccessDeniedException", "is not authorized to perform: ssm:StartSession on "
                          "resource: arn:aws:ec2:us-east-1:", ":instance/" + NODE)
        self.assertEqual(self.describe(keys=self.lab.ready["denied"])[0], 200)

    def test_a_foreign_operation_and_a_broken_body(self):
        self.assert_fails(self.lab.api("MakeCoffee", {})[:2] + ({"message": ""},), 400, "UnknownOperationException")
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "AmazonSSM.StartSession"}
        for body in (b"", b"[]", b"{", b'{"Target":"a","Target":"b"}', b"\xff"):
            status, _, data = self.lab.signed(self.lab.api_address, "POST", "/", body, "ssm", headers)
            self.assertEqual((status, json.loads(data)["__type"]), (400, "SerializationException"), body)

    def test_throttling_and_failure(self):
        self.lab.faults(throttle_next=2, fail_next=1)
        self.assert_fails(self.describe(), 400, "ThrottlingException", "Rate exceeded")
        self.assert_fails(self.describe(), 400, "ThrottlingException")
        self.assert_fails(self.describe(), 500, "InternalServerError")
        self.assertEqual(self.describe()[0], 200)


class EmulatorApiTest(EmulatorCase):
    def start(self, **members):
        return self.lab.api("StartSession", dict({"Target": NODE, "DocumentName": "AWS-StartSSHSession"}, **members))

    def test_bad_input_to_start_session(self):
        self.assert_fails(self.lab.api("StartSession", {}), 400, "ValidationException", "at 'target'", "null")
        self.assert_fails(self.start(Target="x" * 401), 400, "ValidationException", "less than or equal to 400")
        self.assert_fails(self.start(Target=7), 400, "SerializationException")
        self.assert_fails(self.start(Reason="x" * 257), 400, "ValidationException", "at 'reason'")
        for name in ("AWS-NoSuchDocument", "a", "with space", "x" * 129):
            self.assert_fails(self.start(DocumentName=name), 400, "InvalidDocument")
        for port in ("", "0", "65536", "022", "22 ", "-1", "ssh", "99999999999"):
            self.assert_fails(self.start(Parameters={"portNumber": [port]}), 400, "InvalidParameters", "portNumber")
        self.assert_fails(self.start(Parameters={"portNumber": ["22", "23"]}), 400, "InvalidParameters")
        self.assert_fails(self.start(Parameters={"portNumber": "22"}), 400, "InvalidParameters")
        self.assert_fails(self.start(Parameters={"host": ["localhost"]}), 400, "InvalidParameters", "host")
        self.assert_fails(self.start(Parameters=[]), 400, "SerializationException")
        self.assert_fails(self.start(DocumentName="AWS-RunShellScript"), 400, "InvalidDocument")
        self.assertEqual(self.lab.status()["open_sessions"], 0)

    def test_a_session_as_the_service_gives_it(self):
        status, _, session = self.start(Reason="because")
        self.assertEqual(status, 200)
        self.assertEqual(set(session), {"SessionId", "StreamUrl", "TokenValue"})
        self.assertRegex(session["SessionId"], "^lab-user-[a-z0-9]{26}$")
        self.assertRegex(session["StreamUrl"], "^wss://127.0.0.1:[0-9]+/v1/data-channel/%s[?]role=publish_subscribe"
                         "&cell-number=AAEAA[A-Za-z0-9+/]+==$" % session["SessionId"])
        self.assertGreater(len(session["TokenValue"]), 300)
        arn = self.start(DocumentName="arn:aws:ssm:us-east-1::document/AWS-StartSSHSession")
        self.assertEqual(arn[0], 200)

    def test_a_stream_url_of_choice(self):
        self.lab.faults(stream_url="ws://elsewhere/")
        self.assertEqual(self.start()[2]["StreamUrl"], "ws://elsewhere/")
        self.lab.faults(stream_url=None, start_session_delay_ms=400)
        began = time.monotonic()
        self.assertTrue(self.start()[2]["StreamUrl"].startswith("wss://127.0.0.1:"))
        self.assertGreater(time.monotonic() - began, 0.4)

    def test_resume_and_terminate_of_nothing(self):
        for operation in ("ResumeSession", "TerminateSession"):
            self.assert_fails(self.lab.api(operation, {"SessionId": "nobody-0123"}), 400, "DoesNotExistException")
            self.assert_fails(self.lab.api(operation, {}), 400, "ValidationException", "at 'sessionId'")
            self.assert_fails(self.lab.api(operation, {"SessionId": "x" * 97}), 400, "ValidationException")

    def test_nodes(self):
        nodes = self.lab.must("DescribeInstanceInformation", {})["InstanceInformationList"]
        self.assertEqual([(n["id"], n["status"]) for n in self.lab.ready["nodes"]],
                         [(n["InstanceId"], n["PingStatus"]) for n in nodes])
        self.assertEqual(nodes[2]["ResourceType"], "ManagedInstance")
        self.assertEqual(nodes[2]["Name"], "hybrid")

    def found(self, *filters, **more):
        answer = self.lab.must("DescribeInstanceInformation", dict({"Filters": list(filters)}, **more))
        return [node["InstanceId"] for node in answer["InstanceInformationList"]]

    def test_filters(self):
        self.assertEqual(self.found({"Key": "tag:Name", "Values": ["nothing"]}), [])
        self.assertEqual(self.found({"Key": "tag:Colour", "Values": ["node"]}), [])
        self.assertEqual(self.found({"Key": "InstanceIds", "Values": [NODE, "i-00000000"]}), [NODE])
        self.assertEqual(self.found({"Key": "tag:Name", "Values": ["twin"]}),
                         ["i-0aaaaaaaaaaaaaaa1", "i-0aaaaaaaaaaaaaaa2"])
        self.assertEqual(self.found({"Key": "PingStatus", "Values": ["ConnectionLost"]}), [OFFLINE, STOPPED])
        self.assertEqual(self.found({"Key": "tag:Name", "Values": ["twin", "node"]},
                                    {"Key": "tag:Role", "Values": ["web"]}), [NODE])
        self.assertEqual(self.found({"Key": "tag-key", "Values": ["Owner"]}), ["i-0fedcba9876543210"])
        self.assertEqual(self.found({"Key": "IamRole", "Values": ["lab-node-role"]}), ["mi-0123456789abcdef0"])
        self.assertEqual(self.found({"Key": "SourceIds", "Values": [NODE]}, {"Key": "AssociationStatus", "Values": ["Success"]},
                                    {"Key": "PlatformTypes", "Values": ["Windows", "Linux"]}), [NODE])
        self.assertEqual(self.found(InstanceInformationFilterList=[{"key": "ResourceType",
                                                                    "valueSet": ["ManagedInstance"]}]),
                         ["mi-0123456789abcdef0"])

    def test_filters_that_the_service_refuses(self):
        for filters, kind, words in (
                ([("Shoe", "9")], "InvalidFilterKey", "Shoe"),
                ([("IPAddress", "10.0.0.10")], "InvalidFilterKey", "IPAddress"),
                ([("InstanceIds",)], "InvalidInstanceInformationFilterValue", "value"),
                ([("ResourceType", "EC2Instance", "ManagedInstance")], "InvalidInstanceInformationFilterValue", "only one"),
                ([("ResourceType", "Document")], "InvalidInstanceInformationFilterValue", "valid values are"),
                ([("tag:Name", "node"), ("InstanceIds", NODE)], "ValidationException", "Cannot mix tag")):
            answer = self.lab.api("DescribeInstanceInformation",
                                  {"Filters": [{"Key": key, "Values": values} for key, *values in filters]})
            self.assert_fails(answer, 400, kind, words)
        both = {"Filters": [{"Key": "InstanceIds", "Values": [NODE]}],
                "InstanceInformationFilterList": [{"key": "InstanceIds", "valueSet": [NODE]}]}
        self.assert_fails(self.lab.api("DescribeInstanceInformation", both), 400, "ValidationException")

    def test_pages(self):
        self.assert_fails(self.lab.api("DescribeInstanceInformation", {"MaxResults": 4}), 400, "ValidationException",
                          "greater than or equal to 5")
        self.assert_fails(self.lab.api("DescribeInstanceInformation", {"NextToken": "x"}), 400, "InvalidNextToken")
        first = self.lab.must("DescribeInstanceInformation", {"MaxResults": 5})
        self.assertEqual(len(first["InstanceInformationList"]), 5)
        second = self.lab.must("DescribeInstanceInformation", {"MaxResults": 5, "NextToken": first["NextToken"]})
        self.assertEqual([n["InstanceId"] for n in second["InstanceInformationList"]], [OFFLINE, STOPPED])
        self.assertNotIn("NextToken", second)

    def test_small_pages_and_empty_ones(self):
        self.lab.faults(page_size=2)
        pages, token = [], {}
        while token is not None:
            answer = self.lab.must("DescribeInstanceInformation",
                                   dict({"Filters": [{"Key": "tag:Name", "Values": ["twin"]}]}, **token))
            pages.append([node["InstanceId"] for node in answer["InstanceInformationList"]])
            token = {"NextToken": answer["NextToken"]} if "NextToken" in answer else None
        self.assertEqual(pages, [[], ["i-0aaaaaaaaaaaaaaa1"], ["i-0aaaaaaaaaaaaaaa2"], []])

    def test_connection_status(self):
        for target, status in ((NODE, "connected"), (OFFLINE, "notconnected"), ("i-00000000000000000", "notconnected")):
            self.assertEqual(self.lab.must("GetConnectionStatus", {"Target": target}),
                             {"Target": target, "Status": status})
        self.lab.faults(offline_nodes=[NODE])
        for target in (NODE, STOPPED):
            self.assertEqual(self.lab.must("GetConnectionStatus", {"Target": target})["Status"], "notconnected")
            self.assert_fails(self.start(Target=target), 400, "TargetNotConnected", target + " is not connected.")

    def test_a_container(self):
        container, = self.lab.ready["containers"]
        self.assertRegex(container, "^ecs:lab-cluster_[0-9a-f]{32}_[0-9a-f]{32}-[0-9]+$")
        self.assertEqual(self.lab.must("GetConnectionStatus", {"Target": container})["Status"], "connected")
        self.assertEqual(self.start(Target=container)[0], 200)
        self.assert_fails(self.start(Target=container + "0"), 400, "TargetNotConnected")
        denied = self.lab.api("StartSession", {"Target": container, "DocumentName": "AWS-StartSSHSession"},
                              keys=self.lab.ready["denied"])
        self.assert_fails(denied, 400, "AccessDeniedException",
                          ":task/lab-cluster/" + container.split("_")[1] + " because")

    def test_sessions(self):
        self.assert_fails(self.lab.api("DescribeSessions", {"State": "Sleeping"}), 400, "ValidationException")
        self.assert_fails(self.lab.api("DescribeSessions", {"State": "Active", "Filters": [{"key": "x", "value": "y"}]}),
                          400, "InvalidFilterKey")
        target = self.target()
        ids = [self.lab.start(target.port)["SessionId"] for _ in range(3)]
        self.start(Target="mi-0123456789abcdef0")
        listed = self.lab.must("DescribeSessions", {"State": "Active",
                                                    "Filters": [{"key": "Target", "value": NODE}]})["Sessions"]
        self.assertEqual([session["SessionId"] for session in listed], ids[::-1])
        self.assertEqual({session["Status"] for session in listed}, {"Connected"})
        self.assertEqual(listed[0]["DocumentName"], "AWS-StartSSHSession")
        self.assertTrue(listed[0]["Owner"].startswith("arn:aws:iam::"))
        page = self.lab.must("DescribeSessions", {"State": "Active", "MaxResults": 3})
        self.assertEqual(len(page["Sessions"]), 3)
        rest = self.lab.must("DescribeSessions", {"State": "Active", "NextToken": page["NextToken"]})
        self.assertEqual(len(rest["Sessions"]), 1)
        self.lab.must("TerminateSession", {"SessionId": ids[0]})
        wait_for("its end", lambda: self.lab.status()["open_sessions"] == 3)
        history = self.lab.must("DescribeSessions", {"State": "History"})["Sessions"]
        self.assertEqual([(s["SessionId"], s["Status"]) for s in history], [(ids[0], "Terminated")])
        self.assertGreaterEqual(history[0]["EndDate"], history[0]["StartDate"])

    def test_the_control_interface_says_what_it_does_not_know(self):
        for path, body, status in (("/lab/faults", b'{"no_such_fault":1}', 400), ("/lab/faults", b"[]", 400),
                                   ("/lab/faults", b'{"throttle_next":"x"}', 400), ("/lab/nothing", b"{}", 404),
                                   ("/lab/terminate", b'{"session_id":"x"}', 404)):
            self.assertEqual(self.lab.http(self.lab.api_address, "POST", path, body)[0], status, path)


class EmulatorRegionsTest(EmulatorCase):
    options = ("--seed", "1", "--other-region", "eu-west-1")
    elsewhere = "i-0e15e0e15e0e15e00"

    def test_two_regions(self):
        for region, nodes in (("eu-west-1", [self.elsewhere]), ("us-east-1", [node["id"] for node in self.lab.ready["nodes"]])):
            self.lab.region = region
            listed = self.lab.must("DescribeInstanceInformation", {})["InstanceInformationList"]
            self.assertEqual([node["InstanceId"] for node in listed], nodes)
            for target in (NODE, self.elsewhere):
                is_here = target in nodes
                self.assertEqual(self.lab.must("GetConnectionStatus", {"Target": target})["Status"],
                                 "connected" if is_here else "notconnected")
                answer = self.lab.api("StartSession", {"Target": target, "DocumentName": "AWS-StartSSHSession"})
                self.assertEqual(answer[1], "" if is_here else "TargetNotConnected")
        self.lab.region = "eu-central-1"
        self.assert_fails(self.lab.api("DescribeInstanceInformation", {}), 400, "InvalidSignatureException",
                          "Credential should be scoped to a valid region, not 'eu-central-1'")


class EmulatorAwsCliTest(EmulatorCase):
    """Debian's AWS CLI as an independent client of the API."""

    def setUp(self):
        if not os.access(AWS, os.X_OK):
            self.skipTest("no " + AWS)
        super().setUp()
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.record = os.path.join(self.folder.name, "record")
        plugin = os.path.join(self.folder.name, "session-manager-plugin")
        with open(plugin, "w", encoding="ascii") as file:
            file.write(PLUGIN)
        os.chmod(plugin, 0o700)

    def aws(self, *arguments, **environment):
        ready = self.lab.ready
        settings = {"PATH": self.folder.name + ":" + os.environ["PATH"], "HOME": self.folder.name,
                    "AWS_CA_BUNDLE": ready["ca_file"], "AWS_EC2_METADATA_DISABLED": "true", "RECORD": self.record,
                    "AWS_ACCESS_KEY_ID": ready["access_key_id"], "AWS_DEFAULT_REGION": ready["region"],
                    "AWS_SECRET_ACCESS_KEY": ready["secret_access_key"], "AWS_MAX_ATTEMPTS": "1"}
        done = subprocess.run([AWS, "--endpoint-url", ready["api_url"], "--output", "json", "ssm", *arguments],
                              env=dict(settings, **environment), capture_output=True, text=True, timeout=60,
                              check=False)
        return done.returncode, done.stdout, done.stderr

    def output(self, *arguments):
        code, out, error = self.aws(*arguments)
        self.assertEqual(code, 0, error)
        return json.loads(out) if out.strip() else None

    def test_errors(self):
        for arguments, environment, words in (
                (("start-session", "--target", OFFLINE), {}, "(TargetNotConnected)"),
                (("describe-instance-information",), {"AWS_SECRET_ACCESS_KEY": "wrong"},
                 "(InvalidSignatureException)"),
                (("describe-instance-information",), {"AWS_ACCESS_KEY_ID": "wrong"}, "(UnrecognizedClientException)"),
                (("describe-instance-information",), {"AWS_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt"},
                 "SSL validation failed")):
            code, _, error = self.aws(*arguments, **environment)
            self.assertNotEqual(code, 0)
            self.assertIn(words, error)

    def test_finding_a_node(self):
        nodes = self.output("describe-instance-information", "--filters", "Key=tag:Name,Values=node")
        self.assertEqual([node["InstanceId"] for node in nodes["InstanceInformationList"]], [NODE])
        self.assertEqual(self.output("get-connection-status", "--target", NODE)["Status"], "connected")

    def test_paging_by_itself(self):
        nodes = self.output("describe-instance-information", "--page-size", "5")["InstanceInformationList"]
        self.assertEqual(len(nodes), 7)

    def test_ending_a_session(self):
        session = self.lab.start(self.target().port)["SessionId"]
        sessions = self.output("describe-sessions", "--state", "Active")["Sessions"]
        self.assertEqual([item["SessionId"] for item in sessions], [session])
        self.assertEqual(self.output("terminate-session", "--session-id", session), {"SessionId": session})
        wait_for("its end", lambda: self.lab.status()["open_sessions"] == 0)
        self.assertEqual(self.output("describe-sessions", "--state", "History")["Sessions"][0]["Status"], "Terminated")

    def test_start_session_runs_the_plugin(self):
        port = str(self.target().port)
        self.aws("start-session", "--target", NODE, "--document-name", "AWS-StartSSHSession", "--parameters",
                 "portNumber=" + port)
        with open(self.record, encoding="utf-8") as file:
            count, response, region, operation, profile, request, url = file.read().splitlines()
        self.assertEqual((count, region, operation, profile), ("6", "us-east-1", "StartSession", ""))
        self.assertEqual(url, self.lab.ready["api_url"])
        self.assertEqual(json.loads(request), {"Target": NODE, "DocumentName": "AWS-StartSSHSession",
                                               "Parameters": {"portNumber": [port]}})
        self.assertTrue({"SessionId", "StreamUrl", "TokenValue"} <= set(json.loads(response)))
