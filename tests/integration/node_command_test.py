"""command/node_command: one document on one node, driven by node_command_probe against ssm-lab."""

import json

from lab_case import NODE_ID, OFFLINE_NODE_ID, LabCase
from workspace import program, show

SUCCESS, FAILED = 3, 4
GET = "ssm:GetCommandInvocation"


class NodeCommandTest(LabCase):
    attempts = "1"  # of one call: what is tried again is by node_command itself

    def setUp(self):
        super().setUp()
        self.lab.faults(invocation_delay_ms=20)

    def run_on(self, *commands, node=NODE_ID, document="AWS-RunShellScript", seconds=60, parameters=None):
        parameters = {"commands": list(commands)} if parameters is None else parameters
        return json.loads(show(self.checked(self.work.run(
            [program("node_command_probe"), node, document, json.dumps(parameters), str(seconds)],
            env=self.lab.environment(AWS_MAX_ATTEMPTS=self.attempts))).stdout))

    def refused(self, error, words, *commands, **options):
        answer = self.run_on(*commands, **options)
        self.assertEqual(answer.get("error"), error, answer)
        self.assertIn(words, answer["why"])

    def calls(self, faults):
        self.lab.faults(calls=faults)

    def test_what_is_refused(self):
        self.refused("no such target", "InvalidInstanceId", "true", node="i-0aaaaaaaaaaaaaaaa")
        self.refused("configuration error", "InvalidDocument", "true", document="AWS-NoSuchDocument")
        self.refused("configuration error", "InvalidParameters", parameters={"colour": ["red"]})
        self.calls([{"action": "ssm:SendCommand", "answer": "deny"}])
        self.refused("access denied", "ssm:SendCommand", "true")
        self.calls([{"action": GET, "answer": "deny"}])
        self.refused("access denied", GET, "true")

    def test_runs_and_awaits(self):
        answer = self.run_on("echo out; echo err >&2")
        self.assertEqual((answer["status"], answer["code"], answer["output"], answer["error_output"]), (SUCCESS, 0, "out\n", "err\n"))
        self.assertEqual(len(answer["id"]), 36)
        self.assertEqual(self.run_on("sleep 0.6; echo slow")["output"], "slow\n")
        answer = self.run_on("echo first >&2; echo the reason >&2; exit 7")
        self.assertEqual((answer["status"], answer["code"], answer["failure"]), (FAILED, 7, "Failed, exit code 7: the reason"))
        self.assertEqual(self.run_on("exit 1")["failure"], "Failed, exit code 1")
        self.assertTrue(self.run_on("head -c 30000 /dev/zero")["is_output_cut"])

    def test_what_passes_is_waited_out(self):
        self.lab.faults(invocation_delay_ms=1500)
        self.assertEqual(self.run_on("echo late")["output"], "late\n")
        self.lab.faults(invocation_delay_ms=20)
        self.calls([{"action": GET, "answer": answer, "count": 2} for answer in ("throttle", "close")])
        self.assertEqual(self.run_on("echo throttled")["output"], "throttled\n")

    def test_a_command_is_not_sent_twice(self):
        """Whether it was taken nobody knows."""
        self.attempts = "3"
        self.calls([{"action": "ssm:SendCommand", "answer": "close", "count": 1}])
        self.refused("unreachable", "127.0.0.1", "true")
        self.calls([{"action": "ssm:SendCommand", "answer": "throttle", "count": 1}])
        self.assertEqual(self.run_on("echo refused once")["output"], "refused once\n")

    def test_gives_up_in_time(self):
        self.refused("timed out", "the command is not over on %s in time" % OFFLINE_NODE_ID, "true", node=OFFLINE_NODE_ID, seconds=1)
        self.calls([{"action": GET, "answer": "throttle"}])
        self.refused("timed out", "ThrottlingException", "true", seconds=2)
        self.calls([{"action": "ssm:SendCommand", "answer": "hang"}])
        self.refused("timed out", "in time", "true", seconds=1)
