"""A managed node inside the sandbox: sshd with PAM, sudo, accounts, our module, and a stand-in for the SSM agent. One for all
tests of a file; reset() brings it back to where every test begins."""

import glob
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time

from workspace import SOURCE_DIR, show

BUILD_DIR = os.environ.get("SSM_BUILD_DIR") or os.path.join(SOURCE_DIR, "build", "dev")
WORK_DIR = "/run/test"
AUDIT = "/var/log/ssm-bridge/audit.jsonl"
RECORDS = "/run/ssm-bridge/sessions"
GRANTS = "/var/lib/ssm-bridge/grants"
LIMITED = "/etc/ssm-bridge/limited.d/test"
BOOT_ID = "/proc/sys/kernel/random/boot_id"
WORKER = "/usr/bin/ssm-session-worker"
AGENT_DIR = "/var/lib/amazon/ssm"
INSTANCE = "i-0123456789abcdef0"
STATE_DIR = AGENT_DIR + "/" + INSTANCE + "/document/state/current"
ALICE = "arn:aws:iam::123456789012:user/alice"
BOB = "arn:aws:sts::123456789012:assumed-role/Support/bob@example.com"

# As Debian's pam-auth-update writes them for pam_unix alone, so that no module of the real machine has a say.
COMMON = {
    "common-auth": "auth [success=1 default=ignore] pam_unix.so nullok\nauth requisite pam_deny.so\nauth required pam_permit.so\n",
    "common-account": "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\n"
                      "account requisite pam_deny.so\naccount required pam_permit.so\n",
    "common-session": "session [default=1] pam_permit.so\nsession requisite pam_deny.so\nsession required pam_permit.so\n"
                      "session required pam_unix.so\n",
    "common-session-noninteractive": "session [default=1] pam_permit.so\nsession requisite pam_deny.so\n"
                                     "session required pam_permit.so\nsession required pam_unix.so\n",
    "common-password": "password [success=1 default=ignore] pam_unix.so yescrypt\npassword requisite pam_deny.so\n"
                       "password required pam_permit.so\n",
    "cron": "@include common-auth\nsession required pam_loginuid.so\n@include common-account\n"
            "@include common-session-noninteractive\n",
}

SUDOERS = """\
Defaults env_reset, use_pty
Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
root ALL=(ALL:ALL) ALL
@includedir /etc/sudoers.d
"""

SSHD_CONFIG = """\
Include /etc/ssh/sshd_config.d/*.conf
ListenAddress 127.0.0.1
ListenAddress ::1
HostKey /run/test/host_key
PidFile none
UsePAM {use_pam}
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
UseDNS no
MaxStartups 200
LogLevel VERBOSE
"""

AGENT_RULE = "# User rules for ssm-user\nssm-user ALL=(ALL) NOPASSWD:ALL\n"  # what the SSM agent writes
PAM_BLOCK = "# BEGIN ssm-bridge: taken away by \"ssm-userctl pam disable\"\n%s\n# END ssm-bridge\n"
PAM_LINE = PAM_BLOCK % "-account [success=done ignore=ignore module_unknown=ignore default=die] pam_ssm.so"
PAM_SESSION_LINE = PAM_BLOCK % "-session optional pam_ssm.so"


class Syslog:
    """The node's /dev/log: lines without their "<priority>date"."""

    HEAD = re.compile(rb"^<\d+>(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d )?")

    def __init__(self):
        self.lines = []
        self.arrived = threading.Condition()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("/dev/log")
        os.chmod("/dev/log", 0o666)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            line = show(self.HEAD.sub(b"", self.socket.recv(65536)).rstrip(b"\0\n"))
            with self.arrived:
                self.lines.append(line)
                self.arrived.notify_all()

    def wait_for(self, words, since=0, timeout=60, what=""):
        """The first line from position `since` on with all these words."""

        def found():
            return next((line for line in self.lines[since:] if all(word in line for word in words)), None)

        with self.arrived:
            if not self.arrived.wait_for(found, timeout):
                raise AssertionError("no line with %s in syslog:\n%s\n%s" % (words, "\n".join(self.lines[since:]), what))
            return found()


class Session:
    """One Session Manager session, that the agent starts when it is used. `information` is what its state file says otherwise
    than it should; `then` is a shell command that damages the file, whose path is $1."""

    count = 0

    def __init__(self, owner=ALICE, session_id=None, document="AWS-StartSSHSession", port=22, worker=WORKER,
                 has_state=True, information=None, then=""):
        Session.count += 1
        self.id = session_id or "%s-%017x" % (re.split("[/:]", owner)[-1], Session.count)
        self.owner = owner
        self.path = "%s/session-%d.json" % (WORK_DIR, Session.count)
        self.description = {
            "id": self.id, "owner": owner, "node": INSTANCE, "document": document, "plugin": "Port", "port": port, "worker": worker,
            "state_dir": STATE_DIR, "has_state": has_state, "information": information or {}, "then": then,
            "environment": {"SESSION_WORKER_PORT": str(port)}}

    def command(self):
        write(self.path, json.dumps(self.description), 0o600)
        return ["/usr/bin/python3", os.path.join(os.path.dirname(os.path.abspath(__file__)), "agent_session.py"), self.path]

    def shell(self, command, user="ssm-user", document="SSM-SessionManagerRunShell"):
        """What the agent starts for its shell documents: setuid and `sh`, without PAM."""
        self.description.update(plugin="Standard_Stream", document=document,
                                environment={"SESSION_WORKER_USER": user, "SESSION_WORKER_COMMAND": command})
        return run(*self.command())


class Shell:
    """A shell of ssm-user's through ssh, that is told one command after the other."""

    def __init__(self, node, session):
        self.session = session
        self.process = subprocess.Popen(node.ssh_command("ssm-user", "exec bash --norc 2>&1", session=session), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/", bufsize=0)

    def do(self, command):
        self.process.stdin.write(("%s </dev/null; echo \"END $?\"\n" % command).encode())
        output = []
        for line in iter(self.process.stdout.readline, b""):
            end = re.match(rb"(.*)END (\d+)\n", line)
            if end:
                return Result(command, int(end.group(2)), "".join(output) + show(end.group(1)), "")
            output.append(show(line))
        raise AssertionError("the shell ended: %s\n%s" % (command, "".join(output)))

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Result:
    def __init__(self, command, status, output, errors):
        self.command, self.status, self.output, self.errors = command, status, output, errors

    def __str__(self):
        return "%s\nstatus %d\n%s%s" % (self.command, self.status, self.output, self.errors)


def run(*command, timeout=60, text_input=None, env=None, pass_fds=()):
    """Ends within the timeout; standard input is empty unless given."""
    done = subprocess.run(command, timeout=timeout, capture_output=True, check=False, env=env, cwd="/", pass_fds=pass_fds,
                          input=(text_input or "").encode())
    return Result(" ".join(command), done.returncode, show(done.stdout), show(done.stderr))


def must_run(*command, **options):
    result = run(*command, **options)
    if result.status != 0:
        raise AssertionError(str(result))
    return result


def write(path, text, mode=0o644):
    """Replaces a file, made with its folder when missing."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb" if isinstance(text, bytes) else "w") as file:
        file.write(text)
    os.chmod(path, mode)


def read(path):
    with open(path, encoding="utf-8", errors="backslashreplace") as file:
        return file.read()


def remove(*paths):
    for path in paths:
        for found in glob.glob(path):
            if os.path.isdir(found) and not os.path.islink(found):
                shutil.rmtree(found)
            else:
                os.remove(found)


class ManagedNode:
    users = ("administrator", "visitor")  # administrator may use sudo, visitor may not
    made = None

    @classmethod
    def the(cls):
        """The node of this process."""
        if cls.made is None:
            cls.made = cls()
        return cls.made

    def __init__(self):
        os.environ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        os.makedirs(WORK_DIR, 0o755)
        self.syslog = Syslog()
        self.sshd = None
        self.sshd_program = "/usr/sbin/sshd"
        self._install_sshd(os.environ.get("SSM_SSHD", self.sshd_program))
        self._forget_machine()
        self._install()
        self._make_accounts()
        self.sshd_pam = read("/etc/pam.d/sshd")
        write("/etc/sudoers.d/ssm-agent-users", AGENT_RULE, 0o440)
        self.set_level("none")
        self.sudoers = {path: read(path) for path in ("/etc/sudoers.d/ssm-agent-users", "/etc/sudoers.d/zzz-ssm-bridge")}
        self.reset()

    def _forget_machine(self):
        """Settings of the real machine that would be heard in here."""
        remove("/etc/sudoers.d/*", "/etc/ssh/sshd_config.d/*", "/etc/ssm-bridge", "/var/lib/ssm-bridge", "/var/log/ssm-bridge", AGENT_DIR,
               "/etc/nologin", "/etc/ld.so.preload")
        write("/etc/sudoers", SUDOERS, 0o440)
        write("/etc/hosts", "127.0.0.1 localhost node\n::1 localhost\n")
        for name, text in COMMON.items():
            write("/etc/pam.d/" + name, text)

    def _install_sshd(self, program):
        """Where Debian's package is unpacked and not installed, its files get their places in here."""
        if program == self.sshd_program:
            return
        unpacked = os.path.dirname(os.path.dirname(os.path.dirname(program)))
        for folder in ("etc", "usr"):
            shutil.copytree(os.path.join(unpacked, folder), "/" + folder, symlinks=True, dirs_exist_ok=True)

    def _install(self):
        """As `cmake --install` does, of what belongs on a node."""
        environment = {name: value for name, value in os.environ.items() if name != "DESTDIR"}
        for room in ("pam_ssm", "sshd-config"):
            script = os.path.join(BUILD_DIR, room, "cmake_install.cmake")
            if os.path.exists(script):
                must_run("cmake", "-DCMAKE_INSTALL_PREFIX=/usr", "-P", script, env=environment)
        (self.module,) = glob.glob("/usr/lib/security/pam_ssm.so") + glob.glob("/usr/lib/*/security/pam_ssm.so")
        shutil.copy(os.path.join(BUILD_DIR, "bin", "session_worker"), WORKER)
        os.chmod(WORKER, 0o755)
        os.makedirs("/var/log/ssm-bridge", 0o750, exist_ok=True)

    def _make_accounts(self):
        for name in ("host_key", "user_key"):
            must_run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", WORK_DIR + "/" + name)
        for user in ("ssm-user",) + self.users:
            if run("id", user).status == 0:
                must_run("userdel", "-r", user)
            self.add_user(user)
        must_run("chage", "-E", "1", "-M", "-1", "-m", "0", "-I", "-1", "-W", "-1", "ssm-user")
        if run("getent", "passwd", "sshd").status != 0:
            must_run("useradd", "-r", "-g", "nogroup", "-d", "/run/sshd", "-s", "/usr/sbin/nologin", "sshd")
        write("/etc/sudoers.d/administrator", "administrator ALL=(ALL:ALL) NOPASSWD: ALL\n", 0o440)

    def add_user(self, user):
        must_run("useradd", "-m", "-s", "/bin/bash", "-p", "!*", user)
        self.accept_key(user)

    def accept_key(self, user):
        write("/home/%s/.ssh/authorized_keys" % user, read(WORK_DIR + "/user_key.pub"))
        must_run("chown", "-R", user + ":", "/home/%s/.ssh" % user)

    # ---- the state that tests change ----

    def reset(self):
        """The policy, PAM and sudoers of a node at level none, no grant, no session, an empty audit log."""
        self.start_sshd()
        remove("/etc/ssm-bridge/*", GRANTS, "/run/ssm-bridge", AUDIT, STATE_DIR + "/*", "/run/nologin")
        write("/etc/pam.d/sshd", self.gated(self.sshd_pam))
        for name in ("ssm-sudo", "ssm-sudo-limited"):
            shutil.copy(os.path.join(SOURCE_DIR, "sshd-config", "pam.d", name), "/etc/pam.d/" + name)
            os.chmod("/etc/pam.d/" + name, 0o644)
        for path, text in self.sudoers.items():
            write(path, text, 0o440)

    @staticmethod
    def gated(service, line=PAM_LINE):
        """A PAM service file with our lines in their places."""
        text = service.replace("@include common-account\n", line + "@include common-account\n")
        return text.replace("@include common-session\n", PAM_SESSION_LINE + "@include common-session\n")

    def set_policy(self, text):
        write("/etc/ssm-bridge/host.conf", text)

    def set_level(self, level, commands="/usr/bin/id -u"):
        if level == "limited":
            write(LIMITED, "Cmnd_Alias SSMLIM_TEST = %s\n" % commands)
        must_run("ssm-userctl", "level", level, *(["--i-know"] if level == "limited" else []))

    @staticmethod
    def grant(seconds=60, session_id=None, owner=None):
        """Root for a while, for one session, one principal, or everybody; returns the path of its file."""
        bound = (["--session", session_id] if session_id else []) + (["--owner", owner] if owner else [])
        result = must_run("ssm-userctl", "grant", "--for", "%ds" % seconds, "--reason", "a test", "--json", *bound)
        return os.path.join(GRANTS, json.loads(result.output)[0]["id"])

    def start_sshd(self, use_pam="yes"):
        """Started again when it runs with other settings."""
        if self.sshd is not None:
            if self.sshd_use_pam == use_pam and self.sshd.poll() is None:
                return
            self.sshd.terminate()
            self.sshd.wait()
        self.sshd_use_pam = use_pam
        write("/etc/ssh/sshd_config", SSHD_CONFIG.format(use_pam=use_pam))
        since = len(self.syslog.lines)
        self.sshd = subprocess.Popen([self.sshd_program, "-D"], stdin=subprocess.DEVNULL, cwd="/")
        for address in ("127.0.0.1", "::1"):
            self.syslog.wait_for(["Server listening on %s " % address], since)

    # ---- what people do ----

    @staticmethod
    def ssh_command(user, *command, session=None, port=22, options=()):
        settings = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "GlobalKnownHostsFile=/dev/null", "IdentitiesOnly=yes",
                    "IdentityAgent=none", "BatchMode=yes", "LogLevel=ERROR", "ConnectTimeout=20", *options]
        if session:
            settings.append("ProxyCommand=" + " ".join(session.command()))
        arguments = [word for setting in settings for word in ("-o", setting)]
        return ["ssh", "-F", "none", "-i", WORK_DIR + "/user_key", "-p", str(port), *arguments, user + "@127.0.0.1", *command]

    def ssh(self, user, *command, timeout=60, text_input=None, **options):
        """ssh by root of the node; with a session through its worker, otherwise directly."""
        return run(*self.ssh_command(user, *command, **options), timeout=timeout, text_input=text_input)

    @staticmethod
    def run_as(user, *command):
        """Outside of any session, and without PAM."""
        return run("setpriv", "--reuid", user, "--regid", user, "--init-groups", "--reset-env", *command)

    # ---- what came of it ----

    @staticmethod
    def audit(event=None):
        lines = read(AUDIT).splitlines() if os.path.exists(AUDIT) else []
        entries = [json.loads(line) for line in lines]
        return [entry for entry in entries if event in (None, entry["event"])]

    @staticmethod
    def records():
        return sorted(os.listdir(RECORDS)) if os.path.isdir(RECORDS) else []

    @staticmethod
    def wait_until(what, condition, timeout=60):
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError("%s: not within %d s" % (what, timeout))
            time.sleep(0.01)
