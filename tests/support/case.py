"""Runs one test method of a unittest file, or all of them: case.py FILE [METHOD]. Exit status 0 passed, 1 failed, 77 skipped (ctest's way),
the reason of a skip on a line that begins with "SKIP:"."""

import importlib.util
import os
import sys
import unittest

SKIPPED = 77


def load(path):
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    spec = importlib.util.spec_from_file_location(os.path.splitext(os.path.basename(path))[0], path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def find(module, method):
    if method is None:
        return unittest.defaultTestLoader.loadTestsFromModule(module)
    classes = [value for value in vars(module).values()
               if isinstance(value, type) and issubclass(value, unittest.TestCase) and method in vars(value)]
    if len(classes) != 1:
        sys.exit("%s: %d classes have a method %s" % (module.__name__, len(classes), method))
    return classes[0](method)


def main(path, method=None):
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=0).run(find(load(path), method))
    if not result.wasSuccessful():
        return 1
    if result.skipped and len(result.skipped) == result.testsRun:
        print("SKIP: %s" % result.skipped[0][1])
        return SKIPPED
    return 0


sys.exit(main(*sys.argv[1:]))
