"""Which node a name means, and what becomes of one that is not connected: every form of a name, suffixes, aliases, ambiguity,
denial, waiting, starting, and what is said."""

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

from lab_case import NODE_ID, OFFLINE_NODE_ID, SECOND_NODE_ID, LabCase
from workspace import show

HYBRID_ID = "mi-0123456789abcdef0"
ELSEWHERE_ID = "i-0e15e0e15e0e15e00"
STOPPED_ID = "i-05105105105105100"
UNREGISTERED_ID = "i-0deadbeefdeadbee0"
WITHOUT_PROFILE_ID = "i-0deadbeefdeadbee1"
TERMINATED_ID = "i-0deadbeefdeadbee2"
TWIN_IDS = ("i-0aaaaaaaaaaaaaaa1", "i-0aaaaaaaaaaaaaaa2")
HERE, THERE = "us-east-1", "eu-west-1"
PROFILES = """\
[default]
region = us-east-1
[profile prod]
region = us-east-1
aws_access_key_id = {access_key_id}
aws_secret_access_key = {secret_access_key}
[profile out.side]
region = eu-west-1
aws_access_key_id = {access_key_id}
aws_secret_access_key = {secret_access_key}
"""
ALIASES = """\
# names of my own
[alias db]
target = tag:Role=web
reason = on call
[alias far]
target = elsewhere
region = eu-west-1
profile = prod
"""


class TargetTest(LabCase):
    lab_options = ("--no-agent-pause", "--other-region", THERE)

    def files(self, aliases=ALIASES, **more):
        """An environment with aliases and profiles."""
        self.work.write("home/.config/ssm-bridge/config", aliases)
        config = self.work.write("aws_config", PROFILES.format(**self.lab.info))
        return self.lab.environment(AWS_CONFIG_FILE=config, **more)

    def assert_leads_to(self, arguments, node, env):
        """`connect` gets the SSH banner of this node."""
        process = self.connect("--debug", *arguments, self.node.port, env=env)
        line = process.stdout.readline()
        process.terminate()
        said = show(process.stderr.read())
        self.wait_for_exit(process)
        process.stdin.close(), process.stdout.close(), process.stderr.close()
        self.assertTrue(line.startswith(b"SSH-2.0-"), said)
        self.assertEqual(re.findall(r"debug: session \S+ on (\S+)", said), [node], said)
        return said

    def refused(self, *arguments, code, words, env=None):
        return self.assert_refused(self.run_connect(*arguments, env=env), code, *words)

    # ---- which node ----

    def test_every_form_of_a_name(self):
        self.start_node()
        env = self.files()
        said = self.assert_leads_to(["node"], NODE_ID, env)
        self.assertIn("debug: region us-east-1, credentials: those in the environment\n", said)
        task = self.lab.info["containers"][0]
        task = task["id"] if isinstance(task, dict) else task
        for name, node in (
                (NODE_ID, NODE_ID), ("node", NODE_ID), ("hybrid", HYBRID_ID), (task, task),
                ("tag:Role=web", NODE_ID), ("tag:Role:web", NODE_ID),
                ("10.0.0.11", SECOND_NODE_ID), ("203.0.113.10", NODE_ID), ("[2001:DB8::11]", SECOND_NODE_ID),
                ("10.0.0.12", HYBRID_ID), ("IP-10-0-0-12.EC2.internal", HYBRID_ID),  # EC2 does not know it
                ("ip-10-0-0-11.ec2.internal", SECOND_NODE_ID), ("ec2-203-0-113-10.compute-1.amazonaws.com", NODE_ID),
                (SECOND_NODE_ID + ".ec2.internal", SECOND_NODE_ID),
                ("node.us-east-1", NODE_ID), ("elsewhere.eu-west-1", ELSEWHERE_ID), (ELSEWHERE_ID + "--eu-west-1", ELSEWHERE_ID),
                ("elsewhere.eu-west-1.prod", ELSEWHERE_ID), ("db", NODE_ID), ("far", ELSEWHERE_ID)):
            with self.subTest(name):
                self.assert_leads_to([name], node, env)

    def test_suffix_needs_neither_region_nor_credentials_of_the_default_profile(self):
        self.start_node()
        env = self.files(AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None, AWS_REGION=None)
        self.assert_leads_to(["tag:Name=elsewhere.eu-west-1.out.side"], ELSEWHERE_ID, env)
        self.assert_leads_to([NODE_ID + ".us-east-1.prod"], NODE_ID, env)
        self.refused("node", code=78, words=["credentials"], env=env)

    def test_nobody_is_asked_for_a_profile_that_the_name_replaces(self):
        self.start_node()
        identity = self.lab.info["identity"]
        asked = self.work.path("asked")
        askpass = self.work.write("askpass", "#!/bin/sh\n: >%s\nexit 1\n" % asked)
        os.chmod(askpass, 0o755)
        guarded = "[default]\nrole_arn = %s\nsource_profile = prod\nmfa_serial = %s\n" % (
            identity["roles"]["lab-mfa-role"]["arn"], identity["mfa_serial"])
        config = self.work.write("aws_config", PROFILES.format(**self.lab.info).replace("[default]\n", guarded))
        env = self.lab.environment(AWS_CONFIG_FILE=config, AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None,
                                   SSH_ASKPASS=askpass, SSH_ASKPASS_REQUIRE="force")
        self.assert_leads_to(["elsewhere.eu-west-1.prod"], ELSEWHERE_ID, env)
        self.assertFalse(os.path.exists(asked))
        self.refused("elsewhere.eu-west-1", code=77, words=["MFA"], env=env)
        self.assertTrue(os.path.exists(asked))

    def test_ssh(self):
        self.start_node()
        env = self.files()
        for target in ("tag:Role=web", "10.0.0.11", "elsewhere.eu-west-1.prod", "db"):
            with self.subTest(target):
                self.assertEqual(self.ssh_output("echo", "here", target=target, env=env), "here\n")
        self.assertEqual(self.lab.status()["sessions"][-1].get("reason", "on call"), "on call")

    def test_pages_may_be_empty(self):
        self.start_node()
        self.lab.faults(page_size=1)
        self.assert_leads_to(["hybrid"], HYBRID_ID, None)
        self.assert_leads_to(["10.0.0.11"], SECOND_NODE_ID, None)
        self.assert_leads_to(["10.0.0.12"], HYBRID_ID, None)
        self.refused("twin", code=66, words=TWIN_IDS)

    def test_several_nodes_are_listed(self):
        said = self.refused("twin", code=66, words=["the target is ambiguous: 2 nodes in us-east-1 have the name \"twin\"", "use an id",
                                                    TWIN_IDS[0] + " (ip-10-0-0-13.ec2.internal, Online, 10.0.0.13)", TWIN_IDS[1]])
        self.assertNotIn("no such target", said)
        self.refused("tag:Environment=lab", code=66, words=["2 nodes in us-east-1 have the tag Environment=lab", NODE_ID, SECOND_NODE_ID])

    def test_a_terminated_instance_does_not_count(self):
        """Systems Manager lists it for a while yet, beside the one that has its name now."""
        self.start_node()
        self.lab.faults(instance_states={TWIN_IDS[1]: "terminated"})
        self.assert_leads_to(["twin"], TWIN_IDS[0], None)
        self.lab.faults(calls=[{"action": "ec2:DescribeInstances", "answer": "deny"}])
        self.refused("twin", code=66, words=TWIN_IDS)
        self.lab.faults(instance_states={TWIN_IDS[1]: "stopped"}, calls=[])
        self.refused("twin", code=66, words=TWIN_IDS)

    def test_no_node(self):
        env = self.files()
        self.refused("Node", code=66, words=["no node in us-east-1 has the name \"Node\""], env=env)
        self.refused("nodes", code=66, words=["use %n", "; --search-regions looks in"], env=env)
        self.refused("10.0.0.99", code=66, words=["no node in us-east-1 has the address 10.0.0.99"], env=env)
        self.refused("n*", code=66, words=["has the name \"n*\""], env=env)
        self.assertNotIn("--search-regions", self.refused("nodes.us-east-1", code=66, words=["no node in us-east-1"], env=env))
        self.refused("nodes.eu-west-1", code=66, words=["no node in eu-west-1 has the name \"nodes\"", "(read as nodes in the region eu-west-1)"], env=env)
        self.refused("node.us-east-1.nobody", code=78, words=["no profile \"nobody\" in ", "(read as node in the region us-east-1 with the profile nobody)"], env=env)

    def test_command_line_and_files_that_are_wrong(self):
        self.refused("--region", THERE, NODE_ID + ".us-east-1", code=64, words=["the target names the region us-east-1, --region says eu-west-1"])
        self.refused("tag:Role", code=64, words=["not a target: tag:Role (see: ssm-proxy connect --help)"])
        escape = self.refused("a\x1b[2Jb", code=64, words=["not a target: a\\x1b[2Jb"])
        self.assertNotIn("\x1b", escape)
        env = self.files("[alias a]\ntarget = x\nprot = 22\n")
        self.refused("node", code=78, words=["/home/.config/ssm-bridge/config: line 3:", "\"prot\""], env=env)
        self.refused("--wait=soon", NODE_ID, code=64, words=["--wait: not a number of seconds"])

    def test_denied_look_ups_name_the_permission(self):
        self.start_node()
        self.lab.faults(calls=[{"action": "ssm:DescribeInstanceInformation", "answer": "deny"}])
        self.refused("node", code=77, words=["access denied", "the permission ssm:DescribeInstanceInformation is needed", "an id (i-..., mi-...) does without"])
        self.refused("10.0.0.12", code=77, words=["ssm:DescribeInstanceInformation"])
        self.assert_leads_to(["10.0.0.11"], SECOND_NODE_ID, None)
        self.lab.faults(calls=[{"action": "ec2:*", "answer": "deny"}])
        self.assert_leads_to(["10.0.0.11"], SECOND_NODE_ID, None)  # by what its agent tells
        self.refused("10.0.0.99", code=77, words=["the permission ec2:DescribeInstances is needed to look up the address 10.0.0.99"])

    # ---- not connected ----

    def test_causes(self):
        env = self.files()
        for target, words in (
                ("offline", ["its agent has been offline since 20", "amazon-ssm-agent"]),
                (STOPPED_ID, ["the instance is stopped", "--start"]),
                ("unregistered", ["(" + UNREGISTERED_ID + ")", "its agent has never registered"]),
                (WITHOUT_PROFILE_ID, ["no instance profile", "AmazonSSMManagedInstanceCore"]),
                (TERMINATED_ID, ["terminated"]),
                (ELSEWHERE_ID, ["neither Systems Manager nor EC2 knows", "--search-regions"]),
                ("mi-0fedcba9876543210", ["Systems Manager knows no mi-0fedcba9876543210 in us-east-1"])):
            with self.subTest(target):
                self.refused(target, code=69, words=["target is not connected: "] + words, env=env)
        self.refused("--search-regions", ELSEWHERE_ID, code=69, words=["it is in eu-west-1, not in us-east-1; use %s.eu-west-1" % ELSEWHERE_ID], env=env)
        self.refused("--search-regions", "elsewhere", code=66, words=["no node in us-east-1 has the name", "; it is in eu-west-1; use elsewhere.eu-west-1"], env=env)
        self.refused("--search-regions", "nowhere", code=66, words=["no node in us-east-1 has the name", "nor in the regions of your profiles"], env=env)
        self.refused("--search-regions", "mi-0fedcba9876543210", code=69, words=["nor in the regions of your profiles"], env=env)

    def test_cause_is_looked_for_no_longer_than_the_connection(self):
        """Not for 18 s, which is how long services that say nothing would be waited for."""
        env = self.files()
        self.lab.faults(calls=[{"action": "ssm:Describe*", "answer": "hang"}, {"action": "ec2:*", "answer": "hang"}])
        begin = time.monotonic()
        self.refused("--search-regions", "--connect-timeout", "1", ELSEWHERE_ID, code=69, words=["TargetNotConnected"], env=env)
        self.assertLess(time.monotonic() - begin, 15)

    def test_cause_that_cannot_be_known(self):
        self.lab.faults(calls=[{"action": "ssm:Describe*", "answer": "deny"}, {"action": "ec2:*", "answer": "deny"}])
        self.refused(OFFLINE_NODE_ID, code=69, words=["TargetNotConnected", "is the node running, its agent up, and the region right?"])
        self.lab.faults(calls=[{"action": "ec2:*", "answer": "deny"}])
        self.refused(OFFLINE_NODE_ID, code=69, words=["offline since"])
        self.lab.faults(calls=[{"action": "ec2:*", "answer": "hang"}, {"action": "ssm:Describe*", "answer": "hang"}])
        self.refused(OFFLINE_NODE_ID, code=69, words=["TargetNotConnected"])  # an explanation that does not come is not waited for

    def test_start_waits_for_the_agent(self):
        self.start_node()
        self.assert_leads_to(["--start", "stopped"], STOPPED_ID, None)

    def test_wait_without_the_permission_for_connection_status(self):
        self.start_node()
        self.lab.faults(calls=[{"action": "ssm:GetConnectionStatus", "answer": "deny"}])
        self.assert_leads_to(["--start", STOPPED_ID], STOPPED_ID, None)
        self.refused("--wait=1", OFFLINE_NODE_ID, code=75, words=["timed out: it has not come online, it is not ready; its agent has been offline"])

    def test_wait_shows_progress_on_a_terminal(self):
        self.start_node()
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        process = self.connect("--start", STOPPED_ID, self.node.port, stderr=slave)
        os.close(slave)
        self.banner(process)
        process.terminate()
        self.wait_for_exit(process)
        said = b""
        while select.select([master], [], [], 0)[0]:
            try:
                said += os.read(master, 4096)
            except OSError:
                break
        process.stdin.close(), process.stdout.close()
        self.assertRegex(said, rb"\r\x1b\[Kssm-proxy: waiting for " + STOPPED_ID.encode() + rb": (starting|pending) \(\d+ s left\)")
        self.assertTrue(said.endswith(b"\r\x1b[K"), said)
        self.assertNotIn(b"\n", said)

    def test_progress_keeps_to_one_line_of_a_narrow_terminal(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 30, 0, 0))
        process = self.connect("--wait=1", OFFLINE_NODE_ID, stderr=slave)
        os.close(slave)
        said = os.read(master, 4096)
        self.assertEqual(self.wait_for_exit(process), 75)
        process.stdin.close(), process.stdout.close()
        lines = said.split(b"\r\x1b[K")[1:]
        self.assertEqual(lines[0][:20], b"ssm-proxy: waiting f")
        self.assertLessEqual(max(map(len, lines)), 29, said)

    def test_wait_ends(self):
        self.refused("--wait=1", "offline", code=75, words=["timed out: it has not come online", "its agent has been offline since"])
        self.lab.faults(calls=[{"action": "ec2:StartInstances", "answer": "throttle"}])
        self.refused("--start", "--wait=1", STOPPED_ID, code=75, words=["it is stopped, and looking at it failed: throttled", "Request limit exceeded"],
                     env=self.lab.environment(AWS_MAX_ATTEMPTS="1"))
        self.lab.faults(calls=[{"action": "ec2:StartInstances", "answer": "deny"}])
        self.refused("--start", "--wait=20", STOPPED_ID, code=77, words=["ec2:StartInstances"])
        self.refused("--start", TERMINATED_ID, code=66, words=["the instance is terminated"])

    def test_wait_outlives_failures_and_ends_for_a_signal(self):
        self.start_node()
        self.lab.faults(calls=[{"action": "ssm:GetConnectionStatus", "answer": "close", "count": 4}])
        self.assert_leads_to(["--start", STOPPED_ID], STOPPED_ID, None)
        process = self.connect("--debug", "--wait", OFFLINE_NODE_ID)
        while b"TargetNotConnected" not in (line := process.stderr.readline()) and line:
            pass
        process.terminate()
        self.assertEqual(self.wait_for_exit(process), 128 + 15)
        process.stdin.close(), process.stdout.close(), process.stderr.close()
