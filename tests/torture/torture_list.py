"""The names of the wrapped functions: torture_wrap.c is their list."""

import os
import re

from workspace import SOURCE_DIR

TORTURE_DIR = os.path.join(SOURCE_DIR, "tests", "torture")


def read_wrapped():
    with open(os.path.join(TORTURE_DIR, "torture_wrap.c"), encoding="utf-8") as file:
        return re.findall(r"^(?:WRAP_MOVE\(|(?:WRAP|WRAP_AFTER|DECLARE)\([^,]+, )(\w+),", file.read(), re.MULTILINE)
