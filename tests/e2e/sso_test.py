"""IAM Identity Center, with a real ssh: the AWS CLI's logins and ours, renewed and refused. The AWS CLI is the witness: it uses
what we have written, and we use what it has."""

import glob
import hashlib
import json
import os
import select
import signal
import stat
import subprocess
import unittest

from lab_case import NODE_ID, OFFLINE_NODE_ID, LabCase, kill
from workspace import program, show

AWS = "/usr/bin/aws"
SECRETS = ("accessToken", "refreshToken", "clientSecret", "SecretAccessKey", "SessionToken")

CONFIG = """\
[profile dev]
sso_session = corp
sso_account_id = %(account_id)s
sso_role_name = %(role_name)s
region = %(region)s
[profile legacy]
sso_start_url = %(start_url)s
sso_region = %(region)s
sso_account_id = %(account_id)s
sso_role_name = %(role_name)s
region = %(region)s
[profile chained]
role_arn = arn:aws:iam::%(account_id)s:role/lab-role
source_profile = dev
region = %(region)s
[profile stranger]
sso_session = corp
sso_account_id = %(account_id)s
sso_role_name = Administrator
region = %(region)s
[profile half]
sso_session = corp
sso_role_name = %(role_name)s
region = %(region)s
[profile lost]
sso_session = lost
[sso-session corp]
sso_start_url = %(start_url)s
sso_region = %(region)s
sso_registration_scopes = %(registration_scopes)s
[sso-session lost]
sso_start_url = https://nobody.awsapps.com/start
sso_region = %(region)s
"""

LOGIN = "run: aws sso login --profile dev (without the AWS CLI: ssm-proxy login --profile dev)\n"


class SsoTest(LabCase):
    def setUp(self):
        super().setUp()
        self.sso = self.lab.info["identity"]["sso"]
        self.secrets = set()
        os.makedirs(self.cache("sso"))
        self.work.write("home/.aws/config", CONFIG % self.sso)

    # ---- files ----

    def cache(self, kind):
        return os.path.join(self.work.home, ".aws", kind, "cache")

    def token_path(self, name="corp"):
        return os.path.join(self.cache("sso"), hashlib.sha1(name.encode()).hexdigest() + ".json")

    def read(self, path):
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        self.remember_secrets(document)
        return document

    def remember_secrets(self, document):
        for member, value in document.items():
            if isinstance(value, dict):
                self.remember_secrets(value)
            elif member in SECRETS:
                self.secrets.add(value)

    def issue_token(self, name="corp", **wanted):
        """Puts a token into the cache as if somebody had logged in, and gives it."""
        token = self.control(issue_token=wanted)["token"]
        self.remember_secrets(token)
        self.work.write(os.path.relpath(self.token_path(name), self.work.dir), json.dumps(token))
        return token

    def only_file(self, kind):
        found = glob.glob(os.path.join(self.cache(kind), "*.json"))
        self.assertEqual(len(found), 1, found)
        return found[0]

    # ---- the world ----

    def control(self, **members):
        return self.lab.call("/lab/sso", members or None)

    def count(self, name):
        return self.control()["counters"][name]

    def environment(self, profile="dev", **more):
        environment = self.lab.environment(AWS_PROFILE=profile, AWS_MAX_ATTEMPTS="1", **more)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
            del environment[name]
        return environment

    def aws(self, *arguments, profile="dev"):
        """Debian's AWS CLI knows no endpoint variables: the lab's proxy leads AWS's names to the lab."""
        environment = self.environment(profile, HTTPS_PROXY=self.lab.info["proxy"]["url"])
        return self.work.run([AWS, *arguments, "--no-cli-pager"], 30, env=environment)

    def check_output(self, *texts):
        self.assertGreater(len(self.secrets), 1)
        for text in texts:
            for secret in self.secrets:
                self.assertNotIn(secret, text)

    def refused(self, code, *words, profile="dev", **more):
        completed = self.run_connect("--debug", NODE_ID, env=self.environment(profile, **more))
        message = show(completed.stderr)
        self.assertEqual(completed.returncode, code, message)
        for word in words:
            self.assertIn(word, message)
        if self.secrets:
            self.check_output(message, show(completed.stdout))

    def ssh_works(self, **environment):
        self.assertEqual(self.ssh_output("echo", "here", env=self.environment(**environment)), "here\n")

    # ---- refused ----

    def test_without_a_login_it_says_how_to(self):
        self.refused(77, 'nobody is logged in to IAM Identity Center for profile "dev"; ' + LOGIN)
        self.work.write(os.path.relpath(self.token_path(), self.work.dir), '{"accessToken": "half a fi')
        self.refused(77, 'session of profile "dev" cannot be read; ' + LOGIN)
        self.issue_token(expires_in_s=-1, without_refresh=True)
        self.refused(77, 'session of profile "dev" has expired; ' + LOGIN)
        self.issue_token(expires_in_s=-1)
        self.control(revoke_refresh_tokens=True)
        self.refused(77, 'session of profile "dev" has expired; ' + LOGIN, profile="chained")
        self.assertEqual(self.count("create_token_by_refresh"), 1)
        self.issue_token()
        self.control(expire_access_tokens=True)  # somebody has logged out elsewhere
        self.refused(77, 'session of profile "dev" has expired or is not valid; ' + LOGIN)

    def test_a_role_that_is_not_assigned_is_named(self):
        self.issue_token()
        self.refused(77, "role Administrator in account %s: ForbiddenException: No access" % self.sso["account_id"],
                     "is the role assigned to you there?", profile="stranger")
        self.refused(78, 'profile "half" uses IAM Identity Center but lacks sso_account_id', profile="half")

    def test_portal_and_token_service_that_do_not_answer(self):
        self.start_node()
        self.issue_token()
        self.refused(75, "the portal of IAM Identity Center: ", AWS_ENDPOINT_URL_SSO="https://127.0.0.1:1")
        self.lab.faults(calls=[{"action": "sso:GetRoleCredentials", "answer": "unavailable"}])
        self.refused(75, "gives no credentials of role LabAccess in account")
        self.lab.faults(calls=[{"action": "sso:GetRoleCredentials", "answer": "hang"}])
        slow = self.run_connect("--connect-timeout", "1", NODE_ID, env=self.environment())
        self.assert_refused(slow, 75, "in time")
        self.lab.faults(calls=[])
        self.issue_token(expires_in_s=-1)
        self.refused(75, 'session of profile "dev" could not be renewed: ', AWS_ENDPOINT_URL_SSO_OIDC="https://127.0.0.1:1")
        self.issue_token(expires_in_s=300)  # near its end, and still good
        self.ssh_works(AWS_ENDPOINT_URL_SSO_OIDC="https://127.0.0.1:1")

    # ---- given ----

    def test_a_token_is_renewed_and_a_role_is_kept(self):
        self.start_node()
        before = self.issue_token(expires_in_s=-1)
        self.ssh_works()
        after = self.read(self.token_path())
        self.assertEqual({name for name in before if before[name] != after[name]}, {"accessToken", "refreshToken", "expiresAt"})
        role_path = self.only_file("cli")
        self.assertEqual(self.read(role_path)["ProviderType"], "sso")
        for path in (self.token_path(), role_path):
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.ssh_works(profile="chained")
        self.assertEqual((self.count("create_token_by_refresh"), self.count("get_role_credentials")), (1, 1))
        caller = json.loads(self.checked(self.aws("sts", "get-caller-identity")).stdout)
        self.assertIn("AWSReservedSSO_LabAccess", caller["Arn"])
        self.assertEqual(self.count("get_role_credentials"), 1, "the AWS CLI did not use what we had cached")

    def test_a_legacy_profile_uses_what_the_aws_cli_has_cached(self):
        self.start_node()
        self.issue_token(name=self.sso["start_url"], without_refresh=True)
        self.checked(self.aws("sts", "get-caller-identity", profile="legacy"))
        self.assertEqual(self.count("get_role_credentials"), 1)
        self.ssh_works(profile="legacy")
        self.assertEqual(self.count("get_role_credentials"), 1, "we did not use what the AWS CLI had cached")

    def test_many_connections_at_once_renew_one_token(self):
        """The service takes a refresh token once: the others find in the file what the first was given."""
        self.issue_token(expires_in_s=-1)
        self.lab.faults(api_delay_ms=100)  # so that they ask together
        started = [self.connect(OFFLINE_NODE_ID, env=self.environment(), stdin=subprocess.DEVNULL) for _ in range(8)]
        for process in started:
            message = show(process.communicate(timeout=60)[1])
            self.assertEqual(process.returncode, 69, message)  # the API was asked, with credentials

    # ---- login ----

    def login(self, *arguments, stderr=subprocess.PIPE, **environment):
        return self.work.start([program("ssm-proxy"), "login", "--debug", *arguments], env=self.environment(**environment),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr)

    def shown_code(self, process):
        """Reads what is shown until the code is complete."""
        shown = ""
        while "It shows the code" not in shown:
            line = show(process.stdout.readline())
            self.assertTrue(line, shown + "(and then nothing)")
            shown += line
        code = shown.split("It shows the code ")[1].split(";")[0]
        self.assertIn("?user_code=" + code, shown)
        return code

    def finish(self, process, code, *words):
        output, message = (show(text) for text in process.communicate(timeout=20))
        self.assertEqual(process.returncode, code, output + message)
        for word in words:
            self.assertIn(word, output + message)
        self.assertNotIn("waiting", message, "no terminal, no progress")
        for path in glob.glob(os.path.join(self.cache("sso"), "*.json")):
            self.read(path)
        for secret in self.secrets:
            self.assertNotIn(secret, output + message)

    def test_our_login_is_the_aws_cli_s(self):
        process = self.login("--sso-session", "corp", profile="legacy")
        self.control(approve=self.shown_code(process))
        self.finish(process, 0, "Logged in to " + self.sso["start_url"])
        self.check_output("")
        self.checked(self.aws("sts", "get-caller-identity"))
        self.control(auto_approve=True)
        self.finish(self.login("--no-browser"), 0, "Logged in to ")
        self.assertEqual(self.count("register_client"), 1, "the client is kept")

    def test_the_aws_cli_s_login_is_ours(self):
        self.start_node()
        self.control(auto_approve=True)
        self.checked(self.aws("sso", "login", "--no-browser"))
        self.ssh_works()
        self.assertEqual(self.count("register_client"), 1)
        self.finish(self.login(), 0, "Logged in to ")
        self.assertEqual(self.count("register_client"), 1, "we did not use the client that the AWS CLI had registered")

    def test_a_login_that_fails(self):
        self.finish(self.login(profile="lost"), 78, "InvalidRequestException: Invalid start url provided",
                    "are sso_start_url (https://nobody.awsapps.com/start) and sso_region")
        self.finish(self.login("--sso-session", "nobody"), 78, "there is no section [sso-session nobody]")
        self.finish(self.login(AWS_ENDPOINT_URL_SSO_OIDC="https://127.0.0.1:1"), 75, "127.0.0.1")
        process = self.login()
        self.control(deny=self.shown_code(process))
        self.finish(process, 77, "the login was refused in the browser")
        process = self.login()
        self.shown_code(process)
        self.control(expire_device_codes=True)
        self.finish(process, 75, "nobody has confirmed the code in time")
        self.assertFalse(os.path.exists(self.token_path()))

    def test_a_login_at_a_terminal_ends_with_ctrl_c(self):
        terminal, theirs = os.openpty()
        self.addCleanup(os.close, terminal)
        process = self.login(stderr=theirs)
        os.close(theirs)
        self.shown_code(process)
        said = b""
        while b"waiting for you to confirm; Ctrl-C gives up" not in said:
            self.assertTrue(select.select([terminal], [], [], 20)[0], said)
            said += os.read(terminal, 4096)
        kill(process, signal.SIGINT)
        self.assertEqual(self.wait_for_exit(process), 128 + signal.SIGINT)
        process.stdout.close()
        self.assertFalse(os.path.exists(self.token_path()))


if __name__ == "__main__":
    unittest.main()
