"""Runs real Ansible against nodes of the lab, reached by their names through what `ssm-proxy config --install` writes.

All nodes lead to one sshd and so to one file system: every host works in a directory of its own."""

import hashlib
import os
import re
import time

from workspace import program, show

# Ten tasks of the usual kinds: facts, commands, files up and down, templates, loops.
TASKS = """\
    - ansible.builtin.ping:
    - ansible.builtin.setup:
        gather_subset: min
    - ansible.builtin.file:
        path: "{{ place }}"
        state: directory
        mode: "0700"
    - ansible.builtin.command: uname -s
      register: kernel
      changed_when: false
    - ansible.builtin.copy:
        src: "{{ playbook_dir }}/large"
        dest: "{{ place }}/large"
        mode: "0600"
    - ansible.builtin.template:
        src: "{{ playbook_dir }}/greeting.j2"
        dest: "{{ place }}/greeting"
        mode: "0600"
    - ansible.builtin.lineinfile:
        path: "{{ place }}/greeting"
        line: "last"
    - ansible.builtin.shell: "sha256sum <large; cat greeting"
      args:
        chdir: "{{ place }}"
      register: sum
      changed_when: false
    - ansible.builtin.fetch:
        src: "{{ place }}/greeting"
        dest: "{{ playbook_dir }}/fetched/"
    - ansible.builtin.assert:
        that:
          - kernel.stdout == "Linux"
          - sum.stdout_lines == [sha256 ~ "  -", "hello " ~ inventory_hostname, "last"]
"""

CONFIG = """\
[defaults]
timeout = 75
forks = 10
interpreter_python = /usr/bin/python3
nocows = true
[ssh_connection]
ssh_args = {ssh_args}
control_path_dir = {sockets}
"""


PERSIST = "-C -o ControlMaster=auto -o ControlPersist=60s"  # Ansible's own default
ALONE = "-C -o ControlMaster=no -o ControlPath=none"


class Playbook:
    """`is_direct`: ssh goes to the sshd itself, to compare with."""

    def __init__(self, work, lab, node, is_direct=False):
        self.work = work
        self.env = lab.environment(LC_ALL="C.UTF-8", ANSIBLE_LOCAL_TEMP=work.path("ansible-tmp"), ANSIBLE_HOME=work.path("ansible"),
                                   ANSIBLE_CONFIG=work.path("play", "ansible.cfg"))
        installed = work.run([program("ssm-proxy"), "config", "--install", "--host-keys", "none"], env=self.env)
        assert installed.returncode == 0, show(installed.stderr)
        # What reaches the lab's sshd stands below, but for the ProxyCommand, which is to be the installed one.
        with open(node.ssh_config(), encoding="utf-8") as file:
            below = "".join(line for line in file if "ProxyCommand" not in line)
        above = "Host *\n    HostName 127.0.0.1\n" if is_direct else "Include %s\n" % work.path("home", ".ssh", "config")
        self.ssh_config = work.write("play/ssh_config", above + below)
        self.sockets = work.make_dir("s")
        self.large = os.urandom(256 * 1024)
        work.write("play/large", self.large)
        work.write("play/greeting.j2", "hello {{ inventory_hostname }}\n")

    def run(self, hosts, ssh_args, tasks=None, timeout=600):
        """(seconds, how many tasks were ok by host). `tasks`: so many of them alone, the first ones."""
        blocks = TASKS.split("    - ansible.builtin")[1:][:tasks]
        self.work.write("play/site.yml", "- hosts: all\n  gather_facts: false\n  tasks:\n" +
                        "".join("    - ansible.builtin" + block for block in blocks))
        self.work.write("play/inventory", "[all]\n%s\n[all:vars]\n%s\n" % ("\n".join(hosts), "\n".join((
            "ansible_ssh_common_args='-F %s'" % self.ssh_config, "sha256=" + hashlib.sha256(self.large).hexdigest(),
            "place=%s/{{ inventory_hostname }}" % self.work.make_dir("play", "at")))))
        self.work.write("play/ansible.cfg", CONFIG.format(ssh_args=ssh_args, sockets=self.sockets))
        begin = time.monotonic()
        done = self.work.run(["ansible-playbook", "-i", self.work.path("play", "inventory"), self.work.path("play", "site.yml")], timeout,
                             env=self.env)
        seconds = time.monotonic() - begin
        for name in os.listdir(self.sockets):  # masters of ControlPersist, which would outlive us
            self.work.run(["ssh", "-F", self.ssh_config, "-S", os.path.join(self.sockets, name), "-O", "exit", "any"], env=self.env)
        said = show(done.stdout) + show(done.stderr)
        assert done.returncode == 0, said
        recap = re.findall(r"^(\S+) +: ok=(\d+) .*unreachable=0 +failed=0 ", said, re.MULTILINE)
        return seconds, {host: int(count) for host, count in recap}
