"""edge/websocket against gateways that misbehave (tests/support/bad_gateway.py), driven by websocket_probe."""

import os
import random
import socket
import unittest

from bad_gateway import BadGateway
from certificates import Certificates
from workspace import Workspace, program, show


class WebsocketTest(unittest.TestCase):
    def setUp(self):
        self.work = Workspace()
        self.addCleanup(self.work.close)
        self.certificates = Certificates(self.work.make_dir("certificates"))

    def gateway(self, *modes, certificate=None):
        gateway = BadGateway(*(certificate or self.certificates.server()), *modes)
        self.addCleanup(gateway.close)
        return gateway

    def probe(self, url, *options, ca=None, timeout=50, **environment):
        """What websocket_probe prints: {first word: rest of the line}; "message" is a list."""
        command = [program("websocket_probe"), "--ca", ca or self.certificates.ca, *map(str, options), url]
        done = self.work.run(command, timeout, env=self.work.environment(**environment))
        self.assertEqual((done.returncode, show(done.stderr)), (0, ""), show(done.stdout))
        facts = {"message": []}
        for line in show(done.stdout).splitlines():
            name, _, value = line.partition(" ")
            if name == "message":
                facts["message"].append(value)
            else:
                facts[name] = value
        return facts

    def assert_error(self, mode, error, *words, options=(), **facts):
        """A mode ends with this error, and every word is in the message, which names no secret and is one line."""
        seen = self.probe(self.gateway(mode).url(mode), "--take", 1, *options)
        self.assertEqual(seen["error"], error, seen)
        for word in words:
            self.assertIn(word, seen["words"])
        for name, value in facts.items():
            self.assertEqual(seen[name], value, seen)
        return seen

    # ---- refused: TLS and below ----

    def test_plaintext_server(self):
        self.assert_error("not_tls", "unreachable", "TLS handshake with localhost failed", "wrong version number")

    def test_reset_during_tls(self):
        # "reset", or "refused" where libcurl had tried the other address of localhost last
        self.assert_error("reset_at_once", "unreachable", "localhost")

    def test_silence_during_tls(self):
        self.assert_error("stall_tls", "timed out", "localhost did not answer in time")

    def test_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        seen = self.probe("wss://localhost:%d/" % port)
        self.assertEqual(seen["error"], "unreachable")
        self.assertIn("cannot connect to localhost port %d: Connection refused" % port, seen["words"])

    def test_unknown_host(self):
        seen = self.probe("wss://no-such-host.invalid/")
        self.assertEqual(seen["error"], "unreachable")
        self.assertIn("no-such-host.invalid cannot be resolved", seen["words"])

    def test_unknown_authority(self):
        other = Certificates(self.work.make_dir("other"))
        seen = self.probe(self.gateway("echo").url("echo"), ca=other.ca)
        self.assertEqual(seen["error"], "certificate is not trusted")
        self.assertIn("certificate of localhost is signed by an authority that this machine does not trust", seen["words"])
        self.assertIn("AWS_CA_BUNDLE", seen["words"])

    def test_wrong_host_name(self):
        wrong = self.certificates.server("elsewhere", "DNS:elsewhere.example")
        seen = self.probe(self.gateway("echo", certificate=wrong).url("echo"))
        self.assertEqual(seen["error"], "certificate is not trusted")
        self.assertIn("certificate of localhost is for another host name", seen["words"])

    def test_expired_certificate(self):
        expired = self.certificates.server("localhost", days=-1)
        seen = self.probe(self.gateway("echo", certificate=expired).url("echo"))
        self.assertEqual(seen["error"], "certificate is not trusted")
        self.assertIn("has expired", seen["words"])

    # ---- refused: the upgrade ----

    def test_statuses(self):
        for mode, error in (("status_200", "protocol error"), ("status_302", "protocol error"), ("status_403", "access denied"),
                            ("status_429", "throttled"), ("status_503", "service error")):
            with self.subTest(mode):
                self.assert_error(mode, error, "refused the websocket upgrade", mode[7:], open_us="0")

    def test_wrong_answers(self):
        for mode, word in (("not_http", "not HTTP/1.1"), ("no_accept", "Accept is missing"), ("wrong_accept", "not for our key"),
                           ("two_accepts", "comes twice"), ("wrong_upgrade", "something else"), ("wrong_connection", "Connection"),
                           ("extension", "extension"), ("subprotocol", "subprotocol")):
            with self.subTest(mode):
                self.assert_error(mode, "protocol error", word, open_us="0")

    def test_words_before_the_request(self):
        self.assert_error("speak_first", "protocol error", "spoke before it was asked", options=["--warm", 1000])

    def test_endless_header(self):
        self.assert_error("endless_header", "too long", "longer than 8192 bytes")

    def test_half_an_answer(self):
        self.assert_error("half_answer", "unreachable", "closed the connection before the websocket was open")

    def test_no_answer(self):
        seen = self.probe(self.gateway("stall").url("stall"), "--timeout", 500)
        self.assertEqual((seen["error"], seen["open_us"]), ("gave up", "0"))

    def test_closing_for_ever_costs_two_connections(self):
        for mode in ("close_at_once", "close_after_request", "reset_after_request"):
            with self.subTest(mode):
                gateway = self.gateway(mode)
                seen = self.probe(gateway.url(mode))
                self.assertEqual(seen["error"], "unreachable", seen)
                self.assertEqual(gateway.connections[mode], 2)

    # ---- refused: frames ----

    def test_broken_frames(self):
        for mode, word in (("garbage", "reserved bits"), ("masked", "masked"), ("reserved_bit", "reserved bits"),
                           ("close_half_code", "half a code"), ("close_1006", "close code")):
            with self.subTest(mode):
                self.assert_error(mode, "protocol error", word, received="0")

    def test_oversized_messages(self):
        for mode in ("oversized_header", "oversized_message"):
            with self.subTest(mode):
                seen = self.assert_error(mode, "too long", "more than 98304 bytes", received="0")
                self.assert_small(seen)

    def test_many_fragments(self):
        for mode in ("thousand_fragments", "empty_fragments"):
            with self.subTest(mode):
                self.assert_error(mode, "too long", "more than 128 fragments", received="0")

    def test_ping_flood(self):
        seen = self.assert_error("ping_flood", "protocol error", "more than 100 pings within a second")
        self.assert_small(seen)

    def assert_small(self, seen):
        if "asan" not in os.environ.get("SSM_BUILD_DIR", ""):
            self.assertLess(int(seen["rss_kb"]), 14000)

    # ---- the end of a websocket ----

    def test_peer_closes(self):
        self.assert_error("close_1000", "unreachable", "code 1000", "session over", close="1000")
        self.assert_error("close_without_code", "unreachable", "code 1005", close="1005")

    def test_messages_before_the_close_are_delivered(self):
        self.assert_error("close_1001_after_message", "unreachable", "code 1001", close="1001", received="1", options=["--stay"])

    def test_connection_lost(self):
        self.assert_error("drop", "unreachable", "closed the connection", close="1006", received="1", options=["--echo", 2, 100])
        self.assert_error("reset", "unreachable", "connection to localhost was lost", close="1006", options=["--echo", 2, 100])

    def test_close_that_is_never_answered(self):
        seen = self.probe(self.gateway("never_answers_close").url("never_answers_close"))
        self.assertEqual((seen["error"], seen["close"]), ("no error", "1006"))

    def test_close_while_the_peer_does_not_read(self):
        """What is unsent cannot go out; the end comes all the same."""
        seen = self.probe(self.gateway("deaf").url("deaf"), "--send", 20000, 1000, "--timeout", 1500)
        self.assertEqual(seen["error"], "gave up")
        self.assertGreater(int(seen["sent"]), 100)
        self.assertLess(int(seen["sent"]), 20000)
        self.assertLess(int(seen["waits"]), 1000)

    # ---- what works ----

    def test_echo(self):
        seed = random.randrange(2**32)
        print("seed", seed)
        gateway = self.gateway("echo")
        seen = self.probe(gateway.url("echo", "/v1/data-channel/a-0?role=p&cell-number=AA+/=="), "--echo", 3000, 8000, "--seed", seed)
        self.assertEqual((seen["error"], seen["received"], seen["mismatches"], seen["close"]), ("no error", "3000", "0", "1000"), seen)
        self.assertEqual(len(gateway.requests), 1)
        lines = gateway.requests[0].split("\r\n")
        self.assertEqual(lines[0], "GET /v1/data-channel/a-0?role=p&cell-number=AA+/== HTTP/1.1")
        self.assertIn("Host: localhost:%d" % gateway.port("echo"), lines)
        self.assertFalse([line for line in lines if line.lower().startswith(("origin", "authorization", "sec-websocket-ext", "sec-websocket-pro"))])

    def test_largest_message(self):
        seen = self.probe(self.gateway("echo").url("echo"), "--send", 20, 16 * 1024)
        self.assertEqual((seen["error"], seen["received"], seen["bytes"]), ("no error", "20", str(20 * 16 * 1024)))

    def test_one_byte_in_each_record(self):
        seen = self.probe(self.gateway("trickle").url("trickle"), "--echo", 20, 300)
        self.assertEqual((seen["error"], seen["received"], seen["mismatches"]), ("no error", "20", "0"), seen)

    def test_messages_in_the_record_of_the_answer(self):
        seen = self.probe(self.gateway("coalesced").url("coalesced"), "--take", 3, "--show")
        self.assertEqual(seen["message"], ["first", "second", "pong was 10 ?"])

    def test_pings_are_answered(self):
        seen = self.probe(self.gateway("few_pings").url("few_pings"), "--take", 1, "--show")
        self.assertEqual(seen["message"], ["the last pong came"])

    def test_text_and_ping_of_ours(self):
        seen = self.probe(self.gateway("echo").url("echo"), "--take", 1, "--show", "--text", "hello", "--ping", "keepalive")
        self.assertEqual((seen["error"], seen["message"]), ("no error", ["hello"]))

    def test_pause_leaves_messages_with_the_peer(self):
        """Without room nothing is read, nothing spins, nothing is lost."""
        seen = self.probe(self.gateway("echo").url("echo"), "--echo", 3000, 2000, "--pause", 1000)
        self.assertEqual((seen["error"], seen["received"], seen["mismatches"]), ("no error", "3000", "0"), seen)
        self.assertLess(int(seen["waits"]), 3000)
        self.assert_small(seen)

    # ---- the early connection ----

    def test_warm_connection_is_used(self):
        gateway = self.gateway("echo")
        seen = self.probe(gateway.url("echo"), "--warm", 300, "--echo", 5, 100)
        self.assertEqual((seen["error"], seen["received"]), ("no error", "5"))
        self.assertEqual(gateway.connections["echo"], 1)

    def test_wrong_guess_costs_one_connection(self):
        gateway = self.gateway("stall", "echo")
        seen = self.probe(gateway.url("echo"), "--guess", gateway.url("stall"), "--warm", 100, "--echo", 5, 100)
        self.assertEqual((seen["error"], seen["received"]), ("no error", "5"))
        self.assertEqual(gateway.connections, {"stall": 1, "echo": 1})

    def test_guess_that_nobody_answers(self):
        gateway = self.gateway("echo")
        for warm in (0, 200):
            seen = self.probe(gateway.url("echo"), "--guess", "wss://localhost:1/", "--warm", warm, "--echo", 5, 100)
            self.assertEqual((seen["error"], seen["received"]), ("no error", "5"))

    def test_stale_connection_is_replaced_once(self):
        for mode, warm in (("stale", 400), ("stale", 0), ("stale_request", 0)):
            with self.subTest("%s after %d ms" % (mode, warm)):
                gateway = self.gateway(mode)
                seen = self.probe(gateway.url(mode), "--warm", warm, "--echo", 5, 100)
                self.assertEqual((seen["error"], seen["received"]), ("no error", "5"), seen)
                self.assertEqual(gateway.connections[mode], 2)

    # ---- trust ----

    def test_hashed_directory_is_trusted(self):
        seen = self.probe(self.gateway("echo").url("echo"), "--echo", 1, 10, ca=self.certificates.hashed_directory())
        self.assertEqual(seen["error"], "no error", seen)
