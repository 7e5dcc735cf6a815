/* body_file.h - files that hold the bodies of HTTP requests, mapped for the workers to read.
 *
 * A worker reads any part at any time, also of what it sends again. It must not wait for a disk:
 * all of a file is read in when it is mapped, and up to BODY_FILE_LOCK_BYTES of each are locked
 * into memory as far as the process may lock any. What is larger stays as long as memory is not
 * short. A file must not be changed while it is mapped: what is cut off it ends the program
 * (SIGBUS).
 *
 * Threads: control maps and unmaps; any thread reads. Memory: the page cache's. Full: more than
 * EXPERIMENT_BODY_MAX bytes are refused.
 */
#ifndef RUN_BODY_FILE_H
#define RUN_BODY_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    BODY_FILE_LOCK_BYTES = 64 << 20
};

struct body_file {
    char *path;           /* As it was opened. */
    const uint8_t *bytes; /* NULL when it is empty. */
    uint64_t size_bytes;
};

/* Each file once. */
struct body_files {
    struct body_file *files; /* count of them. */
    size_t count;
};

/* Both: the file PATH, relative to the folder that the file BESIDE is in; 0, or -errno with ERR
 * that names it. *OUT is valid until the next call. */
int body_file_check(const char *beside, const char *path, struct error *err);
int body_files_map(struct body_files *files, const char *beside, const char *path,
                   const struct body_file **out, struct error *err);
/* Harmless on a zeroed one. */
void body_files_unmap(struct body_files *files);

#endif
