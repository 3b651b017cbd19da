"""How ./run installs what is missing: with stand-ins for dpkg-query, apt-get, sudo and id, nothing is installed for real."""

import os
import shutil
import unittest

from workspace import SOURCE_DIR, Workspace, show

STAND_INS = {
    "id": 'echo "$STAND_IN_UID"',
    # Installed is what the file of that name says.
    "dpkg-query": 'for package; do :; done; [ -e "$STAND_IN_DIR/installed/$package" ] && printf installed || exit 1',
    "apt-cache": 'echo "$2:"; if [ -e "$STAND_IN_DIR/lists" ]; then echo "  Candidate: 1.0"; else echo "  Candidate: (none)"; fi',
    "apt-get": '''echo "apt-get $*" >>"$STAND_IN_DIR/log"
case " $* " in
*" update "*) touch "$STAND_IN_DIR/lists" ;;
*" install "*)
    [ -e "$STAND_IN_DIR/lists" ] || exit 100
    if [ -e "$STAND_IN_DIR/stale" ]; then rm "$STAND_IN_DIR/stale"; echo "404 Not Found"; exit 100; fi
    for package; do case $package in -*|install|*=*) ;; *) touch "$STAND_IN_DIR/installed/$package" ;; esac; done ;;
esac''',
    "sudo": 'echo "sudo" >>"$STAND_IN_DIR/log"; [ "$1" != -n ] || shift; exec "$@"',
}

# All that the script under test may find besides: not the machine's own sudo.
TOOLS = ("bash", "sh", "env", "sort", "mktemp", "rm", "setpriv", "tail", "touch")

SCRIPT = """\
set -euo pipefail
project_dir=$SSM_SOURCE_DIR build_root=$STAND_IN_DIR/build assume_yes=$STAND_IN_YES
. "$project_dir/tests/support/say.sh"
. "$project_dir/tests/support/packages.sh"
packages_of_group() { echo "first second"; }
packages_ensure build
echo done
"""


class SetupTest(unittest.TestCase):
    def setUp(self):
        self.work = Workspace()
        self.addCleanup(self.work.close)
        self.work.make_dir("installed")
        for name, body in STAND_INS.items():
            self.work.write("bin/" + name, "#!/bin/sh\n%s\n" % body, 0o700)
        for name in TOOLS:
            os.symlink(shutil.which(name, path="/usr/bin:/bin"), self.work.path("bin", name))

    def ensure(self, uid, yes="no", sudo=True):
        if not sudo:
            os.remove(self.work.path("bin", "sudo"))
        environment = self.work.environment(PATH=self.work.path("bin"), STAND_IN_DIR=self.work.dir,
                                            STAND_IN_UID=str(uid), STAND_IN_YES=yes, SSM_SOURCE_DIR=SOURCE_DIR)
        return self.work.run(["/bin/bash", "-c", SCRIPT], env=environment)

    def log(self):
        try:
            with open(self.work.path("log"), encoding="utf-8") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    def install(self, *packages):
        for package in packages:
            self.work.write("installed/" + package, "")

    def test_user_with_nobody_to_ask_is_told_what_to_type(self):
        self.install("first")
        done = self.ensure(1000)
        self.assertEqual(done.returncode, 1)
        self.assertIn("sudo apt-get install -y second", show(done.stderr))
        self.assertEqual(self.log(), "")

    def test_user_without_sudo_is_told_what_root_must_type(self):
        done = self.ensure(1000, yes="yes", sudo=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("apt-get install -y first second", show(done.stderr))

    def test_nothing_is_done_when_nothing_is_missing(self):
        self.install("first", "second")
        done = self.ensure(1000)
        self.assertEqual((done.returncode, done.stdout), (0, b"done\n"))
        self.assertEqual(self.log(), "")

    def test_yes_installs_only_what_is_missing_with_sudo(self):
        self.install("first")
        self.work.write("lists", "")
        done = self.ensure(1000, yes="yes")
        self.assertEqual(done.returncode, 0, show(done.stderr))
        self.assertTrue(self.log().startswith("sudo\n"))
        self.assertRegex(self.log(), r"install -y --no-install-recommends second\n$")
        self.assertNotIn("update", self.log())

    def test_root_installs_without_asking_and_reads_missing_lists_first(self):
        done = self.ensure(0)
        self.assertEqual(done.returncode, 0, show(done.stderr))
        self.assertRegex(self.log(), r"^apt-get .* update\napt-get .* first second\n$")

    def test_stale_lists_are_read_again(self):
        self.work.write("lists", "")
        self.work.write("stale", "")
        done = self.ensure(0)
        self.assertEqual(done.returncode, 0, show(done.stderr))
        self.assertRegex(self.log(), r"^apt-get .*first second\napt-get .* update\napt-get .* first second\n$")
