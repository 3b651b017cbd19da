"""A private temporary folder, and child processes that never outlive it.

    with Workspace() as work:
        process = work.start(["ssm-lab"], stdout=subprocess.PIPE)

Leaving the block, by whatever way short of SIGKILL, ends what was started (by its own process id, children included) and
removes the folder. SIGKILL of this process ends them too: each is started with a parent death signal."""

import os
import re
import shutil
import signal
import subprocess
import tempfile

SOURCE_DIR = os.environ.get("SSM_SOURCE_DIR") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN_DIR = os.environ.get("SSM_BIN_DIR") or os.path.join(SOURCE_DIR, "build", "dev", "bin")

# A ControlPath lies in here, and a unix socket's path ends at 107 characters.
LONGEST_TEMP_DIR = 40

LOG_LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (\d+) (.*)$")

HELD_OPEN = "held open"


def program(name):
    """Absolute path of one of our own executables."""
    path = os.path.join(BIN_DIR, name)
    if not os.access(path, os.X_OK):
        raise FileNotFoundError("%s is not built (SSM_BIN_DIR)" % path)
    return path


def helper(name):
    """The same of one that ssm-proxy or ssh starts."""
    return os.path.realpath(program(os.path.join("..", "libexec", "ssm-bridge", name)))


def exit_on_signals():
    """SIGTERM and SIGHUP unwind the stack as Ctrl-C does, so that every `with` block ends properly. Ctrl-C itself is
    ignored by what a shell started in the background, unless asked for."""

    def leave(number, _frame):
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def bare_environment():
    """What a child gets: nothing of the caller's AWS settings, proxies or agents."""
    kept = {name: os.environ[name] for name in ("PATH", "USER", "LOGNAME", "TERM", "SHELL") if name in os.environ}
    kept.update(LC_ALL="C.UTF-8", AWS_EC2_METADATA_DISABLED="true", PYTHONDONTWRITEBYTECODE="1")
    # Sanitizer builds: a finding must not pass for one of our own exit codes.
    kept.setdefault("ASAN_OPTIONS", "exitcode=99")
    kept.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:exitcode=99")
    kept.setdefault("LSAN_OPTIONS", "exitcode=99")
    return kept


class Workspace:
    def __init__(self):
        parent = tempfile.gettempdir()
        self.dir = tempfile.mkdtemp(prefix="ssm-", dir=parent if len(parent) <= LONGEST_TEMP_DIR else "/tmp")
        self.home = self.make_dir("home")
        self.state = self.make_dir("state")
        self._processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def make_dir(self, *names):
        path = self.path(*names)
        os.makedirs(path, mode=0o700, exist_ok=True)
        return path

    def write(self, name, text, mode=0o600):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb" if isinstance(text, bytes) else "w") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def environment(self, **more):
        """HOME and XDG_STATE_HOME inside the workspace; None removes a variable."""
        result = dict(bare_environment(), HOME=self.home, XDG_STATE_HOME=self.state, TMPDIR=self.dir)
        result.update(more)
        return {name: value for name, value in result.items() if value is not None}

    def last_log(self):
        """(process id, words) of each line of last.log; none without the file, or while it is being made."""
        path = os.path.join(self.state, "ssm-bridge", "last.log")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            text = file.read()
        matches = [LOG_LINE.match(line) for line in text.splitlines()]
        assert not text or text.endswith("\n") and all(matches), text
        return [(int(match.group(1)), match.group(2)) for match in matches]

    def start(self, command, **options):
        """subprocess.Popen, remembered."""
        options.setdefault("env", self.environment())
        process = subprocess.Popen(["setpriv", "--pdeathsig=TERM"] + list(command), **options)
        self._processes.append(process)
        return process

    def run(self, command, timeout=60, **options):
        """subprocess.run with output captured, standard input empty (HELD_OPEN: a pipe in which nothing comes), and
        everything it started ended on timeout."""
        options.setdefault("env", self.environment())
        text_input = options.pop("input", None)
        options.setdefault("stdin", subprocess.DEVNULL if text_input is None else subprocess.PIPE)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        if options["stdin"] == HELD_OPEN:
            reading, writing = os.pipe()
            try:
                return self.run(command, timeout, **dict(options, stdin=reading))
            finally:
                os.close(reading)
                os.close(writing)
        process = self.start(command, start_new_session=True, **options)
        try:
            out, err = process.communicate(text_input, timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            raise AssertionError("not done after %d s: %s\n%s%s" % (timeout, command, show(out), show(err)))
        finally:
            self._processes.remove(process)
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def stop(self, process, timeout=10):
        """Ends one started process politely, then firmly. Returns its exit status."""
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()
        if process in self._processes:
            self._processes.remove(process)
        return process.returncode

    def close(self):
        for process in reversed(list(self._processes)):
            try:
                self.stop(process)
            except OSError:
                pass  # a pipe whose reader is gone cannot be flushed
        shutil.rmtree(self.dir, ignore_errors=True)


def show(output):
    if output is None:
        return ""
    return output.decode(errors="backslashreplace") if isinstance(output, bytes) else output
