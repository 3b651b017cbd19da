"""A private sshd on loopback that plays the managed node, and the ssh configuration that reaches it through ssm-proxy.

It runs as whoever runs this, with a host key, a user key and a known_hosts file of its own: nothing of the person's
~/.ssh or of the machine's sshd is read or written."""

import os
import pwd
import random
import shlex
import socket
import subprocess
import time

from workspace import program, show

ATTEMPTS = 5
START_SECONDS = 60

SSHD_CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {dir}/host_key
AuthorizedKeysFile {dir}/authorized_keys{pushed_keys}
PidFile none
AuthenticationMethods publickey
PermitRootLogin prohibit-password
UsePAM {use_pam}
StrictModes no
PermitUserRC no
PrintMotd no
PrintLastLog no
UseDNS no
MaxStartups 200
MaxSessions 200
SetEnv HOME={home}
Subsystem sftp internal-sftp
LogLevel VERBOSE
"""

SSH_CONFIG = """\
# Everything that ssh needs to reach the lab's nodes; used with ssh -F.
Host *
    ProxyCommand {proxy_command}
    User {user}
    Port {port}
    HostKeyAlias ssm-lab
    UserKnownHostsFile {dir}/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    IdentityFile {dir}/user_key
    IdentitiesOnly yes
    IdentityAgent none
    BatchMode yes
    ConnectTimeout 90
    LogLevel ERROR
"""


def account_is_locked(user):
    """Without PAM, sshd refuses an account whose password field begins with '!' (only root can look, and only a root
    sshd checks)."""
    try:
        with open("/etc/shadow", encoding="utf-8") as shadow:
            return any(line.startswith(user + ":!") for line in shadow)
    except OSError:
        return False


def account_name():
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        raise AssertionError("user id %d has no entry in /etc/passwd, and ssh and sshd refuse to run for such a user; "
                             "run this as a user that has one" % os.getuid()) from None


class Node:
    """`key_dirs`: sshd accepts the keys in their files USER, too; see Lab.key_dirs()."""

    def __init__(self, work, key_dirs=(), name="node"):
        self.work = work
        self.key_dirs = key_dirs
        self.name = name
        self.dir = work.make_dir(name)
        self.home = work.make_dir(name, "home")
        self.user = account_name()
        self.log_path = work.path(name, "sshd.log")
        self._make_key("user_key")
        self.work.write(name + "/authorized_keys", self.public_key("user_key"))
        self._make_host_key()
        self._start()

    def _make_key(self, name):
        self.work.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ssm-lab", "-f", self._file(name)]).check_returncode()

    def _make_host_key(self):
        self._make_key("host_key")
        self.work.write(self.name + "/known_hosts", "ssm-lab " + self.public_key("host_key"))

    def public_key(self, name="host_key"):
        """A line: type, base64, comment."""
        with open(self._file(name + ".pub"), encoding="ascii") as key:
            return key.read()

    def _file(self, name):
        return os.path.join(self.dir, name)

    def _start(self):
        # Below the range that the kernel gives to outgoing connections; somebody else may still have the port.
        for _ in range(ATTEMPTS):
            self.port = random.randint(20000, 32000)
            config = self.work.write(self.name + "/sshd_config", SSHD_CONFIG.format(
                port=self.port, dir=self.dir, home=self.home, use_pam="yes" if account_is_locked(self.user) else "no",
                pushed_keys="".join(" %s/%%u" % path for path in self.key_dirs)))
            self.process = self.work.start([os.environ.get("SSM_SSHD", "/usr/sbin/sshd"), "-D", "-f", config, "-E", self.log_path],
                                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if self._is_up():
                return
            self.work.stop(self.process)
        raise AssertionError("sshd did not start:\n" + self.log())

    def _is_up(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            if "Server listening on" in self.log():
                with socket.create_connection(("127.0.0.1", self.port), timeout=START_SECONDS) as connection:
                    return connection.recv(4) == b"SSH-"
            time.sleep(0.01)
        return False

    def log(self):
        try:
            with open(self.log_path, "rb") as log:
                return show(log.read())
        except FileNotFoundError:
            return ""

    @staticmethod
    def proxy_command(target="%n"):
        return "%s connect -- %s %%p %%r" % (shlex.quote(program("ssm-proxy")), target)

    def ssh_config(self, extra=""):
        """Writes an ssh configuration and returns its path. `extra`: more lines, before ours, so that they win."""
        text = extra + SSH_CONFIG.format(proxy_command=self.proxy_command(), user=self.user, port=self.port, dir=self.dir)
        return self.work.write("ssh_config", text)
