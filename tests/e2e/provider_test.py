"""Credentials of a program, of a container's agent and of the instance metadata service, with a real ssh; and how each fails.
The AWS CLI is the witness that the same files and variables work there, or do not."""

import json
import os
import shutil
import signal
import time
import unittest

from lab_case import LabCase
from network_test import enter_new_network, run
from workspace import show

AWS = "/usr/bin/aws"
SECRET = "do-not-show-me"
METADATA_ADDRESS, CONTAINER_ADDRESS = "169.254.169.254", "169.254.170.2"


class ProviderCase(LabCase):
    def environment(self, **more):
        """Of a machine on which nothing says where credentials are but `more`."""
        bare = dict(AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None, AWS_CONFIG_FILE=self.work.path("config"),
                    AWS_SHARED_CREDENTIALS_FILE=self.work.path("credentials"), AWS_DEFAULT_REGION=self.lab.info["region"])
        return self.lab.environment(**{**bare, **more})

    def assert_ssh(self, environment):
        self.assertEqual(self.ssh_output("echo", "here", env=environment), "here\n")

    def fails(self, environment, code, *words, options=()):
        """What connect says, and that no secret is in it."""
        begin = time.monotonic()
        done = self.run_connect(*options, "node", str(self.node.port), env=environment, timeout=60)
        said = show(done.stderr)
        self.assertEqual((done.returncode, done.stdout), (code, b""), said)
        for word in words:
            self.assertIn(word, said)
        self.assertNotIn(SECRET, said)
        self.assertEqual(said.count("ssm-proxy: "), 1, said)
        return time.monotonic() - begin

    def witness(self, environment):
        """How the AWS CLI ends a call with these credentials."""
        if not os.access(AWS, os.X_OK):
            print("no witness: the package awscli is not installed")
            return None
        done = self.work.run([AWS, "ssm", "describe-instance-information", "--endpoint-url", self.lab.info["api_url"], "--output", "json",
                              "--no-cli-pager"], env=environment)
        return done.returncode

    def assert_witness(self, environment, works):
        status = self.witness(environment)
        if status is not None:
            self.assertEqual(status == 0, works)


class ProcessTest(ProviderCase):
    def setUp(self):
        super().setUp()
        self.start_node()

    def program(self, body):
        """A program for credential_process, whose path has a blank in it; `body` is a shell's."""
        return self.work.write("bin dir/tool", "#!/bin/sh\n" + body, 0o700)

    def use(self, setting, **more):
        self.work.write("config", "[default]\ncredential_process = %s\n" % setting)
        return self.environment(**more)

    def prints(self, **changes):
        document = {"Version": 1, "AccessKeyId": self.lab.info["access_key_id"], "SecretAccessKey": self.lab.info["secret_access_key"]}
        document.update(changes)
        text = json.dumps({key: value for key, value in document.items() if value is not None})
        return "cat <<'END'\n%s\nEND\n" % text

    def test_program(self):
        """It gets its arguments as they stand there, nothing to read, and the words that it has for the person pass."""
        path = self.program("cat >&2\necho \"words for the person $2\" >&2\n[ \"$1|$2\" = 'a b|$HOME *' ] || exit 9\n" + self.prints())
        environment = self.use("\"%s\" a\\ b '$HOME *'" % path)
        done = self.checked(self.ssh("echo", "here", env=environment))
        self.assertEqual(done.stdout, b"here\n")
        self.assertEqual(done.stderr, b"words for the person $HOME *\n")
        self.assert_witness(environment, True)

    def test_failing_program(self):
        other = self.lab.info["expired"]
        expired = dict(AccessKeyId=other["access_key_id"], SecretAccessKey=other["secret_access_key"], SessionToken=other["session_token"])
        cases = (
            ("echo it says why >&2; echo %s; exit 3\n" % SECRET, 78, ("it says why\n", "tool ended with exit status 3")),
            ("echo %s\n" % SECRET, 78, ("no credentials", "is no JSON object")),
            ("yes %s\n" % SECRET, 78, ("no credentials", "printed more than")),
            (self.prints(Version=2, SecretAccessKey=SECRET), 78, ("has another Version than 1",)),
            (self.prints(SecretAccessKey=None), 78, ("has no SecretAccessKey",)),
            (self.prints(Expiration="2020-01-01T00:00:00Z"), 77, ("has expired at 2020-01-01T00:00:00Z",)),
            (self.prints(SecretAccessKey=SECRET), 77, ("credentials are not accepted", "InvalidSignatureException")),
            (self.prints(**expired), 77, ("credentials are not accepted", "ExpiredTokenException", "(those of profile \"default\")")),
        )
        for body, code, words in cases:
            with self.subTest(words=words):
                environment = self.use("'%s'" % self.program(body))
                self.fails(environment, code, *words)
        self.assert_witness(environment, False)
        self.fails(self.use("/nonexistent/tool --token %s" % SECRET), 78, "/nonexistent/tool cannot be started: No such file")
        self.fails(self.use("tool 'open %s" % SECRET), 78, "credential_process has a quotation that is not closed")
        self.fails(self.environment(AWS_ACCESS_KEY_ID=other["access_key_id"], AWS_SECRET_ACCESS_KEY=other["secret_access_key"],
                                    AWS_SESSION_TOKEN=other["session_token"]), 77, "ExpiredTokenException", "(those in the environment)")

    def test_slow_program_is_ended(self):
        """When --connect-timeout is over; and when ssh hangs up, with everything that it has started."""
        self.fails(self.use("sleep 300"), 75, "timed out: the credentials could not be resolved in time (waiting for the program sleep)", options=("--connect-timeout", "1"))
        mark = self.work.path("pids")
        environment = self.use("'%s'" % self.program("sleep 300 & echo $$ $! >'%s.new'; mv '%s.new' '%s'; wait\n" % (mark, mark, mark)))
        client = self.connect("node", self.node.port, env=environment)
        self.wait_for(lambda: os.path.exists(mark), "the program to start")
        with open(mark, encoding="ascii") as file:
            pids = file.read().split()
        client.send_signal(signal.SIGHUP)
        self.assertEqual(self.wait_for_exit(client), 128 + signal.SIGHUP)
        self.wait_for(lambda: not any(map(self.is_alive, pids)), "the program and its child to end")

    def wait_for(self, holds, what, seconds=30):
        deadline = time.monotonic() + seconds
        while not holds():
            self.assertLess(time.monotonic(), deadline, "waiting for " + what)
            time.sleep(0.02)

    @staticmethod
    def is_alive(pid):
        try:
            with open("/proc/%s/stat" % pid, encoding="ascii") as file:
                return file.read().rpartition(")")[2].split()[0] not in "ZX"
        except OSError:
            return False


class ContainerTest(ProviderCase):
    def setUp(self):
        super().setUp()
        self.start_node()
        self.identity = self.lab.info["identity"]

    def set(self, **changes):
        self.lab.call("/lab/metadata", {"reset": True, **changes})

    def at(self, url, **more):
        return self.environment(AWS_CONTAINER_CREDENTIALS_FULL_URI=self.identity[url], **more)

    def test_task_and_pod(self):
        self.assert_ssh(self.at("container_url"))
        token = dict(AWS_CONTAINER_AUTHORIZATION_TOKEN=self.identity["container_token"])
        self.assert_ssh(self.at("pod_url", **token))
        # the file wins, and is read anew each time
        path = self.work.write("token", "before")
        with_file = self.at("pod_url", AWS_CONTAINER_AUTHORIZATION_TOKEN="wrong", AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=path)
        self.fails(with_file, 77, "credentials are not accepted", "the container's credential endpoint 127.0.0.1 answered with HTTP status 4")
        self.work.write("token", self.identity["container_token"])
        self.assert_ssh(with_file)
        self.assert_witness(self.at("pod_url", **token), True)

    def test_failing_container(self):
        environment = self.at("container_url")
        secret = '{"AccessKeyId":"A","SecretAccessKey":"%s","Expiration":"2030-01-01T00:00:00Z"}' % SECRET
        for changes, code, words in (
                (dict(container_document=SECRET), 78, ("is no JSON object",)),
                (dict(container_document=secret), 78, ("has no Token",)),
                (dict(container_credential_seconds=-60), 77, ("has expired at",)),
                (dict(container_fail_next=1, container_fail_status=403), 77, ("HTTP status 403",)),
                (dict(container_needs_token=True), 77, ("HTTP status 4",))):
            with self.subTest(changes=changes):
                self.set(**changes)
                self.fails(environment, code, *words)
        self.set(container_delay_ms=30000)
        self.fails(environment, 75, "in time (waiting for 127.0.0.1)", options=("--connect-timeout", "1"))
        self.set(container_listening=False)
        self.fails(environment, 75, "the container's credential endpoint: cannot connect to 127.0.0.1")
        self.set(container_listening=True, container_fail_next=1)
        self.assert_ssh(environment)
        for uri, words in (("http://192.0.2.1/", "names 192.0.2.1"), ("http://169.254.170.2@192.0.2.1/", "is no URL")):
            elsewhere = self.environment(AWS_CONTAINER_CREDENTIALS_FULL_URI=uri, AWS_CONTAINER_AUTHORIZATION_TOKEN=SECRET)
            self.fails(elsewhere, 78, words)
        self.assert_witness(elsewhere, False)


class InstanceTest(ProviderCase):
    def setUp(self):
        super().setUp()
        self.start_node()
        self.identity = self.lab.info["identity"]

    def set(self, **changes):
        self.lab.call("/lab/metadata", {"reset": True, **changes})

    def here(self, **more):
        return self.environment(**{"AWS_EC2_METADATA_DISABLED": None, "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.identity["imds_url"], **more})

    def test_instance(self):
        environment = self.here()
        self.assert_ssh(environment)
        if "imds_ipv6_url" in self.identity:
            self.assert_ssh(self.here(AWS_EC2_METADATA_SERVICE_ENDPOINT=self.identity["imds_ipv6_url"]))
        for changes in (dict(imds_v1=False), dict(imds_v2=False), dict(imds_token_delay_ms=3000)):
            with self.subTest(changes=changes):
                self.set(**changes)
                self.assert_ssh(environment)
        self.set()
        self.assert_ssh(self.here(AWS_REGION=None, AWS_DEFAULT_REGION=None))  # the service tells it

    def test_failing_instance(self):
        environment = self.here()
        none = ("no credentials", "AWS_ACCESS_KEY_ID is not set")
        for changes, more, code, words in (
                ({}, {"AWS_EC2_METADATA_DISABLED": "true"}, 78, none),
                (dict(imds_has_role=False), {}, 78, ("the instance metadata service at 127.0.0.1 has no role for this instance",)),
                (dict(imds_enabled=False), {}, 78, ("HTTP status 403",)),
                (dict(imds_v2=False), {"AWS_EC2_METADATA_V1_DISABLED": "true"}, 78, ("gives no token", "(IMDSv1) is disabled")),
                (dict(imds_document=SECRET), {}, 78, ("is no JSON object",)),
                (dict(imds_code="AssumeRoleUnauthorizedAccess"), {}, 78, ("has no credentials of role", "AssumeRoleUnauthorizedAccess")),
                (dict(imds_delay_ms=20000), {}, 78, none),
                (dict(imds_listening=False), {}, 78, none),
                ({}, {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://192.0.2.1/"}, 78, ("names 192.0.2.1",)),
                ({}, {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv5", "AWS_EC2_METADATA_SERVICE_ENDPOINT": None}, 78, ("IPv5",))):
            with self.subTest(changes=changes, more=more):
                self.set(**changes)
                self.fails({name: value for name, value in {**environment, **more}.items() if value is not None}, code, *words)


class OwnNetworkCase(ProviderCase):
    """In a network of the test's own."""

    addresses = ()

    def setUp(self):
        if os.getuid() != 0:
            self.skipTest("a network namespace needs root")
        if not shutil.which("ip"):
            self.skipTest("ip(8) is missing")
        enter_new_network()
        run("ip", "link", "set", "lo", "up")
        for address in self.addresses:
            run("ip", "address", "add", address + "/32", "dev", "lo")
        super().setUp()


class OwnAddressTest(OwnNetworkCase):
    """The services at the addresses that they really have."""

    addresses = (METADATA_ADDRESS, CONTAINER_ADDRESS)
    lab_options = ("--no-agent-pause", "--imds-listen", METADATA_ADDRESS, "--imds-port", "80",
                   "--container-listen", CONTAINER_ADDRESS, "--container-port", "80")

    def test_services_at_their_own_addresses(self):
        self.start_node()
        on_instance = self.environment(AWS_EC2_METADATA_DISABLED=None, AWS_REGION=None, AWS_DEFAULT_REGION=None)
        in_container = self.environment(AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=self.lab.info["identity"]["container_relative_uri"])
        self.assert_ssh(on_instance)
        self.assert_ssh(in_container)
        self.assert_witness({**on_instance, "AWS_DEFAULT_REGION": self.lab.info["region"]}, True)


class NoServiceTest(OwnNetworkCase):
    """Where nothing answers for the metadata service's address."""

    def test_no_metadata_service(self):
        self.node = type("Nobody", (), {"port": 22, "log": lambda _: ""})()
        # were a proxy asked, it would refuse at once
        environment = self.environment(AWS_EC2_METADATA_DISABLED=None, ALL_PROXY="http://10.78.0.1:9", http_proxy="http://10.78.0.1:9")
        quick = self.fails(environment, 78, "no credentials", "run aws configure")
        # a network that swallows what is sent
        run("ip", "link", "add", "void", "type", "veth", "peer", "name", "beyond")
        run("ip", "address", "add", "10.78.0.1/24", "dev", "void")
        run("ip", "link", "set", "void", "up")
        run("ip", "link", "set", "beyond", "up")
        run("ip", "route", "add", "default", "via", "10.78.0.2", "dev", "void")
        run("ip", "neighbour", "add", "10.78.0.2", "lladdr", "02:00:00:00:00:01", "dev", "void")
        slow = self.fails(environment, 78, "no credentials", "run aws configure")
        keys = dict(AWS_ACCESS_KEY_ID="AKIA", AWS_SECRET_ACCESS_KEY=SECRET, AWS_REGION=None, AWS_DEFAULT_REGION=None)
        self.fails({name: value for name, value in {**environment, **keys}.items() if value is not None}, 78, "region")
        print("no route: %.2f s; no answer: %.2f s" % (quick, slow))
        self.assertGreater(slow, 0.9, "the silence was not there")
        self.assertLess(slow - quick, 5, "one second in all, and time for a busy machine")


if __name__ == "__main__":
    unittest.main()
