#include "tests/emulator/mfa_device.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "common/bytes.h"

#define STEP_SECONDS 30

struct mfa_device mfa_device_new(struct chance *chance)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    struct mfa_device device = {0};
    for (size_t i = 0; i < sizeof device.seed; i++) {
        device.seed[i] = (uint8_t)chance_below(chance, 256);
    }
    /* Five bytes are eight characters. */
    for (size_t i = 0; i < 32; i++) {
        const uint8_t *group = device.seed + i / 8 * 5;
        uint64_t bits = (uint64_t)group[0] << 32 | bytes_get_be32(group + 1);
        device.seed_base32[i] = alphabet[bits >> (35 - i % 8 * 5) & 31];
    }
    return device;
}

/* RFC 4226, 5.3. */
static void code_of_step(const struct mfa_device *device, int64_t step, char ret_code[MFA_DEVICE_CODE_SIZE])
{
    uint8_t counter[8], mac[20];
    unsigned int len = 0;
    bytes_put_be64(counter, (uint64_t)step);
    HMAC(EVP_sha1(), device->seed, (int)sizeof device->seed, counter, sizeof counter, mac, &len);
    uint32_t number = bytes_get_be32(mac + (mac[19] & 15)) & 0x7fffffff;
    snprintf(ret_code, MFA_DEVICE_CODE_SIZE, "%06u", (unsigned)(number % 1000000));
}

static int64_t present_step(const struct mfa_device *device, time_t now)
{
    int64_t step = (int64_t)now / STEP_SECONDS;
    return step > device->used_step ? step : device->used_step + 1;
}

void mfa_device_code(const struct mfa_device *device, time_t now, char ret_code[MFA_DEVICE_CODE_SIZE])
{
    code_of_step(device, present_step(device, now), ret_code);
}

bool mfa_device_use(struct mfa_device *device, const char *code, time_t now)
{
    int64_t present = present_step(device, now);
    for (int64_t step = present - 2; step <= present + 1; step++) {
        char good[MFA_DEVICE_CODE_SIZE];
        code_of_step(device, step, good);
        if (step > device->used_step && strcmp(code, good) == 0) {
            device->used_step = step;
            return true;
        }
    }
    return false;
}
