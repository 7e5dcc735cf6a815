#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/text.h"
#include "traffic/http_message.h"
#include "traffic/http_priv.h"

static int check_request(const struct http_request_config *config, struct error *err);
static int check_fields(const struct http_field fields[], uint32_t count, bool answer,
                        struct error *err);
static int check_body(const struct http_body *body, struct error *err);
static bool is_reserved(const char *name, bool answer);
static bool is_name(const char *text);
static bool is_value(const char *text);
static bool is_target(const char *text);
static bool has_bodies(const char *method);
static void add_fields(struct text *head, const struct http_field fields[], uint32_t count);
static void add_framing(struct text *head, const struct http_body *body, bool length);
static int make(struct http_message *message, const struct http_message *made, struct text *head,
                struct error *err);

int http_message_request(struct http_message *message, const struct http_request_config *config,
                         struct error *err)
{
    const char *method = config->method != NULL ? config->method : "GET";
    const struct http_body *body = &config->body;
    struct http_message made = {.body = *body,
                                .is_head = strcmp(method, "HEAD") == 0,
                                .is_continue = config->expect_continue};
    struct text head = {0};
    int rc = check_request(config, err);
    if (rc < 0)
        return rc;
    text_addf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, config->target, config->host);
    add_fields(&head, config->fields, config->field_count);
    if (config->sequence_field != NULL) {
        text_addf(&head, "%s: ", config->sequence_field);
        made.sequence_at = (uint32_t)head.size;
        text_addf(&head, "%0*d\r\n", HTTP_SEQUENCE_DIGITS, 0);
    }
    if (config->close)
        text_add(&head, "Connection: close\r\n");
    if (config->expect_continue)
        text_add(&head, "Expect: 100-continue\r\n");
    add_framing(&head, body, body->size_bytes > 0 || has_bodies(method));
    return make(message, &made, &head, err);
}

int http_message_answer(struct http_message *message, const struct http_answer_config *config,
                        struct error *err)
{
    struct http_message made = {.body = config->body};
    struct text head = {0};
    bool bodiless = config->status == 204 || config->status == 304;
    int rc = check_fields(config->fields, config->field_count, true, err);
    if (rc == 0)
        rc = check_body(&config->body, err);
    if (rc < 0)
        return rc;
    if (config->status < 200 || config->status > 599)
        return error_set(err, EXIT_USAGE, -EINVAL, "status %u: 200 to 599 is possible",
                         config->status);
    if (bodiless && (config->body.size_bytes > 0 || config->body.chunk_bytes > 0))
        return error_set(err, EXIT_USAGE, -EINVAL, "an answer %u has no body (RFC 9110)",
                         config->status);
    text_addf(&head, "HTTP/1.1 %u %s\r\n", config->status, config->status == 200 ? "OK" : "");
    add_fields(&head, config->fields, config->field_count);
    if (config->close)
        text_add(&head, "Connection: close\r\n");
    add_framing(&head, &config->body, !bodiless);
    return make(message, &made, &head, err);
}

void http_message_free(struct http_message *message)
{
    free(message->head);
    *message = (struct http_message){0};
}

uint32_t http_body_hash(const struct http_body *body)
{
    if (body->bytes != NULL)
        return hash_crc32c(0, body->bytes, body->size_bytes);
    uint8_t part[4096];
    uint32_t hash = 0;
    for (uint64_t at = 0; at < body->size_bytes; at += sizeof(part)) {
        uint64_t left = body->size_bytes - at;
        uint32_t count = left < sizeof(part) ? (uint32_t)left : sizeof(part);
        http_body_make(at, part, count);
        hash = hash_crc32c(hash, part, count);
    }
    return hash;
}

static int check_request(const struct http_request_config *config, struct error *err)
{
    if (config->method != NULL &&
        (!is_name(config->method) || strcmp(config->method, "CONNECT") == 0))
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "method \"%s\": a token such as GET is needed, CONNECT excepted",
                         config->method);
    if (config->target == NULL || !is_target(config->target))
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "target \"%s\": printable ASCII without spaces is needed, such as /a?b=c",
                         config->target != NULL ? config->target : "");
    if (config->host == NULL || !is_value(config->host) || strchr(config->host, ' ') != NULL)
        return error_set(err, EXIT_USAGE, -EINVAL, "host \"%s\": a name, or address:port is needed",
                         config->host != NULL ? config->host : "");
    if (config->sequence_field != NULL &&
        (!is_name(config->sequence_field) || is_reserved(config->sequence_field, false)))
        return error_set(err, EXIT_USAGE, -EINVAL, "sequence header \"%s\": not a name for it",
                         config->sequence_field);
    if (config->expect_continue && config->body.size_bytes == 0)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "a request that waits for 100 Continue needs a body");
    int rc = check_fields(config->fields, config->field_count, false, err);
    return rc < 0 ? rc : check_body(&config->body, err);
}

static int check_fields(const struct http_field fields[], uint32_t count, bool answer,
                        struct error *err)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!is_name(fields[i].name))
            return error_set(err, EXIT_USAGE, -EINVAL,
                             "header %u: \"%s\" is not a header's name (RFC 9110 5.1)", i + 1,
                             fields[i].name);
        if (is_reserved(fields[i].name, answer))
            return error_set(err, EXIT_USAGE, -EINVAL,
                             "header %u: %s is made from the other settings; leave it out", i + 1,
                             fields[i].name);
        if (!is_value(fields[i].value))
            return error_set(err, EXIT_USAGE, -EINVAL,
                             "header %u: the value of %s holds a control character", i + 1,
                             fields[i].name);
    }
    return 0;
}

static int check_body(const struct http_body *body, struct error *err)
{
    if (body->size_bytes > HTTP_BODY_MAX_BYTES)
        return error_set(err, EXIT_USAGE, -EINVAL, "a body of %llu bytes: 1 TiB is the most",
                         (unsigned long long)body->size_bytes);
    if (body->chunk_bytes > HTTP_MESSAGE_CHUNK_BYTES)
        return error_set(err, EXIT_USAGE, -EINVAL, "chunks of %u bytes: %u is the most",
                         body->chunk_bytes, (unsigned)HTTP_MESSAGE_CHUNK_BYTES);
    return 0;
}

/* What frames the message, or says what to do with the connection. */
static bool is_reserved(const char *name, bool answer)
{
    static const char *const names[] = {"Content-Length", "Transfer-Encoding", "Connection",
                                        "Expect", "Host"};
    unsigned count = answer ? 4 : 5;
    for (unsigned i = 0; i < count; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool is_name(const char *text)
{
    return http_is_token((const uint8_t *)text, (uint32_t)strlen(text));
}

static bool is_value(const char *text)
{
    for (; *text != '\0'; text++)
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
            return false;
    return true;
}

static bool is_target(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (*at <= 0x20 || *at >= 0x7f)
            return false;
    return *text != '\0';
}

/* RFC 9110 8.6: of these methods a server expects to be told that there is no body. */
static bool has_bodies(const char *method)
{
    return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
           strcmp(method, "PATCH") == 0;
}

static void add_fields(struct text *head, const struct http_field fields[], uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        text_addf(head, "%s: %s\r\n", fields[i].name, fields[i].value);
}

static void add_framing(struct text *head, const struct http_body *body, bool length)
{
    if (body->chunk_bytes > 0)
        text_add(head, "Transfer-Encoding: chunked\r\n");
    else if (length)
        text_addf(head, "Content-Length: %llu\r\n", (unsigned long long)body->size_bytes);
    text_add(head, "\r\n");
}

/* MADE with HEAD, whose memory goes over, becomes MESSAGE. */
static int make(struct http_message *message, const struct http_message *made, struct text *head,
                struct error *err)
{
    if (head->failed || head->size > HTTP_MESSAGE_HEAD_BYTES) {
        int rc = head->failed
                     ? error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "no memory for an HTTP head")
                     : error_set(err, EXIT_USAGE, -EINVAL, "a head of %zu bytes: %u is the most",
                                 head->size, (unsigned)HTTP_MESSAGE_HEAD_BYTES);
        text_free(head);
        return rc;
    }
    *message = *made;
    message->head = (uint8_t *)head->data;
    message->head_bytes = (uint32_t)head->size;
    message->total_bytes = head->size + http_body_wire_bytes(&made->body);
    return 0;
}
