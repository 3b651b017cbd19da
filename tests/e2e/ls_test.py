"""ssm-proxy ls: the nodes, as a table and as JSON, and which of them."""

import json
import os
import pty
import subprocess

from lab_case import NODE_ID, OFFLINE_NODE_ID, SECOND_NODE_ID, LabCase
from workspace import program, show

HYBRID_ID = "mi-0123456789abcdef0"


class LsTest(LabCase):
    def ls(self, *arguments, env=None):
        return self.work.run([program("ssm-proxy"), "ls", *arguments], env=env or self.lab.environment())

    def refused(self, *arguments, code, words):
        return self.assert_refused(self.ls(*arguments), code, *words)

    def listed(self, *arguments):
        return {item["InstanceId"]: item for item in json.loads(show(self.checked(self.ls("--output=json", *arguments)).stdout))}

    def test_refuses(self):
        for arguments, code, words in (
                (("--ping", "on"), 64, ["ls: --ping: neither online nor lost nor inactive: on"]),
                (("--tag", "Role"), 64, ["ls: --tag: not KEY=VALUE: Role"]),
                (("--tag", "=x"), 64, ["ls: --tag: not KEY=VALUE"]),
                (("--tag", "a=b") * 11, 64, ["ls: --tag: more than 10"]),
                (("--tags",) * 257, 64, ["ls: too many options: --tags"]),
                (("--output", "text"), 64, ["ls: --output: neither table nor json: text"]),
                (("--wait",), 64, ["ls: unknown option --wait"])):
            with self.subTest(arguments):
                self.refused(*arguments, code=code, words=words)
        done = self.ls("nosuch-*")
        self.assertEqual(done.returncode, 66)
        self.assertIn("no node in us-east-1 is what was asked for", show(done.stderr))
        self.lab.faults(calls=[{"action": "ssm:DescribeInstanceInformation", "answer": "deny"}])
        self.assertEqual(self.ls().returncode, 77)

    def test_filters(self):
        everything = set(self.listed())
        self.assertLessEqual({NODE_ID, SECOND_NODE_ID, OFFLINE_NODE_ID, HYBRID_ID}, everything)
        for arguments, found in ((("--tag", "Role=web"), {NODE_ID}), (("--tag=Role=web", "--tag=Name=node"), {NODE_ID}), (("hybrid",), {HYBRID_ID}), (("node",), {NODE_ID}),
                                 (("nod?", "10.0.0.12"), {NODE_ID, HYBRID_ID}), ((OFFLINE_NODE_ID,), {OFFLINE_NODE_ID}),
                                 (("--ping", "online", "--tag=Role=web", "n*"), {NODE_ID}), (("*",), everything)):
            with self.subTest(arguments):
                self.assertEqual(set(self.listed(*arguments)), found)
        self.assertEqual(self.ls("--tag=Role=web", "--tag=Name=other").returncode, 66)
        online, lost = set(self.listed("--ping", "online")), set(self.listed("--ping", "lost"))
        self.assertIn(NODE_ID, online)
        self.assertIn(OFFLINE_NODE_ID, lost)
        self.assertFalse(online & lost)

    def test_what_is_said(self):
        self.start_node()
        process = self.connect(NODE_ID, self.node.port)
        self.banner(process)
        nodes = self.listed("--tags")
        process.terminate()
        self.wait_for_exit(process)
        process.stdin.close(), process.stdout.close(), process.stderr.close()
        self.assertEqual((nodes[NODE_ID]["Name"], nodes[NODE_ID]["Sessions"], nodes[NODE_ID]["IsLatestVersion"]), ("node", 1, True))
        self.assertEqual((nodes[SECOND_NODE_ID]["Sessions"], nodes[HYBRID_ID]["Tags"]), (0, None))
        self.assertEqual(nodes[NODE_ID]["Tags"]["Role"], "web")
        lines = show(self.checked(self.ls("--tags")).stdout).splitlines()
        self.assertEqual(lines[0].split(), "NAME ID PING AGENT PLATFORM ADDRESS SESSIONS TAGS".split())
        self.assertEqual(len(lines), 1 + len(nodes))
        at = lines[0].index("ID")
        self.assertEqual({line[at:].split()[0] for line in lines[1:]}, set(nodes))
        self.assertNotIn("\x1b", "".join(lines))
        self.assertIn("Role=web", [line for line in lines if NODE_ID in line][0])

    def test_names_for_ssh(self):
        """A list of all nodes refreshes the names that `config --install` has kept, of the same account and region alone."""
        nodes = self.work.path("state", "ssm-bridge", "nodes")

        def names():
            with open(nodes, encoding="utf-8") as file:
                return file.read().splitlines()

        self.checked(self.ls())
        self.assertFalse(os.path.exists(nodes), "nobody has asked for names to be kept")
        self.checked(self.work.run([program("ssm-proxy"), "config", "--install"], env=self.lab.environment()))
        first = names()
        self.assertEqual(first[0], "# those in the environment, us-east-1, %s/" % self.lab.info["api_url"].rstrip("/"))
        self.assertIn("node", first[1:])

        def spoil():
            self.work.write("state/ssm-bridge/nodes", first[0] + "\ngone\n")

        spoil()
        self.work.write("home/.aws/credentials", "[other]\naws_access_key_id = %s\naws_secret_access_key = %s\n" % (
            self.lab.info["access_key_id"], self.lab.info["secret_access_key"]))
        for arguments, env in ((("--tag", "Role=web"), self.lab.environment()),
                               ((), self.lab.environment(AWS_ENDPOINT_URL_EC2="https://127.0.0.1:1")),
                               (("--profile=other",), self.lab.environment())):
            self.checked(self.ls(*arguments, env=env))
            self.assertEqual(names(), [first[0], "gone"], arguments)
        self.checked(self.ls("--ping=lost"))  # still looks at every node
        self.assertEqual(names(), first)
        spoil()
        self.checked(self.ls())
        self.assertEqual(names(), first)

    def test_pages(self):
        whole = self.listed()
        self.lab.faults(page_size=1)
        self.assertEqual(set(self.listed()), set(whole))

    def test_without_permissions(self):
        self.lab.faults(calls=[{"action": "ec2:*", "answer": "deny"}, {"action": "ssm:DescribeSessions", "answer": "deny"}])
        done = self.checked(self.ls("--output", "json"))
        self.assertEqual(show(done.stderr).count("ssm-proxy: ls: "), 2, show(done.stderr))
        node = {item["InstanceId"]: item for item in json.loads(show(done.stdout))}[NODE_ID]
        self.assertIsNone(node["Sessions"])

    def test_services_that_cannot_be_reached(self):
        done = self.checked(self.ls("--output", "json", env=self.lab.environment(
            AWS_ENDPOINT_URL_EC2="https://127.0.0.1:1", AWS_ENDPOINT_URL_STS="https://127.0.0.1:1")))
        self.assertEqual(show(done.stderr).count("are not shown: unreachable"), 2, show(done.stderr))
        self.assertIn(NODE_ID, show(done.stdout))

    def test_one_failure_is_said_once(self):
        done = self.ls(env=self.lab.environment(AWS_SECRET_ACCESS_KEY="wrong"))
        self.assertEqual(done.returncode, 77, show(done.stderr))
        self.assertEqual(len(show(done.stderr).splitlines()), 1, show(done.stderr))

    def on_a_terminal(self, **environment):
        master, slave = pty.openpty()
        done = subprocess.run([program("ssm-proxy"), "ls", NODE_ID, OFFLINE_NODE_ID], env=self.lab.environment(**environment),
                              stdin=slave, stdout=slave, stderr=subprocess.PIPE, check=True)
        self.assertEqual(done.stderr, b"")
        said = os.read(master, 65536)
        os.close(master), os.close(slave)
        return said

    def test_colour_on_a_terminal(self):
        said = self.on_a_terminal(TERM="xterm")
        for line in said.splitlines()[1:3]:
            self.assertEqual(line.startswith(b"\x1b[2m"), OFFLINE_NODE_ID.encode() in line, said)
        for environment in (dict(TERM="xterm", NO_COLOR="1"), dict(TERM="dumb"), dict(TERM=None)):
            self.assertNotIn(b"\x1b", self.on_a_terminal(**environment))

    def test_reader_that_has_gone(self):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([program("ssm-proxy"), "ls"], env=self.lab.environment(), stdin=subprocess.DEVNULL, stdout=writer,
                              stderr=subprocess.PIPE, check=False)
        os.close(writer)
        self.assertEqual((done.returncode, done.stderr), (141, b""))
