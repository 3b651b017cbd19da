"""What happens to the machines of ssm-lab while it runs, and nodes that have an sshd of their own: seen by the AWS CLI's copy of
botocore, and by ssh through ssm-proxy."""

import os

import emulator_support
from emulator_ec2_test import BotocoreCase
from emulator_support import NODE, STOPPED
from lab import Lab
from own_node import CONSOLE, OwnNode
from workspace import Workspace, program, show

SECOND, HYBRID, LOST = "i-0fedcba9876543210", "mi-0123456789abcdef0", "i-0deadbeefdeadbee0"


class NodeCase(BotocoreCase):
    def setUp(self):
        self.work = Workspace()
        self.addCleanup(self.work.close)
        self.fleet = Lab(self.work, "--seed", "1", "--no-agent-pause")
        self.lab = emulator_support.Lab.__new__(emulator_support.Lab)
        self.lab.describe(self.fleet.info)
        self.ec2, self.ssm = self.client("ec2"), self.client("ssm")

    def named(self, name):
        """(id, state) of the instances of that name."""
        found = self.ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": [name]}])["Reservations"]
        return [(instance["InstanceId"], instance["State"]["Name"]) for entry in found for instance in entry["Instances"]]

    def refuse(self, **changes):
        status, _, data = self.lab.http(self.lab.api_address, "POST", "/lab/nodes", emulator_support.json.dumps(changes).encode())
        self.assertEqual(status, 400, data)


class EmulatorNodeTest(NodeCase):
    def test_what_is_refused(self):
        for changes in ({"replace": [HYBRID]}, {"replace": [LOST]}, {"replace": ["i-0"]}, {"swap_names": [NODE]},
                        {"swap_names": [NODE, HYBRID]}, {"ports": {"i-0": {}}}, {"ports": {NODE: {"0": 22}}},
                        {"ports": {NODE: {"22": 65536}}}, {"console": {HYBRID: "x"}}, {"console": {NODE: 1}},
                        {"platform": {NODE: ""}}, {"agent_version": {NODE: "1" * 40}}, {"colour": {}}):
            self.refuse(**changes)
        for code, node in (("InvalidInstanceID.Malformed", HYBRID), ("InvalidInstanceID.NotFound", "i-00000000")):
            self.assert_refused(400, code, node, self.ec2.get_console_output, InstanceId=node)

    def test_consoles(self):
        self.assertNotIn("Output", self.ec2.get_console_output(InstanceId=NODE), "nothing has been written")
        text = CONSOLE + "<&> \u00e9\n"
        self.fleet.nodes(console={NODE: text, SECOND: "x" * 70000 + "end"})
        told = self.ec2.get_console_output(InstanceId=NODE, Latest=True)
        self.assertEqual((told["InstanceId"], told["Output"]), (NODE, text))
        kept = self.ec2.get_console_output(InstanceId=SECOND)["Output"]
        self.assertEqual((len(kept), kept[-4:]), (65536, "xend"))
        self.fleet.nodes(console={NODE: None})
        self.assertNotIn("Output", self.ec2.get_console_output(InstanceId=NODE))

    def test_machines_come_and_go(self):
        old = self.ec2.describe_instances(InstanceIds=[NODE])["Reservations"][0]["Instances"][0]
        new_id = self.fleet.nodes(replace=[NODE])["replaced"][NODE]
        self.assertEqual(self.named("node"), [(NODE, "terminated"), (new_id, "running")])
        new = self.ec2.describe_instances(InstanceIds=[new_id])["Reservations"][0]["Instances"][0]
        self.assertGreater(new["LaunchTime"], old["LaunchTime"])
        self.assertEqual(new["Tags"], old["Tags"])
        self.assertNotEqual(new["PrivateIpAddress"], old["PrivateIpAddress"])
        states = {node["InstanceId"]: node["PingStatus"] for node in
                  self.ssm.describe_instance_information(Filters=[{"Key": "tag:Name", "Values": ["node"]}])["InstanceInformationList"]}
        self.assertEqual(states, {new_id: "Online"})
        self.assertEqual(self.ssm.get_connection_status(Target=NODE)["Status"], "notconnected")
        newest = self.fleet.nodes(replace=[new_id])["replaced"][new_id]
        self.fleet.nodes(swap_names=[newest, SECOND])
        self.assertEqual(self.named("node-2"), [(newest, "running")])
        self.assertEqual([node for node in self.named("node") if node[1] == "running"], [(SECOND, "running")])
        tags = {tag["Key"]: tag["Value"] for tag in self.ec2.describe_instances(InstanceIds=[SECOND])["Reservations"][0][
            "Instances"][0]["Tags"]}
        self.assertEqual((tags["Name"], tags["Owner"][:3]), ("node", "R&D"), "the other tags stay")
        self.fleet.nodes(swap_names=[SECOND, STOPPED])
        self.assertEqual(self.named("node-2"), [(newest, "running")])
        self.assertEqual(self.named("stopped"), [(SECOND, "running")])

    def test_what_nodes_are(self):
        self.fleet.nodes(platform={SECOND: "Windows"}, agent_version={NODE: "3.1.0.0", HYBRID: "3.3.0.0"})
        told = {node["InstanceId"]: node for node in self.ssm.describe_instance_information()["InstanceInformationList"]}
        self.assertEqual((told[NODE]["AgentVersion"], told[NODE]["IsLatestVersion"]), ("3.1.0.0", False))
        self.assertTrue(told[HYBRID]["IsLatestVersion"])
        self.assertEqual(told[SECOND]["PlatformType"], "Windows")
        self.assert_refused(400, "UnsupportedPlatformType", SECOND, self.ssm.send_command, DocumentName="AWS-RunShellScript",
                            InstanceIds=[NODE, SECOND], Parameters={"commands": ["id"]})
        self.fleet.faults(invocation_delay_ms=10)
        asked = {"InstanceId": SECOND, "CommandId": self.ssm.send_command(
            DocumentName="AWS-RunPowerShellScript", InstanceIds=[SECOND], Parameters={"commands": ["Get-Date"]})["Command"]["CommandId"]}
        emulator_support.wait_for("its end", lambda: self.ssm.list_commands(
            CommandId=asked["CommandId"])["Commands"][0]["Status"] == "Success")
        result = self.ssm.get_command_invocation(**asked)
        self.assertEqual((result["StandardOutputContent"], result["PluginName"]), ("Get-Date\n", "aws:runPowerShellScript"))


class EmulatorOwnNodeTest(NodeCase):
    def ssh(self, node, target=None):
        """Through ssm-proxy, to the node's own port 22; the host key must be that of `node`."""
        command = "%s connect -- %s %%p %%r" % (program("ssm-proxy"), target or node.id)
        known = self.work.path(node.name, "known_hosts")
        return self.work.run(["ssh", "-F", "/dev/null", "-o", "ProxyCommand=" + command, "-o", "HostKeyAlias=ssm-lab", "-o",
                              "UserKnownHostsFile=" + known, "-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-i",
                              self.work.path(node.name, "user_key"), "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none",
                              "-o", "LogLevel=ERROR", f"{node.user}@node", "echo in"], env=self.fleet.environment())

    def assert_in(self, done):
        self.assertEqual((done.returncode, show(done.stdout)), (0, "in\n"), show(done.stderr))

    def test_each_node_is_itself(self):
        first, second = OwnNode(self.work, self.fleet, NODE), OwnNode(self.work, self.fleet, SECOND)
        self.assert_in(self.ssh(first))
        self.assert_in(self.ssh(second))
        wrong = self.ssh(first, target=second.id)
        self.assertEqual(wrong.returncode, 255)
        self.assertIn("Host key verification failed", show(wrong.stderr))
        before = first.public_key()
        first.write_console()
        self.assertIn("KEYS-----\n" + before + "-----END", self.ec2.get_console_output(InstanceId=NODE)["Output"])
        first.change_host_key()
        self.assertNotEqual(first.public_key(), before)
        self.assert_in(self.ssh(first))
        new = first.replace()
        self.assertEqual(self.named("node"), [(NODE, "terminated"), (new.id, "running")])
        self.assert_in(self.ssh(new, target="node"))

    def test_documents_on_it(self):
        if self.work.run(["unshare", "--mount" if os.getuid() == 0 else "-rm", "true"]).returncode != 0:
            self.skipTest("no private mounts may be made here")
        node = OwnNode(self.work, self.fleet, NODE)
        self.fleet.faults(invocation_delay_ms=10)
        self.work.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.work.path(node.name, "short")]).check_returncode()
        key = " ".join(node.public_key("short").split()[:2])
        for name, parameters in (("ssm-bridge-host-keys", {}),
                                 ("ssm-bridge-accept-key", {"user": [node.user], "publicKey": [key], "seconds": ["60"]})):
            path = os.path.join(emulator_support.os.environ["SSM_SOURCE_DIR"], "sshd-config", "ssm-documents", name + ".json")
            with open(path, encoding="utf-8") as text:
                self.ssm.create_document(Name=name, Content=text.read(), DocumentType="Command")
            asked = {"InstanceId": NODE, "CommandId": self.ssm.send_command(
                DocumentName=name, InstanceIds=[NODE], Parameters=parameters)["Command"]["CommandId"]}
            emulator_support.wait_for("its end", lambda asked=asked: self.ssm.list_commands(
                CommandId=asked["CommandId"])["Commands"][0]["Status"] not in ("Pending", "InProgress"))
            result = self.ssm.get_command_invocation(**asked)
            self.assertEqual((result["Status"], result["StandardErrorContent"]), ("Success", ""), name)
            if not parameters:
                self.assertEqual(result["StandardOutputContent"].split(), node.public_key().split()[:2])
        for end in ("", ".pub"):
            os.replace(self.work.path(node.name, "short" + end), self.work.path(node.name, "user_key" + end))
        self.assert_in(self.ssh(node))
