"""Reads back from the binaries what cmake/hardening.cmake asks for."""

import _ctypes
import os
import platform
import re
import subprocess
import tempfile
import unittest

from workspace import helper, program

PRODUCTS = {"ssm-proxy": program, "ssm-lab": program, "ssh-answer": helper, "ssh-helper": helper}

# Of the C library's start files.
NOT_OURS = {"_start", "_init", "_fini", "_dl_relocate_static_pie"}

SOFT_PROGRAM = """\
#include <stdio.h>
#include <string.h>
int answer(const char *text);
int answer(const char *text)
{
    char copy[64];
    strcpy(copy, text);
    return puts(copy);
}
int main(int argc, char **argv) { return argc > 1 ? answer(argv[1]) : 0; }
"""


def output_of(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={"PATH": os.environ["PATH"], "LC_ALL": "C"}).stdout


class Binary:
    def __init__(self, path):
        self.path = path
        self.header = output_of("readelf", "-hW", path)
        self.segments = output_of("readelf", "-lW", path)
        self.dynamic = output_of("readelf", "-dW", path)
        self.symbols = output_of("readelf", "--dyn-syms", "-W", path)

    def flags(self):
        return " ".join(line for line in self.dynamic.splitlines() if "(FLAGS" in line)

    def is_pie(self):
        return "DYN (" in self.header and "PIE" in self.flags()

    def has_relro(self):
        return "GNU_RELRO" in self.segments

    def binds_now(self):
        return "BIND_NOW" in self.flags() or "NOW" in self.flags()

    def has_data_stack(self):
        stack = re.search(r"GNU_STACK.*", self.segments)
        return stack is not None and "E" not in stack.group().split()[-2]

    def has_stack_protector(self):
        return "__stack_chk_fail" in self.symbols

    def fortified_calls(self):
        return set(re.findall(r"\b__\w+_chk\b", self.symbols))

    def functions_without_landing_pad(self):
        """Exported functions of ours that an indirect call could reach and that do not begin with endbr64."""
        ours = {line.split()[-1] for line in output_of("nm", "--defined-only", "--extern-only", self.path).splitlines()
                if line.split()[-2] == "T"} - NOT_OURS
        text = output_of("objdump", "-d", "--no-show-raw-insn", "-j", ".text", self.path)
        first = dict(re.findall(r"^[0-9a-f]+ <([^>]+)>:\n\s*[0-9a-f]+:\s*(\S+)", text, re.MULTILINE))
        return sorted(name for name in ours if first.get(name) != "endbr64")


class HardeningTest(unittest.TestCase):
    def each_product(self):
        for name, find in PRODUCTS.items():
            with self.subTest(name):
                yield Binary(find(name))

    def test_what_ssh_waits_for_loads_little(self):
        needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", Binary(helper("ssh-answer")).dynamic))
        self.assertLessEqual(needed, {"libc.so.6", "libjansson.so.4"})  # which needs libc alone

    def test_an_unhardened_program_is_told_apart(self):
        with tempfile.TemporaryDirectory() as folder:
            source, soft = os.path.join(folder, "soft.c"), os.path.join(folder, "soft")
            with open(source, "w", encoding="ascii") as file:
                file.write(SOFT_PROGRAM)
            subprocess.run(["cc", "-O2", "-fno-pie", "-no-pie", "-z", "norelro", "-z", "lazy", "-z", "execstack", "-fno-stack-protector",
                            "-U_FORTIFY_SOURCE", "-fcf-protection=none", "-o", soft, source], check=True)
            binary = Binary(soft)
            self.assertFalse(binary.is_pie())
            self.assertFalse(binary.has_relro())
            self.assertFalse(binary.binds_now())
            self.assertFalse(binary.has_data_stack())
            self.assertFalse(binary.has_stack_protector())
            self.assertEqual(binary.fortified_calls(), set())
            if platform.machine() == "x86_64":
                self.assertEqual(binary.functions_without_landing_pad(), ["answer", "main"])

    def test_position_independent(self):
        for binary in self.each_product():
            self.assertTrue(binary.is_pie(), binary.header + binary.flags())

    def test_relocations_are_read_only_and_bound_at_start(self):
        for binary in self.each_product():
            self.assertTrue(binary.has_relro(), binary.segments)
            self.assertTrue(binary.binds_now(), binary.dynamic)
            self.assertNotIn("TEXTREL", binary.dynamic)

    def test_stack_is_not_executable(self):
        for binary in self.each_product():
            self.assertTrue(binary.has_data_stack(), binary.segments)

    def test_no_library_path_of_the_build_machine(self):
        for binary in self.each_product():
            self.assertNotRegex(binary.dynamic, r"RPATH|RUNPATH")

    def test_stack_protector(self):
        for binary in self.each_product():
            self.assertTrue(binary.has_stack_protector())

    def test_fortified_calls(self):
        for binary in self.each_product():
            self.assertGreaterEqual(len(binary.fortified_calls()), 3, binary.fortified_calls())

    @unittest.skipUnless(platform.machine() == "x86_64", "landing pads are looked for on x86-64 only")
    def test_landing_pads(self):
        # Debian 12's start files carry no CET mark, so the program's own note says nothing: the instructions do.
        for binary in self.each_product():
            self.assertEqual(binary.functions_without_landing_pad(), [])


class ModuleTest(unittest.TestCase):
    """pam_ssm.so, which is loaded into sshd and sudo."""

    PHASES = {"pam_sm_" + phase for phase in ("acct_mgmt", "authenticate", "chauthtok", "close_session", "open_session", "setcred")}

    def setUp(self):
        self.path = program("pam_ssm.so")
        self.binary = Binary(self.path)

    def test_exports_the_phases_alone(self):
        lines = output_of("nm", "-D", "--defined-only", "--format=posix", self.path).splitlines()
        self.assertEqual({line.split()[0] for line in lines}, self.PHASES)

    def test_hardened_as_the_programs(self):
        self.assertTrue(self.binary.has_relro(), self.binary.segments)
        self.assertTrue(self.binary.binds_now(), self.binary.dynamic)
        self.assertTrue(self.binary.has_data_stack(), self.binary.segments)
        self.assertTrue(self.binary.has_stack_protector())
        self.assertGreaterEqual(len(self.binary.fortified_calls()), 2, self.binary.fortified_calls())
        self.assertNotRegex(self.binary.dynamic, "TEXTREL|RPATH|RUNPATH")

    def test_needs_little_and_finds_it_all(self):
        needed = set(re.findall(r"NEEDED.*\[([^]]+)\]", self.binary.dynamic))
        self.assertEqual(needed, {"libc.so.6", "libjansson.so.4", "libpam.so.0"})
        self.assertNotIn("undefined symbol", output_of("ldd", "-r", self.path))

    def test_has_no_variables(self):
        """State of ours in somebody else's process. What the loader fills in and then closes is none."""
        sections = dict(re.findall(r"\] (\.data|\.bss) +\w+ +\w+ \w+ (\w+)", output_of("readelf", "-SW", self.path)))
        self.assertEqual(set(sections), {".data", ".bss"})
        self.assertLessEqual(int(sections[".data"], 16), 8)  # __dso_handle
        self.assertLessEqual(int(sections[".bss"], 16), 8)  # completed.0, of the start files

    def test_loaded_and_unloaded_a_thousand_times(self):
        def usage():
            with open("/proc/self/maps", encoding="ascii") as maps, open("/proc/self/statm", encoding="ascii") as statm:
                mapped = [line for line in maps if "pam" in line or "jansson" in line]
                return len(mapped), len(os.listdir("/proc/self/fd")), int(statm.read().split()[0])

        def load():
            handle = _ctypes.dlopen(self.path, os.RTLD_NOW)
            self.assertGreater(usage()[0], 0)
            _ctypes.dlclose(handle)

        for _ in range(10):
            load()
        before = usage()
        for _ in range(1000):
            handle = _ctypes.dlopen(self.path, os.RTLD_NOW)
            _ctypes.dlclose(handle)
        after = usage()
        self.assertEqual(after[:2], before[:2])
        self.assertEqual(after[0], 0)
        self.assertLess(after[2] - before[2], 100)  # pages: a leak of a hundred bytes each time would be 25, of a mapping 1000
