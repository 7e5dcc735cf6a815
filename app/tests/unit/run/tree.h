/* tree.h - files of the kernel below a folder, for tests of what reads them. */
#ifndef TESTS_UNIT_RUN_TREE_H
#define TESTS_UNIT_RUN_TREE_H

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Write CONTENT to ROOT/FILE, with the folders that it takes. After cmocka.h. */
static void tree_put(const char *root, const char *file, const char *content)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", root, file);
    for (char *slash = strchr(path + strlen(root) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    fputs(content, out);
    fclose(out);
}

#endif
