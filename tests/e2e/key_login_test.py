"""connect --key: nodes that accept a key of ours for a login, by each way, with real ssh, sshd and ssh-agent."""

import os
import re
import select
import signal
import subprocess
import time

from lab_case import NODE_ID, LabCase
from node import Node
from workspace import HELD_OPEN, SOURCE_DIR, program, show

AWS = "/usr/bin/aws"
HYBRID_ID = "mi-0123456789abcdef0"
PUSH, SEND = "ec2-instance-connect:SendSSHPublicKey", "ssm:SendCommand"
DOCUMENT = "ssm-bridge-accept-key"

# What stands for ssm-userctl on the node: root's program is not for a test. sshd reads the keys that it leaves.
ACCEPT = """#!/bin/sh
[ "$1 $2 ${{3%%=*}} ${{4%%=*}} $#" = "key accept --user --for 5" ] || exit 64
[ ! -e {dir}/missing ] || exit 127
[ ! -e {dir}/refuse ] || {{ echo "ssm-userctl: no such account" >&2; exit 66; }}
echo "$4" >>{dir}/seconds
echo "$5" >>"{dir}/${{3#--user=}}"
"""


class KeyLoginCase(LabCase):
    def setUp(self):
        super().setUp()
        self.node = Node(self.work, [*self.lab.key_dirs(), self.accepted])
        self.keys = self.work.path("state", "ssm-bridge", "keys")
        self.lab.faults(invocation_delay_ms=10)

    @property
    def lab_options(self):
        self.accepted = self.work.make_dir("accepted")
        for node in (NODE_ID, HYBRID_ID):
            self.work.write("roots/%s/usr/local/sbin/ssm-userctl" % node, ACCEPT.format(dir=self.accepted), mode=0o755)
        return "--no-agent-pause", "--node-root", self.work.path("roots")

    def path(self, slot):
        return os.path.join(self.keys, "key-%d" % slot)

    def create_document(self):
        """Ours, as it is; skips where no node can have a ssm-userctl of its own."""
        if self.work.run(["unshare", "--mount" if os.getuid() == 0 else "-rm", "true"]).returncode != 0:
            self.skipTest("no private mounts may be made here")
        if not os.access(AWS, os.X_OK):
            self.skipTest("the package awscli is not installed")
        self.checked(self.work.run([AWS, "ssm", "create-document", "--name", DOCUMENT, "--document-type", "Command", "--content",
                                    "file://%s/sshd-config/ssm-documents/%s.json" % (SOURCE_DIR, DOCUMENT), "--endpoint-url",
                                    self.lab.info["api_url"], "--no-cli-pager"], env=self.lab.environment()))

    def ssh_file(self, *arguments, env=None):
        """What `config` prints, and what is particular to these nodes before it."""
        done = self.work.run([program("ssm-proxy"), "config", "--host", "node,hybrid", "--host-keys", "none", *arguments], env=env or self.lab.environment())
        self.checked(done)
        before = ["Host *", "User " + self.node.user, "Port %d" % self.node.port, "HostKeyAlias ssm-lab",
                  "UserKnownHostsFile %s/known_hosts" % self.node.dir, "GlobalKnownHostsFile /dev/null", "StrictHostKeyChecking yes",
                  "ControlMaster no", "BatchMode yes", "LogLevel ERROR"]
        return self.work.write("ssh_config", "\n".join(before) + "\n" + show(done.stdout))

    def login(self, *command, target="node", env=None):
        return self.work.run(["ssh", "-F", self.config, target, *(command or ("echo", "in"))], env=env or self.lab.environment())

    def entered(self, **options):
        done = self.checked(self.login(**options))
        self.assertEqual((show(done.stdout), show(done.stderr)), ("in\n", ""))
        return done

    def refused(self, way, *words, code, target="node", user=None, env=None, options=()):
        done = self.run_connect("--key", way, *options, "--", target, self.node.port, user or self.node.user, env=env, stdin=HELD_OPEN)
        return self.assert_refused(done, code, *words)

    def key_is_used(self, slot=1):
        """sshd has let somebody in with the key of that slot."""
        shown = show(self.work.run(["ssh-keygen", "-lf", self.path(slot)]).stdout)
        self.assertIn("Accepted publickey for %s" % self.node.user, self.node.log())
        self.assertIn(shown.split()[1], self.node.log())

    def throttle(self, count=None):
        fault = {"action": PUSH, "answer": "throttle"}
        self.lab.faults(calls=[fault if count is None else dict(fault, count=count)] if count != 0 else [])


class WayTest(KeyLoginCase):
    def test_refuses(self):
        for way, user, words in (("always", "admin", "--key: neither none nor auto"), ("auto", "a b", "a key can be pushed for"),
                                 ("send-command", "Admin", "a key can be pushed for"), ("auto", "", "a key can be pushed for"),
                                 ("instance-connect", "x" * 33, "a key can be pushed for"), ("auto", "x'; id; '", "can be pushed for")):
            with self.subTest(way=way, user=user):
                self.assert_refused(self.run_connect("--key", way, "--", "node", "22", user), 64, words)
        self.assert_refused(self.run_connect("--key", "auto", "--", "node", "22"), 64, "--key needs the USER")
        self.assert_refused(self.run_connect("--agent", "--", "node", "22"), 64, "are about the key of --key")
        self.assertFalse(os.path.exists(self.keys))
        self.refused("instance-connect", "leads to no node of this kind", code=64, target=HYBRID_ID)

    def test_the_first_login_of_all(self):
        """No key was made by hand. ssh has its files made before it reads them, or else by connect, before it needs them."""
        self.config = self.ssh_file("--key", "auto")
        self.entered()
        self.key_is_used()
        with open(self.path(1), encoding="ascii") as file:
            first = file.read()
        self.entered()
        with open(self.path(1), encoding="ascii") as file:
            self.assertEqual(file.read(), first)
        os.remove(self.path(1))
        with open(self.config, encoding="ascii") as file:
            text = re.sub(' exec "[^"]*key ensure[^"]*"', "", file.read())
        self.assertNotIn("key ensure", text)
        self.work.write("ssh_config", text)
        self.entered()
        self.assertTrue(os.path.exists(self.path(1)))

    def test_run_command(self):
        self.create_document()
        self.config = self.ssh_file("--key", "auto")
        self.entered(target="hybrid")  # no EC2 instance
        self.config = self.ssh_file("--key", "send-command")
        self.entered()
        self.lab.faults(calls=[{"action": PUSH, "answer": "deny"}])
        self.config = self.ssh_file("--key", "auto")
        self.entered()
        with open(os.path.join(self.accepted, "seconds"), encoding="ascii") as file:
            self.assertEqual(set(file.read().splitlines()), {"--for=120"})
        self.lab.faults(reset=True, invocation_delay_ms=10)
        self.config = self.ssh_file("--key", "AWS-RunShellScript")
        self.lab.faults(calls=[{"action": PUSH, "answer": "deny"}, {"action": SEND + "/" + DOCUMENT, "answer": "deny"}])
        self.entered()
        # auto never takes the way that makes its caller root, and says what became of both others.
        self.refused("auto", "access denied", "EC2 Instance Connect: AccessDenied", "Run Command (ssm-bridge-accept-key): AccessDenied", code=77)
        self.lab.faults(reset=True, invocation_delay_ms=10)
        # A command that was refused for the number of calls is sent again, beyond the tries of a call.
        self.lab.faults(calls=[{"action": SEND, "answer": "throttle", "count": 1}])
        self.entered(env=self.lab.environment(AWS_MAX_ATTEMPTS="1"))
        self.work.write("accepted/refuse", "")
        self.refused("send-command", "the key was not accepted", "ssm-userctl: no such account", code=77)
        self.work.write("accepted/missing", "")
        self.refused("send-command", "exit code 127", "install ssm-userctl on the node", code=69)

    def test_a_caller_limited_to_our_document(self):
        self.create_document()
        allowed = [{"Effect": "Allow", "Action": ["ssm:StartSession", "ssm:ResumeSession", "ssm:TerminateSession",
                                                  "ssm:GetCommandInvocation", "ssm:DescribeInstanceInformation"], "Resource": "*"},
                   {"Effect": "Allow", "Action": SEND, "Resource": ["arn:aws:ssm:*:*:document/" + DOCUMENT, "arn:aws:ec2:*:*:instance/*"]}]
        key = self.lab.call("/lab/identity", {"issue_key": {"name": "limited", "policy": {
            "Version": "2012-10-17", "Statement": allowed}}})["key"]
        env = self.lab.environment(AWS_ACCESS_KEY_ID=key["access_key_id"], AWS_SECRET_ACCESS_KEY=key["secret_access_key"])
        self.config = self.ssh_file("--key", "auto", env=env)
        self.entered(env=env)
        self.refused("AWS-RunShellScript", "access denied", "AWS-RunShellScript", code=77, env=env)

    def test_key_push(self):
        done = self.work.run([program("ssm-proxy"), "key", "push", "node", self.node.user], env=self.lab.environment())
        self.checked(done)
        self.assertEqual(show(done.stdout), self.path(1) + "\n")
        self.config = self.node.ssh_config()
        entered = self.login("-o", "IdentityFile=none", "true")
        self.assertEqual(self.ssh("-i", self.path(1), "true").returncode, 0, show(entered.stderr))
        self.key_is_used()
        self.lab.faults(calls=[{"action": PUSH, "answer": "hang"}])
        calls = self.lab.counter("api_calls")
        process = self.work.start([program("ssm-proxy"), "key", "push", "node"], env=self.lab.environment())
        self.lab.wait_until("the call", lambda status: status["counters"]["api_calls"] >= calls + 2)  # the name's, first
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.wait_for_exit(process), 130)
        for arguments, code, words in ((("node", "a b"), 64, "a key can be pushed for"), (("nosuch", "admin"), 66, "nosuch"),
                                       (("--key=none", "node"), 64, "--key: neither auto"), ((HYBRID_ID,), 78, "the account needs that document")):
            done = self.work.run([program("ssm-proxy"), "key", "push", *arguments], env=self.lab.environment())
            self.assert_refused(done, code, words)


class PushTest(KeyLoginCase):
    def pushing(self):
        """A connect whose session is open, and whose key the node does not have yet."""
        self.throttle()
        process = self.connect("--key", "auto", "--", "node", self.node.port, self.node.user)
        self.lab.wait_for_sessions(1)
        self.lab.wait_until("sshd's banner at the gateway", lambda status: status["sessions"][0]["client_connected"])
        return process

    def test_a_failed_push_is_the_error(self):
        for error, code, words in (("AuthException", 77, "access denied"), ("EC2InstanceNotFoundException", 66, "no such target"),
                                   ("InvalidArgsException", 78, "configuration")):
            self.lab.faults(connect_key_error=error)
            with self.subTest(error):
                message = self.refused("instance-connect", words, "the key was not accepted: EC2 Instance Connect: " + error, code=code)
                self.assertIn("node (%s) port %d" % (NODE_ID, self.node.port), message)
        self.lab.wait_for_no_session()
        self.lab.faults(reset=True, calls=[{"action": PUSH, "answer": "hang"}])
        self.refused("instance-connect", "timed out", "the key was not accepted", code=75, options=("--connect-timeout=2",))

    def test_no_byte_before_the_key(self):
        process = self.pushing()
        self.assertEqual(select.select([process.stdout], [], [], 1)[0], [], "a byte of the server's before the key was accepted")
        self.assertIn(b"Connection from", self.node.log().encode())  # which has spoken
        self.throttle(0)
        self.banner(process)
        self.assertTrue(os.listdir(os.path.join(self.lab.info["connect_keys_dir"], NODE_ID)))
        process.stdin.close()
        process.stdout.close()
        self.wait_for_exit(process)

    def test_a_slot_is_not_replaced_under_a_login(self):
        self.config = self.ssh_file("--key", "auto")
        self.throttle()
        process = self.work.start(["ssh", "-F", self.config, "node", "echo", "in"], env=self.lab.environment(), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lab.wait_for_sessions(1)
        with open(self.path(1), encoding="ascii") as file:
            first = file.read()
        for code, slot in ((0, 2), (75, 2)):  # the second would be the slot of the login
            self.end_life(1)
            self.end_life(2)
            done = self.work.run([program("ssm-proxy"), "key", "ensure"], env=self.lab.environment())
            self.assertEqual((done.returncode, show(done.stdout)), (code, self.path(slot) + "\n" if code == 0 else ""), show(done.stderr))
        with open(self.path(1), encoding="ascii") as file:
            self.assertEqual(file.read().rsplit("#", 1)[0], first.rsplit("#", 1)[0])
        self.throttle(0)
        out, err = process.communicate(timeout=120)
        self.assertEqual((process.returncode, out), (0, b"in\n"), show(err))
        self.key_is_used(1)
        self.checked(self.work.run([program("ssm-proxy"), "key", "ensure"], env=self.lab.environment()))

    def end_life(self, slot):
        if os.path.exists(self.path(slot)):
            with open(self.path(slot), encoding="ascii") as file:
                text = file.read()
            with open(self.path(slot), "w", encoding="ascii") as file:
                file.write(re.sub(r"\d+ \d+\n\Z", lambda match: "%d %d\n" % tuple(int(word) - 100000 for word in match[0].split()), text))

    def test_a_key_in_ssh_agent(self):
        agent = self.work.path("agent")
        self.work.start(["ssh-agent", "-D", "-a", agent], stdout=subprocess.DEVNULL)
        self.config = self.ssh_file("--key", "auto", "--agent")
        env = self.lab.environment(SSH_AUTH_SOCK=agent)
        done = self.login()
        self.assertEqual((done.returncode, done.stdout), (255, b""))
        self.assertIn("there is no ssh-agent", show(done.stderr))
        self.assertFalse(os.path.exists(self.path(1)), "a key in a file, where it was to be in the agent")
        for _ in range(600):
            if os.path.exists(agent):
                break
            time.sleep(0.05)
        self.entered(env=env)
        with open(self.path(1), encoding="ascii") as file:
            self.assertNotIn("PRIVATE", file.read())
        self.key_is_used()
        pushed = self.work.run([program("ssm-proxy"), "key", "push", "--agent", "node"], env=env)
        self.assertEqual(show(self.checked(pushed).stdout), self.path(1) + "\n")
        # Without the agent there is no key: the reason is said by what ssh has started for one, and by the ProxyCommand.
        done = self.login()
        self.assertEqual((done.returncode, done.stdout), (255, b""))
        for words in ("there is no ssh-agent", "ssm-proxy key ensure makes another one"):
            self.assertIn(words, show(done.stderr))
