"""What lies in sshd-config/ beside the programs: systemd's, logrotate's and the shell's opinion of it."""

import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from workspace import BIN_DIR, SOURCE_DIR

BUILD_DIR = os.environ.get("SSM_BUILD_DIR", os.path.join(SOURCE_DIR, "build", "dev"))
CONFIG_DIR = os.path.join(SOURCE_DIR, "sshd-config")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"

# What gets past a pattern would stand in a command line of root.
HOSTILE = ["", "'", "a'; id; '", "$(id)", "`id`", "a b", "a\nb", "-a", "--allow-root", "a/../b", "ünal", "{{ user }}", "a\0b", "A" * 4000]


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def documents():
    found = {os.path.basename(path): json.loads(read(path)) for path in glob.glob(os.path.join(CONFIG_DIR, "ssm-documents", "*.json"))}
    assert len(found) == 2, found
    return found


def script(document, **values):
    (step,) = document["mainSteps"]
    text = "\n".join(step["inputs"]["runCommand"])
    for name, value in values.items():
        text = text.replace("{{ %s }}" % name, value)
    return text


class NodeFilesTest(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="node-files-")
        self.addCleanup(shutil.rmtree, self.dir)

    # ---- host.conf ----

    def test_every_setting_is_in_example_and_manual(self):
        table = re.findall(r'^    \{"([A-Z]\w+)", "(\w+)", ', read(SOURCE_DIR, "pam_ssm", "core", "host_policy.c"), re.MULTILINE)
        self.assertGreater(len(table), 10)
        section, found = "", []
        for line in read(CONFIG_DIR, "ssm-bridge", "host.conf").splitlines():
            section = line[1:-1] if line.startswith("[") else section
            found += [(section, key.lower()) for key in re.findall(r"^#?([A-Z]\w+)=", line)]
        self.assertEqual(sorted(found), sorted(table))
        manual = re.findall(r"^\*([A-Z]\w+)=\*$", read(SOURCE_DIR, "docs", "man", "host.conf.5.scd"), re.MULTILINE)
        self.assertEqual(sorted(key.lower() for key in manual), sorted(key for _, key in table))

    # ---- systemd, logrotate ----

    def test_units(self):
        units = glob.glob(os.path.join(CONFIG_DIR, "systemd", "*.path")) + glob.glob(os.path.join(CONFIG_DIR, "systemd", "*.timer"))
        units += glob.glob(os.path.join(BUILD_DIR, "sshd-config", "systemd", "*.service"))
        self.assertEqual(len(units), 4)
        for unit in units:
            # systemd looks whether the program is there.
            text = re.sub(r"(?<=ExecStart=)\S*(?=/ssm-userctl )", BIN_DIR, read(unit))
            with open(os.path.join(self.dir, os.path.basename(unit)), "w", encoding="utf-8") as file:
                file.write(text)
        environment = dict(os.environ, SYSTEMD_UNIT_PATH=self.dir + ":")
        for unit in units:
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", os.path.join(self.dir, os.path.basename(unit))],
                                  capture_output=True, text=True, check=False, env=environment)
            ours = [line for line in done.stderr.splitlines() if "ssm-bridge" in line]
            self.assertEqual((done.returncode, ours), (0, []), done.stderr)

    def test_first_boot_comes_before_the_agent(self):
        unit = read(CONFIG_DIR, "systemd", "ssm-bridge-firstboot.service.in")
        self.assertIn("Before=amazon-ssm-agent.service snap.amazon-ssm-agent.amazon-ssm-agent.service\n", unit)

    def test_logrotate(self):
        if not shutil.which("logrotate", path="/usr/sbin:/usr/bin"):
            print("SKIP: no logrotate here")
            os._exit(77)
        log = os.path.join(self.dir, "audit.jsonl")
        config = os.path.join(self.dir, "ssm-bridge")
        with open(config, "w", encoding="utf-8") as file:
            owner = "%d %d" % (os.getuid(), os.getgid())
            file.write(read(CONFIG_DIR, "logrotate.d", "ssm-bridge").replace("/var/log/ssm-bridge/audit.jsonl", log).replace("root root", owner))
        os.chmod(config, 0o644)
        with open(log, "w", encoding="utf-8") as file:
            file.write("{}\n")
        done = subprocess.run(["/usr/sbin/logrotate", "--force", "--state", os.path.join(self.dir, "state"), config],
                              capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(read(log + ".1"), "{}\n")
        self.assertEqual((os.path.getsize(log), os.stat(log).st_mode & 0o777), (0, 0o640))

    # ---- Session Manager's documents ----

    def test_documents_have_the_right_form(self):
        for name, document in documents().items():
            with self.subTest(document=name):
                self.assertEqual(document["schemaVersion"], "2.2")
                self.assertEqual([step["action"] for step in document["mainSteps"]], ["aws:runShellScript"])
                for parameter in document.get("parameters", {}).values():
                    self.assertEqual(parameter["type"], "String")
                    self.assertRegex(parameter["allowedPattern"], r"^\^.*\$$")
                used = set(re.findall(r"\{\{ (\w+) \}\}", script(document)))
                self.assertEqual(used, set(document.get("parameters", {})))
                # each stands between quotes that its pattern cannot end
                self.assertEqual(len(re.findall(r"'\{\{ \w+ \}\}'", script(document))), len(used))

    def test_patterns_refuse_hostile_values(self):
        document = documents()["ssm-bridge-accept-key.json"]
        patterns = {name: re.compile(parameter["allowedPattern"]) for name, parameter in document["parameters"].items()}
        good = {"user": ["ssm-user", "_a"], "publicKey": [KEY], "seconds": ["60", "999"]}
        more = {"user": ["root'", "Root", "a" * 33], "seconds": ["0", "1000", "60s", "-1"],
                "publicKey": [KEY + " comment", KEY.replace(" ", "  "), KEY + "'", "ssh-dss " + KEY[12:], "command=\"id\" " + KEY]}
        for name, pattern in patterns.items():
            for value in good[name]:
                self.assertTrue(pattern.fullmatch(value), (name, value))
            for value in HOSTILE + more[name]:
                self.assertFalse(pattern.search(value), (name, value))

    def test_iam_statements_name_the_documents(self):
        (policy,) = re.findall(r"^```json\n(.*?)^```", read(SOURCE_DIR, "docs", "keys.md"), re.MULTILINE | re.DOTALL)
        statements = json.loads(policy)["Statement"]
        named = [resource.split(":document/")[1] for statement in statements for resource in statement["Resource"] if ":document/" in resource]
        self.assertEqual(sorted(named), sorted(name[:-len(".json")] for name in documents()))
        self.assertEqual({statement["Action"] for statement in statements}, {"ssm:SendCommand", "ssm:GetCommandInvocation"})

    def run_script(self, text):
        """By sh, with a ssm-userctl that notes its arguments."""
        fake, notes = os.path.join(self.dir, "ssm-userctl"), os.path.join(self.dir, "notes")
        with open(fake, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\nprintf '%%s\\n' \"$@\" >'%s'\n" % notes)
        os.chmod(fake, 0o755)
        self.assertIn("PATH=/usr/sbin:", text)
        subprocess.run(["sh", "-c", text.replace("PATH=/usr/sbin:", "PATH=%s:" % self.dir)], check=True)
        return read(notes).splitlines()

    def test_accept_key_runs_what_it_should(self):
        text = script(documents()["ssm-bridge-accept-key.json"], user="ssm-user", publicKey=KEY, seconds="60")
        self.assertEqual(self.run_script(text), ["key", "accept", "--user=ssm-user", "--for=60", KEY])
        self.assertNotIn("allow-root", text)

    def test_host_keys_are_printed(self):
        text = script(documents()["ssm-bridge-host-keys.json"])
        self.assertEqual(text.count("/etc/ssh/"), 1)
        for kind in ("ed25519", "rsa"):
            with open(os.path.join(self.dir, "ssh_host_%s_key.pub" % kind), "w", encoding="utf-8") as file:
                file.write("ssh-%s AAAA%s root@node\n" % (kind, kind))
        output = subprocess.run(["sh", "-c", text.replace("/etc/ssh", self.dir)], capture_output=True, text=True, check=True).stdout
        self.assertEqual(output, "ssh-ed25519 AAAAed25519\nssh-rsa AAAArsa\n")


if __name__ == "__main__":
    unittest.main()
