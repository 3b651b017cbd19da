"""edge/https and the policy that it shares with the websocket (edge/net, edge/trust), driven by https_probe."""

import http.server
import os
import socket
import ssl
import threading
import unittest

from certificates import Certificates
from proxies import HttpProxy
from workspace import Workspace, program, show


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.server.connections += 1

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, dict(self.headers), body))
        getattr(self, "answer" + self.path.partition("?")[0].replace("/", "_"))(body)

    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append((self.command, dict(self.headers), body))
        self.reply(200, b"token")

    do_GET = do_PUT

    def reply(self, status, body, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def answer_(self, body):
        self.reply(200, b"echo " + body, x_amzn_RequestId="1234-5678")

    def answer_error(self, _):
        self.reply(400, b'{"__type":"TargetNotConnected"}', X_Amzn_ErrorType="  TargetNotConnected:http://x/  ")

    def answer_redirect(self, _):
        self.reply(302, b"", Location="https://localhost:1/")

    def answer_large(self, _):
        self.reply(200, b"x" * (1024 * 1024 + 1))

    def answer_largest(self, _):
        self.reply(200, b"x" * (1024 * 1024))

    def answer_endless(self, _):
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(b"x" * 65536)

    def answer_empty(self, _):
        self.reply(200, b"")

    def answer_silence(self, _):
        self.server.stopped.wait(30)

    def answer_drop(self, _):
        self.close_connection = True
        self.connection.close()

    def answer_half(self, _):
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"half")
        self.close_connection = True

    def answer_long_header(self, _):
        self.reply(200, b"", x_amzn_RequestId="r" * 1000)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, certificate, key, family=socket.AF_INET):
        self.address_family = family
        super().__init__(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.requests, self.connections, self.stopped = [], 0, threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass

    def close(self):
        self.stopped.set()
        self.shutdown()
        self.server_close()


class HttpsTest(unittest.TestCase):
    def setUp(self):
        self.work = Workspace()
        self.addCleanup(self.work.close)
        self.certificates = Certificates(self.work.make_dir("certificates"))

    def start(self, thing):
        self.addCleanup(thing.close)
        return thing

    def server(self, certificate=None, **options):
        self.started = self.start(Server(*(certificate or self.certificates.server()), **options))
        return "https://localhost:%d" % self.started.server_port

    def probe(self, url, *options, body="hello", ca="", environment=None):
        trust = ["--ca", self.certificates.ca] if ca == "" else ["--ca", ca] if ca else []
        command = [program("https_probe"), *trust, *map(str, options), url, body]
        done = self.work.run(command, 25, env=self.work.environment(**(environment or {})))
        self.assertEqual((done.returncode, show(done.stderr)), (0, ""), show(done.stdout))
        return dict(line.partition(" ")[::2] for line in show(done.stdout).splitlines())

    def assert_error(self, seen, error, *words):
        self.assertEqual(seen["error"], error, seen)
        for word in words:
            self.assertIn(word, seen["words"])

    # ---- what must fail ----

    def test_certificates(self):
        other = Certificates(self.work.make_dir("other"))
        self.assert_error(self.probe(self.server(), ca=other.ca), "certificate is not trusted", "does not trust", "AWS_CA_BUNDLE")
        self.assert_error(self.probe(self.server(self.certificates.server("localhost", days=-1))), "certificate is not trusted", "has expired")
        self.assert_error(self.probe(self.server(self.certificates.server("localhost", "DNS:example.com,IP:127.0.0.1"))),
                          "certificate is not trusted", "certificate of localhost is for another host name")
        self.assertEqual(self.started.requests, [])

    def test_system_trust_refuses_the_test_authority(self):
        self.assert_error(self.probe(self.server(), ca=None), "certificate is not trusted", "does not trust")

    def test_unusable_trust(self):
        url = self.server()
        missing, empty = self.work.path("missing.pem"), self.work.make_dir("empty")
        garbage = self.work.write("garbage.pem", "no certificate")
        self.assert_error(self.probe(url, ca=missing), "configuration error", missing, "No such file")
        self.assert_error(self.probe(url, ca=empty), "configuration error", empty, "openssl rehash")
        self.assert_error(self.probe(url, ca=garbage), "configuration error", garbage)
        self.assert_error(self.probe(url, "--cert-file", missing, ca=None), "configuration error", "SSL_CERT_FILE", missing)

    def test_old_tls(self):
        url = self.server()
        self.started.socket.context.maximum_version = ssl.TLSVersion.TLSv1_1
        self.assert_error(self.probe(url), "unreachable", "TLS handshake with localhost failed")

    def test_unreachable(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        self.assert_error(self.probe("https://localhost:%d/" % port), "unreachable", "cannot connect to localhost port %d" % port, "refused")
        self.assert_error(self.probe("https://no-such-host.invalid/"), "unreachable", "no-such-host.invalid cannot be resolved")

    def test_timeouts(self):
        self.assert_error(self.probe(self.server() + "/silence", "--timeout", 300), "timed out", "localhost did not answer in time")

    def test_broken_replies(self):
        self.assert_error(self.probe(self.server() + "/half"), "unreachable", "connection to localhost failed")
        self.assert_error(self.probe(self.server() + "/drop"), "unreachable", "localhost closed the connection without an answer")

    def test_large_replies(self):
        self.assert_error(self.probe(self.server() + "/large"), "too long", "more than 1048576 bytes")
        self.assert_error(self.probe(self.server() + "/endless"), "too long", "more than 1048576 bytes")

    def test_header_with_a_line_break(self):
        self.assert_error(self.probe(self.server(), "--header", "X-A: b\r\nX-C: d"), "malformed message")
        self.assertEqual(self.started.requests, [])

    def test_proxy_refuses(self):
        url = self.server()
        wanting = HttpProxy(self, password="secret")
        seen = self.probe(url, environment={"HTTPS_PROXY": "http://127.0.0.1:%d" % wanting.port})
        self.assert_error(seen, "configuration error", "proxy 127.0.0.1 refused", "407", "user name and password in HTTPS_PROXY")
        long_password = "p" * 300
        seen = self.probe(url, environment={"HTTPS_PROXY": "http://user:%s@127.0.0.1:%d" % (long_password, wanting.port)})
        self.assert_error(seen, "configuration error", "proxy 127.0.0.1 refused", "407", "does not take")
        self.assertNotIn(long_password, seen["words"])
        forbidding = HttpProxy(self, user=None, status=b"403 Forbidden")
        seen = self.probe(url, environment={"HTTPS_PROXY": "http://127.0.0.1:%d" % forbidding.port})
        self.assert_error(seen, "configuration error", "proxy 127.0.0.1 refused", "status 403")
        seen = self.probe(url, environment={"HTTPS_PROXY": "http://no-such-proxy.invalid:3128"})
        self.assert_error(seen, "unreachable", "host name of the proxy no-such-proxy.invalid (HTTPS_PROXY)")
        seen = self.probe(url, environment={"HTTPS_PROXY": "http://127.0.0.1:1"})
        self.assert_error(seen, "unreachable", "cannot connect to the proxy 127.0.0.1 port 1 (HTTPS_PROXY): Connection refused")
        self.assertEqual(self.started.requests, [], "a refused proxy is never bypassed")

    def test_cancelling_does_not_wait(self):
        seen = self.probe(self.server() + "/silence", "--cancel", 100)
        self.assertEqual(seen["error"], "cancelled")
        self.assertLess(int(seen["us"]), 10000000, "its answer would take 30 s")

    @unittest.skipIf("asan" in os.environ.get("SSM_BUILD_DIR", ""), "AddressSanitizer wants to be loaded first")
    def test_name_server_that_does_not_answer(self):
        slow = {"LD_PRELOAD": program("slow_resolver.so")}
        self.assert_error(self.probe("https://slow.invalid/", environment=slow), "timed out", "slow.invalid did not answer in time", "Resolving")
        seen = self.probe("https://slow.invalid/", "--cancel", 100, environment=slow)
        self.assertEqual(seen["error"], "cancelled")
        self.assertLess(int(seen["us"]), 10000000, "the end waits for no lookup, which takes 20 s")

    # ---- what works ----

    def test_request_and_reply(self):
        seen = self.probe(self.server() + "/?a=%2F&b", "--header", "X-Amz-Target: AmazonSSM.StartSession", "--header",
                          "Content-Type: application/x-amz-json-1.1")
        self.assertEqual((seen["error"], seen["status"], seen["body"], seen["request_id"]), ("no error", "200", "echo hello", "1234-5678"), seen)
        self.assertTrue(seen["date"].endswith("GMT"), seen)
        (path, headers, body), = self.started.requests
        self.assertEqual((path, body), ("/?a=%2F&b", b"hello"))
        self.assertEqual(headers["X-Amz-Target"], "AmazonSSM.StartSession")
        self.assertEqual(headers["Content-Type"], "application/x-amz-json-1.1")
        self.assertEqual(headers["Host"], "localhost:%d" % self.started.server_port)
        self.assertEqual(headers["Content-Length"], "5")
        self.assertNotIn("Expect", headers)

    def test_requests_without_a_body(self):
        """As the services want them that give metadata: nothing is said about a body that is not there."""
        for method, length in (("PUT", "0"), ("GET", None)):
            with self.subTest(method):
                seen = self.probe(self.server() + "/latest/api/token", "--method", method, "--header", "X-A: b", body="")
                self.assertEqual((seen["status"], seen["body"]), ("200", "token"), seen)
                (sent, headers, body), = self.started.requests
                self.assertEqual((sent, body, headers.get("Content-Length"), headers.get("X-A")), (method, b"", length, "b"))
                self.assertNotIn("Content-Type", headers)

    def test_service_errors_are_results(self):
        seen = self.probe(self.server() + "/error")
        self.assertEqual((seen["status"], seen["error_type"]), ("400", "TargetNotConnected:http://x/"), seen)
        self.assertEqual(self.probe(self.server() + "/redirect")["status"], "302")

    def test_bodies(self):
        self.assertEqual(self.probe(self.server() + "/largest")["body_len"], "1048576")
        self.assertEqual(self.probe(self.server() + "/empty")["body_len"], "0")
        self.assertEqual(self.probe(self.server() + "/", "--body-size", 200000)["body_len"], "200005")
        self.assertEqual(len(self.probe(self.server() + "/long/header")["request_id"]), 255)

    def test_calls_share_a_connection(self):
        seen = self.probe(self.server() + "/", "--count", 5)
        self.assertEqual((seen["error"], len(self.started.requests), self.started.connections), ("no error", 5, 1))

    def test_proxy(self):
        url = self.server()
        proxy = HttpProxy(self, user="us er", password="s%cret")
        address = "http://us%%20er:s%%25cret@127.0.0.1:%d" % proxy.port
        for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
            seen = self.probe(url, environment={variable: address})
            self.assertEqual((seen["error"], seen["body"]), ("no error", "echo hello"), seen)
            self.assertTrue(seen["date"].endswith("GMT"), "the header Date is the server's, not the proxy's")
        self.assertEqual(proxy.targets, [("localhost", self.started.server_port)] * 3)
        self.assertEqual(self.probe(url, environment={"HTTPS_PROXY": address, "NO_PROXY": "localhost"})["error"], "no error")
        self.assertEqual(len(proxy.targets), 3)

    def test_trust_by_variables(self):
        """As OpenSSL means SSL_CERT_FILE and SSL_CERT_DIR; a colon separates directories."""
        url = self.server()
        hashed, empty = self.certificates.hashed_directory(), self.work.make_dir("empty")
        for options in (["--cert-file", self.certificates.ca], ["--cert-dir", hashed], ["--cert-dir", empty + ":" + hashed],
                        ["--cert-file", self.certificates.ca, "--cert-dir", empty]):
            with self.subTest(options):
                self.assertEqual(self.probe(url, *options, ca=None)["error"], "no error")
        self.assertEqual(self.probe(url, ca=hashed)["error"], "no error")

    @unittest.skipUnless(os.path.exists("/proc/net/if_inet6"), "no IPv6 on this machine")
    def test_ipv6(self):
        self.server(family=socket.AF_INET6)
        seen = self.probe("https://[::1]:%d/" % self.started.server_port)
        self.assertEqual((seen["error"], seen["body"]), ("no error", "echo hello"), seen)
        self.assertEqual(self.started.requests[0][1]["Host"], "[::1]:%d" % self.started.server_port)
