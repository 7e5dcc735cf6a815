/* error.h - the text that goes with a failure a user can mend.
 *
 * Slow-path functions return 0 or -errno; where the cause is something that the user wrote or owns
 * (a file, an option, a cluster, a port), they also fill a struct error: where it is, and what to
 * change. The text is one sentence, or a few lines when a list helps, without a final newline.
 *
 *     struct error err = {0};
 *     if (plan_load(path, &plan, &err) < 0)
 *         fprintf(stderr, "seamline: %s\n", err.text);
 *
 * The first error wins: error_set() on a struct that already has text is ignored, so that the cause
 * is reported and not its consequences. error_wrap() puts a place before what is there.
 *
 * Threads: a struct error belongs to its caller. Memory: fixed; longer texts are cut at the end.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

/* Exit statuses of all programs here; see docs/user-guide.md. */
enum exit_status {
    EXIT_MET = 0,         /* The run met its expectations. */
    EXIT_NOT_MET = 1,     /* It ran, and did not. */
    EXIT_USAGE = 2,       /* Bad usage or input. */
    EXIT_ENVIRONMENT = 3, /* Port, cluster, permission, resources. */
    EXIT_INTERRUPTED = 4, /* Stopped by a signal; the partial result is saved. */
};

struct error {
    enum exit_status status; /* What the program should exit with; EXIT_USAGE unless said. */
    char text[1024];         /* Empty: no error. */
};

/* Fill ERR (which may be NULL) with a formatted text and STATUS, and return CODE (a negative
 * errno), so that callers can write `return error_set(err, EXIT_USAGE, -EINVAL, "...", ...)`. */
int error_set(struct error *err, enum exit_status status, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Put "<formatted>: " before the text that is there. Does nothing without text. */
void error_wrap(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
