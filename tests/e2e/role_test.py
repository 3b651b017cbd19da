"""Roles of STS with a real ssh, and how each fails; and the cache of their credentials, which the AWS CLI and we share: neither
assumes again, or asks again for an MFA code, what the other has just got. Both reach AWS's own names through the lab's proxy."""

import json
import os
import resource
import signal
import stat
import unittest

from lab_case import LabCase
from workspace import program, show

AWS = "/usr/bin/aws"
TRY_AGAIN, PROTOCOL, DENIED, CONFIG = 75, 76, 77, 78
NOT_SHOWN = "do-not-show-me"

CONFIG_FILE = """\
[profile plain]
role_arn = {lab-role}
source_profile = user
[profile named]
role_arn = {lab-role}
source_profile = user
role_session_name = someone
duration_seconds = 7200
[profile guarded]
role_arn = {lab-external-role}
source_profile = user
external_id = lab-external-id
[profile mistaken]
role_arn = {lab-external-role}
source_profile = user
external_id = another
[profile chained]
role_arn = {lab-chained-role}
source_profile = plain
[profile mfa]
role_arn = {lab-mfa-role}
source_profile = user
mfa_serial = {mfa_serial}
[profile told]
role_arn = {lab-role}
credential_source = Environment
[profile web]
role_arn = {lab-web-role}
web_identity_token_file = {token_file}
[profile old]
role_arn = {lab-role}
source_profile = expired
[profile loop]
role_arn = {lab-role}
source_profile = loop
"""


class RoleCase(LabCase):
    lab_options = ("--no-agent-pause", "--aws-names")

    def setUp(self):
        super().setUp()
        self.start_node()
        identity = self.lab.info["identity"]
        arns = {name: role["arn"] for name, role in identity["roles"].items()}
        self.work.write("home/.aws/config", CONFIG_FILE.format(mfa_serial=identity["mfa_serial"], token_file=identity["web_identity_token_file"], **arns))
        expired = self.lab.info["expired"]
        keys = "[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n"
        self.work.write("home/.aws/credentials", keys % ("user", self.lab.info["access_key_id"], self.lab.info["secret_access_key"])
                        + keys % ("expired", expired["access_key_id"], expired["secret_access_key"]) + "aws_session_token = %s\n" % expired["session_token"])
        self.cache = self.work.path("home", ".aws", "cli", "cache")

    def environment(self, profile, **more):
        bare = dict(AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None, AWS_ENDPOINT_URL=None, AWS_ENDPOINT_URL_SSMMESSAGES=None,
                    AWS_PROFILE=profile, HOME=self.work.path("home"), HTTPS_PROXY=self.lab.info["proxy"]["url"], AWS_DEFAULT_REGION=self.lab.info["region"])
        return self.lab.environment(**{**bare, **more})

    def counters(self):
        return self.lab.call("/lab/identity")["counters"]

    def assumed(self):
        return self.counters()["assume_role"]

    def cached(self):
        return sorted(os.path.join(self.cache, name) for name in os.listdir(self.cache)) if os.path.isdir(self.cache) else []

    def forget(self):
        for path in self.cached():
            os.unlink(path)

    def assert_ssh(self, profile, **more):
        self.assertEqual(self.ssh_output("echo", "here", env=self.environment(profile, **more)), "here\n")

    def fails(self, profile, code, *words, options=(), **more):
        done = self.run_connect(*options, "node", str(self.node.port), env=self.environment(profile, **more), timeout=60)
        message = self.assert_refused(done, code, *words)
        self.assertNotIn(NOT_SHOWN, message)
        return message

    def aws(self, profile, input_text=None, **more):
        """Who the AWS CLI is with this profile, None when it fails."""
        command = [AWS, "sts", "get-caller-identity", "--output", "json", "--no-cli-pager"]
        given = {} if input_text is None else {"input": input_text.encode()}
        done = self.work.run(command, env=self.environment(profile, **more), **given)
        return json.loads(done.stdout)["Arn"] if done.returncode == 0 else None


@unittest.skipUnless(os.access(AWS, os.X_OK), "the package awscli is not installed")
class SharedCacheTest(RoleCase):
    def test_one_assumes_for_both(self):
        """What we store the AWS CLI takes, and the other way round; half of a file is none."""
        session = "arn:aws:sts::%s:assumed-role/" % self.lab.info["identity"]["account"]
        for profile in ("plain", "named", "guarded"):
            self.assert_ssh(profile)
        self.assertEqual(self.assumed(), 3)
        self.assertEqual(self.aws("named"), session + "lab-role/someone")
        self.assertTrue(self.aws("guarded").startswith(session + "lab-external-role/ssm-proxy-"))
        self.assertEqual(self.assumed(), 3)
        files = self.cached()
        self.assertEqual((len(files), {stat.S_IMODE(os.stat(path).st_mode) for path in files}), (3, {0o600}))
        self.forget()
        self.assertTrue(self.aws("plain").startswith(session + "lab-role/botocore-session-"))
        self.assertIn(self.cached()[0], files, "the AWS CLI's name for it")
        self.assertEqual(self.assumed(), 4)
        self.assert_ssh("plain")
        self.assertEqual(self.assumed(), 4)
        with open(self.cached()[0], "r+", encoding="utf-8") as file:
            file.truncate(100)
        self.assert_ssh("plain")
        self.assertEqual(self.assumed(), 5)
        with open(self.cached()[0], encoding="utf-8") as file:
            self.assertIn("Credentials", json.load(file))

    def test_chain(self):
        """A role by a role by keys; what is cached of it is not assumed again."""
        self.assert_ssh("plain")
        self.assert_ssh("chained")
        self.assertEqual(self.assumed(), 2)
        self.forget()
        self.assertIn("assumed-role/lab-chained-role/botocore-", self.aws("chained"))
        self.assert_ssh("chained")
        self.assertEqual((self.assumed(), len(self.cached())), (4, 2))

    def test_mfa(self):
        """Neither asks again while the other's answer is good; the code comes from a program, or nobody can be asked."""
        fetch = self.work.write("askpass", "#!/bin/sh\nprintf '%%s' \"$1\" >'%s'\ncat '%s'\n" % (self.work.path("prompt"), self.work.path("code")), 0o700)
        asking = {"SSH_ASKPASS": fetch, "SSH_ASKPASS_REQUIRE": "force"}
        serial = self.lab.info["identity"]["mfa_serial"]
        self.fails("mfa", DENIED, "no MFA code for " + serial, "run first: aws sts get-caller-identity --profile mfa")
        for text, code, words in (("", DENIED, "nothing was entered"), (NOT_SHOWN, DENIED, "is 6 digits"), ("000000", DENIED, "was not taken")):
            self.work.write("code", text)
            self.fails("mfa", code, words, serial, **asking)
        self.assertEqual((self.assumed(), self.cached()), (1, []))
        code = self.lab.call("/lab/identity")["mfa_code"]
        self.work.write("code", code)
        self.assert_ssh("mfa", **asking)
        with open(self.work.path("prompt"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "MFA code for " + serial)
        with open(self.cached()[0], encoding="utf-8") as file:
            self.assertNotIn(code, file.read())
        self.assertIn("lab-mfa-role/ssm-proxy-", self.aws("mfa"))
        self.assert_ssh("mfa")
        self.assertEqual(self.assumed(), 2)
        self.forget()
        self.assertIn("lab-mfa-role/botocore-", self.aws("mfa", self.lab.call("/lab/identity")["mfa_code"] + "\n"))
        self.assert_ssh("mfa")
        self.assertEqual(self.assumed(), 3)

    def test_web_identity(self):
        self.assertIn("lab-web-role/botocore-", self.aws("web"))
        self.assert_ssh("web")
        identity = self.lab.info["identity"]
        self.work.write("home/.aws/config", "[default]\n")
        of_a_pod = {"AWS_ROLE_ARN": identity["roles"]["lab-web-role"]["arn"], "AWS_ROLE_SESSION_NAME": "pod",
                    "AWS_WEB_IDENTITY_TOKEN_FILE": identity["web_identity_token_file"]}
        self.assert_ssh(None, **of_a_pod)
        self.assertIn("lab-web-role/pod", self.aws(None, **of_a_pod))
        self.assertEqual(self.counters()["assume_role_with_web_identity"], 2)
        self.forget()
        for token, code, words in (({"expires_in_s": -60}, DENIED, "ExpiredToken"), ({"issuer": "https://other.example"}, DENIED, "InvalidIdentityToken"),
                                   ({"text": "x"}, CONFIG, "ValidationError"), ({"text": ""}, CONFIG, "is empty")):
            self.lab.call("/lab/identity", {"web_identity_token": token})
            self.fails(None, code, words, **of_a_pod)
        self.assertIsNone(self.aws(None, **of_a_pod))
        os.unlink(identity["web_identity_token_file"])
        self.fails(None, CONFIG, "is not there", **of_a_pod)

    def test_a_cache_that_cannot_be_written_costs_calls_alone(self):
        """ulimit -f as well, whose signal would end us."""
        def no_file_may_grow():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

        self.work.write("home/.aws/cli", "not a directory")
        for round_, more in enumerate(({}, {"preexec_fn": no_file_may_grow})):
            client = self.connect("node", self.node.port, env=self.environment("plain"), **more)
            self.banner(client)
            client.terminate()
            self.assertEqual(self.wait_for_exit(client), 128 + signal.SIGTERM)
            self.assertEqual((self.assumed(), self.cached()), (1 + round_, []))
            if os.path.isfile(self.work.path("home/.aws/cli")):
                os.unlink(self.work.path("home/.aws/cli"))

    def test_environment_as_the_source(self):
        keys = {"AWS_ACCESS_KEY_ID": self.lab.info["access_key_id"], "AWS_SECRET_ACCESS_KEY": self.lab.info["secret_access_key"]}
        done = self.work.run(["ssh", "-F", self.config, "-o", "ProxyCommand=%s connect --profile told %%n %%p" % program("ssm-proxy"), "node", "echo", "here"],
                             env=self.environment(None, **keys))
        self.assertEqual(show(self.checked(done).stdout), "here\n")
        self.assertEqual(self.assumed(), 1)

    def test_refusals(self):
        """As the AWS CLI, whose words are others."""
        roles = self.lab.info["identity"]["roles"]
        for profile, code, words in (
                ("mistaken", DENIED, ("sts:AssumeRole of %s" % roles["lab-external-role"]["arn"], "is not allowed", "AccessDenied")),
                ("old", DENIED, ("the credentials of profile \"expired\", which assume", "ExpiredToken")),
                ("told", CONFIG, ("AWS_ACCESS_KEY_ID is not set",)),
                ("loop", CONFIG, ("come back to \"loop\"",)),
                ("nobody", CONFIG, ("no profile \"nobody\"",))):
            with self.subTest(profile):
                self.fails(profile, code, *words)
        self.assertIsNone(self.aws("old"))
        self.assertEqual(self.cached(), [])
        for answer, code, words in (("cut", PROTOCOL, "failed"), ("deny", DENIED, "is not allowed"), ("hang", TRY_AGAIN, "timed out")):
            with self.subTest(answer):
                self.lab.faults(calls=[{"action": "sts:AssumeRole", "answer": answer}])
                self.fails("plain", code, words, options=("--connect-timeout", "2"))
        self.lab.faults(reset=True)
        self.assert_ssh("plain")


if __name__ == "__main__":
    unittest.main()
