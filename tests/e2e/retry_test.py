"""Calls that are made again, and those that are not: throttling, failures and lost connections of the API, a gateway that is not
ready when a session begins, a wrong clock."""

import signal

from lab_case import NODE_ID, LabCase
from workspace import show

TRY_AGAIN = 75
DESCRIBE, START = "ssm:DescribeInstanceInformation", "ssm:StartSession"
NAME = "node-2"


def fault(action, answer, count=None):
    return dict({"action": action, "answer": answer}, **({} if count is None else {"count": count}))


class RetryTest(LabCase):
    def setUp(self):
        super().setUp()
        self.start_node()
        self.port = str(self.node.port)

    def reaches_sshd(self, *options, target=NODE_ID, **settings):
        """A tunnel through which sshd speaks, and what --debug says of it."""
        client = self.connect("--debug", *options, target, self.port, env=self.lab.environment(**settings))
        self.banner(client)
        client.send_signal(signal.SIGTERM)
        self.assertEqual(self.wait_for_exit(client), 128 + signal.SIGTERM)
        self.lab.wait_for_no_session()
        return show(client.stderr.read())

    def counter(self, name):
        return self.lab.counter(name)

    def test_a_throttled_service_is_asked_again(self):
        self.lab.faults(calls=[fault(DESCRIBE, "throttle", 1), fault(START, "unavailable", 1)])
        said = self.reaches_sshd(target=NAME)
        self.assertEqual(said.count("trying again"), 2, said)
        self.assertEqual((self.counter("started"), self.counter("api_errors")), (1, 2))

    def test_a_lost_reply_is_asked_for_again_unless_it_may_have_made_a_session(self):
        self.lab.faults(calls=[fault(DESCRIBE, "close", 1), fault(START, "close", 1)])
        done = self.run_connect(NAME, self.port)
        self.assert_refused(done, TRY_AGAIN, "closed the connection")
        self.assertEqual(self.counter("started"), 0, "the fault struck once: a second StartSession would have worked")
        # the first call of a connection, and the second of a kept one, which libcurl would send again by itself
        self.lab.faults(calls=[fault(START, "close", 1)])
        self.assert_refused(self.run_connect(NAME, self.port), TRY_AGAIN, "closed the connection")
        self.lab.faults(calls=[fault(START, "close", 1)])
        self.assert_refused(self.run_connect(NODE_ID, self.port), TRY_AGAIN, "closed the connection")
        self.assertEqual(self.counter("started"), 0)

    def test_a_gateway_that_is_not_ready_is_waited_for(self):
        self.lab.faults(refuse_upgrades=3, upgrade_status=503)
        said = self.reaches_sshd()
        self.assertEqual((self.counter("started"), self.counter("upgrades_refused")), (1, 3), said)
        self.lab.faults(refuse_tokens=1)
        self.reaches_sshd()
        self.assertEqual((self.counter("started"), self.counter("tokens_refused")), (3, 1), "another session")

    def test_the_deadline_and_a_signal_end_every_pause(self):
        self.lab.faults(refuse_upgrades=1000, upgrade_status=503)
        self.assert_refused(self.run_connect("--connect-timeout", "1", NODE_ID, self.port), TRY_AGAIN, "503")
        client = self.connect(NODE_ID, self.port)
        self.lab.wait_until("refused", lambda status: status["counters"]["upgrades_refused"] > 4)
        client.send_signal(signal.SIGTERM)
        self.assertEqual(self.wait_for_exit(client), 128 + signal.SIGTERM)
        self.lab.wait_for_no_session()
        self.lab.faults(refuse_upgrades=0, calls=[fault(START, "throttle")])
        patient = self.lab.environment(AWS_MAX_ATTEMPTS="100")
        self.assert_refused(self.run_connect("--connect-timeout", "1", NODE_ID, self.port, env=patient), TRY_AGAIN, "Rate exceeded")
        client = self.connect("--debug", NODE_ID, self.port, env=patient)
        while b"trying again" not in client.stderr.readline():
            self.assertIsNone(client.poll())
        client.send_signal(signal.SIGTERM)
        self.assertEqual(self.wait_for_exit(client), 128 + signal.SIGTERM)

    def test_how_often_is_a_setting(self):
        self.lab.faults(calls=[fault(START, "throttle", 1)])
        done = self.run_connect(NODE_ID, self.port, env=self.lab.environment(AWS_MAX_ATTEMPTS="1"))
        self.assert_refused(done, TRY_AGAIN, "Rate exceeded")

    def test_a_wrong_clock_is_put_right(self):
        for number, offset in enumerate((-7200, 7200), 1):
            with self.subTest(offset):
                self.lab.faults(clock_offset_s=offset)
                said = self.reaches_sshd(target=NAME)
                self.assertEqual(said.count("clock is"), 1, "known from then on: " + said)
                self.assertEqual(self.counter("api_errors"), number)
