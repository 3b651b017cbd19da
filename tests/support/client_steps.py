"""What people do with ssh, as steps: each runs real OpenSSH clients through ssm-proxy, compares both ends, and raises
AssertionError when anything is wrong. The demo shows them in a table; the end-to-end tests run them one by one.

A step returns (bytes moved or None, seconds or None, a remark)."""

import hashlib
import os
import random
import time

from workspace import show

MIB = 1024 * 1024
STEP_TIMEOUT = 300


def sha256_here(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tree_digest_here(root):
    """What `find . -type f | sort | xargs sha256sum | sha256sum` says in that folder."""
    paths = ["./" + os.path.relpath(os.path.join(folder, name), root) for folder, _, names in os.walk(root) for name in names]
    lines = ["%s  %s\n" % (sha256_here(os.path.join(root, path)), path) for path in sorted(paths)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


class ClientSteps:
    def __init__(self, work, lab, node, seed=None):
        self.work = work
        self.lab = lab
        self.seed = random.randrange(2 ** 32) if seed is None else seed
        self.random = random.Random(self.seed)
        self.config = node.ssh_config("""\
Host node-shared
    ControlMaster auto
    ControlPath {path}
    ControlPersist 60
    ProxyCommand {command}
""".format(path=work.path("master"), command=node.proxy_command("node")))
        self.remote = work.make_dir("node", "files")
        self.env = lab.environment(
            GIT_SSH_COMMAND="ssh -F " + self.config, GIT_CONFIG_NOSYSTEM="1", GIT_TERMINAL_PROMPT="0",
            GIT_AUTHOR_NAME="demo", GIT_AUTHOR_EMAIL="demo@localhost", GIT_COMMITTER_NAME="demo",
            GIT_COMMITTER_EMAIL="demo@localhost")

    # Helpers

    def run(self, *command):
        completed = self.work.run(command, STEP_TIMEOUT, env=self.env)
        if completed.returncode != 0:
            raise AssertionError("%s: exit status %d\n%s%s" % (
                " ".join(command), completed.returncode, show(completed.stdout)[-2000:], show(completed.stderr)[-2000:]))
        return show(completed.stdout)

    def timed(self, *command):
        started = time.monotonic()
        self.run(*command)
        return time.monotonic() - started

    def ssh(self, *command, host="node"):
        return self.run("ssh", "-F", self.config, host, *command)

    def random_file(self, path, size):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(self.random.randbytes(size))
        return path

    def check_same(self, local_path, remote_path):
        """SHA-256 computed here, and on the node."""
        here, there = sha256_here(local_path), self.ssh("sha256sum", remote_path).split()[0]
        if here != there:
            raise AssertionError("SHA-256 differs: %s here, %s on the node" % (here, there))
        return "sha256 %s… at both ends" % here[:12]

    def check_same_tree(self, root, remote_root):
        here = tree_digest_here(root)
        there = self.ssh("cd %s && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum" % remote_root)
        if here != there.split()[0]:
            raise AssertionError("the trees differ")

    # Steps

    def uname(self):
        started = time.monotonic()
        answer = self.ssh("uname", "-a").strip()
        seconds = time.monotonic() - started
        if os.uname().release not in answer:
            raise AssertionError("uname -a said %r" % answer)
        return None, seconds, answer[:50]

    def scp_up(self, size):
        local = self.random_file(self.work.path("up"), size)
        seconds = self.timed("scp", "-q", "-F", self.config, local, "node:%s/up" % self.remote)
        return size, seconds, self.check_same(local, self.remote + "/up")

    def scp_down(self, size):
        remote = self.random_file(self.remote + "/down", size)
        seconds = self.timed("scp", "-q", "-F", self.config, "node:" + remote, self.work.path("down"))
        return size, seconds, self.check_same(self.work.path("down"), remote)

    def sftp(self, size):
        local, back = self.random_file(self.work.path("sftp-here"), size), self.work.path("sftp-back")
        batch = self.work.write("batch", "mkdir {0}/sftp\ncd {0}/sftp\nput {1} one\nrename one two\nls -l\nget two {2}\n".format(
            self.remote, local, back))
        seconds = self.timed("sftp", "-q", "-F", self.config, "-b", batch, "node")
        self.check_same(local, self.remote + "/sftp/two")
        return 2 * size, seconds, self.check_same(back, self.remote + "/sftp/two")

    def rsync(self):
        seconds = self.timed("rsync", "-a", "--delete", "-e", "ssh -F " + self.config, self.work.path("tree") + "/",
                             "node:%s/tree/" % self.remote)
        self.check_same_tree(self.work.path("tree"), self.remote + "/tree")
        return seconds

    def rsync_new(self, files):
        total = 0
        for number in range(files):
            size = self.random.randrange(0, 4096)
            self.random_file(self.work.path("tree", "d%02d" % (number % 25), "f%04d" % number), size)
            total += size
        return total, self.rsync(), "%d files the same at both ends" % files

    def rsync_changed(self, files):
        """After rsync_new of as many files: every hundredth is deleted, as many are changed, one is new."""
        changed = 5000
        for number in range(0, files, 50):
            path = self.work.path("tree", "d%02d" % (number % 25), "f%04d" % number)
            if number % 100 == 0:
                os.remove(path)
            else:
                self.random_file(path, 5000)
                changed += 5000
        self.random_file(self.work.path("tree", "new", "file"), 5000)
        return changed, self.rsync(), "changed, deleted and new files: the same at both ends"

    def git_clone(self):
        repository, seed, clone = self.remote + "/project.git", self.work.path("seed"), self.work.path("clone")
        self.run("git", "init", "-q", "-b", "main", seed)
        for number in range(50):
            self.random_file(os.path.join(seed, "file%d" % number), 8192)
        self.run("git", "-C", seed, "add", ".")
        self.run("git", "-C", seed, "commit", "-q", "-m", "First")
        self.run("git", "clone", "-q", "--bare", seed, repository)
        seconds = self.timed("git", "clone", "-q", "node:" + repository, clone)
        self.run("git", "-C", clone, "fsck", "--strict")
        return 50 * 8192, seconds, "50 files, git fsck is content"

    def git_push(self, size):
        """After git_clone."""
        clone = self.work.path("clone")
        self.random_file(os.path.join(clone, "more"), size)
        self.run("git", "-C", clone, "add", ".")
        self.run("git", "-C", clone, "commit", "-q", "-m", "Second")
        seconds = self.timed("git", "-C", clone, "push", "-q", "origin", "main")
        here = self.run("git", "-C", clone, "rev-parse", "HEAD").strip()
        there = self.ssh("git", "--git-dir", self.remote + "/project.git", "rev-parse", "main").strip()
        if here != there:
            raise AssertionError("%s here, %s on the node" % (here, there))
        return size, seconds, "commit %s at both ends" % here[:12]

    def shared_master(self, commands):
        before = self.lab.counter("started")
        started = time.monotonic()
        for number in range(commands):
            answer = self.ssh("echo", "answer", str(number), host="node-shared")
            if answer != "answer %d\n" % number:
                raise AssertionError("command %d answered %r" % (number, answer))
        seconds = time.monotonic() - started
        sessions = self.lab.counter("started") - before
        self.run("ssh", "-F", self.config, "-O", "exit", "node-shared")
        if sessions != 1:
            raise AssertionError("%d sessions instead of one" % sessions)
        return None, seconds, "one session carried them all"

    def no_session_left(self):
        self.lab.wait_for_no_session()
        return None, None, "%d were started" % self.lab.counter("started")
