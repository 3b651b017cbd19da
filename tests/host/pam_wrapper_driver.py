"""pam_wrapper_driver.py ROOT SERVICE USER...: in pam_wrapper's surroundings (cwrap.org), the account phase of each user over a
connection that a session worker of an agent below ROOT holds. Prints {USER: STATUS}. Each phase stands between two files
that are looked for, ROOT/USER and ROOT/end, so that a trace has marks."""

import datetime
import json
import os
import socket
import subprocess
import sys

from pam_client import pam_account

SESSION = "alice-0a1b2c3d4e5f67890"
WORKER = "import socket, sys; end = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); sys.stdin.read()"


def write_state(root, pid, started):
    folder = os.path.join(root, "agent/i-0123456789abcdef0/document/state/current")
    os.makedirs(folder)
    with open(os.path.join(folder, SESSION), "w", encoding="ascii") as file:
        json.dump({"DocumentType": "StartSession", "DocumentInformation": {
            "DocumentID": SESSION, "DocumentName": "AWS-StartSSHSession", "SessionOwner": "arn:aws:iam::123456789012:user/alice",
            "ProcInfo": {"Pid": pid, "StartTime": started}}}, file)


def main(root, service, *users):
    os.umask(0o077)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        started = datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
        with subprocess.Popen(["/usr/bin/python3", "-c", WORKER, str(port)], stdin=subprocess.PIPE, env={}) as worker:
            connection, client = listener.accept()
            write_state(root, worker.pid, started)
            variable = "SSH_CONNECTION=127.0.0.1 %d 127.0.0.1 %d" % (client[1], port)
            results = {}
            for user in users:
                os.path.exists(os.path.join(root, user))
                results[user] = pam_account(service, user, variable)
                os.path.exists(os.path.join(root, "end"))
            worker.stdin.close()
            connection.close()
    print(json.dumps(results))


main(*sys.argv[1:])
