"""budget_driver.py SERVICE SSH_CONNECTION BEGIN END: the account phase of ssm-user, between two files that are looked for so that
a trace has marks. Prints the milliseconds of the fastest of some runs; a trace shows the first one between the marks."""

import os
import sys
import time

from pam_client import pam_account

RUNS = 20


def main(service, connection, begin, end):
    def account():
        return pam_account(service, "ssm-user", "SSH_CONNECTION=" + connection)

    if account() != 0:  # loads the libraries
        sys.exit("refused")
    os.path.exists(begin)
    account()
    os.path.exists(end)
    times = []
    for _ in range(RUNS):
        before = time.perf_counter()
        account()
        times.append(time.perf_counter() - before)
    print("%.3f" % (min(times) * 1000))


main(*sys.argv[1:])
