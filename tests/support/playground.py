"""./run lab: ssm-lab and a private sshd in the foreground, until Ctrl-C. Arguments are passed on to ssm-lab."""

import shlex
import subprocess
import sys
import time

from lab import Lab
from node import Node
from workspace import Workspace, exit_on_signals, program

# What a person's shell needs to reach the lab; the rest of Lab.environment() is about isolation.
EXPORTED = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL",
            "AWS_ENDPOINT_URL_SSMMESSAGES", "AWS_EC2_METADATA_DISABLED")

TEXT = """\
A local Session Manager and a node with an sshd are up. In another terminal, first the settings that ssm-proxy and the AWS CLI need:

  . {exports}

A shell; scp, sftp and rsync -e 'ssh -F …' work the same way:

  ssh -F {config} node

The bare tunnel, the list of nodes as the AWS CLI shows it, and what the lab sees:

  {proxy} connect node {port}
  /usr/bin/aws ssm describe-instance-information --endpoint-url {api_url}
  curl -s --cacert {ca_file} {api_url}/lab/status

Nodes: {nodes}
Gateway {gateway_url}; hybrid activation for an agent of your own: id {activation_id}, code {activation_code}
Logs: {lab_log} and {sshd_log}

Ctrl-C ends it all and removes its files.
"""


def main(*options):
    exit_on_signals()
    with Workspace() as work:
        lab = Lab(work, *options)
        node = Node(work)
        environment = lab.environment()
        exports = work.write("env.sh", "".join("export %s=%s\n" % (name, shlex.quote(environment[name])) for name in EXPORTED))
        config = node.ssh_config()
        nodes = ", ".join("%s (%s%s)" % (entry["name"], entry["id"], "" if entry["status"] == "Online" else ", " + entry["status"])
                          for entry in lab.info["nodes"])
        print(TEXT.format(exports=exports, config=config, proxy=program("ssm-proxy"), port=node.port, nodes=nodes,
                          lab_log=lab.log_path, sshd_log=node.log_path, **{name: lab.info[name] for name in (
                              "api_url", "gateway_url", "ca_file", "activation_id", "activation_code")}), flush=True)
        while True:
            for name, process in (("ssm-lab", lab.process), ("sshd", node.process)):
                if process.poll() is not None:
                    print("%s ended with status %d:\n%s" % (name, process.returncode, lab.log() + node.log()))
                    return 1
            time.sleep(0.5)


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        print("\nEnded.")
    except subprocess.SubprocessError as failure:
        sys.exit(str(failure))
