"""ssm-userctl audit: real commands of sudo with the principal who ran them, and logs that mean harm."""

import datetime
import glob
import json

from host_case import HostCase
from managed_node import ALICE, AUDIT, BOB, must_run, read, remove, run, write

AGENT_LOG = "/var/log/amazon/ssm/amazon-ssm-agent.log"


class AuditTest(HostCase):
    def setUp(self):
        super().setUp()
        remove("/var/log/sudo-io", "/var/log/amazon", AUDIT + ".1")
        write("/etc/sudoers.d/io-log", 'Defaults:ssm-user log_output, iolog_dir="/var/log/sudo-io/ssm"\n', 0o440)
        self.addCleanup(remove, "/etc/sudoers.d/io-log")

    @staticmethod
    def events(*arguments):
        return json.loads(must_run("ssm-userctl", "audit", "--json", *arguments).output)["events"]

    @staticmethod
    def age_all(seconds):
        """As if everything so far had been earlier."""
        lines = [json.loads(line) for line in read(AUDIT).splitlines()]
        for line in lines:
            earlier = datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00")) - datetime.timedelta(seconds=seconds)
            line["time"] = earlier.isoformat().replace("+00:00", "Z")
        write(AUDIT, "".join(json.dumps(line) + "\n" for line in lines), 0o640)
        for path in glob.glob("/var/log/sudo-io/ssm/*/*/*/log.json"):
            log = json.loads(read(path))
            log["timestamp"]["seconds"] -= seconds
            write(path, json.dumps(log), 0o600)

    def test_who_ran_what(self):
        self.node.set_level("root")
        alice, bob = self.session(ALICE), self.session(BOB)
        self.assert_success(self.node.ssh("ssm-user", "sudo echo one", session=alice), "one")
        self.age_all(60)  # no check of alice's can be meant any more
        self.assert_success(self.node.ssh("ssm-user", "sudo echo two", session=bob), "two")
        commands = [event for event in self.events() if event["event"] == "sudo-command"]
        self.assertEqual([(event["command"].split()[1:], event["owner_arn"], event["session_id"], event["user"]) for event in commands],
                         [(["one"], ALICE, alice.id, "ssm-user"), (["two"], BOB, bob.id, "ssm-user")])
        said = must_run("ssm-userctl", "audit").output
        self.assertRegex(said, r"%s  sudo-command  user=ssm-user  session_id=%s .*command=/usr/bin/echo one" % (ALICE, alice.id))
        times = [event["time"] for event in self.events()]
        self.assertEqual(times, sorted(times))

    def test_two_at_once_are_ambiguous(self):
        self.node.set_level("root")
        for owner in (ALICE, BOB):
            self.assert_success(self.node.ssh("ssm-user", "sudo true", session=self.session(owner)))
        # On a slow machine they are further apart: then moved together.
        lines = [json.loads(line) for line in read(AUDIT).splitlines()]
        last_check = [line["time"] for line in lines if line["event"] == "sudo-allowed"][-1]
        for line in lines:
            line["time"] = last_check
        write(AUDIT, "".join(json.dumps(line) + "\n" for line in lines))
        last = [event for event in self.events() if event["event"] == "sudo-command"][-1]
        self.assertEqual(last.get("attribution"), "ambiguous")
        self.assertNotIn("owner_arn", last)

    def test_rotated_hostile_and_since(self):
        write(AUDIT + ".1", '{"time":"2026-01-01T00:00:00.000Z","event":"old"}\n')
        write(AUDIT, '{"time":"2026-01-02T00:00:00.000Z","event":"login","owner_arn":"a\\u001b[2J\\u009b"}\nnonsense \x1b[2J\n{"time":"x"}\n')
        write(AGENT_LOG, "2026-01-01 12:00:00 INFO [ssm-session-worker] [eve-1] Successfully created ssm-user\n"
                         "2026-01-01 12:00:01 INFO [ssm-session-worker] [../x] ssm-user already exists.\n"
                         "2026-01-01 12:00:02 INFO something else\n")
        write("/var/log/sudo-io/ssm/00/00/01/log.json", json.dumps({
            "timestamp": {"seconds": 1767400000, "nanoseconds": 5}, "submituser": "ssm-user", "runuser": "root", "command": "/bin/echo",
            "runargv": ["echo", "\x1b]0;x\x07", "\u009b31m"]}))
        write("/var/log/sudo-io/ssm/00/00/02/log.json", "[1]")
        result = run("ssm-userctl", "audit", env={"PATH": "/usr/sbin:/usr/bin", "TZ": "UTC"})
        self.assert_success(result)
        self.assertTrue(all(" " <= character <= "~" or character == "\n" for character in result.output), repr(result.output))
        self.assertIn("3 lines or files make no sense", result.errors)
        self.assertEqual([line.split("  ")[2] for line in result.output.splitlines()],
                         ["old", "agent-created-account", "agent-shell", "login", "sudo-command"])
        self.assertIn("session_id=eve-1", result.output)
        self.assertNotIn("../x", result.output)
        self.assertEqual([event["event"] for event in self.events("--since", "2026-01-02T00:00:00Z")], ["login", "sudo-command"])
        self.assertEqual(self.events("--since", "1s"), [])
        self.assertEqual(run("ssm-userctl", "audit", "--since", "yesterday").status, 2)
