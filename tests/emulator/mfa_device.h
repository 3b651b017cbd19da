/* mfa_device: the virtual MFA device of the lab's user: time-based one-time passwords (RFC 6238, SHA-1, six digits,
 * steps of 30 s), each good once, as AWS has it.
 *
 * Its clock runs ahead when codes are used faster than time gives new ones, so that a test need not wait: after a code
 * has been used, that of the next step is the present one at once. */
#ifndef SSM_LAB_MFA_DEVICE_H
#define SSM_LAB_MFA_DEVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "proxy/core/chance.h"

#define MFA_DEVICE_CODE_SIZE 7

struct mfa_device {
    uint8_t seed[20];
    char seed_base32[33];
    int64_t used_step; /* of the last code that was used */
};

struct mfa_device mfa_device_new(struct chance *chance);

/* The code to use now. */
void mfa_device_code(const struct mfa_device *device, time_t now, char ret_code[MFA_DEVICE_CODE_SIZE]);

/* True when `code` is good, which it then was for the last time. A code may be two steps old and one early. */
bool mfa_device_use(struct mfa_device *device, const char *code, time_t now);

#endif
