/* pam_module: is pam_ssm.so where this machine's libpam looks for its modules? */
#ifndef SSM_HOST_EDGE_PAM_MODULE_H
#define SSM_HOST_EDGE_PAM_MODULE_H

#include "common/err.h"
#include "common/text.h"

/* It lies beside pam_unix.so, root alone can have written it, and it can be loaded, with the functions that libpam
 * calls. *ret_path gets its path. ERR_NO_TARGET: it is not there; ERR_DENIED: others could have written it;
 * ERR_MALFORMED: it cannot be loaded. ERR_SYSTEM. ret_why gets words. */
enum err pam_module_check(struct text *ret_path, struct text *ret_why) SSM_MUST_USE;

#endif
