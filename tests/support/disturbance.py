"""Connections that are cut again and again while something works through them.

    with Disturbance(lab, client_every=2, agent_every=5) as cuts:
        transfer()
    print(cuts)

What is counted is not what was asked for, but what the gateway saw: connections that came back. A restart is short, because
the agent reads on meanwhile, and what it could not send comes at ten messages a second afterwards, whatever a client does."""

import threading
import time


class Disturbance:
    def __init__(self, lab, client_every=None, agent_every=None, restart_after=None, restart_down_ms=100):
        self.lab = lab
        self._planned = []  # [due, period or None, fault]
        for seconds, period, fault in ((client_every, client_every, {"drop_client_connections": True}),
                                       (agent_every, agent_every, {"drop_agent_connections": True}),
                                       (restart_after, None, {"restart_gateway": {"down_ms": restart_down_ms}})):
            if seconds is not None:
                self._planned.append([seconds, period, fault])
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.restarts = self.clients = self.agents = 0
        self.failure = None

    def __enter__(self):
        self._before = self.lab.status()["counters"]
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        after = self.lab.status()["counters"]
        # The first connection of each session is no reconnection.
        sessions = after["started"] - self._before["started"]
        self.clients = after["client_connections"] - self._before["client_connections"] - sessions
        self.agents = after["agent_connections"] - self._before["agent_connections"] - sessions
        self.restarts = after["gateway_restarts"] - self._before["gateway_restarts"]
        if self.failure:
            raise self.failure

    def __str__(self):
        return "%d client connections and %d agent connections came back, %d gateway restarts" % (
            self.clients, self.agents, self.restarts)

    def _work(self):
        try:
            self._cut()
        except Exception as failure:  # shown by the thread that waits
            self.failure = failure

    def _cut(self):
        # A session that the agent has not answered yet has nothing to resume.
        while not any(session["client_connected"] for session in self.lab.status()["sessions"]):
            if self._stop.wait(0.05):
                return
        begin = time.monotonic()
        while self._planned:
            action = min(self._planned, key=lambda planned: planned[0])
            due, period, fault = action
            if self._stop.wait(max(0, begin + due - time.monotonic())):
                return
            self.lab.faults(**fault)
            if period is None:
                self._planned.remove(action)
            else:
                action[0] += period
