"""What holds for every verb of ssm-proxy, whichever they are: help, manual, completion, refusals, and a standard output that is empty
when it fails. And that what `--output json` writes is what docs/schemas says."""

import json
import os
import re
import signal
import socket
import subprocess
import unittest

import jsonschema

from lab import PATIENCE_SECONDS
from lab_case import NODE_ID, LabCase
from workspace import SOURCE_DIR, Workspace, exit_on_signals, program, show

# For each verb: words that it refuses, and a way to fail where there are no credentials; None: it does not fail there.
VERBS = {
    "connect": ([[], ["node", "port"], ["node", "0"], ["node", "22", "user", "more"], [""]], ["node"]),
    "shell": ([[], ["node", "more"], ["--payload-size", "2048", "node"]], ["node"]),
    "forward": ([[], ["--output", "xml", "node", "80"], ["node"], ["node", "port"], ["node", "1:2:3:4:5:6"]], ["node", "80"]),
    "config": ([["more"], ["--install", "--uninstall"], ["--host", "'"]], ["--install"]),
    "config match": ([[], ["a", "b"]], None),
    "known-hosts": ([[], ["ORDER"], ["NOSUCH", "a", "22", "root", "a"]], None),
    "known-hosts forget": ([[], ["a", "b"]], ["node"]),
    "ls": ([["--ping", "up"], ["--tag", "x"], ["--output", "xml"]], []),
    "wait": ([[], ["a", "b"], ["--timeout", "0", "node"]], ["node"]),
    "sessions list": ([["more"], ["--output", "xml"]], []),
    "sessions end": ([[], ["a", "--", "b" * 97], ["--all-mine", "a"]], ["a"]),
    "doctor": ([["a", "port"], ["--last", "node"], ["--output", "xml"]], None),  # its standard output is the report
    "key ensure": ([["more"], ["--lifetime", "x"], ["--output", "xml"]], None),
    "key push": ([[], ["node", "user", "more"], ["--key", "nosuch", "node"], ["--output", "xml", "node"]], ["node"]),
    "run": ([[], ["node"], ["--", "true"], ["--concurrency", "x", "node", "--", "true"], ["--output", "xml", "node", "--", "true"]],
            ["node", "--", "true"]),
    "agent version": ([["--output", "xml"]], []),
    "agent update": ([[], ["--concurrency", "x", "node"], ["--schedule", "rate(1 day)", "node"],
                      ["--association", "--output", "xml"]], ["node"]),
    "login": ([["more"]], []),
    "completion": ([[], ["csh"], ["bash", "zsh"]], None),
    "completion words": ([[]], None),
    "version": ([["more"], ["--output", "xml"]], None),
}


class VerbsTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        exit_on_signals()
        self.work = Workspace()
        self.addCleanup(self.work.close)
        # Nothing but this machine is ever asked.
        self.env = self.work.environment(AWS_REGION="us-east-1", AWS_ENDPOINT_URL="http://127.0.0.1:1",
                                         AWS_ENDPOINT_URL_SSMMESSAGES="http://127.0.0.1:1")

    def proxy(self, verb, *arguments):
        done = self.work.run([program("ssm-proxy"), *verb.split(), *arguments], env=self.env)
        return done.returncode, show(done.stdout), show(done.stderr)

    def test_every_verb_is_in_the_table(self):
        code, said, _ = self.proxy("--help")
        self.assertEqual(code, 0)
        self.assertEqual(sorted(VERBS), sorted(re.findall(r"^  ([a-z-]+(?: [a-z-]+)?)(?= |$)", said, re.MULTILINE)))

    def test_help_manual_and_completion(self):
        with open(os.path.join(SOURCE_DIR, "docs", "man", "ssm-proxy.1.scd"), encoding="utf-8") as file:
            synopsis, _, description = file.read().partition("# DESCRIPTION")
        for verb in VERBS:
            with self.subTest(verb):
                code, said, error = self.proxy(verb, "--help")
                self.assertEqual((code, error), (0, ""))
                self.assertTrue(said.startswith("Usage: ssm-proxy %s " % verb), said)
                if verb != "completion words":  # which is for shells
                    self.assertIn("*ssm-proxy %s*" % verb, synopsis)
                self.assertRegex(description, r"\*(ssm-proxy )?%s\b" % verb)
                words = verb.split()
                self.assertIn(words[-1], self.completed(*words))
                self.assertEqual(self.completed(*words, "--"), re.findall(r"^  (--[a-z0-9-]+)", said, re.MULTILINE))

    def completed(self, *words):
        return [line.split("\t")[0] for line in self.proxy("completion words", "--", *words)[1].splitlines()]

    def test_refusals(self):
        for verb, (refused, _) in VERBS.items():
            for arguments in (["--no-such-option"], ["--help=x"], *refused):
                with self.subTest(verb, arguments=arguments):
                    code, said, error = self.proxy(verb, *arguments)
                    self.assertEqual((code, said, error.count("\n")), (64, "", 1), error)
                    self.assertTrue(error.startswith("ssm-proxy: "), error)

    def test_failures(self):
        for verb, (_, failing) in VERBS.items():
            if failing is not None:
                with self.subTest(verb):
                    code, said, error = self.proxy(verb, *failing)
                    self.assertEqual((code, said), (78, ""), error)
                    self.assertTrue(error and all(line.startswith("ssm-proxy: ") for line in error.splitlines()), error)


class JsonTest(LabCase):
    lab_options = ("--no-agent-pause", "--light-nodes", "2")

    def check(self, name, *arguments, code=0, count=None):
        done = self.work.run([program("ssm-proxy"), *arguments], env=self.lab.environment())
        self.assertEqual(done.returncode, code, show(done.stderr))
        document = self.validated(name, show(done.stdout))
        if count is not None:
            self.assertEqual(len(document), count, document)
        return document

    def validated(self, name, text):
        with open(os.path.join(SOURCE_DIR, "docs", "schemas", name + ".json"), encoding="utf-8") as file:
            schema = json.load(file)
        jsonschema.Draft202012Validator.check_schema(schema)
        document = json.loads(text)
        jsonschema.Draft202012Validator(schema).validate(document)
        return document

    def test_json_is_as_its_schema_says(self):
        self.start_node()
        process = self.connect(NODE_ID, self.node.port)
        self.banner(process)
        self.check("sessions-list", "sessions", "list", "--output", "json", count=1)
        self.assertEqual(self.check("ls", "ls", "--output=json", "--tags", NODE_ID, count=1)[0]["Sessions"], 1)
        process.terminate()
        self.wait_for_exit(process)
        process.stdin.close(), process.stdout.close(), process.stderr.close()
        self.check("sessions-list", "sessions", "list", "--all", "--output", "json")
        self.check("ls", "ls", "--output", "json")
        self.check("doctor", "doctor", "--json", "node", str(self.node.port))
        self.check("doctor", "doctor", "--output", "json", "nosuch", code=66)
        self.check("doctor-last", "doctor", "--last", "--json")
        self.check("run", "run", "--output", "json", "tag:Fleet=light", "--", "true", count=2)
        self.check("agent-version", "agent", "version", "--output", "json")
        self.check("run", "agent", "update", "--output", "json", "tag:Fleet=light", count=2)
        self.check("run", "run", "--output", "json", NODE_ID, "--", "printf '\\377'; exit 3", code=3, count=1)
        for action, verb, arguments in (("ssm:DescribeSessions", ("sessions", "list"), ()), ("ssm:DescribeInstanceInformation", ("ls",), ()),
                                        ("ssm:DescribeInstanceInformation", ("agent", "version"), ()),
                                        ("ssm:SendCommand", ("run",), (NODE_ID, "--", "true"))):
            with self.subTest(verb):
                self.lab.faults(calls=[{"action": action, "answer": "deny"}])
                self.assert_refused(self.work.run([program("ssm-proxy"), *verb, "--output=json", *arguments], env=self.lab.environment()), 77)

    def test_what_is_no_list_is_an_object_in_a_line(self):
        said = self.check("version", "version", "--output", "json")
        self.assertEqual(show(self.work.run([program("ssm-proxy"), "version"]).stdout), "ssm-proxy %(Version)s\n%(Libraries)s\n" % said)
        path = self.check("key", "key", "ensure", "--output", "json")["Path"]
        self.assertTrue(os.path.exists(path), path)
        self.assertEqual(self.check("key", "key", "push", "--output", "json", NODE_ID, "admin")["Path"], path)
        command = self.check("run-no-wait", "run", "--no-wait", "--output", "json", NODE_ID, "--", "true")
        self.assertEqual(self.check("run", "run", "--output", "json", "--show", command["CommandId"], count=1)[0]["CommandId"],
                         command["CommandId"])
        command = self.check("run-no-wait", "agent", "update", "--no-wait", "--output", "json", NODE_ID)
        self.check("run", "run", "--output", "json", "--show", command["CommandId"], count=1)
        made, again = (self.check("agent-update-association", "agent", "update", "--association", "--output", "json") for _ in range(2))
        self.assertEqual(made, again)

    def test_a_path_that_json_cannot_hold(self):
        env = self.lab.environment(XDG_STATE_HOME=os.fsencode(self.work.path("state-")) + b"\377")
        done = self.work.run([program("ssm-proxy"), "key", "ensure", "--output", "json"], env=env)
        self.assert_refused(done, 78, "Path is no text in UTF-8")

    def test_each_forward_has_a_line_once_it_is_open(self):
        path = self.work.path("web.sock")
        process = self.work.start([program("ssm-proxy"), "forward", "--output", "json", NODE_ID, "0:80", path + ":db.internal:5432"],
                                  env=self.lab.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        lines = [self.validated("forward", process.stdout.readline().decode()) for _ in range(2)]  # while it runs
        ports, sockets = [[line for line in lines if line["Remote"] == remote] for remote in ("localhost:80", "db.internal:5432")]
        self.assertEqual([line["Local"] for line in sockets], [path])
        address, port = ports[0]["Local"].rsplit(":", 1)
        with socket.create_connection((address, int(port)), PATIENCE_SECONDS):
            process.send_signal(signal.SIGINT)
        self.assertEqual(process.communicate(timeout=PATIENCE_SECONDS)[0], b"")
        self.assertEqual(process.returncode, 130)


if __name__ == "__main__":
    unittest.main()
