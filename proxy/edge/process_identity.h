/* process_identity: names a process so that another run can tell, later, whether that very process still lives. A pid
 * alone is used again. */
#ifndef SSM_PROXY_EDGE_PROCESS_IDENTITY_H
#define SSM_PROXY_EDGE_PROCESS_IDENTITY_H

#include "common/text.h"

#include <stdbool.h>

struct process_identity {
    long pid;
    unsigned long long start; /* clock ticks since boot: field 22 of /proc/PID/stat; proc(5) */
    char pid_namespace[64];   /* "pid:[4026531836]" */
    char boot_id[64];         /* /proc/sys/kernel/random/boot_id */
    char host_name[65];
    char machine_id[64]; /* /etc/machine-id, or "-" */
};

/* ERR_SYSTEM without /proc. */
enum err process_identity_self(struct process_identity *ret_identity) SSM_MUST_USE;

/* The process that started us, and the boot and pid namespace in which it has that pid; host and machine stay empty.
 * ERR_SYSTEM as well when it is gone. */
enum err process_identity_parent(struct process_identity *ret_identity) SSM_MUST_USE;

/* True when the process is gone for certain; false as well when that cannot be seen from `self`, because it is of
 * another machine or pid namespace. */
bool process_identity_is_gone(const struct process_identity *identity, const struct process_identity *self);

/* "4711 8915523 pid:[4026531836] BOOT" and "HOST MACHINE". */
void process_identity_put_process(const struct process_identity *identity, struct text *text);
void process_identity_put_host(const struct process_identity *identity, struct text *text);

/* The reverse, of terminated text. ERR_MALFORMED. */
enum err process_identity_parse_process(const char *text, struct process_identity *identity) SSM_MUST_USE;
enum err process_identity_parse_host(const char *text, struct process_identity *identity) SSM_MUST_USE;

#endif
