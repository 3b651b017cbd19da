"""Host keys: real ssh, real sshds with keys of their own, and what ssh is told about them."""

import os
import re
import signal
import subprocess
import unittest

import awscli  # noqa: F401 (puts its own copy of botocore in the place of the library)
import botocore.session
from lab_case import NODE_ID, SECOND_NODE_ID, LabCase, kill
from own_node import OwnNode
from workspace import SOURCE_DIR, helper, program, show

HYBRID_ID = "mi-0123456789abcdef0"
DOCUMENT = "ssm-bridge-host-keys"
NOT_HAD = "ssh does not get its host keys: "
CHANGED = "REMOTE HOST IDENTIFICATION HAS CHANGED"

# What ssh needs besides the lines of `ssm-proxy config`. A question would be a failure: there is nobody to answer.
PERSON = """\
Include {include}
Host *
    User {user}
    IdentityFile {key}
    IdentitiesOnly yes
    IdentityAgent none
    BatchMode yes
    StrictHostKeyChecking yes
    GlobalKnownHostsFile /dev/null
    LogLevel ERROR
"""


def document_text():
    with open(os.path.join(SOURCE_DIR, "sshd-config", "ssm-documents", DOCUMENT + ".json"), encoding="utf-8") as file:
        return file.read()


class HostKeysCase(LabCase):
    def setUp(self):
        super().setUp()
        self.lab.faults(invocation_delay_ms=10)
        self.env = self.lab.environment()
        self.node = self.first = OwnNode(self.work, self.lab, NODE_ID)
        info = self.lab.info
        self.ssm = botocore.session.Session().create_client(
            "ssm", region_name=info["region"], endpoint_url=info["api_url"], verify=info["ca_file"],
            aws_access_key_id=info["access_key_id"], aws_secret_access_key=info["secret_access_key"])

    def install(self, *options):
        """As a person does: from now on self.config has the lines of ssm-proxy config."""
        self.checked(self.work.run([program("ssm-proxy"), "config", "--install", *options], env=self.env))
        self.config = self.work.write("person", PERSON.format(
            include=self.work.path("home", ".ssh", "ssm-bridge", "config"), user=self.first.user,
            key=os.path.join(self.first.dir, "user_key")))

    def create_document(self):
        self.ssm.create_document(Name=DOCUMENT, Content=document_text(), DocumentType="Command")

    def own_node(self, node):
        """Lets the person in as on the first node."""
        self.work.write(node.name + "/authorized_keys", self.first.public_key("user_key"))
        return node

    @staticmethod
    def key_of(node):
        return " ".join(node.public_key().split()[:2])

    def asked(self):
        """How often nodes were asked for their keys."""
        return len(self.ssm.list_commands()["Commands"])

    def assert_in(self, target, env=None):
        done = self.ssh("echo", "in", target=target, env=env or self.env)
        self.assertEqual((done.returncode, show(done.stdout), show(done.stderr)), (0, "in\n", ""))

    def assert_out(self, target, *words, env=None):
        """What is said; ours is one line of it."""
        done = self.ssh("echo", "in", target=target, env=env or self.env)
        said = show(done.stderr)
        self.assertEqual((done.returncode, done.stdout), (255, b""), said)
        self.assertEqual(len(re.findall("(?m)^ssm-proxy: ", said)), 1, said)
        for word in words:
            self.assertIn(word, said)
        return said

    def forget(self, target):
        done = self.checked(self.work.run([program("ssm-proxy"), "known-hosts", "forget", target], env=self.env))
        return show(done.stderr)


class DocumentTest(HostKeysCase):
    def test_from_the_first_login_to_another_machine(self):
        """One node, as a person meets it."""
        self.install()
        said = self.assert_out("node", NOT_HAD + "InvalidDocument", "the account needs that document",
                               "No ED25519 host key is known for node")
        self.assertIn("ssm-proxy: node (%s): " % NODE_ID, said)
        self.create_document()
        for target in ("node", "node", NODE_ID, "tag:Name=node"):
            self.assert_in(target)
        self.assertEqual(self.asked(), 1, "of one node, whatever it is called")
        self.assertFalse(os.path.exists(self.work.path("home", ".ssh", "ssm-bridge", "known_hosts")))

        self.first.change_host_key()
        said = self.assert_out("node", "node: the server shows another host key than %s had before" % NODE_ID, CHANGED,
                               "Host key verification failed")
        self.assert_out(NODE_ID, CHANGED)
        self.assertEqual(self.asked(), 1, "a changed key is no reason to ask")
        self.assertIn("of %s are forgotten" % NODE_ID, self.forget(re.search("known-hosts forget (.*)", said)[1]))
        self.assertIn("no host keys of %s are kept" % NODE_ID, self.forget("node"))
        self.assert_in("node")
        self.assertEqual(self.asked(), 2)

        # A restart may be one from another disk: what the node says then is no scare, and is asked for.
        self.first.change_host_key()
        self.lab.faults(instance_states={NODE_ID: "stopped"}, instance_pending_ms=10, agent_start_ms=10)
        self.checked(self.work.run([program("ssm-proxy"), "wait", "--start", NODE_ID], env=self.env))
        self.lab.faults(calls=[{"action": "ssm:SendCommand", "answer": "deny"}])
        self.assertNotIn(CHANGED, self.assert_out("node", NOT_HAD + "AccessDeniedException", "No ED25519 host key is known"))
        self.lab.faults(calls=[])
        self.assert_in("node")

        new = self.own_node(self.first.replace())
        self.assert_in("node")
        self.assert_in(new.id)
        self.assertEqual(self.asked(), 4)

    def test_two_nodes_exchange_their_name(self):
        self.create_document()
        second, hybrid = (self.own_node(OwnNode(self.work, self.lab, node)) for node in (SECOND_NODE_ID, HYBRID_ID))
        self.install()
        names = {node["id"]: node["name"] for node in self.lab.call("/lab/nodes")["nodes"]}
        one, other = names[NODE_ID], names[SECOND_NODE_ID]
        for _ in range(2):
            self.assert_in(one)
            self.assert_in(other)
            self.lab.nodes(swap_names=[NODE_ID, SECOND_NODE_ID])
        self.assert_in(hybrid.id)
        self.assertEqual(self.asked(), 3)
        for node in (self.first, second, hybrid):  # since its launch, or its registration
            with open(self.work.path("state", "ssm-bridge", "host-keys", node.id), encoding="ascii") as file:
                self.assertRegex(file.read(), "node %s\nborn 20[0-9-]+T[0-9:]+Z\nkey %s" % (node.id, re.escape(self.key_of(node))))
        # Whoever has one name and sits on the other's machine is found out.
        self.lab.nodes(ports={SECOND_NODE_ID: {"22": self.first.port}})
        self.assert_in(one)
        self.assert_out(other, CHANGED)
        self.lab.nodes(ports={SECOND_NODE_ID: {"22": second.port}})

    def test_many_at_once_ask_once(self):
        self.create_document()
        self.install()
        logins = [self.work.start(["ssh", "-F", self.config, "-S", "none", target, "true"], env=self.env)
                  for target in ("node", NODE_ID) * 4]
        self.assertEqual([self.wait_for_exit(login) for login in logins], [0] * len(logins))
        self.assertEqual(self.asked(), 1)

    def test_a_caller_who_may_do_no_more(self):
        self.create_document()
        self.install()
        document = "arn:aws:ssm:*:*:document/"
        mine = dict(self.env, **self.lab.issue_key(
            "narrow", {"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": [document + DOCUMENT, "arn:aws:ec2:*:*:instance/*"]},
            {"Effect": "Allow", "Action": ["ssm:StartSession", "ssm:TerminateSession", "ssm:ResumeSession", "ssm:GetCommandInvocation"],
             "Resource": "*"}))
        self.assert_in(NODE_ID, env=mine)
        self.assert_in(NODE_ID, env=mine)
        none = dict(self.env, XDG_STATE_HOME=self.work.make_dir("other-state"), **self.lab.issue_key(
            "none", {"Effect": "Allow", "Action": "ssm:StartSession", "Resource": "*"}))
        self.assert_out(NODE_ID, NOT_HAD + "AccessDeniedException", "needed are ssm:SendCommand for the document",
                        env=none)

    def test_a_folder_that_others_may_write_to(self):
        """What lies there is anybody's word."""
        self.create_document()
        self.install()
        self.assert_in("node")
        folder = self.work.path("state", "ssm-bridge", "host-keys")
        os.chmod(folder, 0o777)
        self.assert_out("node", NOT_HAD + folder + " must be yours, and writable by nobody else", "No ED25519 host key is known")
        os.chmod(folder, 0o700)
        self.assert_in("node")

    def test_keys_that_do_not_come(self):
        self.create_document()
        self.install()
        self.lab.faults(calls=[{"action": "ssm:GetCommandInvocation", "answer": "hang"}])
        self.assert_out("node", NOT_HAD + "they did not come within 10 seconds", "No ED25519 host key is known")


class ConsoleTest(HostKeysCase):
    def test_console(self):
        self.install("--host-keys", "console")
        self.assert_out("node", NOT_HAD + "no host keys in the console's output")
        self.first.write_console(has_host_keys=False)
        self.assert_out("node", NOT_HAD + "no host keys in the console's output")
        self.first.write_console()
        self.assert_in("node")
        self.lab.faults(calls=[{"action": "ec2:GetConsoleOutput", "answer": "deny"}])
        self.assert_in("node")
        self.forget("node")
        self.assert_out("node", NOT_HAD, "the permission ec2:GetConsoleOutput is needed")
        kept = self.work.path("state", "ssm-bridge", "host-keys", NODE_ID)
        os.mkdir(kept)  # what cannot be read is not replaced by what is said today
        self.lab.faults(calls=[])
        self.assert_out("node", NOT_HAD, kept)
        hybrid = OwnNode(self.work, self.lab, HYBRID_ID)
        self.assert_out(hybrid.id, NOT_HAD + "EC2 has a console of its instances alone")
        self.assertEqual(self.asked(), 0)


class AnswerTest(HostKeysCase):
    """This test stands for ssh: connect and known-hosts are its children."""

    def answer(self, *words, env=None):
        """What known-hosts says; ssh-answer and ssm-proxy say the same."""
        both = [self.work.run([binary, "known-hosts", "--", *words], env=env or self.env)
                for binary in (helper("ssh-answer"), program("ssm-proxy"))]
        self.assertEqual(*((done.returncode, done.stdout, done.stderr) for done in both))
        return both[0].returncode, show(both[0].stdout), show(both[0].stderr)

    def begin(self, name="node"):
        """A connection, until its server has spoken."""
        process = self.connect("--host-keys", "document", "--", name, "22", "me", env=self.env)
        self.banner(process)
        return process

    def lines(self, host="node"):
        return "%s %s\n" % (host, self.key_of(self.first))

    def test_nothing_to_say_is_no_failure(self):
        words = ["node", "22", "me", "node"]
        for invocation in ("ORDER", "HOSTNAME", "ADDRESS"):
            self.assertEqual(self.answer(invocation, *words), (0, "", ""))
        homeless = {name: value for name, value in self.env.items() if name not in ("HOME", "XDG_STATE_HOME")}
        self.assertEqual(self.answer("ORDER", *words, env=homeless), (0, "", ""))
        for wrong in (["SOMETIMES", *words], ["ORDER", "node"]):
            self.assertEqual(self.answer(*wrong)[:2], (64, ""))
        for source in ("file", ""):
            self.assert_refused(self.run_connect("--host-keys", source, "node"), 64, "--host-keys: document, console or none")
        self.assert_refused(self.run_connect("--host-keys", "document", "node", "22", "a\nb"), 64, "not a user")
        self.assert_refused(self.work.run([program("ssm-proxy"), "known-hosts", "forget", "ecs:a_b_c"], env=self.env), 64)

    def test_only_its_own_connection(self):
        self.create_document()
        self.begin()
        self.assertEqual(self.answer("HOSTNAME", "node", "22", "me", "[Host]:22"), (0, self.lines("[Host]:22"), ""))
        self.assertEqual(self.answer("HOSTNAME", "node", "22", "me", "a,b"), (0, self.lines("*"), ""))
        for words in (["Node", "22", "me"], ["node", "23", "me"], ["node", "22", "you"]):
            self.assertEqual(self.answer("HOSTNAME", *words, "node"), (0, "", ""), words)
        self.assertEqual(self.answer("ADDRESS", "node", "22", "me", "127.0.0.1"), (0, "", ""))
        # Another ssh, by the same words.
        for binary in (helper("ssh-answer"), program("ssm-proxy")):
            done = self.work.run(["sh", "-c", "%s known-hosts -- HOSTNAME node 22 me node; exit" % binary], env=self.env)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))
        key = "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
        for shown, is_other in ((["ssh-ed25519", key], True), (self.first.public_key().split()[:2], False), (["NONE", "NONE"], False)):
            code, out, err = self.answer("HOSTNAME", "node", "22", "me", "node", *shown)
            self.assertEqual((code, out, "forget" in err), (0, self.lines(), is_other), err)
        notes = self.work.path("state", "ssm-bridge", "connections")
        (name,) = os.listdir(notes)
        self.work.write(os.path.join(notes, name), "ssm-bridge-connection 1\nname node\nport 22\nuser me\nnode ../connections/%s\n" % name)
        self.assertEqual(self.answer("HOSTNAME", "node", "22", "me", "node"), (0, "", ""))

    def calls(self, *words):
        """What known-hosts says, and its system calls."""
        log = self.work.path("calls")
        done = self.work.run(["strace", "-D", "-o", log, helper("ssh-answer"), "known-hosts", "--", *words], env=self.env)
        calls = []
        while not calls or not calls[-1].startswith("+++"):  # with -D it is the tracer that may be late, and no parent
            with open(log, encoding="utf-8") as file:
                calls = file.read().splitlines()
        return show(done.stdout), calls

    def test_an_account_without_ec2(self):
        """Since when the node is the same one cannot be learnt: that costs nobody a wait at every login."""
        self.create_document()
        self.lab.faults(calls=[{"action": "ec2:DescribeInstances", "answer": "hang"}])
        self.begin()
        self.assertEqual(self.answer("HOSTNAME", "node", "22", "me", "node"), (0, self.lines(), ""))
        self.begin()
        out, calls = self.calls("HOSTNAME", "node", "22", "me", "node")
        self.assertEqual((out, len([call for call in calls if call.startswith("flock(")])), (self.lines(), 1))
        with open(self.work.path("state", "ssm-bridge", "host-keys", NODE_ID), encoding="ascii") as file:
            self.assertNotIn("born", file.read())
        self.lab.faults(calls=[])
        self.begin()
        self.assertEqual(self.answer("HOSTNAME", "node", "22", "me", "node"), (0, self.lines(), ""))

    def test_order_does_not_wait(self):
        """Nor does it ask anybody: its cost is counted in system calls."""
        self.create_document()
        self.lab.faults(calls=[{"action": "ssm:GetCommandInvocation", "answer": "throttle"}])
        connect = self.begin()
        waiting = self.work.start([helper("ssh-answer"), "known-hosts", "--", "HOSTNAME", "node", "22", "me", "node"], env=self.env,
                                  stdout=subprocess.PIPE)
        self.assertEqual(self.answer("ORDER", "node", "22", "me", "node"), (0, "", ""))
        self.assertIsNone(waiting.poll())
        self.lab.faults(calls=[])
        self.assertEqual((show(waiting.communicate()[0]), waiting.returncode), (self.lines(), 0))
        out, calls = self.calls("ORDER", "node", "22", "me", "node")
        self.assertEqual(out, self.lines())
        _, least = self.calls("ADDRESS", "node", "22", "me", "node")  # what the program costs that does nothing
        self.assertLess(len(calls) - len(least), 40)
        self.assertFalse([call for call in calls if re.match("socket|connect|flock|poll", call)])
        kill(connect, signal.SIGTERM)
        self.wait_for_exit(connect)
        self.assertEqual(os.listdir(self.work.path("state", "ssm-bridge", "connections")), [])


if __name__ == "__main__":
    unittest.main()
