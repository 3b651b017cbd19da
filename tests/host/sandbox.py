"""A machine of its own for tests that need root: private mounts, network (lo alone), processes, host name and IPC. What
is written to /etc, /home, /var and /usr goes to a layer in memory, /run and /dev are fresh, so that nothing of the real
machine is touched; when the test ends, the kernel ends every process in there and forgets it all.

    import sandbox
    sandbox.enter()          # at the top of the test file: starts this very command again, inside

Exit status 77 with a line "SKIP: ..." where that is not possible. `python3 sandbox.py COMMAND...` runs a command inside."""

import os
import signal
import socket
import subprocess
import sys

INSIDE = "SSM_SANDBOX"
SKIPPED = 77
LAYERED = ("/etc", "/home", "/usr", "/var")
DEVICES = ("full", "null", "random", "tty", "urandom", "zero")
LINKS = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
UNSHARE = ["unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc"]


def skip(reason):
    print("SKIP: " + reason, flush=True)
    os._exit(SKIPPED)


def enter(command=None):
    if os.environ.get(INSIDE):
        return
    if os.getuid() != 0:
        skip("needs root")
    probe = subprocess.run(UNSHARE + ["true"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        skip("no private namespaces may be made here: " + probe.stderr.strip())
    inside = [sys.executable, os.path.abspath(__file__), *(command or sys.orig_argv)]
    os.execvpe("unshare", UNSHARE + inside, dict(os.environ, **{INSIDE: "yes"}))


def mount(*arguments):
    done = subprocess.run(["mount", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        skip("mount %s: %s" % (" ".join(arguments), done.stderr.strip()))


def make_layers():
    """The layers lie in a file system that soon has no name any more: /run is mounted over once again."""
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run")
    for path in LAYERED:
        upper, work = "/run/upper" + path, "/run/work" + path
        os.makedirs(upper)
        os.makedirs(work)
        os.chmod(upper, os.stat(path).st_mode & 0o7777)
        mount("-t", "overlay", "-o", "lowerdir=%s,upperdir=%s,workdir=%s" % (path, upper, work), "overlay", path)
    make_run()


def make_run():
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run")
    for path in ("/run/lock", "/run/sshd"):
        os.mkdir(path, 0o755)


def make_devices():
    """A test has a /dev/log of its own. The devices are bound, since mknod may be forbidden."""
    new = "/run/dev"
    os.mkdir(new)
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", new)
    for name in DEVICES:
        open(os.path.join(new, name), "xb").close()
        mount("--bind", "/dev/" + name, os.path.join(new, name))
    os.mkdir(new + "/pts")
    mount("-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=0620,gid=5", "devpts", new + "/pts")
    for name, target in LINKS.items():
        os.symlink(target, os.path.join(new, name))
    mount("--move", new, "/dev")
    os.rmdir(new)


def be_init():
    """Waits for whatever loses its parent, and ends with the child's status."""
    child = os.fork()
    if child == 0:
        return
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while True:
        pid, status = os.wait()
        if pid == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def main(command):
    enter(command)
    be_init()
    make_layers()
    make_devices()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    socket.sethostname("node")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
