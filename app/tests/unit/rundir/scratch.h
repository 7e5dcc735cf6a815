/* scratch.h - a folder for one test, removed with all that is in it. */
#ifndef TESTS_UNIT_RUNDIR_SCRATCH_H
#define TESTS_UNIT_RUNDIR_SCRATCH_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline int scratch_setup(void **state)
{
    const char *base = getenv("TMPDIR");
    char *path = NULL;
    if (asprintf(&path, "%s/seamline-test-XXXXXX", base ? base : "/tmp") < 0)
        return -1;
    *state = mkdtemp(path);
    return *state ? 0 : -1;
}

static inline int scratch_remove_one(const char *path, const struct stat *stat, int type,
                                     struct FTW *ftw)
{
    (void)stat, (void)type, (void)ftw;
    return remove(path);
}

static inline int scratch_teardown(void **state)
{
    int result = nftw(*state, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return result;
}

#endif
