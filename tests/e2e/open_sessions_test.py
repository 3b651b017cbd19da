"""ssm-proxy sessions list and sessions end: one's own sessions, everybody's, and their end."""

import json
import os
import re
import subprocess

from lab_case import NODE_ID, SECOND_NODE_ID, LabCase
from workspace import program, show


class SessionsTest(LabCase):
    def sessions(self, *arguments, env=None, **options):
        return self.work.run([program("ssm-proxy"), "sessions", *arguments], env=env or self.lab.environment(), **options)

    def refused(self, *arguments, code, words):
        return self.assert_refused(self.sessions(*arguments), code, *words)

    def role(self):
        """An environment of somebody else: a role of the lab's."""
        role = self.lab.info["identity"]["roles"]["lab-role"]["arn"]
        config = self.work.write("aws_config", "[profile other]\nrole_arn = %s\ncredential_source = Environment\n" % role)
        return self.lab.environment(AWS_CONFIG_FILE=config)

    def open(self, node=NODE_ID, *options, env=None, reason="on call"):
        """A tunnel that is up; gives its process."""
        process = self.connect("--reason", reason, *options, node, self.node.port, env=env)
        self.banner(process)
        self.addCleanup(self.close, process)
        return process

    def close(self, process):
        process.kill()
        process.wait()
        process.stdin.close(), process.stdout.close(), process.stderr.close()

    def listed(self, *arguments, env=None):
        return json.loads(show(self.checked(self.sessions("list", "--output", "json", *arguments, env=env)).stdout))

    def test_refuses(self):
        for arguments, code, words in (
                ((), 64, ["sessions: a verb is missing behind it (see: ssm-proxy sessions --help)"]),
                (("lst",), 64, ["unknown verb sessions lst"]),
                (("list", "x"), 64, ["one argument too many: x"]),
                (("list", "--output", "xml"), 64, ["sessions list: --output: neither table nor json: xml"]),
                (("list", "--all-mine"), 64, ["sessions list: unknown option --all-mine"]),
                (("end",), 64, ["either SESSION... or --all-mine"]),
                (("end", "--all-mine", "a-1"), 64, ["either SESSION... or --all-mine"]),
                (("end", ""), 64, ["not a session's id"]),
                (("end", "a" * 97), 64, ["not a session's id"]),
                (("end", "nobody-0123"), 69, ["sessions end: nobody-0123: session ended: DoesNotExistException"])):
            with self.subTest(arguments):
                self.refused(*arguments, code=code, words=words)
        self.lab.faults(calls=[{"action": "ssm:DescribeSessions", "answer": "deny"}])
        self.refused("list", code=77, words=["sessions list: access denied", "ssm:DescribeSessions"])
        self.refused("end", "--all-mine", code=77, words=["sessions end: access denied"])

    def test_help_of_the_group(self):
        said = show(self.checked(self.sessions("--help")).stdout)
        self.assertEqual(re.findall(r"^  (sessions \w+)", said, re.MULTILINE), ["sessions list", "sessions end"])
        self.assertIn("Usage: ssm-proxy sessions end [OPTION]... SESSION... | --all-mine", show(self.sessions("end", "--help").stdout))

    def test_lists(self):
        self.assertEqual(self.listed(), [])
        self.assertEqual(show(self.sessions("list").stdout).split(), "SESSION NODE STATUS STARTED DOCUMENT REASON".split())
        self.start_node()
        self.open(), self.open(SECOND_NODE_ID, reason="Störung"), self.open(NODE_ID, "--profile", "other", env=self.role())
        mine, everybodys = self.listed(), self.listed("--all")
        self.assertEqual(sorted(item["Target"] for item in mine), [NODE_ID, SECOND_NODE_ID])
        self.assertEqual(len(everybodys), 3)
        self.assertEqual(len({item["Owner"] for item in mine}), 1)
        self.assertEqual(len({item["Owner"] for item in everybodys}), 2)
        self.assertEqual({item["Reason"] for item in mine}, {"on call", "Störung"})
        self.assertEqual({item["Status"] for item in mine}, {"Connected"})
        for item in mine:
            self.assertRegex(item["StartDate"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual({item["SessionId"] for item in everybodys}, {item["id"] for item in self.lab.status()["sessions"]})
        lines = show(self.checked(self.sessions("list", "--all")).stdout).splitlines()
        self.assertEqual(len(lines), 4)
        for heading, member in (("NODE", "Target"), ("DOCUMENT", "DocumentName"), ("OWNER", "Owner")):
            at = lines[0].index(heading)
            self.assertEqual(sorted(line[at:].split()[0] for line in lines[1:]), sorted(item[member] for item in everybodys))
        self.assertNotIn("OWNER", show(self.sessions("list").stdout))

    def test_ends(self):
        self.start_node()
        first, second, others = self.open(), self.open(), self.open(NODE_ID, "--profile", "other", env=self.role())
        ids = [item["SessionId"] for item in self.listed()]
        done = self.sessions("end", "nobody-0123", ids[0])
        self.assertEqual((done.returncode, show(done.stdout)), (69, ids[0] + "\n"), show(done.stderr))
        self.lab.wait_for_sessions(2)
        done = self.checked(self.sessions("end", "--all-mine"))
        self.assertEqual(show(done.stdout), ids[1] + "\n")
        self.lab.wait_for_sessions(1)
        self.wait_for_exit(first), self.wait_for_exit(second)
        self.assertIsNone(others.poll())
        self.assertEqual(show(self.checked(self.sessions("end", "--all-mine")).stdout), "")

    def test_reader_that_has_gone(self):
        reader, writer = os.pipe()
        os.close(reader)
        for output in ("table", "json"):
            done = subprocess.run([program("ssm-proxy"), "sessions", "list", "--output", output], env=self.lab.environment(),
                                  stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.PIPE, check=False)
            self.assertEqual((done.returncode, done.stderr), (141, b""))
        os.close(writer)
