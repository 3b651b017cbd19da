"""ssm-lab's identity services, judged by what we did not write: the AWS CLI and its copy of botocore, with their own
readers of files, fetchers of credentials, signers and parsers."""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import struct
import subprocess
import tempfile
import time
import unittest
from unittest import mock

from emulator_support import NODE, EmulatorCase

try:
    import awscli  # puts its own copy of botocore in the place of the library
    assert awscli
    from botocore import UNSIGNED, config, exceptions, session
except ImportError:
    session = None

AWS = "/usr/bin/aws"
ACCOUNT = "111122223333"
SERIAL = f"arn:aws:iam::{ACCOUNT}:mfa/lab-user"


def arn(role):
    return f"arn:aws:iam::{ACCOUNT}:role/{role}"


def totp(seed, step):
    """RFC 6238 and 4226."""
    mac = hmac.new(base64.b32decode(seed), struct.pack("!Q", step), hashlib.sha1).digest()
    return "%06d" % ((struct.unpack_from("!I", mac, mac[19] & 15)[0] & 0x7fffffff) % 1000000)


@unittest.skipIf(session is None, "the AWS CLI (Debian's awscli) is not installed")
class IdentityCase(EmulatorCase):
    def setUp(self):
        super().setUp()
        self.home = tempfile.TemporaryDirectory()
        self.addCleanup(self.home.cleanup)
        self.identity = self.lab.ready["identity"]
        self.environment = {"HOME": self.home.name, "PATH": os.environ["PATH"], "AWS_CA_BUNDLE": self.lab.ready["ca_file"],
                            "AWS_DEFAULT_REGION": self.lab.region, "AWS_PAGER": "", "LC_ALL": "C.UTF-8"}
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        stack.enter_context(mock.patch.dict(os.environ, self.environment, clear=True))

    def control(self, path="/lab/identity", **members):
        body = json.dumps(members).encode() if members else b""
        status, _, data = self.lab.http(self.lab.api_address, "POST" if members else "GET", path, body)
        self.assertEqual(status, 200, data)
        return json.loads(data)

    def count(self, name):
        return self.control()["counters"][name]

    def client(self, service, keys=None, **settings):
        settings = {"retries": {"max_attempts": 1}, **settings}
        keys = keys or self.lab.keys
        return session.Session().create_client(
            service, region_name=self.lab.region, endpoint_url=self.lab.ready["api_url"], verify=self.lab.ready["ca_file"],
            aws_access_key_id=keys["access_key_id"], aws_secret_access_key=keys["secret_access_key"],
            aws_session_token=keys.get("session_token"), config=config.Config(**settings))

    def refused(self, call, code, status, *words):
        with self.assertRaises(exceptions.ClientError) as caught:
            call()
        answer = caught.exception.response
        self.assertEqual((answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]), (code, status), answer)
        for word in words:
            self.assertIn(word, answer["Error"].get("Message", answer.get("error_description", "")))
        return answer

    @staticmethod
    def keys_of(credentials):
        return {"access_key_id": credentials["AccessKeyId"], "secret_access_key": credentials["SecretAccessKey"],
                "session_token": credentials["SessionToken"]}

    def start_session(self, keys):
        return self.lab.api("StartSession", {"Target": NODE, "DocumentName": "AWS-StartSSHSession",
                                             "Parameters": {"portNumber": ["22"]}}, keys=keys)


class EmulatorStsTest(IdentityCase):
    def assume(self, role="lab-role", keys=None, **members):
        return self.client("sts", keys).assume_role(**{"RoleArn": arn(role), "RoleSessionName": "ada@example", **members})

    def test_assume_role_and_what_its_credentials_may(self):
        answer = self.assume(DurationSeconds=900)
        self.assertEqual(answer["AssumedRoleUser"]["Arn"], f"arn:aws:sts::{ACCOUNT}:assumed-role/lab-role/ada@example")
        self.assertRegex(answer["AssumedRoleUser"]["AssumedRoleId"], "^AROA[A-Z2-7]{17}:ada@example$")
        self.assertAlmostEqual(answer["Credentials"]["Expiration"].timestamp(), time.time() + 900, delta=60)
        keys = self.keys_of(answer["Credentials"])
        self.assertTrue(keys["access_key_id"].startswith("ASIA"))
        status, _, started = self.start_session(keys)
        self.assertEqual(status, 200, started)
        self.assertTrue(started["SessionId"].startswith("ada@example-"))
        who = self.client("sts", keys).get_caller_identity()
        self.assertEqual((who["Arn"], who["Account"]), (answer["AssumedRoleUser"]["Arn"], ACCOUNT))
        self.assertEqual(who["UserId"], answer["AssumedRoleUser"]["AssumedRoleId"])
        self.assertEqual(self.count("assume_role"), 1)
        # They end at their time on the service's clock, for every service.
        self.lab.faults(clock_offset_s=890)
        self.assertEqual(self.lab.api("DescribeInstanceInformation", {}, keys=keys, offset=890)[0], 200)
        self.lab.faults(clock_offset_s=901)
        answer = self.lab.api("DescribeInstanceInformation", {}, keys=keys, offset=901)
        self.assert_fails(answer, 400, "ExpiredTokenException", "The security token included in the request is expired")
        self.lab.faults(reset=True)
        denied = self.keys_of(self.assume("lab-denied-role")["Credentials"])
        self.assertEqual(self.start_session(denied)[:2], (400, "AccessDeniedException"))

    def test_who_may_assume_which_role(self):
        words = f"User: arn:aws:iam::{ACCOUNT}:user/lab-user is not authorized to perform: sts:AssumeRole on resource: "
        for role in ("lab-chained-role", "lab-web-role", "lab-instance-role", "lab-mfa-role", "no-such-role", "path/lab-role"):
            self.refused(lambda: self.assume(role), "AccessDenied", 403, words + arn(role))
        for external in ("lab-external-ip", "Lab-External-Id"):
            self.refused(lambda: self.assume("lab-external-role", ExternalId=external), "AccessDenied", 403)
        self.refused(lambda: self.assume("lab-external-role"), "AccessDenied", 403)
        self.assume("lab-external-role", ExternalId=self.identity["roles"]["lab-external-role"]["external_id"])
        self.refused(lambda: self.assume(keys=self.lab.ready["denied"]), "AccessDenied", 403, ":user/lab-denied is not")
        other = self.client("sts")
        self.refused(lambda: other.assume_role(RoleArn="arn:aws:iam::444455556666:role/lab-role", RoleSessionName="ada"),
                     "AccessDenied", 403)
        # A chain, and its hour.
        first = self.keys_of(self.assume()["Credentials"])
        self.refused(lambda: self.assume("lab-chained-role", first, DurationSeconds=3601), "ValidationError", 400,
                     "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
        second = self.keys_of(self.assume("lab-chained-role", first, DurationSeconds=3600)["Credentials"])
        self.assertEqual(self.start_session(second)[0], 200)

    def test_parameters(self):
        self.refused(lambda: self.assume("lab-short-role", DurationSeconds=3601), "ValidationError", 400,
                     "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
        self.refused(lambda: self.assume(DurationSeconds=43201), "ValidationError", 400,
                     "1 validation error detected: Value '43201' at 'durationSeconds' failed to satisfy constraint: "
                     "Member must have value less than or equal to 43200")
        sts = self.client("sts", parameter_validation=False)
        self.refused(lambda: sts.assume_role(RoleArn="arn:lab", RoleSessionName="a b", DurationSeconds=899), "ValidationError",
                     400, "3 validation errors detected: ", "'arn:lab' at 'roleArn'", "greater than or equal to 20", "; Value "
                     "'a b' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression "
                     "pattern: [\\w+=,.@-]*", "'899' at 'durationSeconds'")
        self.refused(lambda: sts.assume_role(RoleArn=arn("lab-role")), "ValidationError", 400, "Value null at 'roleSessionName'")
        self.refused(lambda: sts.assume_role(RoleArn=arn("lab-role"), RoleSessionName="x" * 65), "ValidationError", 400)
        self.refused(lambda: sts.assume_role(RoleArn="lab-role" * 3, RoleSessionName="ada"), "ValidationError", 400, "is invalid")

    def test_mfa(self):
        def with_code(code, serial=SERIAL, role="lab-mfa-role", keys=None):
            return self.assume(role, keys, SerialNumber=serial, TokenCode=code)

        def code():
            return self.control()["mfa_code"]

        self.assertEqual(self.identity["mfa_serial"], SERIAL)
        wrong = "%06d" % ((int(code()) + 1) % 1000000)
        self.refused(lambda: with_code(wrong), "AccessDenied", 403,
                     "MultiFactorAuthentication failed with invalid MFA one time pass code.")
        used = code()
        self.assertEqual(self.start_session(self.keys_of(with_code(used)["Credentials"]))[0], 200)
        self.refused(lambda: with_code(used), "AccessDenied", 403, "invalid MFA one time pass code")
        with_code(code(), role="lab-role")
        for call in (lambda: with_code(code(), serial=SERIAL + "2"), lambda: with_code(code(), keys=self.lab.ready["temporary"])):
            self.refused(call, "AccessDenied", 403, "unable to validate MFA code.  Please verify your MFA serial number is valid")
        self.refused(lambda: self.assume(SerialNumber=SERIAL), "AccessDenied", 403,
                     "must provide both MFA serial number and one time pass code.")
        self.assertIn(code(), [totp(self.identity["mfa_seed"], step) for step in range(int(time.time() / 30) - 2,
                                                                                    int(time.time() / 30) + 8)])

    def test_web_identity(self):
        sts = self.client("sts", signature_version=UNSIGNED)

        def assume(token, role="lab-web-role"):
            return sts.assume_role_with_web_identity(RoleArn=arn(role), RoleSessionName="pod", WebIdentityToken=token)

        def token(**claims):
            self.control(web_identity_token=claims)
            with open(self.identity["web_identity_token_file"], encoding="ascii") as file:
                return file.read()

        good = token(expires_in_s=60)
        answer = assume(good)
        self.assertEqual(answer["Audience"], "sts.amazonaws.com")
        self.assertEqual(self.start_session(self.keys_of(answer["Credentials"]))[0], 200)
        self.refused(lambda: assume(good, "lab-role"), "AccessDenied", 403,
                     "Not authorized to perform sts:AssumeRoleWithWebIdentity")
        expired = self.refused(lambda: assume(token(expires_in_s=-1)), "ExpiredTokenException", 400)
        self.assertRegex(expired["Error"]["Message"], "^Token expired: current date/time [0-9]+ must be before the expiration ")
        self.refused(lambda: assume(token(issuer="https://elsewhere")), "InvalidIdentityToken", 400,
                     "No OpenIDConnect provider found in your account for https://elsewhere")
        self.refused(lambda: assume(token(audience="me")), "InvalidIdentityToken", 400, "Incorrect token audience")
        head, claims, signature = good.split(".")
        forged = ".".join((head, claims, signature[:-4] + ("AAAA" if signature[-4:] != "AAAA" else "BBBB")))
        self.refused(lambda: assume(forged), "InvalidIdentityToken", 400, "Couldn't retrieve verification key from your")
        for broken in (token(text="nonsense"), head + "." + claims, "a.b.c", "....", good + ".x", head + ".%%%." + signature):
            self.refused(lambda: assume(broken), "InvalidIdentityToken", 400, "is not a valid JWT")
        # botocore's own provider, from its environment variables.
        token()
        os.environ.update(AWS_ROLE_ARN=arn("lab-web-role"), AWS_WEB_IDENTITY_TOKEN_FILE=self.identity["web_identity_token_file"])
        with self.lab_endpoints():
            found = session.Session().get_credentials()
            self.assertEqual(found.method, "assume-role-with-web-identity")
            keys = found.get_frozen_credentials()
        self.assertEqual(self.start_session({"access_key_id": keys.access_key, "secret_access_key": keys.secret_key,
                                             "session_token": keys.token})[0], 200)

    @contextlib.contextmanager
    def lab_endpoints(self):
        """botocore of that age knows no variables for endpoints: every client that it makes by itself talks to the lab."""
        create = session.Session.create_client
        url = self.lab.ready["api_url"]

        def create_client(self, *arguments, **options):
            return create(self, *arguments, **{**options, "endpoint_url": url})

        with mock.patch.object(session.Session, "create_client", create_client):
            yield

    def test_who_signs(self):
        def identity(keys=None, **settings):
            return self.client("sts", keys, **settings).get_caller_identity()

        who = identity()
        self.assertEqual(who["Arn"], f"arn:aws:iam::{ACCOUNT}:user/lab-user")
        self.assertRegex(who["UserId"], "^AIDA[A-Z2-7]{17}$")
        self.assertTrue(identity(self.lab.ready["temporary"])["UserId"].endswith(":lab-user"))
        self.refused(lambda: identity(dict(self.lab.keys, secret_access_key="x" * 40)), "SignatureDoesNotMatch", 403,
                     "The request signature we calculated does not match the signature you provided.")
        self.refused(lambda: identity(dict(self.lab.keys, access_key_id="AKIAAAAAAAAAAAAAAAAA")), "InvalidClientTokenId", 403,
                     "The security token included in the request is invalid")
        self.refused(lambda: identity(self.lab.ready["expired"]), "ExpiredToken", 403, "the request is expired")
        self.refused(lambda: identity(signature_version=UNSIGNED), "MissingAuthenticationToken", 403,
                     "Request is missing Authentication Token")
        self.refused(lambda: self.client("sts").get_session_token(), "InvalidAction", 400)
        self.lab.faults(clock_offset_s=14 * 60)
        identity()
        self.lab.faults(clock_offset_s=16 * 60)
        skewed = self.refused(identity, "SignatureDoesNotMatch", 403)
        self.assertRegex(skewed["Error"]["Message"], r"^Signature expired: \S+ is now earlier than \S+ \(\S+ - 15 min\.\)$")
        self.lab.faults(clock_offset_s=0, expire_temporary=True)
        self.refused(lambda: identity(self.lab.ready["temporary"]), "ExpiredToken", 403)

    def test_the_cli_itself(self):
        done = subprocess.run([AWS, "--endpoint-url", self.lab.ready["api_url"], "sts", "assume-role", "--role-arn",
                               arn("lab-role"), "--role-session-name", "cli", "--query", "AssumedRoleUser.Arn", "--output", "text"],
                              env=dict(os.environ, AWS_ACCESS_KEY_ID=self.lab.keys["access_key_id"],
                                       AWS_SECRET_ACCESS_KEY=self.lab.keys["secret_access_key"]),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, f"arn:aws:sts::{ACCOUNT}:assumed-role/lab-role/cli\n"))
