"""Documents of one's own, and callers who may do only what a policy says: asked by the AWS CLI's copy of botocore."""

import json
import os
import re

from emulator_ec2_test import BotocoreCase
from emulator_support import NODE, wait_for
from workspace import SOURCE_DIR, Workspace

SECOND, HYBRID = "i-0fedcba9876543210", "mi-0123456789abcdef0"
ACCOUNT = "111122223333"
RUNNING = ("Pending", "InProgress", "Cancelling")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA" + "x" * 44


def our_document(name):
    with open(os.path.join(SOURCE_DIR, "sshd-config", "ssm-documents", name + ".json"), encoding="utf-8") as file:
        return file.read()


def document(*commands, **members):
    step = {"action": "aws:runShellScript", "name": "step", "inputs": {"runCommand": list(commands)}}
    return json.dumps(dict({"schemaVersion": "2.2", "mainSteps": [step]}, **members))


class DocumentCase(BotocoreCase):
    def setUp(self):
        super().setUp()
        self.ssm = self.client("ssm")
        self.lab.faults(invocation_delay_ms=10)

    def create(self, name, content, **more):
        return self.ssm.create_document(Name=name, Content=content, DocumentType="Command", **more)["DocumentDescription"]

    def run_document(self, name, node=NODE, ssm=None, **parameters):
        """The finished invocation."""
        ssm = ssm or self.ssm
        values = {key: [value] if isinstance(value, str) else value for key, value in parameters.items()}
        asked = {"CommandId": ssm.send_command(DocumentName=name, InstanceIds=[node], Parameters=values)["Command"]["CommandId"],
                 "InstanceId": node}
        wait_for("its end", lambda: all(item["Status"] not in RUNNING for item in self.ssm.list_commands(
            CommandId=asked["CommandId"])["Commands"]))
        return ssm.get_command_invocation(**asked)

    def user(self, name, *statements):
        """Keys of somebody whose policy has these statements."""
        policy = {"Version": "2012-10-17", "Statement": list(statements)}
        return self.lab_post("/lab/identity", {"issue_key": {"name": name, "policy": policy}})["key"]

    def lab_post(self, path, body, status=200):
        answer = self.lab.http(self.lab.api_address, "POST", path, json.dumps(body).encode())
        self.assertEqual(answer[0], status, answer)
        return json.loads(answer[2])


class EmulatorDocumentTest(DocumentCase):
    def test_what_is_refused(self):
        create = self.ssm.create_document
        self.create("mine", document("true"))
        two = json.dumps({"schemaVersion": "2.2", "mainSteps": json.loads(document("true"))["mainSteps"] * 2})
        for code, name, content in (
                ("DocumentAlreadyExists", "mine", document("true")),
                ("ValidationException", "AWS-Mine", document("true")), ("ValidationException", "no/slash", document("true")),
                ("InvalidDocumentContent", "other", "nonsense"), ("InvalidDocumentContent", "other", "[]"),
                ("InvalidDocumentContent", "other", two), ("InvalidDocumentContent", "other", document(mainSteps=[])),
                ("InvalidDocumentContent", "other", document("true").replace("runShellScript", "runAnything")),
                ("InvalidDocumentContent", "other", document("true").replace("runCommand", "runNothing")),
                ("InvalidDocumentContent", "other", document("x", parameters={"a": {"type": "String", "allowedPattern": "("}})),
                ("InvalidDocumentContent", "other", document("x", parameters={"a": {"type": "Colour"}})),
                ("InvalidDocumentSchemaVersion", "other", document("true", schemaVersion="0.3")),
                ("MaxDocumentSizeExceeded", "other", document("x" * 70000))):
            self.assert_refused(400, code, "", create, Name=name, Content=content, DocumentType="Command")
        for call in (self.ssm.get_document, self.ssm.describe_document, self.ssm.delete_document):
            self.assert_refused(400, "InvalidDocument", "does not exist", call, Name="other")
        self.assert_refused(400, "InvalidDocumentVersion", "", self.ssm.get_document, Name="mine", DocumentVersion="2")
        self.assert_refused(400, "InvalidDocument", "", self.ssm.delete_document, Name="AWS-RunShellScript")
        denied = self.client("ssm", self.lab.ready["denied"])
        self.assertEqual(denied.get_document(Name="mine")["Name"], "mine", "who may look, may look")
        self.assert_refused(400, "AccessDeniedException", "", denied.delete_document, Name="mine")
        self.assert_refused(400, "AccessDeniedException", "", denied.create_document, Name="other", Content=document("true"))
        for path, body in (("/lab/identity", {"issue_key": {"name": "x", "policy": {}}}),
                           ("/lab/identity", {"issue_key": {"name": "a/b", "policy": {"Statement": []}}}),
                           ("/lab/identity", {"issue_key": {"name": "x", "policy": {"Statement": {
                               "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"x": "y"}}}}}})):
            self.lab_post(path, body, 400)

    def test_our_two_documents_as_they_are(self):
        for name in ("ssm-bridge-accept-key", "ssm-bridge-host-keys"):
            text = our_document(name)
            made = self.create(name, text)
            self.assertEqual((made["Status"], made["PlatformTypes"], made["SchemaVersion"]), ("Active", ["Linux"], "2.2"))
            self.assertEqual(self.ssm.get_document(Name=name)["Content"], text)
        shown = self.ssm.describe_document(Name=f"arn:aws:ssm:us-east-1:{ACCOUNT}:document/ssm-bridge-accept-key")["Document"]
        self.assertEqual([(p["Name"], p["Type"], p.get("DefaultValue")) for p in shown["Parameters"]],
                         [("user", "String", None), ("publicKey", "String", None), ("seconds", "String", "60")])
        send = self.ssm.send_command
        good = {"user": ["somebody"], "publicKey": [KEY], "seconds": ["60"]}
        for bad in ({"user": ["Somebody"]}, {"user": ["x'; id; '"]}, {"user": ["a", "b"]}, {"user": []}, {"seconds": ["0"]},
                    {"seconds": ["1000"]}, {"publicKey": [KEY + " comment"]}, {"publicKey": [KEY + "\n" + KEY]},
                    {"publicKey": ["x" + KEY]}, {"shell": ["bash"]}):
            self.assert_refused(400, "InvalidParameters", "", send, DocumentName="ssm-bridge-accept-key", InstanceIds=[NODE],
                                Parameters=dict(good, **bad))
        self.assert_refused(400, "InvalidParameters", "publicKey", send, DocumentName="ssm-bridge-accept-key", InstanceIds=[NODE],
                            Parameters={"user": ["somebody"]})
        self.ssm.delete_document(Name="ssm-bridge-host-keys")
        self.assert_refused(400, "InvalidDocument", "", send, DocumentName="ssm-bridge-host-keys", InstanceIds=[NODE])

    def test_parameters_become_text(self):
        declared = {"word": {"type": "String", "default": "none"}, "lines": {"type": "StringList", "default": ["echo d"]},
                    "kind": {"type": "String", "default": "a", "allowedValues": ["a", "b"]}}
        inputs = {"runCommand": ["echo '{{word}}-{{ word }}' {{ other }} { {{kind}}", "{{ lines }}"], "timeoutSeconds": 20}
        step = {"action": "aws:runShellScript", "name": "sayIt", "inputs": inputs}
        self.create("words", document(parameters=declared, mainSteps=[step]))
        result = self.run_document("words")
        self.assertEqual((result["StandardOutputContent"], result["PluginName"]), ("none-none {{ other }} { a\nd\n", "sayIt"))
        result = self.run_document("words", word="it", lines=["echo 1", "echo 2"], kind="b")
        self.assertEqual(result["StandardOutputContent"], "it-it {{ other }} { b\n1\n2\n")
        self.assert_refused(400, "InvalidParameters", "kind", self.ssm.send_command, DocumentName="words", InstanceIds=[NODE],
                            Parameters={"kind": ["c"]})


class EmulatorPermissionTest(DocumentCase):
    def documented_policy(self):
        """The one of docs/keys.md, for this account, and a tag that a node of the lab has."""
        with open(os.path.join(SOURCE_DIR, "docs", "keys.md"), encoding="utf-8") as file:
            text = re.search(r"```json\n(\{\n  \"Version\".*?)```", file.read(), re.DOTALL).group(1)
        text = text.replace("123456789012", ACCOUNT).replace("aws:ResourceTag/ssm-bridge", "aws:ResourceTag/Role")
        return json.loads(text.replace('"yes"', '"web"'))

    def test_our_two_documents_and_nothing_else(self):
        for name in ("ssm-bridge-accept-key", "ssm-bridge-host-keys"):
            self.create(name, our_document(name))
        self.create("ssm-bridge-other", document("true"))
        key = self.user("two-documents", *self.documented_policy()["Statement"])
        self.assertEqual(key["principal"], f"arn:aws:iam::{ACCOUNT}:user/two-documents")
        ssm = self.client("ssm", key)
        self.assertEqual(self.run_document("ssm-bridge-host-keys", ssm=ssm)["PluginName"], "printHostKeys")
        denied = f"User: {key['principal']} is not authorized to perform: ssm:"
        for words, call, parameters in (
                ("SendCommand on resource: arn:aws:ssm:us-east-1::document/AWS-RunShellScript because", ssm.send_command,
                 {"DocumentName": "AWS-RunShellScript", "InstanceIds": [NODE], "Parameters": {"commands": ["id"]}}),
                (f"SendCommand on resource: arn:aws:ssm:us-east-1:{ACCOUNT}:document/ssm-bridge-other because", ssm.send_command,
                 {"DocumentName": "ssm-bridge-other", "InstanceIds": [NODE]}),
                (f"SendCommand on resource: arn:aws:ec2:us-east-1:{ACCOUNT}:instance/{SECOND} because", ssm.send_command,
                 {"DocumentName": "ssm-bridge-host-keys", "InstanceIds": [SECOND]}),
                (f"SendCommand on resource: arn:aws:ssm:us-east-1:{ACCOUNT}:managed-instance/{HYBRID} because", ssm.send_command,
                 {"DocumentName": "ssm-bridge-host-keys", "Targets": [{"Key": "InstanceIds", "Values": [HYBRID]}]}),
                (f"StartSession on resource: arn:aws:ec2:us-east-1:{ACCOUNT}:instance/{NODE} because", ssm.start_session,
                 {"Target": NODE}),
                (f"GetDocument on resource: arn:aws:ssm:us-east-1:{ACCOUNT}:document/ssm-bridge-host-keys because",
                 ssm.get_document, {"Name": "ssm-bridge-host-keys"}),
                (f"CreateDocument on resource: arn:aws:ssm:us-east-1:{ACCOUNT}:document/mine because", ssm.create_document,
                 {"Name": "mine", "Content": document("id")}),
                ("DescribeInstanceInformation on resource: ", ssm.describe_instance_information, {}),
                ("ListCommandInvocations on resource: ", ssm.list_command_invocations, {})):
            self.assert_refused(400, "AccessDeniedException", denied + words, call, **parameters)
        ec2 = self.client("ec2", key)
        self.assert_refused(403, "UnauthorizedOperation", "ec2:DescribeInstances", ec2.describe_instances)
        self.assert_refused(403, "UnauthorizedOperation", "ec2:StartInstances", ec2.start_instances, InstanceIds=[NODE])
        looker = self.client("ec2", self.user("console", {"Effect": "Allow", "Action": "ec2:GetConsoleOutput",
                                                          "Resource": f"arn:aws:ec2:*:{ACCOUNT}:instance/{NODE}"}))
        self.assertEqual(looker.get_console_output(InstanceId=NODE)["InstanceId"], NODE)
        self.assert_refused(403, "UnauthorizedOperation", "ec2:GetConsoleOutput", looker.get_console_output, InstanceId=SECOND)
        connect = self.client("ec2-instance-connect", key)
        self.assert_refused(400, "AccessDeniedException", f"instance/{NODE} because", connect.send_ssh_public_key,
                            InstanceId=NODE, InstanceOSUser="x", SSHPublicKey=KEY)

    def test_sessions_on_tagged_nodes_alone(self):
        allow = {"Effect": "Allow", "Action": ["ssm:StartSession"], "Resource": f"arn:aws:ec2:*:{ACCOUNT}:instance/*",
                 "Condition": {"StringLike": {"ssm:resourceTag/Role": ["w?b"]}}}
        documents = {"Effect": "Allow", "Action": "ssm:startsession", "NotResource": "arn:aws:ec2:*"}
        end = {"Effect": "Allow", "NotAction": "ssm:StartSession", "Resource": "arn:aws:ssm:*:*:session/tagged-*"}
        never = {"Effect": "Deny", "Action": "*", "Resource": "*AWS-StartPortForwardingSession"}
        ssm = self.client("ssm", self.user("tagged", allow, documents, end, never))
        session = ssm.start_session(Target=NODE, DocumentName="AWS-StartSSHSession")["SessionId"]
        self.assertEqual(ssm.terminate_session(SessionId=session)["SessionId"], session)
        self.assert_refused(400, "AccessDeniedException", f"instance/{SECOND} because", ssm.start_session, Target=SECOND,
                            DocumentName="AWS-StartSSHSession")
        self.assert_refused(400, "AccessDeniedException", "with an explicit deny in an identity-based policy", ssm.start_session,
                            Target=NODE, DocumentName="AWS-StartPortForwardingSession")
        foreign = self.ssm.start_session(Target=NODE, DocumentName="AWS-StartSSHSession")["SessionId"]
        for call in (ssm.terminate_session, ssm.resume_session):
            self.assert_refused(400, "AccessDeniedException", f"session/{foreign} because", call, SessionId=foreign)
        user = {"Effect": "Allow", "Action": "ec2-instance-connect:SendSSHPublicKey", "Resource": "*",
                "Condition": {"StringEquals": {"ec2:osuser": "somebody"}}}
        connect = self.client("ec2-instance-connect", self.user("pusher", user))
        self.assert_refused(400, "AccessDeniedException", "", connect.send_ssh_public_key, InstanceId=NODE,
                            InstanceOSUser="root", SSHPublicKey=KEY)
        self.assert_refused(400, "InvalidArgsException", "key", connect.send_ssh_public_key, InstanceId=NODE,
                            InstanceOSUser="somebody", SSHPublicKey=KEY[:-1])


class EmulatorNodeRootTest(DocumentCase):
    """A node has /etc/ssh and /usr/local/sbin of its own: our documents run for real, and touch nothing of the machine."""

    def setUp(self):
        self.work = Workspace()
        self.addCleanup(self.work.close)
        self.options = ("--seed", "1", "--node-root", self.work.path("roots"))
        super().setUp()

    def test_our_documents_run(self):
        if self.work.run(["unshare", "--mount" if os.getuid() == 0 else "-rm", "true"]).returncode != 0:
            self.skipTest("no private mounts may be made here")
        self.work.write(f"roots/{NODE}/etc/ssh/ssh_host_ed25519_key.pub", "ssh-ed25519 AAAAnode root@node\n")
        log = self.work.path("accepted")
        self.work.write(f"roots/{NODE}/usr/local/sbin/ssm-userctl", f"#!/bin/sh\nprintf '%s\\n' \"$@\" >{log}\n", 0o700)
        for name in ("ssm-bridge-accept-key", "ssm-bridge-host-keys"):
            self.create(name, our_document(name))
        keys = self.run_document("ssm-bridge-host-keys")
        self.assertEqual((keys["StandardOutputContent"], keys["PluginName"]), ("ssh-ed25519 AAAAnode\n", "printHostKeys"))
        self.assertNotIn("AAAAnode", self.run_document("ssm-bridge-host-keys", SECOND)["StandardOutputContent"])
        result = self.run_document("ssm-bridge-accept-key", user="somebody", publicKey=KEY)
        self.assertEqual((result["Status"], result["StandardErrorContent"]), ("Success", ""))
        with open(log, encoding="ascii") as file:
            self.assertEqual(file.read().splitlines(), ["key", "accept", "--user=somebody", "--for=60", KEY])
