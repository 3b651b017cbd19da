"""ssm-lab's identity services, judged by what we did not write: the AWS CLI and its copy of botocore, with their own
readers of files, fetchers of credentials, signers and parsers."""

import atexit
import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import shutil
import struct
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from unittest import mock

from emulator_support import NODE, Client, EmulatorCase, unused_port

# botocore works out where its caches lie when it is imported.
HOME = tempfile.mkdtemp()
atexit.register(shutil.rmtree, HOME)
os.environ["HOME"] = HOME

try:
    import awscli  # puts its own copy of botocore in the place of the library
    assert awscli
    from botocore import UNSIGNED, config, exceptions, parsers, session, utils
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
        shutil.rmtree(os.path.join(HOME, ".aws"), ignore_errors=True)
        self.identity = self.lab.ready["identity"]
        self.session = session.Session()  # reads its data once for all clients
        self.environment = {"HOME": HOME, "PATH": os.environ["PATH"], "AWS_CA_BUNDLE": self.lab.ready["ca_file"],
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
        return self.session.create_client(
            service, region_name=self.lab.region, endpoint_url=self.lab.ready["api_url"], verify=self.lab.ready["ca_file"],
            aws_access_key_id=keys["access_key_id"], aws_secret_access_key=keys["secret_access_key"],
            aws_session_token=keys.get("session_token"), config=config.Config(**settings))

    def refused(self, call, code, status, *words):
        with self.assertRaises(exceptions.ClientError) as caught:
            call()
        answer = caught.exception.response
        self.assertEqual((answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]), (code, status), answer)
        for word in words:
            self.assertIn(word, answer["Error"].get("Message") or answer.get("error_description", ""))
        return answer

    @contextlib.contextmanager
    def lab_endpoints(self):
        """botocore of that age knows no variables for endpoints: every client that it makes by itself talks to the lab."""
        create = session.Session.create_client
        url = self.lab.ready["api_url"]

        def create_client(self, *arguments, **options):
            return create(self, *arguments, **{**options, "endpoint_url": url})

        with mock.patch.object(session.Session, "create_client", create_client):
            yield

    def write(self, name, text):
        """A file below ~/.aws, readable to nobody else."""
        path = os.path.join(HOME, ".aws", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def resolve(self, profile=None):
        """What botocore's whole chain finds: (method, keys)."""
        with self.lab_endpoints():
            found = session.Session(profile=profile).get_credentials()
            frozen = found.get_frozen_credentials()
        return found.method, {"access_key_id": frozen.access_key, "secret_access_key": frozen.secret_key,
                              "session_token": frozen.token}

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

    def test_a_session_name_of_every_allowed_kind_of_character(self):
        answer = self.assume(RoleSessionName="a+b=c,d.e@f_g-h" + "x" * 49)
        started = self.lab.must("StartSession", {"Target": NODE, "DocumentName": "AWS-StartSSHSession", "Parameters": {
            "portNumber": [str(self.target().port)]}}, keys=self.keys_of(answer["Credentials"]))
        client = Client(self.lab, started).handshake()
        client.send(b"echo")
        client.until("the echo", lambda: client.output == b"echo")

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
        self.refused(lambda: sts.assume_role(RoleArn="arn:lab", RoleSessionName="a <&b>", DurationSeconds=899), "ValidationError",
                     400, "3 validation errors detected: ", "'arn:lab' at 'roleArn'", "greater than or equal to 20", "; Value "
                     "'a <&b>' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression "
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
        method, keys = self.resolve()
        self.assertEqual(method, "assume-role-with-web-identity")
        self.assertEqual(self.start_session(keys)[0], 200)

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


class EmulatorSsoTest(IdentityCase):
    GRANT = "urn:ietf:params:oauth:grant-type:device_code"

    def setUp(self):
        super().setUp()
        self.sso = self.identity["sso"]
        self.oidc = self.client("sso-oidc", signature_version=UNSIGNED)
        self.portal = self.client("sso", signature_version=UNSIGNED)

    def sso_control(self, **members):
        return self.control("/lab/sso", **members)

    def sso_count(self, name):
        return self.sso_control()["counters"][name]

    def register(self):
        answer = self.oidc.register_client(clientName="test", clientType="public", scopes=["sso:account:access"])
        return {"clientId": answer["clientId"], "clientSecret": answer["clientSecret"]}

    def authorize(self, client):
        return self.oidc.start_device_authorization(startUrl=self.sso["start_url"], **client)

    def credentials(self, token, account=ACCOUNT, role="LabAccess"):
        return self.portal.get_role_credentials(accessToken=token, accountId=account, roleName=role)["roleCredentials"]

    def test_the_device_flow_as_the_cli_walks_it(self):
        shown = []

        def pending(**authorization):
            shown.append(authorization)
            self.assertEqual(self.sso_control()["pending_user_codes"], [authorization["userCode"]])
            self.sso_control(approve=authorization["userCode"])

        fetcher = utils.SSOTokenFetcher(self.lab.region, lambda *_, **__: self.oidc, cache={},
                                        on_pending_authorization=pending, sleep=lambda _: None)
        token = fetcher.fetch_token(self.sso["start_url"], session_name="lab", registration_scopes=["sso:account:access"])
        self.assertRegex(shown[0]["userCode"], "^[B-Z]{4}-[B-Z]{4}$")
        self.assertTrue(shown[0]["verificationUriComplete"].endswith("/?user_code=" + shown[0]["userCode"]))
        found = self.credentials(token["accessToken"])
        self.assertAlmostEqual(found["expiration"] / 1000, time.time() + 3600, delta=60)
        keys = {"access_key_id": found["accessKeyId"], "secret_access_key": found["secretAccessKey"],
                "session_token": found["sessionToken"]}
        self.assertEqual(self.start_session(keys)[0], 200)
        self.assertEqual(self.client("sts", keys).get_caller_identity()["Arn"],
                         f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_LabAccess_0123456789abcdef/lab-user")
        counters = self.sso_control()["counters"]
        self.assertEqual((counters["register_client"], counters["start_device_authorization"],
                          counters["create_token_by_device"], counters["get_role_credentials"]), (1, 1, 2, 1))

    def test_device_codes_that_give_no_token(self):
        client = self.register()

        def poll(device, **other):
            return self.oidc.create_token(**{**client, "grantType": self.GRANT, "deviceCode": device["deviceCode"], **other})

        def refused(device, kind, error, status=400, **other):
            answer = self.refused(lambda: poll(device, **other), kind, status)
            self.assertEqual(answer["error"], error)

        device = self.authorize(client)
        self.assertEqual((device["expiresIn"], device["interval"]), (600, 1))
        refused(device, "AuthorizationPendingException", "authorization_pending")
        self.sso_control(slow_down_next=1)
        refused(device, "SlowDownException", "slow_down")
        refused(device, "AuthorizationPendingException", "authorization_pending")
        refused(device, "InvalidGrantException", "invalid_grant", deviceCode="x" * 20)
        refused(device, "InvalidClientException", "invalid_client", 401, clientSecret="x")
        refused(device, "UnsupportedGrantTypeException", "unsupported_grant_type", grantType="password")
        refused(device, "InvalidGrantException", "invalid_grant", **self.register())
        self.sso_control(deny=device["userCode"])
        refused(device, "AccessDeniedException", "access_denied")
        device = self.authorize(client)
        self.sso_control(expire_device_codes=True)
        refused(device, "ExpiredTokenException", "expired_token")
        device = self.authorize(client)
        self.sso_control(approve="all")
        self.assertEqual(poll(device)["tokenType"], "Bearer")
        refused(device, "InvalidGrantException", "invalid_grant")
        self.sso_control(auto_approve=True)
        self.assertEqual(poll(self.authorize(client))["expiresIn"], 8 * 3600)
        self.refused(lambda: self.oidc.start_device_authorization(startUrl="https://elsewhere/", **client),
                     "InvalidRequestException", 400)
        for kind, members in (("InvalidClientMetadataException", {"clientType": "confidential"}),
                              ("InvalidScopeException", {"clientType": "public", "scopes": ["sso:everything"]})):
            self.refused(lambda: self.oidc.register_client(clientName="x", **members), kind, 400)
        client_without_scope = self.oidc.register_client(clientName="x", clientType="public")
        client_without_scope = {name: client_without_scope[name] for name in ("clientId", "clientSecret")}
        self.assertNotIn("refreshToken", poll(self.authorize(client_without_scope), **client_without_scope))
        self.sso_control(expire_clients=True)
        self.refused(lambda: self.authorize(client), "InvalidClientException", 401)

    def test_refreshing(self):
        issued = self.sso_control(issue_token={"expires_in_s": 60})["token"]
        self.assertEqual((issued["startUrl"], issued["region"]), (self.sso["start_url"], self.lab.region))

        def refresh(token):
            return self.oidc.create_token(clientId=issued["clientId"], clientSecret=issued["clientSecret"],
                                          grantType="refresh_token", refreshToken=token)

        second = refresh(issued["refreshToken"])
        self.credentials(second["accessToken"])
        self.credentials(issued["accessToken"])
        self.refused(lambda: refresh(issued["refreshToken"]), "InvalidGrantException", 400, "Invalid refresh token provided")
        self.sso_control(reuse_refresh_tokens=True)
        refresh(second["refreshToken"])
        refresh(second["refreshToken"])
        self.sso_control(revoke_refresh_tokens=True)
        self.refused(lambda: refresh(second["refreshToken"]), "InvalidGrantException", 400)
        self.assertEqual(self.sso_count("create_token_by_refresh"), 5)
        plain = self.sso_control(issue_token={"without_refresh": True})["token"]
        self.assertNotIn("refreshToken", plain)

    def test_the_portal(self):
        token = self.sso_control(issue_token={})["token"]["accessToken"]
        self.assertGreater(len(token), 1000)
        for account, role in ((ACCOUNT, "LabAdmin"), ("444455556666", "LabAccess")):
            self.refused(lambda: self.credentials(token, account, role), "ForbiddenException", 403, "No access")
        self.refused(lambda: self.credentials(token + "x"), "UnauthorizedException", 401, "Session token not found or invalid")
        status, headers, body = self.lab.http(self.lab.api_address, "GET", "/federation/credentials?role_name=a&account_id=b")
        self.assertEqual((status, json.loads(body)), (401, {"message": "Session token not found or invalid"}))
        self.assertTrue(headers["x-amzn-errortype"].startswith("UnauthorizedException:"))
        account = self.portal.list_accounts(accessToken=token)["accountList"][0]
        self.assertEqual(account["accountId"], ACCOUNT)
        roles = self.portal.list_account_roles(accessToken=token, accountId=ACCOUNT)["roleList"]
        self.assertEqual([role["roleName"] for role in roles], [self.sso["role_name"], self.sso["denied_role_name"]])
        found = self.credentials(token, role=self.sso["denied_role_name"])
        self.assertEqual(self.start_session({"access_key_id": found["accessKeyId"], "session_token": found["sessionToken"],
                                             "secret_access_key": found["secretAccessKey"]})[1], "AccessDeniedException")
        # Role credentials, and tokens, end on the service's clock.
        self.lab.faults(clock_offset_s=8 * 3600 + 1)
        self.refused(lambda: self.credentials(token), "UnauthorizedException", 401)
        self.lab.faults(reset=True)
        self.credentials(token)
        self.portal.logout(accessToken=token)
        self.refused(lambda: self.credentials(token), "UnauthorizedException", 401)

    def test_answers_that_are_cut_or_late(self):
        token = self.sso_control(issue_token={})["token"]["accessToken"]
        calls = (("sts:GetCallerIdentity", self.client("sts").get_caller_identity),
                 ("sso:GetRoleCredentials", lambda: self.credentials(token)), ("sso-oauth:RegisterClient", self.register))
        self.lab.faults(calls=[{"action": action, "answer": "cut", "count": 1} for action, _ in calls])
        for _, call in calls:
            with self.assertRaises((parsers.ResponseParserError, KeyError)):  # KeyError: JSON that cannot be read is empty
                call()
            call()
        self.lab.faults(api_delay_ms=300)
        for _, call in calls:
            began = time.monotonic()
            call()
            self.assertGreater(time.monotonic() - began, 0.3)

    def test_a_profile_with_the_clis_token_cache(self):
        session_lines = (f"sso_region = {self.lab.region}\nsso_start_url = {self.sso['start_url']}\n"
                         f"sso_registration_scopes = {self.sso['registration_scopes']}\n")
        role_lines = f"sso_account_id = {ACCOUNT}\nsso_role_name = LabAccess\n"
        self.write("config", f"[sso-session lab]\n{session_lines}[profile new]\nsso_session = lab\n{role_lines}"
                             f"[profile old]\n{session_lines}{role_lines}")

        def cache(key, **wanted):
            token = self.sso_control(issue_token=wanted)["token"]
            return self.write("sso/cache/%s.json" % hashlib.sha1(key.encode()).hexdigest(), json.dumps(token))

        cache(self.sso["start_url"])
        self.assertEqual(self.start_session(self.resolve("old")[1])[0], 200)
        path = cache("lab", expires_in_s=300)
        method, keys = self.resolve("new")
        self.assertEqual((method, self.start_session(keys)[0]), ("sso", 200))
        self.assertEqual(self.sso_count("create_token_by_refresh"), 1)
        with open(path, encoding="utf-8") as file:
            refreshed = json.load(file)
        self.credentials(refreshed["accessToken"])
        self.resolve("new")
        self.assertEqual(self.sso_count("create_token_by_refresh"), 1)
        self.sso_control(expire_access_tokens=True)
        with self.assertRaises(exceptions.UnauthorizedSSOTokenError):
            self.resolve("new")


class MetadataCase(IdentityCase):
    def metadata(self, **members):
        return self.control("/lab/metadata", **members)["counters"]

    @staticmethod
    def ask(url, method="GET", **headers):
        """(status, headers, text)"""
        request = urllib.request.Request(url, method=method, headers={k.replace("_", "-"): v for k, v in headers.items()})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=30) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read().decode()


class EmulatorImdsTest(MetadataCase):
    ROLE_PATH = "/latest/meta-data/iam/security-credentials/"

    def setUp(self):
        super().setUp()
        self.urls = [self.identity["imds_url"]]
        if "imds_ipv6_url" in self.identity:
            self.urls.append(self.identity["imds_ipv6_url"])

    def fetch(self, url=None, **options):
        fetcher = utils.InstanceMetadataFetcher(timeout=5, base_url=(url or self.urls[0]) + "/", **options)
        return fetcher.retrieve_iam_role_credentials()

    def test_botocore_gets_the_instances_credentials(self):
        for url in self.urls:
            found = self.fetch(url)
            self.assertEqual(found["role_name"], "lab-instance-role")
            keys = {"access_key_id": found["access_key"], "secret_access_key": found["secret_key"],
                    "session_token": found["token"]}
            self.assertEqual(self.start_session(keys)[0], 200)
        self.assertEqual(self.metadata()["imds_token_requests"], len(self.urls))
        # At ::1, where agents look first for a server at 127.0.0.1, it is to take no further port.
        self.assertEqual(len({url.rpartition(":")[2] for url in self.urls}), 1)
        os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = self.urls[0] + "/"
        method, keys = self.resolve()
        self.assertEqual((method, keys["access_key_id"]), ("iam-role", found["access_key"]))
        # A role whose base is the instance, as profiles name it.
        self.write("config", f"[profile chained]\nrole_arn = {arn('lab-chained-role')}\n"
                             "credential_source = Ec2InstanceMetadata\n")
        method, keys = self.resolve("chained")
        self.assertEqual((method, self.start_session(keys)[0]), ("assume-role", 200))
        # Only version 1, and only version 2.
        self.metadata(imds_v2=False)
        self.assertTrue(self.fetch())
        self.metadata(imds_v1=False)
        self.assertEqual(self.fetch(), {})
        self.metadata(imds_v2=True)
        self.assertTrue(self.fetch())

    def test_session_tokens(self):
        url = self.urls[0]
        for seconds, status in (("0", 400), ("21601", 400), ("x", 400), ("21600", 200), ("1", 200)):
            answer = self.ask(url + "/latest/api/token", "PUT", X_aws_ec2_metadata_token_ttl_seconds=seconds)
            self.assertEqual(answer[0], status, seconds)
        self.assertEqual(self.ask(url + "/latest/api/token", "PUT")[0], 400)
        self.assertEqual(self.ask(url + "/latest/api/token", "PUT", X_aws_ec2_metadata_token_ttl_seconds="60",
                                  X_Forwarded_For="192.0.2.1")[0], 403)
        _, headers, token = self.ask(url + "/latest/api/token", "PUT", X_aws_ec2_metadata_token_ttl_seconds="60")
        self.assertEqual((len(token), headers["X-aws-ec2-metadata-token-ttl-seconds"]), (56, "60"))
        region = url + "/latest/meta-data/placement/region"
        self.assertEqual(self.ask(region, X_aws_ec2_metadata_token=token)[2], self.lab.region)
        self.assertEqual(self.ask(region)[2], self.lab.region)
        self.assertEqual(self.ask(region, X_aws_ec2_metadata_token=token[:-1])[0], 401)
        self.metadata(imds_v1=False)
        status, _, page = self.ask(region)
        self.assertEqual(status, 401)
        self.assertIn("<title>401 - Unauthorized</title>", page)
        self.lab.faults(clock_offset_s=61)
        self.assertEqual(self.ask(region, X_aws_ec2_metadata_token=token)[0], 401)
        self.lab.faults(reset=True)
        self.assertEqual(self.ask(region, X_aws_ec2_metadata_token=token)[0], 200)
        self.metadata(imds_expire_tokens=True)
        self.assertEqual(self.ask(region, X_aws_ec2_metadata_token=token)[0], 401)

    def test_instance_metadata_that_fails(self):
        credentials = self.urls[0] + self.ROLE_PATH + "lab-instance-role"
        document = json.loads(self.ask(self.urls[0] + "/latest/dynamic/instance-identity/document")[2])
        self.assertEqual((document["region"], document["accountId"]), (self.lab.region, ACCOUNT))
        self.assertEqual(self.ask(self.urls[0] + self.ROLE_PATH + "other")[0], 404)
        first = json.loads(self.ask(credentials)[2])
        self.assertEqual(json.loads(self.ask(credentials)[2])["AccessKeyId"], first["AccessKeyId"])
        self.metadata(imds_credential_seconds=-60)
        stale = json.loads(self.ask(credentials)[2])
        self.assertLess(stale["Expiration"], stale["LastUpdated"])
        self.metadata(imds_has_role=False)
        self.assertEqual((self.ask(self.urls[0] + self.ROLE_PATH)[0], self.fetch()), (404, {}))
        self.metadata(imds_has_role=True, imds_code="AssumeRoleUnauthorizedAccess")
        self.assertEqual((json.loads(self.ask(credentials)[2])["Code"], self.fetch()), ("AssumeRoleUnauthorizedAccess", {}))
        self.metadata(imds_code=None, imds_document='{"Code": "Success"')
        self.assertEqual((self.ask(credentials)[2], self.fetch()), ('{"Code": "Success"', {}))
        self.metadata(imds_document=None, imds_enabled=False)
        self.assertEqual((self.ask(credentials)[0], self.fetch()), (403, {}))
        self.metadata(imds_enabled=True, imds_fail_next=1, imds_fail_status=503)
        self.assertEqual([self.ask(credentials)[0] for _ in range(2)], [503, 200])
        self.metadata(imds_token_delay_ms=60000)
        put = urllib.request.Request(self.urls[0] + "/latest/api/token", method="PUT",
                                     headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"})
        with self.assertRaises(TimeoutError):
            urllib.request.urlopen(put, timeout=0.3)
        self.assertEqual(self.ask(credentials)[0], 200)
        self.metadata(imds_delay_ms=60000)
        with self.assertRaises(TimeoutError):
            urllib.request.urlopen(credentials, timeout=0.3)
        self.metadata(imds_delay_ms=1, imds_listening=False)
        with self.assertRaises(urllib.error.URLError) as caught:
            urllib.request.urlopen(credentials, timeout=30)
        self.assertIsInstance(caught.exception.reason, ConnectionRefusedError)
        self.metadata(imds_listening=True)
        self.assertEqual(self.ask(credentials)[0], 200)
        status, _, data = self.lab.http(self.lab.api_address, "POST", "/lab/metadata", b'{"imds_shape":1}')
        self.assertEqual((status, json.loads(data)), (400, {"error": "unknown member 'imds_shape'"}))


class EmulatorOnePortTest(MetadataCase):
    """As on a real machine, where both have port 80."""

    PORT = str(unused_port())
    options = ("--imds-port", PORT, "--container-port", PORT, "--container-listen", "127.0.0.2")

    def test_both_services_at_one_port(self):
        url = self.identity["imds_url"] + "/latest/meta-data/instance-id"
        self.assertEqual((self.ask(url)[0], self.ask(url.replace("127.0.0.1", "127.0.0.2"))[0]), (200, 404))
        self.assertTrue(self.identity["container_url"].startswith(f"http://127.0.0.2:{self.PORT}/"))
        self.assertEqual(self.ask(self.identity["container_url"])[0], 200)


class EmulatorContainerTest(MetadataCase):
    def test_a_task_and_a_pod(self):
        os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = self.identity["container_url"]
        method, keys = self.resolve()
        self.assertEqual((method, self.start_session(keys)[0]), ("container-role", 200))
        self.assertEqual(self.client("sts", keys).get_caller_identity()["Arn"].split("/")[1], "lab-task-role")
        os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = self.identity["pod_url"]
        os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = self.identity["container_token"]
        self.assertEqual(self.resolve()[1], keys)
        self.assertEqual(self.metadata(), {"imds_token_requests": 0, "imds_requests": 0, "imds_role_credentials": 0,
                                           "container_requests": 2, "container_credentials": 2})
        # The relative URI is the same path, at another address.
        fetcher = utils.ContainerMetadataFetcher(sleep=lambda _: None)
        with mock.patch.object(fetcher, "full_url", lambda path: self.identity["container_url"].split("/v2/")[0] + path):
            self.assertEqual(fetcher.retrieve_uri(self.identity["container_relative_uri"])["AccessKeyId"],
                             keys["access_key_id"])

    def test_container_credentials_that_fail(self):
        url, pod = self.identity["container_url"], self.identity["pod_url"]
        status, headers, text = self.ask(url + "0")
        self.assertEqual((status, headers["content-type"], json.loads(text)), (400, "application/json", {
            "code": "InvalidIdInRequest", "message": "CredentialsV2Request: Credentials not found", "HTTPErrorCode": 400}))
        self.assertEqual(json.loads(self.ask(url.rsplit("/", 1)[0] + "/")[2])["code"], "NoIdInRequest")
        self.assertEqual(self.ask(url.rsplit("/", 3)[0] + "/elsewhere")[0], 404)
        self.assertEqual(self.ask(pod)[::2], (400, "Service account token cannot be empty\n"))
        self.assertIn("InvalidTokenException", self.ask(pod, Authorization="Bearer x")[2])
        self.metadata(container_token="another")
        with open(self.identity["container_token_file"], encoding="ascii") as file:
            self.assertEqual(self.ask(pod, Authorization=file.read())[0], 200)
        self.assertEqual(self.ask(pod, Authorization=self.identity["container_token"])[0], 400)
        self.metadata(container_needs_token=True)
        self.assertEqual([self.ask(url)[0], self.ask(url, Authorization="another")[0]], [400, 200])
        self.metadata(reset=True, container_fail_next=1)
        self.assertEqual([self.ask(url)[0] for _ in range(2)], [500, 200])
        self.metadata(container_document="<html>")
        self.assertEqual(self.ask(url)[2], "<html>")
        self.metadata(container_delay_ms=60000)
        with self.assertRaises(TimeoutError):
            urllib.request.urlopen(url, timeout=0.3)
        self.metadata(container_listening=False)
        with self.assertRaises(urllib.error.URLError):
            urllib.request.urlopen(url, timeout=30)


class EmulatorHostileIdentityTest(MetadataCase):
    FORM = {"content-type": "application/x-www-form-urlencoded"}

    def raw(self, path, body, **headers):
        return self.lab.http(self.lab.api_address, "POST", path, body, {**self.FORM, **headers})[0]

    def test_requests_that_nobody_should_send(self):
        version = b"Version=2011-06-15&"
        for body, status in ((version, 400), (version + b"Action=", 400), (version + b"Action=AssumeRole", 403),
                             (version + b"Action=AssumeRoleWithWebIdentity", 400),
                             (version + b"Action=AssumeRoleWithWebIdentity&RoleArn=" + b"%3C" * 3000, 400),
                             (version + b"Action=AssumeRoleWithWebIdentity&RoleSessionName=%0a%ff%0a&WebIdentityToken=....", 400),
                             (version + b"Action=AssumeRoleWithWebIdentity&RoleSessionName=ada&RoleArn=" + arn("lab-web-role").encode() +
                              b"&WebIdentityToken=" + b"A" * 9000 + b".." + b"A" * 9000, 400)):
            self.assertEqual(self.raw("/", body), status, body[:80])
        for body in (b"%", b"%4", b"%zz=1", b"a=%00", b"\0", b"&" * 600, version + b"%", b"=", b"Version=1"):
            self.assertEqual(self.raw("/", body), 400, body)  # not STS's; Systems Manager does not know it either
        for path in ("/token", "/device_authorization", "/client/register"):
            for body in (b"", b"[]", b"{", b'{"clientId":7}', b'{"clientId":"","clientSecret":""}', b'{"clientName":"x","scopes":7}',
                         b'{"clientName":"x","clientType":"public","scopes":[7]}', b'{"a":1,"a":2}'):
                self.assertIn(self.raw(path, body), (400, 401), (path, body))
        for path in ("/lab/sso", "/lab/identity", "/lab/metadata"):
            for body in (b'{"no_such_member":true}', b'{"reset":"yes"}', b'{"web_identity_token":1}', b'{"imds_code":1}'):
                self.assertEqual(self.raw(path, body), 400, (path, body))
        for url in (self.identity["imds_url"], self.identity["container_url"].split("/v2/")[0]):
            for method, path in (("GET", "/"), ("PUT", "/"), ("POST", "/latest/api/token"), ("DELETE", "/v1/credentials"),
                                 ("GET", "/v2/credentials"), ("GET", "/" + "x" * 4000), ("GET", "/%ff%00x")):
                with contextlib.suppress(http.client.RemoteDisconnected):
                    self.assertGreaterEqual(self.ask(url + path, method)[0], 400, (method, path))
        self.assertEqual(self.ask(self.identity["imds_url"] + "/latest/meta-data/instance-id")[2], NODE)


class EmulatorIdentityCliTest(IdentityCase):
    """The AWS CLI as it is, with a user's files. It knows no endpoints but AWS's: the lab's proxy leads to them."""

    options = ("--seed", "1", "--aws-names")

    def aws(self, *arguments):
        return subprocess.run([AWS, *arguments], env=dict(self.environment, HTTPS_PROXY=self.lab.ready["proxy"]["url"],
                                                          AWS_EC2_METADATA_DISABLED="true"),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)

    def who(self, profile):
        done = self.aws("sts", "get-caller-identity", "--query", "Arn", "--output", "text", "--profile", profile)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout.strip()

    def test_the_cli_logs_in_and_assumes_roles(self):
        sso = self.identity["sso"]
        self.write("config", f"[sso-session lab]\nsso_region = {sso['region']}\nsso_start_url = {sso['start_url']}\n"
                             f"sso_registration_scopes = {sso['registration_scopes']}\n"
                             f"[profile sso]\nsso_session = lab\nsso_account_id = {ACCOUNT}\nsso_role_name = LabAccess\n"
                             f"[profile chained]\nrole_arn = {arn('lab-chained-role')}\nsource_profile = base\n"
                             f"role_session_name = ada\n")
        base = self.lab.ready["temporary"]
        self.write("credentials", f"[base]\naws_access_key_id = {base['access_key_id']}\naws_secret_access_key = "
                                  f"{base['secret_access_key']}\naws_session_token = {base['session_token']}\n")
        self.control("/lab/sso", auto_approve=True)
        done = self.aws("sso", "login", "--no-browser", "--profile", "sso")
        self.assertIn("Successfully logged into Start URL: " + sso["start_url"], done.stdout)
        self.assertEqual(self.who("sso").split("/")[1], "AWSReservedSSO_LabAccess_0123456789abcdef")
        self.assertEqual(self.who("chained"), f"arn:aws:sts::{ACCOUNT}:assumed-role/lab-chained-role/ada")
        self.assertEqual(self.count("assume_role"), 1)
        counters = self.control("/lab/sso")["counters"]
        self.assertEqual((counters["register_client"], counters["get_role_credentials"]), (1, 1))
        names = set(self.lab.status()["proxy"]["connects"])
        self.assertEqual(names, {f"{service}.{self.lab.region}.amazonaws.com" for service in ("oidc", "portal.sso", "sts")})
