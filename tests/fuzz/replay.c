/* replay: what stands in libFuzzer's place where a build has no clang: every file of the given folders goes through the
 * target once, in the order of their names. */
#include "tests/fuzz/fuzz_support.h"

#include <dirent.h>

#define INPUT_MAX (64 * 1024)

static void replay_file(const char *folder, const char *name)
{
    static uint8_t input[INPUT_MAX];
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    MUST(file != NULL);
    size_t len = fread(input, 1, sizeof input, file);
    MUST(feof(file) != 0 && fclose(file) == 0);
    uint8_t *copy = (uint8_t *)fuzz_string(bytes_of(input, len));
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
}

int main(int argc, char **argv)
{
    int count = 0;
    for (int i = 1; i < argc; i++) {
        struct dirent **entries;
        int found = scandir(argv[i], &entries, NULL, alphasort);
        MUST(found >= 0);
        for (int j = 0; j < found; j++) {
            if (entries[j]->d_name[0] != '.') {
                replay_file(argv[i], entries[j]->d_name);
                count++;
            }
            free(entries[j]);
        }
        free(entries);
    }
    printf("%d inputs\n", count);
    return count > 0 ? 0 : 1;
}
