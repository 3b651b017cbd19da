"""ssm-lab's HTTP proxy and the AWS names behind it: asked by curl, by the AWS CLI, and by our own small client."""

import base64
import json
import os
import socket
import ssl
import subprocess
import tempfile
import urllib.parse

from workspace import program

from emulator_support import NODE, Client, EmulatorCase, wait_for

AWS = "/usr/bin/aws"
GATEWAY = "ssmmessages.us-east-1.amazonaws.com"


def read_head(connection):
    head = b""
    while b"\r\n\r\n" not in head:
        try:
            piece = connection.recv(1)
        except ConnectionResetError:
            piece = b""
        if not piece:
            break
        head += piece
    return head


class TlsInTls:
    """A TLS connection inside of another; as much of a socket as WebSocket uses."""

    def __init__(self, outer, context, name):
        self.outer = outer
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        self._run(self.tls.do_handshake)

    def _run(self, step, *arguments):
        while True:
            try:
                result = step(*arguments)
                self.outer.sendall(self.outgoing.read())
                return result
            except ssl.SSLWantReadError:
                self.outer.sendall(self.outgoing.read())
                data = self.outer.recv(65536)
                if not data:
                    return b""
                self.incoming.write(data)

    def recv(self, size):
        return self._run(self.tls.read, size)

    def sendall(self, data):
        self._run(self.tls.write, data)

    def settimeout(self, seconds):
        self.outer.settimeout(seconds)

    def setsockopt(self, *option):
        self.outer.setsockopt(*option)


class ProxyCase(EmulatorCase):
    options = ("--seed", "1", "--aws-names")

    def setUp(self):
        super().setUp()
        self.proxy = self.lab.ready["proxy"]
        address = urllib.parse.urlsplit(self.proxy["url"])
        self.address = (address.hostname, address.port)

    def environment(self, proxy=None, **more):
        ready = self.lab.ready
        return dict({"PATH": os.environ["PATH"], "HOME": "/nonexistent", "HTTPS_PROXY": proxy or self.proxy["url"],
                     "AWS_CA_BUNDLE": ready["ca_file"], "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1",
                     "AWS_ACCESS_KEY_ID": ready["access_key_id"], "AWS_DEFAULT_REGION": ready["region"],
                     "AWS_SECRET_ACCESS_KEY": ready["secret_access_key"]}, **more)

    def aws(self, *arguments, **environment):
        if not os.access(AWS, os.X_OK):
            self.skipTest("no " + AWS)
        return subprocess.run([AWS, "--output", "json", *arguments], env=self.environment(**environment),
                              capture_output=True, text=True, timeout=60, check=False)

    def curl(self, *arguments):
        """(exit code, status of CONNECT, status of the answer)"""
        done = subprocess.run(["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_connect} %{http_code}",
                               "--cacert", self.lab.ready["ca_file"], "--proxy", self.proxy["url"], *arguments],
                              capture_output=True, text=True, timeout=60, check=False)
        return (done.returncode, *map(int, done.stdout.split()))

    def with_password(self, scheme):
        return self.proxy[scheme].replace("//", "//%s:%s@" % (self.proxy["user"], self.proxy["password"]))

    def talk(self, request):
        connection = socket.create_connection(self.address, timeout=20)
        self.addCleanup(connection.close)
        connection.sendall(request)
        return connection

    def tunnel(self, host, port=443):
        """TLS to that name, through the proxy; the certificate is checked."""
        plain = self.talk(b"CONNECT %s:%d HTTP/1.1\r\nHost: %s:%d\r\n\r\n" % (host.encode(), port, host.encode(), port))
        head = read_head(plain)
        self.assertEqual(head.split(b"\r\n")[0].split()[1], b"200", head)
        return self.lab.context.wrap_socket(plain, server_hostname=host)

    def status(self):
        return self.lab.status()["proxy"]


class EmulatorProxyRefusalTest(ProxyCase):
    def test_what_is_not_the_labs_is_refused(self):
        api = urllib.parse.urlsplit(self.lab.ready["api_url"])
        refused = ["example.com:443", "amazonaws.com:443", "amazonaws.com.example.com:443", "ssm.us-east-1.amazonaws.com:80",
                   "evilamazonaws.com:443", "127.0.0.1:%d" % self.address[1], "[::1]:%d" % api.port, "127.0.0.2:%d" % api.port]
        for name in refused:
            head = read_head(self.talk(b"CONNECT %s HTTP/1.1\r\n\r\n" % name.encode()))
            self.assertTrue(head.startswith(b"HTTP/1.1 403 "), (name, head))
        self.assertEqual(self.status(), {"connects": {}, "refused": {name: 1 for name in refused}, "unauthorized": 0})

    def test_what_is_no_connect_is_refused(self):
        self.assertEqual(self.curl("http://example.com/"), (0, 0, 403))
        self.assertEqual(self.curl("http://%s/" % GATEWAY), (0, 0, 403))
        for request, status in ((b"POST http://example.com/ HTTP/1.1\r\n\r\n", 403), (b"CONNECT nowhere HTTP/1.1\r\n\r\n", 400),
                                (b"CONNECT x.amazonaws.com:0 HTTP/1.1\r\n\r\n", 400), (b"CONNECT :443 HTTP/1.1\r\n\r\n", 400),
                                (b"CONNECT x.amazonaws.com:443\r\n\r\n", 400), (b"CONNECT x.amazonaws.com:443 HTTP/2\r\n\r\n", 400),
                                (b"CONNECT %s:443 HTTP/1.1\r\n\r\n" % (b"x" * 300), 400), (b"\r\n\r\n", 403),
                                (b"connect x.amazonaws.com:443 HTTP/1.1\r\n\r\n", 403)):
            head = read_head(self.talk(request))
            self.assertTrue(head.startswith(b"HTTP/1.1 %d " % status), (request, head))
        self.assertEqual(read_head(self.talk(b"CONNECT " + b"x" * 5000)), b"", "a head without an end")
        self.assertEqual(self.status()["connects"], {})

    def test_password(self):
        self.lab.faults(proxy_needs_password=True)
        target = "https://%s/" % GATEWAY
        self.assertEqual(self.curl(target), (56, 407, 0))
        self.assertEqual(self.curl("--proxy-user", "lab-proxy:wrong", target), (56, 407, 0))
        self.assertEqual(self.curl("--proxy-user", "lab-proxy:" + self.proxy["password"] + "x", target), (56, 407, 0))
        head = read_head(self.talk(b"CONNECT x.amazonaws.com:443 HTTP/1.1\r\n\r\n"))
        self.assertIn(b'\r\nProxy-Authenticate: Basic realm="', head)
        right = base64.b64encode(("lab-proxy:" + self.proxy["password"]).encode())
        for authorization, status in ((b"Basic " + right + b"x", 407), (b"Bearer " + right, 407), (b"Basic " + right, 200)):
            head = read_head(self.talk(b"CONNECT x.amazonaws.com:443 HTTP/1.1\r\nproxy-authorization: %s\r\n\r\n" % authorization))
            self.assertTrue(head.startswith(b"HTTP/1.1 %d " % status), (authorization, head))
        self.assertEqual(self.status(), {"connects": {"x.amazonaws.com": 1}, "refused": {}, "unauthorized": 6})
        self.assertEqual(self.curl("--proxy-user", "lab-proxy:" + self.proxy["password"], target), (0, 200, 404))
        done = self.aws("ssm", "describe-instance-information", proxy=self.with_password("url"))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_faults(self):
        self.lab.faults(proxy_status=503, proxy_delay_ms=1)
        self.assertEqual(self.curl("https://ssm.us-east-1.amazonaws.com/"), (56, 503, 0))
        self.lab.faults(reset=True, restart_gateway={"down_ms": 60000})
        self.assertEqual(self.curl("https://%s/" % GATEWAY), (56, 502, 0))
        self.assertEqual(self.curl("https://ssm.us-east-1.amazonaws.com/"), (0, 200, 404))
        self.assertEqual(self.status()["connects"], {"ssm.us-east-1.amazonaws.com": 2, GATEWAY: 1})


class EmulatorProxyNamesTest(ProxyCase):
    def test_certificates_for_names(self):
        names = ["ssm.us-east-1.amazonaws.com", "portal.sso.eu-west-1.amazonaws.com", "sts.amazonaws.com",
                 "ssm.cn-north-1.amazonaws.com.cn", "ec2.us-east-1.api.aws", "d-1234567890.awsapps.com",
                 "vpce-0123-x.ssm.us-east-1.vpce.amazonaws.com", "SSM.us-east-1.AMAZONAWS.com"]
        for name in names:
            with self.tunnel(name) as connection:
                self.assertEqual(connection.getpeercert()["subjectAltName"], (("DNS", name),))
        self.assertEqual(self.status()["connects"], {name: 1 for name in names})
        address = urllib.parse.urlsplit(self.lab.ready["api_url"])
        for name in ("localhost", "example.com"):
            plain = socket.create_connection((address.hostname, address.port), timeout=20)
            self.addCleanup(plain.close)
            if name == "localhost":
                self.lab.context.wrap_socket(plain, server_hostname=name).close()
            else:
                self.assertRaises(ssl.SSLCertVerificationError, self.lab.context.wrap_socket, plain, server_hostname=name)

    def test_a_head_in_pieces_and_data_behind_it(self):
        connection = self.talk(b"CONNECT ")
        for piece in (b"ssm.us-east-1.amazonaws.com:4", b"43 HTTP/1.0\r\nUser-Agent: x\r\n\r", b"\n"):
            connection.sendall(piece)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.lab.context.wrap_bio(incoming, outgoing, server_hostname="ssm.us-east-1.amazonaws.com")
        self.assertTrue(read_head(connection).startswith(b"HTTP/1.1 200 "))
        connection = self.talk(b"")
        self.assertRaises(ssl.SSLWantReadError, tls.do_handshake)
        connection.sendall(b"CONNECT ssm.us-east-1.amazonaws.com:443 HTTP/1.1\r\n\r\n" + outgoing.read())
        self.assertTrue(read_head(connection).startswith(b"HTTP/1.1 200 "))
        incoming.write(connection.recv(65536))
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                incoming.write(connection.recv(65536))

    def test_tls_to_the_proxy(self):
        tls = ("--proxy-cacert", self.lab.ready["ca_file"], "--proxy", self.proxy["tls_url"])
        self.assertEqual(self.curl(*tls, "https://ssm.us-east-1.amazonaws.com/"), (0, 200, 404))
        self.assertEqual(self.curl(*tls, "https://example.com/"), (56, 403, 0))
        self.assertEqual(self.curl("--proxy", self.proxy["tls_url"], "--proxy-cacert", "/etc/ssl/certs/ca-certificates.crt",
                                   "https://ssm.us-east-1.amazonaws.com/"), (60, 0, 0))
        address = urllib.parse.urlsplit(self.proxy["tls_url"])

        def connect(gateway):
            plain = socket.socket()
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # before it is connected: the window stays small
            plain.settimeout(60)
            plain.connect((address.hostname, address.port))
            outer = self.lab.context.wrap_socket(plain, server_hostname=address.hostname)
            outer.sendall(b"CONNECT %s:443 HTTP/1.1\r\n\r\n" % gateway.hostname.encode())
            self.assertTrue(read_head(outer).startswith(b"HTTP/1.1 200 "))
            return TlsInTls(outer, self.lab.context, gateway.hostname)

        # Megabytes, both ways, and both sides closing.
        session = self.lab.start(self.target().port)
        self.lab.gateway_address = urllib.parse.urlsplit("https://" + GATEWAY)
        self.lab.connect = connect
        client = Client(self.lab, session).handshake()
        data = os.urandom(1 << 20)
        for at in range(0, len(data), 16384):
            client.send(data[at:at + 16384])
        wait_for("more on the way back than anything on it holds", lambda: self.counters()["messages_to_client"] > 800, 60)
        client.until("the echo", lambda: len(client.output) == len(data), 60)
        self.assertEqual(client.output, data)
        client.ack_duplicates = False  # from now on it only listens: what it said could meet a connection that is gone
        self.lab.terminate(session["SessionId"], "enough")
        client.until_closed()
        self.assertEqual(self.status()["connects"], {"ssm.us-east-1.amazonaws.com": 1, GATEWAY: 1})
        self.assertEqual(self.status()["refused"], {"example.com:443": 1})

    def test_a_session_with_aws_names_alone(self):
        target = self.target()
        done = self.aws("ssm", "describe-instance-information", "--filters", "Key=tag:Name,Values=node")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([node["InstanceId"] for node in json.loads(done.stdout)["InstanceInformationList"]], [NODE])
        done = self.aws("sts", "get-caller-identity")
        self.assertEqual(json.loads(done.stdout)["Arn"], "arn:aws:iam::111122223333:user/lab-user", done.stderr)
        self.assertEqual(self.lab.status()["counters"]["past_proxy"], 0)
        session = self.lab.start(target.port)
        self.assertTrue(session["StreamUrl"].startswith("wss://%s/v1/data-channel/" % GATEWAY), session)
        self.lab.gateway_address = urllib.parse.urlsplit("https://" + GATEWAY)
        self.lab.connect = lambda address: self.tunnel(address.hostname)
        client = Client(self.lab, session).handshake()
        client.send(b"hello")
        client.until("the echo", lambda: client.output == b"hello")
        # The test's own StartSession went to the API's port.
        self.assertEqual(self.lab.status()["counters"]["past_proxy"], 1)
        self.assertEqual(self.status()["connects"], {"ssm.us-east-1.amazonaws.com": 1, "sts.us-east-1.amazonaws.com": 1,
                                                     GATEWAY: 1})
        client.ack_duplicates = False
        self.lab.faults(restart_gateway={"down_ms": 100})
        client.until_closed()
        wait_for("the gateway", lambda: self.curl("https://%s/" % GATEWAY)[1] == 200)


class EmulatorProxySsmProxyTest(ProxyCase):
    def greet(self, connection):
        with connection:
            connection.sendall(b"hello")

    def test_ssm_proxy_without_endpoints(self):
        port = str(self.target(self.greet).port)
        quiet, writer = os.pipe()  # standard input that never ends: the server hangs up
        with tempfile.TemporaryDirectory() as home, open(quiet, "rb"), open(writer, "wb"):
            for scheme in ("url", "tls_url"):
                for needs_password in (False, True):
                    url = self.with_password(scheme) if needs_password else self.proxy[scheme]
                    self.lab.faults(proxy_needs_password=needs_password)
                    done = subprocess.run([program("ssm-proxy"), "connect", "--", "node", port, "user"], stdin=quiet,
                                          env=self.environment(proxy=url, HOME=home), capture_output=True, timeout=60, check=False)
                    self.assertEqual((done.returncode, done.stdout), (0, b"hello"), (url, done.stderr))
        self.assertEqual(self.status(), {"connects": {"ssm.us-east-1.amazonaws.com": 4, GATEWAY: 4}, "refused": {},
                                         "unauthorized": 0})
        self.assertEqual(self.lab.status()["counters"]["past_proxy"], 0)


class EmulatorProxyRegionTest(ProxyCase):
    options = ("--seed", "1", "--aws-names", "--other-region", "eu-west-1")

    def test_the_host_decides_about_the_region(self):
        done = self.aws("ssm", "describe-instance-information", AWS_DEFAULT_REGION="eu-west-1")
        self.assertEqual(len(json.loads(done.stdout)["InstanceInformationList"]), 1, done.stderr)
        self.lab.region = "eu-west-1"
        self.assertIn("wss://ssmmessages.eu-west-1.amazonaws.com/", self.lab.start(22, "i-0e15e0e15e0e15e00")["StreamUrl"])
        done = self.aws("--endpoint-url", "https://ssm.eu-west-1.amazonaws.com", "ssm", "describe-instance-information")
        self.assertIn("Credential should be scoped to a valid region, not 'us-east-1'", done.stderr)
