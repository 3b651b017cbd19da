/* pam_stack: any PAM file. What gets our lines is in force, reads otherwise as before, and loses them without a trace.
 */
#include "tests/fuzz/fuzz_support.h"

#include "pam_ssm/core/pam_stack.h"

#define ROOM (256 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char with[ROOM], without[ROOM], again[ROOM], words[512];
    if (size == 0 || size > ROOM / 4) {
        return 0;
    }
    struct pam_stack_wish wish = {data[0] % 2 == 0 ? PAM_STACK_LOGIN : PAM_STACK_SUDO, "ssm-user", ""};
    struct bytes file = bytes_of(data + 1, size - 1);
    struct text why = text_in(words, sizeof words);
    struct text bare = text_in(without, sizeof without);
    struct text text = text_in(with, sizeof with);
    enum err removed = pam_stack_remove(file, &bare, &why);
    if (pam_stack_insert(file, &wish, &text, &why) != ERR_OK) {
        return 0;
    }
    MUST(removed == ERR_OK);
    MUST(pam_stack_check(text_bytes(&text), &wish, &why) == ERR_OK);
    struct text twice = text_in(again, sizeof again);
    MUST(pam_stack_insert(text_bytes(&text), &wish, &twice, &why) == ERR_OK);
    MUST(bytes_equal(text_bytes(&text), text_bytes(&twice)));
    MUST(pam_stack_remove(text_bytes(&text), &twice, &why) == ERR_OK);
    MUST(bytes_equal(text_bytes(&bare), text_bytes(&twice)));
    return 0;
}
