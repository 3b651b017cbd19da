"""The faults of ssm-lab, seen from a client that shares no code with it: each of them really happens."""

import socket
import time

from emulator_support import Client, Closed, EmulatorCase, WebSocket, wait_for


class EmulatorOutageTest(EmulatorCase):
    """Connections that end, and come back."""

    def assert_refuses(self, **faults):
        with self.assertRaises(AssertionError, msg=faults):
            self.lab.faults(**faults)

    def is_gateway_there(self):
        try:
            socket.create_connection((self.lab.gateway_address.hostname, self.lab.gateway_address.port)).close()
            return True
        except ConnectionRefusedError:
            return False

    def wait_for_agent(self, client):
        wait_for("the agent's return", lambda: self.lab.session(client.session["SessionId"])["agent_connected"])

    def assert_goes_on(self, client, word):
        """After a resume, whatever was lost on the way."""
        client.is_strict = False
        client.resume()
        self.wait_for_agent(client)
        before = client.output
        client.until_acknowledged(client.send(word))
        client.until("the echo", lambda: client.output == before + word)

    def test_a_restart_needs_its_time(self):
        self.assert_refuses(restart_gateway={})
        self.assert_refuses(restart_gateway={"down_ms": -1})
        self.assert_refuses(restart_gateway=True)
        self.assertTrue(self.is_gateway_there())
        self.assertEqual(self.counters()["gateway_restarts"], 0)

    def test_a_gateway_that_restarts(self):
        client, silent = self.client(), WebSocket(self.lab, self.path_of(self.lab.start(self.target().port)))
        client.send(b"one")
        client.until("the echo", lambda: client.output == b"one")
        self.lab.faults(restart_gateway={"down_ms": 60000})
        self.assertIsNone(client.until_closed())
        with self.assertRaises(Closed):
            silent.recv()
        wait_for("nobody listening", lambda: not self.is_gateway_there())
        session = self.lab.session(client.session["SessionId"])
        self.assertEqual((session["status"], session["client_connected"], session["agent_connected"]),
                         ("Connected", False, False))
        late = Client(self.lab, self.lab.start(self.target().port), connect=False)
        self.lab.faults(restart_gateway={"down_ms": 10})
        wait_for("the gateway's return", self.is_gateway_there)
        self.assert_goes_on(client, b"two")
        late.connect()
        late.handshake()
        self.assertEqual(self.counters()["gateway_restarts"], 2)

    def path_of(self, session):
        return session["StreamUrl"].split(self.lab.gateway_address.netloc, 1)[1]

    def test_clients_that_are_dropped_at_intervals(self):
        client = self.client()
        self.lab.faults(drop_client_every_ms=30)
        for _ in range(3):
            self.assertIsNone(client.until_closed(), "a Close frame")
            client.is_strict = False
            client.resume()
        self.lab.faults(drop_client_every_ms=0)
        self.assert_goes_on(client, b"still there")

    def test_clients_that_are_closed_at_intervals(self):
        client = self.client()
        self.lab.faults(close_client_every_ms=30)
        self.assertEqual(client.until_closed(), 1001)
        self.lab.faults(close_code=1000)
        client.is_strict = False
        client.resume()
        self.assertEqual(client.until_closed(), 1000)
        self.lab.faults(reset=True)
        self.assert_goes_on(client, b"still there")

    def test_agents_that_are_dropped_at_intervals(self):
        client = self.client()
        self.lab.faults(drop_agent_every_ms=30)
        client.until("three returns", lambda: client.published.count("pause_publication") == 3)
        self.lab.faults(drop_agent_every_ms=0)
        client.until_acknowledged(client.send(b"still there"))
        self.assertGreaterEqual(self.counters()["agent_connections"], 4)
