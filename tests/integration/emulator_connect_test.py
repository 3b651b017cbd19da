"""EC2 Instance Connect of ssm-lab: asked by the AWS CLI and its copy of botocore, believed by a real sshd."""

import os
import subprocess

from emulator_ec2_test import AWS, STOPPED, TERMINATED, BotocoreCase
from emulator_support import NODE, wait_for
from node import Node
from workspace import Workspace, show

SECOND, HYBRID, REFUSED_BY_SSHD = "i-0fedcba9876543210", "mi-0123456789abcdef0", 255


class ConnectCase(BotocoreCase):
    def setUp(self):
        super().setUp()
        self.work = Workspace()
        self.addCleanup(self.work.close)
        self.connect = self.client("ec2-instance-connect")

    def make_key(self, name, kind="ed25519"):
        """The text of a new public key; the private one is self.work.path(name)."""
        path = self.work.path(name)
        self.work.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "somebody", "-f", path]).check_returncode()
        with open(path + ".pub", encoding="ascii") as key:
            return key.read()

    def push(self, key, user="somebody", node=NODE, **more):
        return self.connect.send_ssh_public_key(InstanceId=node, InstanceOSUser=user, SSHPublicKey=key, **more)

    def accepted(self, user="somebody", node=NODE):
        path = os.path.join(self.lab.ready["connect_keys_dir"], node, user)
        if not os.path.exists(path):
            return []
        with open(path, encoding="ascii") as keys:
            return keys.read().splitlines()


class EmulatorConnectTest(ConnectCase):
    def test_what_is_refused(self):
        key, ecdsa = self.make_key("key"), self.make_key("ecdsa", "ecdsa")
        kind, base64, _ = key.split()
        for code, words, parameters in (
                ("EC2InstanceNotFoundException", "not found", {"InstanceId": "i-00000000000000000"}),
                ("EC2InstanceNotFoundException", "not found", {"AvailabilityZone": "us-east-1b"}),
                ("EC2InstanceStateInvalidException", "running", {"InstanceId": STOPPED}),
                ("EC2InstanceStateInvalidException", "running", {"InstanceId": TERMINATED}),
                ("InvalidArgsException", "instance ID", {"InstanceId": HYBRID}),
                ("InvalidArgsException", "instance ID", {"InstanceId": "node"}),
                ("InvalidArgsException", "instance ID", {"InstanceId": None}),
                ("InvalidArgsException", "zone", {"AvailabilityZone": "here"}),
                ("InvalidArgsException", "OS user", {"InstanceOSUser": "../../etc/passwd"}),
                ("InvalidArgsException", "OS user", {"InstanceOSUser": "two words"}),
                ("InvalidArgsException", "OS user", {"InstanceOSUser": "x" * 33}),
                ("InvalidArgsException", "OS user", {"InstanceOSUser": ""}),
                ("InvalidArgsException", "key", {"SSHPublicKey": ecdsa}),
                ("InvalidArgsException", "key", {"SSHPublicKey": "ssh-rsa " + base64}),
                ("InvalidArgsException", "key", {"SSHPublicKey": f"{kind} {base64[:-1]}!"}),
                ("InvalidArgsException", "key", {"SSHPublicKey": key + key}),
                ("InvalidArgsException", "key", {"SSHPublicKey": f'command="id" {key}'}),
                ("InvalidArgsException", "key", {"SSHPublicKey": key.split(" somebody")[0][:-8]})):
            asked = dict({"InstanceId": NODE, "InstanceOSUser": "somebody", "SSHPublicKey": key}, **parameters)
            self.assert_refused(400, code, words, self.connect.send_ssh_public_key,
                                **{name: value for name, value in asked.items() if value is not None})
        self.assertEqual(os.listdir(self.lab.ready["connect_keys_dir"]), [], "a refused key is kept nowhere")

    def test_who_may(self):
        key = self.make_key("key")
        asked = {"InstanceId": NODE, "InstanceOSUser": "somebody", "SSHPublicKey": key}
        denied = self.client("ec2-instance-connect", self.lab.ready["denied"])
        self.assert_refused(400, "AccessDeniedException", "is not authorized to perform: ec2-instance-connect:SendSSHPublicKey on "
                            "resource: arn:aws:ec2:us-east-1:111122223333:instance/",
                            denied.send_ssh_public_key, **asked)
        status, kind, answer = self.lab.api("SendSSHPublicKey", asked, prefix="AWSEC2InstanceConnectService.", service="ssm")
        self.assertEqual((status, kind), (400, "InvalidSignatureException"), answer)
        self.assertIn("correct service: 'ec2-instance-connect'", answer["Message"])
        calls = [("throttle", 400, "ThrottlingException"), ("internal", 500, "ServiceException")]
        for answer, status, code in calls:
            self.lab.faults(calls=[{"action": "ec2-instance-connect:SendSSHPublicKey", "answer": answer, "count": 1}])
            self.assert_refused(status, code, "", self.connect.send_ssh_public_key, **asked)
        self.lab.faults(connect_key_error="AuthException")
        self.assert_refused(400, "AuthException", "", self.connect.send_ssh_public_key, **asked)
        self.lab.faults(reset=True)
        self.assertTrue(self.push(key)["Success"])

    def test_a_minute(self):
        """Keys of one account lie side by side, each until its own time is over."""
        first, second = self.make_key("first"), self.make_key("second", "rsa")
        self.assertEqual(len(self.push(first)["RequestId"]), 36)
        self.lab.faults(connect_key_ms=500)
        self.push(second.strip(), AvailabilityZone="us-east-1a")
        self.push(second, user="other", node=SECOND)
        self.assertLessEqual(set(self.accepted()), {first.strip(), second.strip()})
        wait_for("the end of the second key", lambda: self.accepted() == [first.strip()])
        wait_for("its end elsewhere", lambda: self.accepted("other", SECOND) == [])


class EmulatorConnectSshTest(ConnectCase):
    """The private sshd of a node, and the AWS CLI."""

    def ssh(self, key):
        return self.work.run(["ssh", "-F", "/dev/null", "-i", self.work.path(key), "-p", str(self.node.port), "-o", "BatchMode=yes",
                              "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "StrictHostKeyChecking=no",
                              "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", self.node.user + "@127.0.0.1", "echo in"])

    def aws_push(self, key, user, node):
        ready = self.lab.ready
        environment = {"PATH": os.environ["PATH"], "AWS_CA_BUNDLE": ready["ca_file"], "AWS_EC2_METADATA_DISABLED": "true",
                       "AWS_ACCESS_KEY_ID": ready["access_key_id"], "AWS_DEFAULT_REGION": ready["region"],
                       "AWS_SECRET_ACCESS_KEY": ready["secret_access_key"], "AWS_MAX_ATTEMPTS": "1"}
        return subprocess.run([AWS, "--endpoint-url", ready["api_url"], "--output", "text", "--query", "Success",
                               "ec2-instance-connect", "send-ssh-public-key", "--instance-id", node, "--instance-os-user", user,
                               "--ssh-public-key", "file://" + self.work.path(key + ".pub")],
                              env=environment, capture_output=True, text=True, timeout=60, check=True).stdout.strip()

    def test_sshd_accepts_it(self):
        if not os.access(AWS, os.X_OK):
            self.skipTest("no " + AWS)
        self.make_key("key")
        self.make_key("other")
        self.node = Node(self.work, [os.path.join(self.lab.ready["connect_keys_dir"], NODE)])
        self.assertEqual(self.ssh("key").returncode, REFUSED_BY_SSHD, "before")
        self.assertEqual(self.aws_push("key", "nobody", NODE), "True")
        self.assertEqual(self.aws_push("key", self.node.user, SECOND), "True")
        self.assertEqual(self.ssh("key").returncode, REFUSED_BY_SSHD, "for another account, and another node")
        self.assertEqual(self.aws_push("key", self.node.user, NODE), "True")
        entered = self.ssh("key")
        self.assertEqual((entered.returncode, show(entered.stdout)), (0, "in\n"), show(entered.stderr) + self.node.log())
        self.assertEqual(self.ssh("other").returncode, REFUSED_BY_SSHD, "another key")
        self.lab.faults(connect_key_ms=1)
        with open(self.work.path("other.pub"), encoding="ascii") as key:
            self.push(key.read(), self.node.user)
        wait_for("its end", lambda: len(self.accepted(self.node.user)) == 1)
        self.assertEqual(self.ssh("other").returncode, REFUSED_BY_SSHD, "after its time")
