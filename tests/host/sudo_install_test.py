"""What stands below /etc/sudoers.d when ssm-userctl is killed, or the disk is full; and whether any list, level and grant
comes out as visudo, cvtsudoers and sudo themselves understand it."""

import json
import os
import random
import re

from host_case import HostCase
from managed_node import GRANTS, read, remove, run, write

OURS = "/etc/sudoers.d/zzz-ssm-bridge"
AGENTS = "/etc/sudoers.d/ssm-agent-users"
AGENT_RULE = "# User rules for ssm-user\nssm-user ALL=(ALL) NOPASSWD:ALL\n"
LEVEL_FILE = "/etc/ssm-bridge/host.conf.d/50-level.conf"
LIST = "/etc/ssm-bridge/limited.d/list"
# What changes a file system: between two of them, nothing does.
CHANGES = ("write", "fchmod", "fsync", "rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "sendto")


def userctl(*arguments):
    return run("ssm-userctl", *arguments)


def content(path):
    return read(path) if os.path.exists(path) else None


class InstallCase(HostCase):
    def setUp(self):
        super().setUp()
        self.start_again()

    def start_again(self):
        remove("/etc/ssm-bridge", "/var/lib/ssm-bridge", "/etc/sudoers.d/*", "/etc/sudoers.d/.*")
        for path in ("/etc/ssm-bridge", "/etc/ssm-bridge/limited.d"):
            os.mkdir(path, 0o755)
        write(AGENTS, AGENT_RULE, 0o440)


class KilledTest(InstallCase):
    def kill_at(self, call, number, *command):
        """Kills it before its number-th call of that name. False when it had come to its end before."""
        result = run("strace", "-qq", "-o", "/run/trace", "-e", "trace=" + call, "-e", "inject=%s:signal=KILL:when=%d" % (call, number),
                     "/usr/sbin/ssm-userctl", *command)
        return result.status != 0

    def assert_whole(self, old, new):
        self.assert_success(run("visudo", "-c"))
        self.assertIn(content(OURS), (old[0], new[0]))
        self.assertIn(content(AGENTS), (old[1], new[1]))

    def level(self, level):
        self.assert_success(userctl("level", level))
        return content(OURS), content(AGENTS)

    def judge(self, places, old_level, new_level):
        """Kills the change between two levels (None: the agent's rule alone) at these places, each time from the beginning; then
        does it again, whole. Gives how often it was killed."""
        killed = 0
        new = self.level(new_level)
        self.start_again()
        old = self.level(old_level) if old_level else (None, AGENT_RULE)
        for call, numbers in places:
            for number in numbers:
                self.start_again()
                if old_level:
                    self.level(old_level)
                if not self.kill_at(call, number, "level", new_level):
                    break
                killed += 1
                with self.subTest(call=call, number=number):
                    self.assert_whole(old, new)
                    if content(OURS) != new[0]:
                        self.assertEqual(content(AGENTS), old[1])  # ours comes first
                    self.assertEqual(self.level(new_level), new)
                    self.assertEqual([name for name in os.listdir("/etc/sudoers.d") if name.startswith(".")], [])
        return killed

    def test_killed_before_every_change(self):
        everywhere = [(call, range(1, 100)) for call in CHANGES]
        self.assertGreater(self.judge(everywhere, "none", "root"), 12)

    def test_killed_the_first_time(self):
        everywhere = [(call, range(1, 100)) for call in CHANGES]
        self.assertGreater(self.judge(everywhere, None, "none"), 12)

    def test_killed_at_any_other_call(self):
        seed = random.SystemRandom().randrange(1 << 32)
        print("seed", seed)
        chance = random.Random(seed)
        calls = [("openat", 40), ("close", 40), ("read", 20), ("fstat", 20), ("poll", 8), ("wait4", 4), ("clone3", 4), ("newfstatat", 4), ("mmap", 20)]
        places = [(call, [chance.randint(1, most)]) for call, most in calls]
        self.assertGreater(self.judge(places, "root", "none"), 3)


class FullDiskTest(InstallCase):
    def fill(self, path, size="size=8k"):
        """The directory on a file system of its own, without room."""
        names = {name: (read(os.path.join(path, name)), os.stat(os.path.join(path, name)).st_mode & 0o7777) for name in os.listdir(path)}
        mode = os.stat(path).st_mode & 0o7777
        self.assert_success(run("mount", "-t", "tmpfs", "-o", "%s,mode=%o" % (size, mode), "tmpfs", path))
        self.addCleanup(run, "umount", path)
        for name, (text, file_mode) in names.items():
            write(os.path.join(path, name), text, file_mode)
        with open("/dev/zero", "rb") as zero, open(os.path.join(path, ".fill"), "wb", buffering=0) as file:
            try:
                while True:
                    file.write(zero.read(512))
            except OSError:
                pass

    def assert_nothing_happened(self, before, result):
        self.assertEqual(result.status, 1, str(result))
        self.assertIn("No space left on device", result.errors)
        self.assertEqual((content(OURS), content(AGENTS), content(LEVEL_FILE)), before)
        self.assert_success(run("visudo", "-c"))

    def test_level(self):
        self.assert_success(userctl("level", "none"))
        before = content(OURS), content(AGENTS), content(LEVEL_FILE)
        for path in ("/etc/sudoers.d", os.path.dirname(LEVEL_FILE)):
            with self.subTest(path=path):
                self.fill(path)
                self.assert_nothing_happened(before, userctl("level", "root"))
                self.assertEqual([name for name in os.listdir(path) if name.startswith(".tmp")], [])
                run("umount", path)

    def test_grant(self):
        self.assert_success(userctl("grant", "--for", "1h", "--reason", "x"))
        self.assert_success(userctl("revoke", "--all"))
        before = content(OURS), content(AGENTS), content(LEVEL_FILE)
        for path in ("/etc/sudoers.d", GRANTS):
            with self.subTest(path=path):
                self.fill(path)
                self.assert_nothing_happened(before, userctl("grant", "--for", "1h", "--reason", "x"))
                self.assertEqual([name for name in os.listdir(GRANTS) if not name.startswith(".fill")], [])
                run("umount", path)


class Command:
    """A random entry of a list: what it says, what cvtsudoers should make of it, and what it matches."""

    PROGRAMS = ("/usr/bin/stat", "/usr/bin/id", "/usr/bin/true", "/usr/bin/wc")
    WORDS = ("-l", "a,b", "x:y", "k=v", "a#b", "c\\d", "--no-pager", "nginx.service", "a@b", "~", "%", "x+y", "(z)", "$HOME", "`id`", "'")

    def __init__(self, chance):
        self.program = chance.choice(self.PROGRAMS)
        kind = chance.randrange(4)
        self.words = None
        self.regex = None
        self.text = self.program
        if kind == 0:
            self.words = []
            self.text += ' ""'
        elif kind == 1:
            self.words = [chance.choice(self.WORDS) for _ in range(chance.randint(1, 4))]
            self.text += chance.choice((" ", "\t ", " \\\n  ")) + chance.choice((" ", "  ")).join(map(self.escape, self.words))
        elif kind == 2:
            self.regex = chance.choice(("^-[a-z]+ (x|y)$", "^[a-z]{2,4}$", "^(start|stop) [a-z0-9][a-z0-9.-]*[.]service$", "^a,b$"))
            self.text += " " + self.regex
        self.json = self.program + {0: ' ""', 1: " " + " ".join(self.words or []), 2: " " + str(self.regex), 3: ""}[kind]

    @staticmethod
    def escape(word):
        return re.sub(r"([,:=#\\])", r"\\\1", word)

    def matches(self, program, words):
        if program != self.program:
            return False
        if self.regex:
            return re.fullmatch(self.regex[1:-1], " ".join(words)) is not None
        # sudo matches plain words by fnmatch(3), where a backslash stands for the next character.
        return self.words is None or [word.replace("\\", "") for word in self.words] == words

    def example(self, chance):
        words = self.words
        if self.regex:
            words = chance.choice((["-a", "x"], ["abc"], ["start", "nginx.service"], ["a,b"], ["start", "x.service", "y"], ["abcde"]))
        if words is None or chance.random() < 0.3:
            words = [chance.choice(self.WORDS) for _ in range(chance.randint(0, 2))]
        return [self.program] + words


class PropertyTest(InstallCase):
    def write_list(self, chance):
        aliases = {}
        for number in range(chance.randint(1, 3)):
            aliases["SSMLIM_%s%d" % (chance.choice("ABC_"), number)] = [Command(chance) for _ in range(chance.randint(1, 4))]
        lines = ["# a list\n"]
        for name, commands in aliases.items():
            lines.append("Cmnd_Alias %s%s= %s\n" % (name, chance.choice(("", " ")), chance.choice((",", ", ", " , \\\n\t")).join(
                command.text for command in commands)))
        write(LIST, "".join(lines))
        return aliases

    def assert_understood(self, level, aliases, has_grant):
        """cvtsudoers: the aliases and rules are those that were meant."""
        parsed = json.loads(run("cvtsudoers", "-f", "json", "-e", OURS).output if level != "limited" else
                            run("cvtsudoers", "-f", "json", OURS).output)
        expected = {name: [command.json for command in commands] for name, commands in aliases.items()} if level == "limited" else {}
        found = {name: [entry["command"] for entry in entries] for name, entries in parsed.get("Command_Aliases", {}).items()}
        self.assertEqual(found, expected)
        rules = []
        for spec in parsed["User_Specs"]:
            self.assertEqual((spec["User_List"], spec["Host_List"]), ([{"username": "ssm-user"}], [{"hostname": "ALL"}]))
            for rule in spec["Cmnd_Specs"]:
                options = {key: value for option in rule.get("Options", []) for key, value in option.items() if key != "notafter"}
                self.assertTrue(options.pop("authenticate"))
                rules.append((sorted(options.items()), [str(entry) for entry in rule["Commands"]]))
        wanted = [([], ["{'command': 'ALL', 'negated': True}"])]
        if level == "root" or has_grant:
            wanted.append(([("setenv", False)], ["{'command': 'ALL'}"]))
        if level == "limited":
            if has_grant:
                wanted.append(([], ["{'cmndalias': '%s', 'negated': True}" % name for name in aliases]))
            wanted.append(([("noexec", True), ("setenv", False)], ["{'cmndalias': '%s'}" % name for name in aliases]))
        self.assertEqual(rules, wanted)

    def assert_allowed(self, chance, level, aliases, has_grant):
        """sudo -l: each command is allowed exactly when list, level or grant allow it."""
        commands = [command for group in aliases.values() for command in group]
        for _ in range(6):
            program, *words = chance.choice(commands).example(chance)
            is_listed = level == "limited" and any(command.matches(program, words) for command in commands)
            is_root = level == "root" or has_grant
            for user, expected in (("root", is_root or is_listed), ("visitor", is_root and not is_listed)):
                answer = run("sudo", "-n", "-l", "-U", "ssm-user", "-u", user, program, *words)
                self.assertEqual(answer.status == 0, expected, (level, has_grant, user, program, words, read(OURS)))

    def test_random_policies(self):
        seed = int(os.environ.get("SSM_SEED") or random.SystemRandom().randrange(1 << 32))
        print("seed", seed)
        chance = random.Random(seed)
        for _ in range(12):
            self.start_again()
            write("/etc/ssm-bridge/host.conf", "[Privilege]\nIoLog=%s\nCommandTimeout=%s\n" % (
                chance.choice(("no", "output", "all")), chance.choice(("", "90s", "2h"))))
            write(AGENTS, chance.choice((AGENT_RULE, "# nothing\n", "ssm-user ALL=(root) /usr/bin/id\n")), 0o440)
            write("/etc/sudoers.d/50-other", chance.choice(("", "ssm-user ALL=(ALL:ALL) NOPASSWD: ALL\n", "Defaults !authenticate\n")), 0o440)
            level = chance.choice(("none", "limited", "limited", "root"))
            aliases = self.write_list(chance)
            has_grant = chance.random() < 0.5
            self.assert_success(userctl("level", level, "--i-know"))
            if has_grant:
                self.assert_success(userctl("grant", "--for", "1h", "--reason", "x"))
            self.assert_success(run("visudo", "-c"))
            self.assert_understood(level, aliases, has_grant)
            self.assert_allowed(chance, level, aliases, has_grant)
