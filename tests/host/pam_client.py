"""An application of PAM, for services whose own programs would be too much: pam_account("cron", "ssm-user") is what cron does
before it runs a job."""

import ctypes
import os

PAM_SILENT = 0x8000  # security/_pam_types.h


class Conversation(ctypes.Structure):
    _fields_ = [("function", ctypes.c_void_p), ("data", ctypes.c_void_p)]


def pam_account(service, user, *variables):
    """The status of the account phase; nobody is asked anything. `variables` go into PAM's environment."""
    # pam_wrapper is in front of libpam only for those who look everywhere.
    pam = ctypes.CDLL(None if "PAM_WRAPPER" in os.environ else "libpam.so.0")
    handle = ctypes.c_void_p()
    silent = Conversation()
    status = pam.pam_start(service.encode(), user.encode(), ctypes.byref(silent), ctypes.byref(handle))
    if status != 0:
        raise AssertionError("pam_start(%s, %s): %d" % (service, user, status))
    for variable in variables:
        pam.pam_putenv(handle, variable.encode())
    status = pam.pam_acct_mgmt(handle, ctypes.c_int(PAM_SILENT))
    pam.pam_end(handle, status)
    return status
