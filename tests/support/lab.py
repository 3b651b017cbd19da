"""ssm-lab as a child process, and what its control interface tells."""

import json
import os
import select
import ssl
import subprocess
import tempfile
import time
import urllib.request

from workspace import program, show

# For what takes a fraction of a second: a test that fails is not to hang, and one on a busy machine not to fail.
PATIENCE_SECONDS = 60


class Lab:
    def __init__(self, work, *options):
        self.work = work
        self.node_root = work.path("node-root")
        self.log_path = work.path("ssm-lab.log")  # shared by the labs of one workspace
        with open(self.log_path, "ab") as log:
            self.process = work.start([program("ssm-lab"), "--state-dir", tempfile.mkdtemp(prefix="lab-", dir=work.dir),
                                       "--node-root", self.node_root, *options],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        self.info = self._read_ready_line()
        self.tls = ssl.create_default_context(cafile=self.info["ca_file"])

    def _read_ready_line(self):
        line = b""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not line.endswith(b"\n"):
            readable, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            # Unbuffered: select knows nothing of what a Python stream has read ahead.
            piece = self.process.stdout.raw.read(4096) if readable else b""
            if not piece:
                self.work.stop(self.process)
                raise AssertionError("ssm-lab did not get ready: %s%s" % (show(line), self.log()))
            line += piece
        return json.loads(line)

    def log(self):
        with open(self.log_path, "rb") as log:
            return show(log.read())

    def environment(self, **more):
        """Points ssm-proxy, and whatever starts it, at this lab. Both endpoints are set, so that no guess of a gateway
        ever names a host outside of this machine."""
        settings = {
            "AWS_ACCESS_KEY_ID": self.info["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": self.info["secret_access_key"],
            "AWS_REGION": self.info["region"],
            "AWS_CA_BUNDLE": self.info["ca_file"],
            "AWS_ENDPOINT_URL": self.info["api_url"],
            "AWS_ENDPOINT_URL_SSMMESSAGES": self.info["gateway_url"],
        }
        settings.update(more)
        return self.work.environment(**settings)

    def key_dirs(self, *nodes):
        """Where the keys that EC2 Instance Connect pushes to these nodes (none: to any) lie, for Node."""
        nodes = nodes or [node["id"] for node in self.info["nodes"]]
        return [os.path.join(self.info["connect_keys_dir"], node) for node in nodes]

    def call(self, path, document=None):
        """GET, or POST of a JSON document, on the control interface."""
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(self.info["api_url"] + path, data=body)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.tls))
        with opener.open(request, timeout=PATIENCE_SECONDS) as answer:
            text = answer.read()
        return json.loads(text) if text.strip() else {}

    def status(self):
        return self.call("/lab/status")

    def counter(self, name):
        return self.status()["counters"][name]

    def faults(self, **faults):
        return self.call("/lab/faults", faults)

    def nodes(self, **changes):
        """See /lab/nodes in ssm-lab(1)."""
        return self.call("/lab/nodes", changes)

    def issue_key(self, name, *statements):
        """Settings of a user who may do only what the statements of an IAM policy say."""
        key = self.call("/lab/identity", {"issue_key": {"name": name, "policy": {"Statement": list(statements)}}})["key"]
        return {"AWS_ACCESS_KEY_ID": key["access_key_id"], "AWS_SECRET_ACCESS_KEY": key["secret_access_key"]}

    def terminate(self, session_id, output=""):
        return self.call("/lab/terminate", {"session_id": session_id, "output": output})

    def wait_until(self, what, condition, timeout=PATIENCE_SECONDS):
        """Polls the status until condition(status) holds; fails with the last status otherwise."""
        deadline = time.monotonic() + timeout
        while True:
            status = self.status()
            if condition(status):
                return status
            if time.monotonic() > deadline:
                raise AssertionError("%s: not within %d s; last status: %s" % (what, timeout, json.dumps(status, indent=1)))
            time.sleep(0.02)

    def wait_for_no_session(self, timeout=PATIENCE_SECONDS):
        return self.wait_until("no open session", lambda status: status["open_sessions"] == 0, timeout)

    def wait_for_sessions(self, count, timeout=PATIENCE_SECONDS):
        """Until `count` sessions are open, with a client on each."""
        return self.wait_until("%d open sessions" % count, lambda status: count == sum(
            1 for session in status["sessions"] if session["client_connected"]), timeout)
