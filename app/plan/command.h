/* command.h - the experiment that the arguments of `seamline traffic` stand for.
 *
 * One stream "traffic" toward the URL: start, wait for the duration, stop. With a file of targets,
 * a stream "target-N" for each address among them, which take turns at one rate as the file has
 * them. Everything becomes keys of an experiment, which is then read as strictly as a file, so that
 * the run directory's experiment.json can be run again. What does not fit a scheme (a header of a
 * ctraffic stream) is refused here with the option's name.
 *
 * A host name is never looked up: --resolve HOST:PORT:ADDRESS says what it stands for, and
 * --connect-to HOST:PORT:ADDRESS:PORT where to connect in its place, as curl's options of these
 * names. The name itself stays in the Host header. Addresses that were typed are allowed without
 * the machine file's `allow`.
 *
 * Threads: pure, but for the body's file. Memory: options are borrowed during the call.
 */
#ifndef PLAN_COMMAND_H
#define PLAN_COMMAND_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct experiment;
struct experiment_options;

enum {
    COMMAND_LIST_MAX = 32 /* Of options that may be given again. */
};

struct command_list {
    const char *items[COMMAND_LIST_MAX];
    size_t count;
};

/* All as typed; NULL: not given. */
struct command {
    const char *url;           /* NULL with targets. */
    const char *targets;       /* A file of targets (targets.h), which take turns. */
    const char *duration;      /* 10s unless given. */
    const char *rate;          /* 100/s unless given or closed. */
    const char *timeout;       /* Of connecting and of answers. */
    const char *connections;   /* Held, loops, or the most that may be open. */
    const char *size;          /* ctraffic, datagrams: bytes. raw: of frames, "64,1518". */
    const char *seed;          /* Of random choices. */
    const char *method;        /* http, as the rest. */
    const char *body;          /* The text itself, or @FILE. */
    const char *expect;        /* "200", "200-299,404". */
    const char *expect_size;   /* Of the answer's body: bytes, */
    const char *expect_text;   /* a part of it, */
    const char *expect_sha256; /* and its digest. */
    const char *ca;            /* https, as the rest; files: whom to trust, */
    const char *cert;          /* who we are, */
    const char *key;           /* and its key. */
    const char *server_name;   /* In place of the URL's host. */
    struct command_list headers;
    struct command_list resolves;
    struct command_list connects;
    bool closed;       /* The next request when the one before is over. */
    bool no_keepalive; /* A connection for each request. */
    bool insecure;     /* https: any certificate will do. */
};

/* A fresh tree of the experiment; NULL with ERR. */
cJSON *command_tree(const struct command *command, struct error *err);
/* The same, read strictly after OPTIONS' assignments. 0 or -errno with ERR. */
int command_experiment(const struct command *command, const struct experiment_options *options,
                       struct experiment **out, struct error *err);

#endif
