"""ssm-proxy run: commands on one node and on fifty, their output, their ends."""

import json
import os
import re
import signal
import subprocess
import time

from lab_case import NODE_ID, OFFLINE_NODE_ID, SECOND_NODE_ID, LabCase
from screen import Screen
from workspace import program, show

AWS = "/usr/bin/aws"
FLEET = "tag:Fleet=light"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class RunCase(LabCase):
    lab_options = ("--no-agent-pause", "--light-nodes", "50", "--execute-on-light-nodes")

    def setUp(self):
        super().setUp()
        self.lab.faults(invocation_delay_ms=20)

    def run_(self, *arguments, env=None, **options):
        return self.work.run([program("ssm-proxy"), "run", *arguments], env=env or self.lab.environment(), **options)

    def start_(self, *arguments):
        process = self.work.start([program("ssm-proxy"), "run", *arguments], env=self.lab.environment(), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(lambda: (process.kill(), process.wait(), process.stdout.close(), process.stderr.close()))
        return process

    def ran(self, *arguments, code=0, **options):
        """What it wrote, both as text."""
        done = self.run_(*arguments, **options)
        self.assertEqual(done.returncode, code, show(done.stdout)[-2000:] + show(done.stderr)[-2000:])
        return show(done.stdout), show(done.stderr)

    def json(self, *arguments, code=0):
        return json.loads(self.ran("--output", "json", *arguments, code=code)[0])

    def refused(self, *arguments, code, words):
        return self.assert_refused(self.run_(*arguments), code, *words)

    def aws(self, *arguments):
        """The AWS CLI as witness."""
        env = self.lab.environment(AWS_DEFAULT_REGION=self.lab.info["region"])
        done = self.checked(self.work.run([AWS, "--endpoint-url", self.lab.info["api_url"], "ssm", *arguments, "--output", "json"], env=env))
        return json.loads(show(done.stdout))

    def calls(self):
        return self.lab.counter("api_calls")

    def wait_for_file(self, path):
        self.lab.wait_until(path, lambda _: os.path.exists(path))


class RunTest(RunCase):
    def test_refuses(self):
        script = self.work.write("script", b"\0")
        for arguments, code, words in (
                ((), 64, ["what is to be run?"]),
                (("node",), 64, ["what is to be run?"]),
                (("node", "--"), 64, ["what is to be run?"]),
                (("--", "--", "true"), 64, ["which nodes?"]),
                (("node", "--stream", "--", "true"), 64, ["options stand before the arguments: --stream"]),
                (("--concurrency", "0", "node", "--", "true"), 64, ["--concurrency", "50%"]),
                (("--max-errors", "101%", "node", "--", "true"), 64, ["--max-errors"]),
                (("--timeout", "0", "node", "--", "true"), 64, ["--timeout: not a number of seconds"]),
                (("--s3-prefix", "p", "node", "--", "true"), 64, ["--s3-bucket"]),
                (("--stream", "--output", "json", "node", "--", "true"), 64, ["--stream is for people"]),
                (("--output", "xml", "node", "--", "true"), 64, ["neither table nor json"]),
                (("--script", script, "node"), 64, ["it is no text"]),
                (("--script", "/no/such", "node"), 64, ["no such file", "/no/such"]),
                (("--script", script, "node", "--", "true"), 64, ["either --script or a command"]),
                (("--parameters", "{", "node"), 64, ["not a JSON object"]),
                (("--parameters", '{"a":1}', "node"), 64, ["neither a text nor a list of texts"]),
                (("--parameters", "commands", "node"), 64, ["neither NAME=VALUE nor"]),
                (("--parameters", "commands=x", "node", "--", "true"), 64, ["commands, too"]),
                (("tag:", "--", "true"), 64, ["not a target: tag:"]),
                (("ecs:a_b_c-1", "--", "true"), 64, ["does not reach containers"]),
                (("node,tag:Fleet=light", "--", "true"), 64, ["do not go together"]),
                (tuple("tag:K%d=v" % i for i in range(6)) + ("--", "true"), 64, ["5 tags"]),
                (tuple("mi-%017x" % i for i in range(1, 52)) + ("--", "true"), 64, ["50 nodes at once", "tag"]),
                (("nobody", "--", "true"), 66, ["no node in us-east-1 has the name"]),
                (("node,node-2,twin", "--", "true"), 66, ["2 nodes in us-east-1 have the name \"twin\"", "use an id"]),
                (("tag:Fleet=none", "--", "true"), 66, ["no node in us-east-1 has these tags"]),
                (("i-0aaaaaaaaaaaaaaaa", "--", "true"), 66, ["InvalidInstanceId"]),
                (("node", NODE_ID + ".eu-west-1", "--", "true"), 64, ["is not in us-east-1", "one region"]),
                (("--document-name", "AWS-NoSuch", "node"), 78, ["InvalidDocument"]),
                (("--parameters", '{"colour":"red"}', "node", "--", "true"), 78, ["InvalidParameters"]),
                (("--reason", "x" * 101, "node", "--", "true"), 64, ["100 characters"]),
                (("--show", "x"), 64, ["not the id of a command"]),
                (("--show", "01234567-89ab-cdef-0123-456789abcdef", "node", "--", "x"), 64, ["was sent before"]),
                (("--show", "01234567-89ab-cdef-0123-456789abcdef"), 66, ["run: no such target"])):
            with self.subTest(arguments):
                self.refused(*arguments, code=code, words=words)
        self.lab.faults(calls=[{"action": "ssm:SendCommand", "answer": "deny"}])
        self.refused("node", "--", "true", code=77, words=["ssm:SendCommand"])

    def test_one_node_is_as_if_it_ran_here(self):
        out, err = self.ran("node", "--", "echo out; echo err >&2;", "printf", "'%s|'", "a  b", "'c  d'; exit 7", code=7)
        self.assertEqual((out, err), ("out\na|b|c  d|", "err\n"))
        self.assertEqual(self.ran(NODE_ID, "--", "printf", "x"), ("x", ""))
        raw = b"\\033]0;title\\007\\r\\n\\302\\233"
        done = self.run_("node", "--", "printf '%s'" % show(raw))
        self.assertEqual((done.returncode, done.stdout), (0, b"\033]0;title\007\r\n\302\233"), "piped: as it is")
        out, err = self.ran("--timeout", "1", "node", "--", "echo begun; sleep 60", code=137)
        self.assertEqual(out, "begun\n")
        self.assertIn("node (%s): " % NODE_ID, err)
        self.assertIn("Timed", err)

    def test_what_is_sent(self):
        script = self.work.write("script.py", "#!/usr/bin/env python3\nimport sys\nprint(sys.version_info.major)\nsys.exit(3)\n")
        out, _ = self.ran("--script", script, "--reason", "on call", "--timeout", "600", "--s3-bucket", "bucket", "--s3-prefix", "a/b",
                          "--cloudwatch-log-group", "/lab", "--max-errors", "7", "--concurrency", "10%", "node", code=3)
        self.assertEqual(out, "3\n", "its own interpreter")
        command, = self.aws("list-commands")["Commands"]
        with open(script, encoding="utf-8") as file:
            self.assertEqual(command["Parameters"], {"commands": [file.read()], "executionTimeout": ["600"]})
        self.assertEqual((command["DocumentName"], command["InstanceIds"], command["Comment"]), ("AWS-RunShellScript", [NODE_ID], "on call"))
        self.assertEqual((command["OutputS3BucketName"], command["OutputS3KeyPrefix"]), ("bucket", "a/b"))
        self.assertEqual(command["CloudWatchOutputConfig"], {"CloudWatchLogGroupName": "/lab", "CloudWatchOutputEnabled": True})
        self.assertEqual((command["MaxErrors"], command["MaxConcurrency"], command["TimeoutSeconds"]), ("7", "10%", 600))
        parameters = {"commands": ["pwd", "echo two"], "workingDirectory": "/usr"}
        self.assertEqual(self.ran("--parameters", json.dumps(parameters), "--document-name", "AWS-RunShellScript", "node")[0], "/usr\ntwo\n")
        self.assertEqual(self.ran("--parameters", "workingDirectory=/etc", "node", "--", "pwd")[0], "/etc\n")

    def test_several_nodes(self):
        """In the order in which they were named, each once; aliases and names; the worst exit status."""
        self.work.write("home/.config/ssm-bridge/config", "[alias second]\ntarget = %s\n" % SECOND_NODE_ID)
        script = "echo $AWS_SSM_INSTANCE_ID; echo oops >&2; case $AWS_SSM_INSTANCE_ID in i-0f*) exit 9;; esac; exit 4"
        out, err = self.ran("second,node", NODE_ID, "--", script, code=9)
        self.assertEqual(out, "==> second (%s) <==\n%s\n==> node (%s) <==\n%s\n" % (SECOND_NODE_ID, SECOND_NODE_ID, NODE_ID, NODE_ID))
        self.assertEqual(err.splitlines(), [
            "==> second (%s) <==" % SECOND_NODE_ID, "oops", "ssm-proxy: second (%s): Failed, exit code 9" % SECOND_NODE_ID,
            "==> node (%s) <==" % NODE_ID, "oops", "ssm-proxy: node (%s): Failed, exit code 4" % NODE_ID,
            "ssm-proxy: 0 of 2 nodes succeeded, 2 failed"])
        out, err = self.ran("--stream", "node", "second", "--", "echo a; printf b; echo c >&2")
        self.assertEqual(sorted(out.splitlines()), ["node: a", "node: b", "second: a", "second: b"])
        self.assertIn("second: c\n", err)
        rows = self.json("second", "node", "--", script, code=9)
        self.assertEqual([(row["InstanceId"], row["Name"], row["Status"], row["ResponseCode"], row["StandardOutput"]) for row in rows],
                         [(SECOND_NODE_ID, "second", "Failed", 9, SECOND_NODE_ID + "\n"), (NODE_ID, "node", "Failed", 4, NODE_ID + "\n")])
        self.assertEqual(set(rows[0]), {"CommandId", "InstanceId", "Name", "Status", "StatusDetails", "Step", "ResponseCode",
                                        "StandardOutput", "StandardError", "IsOutputCut", "IsErrorCut"})
        self.assertFalse(rows[0]["IsOutputCut"])

        again = rows[0]["CommandId"]
        self.assertEqual([row["Name"] for row in self.json("--show", again, "node,second", code=9)], ["node", "second"])

    def test_windows(self):
        self.lab.call("/lab/nodes", {"platform": {SECOND_NODE_ID: "Windows"}})
        self.assertEqual(self.ran("node-2", "--", "Get-Date")[0], "Get-Date\n")
        self.assertEqual(self.ran("tag:Name=node-2", "--", "Get-Host")[0], "Get-Host\n")
        self.assertEqual([command["DocumentName"] for command in self.aws("list-commands")["Commands"]], ["AWS-RunPowerShellScript"] * 2)
        for targets in ("node,node-2", "tag:Name=node,tag:Name=node-2"):
            self.refused(targets, "--", "x", code=64, words=["some of the nodes run Windows", "--document-name AWS-RunShellScript or"])

    def test_fifty_nodes(self):
        """So many at a time, until too many fail; what was left out is said."""
        place = self.work.make_dir("running")
        script = "touch %s/$$; ls %s | wc -l; sleep 0.1; rm %s/$$" % (place, place, place)
        before = self.calls()
        rows = self.json("--concurrency", "10%", FLEET, "tag:Name=light-0001", "tag:Name=light-0050", "--", script)
        self.assertEqual([row["Name"] for row in rows], ["light-0001", "light-0050"], "every key must fit, any of its values")
        rows = self.json("--concurrency", "10%", FLEET, "--", script)
        self.assertEqual(len(rows), 50)
        self.assertLessEqual(max(int(row["StandardOutput"]) for row in rows), 5)
        self.assertGreater(max(int(row["StandardOutput"]) for row in rows), 1)
        self.assertLess(self.calls() - before, 40, "results come by the page")
        out, err = self.ran("--concurrency", "1", "--max-errors", "1", FLEET, "--", "case $AWS_SSM_INSTANCE_ID in *[35]) exit 6;; esac", code=6)
        self.assertIn("ssm-proxy: 3 of 50 nodes succeeded, 2 failed, 45 were left out after too many failures (--max-errors)\n", err)
        self.assertEqual((out, err.count("\n")), ("", 3))

    def test_output_that_is_cut(self):
        long = "head -c 30000 /dev/zero | tr '\\0' %s"
        out, err = self.ran("node", "--", long % "o" + "; " + long % "e >&2")
        self.assertEqual(out, "o" * 23980)
        self.assertIn("standard output is cut, the first 23980 bytes are here", err)
        self.assertIn("standard error is cut, the first 7980 bytes are here", err)
        self.assertIn("next time: --s3-bucket or --cloudwatch-log-group", err)
        _, err = self.ran("--s3-bucket", "b", "--s3-prefix", "p", "node", "--", long % "o")
        self.assertRegex(err, r"all of it: s3://b/p/%s/\n" % UUID)
        _, err = self.ran("--cloudwatch-log-group", "/lab", "node", "--", long % "o")
        self.assertRegex(err, r"all of it: the streams %s/... of the log group /lab\n" % UUID)
        out, err = self.ran(FLEET, "--", "head -c 3000 /dev/zero | tr '\\0' o")
        self.assertEqual(len(re.findall(r"^ssm-proxy: light-\d+ \(mi-\w+\): standard output is cut, the first 2\d\d\d bytes are here$",
                                        err, re.MULTILINE)), 50)
        again = re.search(r"ssm-proxy run --show (%s) NODE;" % UUID, err)[1]
        self.assertEqual(self.ran("--show", again, "light-0007")[0], "o" * 3000, "the longer text of GetCommandInvocation")
        self.assertEqual({row["IsOutputCut"] for row in self.json("--show", again)}, {True})

    def test_sent_now_and_shown_later(self):
        mark = self.work.path("mark")
        out, err = self.ran("--no-wait", "node", "node-2", "--", "while [ ! -e %s ]; do sleep 0.02; done; echo done; exit 2" % mark)
        self.assertRegex(out, "^%s\n$" % UUID)
        self.assertEqual(err, "")
        command_id = out.strip()
        _, err = self.ran("--no-wait", "--show", command_id)
        self.assertIn("0 of 2 nodes succeeded, 0 failed; others are not done yet", err)
        watching = self.start_("--show", command_id)
        self.lab.wait_until("a look", lambda status: status["counters"]["api_calls"] > 8)
        watching.send_signal(signal.SIGINT)
        self.assertEqual(self.wait_for_exit(watching), 130)
        self.assertIn("may go on: ssm-proxy run --show " + command_id, show(watching.stderr.read()))
        self.assertEqual(self.aws("list-commands")["Commands"][0]["Status"], "InProgress", "who looks does not cancel")
        open(mark, "w", encoding="ascii").close()
        out, _ = self.ran("--show", command_id, code=2)
        self.assertEqual(out, "==> %s (%s) <==\ndone\n==> %s (%s) <==\ndone\n" % (
            self.computer(NODE_ID), NODE_ID, self.computer(SECOND_NODE_ID), SECOND_NODE_ID))
        self.assertEqual(self.ran("--show", command_id, "node-2", code=2), ("done\n", ""))

    def computer(self, node_id):
        nodes = self.aws("describe-instance-information")["InstanceInformationList"]
        return next(node["ComputerName"] for node in nodes if node["InstanceId"] == node_id)

    def test_ctrl_c_cancels(self):
        place = self.work.make_dir("begun")
        process = self.start_("--concurrency", "2", FLEET, "--", "echo early; touch %s/$AWS_SSM_INSTANCE_ID; sleep 60" % place)
        self.wait_for_file(os.path.join(place, "mi-00000000000000002"))
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.wait_for_exit(process), 130)
        err = show(process.stderr.read())
        self.assertRegex(err, r"cancelled; not done were: light-0001, light-0002, .*, light-0010 and 40 more\n")
        self.assertIn("0 of 50 nodes succeeded, 0 failed, 50 were cancelled", err)
        self.assertEqual(show(process.stdout.read()).count("early\n"), 2, "what they had written")
        self.assertEqual(self.aws("list-commands")["Commands"][0]["Status"], "Cancelled")

    def test_a_terminal_that_closes_cancels_nothing(self):
        mark = self.work.path("mark")
        process = self.start_("node", "--", "touch %s; sleep 60" % mark)
        self.wait_for_file(mark)
        process.send_signal(signal.SIGHUP)
        self.assertEqual(self.wait_for_exit(process), 129)
        self.assertRegex(show(process.stderr.read()), r"may go on: ssm-proxy run --show %s\n" % UUID)
        self.assertEqual(self.aws("list-commands")["Commands"][0]["Status"], "InProgress")

    def test_a_second_ctrl_c_leaves(self):
        self.lab.faults(calls=[{"action": "ssm:CancelCommand", "answer": "hang"}])
        mark = self.work.path("mark")
        process = self.start_("node", "--", "touch %s; sleep 60" % mark)
        self.wait_for_file(mark)
        signals = 0
        while process.poll() is None:  # two that come at once are one
            signals += 1
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
        self.assertEqual(process.returncode, 130)
        self.assertIn(signals, range(2, 80), "the call alone would hang for 10 s")
        self.assertRegex(show(process.stderr.read()), r"may go on: ssm-proxy run --show %s\n" % UUID)

    def test_nodes_that_are_not_there(self):
        self.lab.faults(delivery_timeout_ms=300)
        out, err = self.ran(OFFLINE_NODE_ID, "node", "--", "echo here", code=75)
        self.assertEqual(out, "==> node (%s) <==\nhere\n" % NODE_ID)
        self.assertIn("%s is not connected (ConnectionLost); the command waits for it" % OFFLINE_NODE_ID, err)
        self.assertRegex(err, r"%s( \(\S+\))?: Delivery ?Timed ?Out\n" % OFFLINE_NODE_ID)
        self.assertIn("1 of 2 nodes succeeded, 1 failed", err)

    def test_a_service_in_trouble(self):
        """What was sent is waited for, whatever happens to the questions; it is not sent twice."""
        mark = self.work.path("mark")
        env = self.lab.environment(AWS_MAX_ATTEMPTS="1")
        self.lab.faults(invocation_delay_ms=500, calls=[
            {"action": "ssm:ListCommands", "answer": "throttle", "count": 2}, {"action": "ssm:ListCommands", "answer": "close", "count": 1}])
        out, _ = self.ran("node", "--", "echo x >> %s; echo ok" % mark, env=env)
        self.assertEqual(out, "ok\n")
        self.lab.faults(calls=[{"action": "ssm:SendCommand", "answer": "close", "count": 1}])
        self.refused("node", "--", "echo twice", code=75, words=["run: unreachable", "127.0.0.1"])
        self.lab.faults(invocation_delay_ms=20, calls=[{"action": "ssm:DescribeInstanceInformation", "answer": "deny"}])
        self.assertEqual(self.ran(NODE_ID, "--", "echo without a look")[0], "without a look\n")
        self.lab.faults(calls=[{"action": "ssm:ListCommands", "answer": "deny"}])
        message = self.refused_after_sending(NODE_ID, "--", "echo x >> " + mark)
        self.assertIn("ssm:ListCommands", message)

    def refused_after_sending(self, *arguments):
        done = self.run_(*arguments)
        self.assertEqual((done.returncode, done.stdout), (77, b""))
        message = show(done.stderr)
        self.assertRegex(message, r"the command may go on: ssm-proxy run --show %s\n" % UUID)
        return message


class RunOnTerminalTest(RunCase):
    def screen(self, *arguments):
        words = " ".join("'%s'" % word for word in (program("ssm-proxy"), "run", *arguments))
        return Screen(self, words, self.lab.environment())

    def test_progress(self):
        gate = self.work.path("gate")
        screen = self.screen("--concurrency", "3", FLEET, "--", "case $AWS_SSM_INSTANCE_ID in *[12]) echo $$;; *) "
                             "while [ ! -e %s ]; do sleep 0.02; done;; esac" % gate)
        screen.wait_for(r"^ssm-proxy: command %s$" % UUID)
        screen.wait_for(r"^ssm-proxy: light-0002 \(mi-00000000000000002\): Success$")
        screen.wait_for(r"^ssm-proxy: 2 of 50 nodes done \(Ctrl-C cancels\)$")
        open(gate, "w", encoding="ascii").close()
        screen.wait_for(r"^\(exit status 0\)$")
        self.assertIn("ssm-proxy: 50 of 50 nodes succeeded, 0 failed", screen.text())
        self.assertNotIn("nodes done", screen.text(), "the line of progress is gone")

    def test_ctrl_c(self):
        mark = self.work.path("mark")
        screen = self.screen("node", "--", "touch %s; sleep 60" % mark)
        self.wait_for_file(mark)
        screen.wait_for(r"^ssm-proxy: it is not done yet \(Ctrl-C cancels\)$")
        screen.keys("C-c")
        screen.wait_for(r"^\(exit status 130\)$")
        lines = screen.lines()
        self.assertRegex(lines[0], "^ssm-proxy: command " + UUID)
        self.assertIn("ssm-proxy: cancelled; not done were: node", lines)

    def test_what_the_exit_status_does_not_say(self):
        screen = self.screen("--timeout", "1", "node", "--", "sleep 60")
        screen.wait_for(r"^\(exit status 137\)$")
        self.assertRegex(screen.text(), r"(?m)^ssm-proxy: node \(%s\): Execution ?Timed ?Out, exit code 137$" % NODE_ID)

    def test_hostile_output(self):
        screen = self.screen("node", "--", "printf \"\\033[31mred\\033]0;title\\007\\rx\\302\\233y\\tz\\n\"")
        screen.wait_for(r"^\(exit status 0\)$")
        self.assertIn("^[[31mred^[]0;title^G^Mx\\x9by", screen.text())
