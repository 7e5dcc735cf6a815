#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool reserve(struct text *text, size_t more);
static int replace_file(const struct text *text, const char *path, mode_t mode);
static int write_all(int fd, const char *bytes, size_t size);
static void add_fixed(struct text *text, uint64_t value, uint64_t unit, const char *name);

void text_free(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

void text_clear(struct text *text)
{
    text->size = 0;
    text->failed = false;
    if (text->data != NULL)
        text->data[0] = '\0';
}

const char *text_str(const struct text *text)
{
    return text->data == NULL ? "" : text->data;
}

void text_add(struct text *text, const char *str)
{
    text_add_bytes(text, str, strlen(str));
}

void text_add_bytes(struct text *text, const void *bytes, size_t size)
{
    if (!reserve(text, size))
        return;
    if (size > 0)
        memcpy(text->data + text->size, bytes, size);
    text->size += size;
    text->data[text->size] = '\0';
}

void text_addf(struct text *text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    text_addv(text, format, args);
    va_end(args);
}

void text_addv(struct text *text, const char *format, va_list args)
{
    va_list again;

    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (size < 0)
        text->failed = true;
    if (size < 0 || !reserve(text, (size_t)size))
        return;
    (void)vsnprintf(text->data + text->size, (size_t)size + 1, format, args);
    text->size += (size_t)size;
}

void text_tame(char *str)
{
    for (char *at = str; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at, next = (unsigned char)at[1];
        bool wide = c == 0xc2 && next >= 0x80 && next < 0xa0;
        if ((c < ' ' && c != '\t' && c != '\n') || c == 0x7f || wide)
            *at = '?';
        if (wide)
            *++at = '?';
    }
}

void text_flatten(char *str)
{
    for (char *at = str; *at != '\0'; at++)
        if (strchr("\n\r\t\v\f", *at) != NULL)
            *at = ' ';
}

void text_consume(struct text *text, size_t size)
{
    if (text->data == NULL)
        return;
    if (size > text->size)
        size = text->size;
    text->size -= size;
    memmove(text->data, text->data + size, text->size + 1);
}

int text_read_file(struct text *text, const char *path, size_t limit_bytes)
{
    size_t before = text->size;
    int result = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    for (;;) {
        if (!reserve(text, 65536)) {
            result = -ENOMEM;
            break;
        }
        ssize_t got = read(fd, text->data + text->size, 65536);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            result = got < 0 ? -errno : 0;
            break;
        }
        text->size += (size_t)got;
        if (text->size - before > limit_bytes) {
            result = -EFBIG;
            break;
        }
    }
    close(fd);
    if (result < 0)
        text->size = before;
    if (text->data != NULL)
        text->data[text->size] = '\0';
    return result;
}

int text_write_file(const struct text *text, const char *path)
{
    return replace_file(text, path, 0666);
}

int text_write_private(const struct text *text, const char *path)
{
    return replace_file(text, path, 0600);
}

/* Exact below a millisecond, to the microsecond above; zeros at the end are left out. */
void text_add_duration(struct text *text, int64_t duration_ns)
{
    uint64_t ns = duration_ns < 0 ? -(uint64_t)duration_ns : (uint64_t)duration_ns;

    if (duration_ns < 0)
        text_add(text, "-");
    if (ns >= 1000000)
        ns = (ns + 500) / 1000 * 1000;
    if (ns < 1000)
        add_fixed(text, ns, 1, "ns");
    else if (ns < 1000000)
        add_fixed(text, ns, 1000, "us");
    else if (ns < 1000000000)
        add_fixed(text, ns, 1000000, "ms");
    else
        add_fixed(text, ns, 1000000000, "s");
}

/* Room for MORE bytes and the NUL. */
static bool reserve(struct text *text, size_t more)
{
    size_t capacity = text->capacity == 0 ? 64 : text->capacity;

    if (text->failed)
        return false;
    if (more >= TEXT_LIMIT_BYTES || text->size + more >= TEXT_LIMIT_BYTES) {
        text->failed = true;
        return false;
    }
    while (capacity < text->size + more + 1)
        capacity *= 2;
    if (capacity == text->capacity)
        return true;
    char *data = realloc(text->data, capacity);
    if (data == NULL) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

/* MODE is before the umask. What a crashed process of the same id has left is removed. */
static int replace_file(const struct text *text, const char *path, mode_t mode)
{
    struct text temporary = {0};
    int result = -ENOMEM;

    text_addf(&temporary, "%s.%ld.tmp", path, (long)getpid());
    if (text->failed || temporary.failed)
        goto out;
    unlink(text_str(&temporary));
    int fd = open(text_str(&temporary), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        result = -errno;
        goto out;
    }
    result = write_all(fd, text_str(text), text->size);
    if (result == 0 && fsync(fd) < 0)
        result = -errno;
    if (close(fd) < 0 && result == 0)
        result = -errno;
    if (result == 0 && rename(text_str(&temporary), path) < 0)
        result = -errno;
    if (result < 0)
        unlink(text_str(&temporary));
out:
    text_free(&temporary);
    return result;
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t put = write(fd, bytes, size);

        if (put < 0 && errno != EINTR)
            return -errno;
        if (put > 0) {
            bytes += put;
            size -= (size_t)put;
        }
    }
    return 0;
}

static void add_fixed(struct text *text, uint64_t value, uint64_t unit, const char *name)
{
    char digits[16] = "";
    uint64_t rest = value % unit;
    uint64_t scale = unit;

    for (unsigned i = 0; rest > 0; i++) {
        scale /= 10;
        digits[i] = (char)('0' + rest / scale);
        rest %= scale;
    }
    text_addf(text, "%llu%s%s %s", (unsigned long long)(value / unit), digits[0] ? "." : "", digits,
              name);
}
