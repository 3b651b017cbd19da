#include "tests/emulator/remove_tree.h"

#include <ftw.h>
#include <stdio.h>

/* Descriptors that nftw may hold. */
#define WALK_DESCRIPTORS 8

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    (void)remove(path);
    return 0;
}

void remove_tree(const char *path)
{
    nftw(path, remove_entry, WALK_DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}
