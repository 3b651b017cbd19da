"""What goes wrong for people: each case reads the exit code and the message."""

import socket
import subprocess

from lab import Lab
from lab_case import NODE_ID, OFFLINE_NODE_ID, LabCase, TcpPeer
from loopback import bind_loopback
from workspace import program, show

USAGE, NO_TARGET, UNAVAILABLE, TRY_AGAIN, PROTOCOL, DENIED, CONFIG = 64, 66, 69, 75, 76, 77, 78


def closed_port(case):
    """A port on which nothing answers: bound, so that nobody else takes it, and never listening."""
    ipv4, ipv6 = bind_loopback()
    case.addCleanup(ipv4.close)
    case.addCleanup(ipv6.close)
    return ipv4.getsockname()[1]


class UsageTest(LabCase):
    def run_proxy(self, *arguments):
        return self.work.run([program("ssm-proxy"), *arguments], env=self.lab.environment())

    def test_usage(self):
        for arguments in ((), ("no-such-verb",), ("connect",), ("connect", "--no-such-option", "node"),
                          ("connect", "node", "0"), ("connect", "node", "65536"), ("connect", "node", "22x"), ("connect", "node", ""),
                          ("connect", "node", "22", "user", "more"), ("connect", ""),
                          *(("connect", "--payload-size", size, "node") for size in ("", "x", "1k", "-1", "1023", "65537"))):
            with self.subTest(arguments):
                done = self.run_proxy(*arguments)
                self.assertEqual((done.returncode, done.stdout), (USAGE, b""), show(done.stderr))
                self.assertNotEqual(done.stderr, b"")

    def test_words_about_options(self):
        for arguments, words in (
                (("--re", "x"), b"ambiguous option --re (--region, --reason, --resume-timeout)"),
                (("--re=x",), b"ambiguous option --re=x (--region, --reason, --resume-timeout)"),
                (("--red", "x"), b"unknown option --red"),
                (("-r", "x"), b"unknown option -r"),
                (("--debug=x",), b"this option takes no value: --debug=x"),
                (("--region",), b"an argument is missing after --region"),
                (("--connect-timeout", " 5"), b"--connect-timeout: not a number of seconds from 1 to 86400:  5"),
                (("--connect-timeout", "+5"), b"from 1 to 86400: +5"),
                (("--connect-timeout", "5s"), b"from 1 to 86400: 5s"),
                (("--connect-timeout", ""), b"from 1 to 86400: "),
                (("--ping-interval", "0"), b"from 1 to 86400: 0"),
                (("--resume-timeout", "99999999999999999999"), b"--resume-timeout: not a number of seconds from 1 to 86400: 99999")):
            with self.subTest(arguments):
                done = self.run_proxy("connect", *arguments, *(() if arguments == ("--region",) else ("node",)))
                self.assertEqual(done.returncode, USAGE, show(done.stderr))
                self.assertIn(words, done.stderr)

    def test_help_and_version(self):
        for arguments, word in ((("--help",), b"connect"), (("connect", "--help"), b"--profile"), (("version",), b"ssm-proxy "),
                                (("--version",), b"ssm-proxy ")):
            with self.subTest(arguments):
                done = self.checked(self.run_proxy(*arguments))
                self.assertIn(word, done.stdout)
                self.assertEqual(done.stderr, b"")

    def test_target_that_looks_like_an_option(self):
        self.assert_refused(self.run_connect("--", "-node"), NO_TARGET, "-node")


class TargetTest(LabCase):
    def test_unknown_name(self):
        self.assert_refused(self.run_connect("no-such-node"), NO_TARGET, "no-such-node")
        done = self.work.run([program("ssm-proxy"), "connect", b"caf\xe9"], env=self.lab.environment())
        self.assert_refused(done, NO_TARGET, "the name is not UTF-8")

    def test_reason_that_cannot_be_sent(self):
        for reason, words in (("\u00e9" * 257, "the reason of the session has more than 256 characters"), (b"caf\xe9", "is not UTF-8")):
            done = self.work.run([program("ssm-proxy"), "connect", "--reason", reason, NODE_ID], env=self.lab.environment())
            self.assert_refused(done, CONFIG, words)

    def test_unknown_instance_id(self):
        # Well-formed ids go straight to StartSession; the service does not tell "unknown" from "offline".
        self.assert_refused(self.run_connect("i-0123456789abcdeff"), UNAVAILABLE, "i-0123456789abcdeff")

    def test_two_nodes_of_one_name(self):
        self.assert_refused(self.run_connect("twin"), NO_TARGET, "twin", "i-0aaaaaaaaaaaaaaa1", "i-0aaaaaaaaaaaaaaa2")

    def test_offline_node_by_id(self):
        self.assert_refused(self.run_connect(OFFLINE_NODE_ID), UNAVAILABLE, OFFLINE_NODE_ID, "not connected")

    def test_offline_node_by_name(self):
        self.assert_refused(self.run_connect("offline"), UNAVAILABLE, "offline", "not connected")

    def test_control_characters_in_a_name(self):
        message = self.assert_refused(self.run_connect("no\x1b[2Jde"), USAGE)
        self.assertNotIn("\x1b", message)


class CredentialTest(LabCase):
    def refused(self, *words, code=DENIED, **settings):
        return self.assert_refused(self.run_connect(NODE_ID, env=self.lab.environment(**settings)), code, *words)

    def with_keys(self, name, **more):
        keys = self.lab.info[name]
        settings = {"AWS_ACCESS_KEY_ID": keys["access_key_id"], "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"],
                    "AWS_SESSION_TOKEN": keys.get("session_token")}
        return dict(settings, **more)

    def test_wrong_secret(self):
        message = self.refused("credentials", AWS_SECRET_ACCESS_KEY="wrong-secret")
        self.assertNotIn("wrong-secret", message)

    def test_unknown_access_key(self):
        self.refused("credentials", AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE")

    def test_expired_token(self):
        self.refused("expired", **self.with_keys("expired"))

    def test_temporary_keys_without_their_token(self):
        self.refused("credentials", **self.with_keys("temporary", AWS_SESSION_TOKEN=None))

    def test_temporary_keys_with_a_wrong_token(self):
        self.refused("credentials", **self.with_keys("temporary", AWS_SESSION_TOKEN="wrong"))

    def test_temporary_keys(self):
        peer = TcpPeer(self, lambda connection: connection.sendall(b"hello"))
        done = self.run_connect(NODE_ID, peer.port, env=self.lab.environment(**self.with_keys("temporary")))
        self.assertEqual(self.checked(done).stdout, b"hello")

    def test_not_authorized(self):
        self.refused("not authorized", "StartSession", **self.with_keys("denied"))

    def test_wrong_region(self):
        self.refused("region", AWS_REGION="eu-west-1")

    def test_no_credentials(self):
        self.refused("credentials", code=CONFIG, AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)

    def test_no_region(self):
        self.refused("region", "AWS_REGION", code=CONFIG, AWS_REGION=None)

    def test_no_such_profile(self):
        self.refused("nowhere", code=CONFIG, AWS_PROFILE="nowhere")

    def test_profile_with_keys_and_region(self):
        path = self.work.write("config", "[profile lab]\nregion = %s\naws_access_key_id = %s\naws_secret_access_key = %s\n" % (
            self.lab.info["region"], self.lab.info["access_key_id"], self.lab.info["secret_access_key"]))
        peer = TcpPeer(self, lambda connection: connection.sendall(b"hello"))
        environment = self.lab.environment(AWS_CONFIG_FILE=path, AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None, AWS_REGION=None)
        for how in ({"AWS_PROFILE": "lab"}, {}):
            with self.subTest(how):
                options = () if how else ("--profile", "lab")
                done = self.run_connect(*options, NODE_ID, peer.port, env=dict(environment, **how))
                self.assertEqual(self.checked(done).stdout, b"hello")


class EndpointTest(LabCase):
    def refused(self, code, *words, **settings):
        return self.assert_refused(self.run_connect(NODE_ID, env=self.lab.environment(**settings)), code, *words)

    def test_unreachable_api(self):
        port = closed_port(self)
        self.refused(TRY_AGAIN, "127.0.0.1", AWS_ENDPOINT_URL="https://127.0.0.1:%d" % port)

    def test_unreachable_gateway(self):
        port = closed_port(self)
        nowhere = self.lab.environment(AWS_ENDPOINT_URL_SSMMESSAGES="https://127.0.0.1:%d" % port)
        self.assert_refused(self.run_connect("--connect-timeout", "2", NODE_ID, env=nowhere), TRY_AGAIN, "127.0.0.1")
        self.lab.wait_for_no_session()

    def test_host_name_that_does_not_resolve(self):
        self.refused(TRY_AGAIN, "nowhere.invalid", AWS_ENDPOINT_URL="https://nowhere.invalid")

    def test_connect_timeout(self):
        # Accepts and says nothing.
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        url = "https://127.0.0.1:%d" % silent.getsockname()[1]
        done = self.run_connect("--connect-timeout", "2", NODE_ID, env=self.lab.environment(AWS_ENDPOINT_URL=url))
        self.assert_refused(done, TRY_AGAIN, "time")

    def test_malformed_endpoint(self):
        self.refused(CONFIG, "AWS_ENDPOINT_URL", AWS_ENDPOINT_URL="nonsense")

    def test_untrusted_certificate(self):
        self.refused(UNAVAILABLE, "certificate", AWS_CA_BUNDLE=None)

    def test_untrusted_certificate_of_the_gateway_alone(self):
        other = Lab(self.work, *self.lab_options)
        self.refused(UNAVAILABLE, "certificate", AWS_ENDPOINT_URL_SSMMESSAGES=other.info["gateway_url"])
        self.lab.wait_for_no_session()

    def test_missing_ca_bundle(self):
        self.refused(CONFIG, "/nowhere/ca.pem", AWS_CA_BUNDLE="/nowhere/ca.pem")

    def test_ca_bundle_option(self):
        peer = TcpPeer(self, lambda connection: connection.sendall(b"hello"))
        done = self.run_connect("--ca-bundle", self.lab.info["ca_file"], NODE_ID, peer.port, env=self.lab.environment(AWS_CA_BUNDLE=None))
        self.assertEqual(self.checked(done).stdout, b"hello")

    def test_ssl_cert_file(self):
        peer = TcpPeer(self, lambda connection: connection.sendall(b"hello"))
        environment = self.lab.environment(AWS_CA_BUNDLE=None, SSL_CERT_FILE=self.lab.info["ca_file"])
        self.assertEqual(self.checked(self.run_connect(NODE_ID, peer.port, env=environment)).stdout, b"hello")

    def test_gateway_elsewhere_than_guessed(self):
        # Without its own variable the gateway is guessed to be where the API is; StreamUrl says otherwise.
        peer = TcpPeer(self, lambda connection: connection.sendall(b"hello"))
        done = self.run_connect(NODE_ID, peer.port, env=self.lab.environment(AWS_ENDPOINT_URL_SSMMESSAGES=None))
        self.assertEqual(self.checked(done).stdout, b"hello")


class HostMismatchTest(LabCase):
    lab_options = ("--no-agent-pause", "--listen", "127.0.0.2")

    def test_certificate_of_another_host(self):
        self.assertIn("127.0.0.2", self.lab.info["api_url"])
        done = self.run_connect(NODE_ID)
        self.assert_refused(done, UNAVAILABLE, "certificate", "127.0.0.2")


class StreamUrlTest(LabCase):
    def refused(self, url, *words):
        self.lab.faults(stream_url=url)
        self.assert_refused(self.run_connect(NODE_ID), PROTOCOL, "StreamUrl", *words)
        self.lab.wait_for_no_session()

    def test_too_long(self):
        self.refused(self.lab.info["gateway_url"].replace("https", "wss") + "/" + "a" * 5000)

    def test_scheme_ws(self):
        self.refused("ws://127.0.0.1/v1/data-channel/x")

    def test_scheme_https(self):
        self.refused("https://127.0.0.1/v1/data-channel/x")

    def test_no_host(self):
        self.refused("wss:///v1/data-channel/x")

    def test_user_in_the_host(self):
        self.refused("wss://user@127.0.0.1/v1/data-channel/x")

    def test_bad_port(self):
        self.refused("wss://127.0.0.1:99999/v1/data-channel/x")

    def test_control_characters(self):
        self.refused("wss://127.0.0.1/v1/data-channel/x\r\nHost: elsewhere")

    def test_escape_characters_do_not_reach_the_terminal(self):
        self.lab.faults(stream_url="wss://127.0.0.1/\x1b[2J")
        message = self.assert_refused(self.run_connect(NODE_ID), PROTOCOL, "StreamUrl")
        self.assertNotIn("\x1b", message)

    def test_empty(self):
        # An empty member is no StreamUrl at all.
        self.refused(" ")


class PortTest(LabCase):
    def test_refused_port(self):
        client = self.connect(NODE_ID, closed_port(self))
        client.stdin.write(b"SSH-2.0-test\r\n")
        client.stdin.flush()
        self.assertEqual(client.stdout.read(), b"")
        self.wait_for_exit(client)
        message = show(client.stderr.read())
        self.assertEqual(client.returncode, UNAVAILABLE, message)
        self.assertIn("nothing answers", message)
        self.lab.wait_for_no_session()

    def test_quiet_but_connected_server_is_not_cut_off(self):
        received = []
        peer = TcpPeer(self, lambda connection: [received.append(piece) for piece in iter(lambda: connection.recv(100), b"")])
        client = self.connect(NODE_ID, peer.port)
        client.stdin.write(b"SSH-2.0-test\r\n")
        client.stdin.flush()
        with self.assertRaises(subprocess.TimeoutExpired):
            client.wait(25)
        self.assertEqual(b"".join(received), b"SSH-2.0-test\r\n")
        client.terminate()
        self.wait_for_exit(client)
        self.lab.wait_for_no_session()
