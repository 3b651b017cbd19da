"""Real OpenSSH clients, and git and rsync over them, through ssm-proxy to a real sshd."""


from client_steps import MIB, ClientSteps
from lab_case import NODE_ID, SECOND_NODE_ID, LabCase


class OpensshTest(LabCase):
    def setUp(self):
        super().setUp()
        self.start_node()
        self.steps = ClientSteps(self.work, self.lab, self.node)
        print("seed %d" % self.steps.seed)
        self.addCleanup(self.lab.wait_for_no_session)

    def test_strict_host_key_is_refused_when_it_is_another(self):
        self.work.write("node/known_hosts", "ssm-lab ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n")
        refused = self.ssh("true")
        self.assertEqual(refused.returncode, 255)
        self.assertIn(b"verification failed", refused.stderr)

    def test_uname(self):
        self.steps.uname()

    def test_exit_status_and_stderr_of_the_command(self):
        completed = self.ssh("echo out; echo err >&2; exit 7")
        self.assertEqual((completed.returncode, completed.stdout, completed.stderr), (7, b"out\n", b"err\n"))

    def test_every_form_of_a_name(self):
        for target in ("node", "node-2", "hybrid", NODE_ID, SECOND_NODE_ID, "mi-0123456789abcdef0"):
            with self.subTest(target):
                self.assertEqual(self.ssh_output("echo", "here", target=target), "here\n")

    def test_scp_up(self):
        self.steps.scp_up(16 * MIB)

    def test_scp_down(self):
        self.steps.scp_down(16 * MIB)

    def test_sftp(self):
        self.steps.sftp(MIB)

    def test_rsync_then_again_with_a_change(self):
        self.steps.rsync_new(300)
        self.steps.rsync_changed(300)

    def test_git_clone_and_push(self):
        self.steps.git_clone()
        self.steps.git_push(MIB)

    def test_control_master_shared_by_20_commands(self):
        self.steps.shared_master(20)

    def test_eight_sessions_at_once(self):
        command = ["ssh", "-F", self.config, "node", "echo ready; cat"]
        clients = [self.work.start(command, env=self.lab.environment(), stdin=-1, stdout=-1) for _ in range(8)]
        for number, client in enumerate(clients):
            self.assertEqual(client.stdout.readline(), b"ready\n")
            client.stdin.write(b"client %d\n" % number)
            client.stdin.close()
        for number, client in enumerate(clients):
            self.assertEqual(client.stdout.read(), b"client %d\n" % number)
            self.assertEqual(self.wait_for_exit(client), 0)


class OpensshWithAgentPauseTest(LabCase):
    lab_options = ()

    def test_scp_down_from_an_agent_that_pauses(self):
        self.start_node()
        ClientSteps(self.work, self.lab, self.node).scp_down(MIB)
        self.lab.wait_for_no_session()
