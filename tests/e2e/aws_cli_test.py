"""Debian's AWS CLI, an independent client, against ssm-lab's API."""

import json
import os
import unittest

from lab_case import NODE_ID, LabCase
from workspace import show

AWS = "/usr/bin/aws"

STAND_IN = """\
#!/bin/sh
# In place of the Session Manager plugin: keeps its arguments, one a file.
number=0
for argument; do
    number=$((number + 1))
    printf '%s' "$argument" >"$STAND_IN_DIR/$number"
done
"""


@unittest.skipUnless(os.access(AWS, os.X_OK), "the package awscli is not installed")
class AwsCliTest(LabCase):
    def aws(self, *arguments, **environment):
        command = [AWS, "ssm", *arguments, "--endpoint-url", self.lab.info["api_url"], "--output", "json", "--no-cli-pager"]
        settings = dict(AWS_DEFAULT_REGION=self.lab.info["region"], AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null")
        return self.work.run(command, env=self.lab.environment(**dict(settings, **environment)))

    def answer(self, *arguments, **environment):
        text = show(self.checked(self.aws(*arguments, **environment)).stdout)
        return json.loads(text) if text.strip() else {}

    def start_session(self):
        """Returns the stand-in's arguments."""
        folder = self.work.make_dir("stand-in")
        self.work.write("stand-in/session-manager-plugin", STAND_IN, 0o700)
        self.checked(self.aws("start-session", "--target", NODE_ID, "--document-name", "AWS-StartSSHSession", "--parameters", "portNumber=22",
                              PATH=folder + ":" + os.environ["PATH"], STAND_IN_DIR=folder))
        names = sorted(name for name in os.listdir(folder) if name.isdigit())
        arguments = []
        for name in names:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                arguments.append(file.read())
        return arguments

    def test_wrong_secret_is_refused(self):
        refused = self.aws("describe-instance-information", AWS_SECRET_ACCESS_KEY="wrong")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn(b"InvalidSignatureException", refused.stderr)

    def test_expired_token_is_refused(self):
        keys = self.lab.info["expired"]
        refused = self.aws("describe-instance-information", AWS_ACCESS_KEY_ID=keys["access_key_id"],
                           AWS_SECRET_ACCESS_KEY=keys["secret_access_key"], AWS_SESSION_TOKEN=keys["session_token"])
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn(b"ExpiredTokenException", refused.stderr)

    def test_offline_target_is_refused(self):
        refused = self.aws("start-session", "--target", "i-0badbadbadbadbad0")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn(b"TargetNotConnected", refused.stderr)

    def test_describe_instance_information(self):
        nodes = self.answer("describe-instance-information")["InstanceInformationList"]
        self.assertEqual({node["InstanceId"] for node in nodes}, {node["id"] for node in self.lab.info["nodes"]})
        one = self.answer("describe-instance-information", "--filters", "Key=tag:Name,Values=node")["InstanceInformationList"]
        self.assertEqual([(node["InstanceId"], node["PingStatus"]) for node in one], [(NODE_ID, "Online")])

    def test_describe_instance_information_in_pages(self):
        # The CLI follows NextToken by itself.
        nodes = self.answer("describe-instance-information", "--page-size", "5")["InstanceInformationList"]
        self.assertEqual(len(nodes), len(self.lab.info["nodes"]))

    def test_get_connection_status(self):
        self.assertEqual(self.answer("get-connection-status", "--target", NODE_ID)["Status"], "connected")
        self.assertEqual(self.answer("get-connection-status", "--target", "i-0badbadbadbadbad0")["Status"], "notconnected")

    def test_start_describe_and_terminate_session(self):
        response, region, operation, profile, request, endpoint = self.start_session()
        session = json.loads(response)
        self.assertEqual(set(session) & {"SessionId", "StreamUrl", "TokenValue"}, {"SessionId", "StreamUrl", "TokenValue"})
        self.assertTrue(session["StreamUrl"].startswith("wss://"))
        self.assertEqual((region, operation, profile), (self.lab.info["region"], "StartSession", ""))
        self.assertEqual(json.loads(request)["Target"], NODE_ID)
        self.assertEqual(endpoint, self.lab.info["api_url"])

        active = self.answer("describe-sessions", "--state", "Active")["Sessions"]
        self.assertEqual([(entry["SessionId"], entry["Target"]) for entry in active], [(session["SessionId"], NODE_ID)])

        ended = self.answer("terminate-session", "--session-id", session["SessionId"])
        self.assertEqual(ended["SessionId"], session["SessionId"])
        self.lab.wait_for_no_session()
        self.assertEqual(self.answer("describe-sessions", "--state", "Active")["Sessions"], [])
        history = self.answer("describe-sessions", "--state", "History")["Sessions"]
        self.assertIn(session["SessionId"], [entry["SessionId"] for entry in history])
