"""ssm-proxy wait: until a node can take a session, or why it cannot."""

import subprocess

from lab_case import NODE_ID, OFFLINE_NODE_ID, LabCase
from workspace import program, show

STOPPED_ID = "i-05105105105105100"
TERMINATED_ID = "i-0deadbeefdeadbee2"


class WaitTest(LabCase):
    def wait(self, *arguments, env=None):
        return self.work.run([program("ssm-proxy"), "wait", *arguments], env=env or self.lab.environment())

    def refused(self, *arguments, code, words):
        return self.assert_refused(self.wait(*arguments), code, *words)

    def test_refuses(self):
        for arguments, code, words in (
                ((), 64, ["an argument is missing: [--] TARGET"]),
                ((NODE_ID, "22"), 64, ["one argument too many: 22"]),
                ((NODE_ID, "--start"), 64, ["options stand before the arguments: --start (see: ssm-proxy wait --help)"]),
                (("--timeout", "0", NODE_ID), 64, ["wait: --timeout: not a number of seconds from 1 to 86400: 0"]),
                (("--timeout=soon", NODE_ID), 64, ["wait: --timeout: not a number of seconds"]),
                (("--reason", "x", NODE_ID), 64, ["unknown option --reason"]),
                (("",), 64, ["wait: not a target"]),
                (("--region", "eu-west-1", NODE_ID + ".us-east-1"), 64, ["region"]),
                (("nowhere",), 66, ["nowhere: no such target: no node in us-east-1 has the name \"nowhere\""]),
                (("--start", TERMINATED_ID), 66, ["the instance is terminated"])):
            with self.subTest(arguments):
                self.refused(*arguments, code=code, words=words)

    def test_ends_at_once_when_the_node_is_connected(self):
        for target in (NODE_ID, "node", "tag:Role=web"):
            with self.subTest(target):
                done = self.checked(self.wait(target))
                self.assertEqual((done.stdout, done.stderr), (b"", b""))
        self.assertEqual(self.lab.status()["sessions"], [])

    def test_starts_what_is_stopped(self):
        self.checked(self.wait("--start", "stopped"))
        self.checked(self.wait("--timeout", "1", STOPPED_ID))  # it has come up

    def test_times_out_with_the_cause(self):
        self.refused("--timeout", "1", "offline", code=75, words=[
            "offline (%s): timed out: it has not come online, it is not connected; its agent has been offline since" % OFFLINE_NODE_ID])
        self.refused("--timeout", "1", "i-0123456701234567a", code=75, words=["neither Systems Manager nor EC2 knows"])

    def test_says_that_it_may_not_know(self):
        self.lab.faults(calls=[{"action": "ssm:GetConnectionStatus", "answer": "deny"}])
        self.refused(NODE_ID, code=77, words=["the permission ssm:GetConnectionStatus is needed"])

    def test_ends_for_a_signal(self):
        self.lab.faults(calls=[{"action": "ssm:GetConnectionStatus", "answer": "close", "count": 1}])
        process = self.work.start([program("ssm-proxy"), "wait", "--debug", OFFLINE_NODE_ID], env=self.lab.environment(),
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while b"trying again" not in (line := process.stderr.readline()) and line:
            pass
        self.assertTrue(line)
        process.terminate()
        self.assertEqual(self.wait_for_exit(process), 128 + 15, show(process.stderr.read()))
        process.stdout.close(), process.stderr.close()
