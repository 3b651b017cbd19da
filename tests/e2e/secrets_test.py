"""No secret leaves ssm-proxy: everything that can fail fails here, with --debug, and what it says, logs, hands to programs and
leaves behind is searched for every secret that there was."""

import hashlib
import json
import os
import re
import resource
import signal
import subprocess
import urllib.parse

from lab_case import LabCase, TcpPeer
from workspace import program, show

# Members of the replies that give secrets, in JSON and in XML.
MEMBERS = ("SecretAccessKey", "SessionToken", "Token", "TokenValue", "secretAccessKey", "sessionToken", "accessToken", "refreshToken",
           "clientSecret", "deviceCode", "Plaintext", "token", "secret_access_key", "session_token", "password", "mfa_seed", "container_token")
IN_JSON = re.compile(r'"(?:%s)": ?"([^"]{8,})"' % "|".join(MEMBERS))
IN_XML = re.compile(r"<(?:%s)>([^<]{8,})</" % "|".join(MEMBERS))

ROLE = "arn:aws:iam::111122223333:role/"
CONFIG = """\
[default]
region = us-east-1
[profile base]
region = us-east-1
[profile role]
role_arn = {role}lab-external-role
external_id = lab-external-id
source_profile = base
region = us-east-1
[profile chained]
role_arn = {role}lab-chained-role
source_profile = role
region = us-east-1
[profile mfa]
role_arn = {role}lab-mfa-role
mfa_serial = {mfa_serial}
source_profile = base
region = us-east-1
[profile web]
role_arn = {role}lab-web-role
web_identity_token_file = {web_identity_token_file}
region = us-east-1
[profile sso]
sso_session = corp
sso_account_id = {sso[account_id]}
sso_role_name = {sso[role_name]}
region = us-east-1
[sso-session corp]
sso_start_url = {sso[start_url]}
sso_region = {sso[region]}
sso_registration_scopes = {sso[registration_scopes]}
[profile process]
credential_process = {process}
region = us-east-1
"""
CREDENTIALS = "[base]\naws_access_key_id = {access_key_id}\naws_secret_access_key = {secret_access_key}\n"

# What each kind of call can meet. "cut" is half of a reply: a parser has a part of the secrets in its hands.
ANSWERS = ("throttle", "internal", "deny", "cut", "close")


class SecretsTest(LabCase):
    @property
    def lab_options(self):
        return ("--no-agent-pause", "--reply-log", self.work.path("replies"))

    def setUp(self):
        super().setUp()
        self.said = []
        self.peer = TcpPeer(self, lambda connection: connection.sendall(b"hello"))
        self.record = self.work.path("programs")
        info = self.lab.info
        keys = {"Version": 1, "AccessKeyId": info["access_key_id"], "SecretAccessKey": info["secret_access_key"]}
        document = self.work.write("document", json.dumps(keys))
        process = self.script("process", "cat '%s'" % document)
        os.makedirs(os.path.join(self.work.home, ".aws", "sso", "cache"))
        self.work.write("home/.aws/config", CONFIG.format(role=ROLE, process=process, **info["identity"]))
        self.work.write("home/.aws/credentials", CREDENTIALS.format(**info))

    def script(self, name, body):
        """A program that keeps what it was started with, and by what."""
        keep = "cat /proc/$$/cmdline /proc/$PPID/cmdline >>'%s'" % self.record
        return self.work.write(name, "#!/bin/sh\n%s\n%s\n" % (keep, body), 0o700)

    def askpass(self, code):
        return {"SSH_ASKPASS": self.script("askpass", "echo " + code), "SSH_ASKPASS_REQUIRE": "force"}

    def environment(self, profile, **more):
        bare = dict(AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None, AWS_REGION=None, AWS_PROFILE=profile, AWS_MAX_ATTEMPTS="1")
        return self.lab.environment(**{**bare, **more})

    def issue_sso_token(self, **wanted):
        token = self.lab.call("/lab/sso", {"issue_token": wanted})["token"]
        self.work.write("home/.aws/sso/cache/%s.json" % hashlib.sha1(b"corp").hexdigest(), json.dumps(token))

    def run_one(self, environment, fails=True, *arguments):
        done = self.run_connect("--debug", "--connect-timeout", "5", *arguments, "node", self.peer.port, env=environment, timeout=60)
        self.said.append(done.stdout + done.stderr)
        self.assertEqual(done.returncode != 0, fails, "%s\n%s" % (environment.get("AWS_PROFILE"), show(done.stderr)))
        self.assertLess(done.returncode, 128, show(done.stderr))
        return show(done.stderr)

    def fault(self, action, answer):
        self.lab.faults(calls=[{"action": action, "answer": answer}])

    # ---- the search ----

    def replies(self):
        with open(self.work.path("replies"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def secrets(self):
        info = self.lab.info
        found = set()
        for text in [json.dumps(info), *self.replies()]:
            found.update(IN_JSON.findall(text), IN_XML.findall(text))
        with open(info["identity"]["web_identity_token_file"], encoding="ascii") as file:
            found.add(file.read().strip())
        return found

    def assert_no_secret(self, *places):
        texts = {name: text for name, text in places}
        secrets = self.secrets()
        self.assertGreater(len(secrets), 10, "the search finds none of the secrets that there are")
        for secret in secrets:
            for spelled in {secret, urllib.parse.quote(secret, safe=""), json.dumps(secret)[1:-1], secret.replace("/", "\\/")}:
                for name, text in texts.items():
                    self.assertNotIn(spelled.encode(), text, name)

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()

    # ---- the paths ----

    def test_every_provider_at_every_failure(self):
        code = lambda: self.lab.call("/lab/identity")["mfa_code"]
        providers = {
            "base": (None, {}),
            "role": ("sts:AssumeRole", {}),
            "chained": ("sts:AssumeRole", {}),
            "mfa": ("sts:AssumeRole", self.askpass("123456")),
            "web": ("sts:AssumeRoleWithWebIdentity", {}),
            "process": (None, {}),
        }
        for profile, (action, more) in providers.items():
            for answer in ANSWERS if action else ():
                self.fault(action, answer)
                self.run_one(self.environment(profile, **more))
            for answer in ANSWERS:
                self.fault("ssm:StartSession", answer)
                self.run_one(self.environment(profile, **(self.askpass(code()) if profile == "mfa" else more)))
        self.lab.faults(calls=[])
        for keys in ("expired", "denied"):
            given = self.lab.info[keys]
            self.run_one(self.environment(None, AWS_ACCESS_KEY_ID=given["access_key_id"], AWS_SECRET_ACCESS_KEY=given["secret_access_key"],
                                          AWS_SESSION_TOKEN=given.get("session_token"), AWS_REGION="us-east-1"))
        with open(self.lab.info["identity"]["web_identity_token_file"], encoding="ascii") as file:
            token = file.read()
        self.work.write("home/.aws/credentials", CREDENTIALS.format(access_key_id="AKIAWRONG", secret_access_key=token[:100]))
        self.run_one(self.environment("base"))
        self.assert_no_secret(("output", b"".join(self.said)), ("last.log", self.last_log_bytes()), ("programs", self.read(self.record)))

    def test_identity_center(self):
        for answer in ANSWERS:
            self.issue_sso_token()
            self.fault("sso:GetRoleCredentials", answer)
            self.run_one(self.environment("sso"))
            self.issue_sso_token(expires_in_s=-60)
            self.fault("sso-oauth:CreateToken", answer)
            self.run_one(self.environment("sso"))
        self.fault("ssm:StartSession", "cut")
        self.issue_sso_token()
        self.run_one(self.environment("sso"))
        self.assert_no_secret(("output", b"".join(self.said)), ("last.log", self.last_log_bytes()))

    def test_metadata_and_stream(self):
        identity = self.lab.info["identity"]
        instance = self.environment(None, AWS_EC2_METADATA_DISABLED=None, AWS_EC2_METADATA_SERVICE_ENDPOINT=identity["imds_url"])
        task = self.environment(None, AWS_REGION="us-east-1", AWS_CONTAINER_CREDENTIALS_FULL_URI=identity["pod_url"],
                                AWS_CONTAINER_AUTHORIZATION_TOKEN=identity["container_token"])
        for environment in (instance, task):
            self.run_one(environment, False)
            self.fault("ssm:StartSession", "cut")
            self.run_one(environment)
            self.lab.faults(calls=[])
        given = self.environment("base")
        for faults in (dict(refuse_tokens=9), dict(refuse_upgrades=99, upgrade_status=403), dict(stream_url="wss://127.0.0.1:1/x"),
                       dict(stream_url="https://127.0.0.1/"), dict(no_handshake=True)):
            self.lab.faults(**faults)
            self.run_one(given)
            self.lab.faults(reset=True)
        proxy = self.lab.info["proxy"]
        address = proxy["url"].replace("//", "//%s:%s@" % (proxy["user"], proxy["password"]))
        for status in (403, 502):
            self.lab.faults(proxy_status=status)
            self.run_one(self.environment("base", HTTPS_PROXY=address))
        self.lab.faults(reset=True, proxy_needs_password=True)
        self.run_one(self.environment("base", HTTPS_PROXY=address.replace("//lab-proxy:", "//stranger:")))
        self.lab.faults(reset=True)
        self.lose_a_session(given)
        self.assert_no_secret(("output", b"".join(self.said)), ("last.log", self.last_log_bytes()))

    def test_data_key(self):
        """Of a session that KMS encrypts; what is typed and printed in it is none of ours to tell, either."""
        if not os.access("/usr/bin/aws", os.X_OK):
            self.skipTest("the package awscli is not installed")
        content = {"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {"kmsKeyId": "alias/lab-sessions"}}
        self.checked(self.work.run(["/usr/bin/aws", "ssm", "create-document", "--name", "encrypted", "--document-type", "Session", "--content",
                                    json.dumps(content), "--endpoint-url", self.lab.info["api_url"], "--no-cli-pager"], env=self.lab.environment()))
        self.lab.faults(shell_delay_ms=0)
        for answer in (*ANSWERS, None):
            self.lab.faults(calls=[{"action": "kms:GenerateDataKey", "answer": answer}] if answer else [])
            done = self.work.run([program("ssm-proxy"), "shell", "--debug", "--document-name", "encrypted", "node"], input=b"echo typed $((6 * 7))\n",
                                 env=self.environment("base"))
            self.said += [done.stderr, b"" if answer is None else done.stdout]
            self.assertEqual((done.returncode == 0, b"typed 42" in done.stdout), (answer is None, answer is None), show(done.stderr))
        self.assertTrue(any("Plaintext" in reply for reply in self.replies()))
        self.assertNotIn(b"typed", b"".join(self.said))
        self.assert_no_secret(("output", b"".join(self.said)), ("last.log", self.last_log_bytes()))

    def lose_a_session(self, environment):
        """Its connection is cut, and the service does not bring it back."""
        peer = TcpPeer(self, lambda connection: (connection.sendall(b"hello"), connection.recv(1)))
        client = self.connect("--debug", "--resume-timeout", "1", "node", peer.port, env=environment)
        self.assertEqual(client.stdout.read(5), b"hello")
        self.lab.faults(refuse_resumes=99, drop_client_connections=True)
        self.said.append(b"".join(client.communicate(timeout=30)))
        self.assertNotEqual(client.returncode, 0)

    def last_log_bytes(self):
        return self.read(os.path.join(self.work.state, "ssm-bridge", "last.log"))

    # ---- after a crash ----

    def crash(self, command, folder, ready):
        """Ends it as an error in it would, where core files are wanted; gives those that there are."""
        process = self.work.start(command, env=self.environment("role"), cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2))
        self.assertEqual(process.stdout.read(len(ready)), ready)
        process.send_signal(signal.SIGABRT)
        self.assertIn(process.wait(30), (-signal.SIGABRT, 99))
        return os.listdir(folder)

    def test_no_core_file_is_left(self):
        for name in ("one", "other"):
            self.work.make_dir(name)
        if not self.crash(["/bin/sh", "-c", "printf ready; read line"], self.work.path("one"), b"ready"):
            self.skipTest("core files are not written to the working directory here (/proc/sys/kernel/core_pattern)")
        peer = TcpPeer(self, lambda connection: (connection.sendall(b"hello"), connection.recv(1)))
        found = self.crash([program("ssm-proxy"), "connect", "node", str(peer.port)], self.work.path("other"), b"hello")
        self.assertEqual(found, [])
