"""./run lab: ssm-lab and a private sshd in the foreground, until Ctrl-C. Arguments are passed on to ssm-lab."""

import os
import shlex
import signal
import subprocess
import sys
import time

from lab import Lab
from own_node import OwnNode
from workspace import SOURCE_DIR, Workspace, exit_on_signals, program

# What a person's shell needs to reach the lab, and to keep the records of its sessions out of ~/.local/state; the rest
# of Lab.environment() is about isolation.
EXPORTED = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL",
            "AWS_ENDPOINT_URL_SSMMESSAGES", "AWS_EC2_METADATA_DISABLED", "XDG_STATE_HOME")
# What a person's shell may have set, and what would win over that, or lead away from it.
UNSET = ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL_SSM", "AWS_ENDPOINT_URL_EC2",
         "AWS_ENDPOINT_URL_EC2_INSTANCE_CONNECT", "AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL_STS",
         "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")

TEXT = """\
A local Session Manager and a node with an sshd are up. In another terminal,
first the settings that ssm-proxy and the AWS CLI need (that shell keeps them):

  . {exports}

A shell; scp, sftp and rsync -e 'ssh -F …' work the same way:

  ssh -F {config} node

The node is this very machine, and you are yourself on it: a file that you copy
to node: lies in your home directory.

Without ssh: the nodes, a command on two of them, a shell, what a login needs:

  {proxy} ls
  {proxy} run node node-2 -- uptime
  {proxy} shell node
  {proxy} doctor node {port}

From nothing to a login, with no key of yours and no question about a host
key: the documents once, then what config says (-F: not your ~/.ssh/config):

  for name in ssm-bridge-accept-key ssm-bridge-host-keys; do
    /usr/bin/aws ssm create-document --endpoint-url {api_url} \\
      --name $name --document-type Command --no-cli-pager \\
      --content file://{documents}/$name.json
  done
  {proxy} config --key auto >{dir}/config
  ssh -F {dir}/config {user}@{node_id}

The bare tunnel, the list of nodes as the AWS CLI shows it, what the lab sees:

  {proxy} connect node {port} </dev/null
  /usr/bin/aws ssm describe-instance-information --endpoint-url {api_url}
  curl -s --cacert {ca_file} {api_url}/lab/status

Pull the cable while a shell is open (here for 10 s; ssm-lab(1), CONTROL
INTERFACE, has many other faults), and see what ssm-proxy says of it:

  curl -s --cacert {ca_file} {api_url}/lab/faults \\
      -d '{{"restart_gateway": {{"down_ms": 10000}}}}'
  tail {last_log}

Nodes:
{nodes}
Gateway: {gateway_url}
Hybrid activation for an agent of your own:
  id {activation_id}, code {activation_code}
Logs:
  {lab_log}
  {sshd_log}

Ctrl-C ends it all and removes its files.
"""


def settings_script(environment):
    exports = "".join("export %s=%s\n" % (name, shlex.quote(environment[name])) for name in EXPORTED)
    return "unset %s\n%sexport AWS_DEFAULT_REGION=\"$AWS_REGION\"\n" % (" ".join(UNSET), exports)


def node_line(entry):
    return "  %-9s %s%s\n" % (entry["name"], entry["id"], "" if entry["status"] == "Online" else "  " + entry["status"])


def how_it_ended(status):
    return "was killed by %s" % signal.Signals(-status).name if status < 0 else "ended with status %d" % status


def main(*options):
    if options in (("--help",), ("-h",)):
        print("./run lab [OPTION]...: the options are those of ssm-lab.\n", flush=True)
        return subprocess.call([program("ssm-lab"), "--help"])
    exit_on_signals()
    with Workspace() as work:
        lab = Lab(work, *options)
        node = OwnNode(work, lab, lab.info["nodes"][0]["id"])
        exports = work.write("env.sh", settings_script(lab.environment()))
        config = node.ssh_config()
        nodes = "".join(node_line(entry) for entry in lab.info["nodes"])
        print(TEXT.format(exports=exports, config=config, last_log=work.path("state", "ssm-bridge", "last.log"), proxy=program("ssm-proxy"), port=node.port, nodes=nodes,
                          dir=work.dir, user=node.user, node_id=node.id,
                          documents=os.path.join(SOURCE_DIR, "sshd-config", "ssm-documents"),
                          lab_log=lab.log_path, sshd_log=node.log_path, **{name: lab.info[name] for name in (
                              "api_url", "gateway_url", "ca_file", "activation_id", "activation_code")}), flush=True)
        while True:
            for name, process in (("ssm-lab", lab.process), ("sshd", node.process)):
                if process.poll() is not None:
                    print("%s %s:\n%s" % (name, how_it_ended(process.returncode), lab.log() + node.log()))
                    return 1
            time.sleep(0.5)


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        print("\nEnded.")
    except (AssertionError, subprocess.SubprocessError) as failure:
        sys.exit("%s" % failure)
