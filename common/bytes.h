/* bytes: a borrowed view of memory (pointer and length travel together), and big-endian integers. */
#ifndef SSM_COMMON_BYTES_H
#define SSM_COMMON_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *data; /* borrowed; may be NULL when len is 0; not terminated */
    size_t len;
};

static inline struct bytes bytes_of(const void *data, size_t len)
{
    return (struct bytes){data, len};
}

static inline struct bytes bytes_of_text(const char *text)
{
    return bytes_of(text, strlen(text));
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool bytes_equal_text(struct bytes a, const char *text)
{
    return bytes_equal(a, bytes_of_text(text));
}

/* The view from `offset` to the end; empty when offset is past it. */
static inline struct bytes bytes_from(struct bytes all, size_t offset)
{
    return offset >= all.len ? bytes_of(NULL, 0) : bytes_of(all.data + offset, all.len - offset);
}

static inline uint32_t bytes_get_be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

static inline uint64_t bytes_get_be64(const uint8_t *at)
{
    return (uint64_t)bytes_get_be32(at) << 32 | bytes_get_be32(at + 4);
}

static inline void bytes_put_be32(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

static inline void bytes_put_be64(uint8_t *at, uint64_t value)
{
    bytes_put_be32(at, (uint32_t)(value >> 32));
    bytes_put_be32(at + 4, (uint32_t)value);
}

/* The value of a hexadecimal digit of either case; -1 for anything else. */
static inline int bytes_hex_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    uint8_t lower = digit | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Lower-case hexadecimal; ret_hex has room for 2 * len + 1 characters and is terminated. */
static inline void bytes_to_hex(struct bytes bytes, char *ret_hex)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        ret_hex[2 * i] = digits[bytes.data[i] >> 4];
        ret_hex[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    ret_hex[2 * bytes.len] = '\0';
}

#endif
