"""ssm-proxy doctor: what it finds, what it says to do, and what it leaves behind: nothing."""

import json
import os
import signal
import subprocess

from lab import PATIENCE_SECONDS
from lab_case import NODE_ID, OFFLINE_NODE_ID, LabCase, TcpPeer
from workspace import program, show


class DoctorTest(LabCase):
    def doctor(self, *arguments, code=0, env=None):
        """Its checks, by (name, subject)."""
        done = self.work.run([program("ssm-proxy"), "doctor", "--json", *map(str, arguments)], env=env or self.lab.environment())
        self.assertEqual((done.returncode, show(done.stderr)), (code, ""), show(done.stdout))
        return {(check["Check"], check.get("Subject", "")): check for check in json.loads(done.stdout)}

    def failed(self, checks):
        for check in checks.values():
            self.assertTrue(check["Status"] != "failed" or check["Advice"], "no word about what to do: %s" % check)
        return [name for name, check in checks.items() if check["Status"] == "failed"]

    def deny(self, *actions):
        self.lab.faults(calls=[{"action": action, "answer": "deny"} for action in actions])

    def test_refuses(self):
        for arguments, words in (
                (("--last", "web-1"), "--last takes no TARGET"),
                (("--key", "mine", "web-1", "22", "root"), "--key: neither none nor auto"),
                (("--key", "auto", "web-1"), "--key needs TARGET, PORT and USER"),
                (("--output", "xml"), "neither table nor json"),
                (("a", "22", "b", "c"), "one argument too many"),
                (("",), "not a target")):
            done = self.work.run([program("ssm-proxy"), "doctor", *arguments], env=self.lab.environment())
            self.assert_refused(done, 64, words)

    def test_nothing_is_wrong(self):
        self.start_node()
        checks = self.doctor(NODE_ID, self.node.port)
        self.assertEqual({check["Status"] for name, check in checks.items() if name[0] not in ("key", "document")}, {"passed"}, checks)
        self.assertEqual(checks["key", ""]["Status"], "skipped")
        for name in ("settings", "credentials", "identity", "clock", "target", "registration", "agent", "connection"):
            self.assertIn(name, {found for found, _ in checks})
        self.assertIn("user/lab-user", checks["identity", ""]["Detail"])
        for action in ("StartSession", "ResumeSession", "TerminateSession", "DescribeInstanceInformation"):
            self.assertIn(("permission", "ssm:" + action), checks)
        fingerprint = show(self.work.run(["ssh-keygen", "-lf", self.work.path("node", "host_key.pub")]).stdout).split()[1]
        self.assertEqual(checks["host-key", ""]["Detail"], "ssh-ed25519 " + fingerprint)
        self.assertRegex(checks["ssh", ""]["Detail"], r"^SSH-2\.0-OpenSSH_\S+.*, key exchange in [0-9]+ ms$")
        self.assertRegex(checks["methods", ""]["Detail"], r"^publickey for \S+; one round trip [0-9]+ ms$")
        self.assertEqual(self.lab.status()["open_sessions"], 0, "a session is left")

    def test_what_answers_is_no_sshd(self):
        peer = TcpPeer(self, lambda connection: connection.sendall(b"220 mail\r\n" * 100))
        checks = self.doctor(NODE_ID, peer.port, code=76)
        self.assertEqual(checks["session", ""]["Status"], "passed")
        self.assertEqual(self.failed(checks), [("ssh", "")], checks)
        peer = TcpPeer(self, lambda connection: None)
        checks = self.doctor(NODE_ID, peer.port, code=69)
        self.assertEqual(self.failed(checks), [("session", "")], checks)
        self.assertIn("port %d of the node" % peer.port, checks["session", ""]["Detail"])

    def test_ctrl_c_leaves_no_session(self):
        peer = TcpPeer(self, lambda connection: connection.recv(1))
        process = self.work.start([program("ssm-proxy"), "doctor", NODE_ID, str(peer.port)], env=self.lab.environment(),
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        self.lab.wait_until("a connection to the server", lambda status: peer.accepted == 1)
        os.killpg(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=PATIENCE_SECONDS)
        self.assertEqual((process.returncode, stderr), (130, b""), show(stdout))
        self.lab.wait_for_no_session()

    def test_key(self):
        self.start_node()
        checks = self.doctor("--key", "instance-connect", NODE_ID, self.node.port, "root")
        self.assertEqual(checks["key", ""]["Detail"], "accepted for root, through EC2 Instance Connect")
        self.deny("ec2-instance-connect:SendSSHPublicKey")
        checks = self.doctor("--key", "instance-connect", NODE_ID, self.node.port, "root", code=77)
        self.assertEqual(self.failed(checks), [("key", "")])
        self.assertFalse(os.path.exists(os.path.join(self.lab.environment()["XDG_STATE_HOME"], "ssm-bridge", "keys")))

    def test_the_first_thing_to_mend(self):
        for arguments, environment, code, name in (
                (("--profile", "nobody"), {}, 78, "settings"),
                (("--endpoint-url", "https://127.0.0.1:1/"), {}, 75, "endpoint"),
                ((), {"AWS_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt"}, 69, "endpoint"),
                ((), {"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, 78, "region"),
                ((), {"AWS_ACCESS_KEY_ID": ""}, 78, "credentials"),
                ((), {"AWS_SECRET_ACCESS_KEY": "wrong"}, 77, "identity"),
                (("no-such-node",), {}, 66, "target"),
                ((OFFLINE_NODE_ID,), {}, 69, "connection")):
            with self.subTest(arguments=arguments, environment=environment):
                checks = self.doctor(*arguments, code=code, env=self.lab.environment(**environment))
                self.assertEqual(self.failed(checks)[0][0], name, checks)

    def test_permissions_are_tried(self):
        self.start_node()
        self.deny("ssm:DescribeSessions", "ec2:DescribeInstances", "ssm:GetConnectionStatus")
        checks = self.doctor(NODE_ID, self.node.port)
        for name in (("permission", "ssm:DescribeSessions"), ("permission", "ec2:DescribeInstances"), ("connection", "")):
            self.assertEqual(checks[name]["Status"], "warned", checks)
        for action in ("ssm:StartSession", "ssm:ResumeSession", "ssm:TerminateSession"):
            with self.subTest(action):
                self.deny(action)
                checks = self.doctor(NODE_ID, self.node.port, code=77)
                self.assertEqual(self.failed(checks), [("permission", action)], checks)
                self.assertIn("not authorized to perform: " + action, checks["permission", action]["Detail"])
        self.deny()
        self.run_connect("no-such-node")  # ends the session that could not be ended
        self.doctor(NODE_ID, self.node.port)

    def test_says_it_to_a_person(self):
        done = self.work.run([program("ssm-proxy"), "doctor", OFFLINE_NODE_ID], env=self.lab.environment())
        lines = show(done.stdout).splitlines()
        self.assertEqual(done.returncode, 69, lines)
        self.assertRegex(lines[0], r"^ok    settings      profile default, region us-east-1$")
        self.assertRegex("\n".join(lines), r"\nFAIL  connection    .*offline since.*\n +-> start the node")
        self.assertRegex(lines[-1], r"^to mend first: connection: start the node")
        self.assertNotIn("\033", show(done.stdout))

    def test_the_last_failure(self):
        self.assertEqual(self.doctor_last(), [])
        self.run_connect("no-such-node")
        self.run_connect(OFFLINE_NODE_ID)
        lines = self.doctor_last()
        self.assertEqual(len(lines), 1, lines)
        self.assertIn(OFFLINE_NODE_ID, lines[0]["Message"])
        done = self.work.run([program("ssm-proxy"), "doctor", "--last"], env=self.lab.environment())
        self.assertRegex(show(done.stdout), r"^20\S+Z  %s port 22: target is not connected" % OFFLINE_NODE_ID)

    def doctor_last(self):
        done = self.work.run([program("ssm-proxy"), "doctor", "--last", "--output", "json"], env=self.lab.environment())
        self.assertEqual(done.returncode, 0, show(done.stderr))
        return json.loads(done.stdout)
