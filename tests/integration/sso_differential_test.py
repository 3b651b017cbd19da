"""IAM Identity Center against the AWS CLI's own code, in one little world (sso_probe.c has ours): for the same files the same
calls, the same credentials or both refuse, and the same caches afterwards, names and contents.

Intended differences: a registration's client is called ssm-proxy; a token that is over is not shown to the portal any more
(the CLI does so without an sso-session); half a role in the cache is none (the CLI ends with a KeyError); a token that the
service refuses to renew is looked for once more in its file; settings that are there and empty are refused at once."""

import hashlib
import io
import itertools
import json
import os
import random
import shutil
import subprocess
import tempfile
import time
import unittest
from datetime import datetime, timezone
from unittest import mock
from urllib.parse import parse_qsl, urlsplit

from aws_config_differential_test import BUILD_DIR, IS_CLI, seed

if IS_CLI:
    from awscli.customizations.sso.utils import BaseSSOCommand, do_sso_login, _sso_json_dumps
    from botocore import awsrequest, credentials, loaders, session, tokens, utils

PROBE = os.path.join(BUILD_DIR, "tests", "integration", "sso_probe")
START_URL = "https://corp.awsapps.com/start"
ROLE = "sso_account_id = 111122223333\nsso_role_name = Dev/x y\n"
WHERE = "sso_start_url = %s\nsso_region = eu-west-1\n" % START_URL

CONFIGS = {
    "session": "[profile p]\nsso_session = corp\n" + ROLE + "[sso-session corp]\n" + WHERE,
    "scopes": "[profile p]\nsso_session = corp\n" + ROLE + "[sso-session corp]\n" + WHERE + "sso_registration_scopes = a:b , c,,d\n",
    "no scopes": "[profile p]\nsso_session = corp\n" + ROLE + "[sso-session corp]\n" + WHERE + "sso_registration_scopes = ,\n",
    "odd name": "[profile p]\nsso_session = \"k\u00e9 \\ \U0001f600\n" + ROLE + "[sso-session '\"k\u00e9 \\ \U0001f600']\n" + WHERE,
    "repeated": "[profile p]\nsso_session = corp\nsso_region = eu-west-1\n" + ROLE + "[sso-session corp]\n" + WHERE,
    "defaults": "[DEFAULT]\nsso_region = eu-west-1\n[profile p]\nsso_session = corp\n" + ROLE + "[sso-session corp]\nsso_start_url = u\n",
    "legacy": "[profile p]\n" + ROLE + WHERE,
    "legacy odd": "[profile p]\n" + ROLE + WHERE.replace("/start", "/#/st\u00e4rt?a=b&\"c\""),
}
REFUSED_CONFIGS = {
    "other region": CONFIGS["repeated"].replace("sso_region = eu-west-1", "sso_region = us-east-1", 1),
    "no such session": CONFIGS["session"].replace("[sso-session corp]", "[sso-session Corp]"),
    "session without a name": CONFIGS["session"].replace("sso_session = corp", "sso_session ="),
    "session lacks the URL": CONFIGS["session"].replace("sso_start_url = %s\n" % START_URL, ""),
    "session lacks the region": CONFIGS["session"].replace("sso_region = eu-west-1\n", ""),
    "no account": CONFIGS["session"].replace("sso_account_id = 111122223333\n", ""),
    "no role": CONFIGS["legacy"].replace("sso_role_name = Dev/x y\n", ""),
    "legacy lacks the URL": CONFIGS["legacy"].replace("sso_start_url = %s\n" % START_URL, ""),
    "default contradicts": "[DEFAULT]\noutput = text\n" + CONFIGS["session"].replace("sso_session = corp", "sso_session = corp\noutput = json"),
}

TOKENS = ("none", "good", "near", "near and last", "over", "over and last", "client over", "half", "no token", "UTC")
RENEWALS = {
    "renewed": [200, {"accessToken": "renewed", "expiresIn": 3600, "refreshToken": "refresh 2", "tokenType": "Bearer"}],
    "renewed for the last time": [200, {"accessToken": "renewed", "expiresIn": 3600, "tokenType": "Bearer"}],
    "not renewed": [400, {"error": "invalid_grant", "error_description": "no"}],
}
PORTALS = {
    "given": [200, {"roleCredentials": {"accessKeyId": "ASIA1", "secretAccessKey": "secret", "sessionToken": "token", "expiration": 1}}],
    "unauthorized": [401, {"message": "Session token not found or invalid"}],
    "forbidden": [403, {"message": "No access"}],
}
ROLES = ("none", "good", "near")


def timestamp(seconds, zone="Z"):
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S") + zone


def token_document(kind, now):
    """The text of the file, or None."""
    left = {"good": 3600, "near": 600, "near and last": 600, "client over": 600, "UTC": 3600}.get(kind, -60)
    token = {"startUrl": START_URL, "region": "eu-west-1", "accessToken": "old", "expiresAt": timestamp(now + left, "UTC" if kind == "UTC" else "Z")}
    if "last" not in kind:
        token.update(clientId="id", clientSecret="cs", refreshToken="refresh",
                     registrationExpiresAt=timestamp(now + (-60 if kind == "client over" else 86400)))
    if kind == "no token":
        del token["accessToken"]
    text = json.dumps(token)
    return None if kind == "none" else text[:-20] if kind == "half" else text


# ---- the AWS CLI ----

class Body(io.BytesIO):
    def stream(self, **_):
        yield self.read()


class World:
    """The services as the AWS CLI meets them."""

    def __init__(self, case):
        self.case, self.calls, self.taken = case, [], {}

    def send(self, request, **_):
        url = urlsplit(request.url)
        sent = json.loads(request.body) if request.body else request.headers["x-amz-sso_bearer_token"]
        self.calls.append([request.method, request.url, sent.decode() if isinstance(sent, bytes) else sent])
        at = self.taken[url.path] = self.taken.get(url.path, -1) + 1
        replies = self.case["replies"][url.path]
        status, body = replies[min(at, len(replies) - 1)]
        errors = {"invalid_grant": "InvalidGrantException", "authorization_pending": "AuthorizationPendingException",
                  "slow_down": "SlowDownException", "expired_token": "ExpiredTokenException", "access_denied": "AccessDeniedException"}
        kind = errors.get(body.get("error"), {401: "UnauthorizedException", 403: "ForbiddenException"}.get(status))
        headers = {"Content-Type": "application/json", **({"x-amzn-ErrorType": kind} if kind else {})}
        return awsrequest.AWSResponse(request.url, status, headers, Body(json.dumps(body).encode()))


def cache_of(home, kind):
    return os.path.join(home, ".aws", kind, "cache")


@unittest.skipUnless(IS_CLI, "the AWS CLI (Debian's awscli) is not installed")
class SsoDifferentialTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.loader = loaders.create_loader() if IS_CLI else None
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.probe = subprocess.Popen([PROBE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.probe.wait)
        self.addCleanup(self.probe.stdout.close)
        self.addCleanup(self.probe.stdin.close)

    def open_session(self, case, world):
        opened = session.Session(profile=case["profile"])
        opened.register_component("data_loader", self.loader)
        opened.register("before-send", lambda request, **_: world.send(request))
        return opened

    def theirs(self, case):
        """What the AWS CLI comes to in case["home"]."""
        world, home = World(case), case["home"]
        path = os.path.join(home, "config")
        with open(path, "w", encoding="utf-8") as file:
            file.write(case["config"])
        tokens_dir = cache_of(home, "sso")
        environment = {"HOME": home, "PATH": os.environ["PATH"], "AWS_CONFIG_FILE": path, "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
                       "LC_ALL": "C.UTF-8"}
        with mock.patch.dict(os.environ, environment, clear=True), \
                mock.patch.object(credentials.SSOProvider, "_SSO_TOKEN_CACHE_DIR", tokens_dir), \
                mock.patch.object(tokens.SSOTokenProvider, "_SSO_TOKEN_CACHE_DIR", tokens_dir):
            try:
                opened = self.open_session(case, world)
                found = self.their_login(opened, tokens_dir) if case["login"] else self.their_role(opened, home)
            except Exception as failure:  # whatever it is: no credentials
                return {"calls": world.calls, "refused": "%s: %s" % (type(failure).__name__, failure)}
        return {"calls": world.calls, **found}

    def their_role(self, opened, home):
        provider = opened.get_component("credential_provider").get_provider("sso")
        provider.cache = credentials.JSONFileCache(cache_of(home, "cli"))  # as awscli.customizations.sso does it
        found = provider.load()
        frozen = found.get_frozen_credentials()
        return {"credentials": [frozen.access_key, frozen.secret_key, frozen.token, int(found._expiry_time.timestamp())]}

    def their_login(self, opened, tokens_dir):
        wanted = BaseSSOCommand(opened)._get_sso_config()
        with mock.patch.object(utils.time, "sleep"):
            do_sso_login(opened, wanted["sso_region"], wanted["sso_start_url"], on_pending_authorization=lambda **_: None, force_refresh=True,
                         token_cache=utils.JSONFileCache(tokens_dir, dumps_func=_sso_json_dumps), session_name=wanted.get("session_name"),
                         registration_scopes=wanted.get("registration_scopes"))
        return {}

    # ---- both ----

    def ask(self, case):
        self.probe.stdin.write(json.dumps(case) + "\n")
        self.probe.stdin.flush()
        return json.loads(self.probe.stdout.readline())

    def prepare(self, files):
        home = tempfile.mkdtemp(dir=self.folder.name)
        for kind in ("sso", "cli"):
            os.makedirs(cache_of(home, kind))
        for (kind, name), text in files.items():
            with open(os.path.join(cache_of(home, kind), name), "w", encoding="utf-8") as file:
                file.write(text)
        return home

    def files(self, home):
        """{(cache, name): document}"""
        found = {}
        for kind in ("sso", "cli"):
            for name in os.listdir(cache_of(home, kind)):
                with open(os.path.join(cache_of(home, kind), name), encoding="utf-8") as file:
                    text = file.read()
                try:
                    found[kind, name] = json.loads(text)
                except ValueError:
                    found[kind, name] = text
        return found

    def same_documents(self, ours, theirs):
        """But for the seconds that lie between the two looks at the clock."""
        self.assertEqual(ours.keys(), theirs.keys())
        for place, document in ours.items():
            for member in ("expiresAt", "registrationExpiresAt"):
                if isinstance(document, dict) and member in document and member in theirs[place]:
                    times = [utils.parse_timestamp(side[member]) for side in (document, theirs[place])]
                    self.assertLess(abs((times[0] - times[1]).total_seconds()), 60)
                    document[member] = theirs[place][member]
        self.assertEqual(ours, theirs)

    def both(self, case, files):
        our_home, their_home = self.prepare(files), self.prepare(files)
        ours = self.ask({**case, "home": our_home})
        theirs = self.theirs({**case, "home": their_home})
        results = ours, theirs, self.files(our_home), self.files(their_home)
        for home in (our_home, their_home):
            shutil.rmtree(home)
        return results

    def names(self, config):
        """The names of role file and token file of a profile, as the AWS CLI looks for them."""
        replies = {"/federation/credentials": [[200, self.given(int(time.time()))]]}
        case = {"config": config, "profile": "p", "login": False, "now": int(time.time()), "replies": replies}
        asked = []
        with mock.patch.object(utils.JSONFileCache, "__contains__", lambda cache, key: asked.append(key)):
            self.theirs({**case, "home": self.prepare({})})
        return asked

    @staticmethod
    def given(now):
        role = dict(PORTALS["given"][1]["roleCredentials"], expiration=(now + 3600) * 1000 + 999)
        return {"roleCredentials": role}

    def calls_to_compare(self, calls):
        """The same whatever the order of a query."""
        return [[method, urlsplit(url)._replace(query="").geturl(), sorted(parse_qsl(urlsplit(url).query)), sent] for method, url, sent in calls]

    # ---- tests ----

    def test_profiles_that_make_no_sense_are_refused_by_both(self):
        now = int(time.time())
        files = {("sso", hashlib.sha1(name.encode()).hexdigest() + ".json"): token_document("good", now) for name in ("corp", "Corp", "", START_URL)}
        for name, config in REFUSED_CONFIGS.items():
            case = {"config": config, "profile": "p", "login": False, "now": now,
                    "replies": {"/federation/credentials": [[200, self.given(now)]]}}
            ours, theirs, *_ = self.both(case, files)
            with self.subTest(name, ours=ours, theirs=theirs):
                self.assertIn("refused", theirs)
                self.assertIn("refused", ours)
                self.assertEqual((ours["calls"], theirs["calls"]), ([], []))

    def role_case(self, config, kinds, now):
        portal = PORTALS[kinds["portal"]]
        replies = {"/token": [RENEWALS[kinds["renewal"]]],
                   "/federation/credentials": [[200, self.given(now)] if kinds["portal"] == "given" else portal]}
        role_name, token_name = self.names(config)
        files = {}
        if (token := token_document(kinds["token"], now)) is not None:
            files["sso", token_name + ".json"] = token
        if kinds["role"] != "none":
            expiration = timestamp(now + (3600 if kinds["role"] == "good" else 600), "UTC")
            files["cli", role_name + ".json"] = json.dumps({"ProviderType": "sso", "Credentials": {
                "AccessKeyId": "ASIA0", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": expiration}})
        return {"config": config, "profile": "p", "login": False, "now": now, "replies": replies}, files

    def is_shown_though_over(self, kinds, config):
        """Without an sso-session the AWS CLI looks neither at a token's end nor at how it could be renewed."""
        return "sso_session" not in config and ("over" in kinds["token"] and "client" not in kinds["token"])

    def test_roles(self):
        chance = random.Random(seed())
        every = [dict(zip(("config", "token", "renewal", "portal", "role"), picked))
                 for picked in itertools.product(CONFIGS, TOKENS, RENEWALS, PORTALS, ROLES)]
        outcomes = {"credentials": 0, "refused": 0}
        for kinds in chance.sample(every, 100):
            config, now = CONFIGS[kinds["config"]], int(time.time())
            case, files = self.role_case(config, kinds, now)
            ours, theirs, our_files, their_files = self.both(case, files)
            with self.subTest(**kinds):
                if self.is_shown_though_over(kinds, config):
                    if kinds["role"] != "good":
                        self.assertIn("refused", ours)
                    continue
                self.assertEqual("refused" in ours, "refused" in theirs, (ours, theirs))
                self.assertEqual(ours.get("credentials"), theirs.get("credentials"))
                self.assertEqual(self.calls_to_compare(ours["calls"]), self.calls_to_compare(theirs["calls"]))
                self.same_documents(our_files, their_files)
                outcomes["refused" if "refused" in ours else "credentials"] += 1
        self.assertGreater(min(outcomes.values()), 10, outcomes)

    def test_logins(self):
        pending = [400, {"error": "authorization_pending"}]
        token = [200, {"accessToken": "new", "expiresIn": 3600, "refreshToken": "refresh", "tokenType": "Bearer"}]
        polls = {"at once": [token], "later": [pending, pending, token], "slowly": [pending, [400, {"error": "slow_down"}], token],
                 "never": [pending, [400, {"error": "expired_token"}]], "denied": [pending, [400, {"error": "access_denied"}]]}
        for (name, config), (how, replies) in itertools.product(CONFIGS.items(), polls.items()):
            now = int(time.time())
            register = [200, {"clientId": "id", "clientSecret": "cs", "clientIdIssuedAt": now, "clientSecretExpiresAt": now + 86400}]
            device = [200, {"deviceCode": "dc", "userCode": "A-B", "verificationUri": "https://d/", "verificationUriComplete": "https://d/?A-B",
                            "expiresIn": 600, "interval": 1}]
            case = {"config": config, "profile": "p", "login": True, "now": now,
                    "replies": {"/client/register": [register], "/device_authorization": [device], "/token": replies}}
            with self.subTest(name, how=how):
                ours, theirs, our_files, their_files = self.both(case, {})
                self.assertEqual("refused" in ours, "refused" in theirs, (ours, theirs))
                self.assertEqual("refused" in ours, how in ("never", "denied"))
                for side, client in ((ours, "ssm-proxy"), (theirs, "botocore-client")):
                    self.assertTrue(side["calls"][0][2].pop("clientName").startswith(client))
                self.assertEqual(ours["calls"], theirs["calls"])
                self.same_documents(our_files, their_files)
                again = self.ask({**case, "home": self.prepare({place: json.dumps(text) for place, text in their_files.items()})})
                self.assertEqual(again["calls"][0][1], "https://oidc.eu-west-1.amazonaws.com/device_authorization", "its client is ours")


if __name__ == "__main__":
    unittest.main()
