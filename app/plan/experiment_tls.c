#include <string.h>

#include "plan/experiment_priv.h"

static int check_tls(struct reader *reader, void *object);

#define AT(member) offsetof(struct experiment_tls, member)

static const struct reader_word version_words[] = {
    {"1.2", EXPERIMENT_TLS_1_2},
    {"1.3", EXPERIMENT_TLS_1_3},
    {NULL, 0},
};

static const struct reader_field tls_fields[] = {
    {.key = "ca", .type = READER_TEXT, .offset = AT(ca)},
    {.key = "cert", .type = READER_TEXT, .offset = AT(cert)},
    {.key = "key", .type = READER_TEXT, .offset = AT(key)},
    {.key = "serverName", .type = READER_TEXT, .offset = AT(server_name), .max = 255},
    {.key = "insecure", .type = READER_BOOL, .offset = AT(insecure)},
    {.key = "minVersion",
     .type = READER_WORD,
     .offset = AT(min_version),
     .otherwise = "1.2",
     .words = version_words},
    {.key = "maxVersion",
     .type = READER_WORD,
     .offset = AT(max_version),
     .otherwise = "1.3",
     .words = version_words},
    {.key = "resume", .type = READER_BOOL, .offset = AT(resume), .otherwise = "true"},
    {.key = NULL},
};
const struct reader_object experiment_tls_object = {"tls", tls_fields, NULL, check_tls};

static int check_tls(struct reader *reader, void *object)
{
    const struct experiment_tls *tls = object;

    if ((tls->cert == NULL) != (tls->key == NULL))
        return reader_refuse(reader, "\"cert\" and \"key\" go together: \"%s\" is missing",
                             tls->cert == NULL ? "cert" : "key");
    if (tls->insecure && tls->ca != NULL)
        return reader_refuse(reader, "\"ca\" and \"insecure\" exclude each other");
    if (tls->min_version > tls->max_version)
        return reader_refuse(reader, "minVersion: got a later one than maxVersion");
    return 0;
}
