#include "run/tls_of.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool set_path(const char *experiment, const char *file, char **out);
static void set_host(const struct experiment_stream *stream, const struct target *target,
                     char out[TLS_OF_HOST_BYTES]);
static enum tls_version version_of(enum experiment_tls_version version);

int tls_of_make(const char *path, const struct experiment_stream *stream,
                const struct target *target, struct tls_of *out, struct error *err)
{
    const struct experiment_tls *from = &stream->tls;
    struct tls_of made = {0};
    if (!set_path(path, from->ca, &made.ca) || !set_path(path, from->cert, &made.certificate) ||
        !set_path(path, from->key, &made.key)) {
        tls_of_free(&made);
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    }
    set_host(stream, target, made.host);
    *out = made;
    out->config = (struct tls_config){.ca_file = out->ca,
                                      .certificate_file = out->certificate,
                                      .key_file = out->key,
                                      .host = out->host,
                                      .insecure = from->insecure,
                                      .resume = from->resume,
                                      .min = version_of(from->min_version),
                                      .max = version_of(from->max_version)};
    return 0;
}

void tls_of_free(struct tls_of *tls)
{
    free(tls->ca);
    free(tls->certificate);
    free(tls->key);
    memset(tls, 0, sizeof(*tls));
}

/* Who is at the other end is known later, and makes no difference here. */
int tls_of_check(const char *path, const struct experiment_stream *stream, struct error *err)
{
    const struct target anybody = {0};
    struct tls_of tls;
    int code = tls_of_make(path, stream, &anybody, &tls, err);
    if (code < 0)
        return code;
    struct tls_context *context = tls_context_new(&tls.config, err);
    tls_of_free(&tls);
    tls_context_free(context);
    return context != NULL ? 0 : -EINVAL;
}

/* False: no memory. */
static bool set_path(const char *experiment, const char *file, char **out)
{
    char whole[PATH_MAX];
    if (file == NULL)
        return true;
    experiment_file_path(experiment, file, whole);
    *out = strdup(whole);
    return *out != NULL;
}

/* What the stream says, or its Host header without the port, or the target's address. */
static void set_host(const struct experiment_stream *stream, const struct target *target,
                     char out[TLS_OF_HOST_BYTES])
{
    const char *host = stream->http.request.host;
    char address[ADDRESS_TEXT_BYTES];
    if (stream->tls.server_name != NULL)
        snprintf(out, TLS_OF_HOST_BYTES, "%s", stream->tls.server_name);
    else if (host != NULL && host[0] == '[')
        snprintf(out, TLS_OF_HOST_BYTES, "%.*s", (int)strcspn(host + 1, "]"), host + 1);
    else if (host != NULL)
        snprintf(out, TLS_OF_HOST_BYTES, "%.*s", (int)strcspn(host, ":"), host);
    else
        snprintf(out, TLS_OF_HOST_BYTES, "%s", address_text(&target->address, address));
}

static enum tls_version version_of(enum experiment_tls_version version)
{
    return version == EXPERIMENT_TLS_1_2 ? TLS_1_2 : TLS_1_3;
}
