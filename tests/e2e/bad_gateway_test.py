"""A message gateway that misbehaves: each way ends `ssm-proxy connect` with a message and an exit code, without a hang, and
its session is ended by the API."""

import time

from bad_gateway import BadGateway
from lab_case import NODE_ID, LabCase

TRY_AGAIN, PROTOCOL, DENIED = 75, 76, 77

# Wrong answers to the upgrade request.
WRONG_UPGRADES = ("status_200", "status_302", "not_http", "no_accept", "wrong_accept", "two_accepts", "wrong_upgrade",
                  "wrong_connection", "extension", "subprotocol", "endless_header", "speak_first")

# Things on the open websocket that RFC 6455 or the limits of ours forbid, or that are no agent message.
WRONG_FRAMES = ("garbage", "oversized_header", "oversized_message", "masked", "reserved_bit", "thousand_fragments", "empty_fragments",
                "close_half_code", "close_1006")

# Nobody there, or nobody who finishes what was begun.
GONE = ("not_tls", "reset_at_once", "close_at_once", "close_after_request", "reset_after_request", "half_answer", "status_429",
        "status_503")

SILENT = ("stall_tls", "stall")

LIMIT_SECONDS = 50


class BadGatewayTest(LabCase):
    def refused(self, modes, code, *words, options=()):
        with BadGateway(self.lab.info["server_certificate"], self.lab.info["server_key"], *modes) as gateway:
            for mode in modes:
                with self.subTest(mode):
                    environment = self.lab.environment(AWS_ENDPOINT_URL_SSMMESSAGES="https://127.0.0.1:%d" % gateway.port(mode))
                    started = time.monotonic()
                    done = self.run_connect(*options, NODE_ID, env=environment, timeout=LIMIT_SECONDS + 10)
                    self.assertLess(time.monotonic() - started, LIMIT_SECONDS)
                    print("%s: %d %s" % (mode, done.returncode, done.stderr.decode().strip()))
                    self.assert_refused(done, code, NODE_ID, *words)
                    self.assertGreater(gateway.connections.get(mode, 0), 0, "it never connected there")
                    self.lab.wait_for_no_session()

    def test_wrong_upgrade(self):
        self.refused(WRONG_UPGRADES, PROTOCOL, "websocket")

    def test_forbidden(self):
        self.refused(("status_403",), DENIED, "403 Forbidden")

    def test_wrong_frames(self):
        self.refused(WRONG_FRAMES, PROTOCOL)

    def test_ping_flood(self):
        self.refused(("ping_flood",), PROTOCOL, "ping")

    def test_gone(self):
        self.refused(GONE, TRY_AGAIN, options=("--connect-timeout", "1"))

    def test_silent(self):
        self.refused(SILENT, TRY_AGAIN, options=("--connect-timeout", "2"))
