"""common/ini and proxy/core/aws_config against botocore, over generated files and environments: the same reading, or both
refuse. The oracle is the AWS CLI's own copy of botocore where Debian's awscli is installed, else python3-botocore.
credential_differential_test.py goes on with the credentials that a profile leads to.

Intended differences, which are left out or allowed for here: a variable that is set but empty counts as not set; [DEFAULT]
given twice is refused; keys that could not be header values, and regions that could not be part of a host name, are refused
at once; Unicode blanks and capitals are ordinary characters; a NUL byte is refused (docs/decisions/0009)."""

import json
import os
import random
import re
import subprocess
import tempfile
import unittest
from unittest import mock

try:
    import awscli  # puts its own copy of botocore, which the AWS CLI 2 runs with, in the place of the library
    IS_CLI = os.path.isdir(os.path.join(os.path.dirname(awscli.__file__), "botocore"))
except ImportError:
    IS_CLI = False
try:
    from botocore import configloader, credentials, exceptions, session
except ImportError:
    session = None

BUILD_DIR = os.environ.get("SSM_BUILD_DIR", "build/dev")
PROBE = os.path.join(BUILD_DIR, "tests", "integration", "aws_config_probe")
STATIC = ("env", "shared-credentials-file", "config-file")
REGION = re.compile(r"(?!-)[A-Za-z0-9-]{1,100}(?<!-)")


def seed():
    chosen = int(os.environ.get("SSM_SEED") or int.from_bytes(os.urandom(4), "big"))
    print("seed: SSM_SEED=%d" % chosen)
    return chosen


def ask(cases):
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    done = subprocess.run([PROBE], input=lines, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


# ---- one file ----

INI_PIECES = ["[", "]", "=", ":", " ", "  ", "\t", "#", ";", "\n", "\n", "\r\n", "\r", "a", "B", "key", "Value", '"', "'", "\\", "\u00e9",
              "[s1]\n", "[s 2] \n", "[s3]x]\n", "[]\n", "k1 = v\n", "K2=v # w\n", "k3: v ; w\n", "k4 =\n", " more\n", "   more = x\n",
              "  n = v\n", " # c\n", "# c\n", "\n\n", "=\n", "k5 = a\n", "\ufeff"]


def random_ini(rng):
    start = rng.choice(["", "[s]\n", "[s]\n", "[s]\nk =\n", "[s]\nk = v\n", "  [s]\n", "# x\n\n[s]\n"])
    return start + "".join(rng.choice(INI_PIECES) for _ in range(rng.randrange(0, 24)))


def botocore_ini(folder, text):
    path = os.path.join(folder, "file")
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    try:
        return {"sections": configloader.raw_config_parse(path)}
    except exceptions.ConfigParseError:
        return None


# ---- everything ----

CONFIG_SECTIONS = ["default", "profile default", "profile dev", 'profile "dev"', "profile   dev", "profile\tdev", "dev", " profile dev ",
                   "profile dev x", "profile 'sp ace'", 'profile "sp ace"', "profile sp\\ ace", "profiles dev", "profile", "DEFAULT",
                   "sso-session dev", "profile 'dev", "preview", "profile Dev", 'profile "d"e"v"']
CREDENTIALS_SECTIONS = ["default", "dev", "sp ace", "profile dev", "DEFAULT", "Dev", " dev"]
PROFILES = ["default", "dev", "dev", "sp ace", "Dev", "nobody", "DEFAULT"]
COMPLETE = "[keys]\naws_access_key_id = AKIAKEYS\naws_secret_access_key = secret/keys\n"


def random_keys(rng, mark):
    id_key, secret_key = "aws_access_key_id", "aws_secret_access_key"
    pools = [
        [(id_key, "AKIA" + mark), (secret_key, "secret/" + mark)],
        [(id_key, "AKIA" + mark), (secret_key, "secret/" + mark), ("aws_session_token", "token=" + mark)],
        [(id_key, "AKIA" + mark), (secret_key, "secret/" + mark), ("aws_security_token", "old" + mark), ("aws_session_token", "new" + mark)],
        [(id_key, "AKIA" + mark)],
        [(secret_key, "secret/" + mark)],
        [("role_arn", "arn:aws:iam::123456789012:role/" + mark), ("source_profile", rng.choice(PROFILES + ["keys"] * 9))],
        [("role_arn", "arn:aws:iam::123456789012:role/" + mark), ("credential_source", "Environment")],
        [("role_arn", "arn:aws:iam::123456789012:role/" + mark)],
        [("web_identity_token_file", "/nowhere/" + mark), ("role_arn", "arn:aws:iam::123456789012:role/" + mark)],
        [("web_identity_token_file", "/nowhere/" + mark)],
        [("sso_account_id", "123456789012"), ("sso_role_name", mark), ("sso_start_url", "https://x.example/#/start"), ("sso_region", "eu-west-1")],
        [("sso_role_name", mark)],
        [("sso_start_url", "https://x.example/start")],
        [("credential_process", "/bin/false " + mark)],
        [("ca_bundle", "/ca/" + mark)],
        [("output", "json")],
        [],
        [],
    ]
    keys = []
    for _ in range(rng.randrange(0, 3)):
        keys += rng.choice(pools)
    if rng.random() < 0.5:
        keys.append(("region", rng.choice(["eu-west-1", "us-east-1", "region-" + mark, "not a region", "eu-west-1 # Ireland"])))
    if rng.random() < 0.9:  # mostly without the duplicates that refuse the whole file
        keys = list(dict(keys).items())
    rng.shuffle(keys)
    return keys


def random_file(rng, sections, mark):
    if rng.random() < 0.15:
        return None
    names = [rng.choice(sections) for _ in range(rng.randrange(0, 5))]
    if rng.random() < 0.95:
        names = list(dict.fromkeys(names))
    lines = [COMPLETE] if rng.random() < 0.5 else []
    for number, name in enumerate(names):
        lines.append("[%s]%s" % (name, rng.choice(["", "", " ", " # x"])))
        for key, value in random_keys(rng, "%s%d" % (mark, number)):
            key = key.upper() if rng.random() < 0.1 else key
            lines.append(rng.choice(["%s = %s", "%s=%s", "%s : %s", "%s   =%s   "]) % (key, value))
        if rng.random() < 0.2:
            lines.append("s3 =\n  max_concurrent_requests = 20\n  region = nested")
        if rng.random() < 0.05:
            lines.append(rng.choice(["# comment", "; comment", "", "nonsense", "  # indented"]))
    text = "\n".join(lines) + rng.choice(["\n", "", "\n\n"])
    return text if text.count("[DEFAULT]") < 2 else None


def random_case(rng):
    environment = {}
    for name, values in (("AWS_ACCESS_KEY_ID", ["AKIAENV", ""]), ("AWS_SECRET_ACCESS_KEY", ["secret/env", "secret/env", ""]),
                         ("AWS_SESSION_TOKEN", ["token=env", ""]), ("AWS_SECURITY_TOKEN", ["old=env"]), ("AWS_PROFILE", PROFILES),
                         ("AWS_DEFAULT_PROFILE", PROFILES), ("AWS_REGION", ["env-1"]), ("AWS_DEFAULT_REGION", ["env-2"]),
                         ("AWS_CA_BUNDLE", ["/ca/env"]), ("AWS_WEB_IDENTITY_TOKEN_FILE", ["/nowhere/env"]), ("AWS_ROLE_ARN", ["arn:env"]),
                         ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", ["/creds"])):
        if rng.random() < 0.12 or (name == "AWS_SECRET_ACCESS_KEY" and "AWS_ACCESS_KEY_ID" in environment):
            environment[name] = rng.choice(values)
    flags = {"profile": rng.choice(PROFILES)} if rng.random() < 0.4 else {}
    return {"environment": environment, "flags": flags, "config": random_file(rng, CONFIG_SECTIONS, "c"),
            "credentials": random_file(rng, CREDENTIALS_SECTIONS, "s")}


class Told(Exception):
    """A source that is recognised here, and would need a process or the network next."""


def tell(name):
    def load(*_):
        raise Told(name)
    return load


def container(*_):
    if os.environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        raise Told("container-role")
    return None


load_by_assume_role = credentials.AssumeRoleProvider.load if session else None


def assume_role(provider):
    """The source of a role's credentials may be told, too; what counts is the role."""
    try:
        return load_by_assume_role(provider)
    except Told:
        raise Told("assume-role") from None


def botocore_credentials(asked):
    with mock.patch.object(credentials.ContainerProvider, "load", container), \
            mock.patch.object(credentials.InstanceMetadataProvider, "load", lambda *_: None), \
            mock.patch.object(credentials.AssumeRoleProvider, "load", assume_role), \
            mock.patch.object(credentials.ProcessProvider, "_retrieve_credentials_using", tell("custom-process")):
        try:
            found = asked.get_credentials()
        except Told as told:
            return {"source": told.args[0]}
        except Exception:  # whatever it is: nothing to sign with
            return {}
    if found is None:
        return {"source": "none"}
    if found.method not in STATIC:
        return {"source": found.method}
    frozen = found.get_frozen_credentials()
    if not frozen.access_key or not frozen.secret_key:
        return {}
    return {"source": found.method, "access_key_id": frozen.access_key, "secret": frozen.secret_key, "token": frozen.token or None}


def botocore_config(folder, case):
    environment = {"HOME": folder, "PATH": "/usr/bin:/bin", "AWS_EC2_METADATA_DISABLED": "true",
                   "AWS_CONFIG_FILE": os.path.join(folder, "config"), "AWS_SHARED_CREDENTIALS_FILE": os.path.join(folder, "credentials")}
    for name in ("config", "credentials"):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            os.unlink(path)
        if case[name] is not None:
            with open(path, "w", encoding="utf-8", newline="") as file:
                file.write(case[name])
    environment.update(case["environment"])
    with mock.patch.dict(os.environ, environment, clear=True):
        asked = session.Session(profile=case["flags"].get("profile"))
        try:
            asked.get_scoped_config()
        except (exceptions.ConfigParseError, exceptions.ProfileNotFound):
            return None
        answer = botocore_credentials(asked)
        answer["region"] = asked.get_config_variable("region") or ""
        answer["ca_bundle"] = asked.get_config_variable("ca_bundle") or ""
        return answer


def differences(ours, theirs):
    if (theirs is None) != ("refused" in ours):
        return ["one refuses the files or the profile"]
    if theirs is None:
        return []
    found = []
    if REGION.fullmatch(theirs["region"]):
        found += [name for name in ("region", "ca_bundle") if ours.get(name) != theirs[name]]
    elif "region" in ours:
        found.append("region")
    if "source" not in theirs:
        return found + ([] if "why" in ours else ["one refuses the credentials"])
    if theirs["source"] == "none":
        return found + ([] if ours.get("source") == "iam-role" and ("why" in ours or ours.get("told") == "iam-role") else ["source"])
    if ours.get("source") != theirs["source"]:
        return found + ["source"]
    keys = ("access_key_id", "secret", "token") if theirs["source"] in STATIC else ()
    return found + [name for name in keys if ours.get(name) != theirs.get(name)]


# ---- paths ----

# Python's releases differ in what follows a "${" that is never closed, so there is none here.
PATH_PIECES = ["~", "/", "~/", "a", "$", "$HOME", "${HOME}", "$D", "${D}", "}", "$NOT", "${NOT}", ".", " ", "$D1", "_", "\u00e9"]


def random_paths(rng):
    environment = {"HOME": "/home/a", "D": "/d"}
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        environment[name] = "".join(rng.choice(PATH_PIECES) for _ in range(rng.randrange(1, 7)))
    return {"paths": True, "environment": environment}


def python_paths(case):
    with mock.patch.dict(os.environ, case["environment"], clear=True):
        def expand(name):
            return os.path.expanduser(os.path.expandvars(os.environ[name]))
        return {"config": expand("AWS_CONFIG_FILE"), "credentials": expand("AWS_SHARED_CREDENTIALS_FILE")}


@unittest.skipIf(session is None, "neither awscli nor python3-botocore is installed")
class AwsConfigDifferentialTest(unittest.TestCase):
    def test_ini(self):
        rng = random.Random(seed())
        read = 0
        with tempfile.TemporaryDirectory() as folder:
            cases = [{"ini": random_ini(rng)} for _ in range(6000)]
            for case, ours in zip(cases, ask(cases), strict=True):
                theirs = botocore_ini(folder, case["ini"])
                read += theirs is not None
                self.assertEqual(None if "refused" in ours else ours, theirs, repr(case["ini"]))
        print("%d files, %d of them readable" % (len(cases), read))
        self.assertGreater(read, 500)

    def test_resolution(self):
        if not IS_CLI:
            self.skipTest("the AWS CLI's own botocore is not installed; the library's reads other variables")
        rng = random.Random(seed())
        sources = {}
        with tempfile.TemporaryDirectory() as folder:
            cases = [random_case(rng) for _ in range(1500)]
            for case, ours in zip(cases, ask(cases), strict=True):
                theirs = botocore_config(folder, case)
                self.assertEqual(differences(ours, theirs), [], "%s\nours %s\ntheirs %s" % (json.dumps(case, indent=1), ours, theirs))
                name = "refused" if theirs is None else theirs.get("source", "unusable")
                sources[name] = sources.get(name, 0) + 1
        print("1500 cases: %s" % ", ".join("%d %s" % (count, name) for name, count in sorted(sources.items())))
        self.assertGreaterEqual(len(sources), 9)

    def test_paths(self):
        rng = random.Random(seed())
        cases = [random_paths(rng) for _ in range(2000)]
        for case, ours in zip(cases, ask(cases), strict=True):
            theirs = python_paths(case)
            self.assertEqual(ours, theirs, case)


if __name__ == "__main__":
    unittest.main()
