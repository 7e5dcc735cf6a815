#include "run/body_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plan/experiment.h"

static int open_body(const char *path, uint64_t *size_bytes, struct error *err);
static int map(const char *path, struct body_file *out, struct error *err);

int body_file_check(const char *beside, const char *path, struct error *err)
{
    char whole[PATH_MAX];
    uint64_t size_bytes;
    experiment_file_path(beside, path, whole);
    int fd = open_body(whole, &size_bytes, err);
    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

int body_files_map(struct body_files *files, const char *beside, const char *path,
                   const struct body_file **out, struct error *err)
{
    char whole[PATH_MAX];
    experiment_file_path(beside, path, whole);
    for (size_t i = files->count; i > 0; i--)
        if (strcmp(files->files[i - 1].path, whole) == 0) {
            *out = &files->files[i - 1];
            return 0;
        }
    struct body_file *grown = realloc(files->files, (files->count + 1) * sizeof(*grown));
    if (grown == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    files->files = grown;
    int code = map(whole, &grown[files->count], err);
    if (code == 0)
        *out = &grown[files->count++];
    return code;
}

void body_files_unmap(struct body_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        struct body_file *file = &files->files[i];
        if (file->bytes != NULL)
            munmap((void *)(uintptr_t)file->bytes, file->size_bytes);
        free(file->path);
    }
    free(files->files);
    *files = (struct body_files){0};
}

/* The file PATH, opened and fit to be a body, with its size; or -errno with ERR. Without O_NONBLOCK
 * a pipe would be waited for. */
static int open_body(const char *path, uint64_t *size_bytes, struct error *err)
{
    struct stat stat;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &stat) < 0) {
        int code = error_set(err, EXIT_USAGE, -errno, "body %s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return code;
    }
    if (!S_ISREG(stat.st_mode) || stat.st_size > EXPERIMENT_BODY_MAX) {
        close(fd);
        return error_set(err, EXIT_USAGE, -EINVAL, "body %s: want a file of 1 GiB at most", path);
    }
    *size_bytes = (uint64_t)stat.st_size;
    return fd;
}

static int map(const char *path, struct body_file *out, struct error *err)
{
    struct body_file made = {.path = strdup(path)};
    if (made.path == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    int fd = open_body(path, &made.size_bytes, err);
    int code = fd < 0 ? fd : 0;
    if (code == 0 && made.size_bytes > 0) {
        void *bytes = mmap(NULL, made.size_bytes, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
        if (bytes == MAP_FAILED)
            code = error_set(err, EXIT_ENVIRONMENT, -errno, "body %s: %s", path, strerror(errno));
        else if (made.size_bytes <= BODY_FILE_LOCK_BYTES)
            (void)mlock(bytes, made.size_bytes); /* As far as it may be. */
        made.bytes = bytes;
    }
    if (fd >= 0)
        close(fd);
    if (code < 0)
        free(made.path);
    else
        *out = made;
    return code;
}
