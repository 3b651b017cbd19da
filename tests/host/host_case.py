"""The base of the tests of a node: unittest on a ManagedNode in the sandbox."""

import unittest

import sandbox

sandbox.enter()

from managed_node import ManagedNode, Session, Shell  # noqa: E402 (inside the sandbox only)


class HostCase(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.node = ManagedNode.the()
        self.node.reset()
        self.since = len(self.node.syslog.lines)

    def tearDown(self):
        outcome = self._outcome.result
        if any(test is self for test, _ in outcome.failures + outcome.errors):
            print("--- syslog:\n" + "\n".join(self.node.syslog.lines[self.since:]))

    def assert_success(self, result, output=None):
        self.assertEqual(result.status, 0, str(result))
        if output is not None:
            self.assertEqual(result.output.strip(), output, str(result))

    def assert_refused(self, result, *words):
        """It failed, and syslog has a line of ours with these words."""
        self.assertNotEqual(result.status, 0, str(result))
        if words:
            self.assert_logged(*words, result=result)

    def assert_logged(self, *words, result=""):
        return self.node.syslog.wait_for(words, self.since, what=str(result))

    def session(self, *arguments, **options):
        return Session(*arguments, **options)

    def shell(self, session):
        shell = Shell(self.node, session)
        self.addCleanup(shell.close)
        return shell
