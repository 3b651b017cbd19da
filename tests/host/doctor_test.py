"""ssm-userctl doctor: a good node is found good, and each defect is found, with advice."""

import json
import os
import shutil
import socket
import subprocess

from host_case import HostCase
from healthy_node import HOSTS, HealthyNode, Metadata, Service
from managed_node import WORK_DIR, WORKER, must_run, read, remove, run, write

healthy = None


class DoctorTest(HostCase):
    def setUp(self):
        super().setUp()
        global healthy
        healthy = healthy or HealthyNode(self.node.module)
        healthy.reset()

    def report(self, *arguments):
        result = run("ssm-userctl", "doctor", "--json", *arguments, env={**os.environ, "SSL_CERT_FILE": healthy.ca})
        self.assertIn(result.status, (0, 5), str(result))
        report = json.loads(result.output)
        self.assertEqual(report["is_weak"], result.status == 5)
        return report

    def doctor(self, *arguments):
        """The findings by check; the worst one where a check has several."""
        order = ["ok", "note", "unknown", "warn", "bad"]
        worst = {}
        for finding in self.report(*arguments)["checks"]:
            if finding["state"] in ("unknown", "warn", "bad"):
                self.assertTrue(finding.get("advice"), finding)
            kept = worst.get(finding["check"])
            if kept is None or order.index(kept["state"]) < order.index(finding["state"]):
                worst[finding["check"]] = finding
        return worst

    def expect(self, check, state, words, *arguments):
        finding = self.doctor(*arguments)[check]
        self.assertEqual(finding["state"], state, finding)
        self.assertIn(words, finding["finding"])

    def plant(self, path, content, mode=0o644):
        """A file for the length of the test, in the sandbox."""
        before = read(path) if os.path.exists(path) else None
        write(path, content, mode)
        self.addCleanup(remove if before is None else lambda path: write(path, before, mode), path)

    def test_good_node(self):
        findings = self.doctor()
        self.assertEqual({name: finding for name, finding in findings.items() if finding["state"] in ("warn", "bad")}, {})
        said = run("ssm-userctl", "doctor", env={**os.environ, "SSL_CERT_FILE": healthy.ca})
        self.assertEqual(said.status, 0, str(said))
        for words in ("ok      sudo-rules", "ok      network", "role NodeRole", "note    root-documents"):
            self.assertIn(words, said.output)

    # ---- sudo ----

    def test_rule_of_the_agent(self):
        self.plant("/etc/sudoers.d/zzzz-later", "ssm-user ALL=(ALL) NOPASSWD:ALL\n", 0o440)
        findings = self.doctor()
        self.assertEqual({check: findings[check]["state"] for check in ("sudo-rules", "sudo-nopasswd", "sudoers-files")},
                         {"sudo-rules": "bad", "sudo-nopasswd": "bad", "sudoers-files": "warn"})
        self.assertIn("NOPASSWD: ALL", findings["sudo-nopasswd"]["finding"])
        self.assertIn("zzzz-later", findings["sudoers-files"]["finding"])

    def test_rule_that_ours_outranks(self):
        self.plant("/etc/sudoers.d/ssm-agent-users", "ssm-user ALL=(ALL) NOPASSWD:ALL\n", 0o440)
        findings = self.doctor()
        self.assertEqual((findings["sudo-rules"]["state"], findings["sudo-nopasswd"]["state"]), ("ok", "warn"))

    def test_sudoers_around_ours(self):
        text = read("/etc/sudoers")
        self.plant("/etc/nsswitch.conf", "sudoers: files sss\n")
        self.plant("/etc/sudoers", text + "Defaults:ssm-user !pam_acct_mgmt\n%visitor ALL = ALL\n", 0o440)
        findings = self.doctor()
        self.assertEqual((findings["sudo-account-check"]["state"], findings["sudoers-order"]["state"], findings["sudoers-sources"]["state"]),
                         ("bad", "warn", "warn"))
        self.assertIn("Defaults:ssm-user !pam_acct_mgmt", findings["sudoers-order"]["finding"])
        write("/etc/sudoers", text.replace("@includedir", "#"), 0o440)
        self.expect("sudoers-order", "bad", "does not include")

    # ---- ways in ----

    def test_sshd(self):
        self.plant("/etc/ssh/sshd_config", read("/etc/ssh/sshd_config").replace("UsePAM yes", "UsePAM no"))
        self.expect("sshd-pam", "bad", "UsePAM no")
        remove("/etc/ssh/sshd_config.d/10-ssm-bridge.conf")
        self.expect("sshd-networks", "warn", "does not refuse ssm-user")
        write("/etc/ssh/sshd_config.d/10-ssm-bridge.conf", "DenyUsers ssm-user\n")
        self.expect("sshd-networks", "bad", "from loopback too")
        write("/etc/ssh/sshd_config", "Nonsense \x1b[31m\n")
        self.expect("sshd", "unknown", "Nonsense")

    def start_as(self, program, user=None):
        """A process that is called so, until the test ends."""
        shutil.copy("/bin/cat", program)
        self.addCleanup(remove, program)
        process = subprocess.Popen([program], stdin=subprocess.PIPE, user=user)  # returns when it runs the program
        self.addCleanup(process.communicate)
        return process

    def test_other_ssh_servers(self):
        self.expect("ssh-servers", "ok", "besides OpenSSH's")
        self.start_as("/usr/local/bin/lshd", user="visitor")  # anybody may call a program so
        self.start_as("/usr/local/bin/dropbear-none")
        self.start_as("/usr/local/sbin/tailscaled")
        self.plant("/usr/bin/tailscale", "#!/bin/sh\nprintf '{\\n\\t\"RunSSH\": false\\n}\\n'\n", 0o755)
        self.expect("ssh-servers", "ok", "besides OpenSSH's")
        write("/usr/bin/tailscale", "#!/bin/sh\nprintf '{\\n\\t\"RunSSH\": true\\n}\\n'\n", 0o755)
        self.expect("ssh-servers", "warn", "tailscaled runs")
        remove("/usr/bin/tailscale", "/usr/local/sbin/tailscaled")
        server = self.start_as("/usr/sbin/dropbear")
        findings = [finding["finding"] for finding in self.report()["checks"] if finding["check"] == "ssh-servers"]
        self.assertEqual(len(findings), 2, findings)
        self.assertIn("dropbear runs (process %d): nothing makes it look whether ssm-user is expired" % server.pid, findings[0])
        self.assertIn("tailscaled runs", findings[1])  # its file is gone, and nobody tells its settings

    def test_account(self):
        self.addCleanup(lambda: must_run("chage", "-E", "1", "ssm-user"))
        must_run("chage", "-E", "-1", "ssm-user")
        must_run("groupadd", "-f", "docker")
        must_run("gpasswd", "-a", "ssm-user", "docker")
        self.addCleanup(lambda: must_run("gpasswd", "-d", "ssm-user", "docker"))
        self.plant("/var/spool/cron/crontabs/ssm-user", "* * * * * true\n", 0o600)
        self.plant("/home/ssm-user/.ssh/authorized_keys", "")
        self.plant("/home/ssm-user/.config/systemd/user/x.service", "")
        findings = self.doctor()
        self.assertEqual({check: findings["account" + check]["state"] for check in ("", "-groups", "-cron", "-keys", "-units", "-at", "-linger")},
                         {"": "bad", "-groups": "bad", "-cron": "warn", "-keys": "warn", "-units": "warn", "-at": "ok", "-linger": "ok"})
        self.assertIn("docker", findings["account-groups"]["finding"])

    def test_worker_and_module(self):
        self.addCleanup(os.chmod, WORKER, 0o755)
        os.chmod(WORKER, 0o775)
        self.addCleanup(os.rename, healthy.module + ".away", healthy.module)
        os.rename(healthy.module, healthy.module + ".away")
        findings = self.doctor()
        self.assertEqual((findings["worker"]["state"], findings["pam-module"]["state"]), ("bad", "bad"))
        self.node.set_policy("[Session]\nWorkerPath=/opt/none/ssm-session-worker\n")
        findings = self.doctor()
        self.assertIn("none of the files of WorkerPath", findings["worker"]["finding"])
        self.assertEqual(findings["agent-installed"]["state"], "bad")

    # ---- the agent ----

    def test_agent(self):
        healthy.stop_agent()
        self.plant("/var/log/amazon/ssm/amazon-ssm-agent.log",
                   "2026-11-21 10:00:00 ERROR old\n2026-11-21 10:00:01 ERROR \x1b[2Jnew\n2026-11-21 10:00:02 INFO fine\n")
        findings = self.doctor()
        self.assertEqual((findings["agent-running"]["state"], findings["agent-log"]["state"]), ("bad", "warn"))
        self.assertTrue(findings["agent-log"]["finding"].endswith("ERROR \x1b[2Jnew"))
        self.assertIn("ERROR \\x1b[2Jnew\n", run("ssm-userctl", "doctor").output)

    def test_proxy(self):
        healthy.start_agent(https_proxy="http://me:hidden@proxy.example:3128")
        finding = self.doctor()["agent-proxy"]
        self.assertEqual(finding["state"], "warn")
        self.assertIn("proxy.example:3128", finding["finding"])
        self.assertNotIn("hidden", finding["finding"])
        healthy.start_agent(https_proxy="http://proxy.example:3128", no_proxy="localhost,169.254.169.254")
        self.expect("agent-proxy", "ok", "proxy.example")

    # ---- the way to its services ----

    def test_services(self):
        write("/etc/hosts", "127.0.0.1 localhost node %s\n127.0.0.2 %s\n" % (HOSTS[0], HOSTS[1]))
        blocked = socket.create_server(("127.0.0.2", 443), backlog=0)  # its queue is full: a connection hangs there
        self.addCleanup(blocked.close)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            self.addCleanup(filler.close)
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.2", 443))
        report = json.loads(run("ssm-userctl", "doctor", "--json", env={**os.environ, "SSL_CERT_FILE": "/dev/null"}).output)
        network = [finding for finding in report["checks"] if finding["check"] == "network"]
        self.assertEqual([finding["state"] for finding in network], ["bad"] * 3)
        self.assertIn("no TLS: unable to get local issuer certificate", network[0]["finding"])
        self.assertIn("no connection to port 443: no answer in time", network[1]["finding"])
        self.assertIn("no address", network[2]["finding"])

    def test_clock(self):
        Service.ahead_s = 600
        self.expect("clock", "bad", "behind")
        Service.ahead_s = -30
        self.expect("clock", "warn", "ahead of")

    def test_region(self):
        self.plant("/etc/amazon/ssm/amazon-ssm-agent.json", '{"Agent": {"Region": "cn-none-1"}}')
        self.expect("network", "bad", "amazonaws.com.cn: no address")
        self.expect("network", "ok", "answers", "--region", "eu-test-1")
        self.expect("network", "unknown", "region", "--region", "../x")

    # ---- its credentials ----

    def test_credentials_left_by_an_aws_cli(self):
        self.plant(WORK_DIR + "/root/.aws/credentials", "[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = hidden\n")
        finding = self.doctor()["credentials"]
        self.assertEqual(finding["state"], "warn")
        self.assertIn("takes keys of %s/root/.aws/credentials, and not: instance profile" % WORK_DIR, finding["finding"])
        self.assertNotIn("hidden", json.dumps(finding))
        healthy.start_agent(AWS_PROFILE="other")
        self.expect("credentials", "ok", "role NodeRole")

    def test_sources(self):
        healthy.start_agent(AWS_ACCESS_KEY_ID="AKIDEXAMPLE", AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="/x")
        self.expect("credentials", "warn", "environment of the agent, and not: container role, instance profile")
        self.plant("/var/lib/amazon/ssm/registration", '{"ManagedInstanceID": "mi-0123456789abcdef0", "Region": "eu-test-1"}', 0o600)
        self.expect("credentials", "ok", "hybrid activation of mi-0123456789abcdef0; it does not take: environment of the agent")

    def test_metadata(self):
        Metadata.wants_token = False
        self.expect("metadata", "warn", "without a token")
        Metadata.role = None
        self.expect("credentials", "bad", "no role in the instance metadata")
