"""API and websocket through a proxy, or not at all: what goes where is told by the proxy, and by the lab, which counts what came
to its own ports."""

import signal
import socket
from urllib.parse import quote, urlsplit

from lab_case import NODE_ID, LabCase, TcpPeer
from proxies import HttpsProxy, SocksProxy
from workspace import show

TRY_AGAIN, CONFIG = 75, 78
PASSWORD = "s/e c%r@t:#?\u00e9"


def answers_nonsense(connection):
    connection.sendall(b"SSH-2.0-something else\r\n\r\n")


def answers_nothing(connection):
    while connection.recv(65536):
        pass


class ProxyCase(LabCase):
    def setUp(self):
        super().setUp()
        self.start_node()
        self.port = str(self.node.port)
        self.proxy = self.lab.info["proxy"]

    def past_proxy(self):
        return self.lab.counter("past_proxy")

    def reaches_sshd(self, env, *options):
        client = self.connect(*options, NODE_ID, self.port, env=env)
        try:
            self.banner(client)
        except AssertionError:
            client.kill()
            print(show(client.stderr.read()))
            raise
        client.send_signal(signal.SIGTERM)
        self.assertEqual(self.wait_for_exit(client), 128 + signal.SIGTERM)
        self.lab.wait_for_no_session()

    def refused(self, env, code, *words):
        done = self.run_connect("--connect-timeout", "2", NODE_ID, self.port, env=env)
        message = self.assert_refused(done, code, *words)
        self.assertNotIn("wrong", message, "the password")
        self.assertEqual(self.past_proxy(), 0, "something went past the proxy")


class AwsNamesTest(ProxyCase):
    """No endpoint is set: AWS's own names, which mean nothing without the lab's proxy."""
    lab_options = ("--no-agent-pause", "--aws-names")

    def environment(self, url, **more):
        return self.lab.environment(AWS_ENDPOINT_URL=None, AWS_ENDPOINT_URL_SSMMESSAGES=None, HTTPS_PROXY=url, **more)

    def with_user(self, password):
        return self.proxy["url"].replace("//", "//%s:%s@" % (quote(self.proxy["user"], safe=""), quote(password, safe="")))

    def test_api_and_websocket_go_through_it(self):
        self.lab.faults(proxy_needs_password=True)
        self.reaches_sshd(self.environment(self.with_user(self.proxy["password"])))
        self.assertEqual(self.past_proxy(), 0)
        seen = self.lab.status()["proxy"]
        self.assertEqual((set(seen["connects"]), seen["unauthorized"]),
                         ({"ssm.us-east-1.amazonaws.com", "ssmmessages.us-east-1.amazonaws.com"}, 0))
        # FIPS: the gateway's name is not guessed
        self.reaches_sshd(self.environment(self.with_user(self.proxy["password"]), AWS_USE_FIPS_ENDPOINT="true"))
        connects = self.lab.status()["proxy"]["connects"]
        self.assertEqual({name: count - seen["connects"].get(name, 0) for name, count in connects.items()},
                         {"ssm.us-east-1.amazonaws.com": 0, "ssm-fips.us-east-1.amazonaws.com": 1,
                          "ssmmessages.us-east-1.amazonaws.com": 1})

    def test_without_it_there_is_nothing(self):
        self.lab.faults(proxy_needs_password=True)
        self.refused(self.environment(self.with_user("wrong")), CONFIG, "407", "does not take", "HTTPS_PROXY")
        self.assertLessEqual(self.lab.status()["proxy"]["unauthorized"], 2, "a wrong password is not tried again and again")
        self.refused(self.environment(self.proxy["url"]), CONFIG, "407", "it wants a user name and password in HTTPS_PROXY")
        self.lab.faults(proxy_needs_password=False, proxy_status=403)
        self.refused(self.environment(self.proxy["url"]), CONFIG, "the proxy 127.0.0.1 refused", "403")
        self.lab.faults(proxy_status=503)
        self.refused(self.environment(self.proxy["url"]), TRY_AGAIN, "the proxy 127.0.0.1 refused", "503")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            closed = listener.getsockname()[1]
        down = "http://user:wrong@127.0.0.1:%d" % closed
        self.refused(self.environment(down), TRY_AGAIN, "cannot connect to the proxy 127.0.0.1 port %d" % closed)
        for serve in (answers_nonsense, answers_nothing):
            url = "http://user:wrong@127.0.0.1:%d" % TcpPeer(self, serve).port
            self.refused(self.environment(url, AWS_MAX_ATTEMPTS="1"), TRY_AGAIN, "through the proxy 127.0.0.1 (HTTPS_PROXY)")
        self.refused(self.environment("ftp://user:wrong@127.0.0.1"), CONFIG, "the proxy in HTTPS_PROXY cannot be used")
        self.assertEqual(self.lab.counter("api_calls"), 0)


class LoopbackNamesTest(ProxyCase):
    def environment(self, url, **more):
        return self.lab.environment(HTTPS_PROXY=url, **more)

    def test_no_proxy(self):
        dead = "http://127.0.0.1:1"
        self.reaches_sshd(self.environment(dead, NO_PROXY="localhost, 127.0.0.0/8"))
        self.assertGreaterEqual(self.past_proxy(), 2)
        api, gateway = (urlsplit(self.lab.info[name]) for name in ("api_url", "gateway_url"))
        only_api = self.environment(dead, NO_PROXY="%s:%d" % (api.hostname, api.port))
        done = self.run_connect("--connect-timeout", "1", NODE_ID, self.port, env=only_api)
        self.assert_refused(done, TRY_AGAIN, "cannot connect to the proxy")  # the websocket, whose session is ended
        self.lab.wait_for_no_session()
        half = self.environment(self.proxy["url"], NO_PROXY="%s:%d" % (api.hostname, api.port))
        before = self.lab.status()
        self.reaches_sshd(half)
        after = self.lab.status()
        self.assertEqual(after["counters"]["client_connections"] - before["counters"]["client_connections"], 1)
        self.assertEqual(sum(after["proxy"]["connects"].values()), 1, gateway.netloc)

    def test_an_endpoint_of_ssm_alone_guesses_no_gateway(self):
        """The lab's proxy would be asked for the public gateway's name."""
        api = self.lab.info["api_url"]
        config = self.work.write("config", "[default]\nservices = lab\n[services lab]\nssm =\n  endpoint_url = %s\n" % api)
        for settings in ({"AWS_ENDPOINT_URL_SSM": api}, {"AWS_CONFIG_FILE": config}):
            self.reaches_sshd(self.environment(self.proxy["url"], NO_PROXY="127.0.0.1", AWS_ENDPOINT_URL=None,
                                               AWS_ENDPOINT_URL_SSMMESSAGES=None, **settings))
        self.assertEqual(self.lab.status()["proxy"]["connects"], {})

    def test_other_kinds_of_proxy(self):
        tls = HttpsProxy(self, self.lab.info["server_certificate"], self.lab.info["server_key"], password=PASSWORD)
        socks = SocksProxy(self, password=PASSWORD)
        wanted = {(urlsplit(self.lab.info[name]).hostname, urlsplit(self.lab.info[name]).port) for name in ("api_url", "gateway_url")}
        for proxy, code in ((tls, CONFIG), (socks, TRY_AGAIN)):
            with self.subTest(proxy.scheme):
                before = self.lab.counter("api_calls")
                done = self.run_connect("--connect-timeout", "1", NODE_ID, self.port, env=self.environment(proxy.url("user:wrong")))
                self.assertNotIn("wrong", self.assert_refused(done, code, "the proxy 127.0.0.1"))
                self.assertEqual(self.lab.counter("api_calls"), before)
                self.reaches_sshd(self.environment(proxy.url("user:" + quote(PASSWORD, safe=""))))
                self.assertEqual(set(proxy.targets), wanted)
