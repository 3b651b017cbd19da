"""agent_session.py SESSION.json: stands for the SSM agent in one session. Starts the session worker at its root-owned path with
the session id as its one argument, writes and removes the state file as the agent does, and gives the worker its own
standard input and output, so that it can be a ProxyCommand of ssh. Ends with the worker's status."""

import datetime
import json
import os
import subprocess
import sys


def state_document(session, pid):
    """What the agent writes (agent/contracts, DocumentState), of which pam_ssm reads a part."""
    started = datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
    information = {
        "DocumentID": session["id"], "CommandID": "", "InstanceID": session["node"], "MessageID": "", "RunID": "",
        "CreatedDate": started, "DocumentName": session["document"], "DocumentVersion": "", "DocumentStatus": "InProgress",
        "RunCount": 0, "ProcInfo": {"Pid": pid, "StartTime": started}, "ClientId": "", "RunAsUser": "",
        "SessionOwner": session["owner"]}
    return {
        "DocumentInformation": {**information, **session["information"]},
        "DocumentType": "StartSession",
        "SchemaVersion": "1.0",
        "InstancePluginsInformation": [{
            "Configuration": {"PluginName": session["plugin"], "SessionId": session["id"], "RunAsUser": "",
                              "Properties": {"portNumber": str(session["port"])}},
            "Name": session["plugin"], "Id": session["plugin"]}],
    }


def main(path):
    with open(path, encoding="utf-8") as file:
        session = json.load(file)
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", **session["environment"]}
    os.umask(0o077)
    with subprocess.Popen([session["worker"], session["id"]], env=environment) as worker:
        os.makedirs(session["state_dir"], exist_ok=True)
        state = os.path.join(session["state_dir"], session["id"])
        if session["has_state"]:
            with open(state + ".new", "w", encoding="utf-8") as file:
                json.dump(state_document(session, worker.pid), file)
            os.rename(state + ".new", state)
            subprocess.run(["sh", "-c", session["then"], "sh", state], check=True)
        status = worker.wait()
    if session["has_state"]:
        os.remove(state)
    return status & 0xFF


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
