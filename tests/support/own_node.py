"""An sshd that is one node of the lab and no other: the node's port 22 leads to it, and so its host key, the files that
documents of ours read and write there, and the console of its instance are that node's own."""

import os

from node import Node

CONSOLE = """\
[    0.000000] Linux version 6.1.0-18-cloud-amd64
Debian GNU/Linux 12 ip-10-0-0-10 ttyS0
ci-info: no authorized SSH keys fingerprints found for user admin.
"""

# As cloud-init writes it to the console.
HOST_KEYS = """\
-----BEGIN SSH HOST KEY KEYS-----
%s-----END SSH HOST KEY KEYS-----
[   12.345678] cloud-init[512]: Cloud-init v. 22.4.2 finished
"""

# ssm-userctl key accept, as far as a node of the lab has it: the real one wants root, and is for real accounts.
ACCEPT_KEY = """\
#!/bin/sh
[ "$1 $2" = "key accept" ] || exit 64
shift 2
for word; do
    case $word in
    --user=*) user=${word#*=} ;;
    --for=*) seconds=${word#*=} ;;
    *) key=$word ;;
    esac
done
printf 'expiry-time="%%s" %%s\\n' "$(date -u -d "+$seconds seconds" +%%Y%%m%%d%%H%%M%%SZ)" "$key" >>"%s/$user"
"""


class OwnNode(Node):
    def __init__(self, work, lab, node_id):
        self.lab, self.id = lab, node_id
        self.root = os.path.join(lab.node_root, node_id)
        self.accepted_keys = os.path.join(self.root, "run", "ssm-bridge", "keys")
        os.makedirs(self.accepted_keys)
        super().__init__(work, [*lab.key_dirs(node_id), self.accepted_keys], name=node_id)
        self._write("usr/local/sbin/ssm-userctl", ACCEPT_KEY % self.accepted_keys, 0o700)
        self._announce()

    def _write(self, path, text, mode=0o600):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(path, mode)

    def _announce(self):
        self._write("etc/ssh/ssh_host_ed25519_key.pub", self.public_key())
        self.lab.nodes(ports={self.id: {"22": self.port}})

    def write_console(self, has_host_keys=True):
        """What the instance has said so far, with cloud-init's block of host keys or without."""
        self.lab.nodes(console={self.id: CONSOLE + (HOST_KEYS % self.public_key() if has_host_keys else "")})

    def change_host_key(self):
        """The same machine, another key."""
        self.work.stop(self.process)
        for name in ("host_key", "host_key.pub"):
            os.unlink(os.path.join(self.dir, name))
        os.unlink(self.log_path)
        self._make_host_key()
        self._start()
        self._announce()

    def replace(self):
        """Another machine of the same name takes its place; the old one is terminated. The OwnNode of the new one."""
        return OwnNode(self.work, self.lab, self.lab.nodes(replace=[self.id])["replaced"][self.id])
