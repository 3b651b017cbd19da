"""proxy/core/credential_chain against the AWS CLI's own copy of botocore: for the same files, environment and caches the same
calls of STS (where, signed with whose key, with which parameters), the same questions for MFA codes, the same names of cache
files, the same credentials, or both refuse. What one has stored, the other then uses.

Both live in the same little world (aws_config_probe.c has ours): STS gives out what is asked for, MFA codes are 123456, a token
file is there. A source that is no role and not written down (a process, IAM Identity Center, a metadata service) is told, not asked.

Intended differences (docs/decisions/0009): the session name that is made up; a web identity that is only the source of a role
is cached, too; without a region, STS is called in us-east-1 by that region's name; settings that are empty are refused at once, not by STS; a role that is cached is used without a look at its source."""

import io
import json
import os
import random
import re
import subprocess
import tempfile
import time
import unittest
from unittest import mock
from urllib.parse import parse_qsl

try:
    import awscli  # puts its own copy of botocore, which the AWS CLI 2 runs with, in the place of the library
    IS_CLI = os.path.isdir(os.path.join(os.path.dirname(awscli.__file__), "botocore"))
    from botocore import awsrequest, credentials, session
except ImportError:
    IS_CLI = False

BUILD_DIR = os.environ.get("SSM_BUILD_DIR", "build/dev")
PROBE = os.path.join(BUILD_DIR, "tests", "integration", "aws_config_probe")
STATIC = ("env", "shared-credentials-file", "config-file")
GENERATED = re.compile(r"(botocore-session|ssm-proxy)-\d+")
TOKEN = "ey.token"


def seed():
    chosen = int(os.environ.get("SSM_SEED") or int.from_bytes(os.urandom(4), "big"))
    print("seed: SSM_SEED=%d" % chosen)
    return chosen


# ---- ours ----

class Probe:
    """One process that is asked many times."""

    def __init__(self):
        self.process = subprocess.Popen([PROBE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait()

    def ask(self, case):
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def parameters(body):
    found = dict(parse_qsl(body, keep_blank_values=True))
    found["RoleSessionName"] = GENERATED.sub("generated", found["RoleSessionName"])
    return found


def ours_in_short(answer):
    if "refused" in answer:
        return None
    short = {"calls": [{"url": call["url"], "signer": call["signer"], "parameters": parameters(call["body"])} for call in answer["calls"]],
             "prompts": len(answer["prompts"])}
    if "why" in answer:
        short["refused"] = answer["why"]
    elif "told" in answer:
        short["told"] = answer["told"]
    else:
        short.update({name: answer.get(name) for name in ("access_key_id", "secret", "token")})
    return short


# ---- theirs ----

class Told(Exception):
    """A source that would be asked next."""


class Unasked:
    """Credentials of such a source: there, and not looked at before somebody needs them."""

    def __init__(self, method):
        self.method = method

    def get_frozen_credentials(self):
        raise Told(self.method)


def unasked_when(is_configured):
    def load(provider):
        return Unasked(provider.METHOD) if is_configured(provider) else None
    return load


def unasked_sso(_):
    raise Told("sso")


class Body(io.BytesIO):
    def stream(self, **_):
        yield self.read()


class World:
    """STS and the person, as the AWS CLI meets them."""

    def __init__(self, case):
        self.case, self.calls, self.prompts = case, [], 0

    def send(self, request):
        body = request.body.decode() if isinstance(request.body, bytes) else request.body
        signer = re.search(r"Credential=([^/]+)/", str(request.headers.get("Authorization", "")))
        name, number = dict(parse_qsl(body))["Action"], len(self.calls) + 1
        url = request.url.replace("//sts.amazonaws.com/", "//sts.us-east-1.amazonaws.com/")  # without a region
        self.calls.append({"url": url, "signer": signer.group(1) if signer else "", "parameters": parameters(body)})
        reply = ("<{0}Response><{0}Result><Credentials><AccessKeyId>ASIA{1}</AccessKeyId><SecretAccessKey>secret{1}</SecretAccessKey>"
                 "<SessionToken>token{1}</SessionToken><Expiration>{2}</Expiration></Credentials></{0}Result></{0}Response>")
        raw = Body(reply.format(name, number, self.case["expiration"]).encode())
        return awsrequest.AWSResponse(request.url, 200, {"Content-Type": "text/xml"}, raw)

    def prompt(self, _):
        self.prompts += 1
        return "123456"


def cache_folder(case):
    return os.path.join(case["environment"]["HOME"], ".aws", "cli", "cache")


def open_session(case, loader, world):
    asked = session.Session(profile=case["flags"].get("profile"))
    asked.register_component("data_loader", loader)
    cache = credentials.JSONFileCache(cache_folder(case))
    chain = asked.get_component("credential_provider")
    for name in ("assume-role", "assume-role-with-web-identity", "sso"):  # as awscli.customizations does it
        chain.get_provider(name).cache = cache
    roles = chain.get_provider("assume-role")
    roles._prompter = world.prompt
    roles._profile_provider_builder._cache = cache  # a web identity that is a source is cached here, and by us
    return asked


def theirs_in_short(case, loader):
    world = World(case)
    patches = (
        mock.patch.dict(os.environ, case["environment"], clear=True),
        mock.patch("botocore.httpsession.URLLib3Session.send", lambda _, request: world.send(request)),
        mock.patch.object(credentials.ContainerProvider, "load", unasked_when(lambda _: "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" in os.environ)),
        mock.patch.object(credentials.InstanceMetadataProvider, "load", lambda _: None),
        mock.patch.object(credentials.ProcessProvider, "load", unasked_when(lambda provider: provider._credential_process is not None)),
        mock.patch.object(credentials.SSOCredentialFetcher, "_get_credentials", unasked_sso))
    for patch in patches:
        patch.start()
    try:
        short = {}
        try:
            found = open_session(case, loader, world).get_credentials()
            frozen = found.get_frozen_credentials()
            if not frozen.access_key or not frozen.secret_key:
                raise ValueError("half a pair")
            short = {"access_key_id": frozen.access_key, "secret": frozen.secret_key, "token": frozen.token or None}
        except Told as told:
            short = {"told": told.args[0]}
        except Exception as error:  # whatever it is: nothing to sign with
            short = {"refused": "%s: %s" % (type(error).__name__, error)}
        return {"calls": world.calls, "prompts": world.prompts, **short}
    finally:
        for patch in reversed(patches):
            patch.stop()


# ---- cases ----

NAMES = ["default", "p1", "p2", "p3", "p4", "sp ace"]
ROLE = "arn:aws:iam::123456789012:role/"
EXTERNAL_IDS = ["an-id", "a/b:c=d", "\u00e9t\u00e9", "\u20ac\U0001f600", 'quo"te\\', "a b", "tab\tbed"]


def role_settings(rng, name, token_file):
    lines = ["role_arn = %s%s" % (ROLE, name.replace(" ", "-"))]
    if rng.random() < 0.3:
        lines.append("external_id = " + rng.choice(EXTERNAL_IDS))
    if rng.random() < 0.3:
        lines.append("role_session_name = " + rng.choice(["me", "alice@example.com", ""]))
    if rng.random() < 0.2:
        lines.append("mfa_serial = arn:aws:iam::123456789012:mfa/" + rng.choice(["me", "you"]))
    if rng.random() < 0.3:
        lines.append("duration_seconds = " + rng.choice(["900", "3600", "43200", "1h", "", "0900"]))
    if rng.random() < 0.1:
        lines.append("web_identity_token_file = " + rng.choice([token_file, token_file, ""]))
    return lines


def random_source(rng):
    chosen = rng.random()
    if chosen < 0.75:
        return ["source_profile = " + rng.choice(NAMES * 2 + ["keys"] * 4 + ["nobody"])]
    if chosen < 0.95:
        return ["credential_source = " + rng.choice(["Environment", "Environment", "Environment", "Ec2InstanceMetadata", "EcsContainer", "environment"])]
    return rng.choice([[], ["source_profile = keys", "credential_source = Environment"]])


def random_profile(rng, name, token_file):
    chosen, keys = rng.random(), ["aws_access_key_id = AKIA" + name.upper().replace(" ", ""), "aws_secret_access_key = secret-" + name.replace(" ", "")]
    if chosen < 0.6:
        return role_settings(rng, name, token_file) + random_source(rng) + (keys if rng.random() < 0.1 else [])
    if chosen < 0.65:
        return ["role_arn = %sweb-%s" % (ROLE, name.replace(" ", "-")), "web_identity_token_file = " + token_file,
                "role_session_name = " + rng.choice(["web", ""])]
    if chosen < 0.8:
        return keys + (["aws_session_token = token-" + name.replace(" ", "")] if rng.random() < 0.3 else [])
    return rng.choice([[], keys[:1], keys[1:], ["credential_process = /bin/false"], ["region = eu-west-1"],
                       ["web_identity_token_file = " + token_file],
                       ["sso_account_id = 123456789012", "sso_role_name = r", "sso_start_url = https://x.example/start", "sso_region = eu-west-1"],
                       ["sso_account_id = 123456789012"]])


def random_case(rng, folder):
    """The profiles of one home, and who asks."""
    token_file = os.path.join(folder, "token")
    config, shared = ["[profile keys]"], ["[keys]", "aws_access_key_id = AKIAKEYS", "aws_secret_access_key = secret-keys"]
    for name in rng.sample(NAMES, rng.randrange(2, len(NAMES) + 1)):
        lines = random_profile(rng, name, token_file)
        static = [line for line in lines if line.startswith("aws_") and rng.random() < 0.7]
        if static:
            shared += ["[%s]" % name] + static
        lines = [line for line in lines if line not in static]
        if lines or not static or rng.random() < 0.5:
            config += ["[default]" if name == "default" else "[profile '%s']" % name] + lines
            config += ["region = " + rng.choice(["eu-west-1", "us-gov-west-1", "cn-north-1"])] if "region = eu-west-1" not in lines and rng.random() < 0.7 else []
    environment = {"AWS_EC2_METADATA_DISABLED": "true"}
    for chance, name, value in ((0.2, "AWS_ACCESS_KEY_ID", "AKIAENV"), (0.2, "AWS_SECRET_ACCESS_KEY", "secret-env"), (0.1, "AWS_SESSION_TOKEN", "token-env"),
                                (0.1, "AWS_WEB_IDENTITY_TOKEN_FILE", token_file), (0.1, "AWS_ROLE_ARN", ROLE + "env"), (0.1, "AWS_ROLE_SESSION_NAME", "env"),
                                (0.1, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/creds"), (0.3, "AWS_REGION", "us-east-1")):
        if rng.random() < chance:
            environment[name] = value
    if "AWS_ACCESS_KEY_ID" in environment:
        environment["AWS_SECRET_ACCESS_KEY"] = "secret-env"
    chosen = rng.choice(NAMES)
    flags = {"profile": chosen} if rng.random() < 0.6 else {}
    if not flags and rng.random() < 0.7:
        environment["AWS_PROFILE"] = chosen
    return {"environment": environment, "flags": flags, "config": "\n".join(config) + "\n", "credentials": "\n".join(shared) + "\n"}


def role(name, *lines):
    return ["[%s]" % ("default" if name == "default" else "profile " + name), "role_arn = " + ROLE + name, *lines]


def picked_cases():
    """(what it is about, lines of the config file, changes of the environment)."""
    own_keys = ["aws_access_key_id = AKIAOWN", "aws_secret_access_key = secret-own"]
    yield "itself as the source", role("default", "source_profile = default", *own_keys), {}
    yield "itself without keys", role("default", "source_profile = default"), {}
    yield "itself, one level down", role("default", "source_profile = a") + role("a", "source_profile = a", *own_keys), {}
    yield "a loop of two", role("default", "source_profile = a") + role("a", "source_profile = default"), {}
    yield "a loop that keys break", role("default", "source_profile = a", *own_keys) + role("a", "source_profile = default"), {}
    yield "a loop that keys break elsewhere", role("default", "source_profile = a") + role("a", "source_profile = default", *own_keys), {}
    yield "a loop of three behind one", (role("default", "source_profile = a") + role("a", "source_profile = b") + role("b", "source_profile = c")
                                         + role("c", "source_profile = a")), {}
    yield "twelve roles", sum((role("default" if i == 0 else "r%d" % i, "source_profile = " + ("keys" if i == 11 else "r%d" % (i + 1))) for i in range(12)), []), {}
    yield "a web identity below two roles", (role("default", "source_profile = a") + role("a", "source_profile = w")
                                             + role("w", "web_identity_token_file = {token}")), {}
    yield "the environment's token is not for a source", role("default", "source_profile = a") + ["[profile a]", "role_arn = " + ROLE + "a"], \
        {"AWS_WEB_IDENTITY_TOKEN_FILE": "{token}", "AWS_ROLE_ARN": ROLE + "env"}
    yield "the environment's role for the profile's token", ["[default]", "web_identity_token_file = {token}"], {"AWS_ROLE_ARN": ROLE + "env"}
    yield "the environment's token for the profile's role", role("default"), {"AWS_WEB_IDENTITY_TOKEN_FILE": "{token}"}
    yield "a token without a role", ["[default]", "web_identity_token_file = {token}"], {}
    yield "no token file", role("default", "web_identity_token_file = {token}.not"), {}
    yield "an empty token file's name", role("default", "web_identity_token_file ="), {}
    yield "the environment's keys, for a profile that is chosen", role("default", "credential_source = Environment"), \
        {"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "s", "AWS_PROFILE": "default"}
    yield "half of the environment's keys", role("default", "credential_source = Environment"), {"AWS_SECRET_ACCESS_KEY": "s"}
    yield "the other half", role("default", "credential_source = Environment"), {"AWS_ACCESS_KEY_ID": "A"}
    yield "keys that expire later", ["[default]"], {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s", "AWS_CREDENTIAL_EXPIRATION": "2999-01-01T00:00:00Z"}
    yield "keys that have expired", ["[default]"], {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s", "AWS_CREDENTIAL_EXPIRATION": "2001-01-01T00:00:00Z"}
    yield "keys that expire at no time", ["[default]"], {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s", "AWS_CREDENTIAL_EXPIRATION": "later"}
    yield "an empty role", ["[default]", "role_arn =", "source_profile = keys"], {}
    yield "everything of [DEFAULT]", ["[DEFAULT]", "source_profile = keys", "mfa_serial = arn:aws:iam::1:mfa/me", "[default]", "role_arn = " + ROLE + "x"], {}
    yield "a source in quotes", role("default", "source_profile = sp ace") + ['[profile "sp ace"]', *own_keys], {}
    yield "a source that is a process", role("default", "source_profile = p") + ["[profile p]", "credential_process = x"], {}
    yield "a source that is a container", role("default", "credential_source = EcsContainer"), {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/c"}
    for value in EXTERNAL_IDS + ["line\n  two"]:
        yield "external id %r" % value, role("default", "source_profile = keys", "external_id = " + value), {}


def complete(case, folder, rng):
    """A case of its own home, where the files are."""
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        case["environment"][name] = os.path.join(folder, name)
    case["environment"].update({"HOME": folder, "PATH": "/usr/bin:/bin"})
    with open(case["environment"]["AWS_CONFIG_FILE"], "w", encoding="utf-8") as file:
        file.write(case["config"])
    with open(case["environment"]["AWS_SHARED_CREDENTIALS_FILE"], "w", encoding="utf-8") as file:
        file.write(case["credentials"])
    token = os.path.join(folder, "token")
    with open(token, "w", encoding="utf-8") as file:
        file.write(TOKEN)
    case["now"] = int(time.time())
    life = rng.choice([3600, 3600, 3600, 600])  # 600: used, stored, and then found too old
    case["expiration"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(case["now"] + life))
    case["files"] = {token: TOKEN}
    return case


def cached_files(case):
    folder = cache_folder(case)
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    files = {}
    for name in names:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            files[os.path.join(folder, name)] = file.read()
    return files


def written_at(case):
    return {path: os.stat(path).st_mtime_ns for path in cached_files(case)}


def put_cache(case, files):
    for path in cached_files(case):
        os.unlink(path)
    for path, text in files.items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        case["files"][path] = text


@unittest.skipUnless(IS_CLI, "the AWS CLI's own botocore is not installed; the library's reads other variables")
class CredentialDifferentialTest(unittest.TestCase):
    def setUp(self):
        self.probe = Probe()
        self.loader = session.Session().get_component("data_loader")  # reads STS's description once
        self.seen = {}

    def tearDown(self):
        self.assertEqual(self.probe.close(), 0)

    def compare(self, case, about):
        """Both, once; gives what each has stored."""
        answer = self.probe.ask(case)
        before = written_at(case)
        ours, theirs = ours_in_short(answer), theirs_in_short(case, self.loader)
        told = "%s\n%s\n%s\nenvironment %s, flags %s\nours   %s\ntheirs %s" % (about, case["config"], case["credentials"], case["environment"], case["flags"], ours, theirs)
        if ours is None:
            self.assertIn("refused", theirs, told)
            return {}, {}
        self.assertEqual("refused" in ours, "refused" in theirs, told)
        if "told" in ours:
            theirs["prompts"] = ours["prompts"]  # the AWS CLI asks for the code before it has something to sign with
        if "refused" not in ours:
            self.assertEqual(ours, theirs, told)
        after = written_at(case)
        stored = {path: text for path, text in cached_files(case).items() if before.get(path) != after[path]}
        self.assertEqual(sorted(answer["stores"]), sorted(stored), told)
        self.count(ours)
        return answer["stores"], stored

    def count(self, ours):
        outcome = ("refused" if "refused" in ours else "told" if "told" in ours else "%d calls" % len(ours["calls"]))
        self.seen[outcome] = self.seen.get(outcome, 0) + 1

    def try_case(self, rng, case, about):
        """Without a cache; then with what one of them has left, or with a part of it."""
        with tempfile.TemporaryDirectory() as folder:
            made = case(folder)
            complete(made, folder, rng)
            stores = self.compare(made, about)
            for number, files in enumerate(stores):
                if not files:
                    continue
                kept = {path: text for path, text in files.items() if rng.random() < 0.7}
                put_cache(made, kept)
                self.compare(made, "%s, with %d of %d files that %s" % (about, len(kept), len(files), ("we stored", "the AWS CLI stored")[number]))
                for path in kept:
                    made["files"].pop(path)

    def test_picked(self):
        rng = random.Random(1)
        for about, lines, environment in picked_cases():
            def make(folder, lines=lines, environment=environment):
                token = os.path.join(folder, "token")
                return {"environment": {name: value.replace("{token}", token) for name, value in {"AWS_EC2_METADATA_DISABLED": "true", **environment}.items()},
                        "flags": {}, "config": "\n".join(lines).replace("{token}", token) + "\n",
                        "credentials": "[keys]\naws_access_key_id = AKIAKEYS\naws_secret_access_key = secret-keys\n"}
            self.try_case(rng, make, about)
        print(self.seen)

    def test_generated(self):
        rng = random.Random(seed())
        for number in range(200):
            self.try_case(rng, lambda folder: random_case(rng, folder), "case %d" % number)
        print(", ".join("%d times %s" % (count, name) for name, count in sorted(self.seen.items())))
        self.assertGreater(sum(count for name, count in self.seen.items() if name.endswith("calls")), 60)


if __name__ == "__main__":
    unittest.main()
