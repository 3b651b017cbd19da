"""Real Ansible, over nodes that it reaches by their names. The ten tasks over ten nodes are `./run bench ansible`."""

import shutil
import unittest

from lab_case import LabCase
from node import Node
from playbook import ALONE, PERSIST, Playbook


class AnsibleTest(LabCase):
    lab_options = ("--no-agent-pause", "--light-nodes", "2")

    @unittest.skipUnless(shutil.which("ansible-playbook"), "there is no Ansible here (ansible-core)")
    def test_two_tasks_on_two_nodes(self):
        self.node = Node(self.work)
        playbook = Playbook(self.work, self.lab, self.node)
        hosts = ("light-0001", "light-0002")
        sessions = []
        for ssh_args in (PERSIST, ALONE):
            before = self.lab.counter("started")
            _, done = playbook.run(hosts, ssh_args, 2)
            self.assertEqual(done, dict.fromkeys(hosts, 2))
            sessions.append(self.lab.counter("started") - before)
        self.assertEqual(sessions[0], len(hosts), "one session a node")
        self.assertGreater(sessions[1], 2 * len(hosts), "one a command")
        self.lab.wait_for_no_session()


if __name__ == "__main__":
    unittest.main()
