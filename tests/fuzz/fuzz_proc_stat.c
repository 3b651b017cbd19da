/* proc_stat: any bytes as /proc/PID/stat and /proc/PID/status; and any bytes as the name of a process, which is its
 * owner's to choose and must not change what is read behind it. */
#include "tests/fuzz/fuzz_support.h"

#include "pam_ssm/core/proc_stat.h"

static void check_name(struct bytes name)
{
    static const char head[] = "4711 (";
    static const char rest[] = ") S 42 1 1 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 987654 5 6\n";
    size_t len = strlen(head) + name.len + strlen(rest);
    char *file = malloc(len);
    MUST(file != NULL);
    memcpy(file, head, strlen(head));
    if (name.len > 0) {
        memcpy(file + strlen(head), name.data, name.len);
    }
    memcpy(file + strlen(head) + name.len, rest, strlen(rest));
    struct proc_stat stat;
    MUST(proc_stat_parse(bytes_of(file, len), &stat) == ERR_OK);
    MUST(stat.pid == 4711 && stat.parent_pid == 42 && stat.start_ticks == 987654);
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_of(data, size);
    struct proc_stat stat;
    int64_t uids[4] = {-1, -1, -1, -1};
    if (proc_stat_parse(input, &stat) == ERR_OK) {
        MUST(stat.pid > 0 && stat.parent_pid >= 0 && stat.start_ticks >= 0);
    }
    if (proc_stat_parse_uids(input, uids) == ERR_OK) {
        for (int i = 0; i < 4; i++) {
            MUST(uids[i] >= 0 && uids[i] <= UINT32_MAX);
        }
    } else {
        MUST(uids[0] == -1 && uids[3] == -1);
    }
    check_name(input);
    return 0;
}
