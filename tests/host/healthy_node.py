"""A node on which ssm-userctl doctor finds nothing bad: an agent that runs, its services with TLS, and the instance metadata, all
inside the sandbox."""

import glob
import http.server
import os
import shutil
import ssl
import subprocess
import threading
import time

from certificates import Certificates
from managed_node import WORK_DIR, must_run, remove, write

AGENT = "/usr/bin/amazon-ssm-agent"
REGION = "eu-test-1"
HOSTS = ["%s.%s.amazonaws.com" % (service, REGION) for service in ("ssm", "ssmmessages", "ec2messages")]
METADATA = "169.254.169.254"
ROLE = "NodeRole"
DROP_IN = "Match User ssm-user Address *,!127.0.0.1,!::1\n    DenyUsers ssm-user\n"


class Service(http.server.BaseHTTPRequestHandler):
    """The SSM API, as far as HEAD / goes."""
    ahead_s = 0  # of its clock

    def do_HEAD(self):
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def date_time_string(self, timestamp=None):
        return super().date_time_string(time.time() + Service.ahead_s)

    def log_message(self, *arguments):
        pass


class Metadata(http.server.BaseHTTPRequestHandler):
    wants_token = True
    role = ROLE
    tree = {"/latest/meta-data/": "iam/", "/latest/meta-data/placement/region": REGION}

    def do_PUT(self):
        self.answer(200 if self.path == "/latest/api/token" and "X-aws-ec2-metadata-token-ttl-seconds" in self.headers else 403, "TOKEN==")

    def do_GET(self):
        if self.headers.get("X-aws-ec2-metadata-token", "" if self.wants_token else "TOKEN==") != "TOKEN==":
            return self.answer(401, "")
        if self.path == "/latest/meta-data/iam/security-credentials/":
            return self.answer(200 if self.role else 404, self.role or "")
        return self.answer(200 if self.path in self.tree else 404, self.tree.get(self.path, ""))

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *arguments):
        pass


def serve(address, handler, context=None):
    server = http.server.ThreadingHTTPServer(address, handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class HealthyNode:
    """Made once in a process; start_agent() and the classes above change it."""

    def __init__(self, module):
        (folder,) = [os.path.dirname(path) for path in glob.glob("/usr/lib/*/security/pam_unix.so") + glob.glob("/usr/lib64/security/pam_unix.so")]
        self.module = folder + "/pam_ssm.so"  # where a package puts it
        if os.path.realpath(module) != self.module:
            shutil.copy(module, self.module)
        certificates = Certificates(WORK_DIR)
        self.ca = certificates.ca
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificates.server("service", ",".join("DNS:" + host for host in HOSTS)))
        must_run("ip", "address", "add", METADATA + "/32", "dev", "lo")
        serve(("127.0.0.1", 443), Service, context)
        self.metadata = serve((METADATA, 80), Metadata)
        shutil.copy("/bin/bash", AGENT)  # bash -version names a version of three parts, as the agent does
        self.agent = None

    def reset(self):
        Service.ahead_s = 0
        Metadata.wants_token, Metadata.role = True, ROLE
        write("/etc/hosts", "127.0.0.1 localhost node %s\n::1 localhost\n" % " ".join(HOSTS))
        write("/etc/ssh/sshd_config.d/10-ssm-bridge.conf", DROP_IN)
        write("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files\n")
        remove("/home/ssm-user/.ssh", "/var/log/amazon", WORK_DIR + "/root", "/etc/amazon", "/var/spool/cron/crontabs/ssm-user",
               "/var/lib/amazon/ssm/registration", "/home/ssm-user/.config")
        self.start_agent()

    def start_agent(self, **environment):
        self.stop_agent()
        environment = {"HOME": WORK_DIR + "/root", "PATH": "/usr/bin:/bin", **environment}
        self.agent = subprocess.Popen([AGENT, "-c", "read line"], stdin=subprocess.PIPE, env=environment)
        exe = "/proc/%d/exe" % self.agent.pid
        while os.readlink(exe) != AGENT:  # not yet started
            time.sleep(0.001)

    def stop_agent(self):
        if self.agent:
            self.agent.communicate()
            self.agent = None
