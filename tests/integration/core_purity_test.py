"""The core archives do no I/O, read no clock and no environment, and keep no state of their own: shown by the symbols that
they import, each of which must be on the list below, and by the data that they define."""

import os
import re
import subprocess
import tempfile
import unittest

BUILD_DIR = os.environ.get("SSM_BUILD_DIR", "build/dev")
ARCHIVES = ("common/libssm_common.a", "common/libssm_digest.a", "proxy/core/libproxy_core.a", "pam_ssm/core/libhost_core.a")

# They print and parse argv; they belong to the commands, and live in common because every product does it alike.
NOT_PURE = {"log.c.o", "options.c.o"}

ALLOWED = re.compile(r"""
    mem(chr|cmp|cpy|mem|move|move|rchr|set) | explicit_bzero
  | str(chr|chrnul|cmp|cspn|dup|len|ncasecmp|casecmp|casestr|ncmp|ndup|nlen|pbrk|rchr|sep|spn|str)
  | strto(l|ul|ll|ull|imax|umax) | __isoc\d+_strto\w+
  | (malloc|calloc|realloc|reallocarray|free)
  | v?snprintf | (qsort|bsearch)
  | inet_(pton|ntop)                                              # text to address, no look-up
  | __(mem\w+|str\w+|stp\w+|v?snprintf|explicit_bzero)_chk        # the fortified forms of the above
  | __stack_chk_fail | __errno_location | _GLOBAL_OFFSET_TABLE_
  | gmtime_r | timegm                                             # pure arithmetic on a given time
  | EVP_(MD|CIPHER|MAC|KDF|Digest|Encrypt|Decrypt|Cipher)\w* | EVP_sha1 | EVP_sha256 | EVP_EncodeBlock | EVP_aes_256_gcm | HMAC | OPENSSL_cleanse | CRYPTO_(memcmp|free)
  | wslay_frame_\w+                                               # frames in memory; the callbacks are ours
  | EVP_EncodeBlock | EVP_sha1 | wslay_frame_(context_init|context_free|send|recv)
  | OSSL_PARAM_construct_\w+
  | json_(array|object|string|integer|real|true|false|null)(_\w+)? | json_(delete|incref|decref|equal|copy|deep_copy)
  | json_(pack|unpack|unpack_ex|pack_ex|sprintf|loads|loadb|dumps|dumpb|number_value|boolean_value)   # none of the file forms
  | XML_(ParserCreate|ParserFree|Parse|StopParser|GetErrorCode|Set\w+)  # a document in memory; only expat's own hash table is salted
""", re.VERBOSE)

IMPURE_SOURCE = """\
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
int counter;
int impure(const char *name);
int impure(const char *name)
{
    counter += (int)strlen(name);
    return getenv(name) != NULL && time(NULL) > 0 && fopen(name, "r") != NULL;
}
"""


def output_of(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={"PATH": os.environ["PATH"], "LC_ALL": "C"}).stdout


def symbols_of(path):
    """(object file, symbol, type letter) of an archive or object."""
    for line in output_of("nm", "-A", "--format=posix", path).splitlines():
        place, symbol, kind = line.split()[:3]
        member = re.search(r"\[(.*)\]:$", place)
        yield (member.group(1) if member else os.path.basename(path)), symbol, kind


def imports_outside(paths, ignored=frozenset()):
    """{"object: symbol"} that is neither defined in the archives nor on the list."""
    symbols = [entry for path in paths for entry in symbols_of(path)]
    defined = {symbol for _, symbol, kind in symbols if kind not in "Uuw"}
    return sorted({"%s: %s" % (member, symbol) for member, symbol, kind in symbols
                   if kind in "Uw" and member not in ignored and symbol not in defined and not ALLOWED.fullmatch(symbol)})


def mutable_data(paths, ignored=frozenset()):
    """Objects in writable sections; .data.rel.ro holds constants with addresses in them."""
    found = set()
    for path in paths:
        member = os.path.basename(path)
        for line in output_of("objdump", "-t", path).splitlines():
            header = re.match(r"(\S+):\s+file format", line)
            if header:
                member = header.group(1)
            entry = re.search(r"\sO (\S+)\s+[0-9a-f]+ (?:\.hidden )?(\S+)$", line)
            if entry and member not in ignored and (
                    entry.group(1) == "*COM*" or re.match(r"\.(t?bss|t?data)(?!\.rel\.ro)", entry.group(1))):
                found.add("%s: %s" % (os.path.basename(member), entry.group(2)))
    return sorted(found)


class CorePurityTest(unittest.TestCase):
    def setUp(self):
        self.archives = [os.path.join(BUILD_DIR, archive) for archive in ARCHIVES]

    def test_an_impure_object_is_told_apart(self):
        with tempfile.TemporaryDirectory() as folder:
            source, compiled = os.path.join(folder, "impure.c"), os.path.join(folder, "impure.c.o")
            with open(source, "w", encoding="ascii") as file:
                file.write(IMPURE_SOURCE)
            subprocess.run(["cc", "-O2", "-c", "-o", compiled, source], check=True)
            self.assertEqual(imports_outside([compiled]), ["impure.c.o: fopen", "impure.c.o: getenv", "impure.c.o: time"])
            self.assertEqual(mutable_data([compiled]), ["impure.c.o: counter"])

    def test_file_forms_of_json_are_not_on_the_list(self):
        for symbol in ("json_load_file", "json_loadf", "json_loadfd", "json_dump_file", "json_dumpf", "json_dumpfd", "write", "printf",
                       "clock_gettime", "secure_getenv", "getrandom", "RAND_bytes", "socket", "abort", "exit"):
            self.assertIsNone(ALLOWED.fullmatch(symbol), symbol)

    def test_imports(self):
        self.assertEqual(imports_outside(self.archives, NOT_PURE), [])

    def test_no_state_outside_of_what_the_caller_holds(self):
        self.assertEqual(mutable_data(self.archives, NOT_PURE), [])
