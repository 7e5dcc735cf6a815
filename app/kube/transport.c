#include "kube/transport.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/utc.h"

enum {
    HTTP_UNAUTHORIZED = 401,
    TOKEN_BYTES = 64 << 10,
    DATE_BYTES = 64
};

/* One request under way. */
struct exchange {
    struct exchange *next; /* In the transport's list. */
    struct kube_transport *transport;
    uint64_t id;
    CURL *easy;
    struct curl_slist *headers;
    struct curl_slist *connect_to; /* Where to connect when the certificate has another name. */
    struct text body;              /* Of the request. */
    struct kube_answer *answer;    /* Being filled: a piece, or the whole. */
    int64_t started_ns;            /* UTC. */
    bool stream;
    bool too_large; /* The answer passed KUBE_BODY_MAX. */
    unsigned retry_after_s;
    char detail[CURL_ERROR_SIZE]; /* libcurl's own words for a failure. */
};

struct kube_transport {
    const struct kubeconfig *config;
    CURLM *multi;
    unsigned connect_ms, answer_ms;
    uint64_t last_id;
    unsigned count; /* Requests under way. */
    struct server_clock clock;
    struct exchange *exchanges;
    struct kube_answer *first, *last; /* What the caller has not taken yet. */
    unsigned answers;
};

static int set_options(struct exchange *exchange, const struct kube_request *request,
                       struct text *url);
static int set_tls(struct exchange *exchange);
static int set_headers(struct exchange *exchange, const struct kube_request *request);
static int add_header(struct exchange *exchange, const char *format, const char *value);
static int add_token(struct exchange *exchange);
static void make_url(const struct kubeconfig *config, const char *path, struct text *url,
                     struct text *connect_to);
static size_t take_body(char *bytes, size_t size, size_t count, void *arg);
static void take_date(struct exchange *exchange, const char *text);
static size_t take_header(char *bytes, size_t size, size_t count, void *arg);
static void append(struct kube_transport *transport, struct kube_answer *answer);
static void finish(struct kube_transport *transport, struct exchange *exchange, CURLcode code);
static enum kube_reason judge(const struct exchange *exchange, CURLcode code, struct error *err);
static enum kube_reason judge_tls(const struct exchange *exchange, CURLcode code,
                                  struct error *err);
static void exchange_free(struct exchange *exchange);
static void unlink_exchange(struct kube_transport *transport, struct exchange *exchange);

int kube_transport_open(const struct kubeconfig *config, unsigned connect_ms, unsigned answer_ms,
                        struct kube_transport **out, struct error *err)
{
    struct kube_transport *transport = calloc(1, sizeof(*transport));
    bool good = transport != NULL && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    if (good) {
        transport->config = config;
        transport->connect_ms = connect_ms == 0 ? KUBE_CONNECT_MS : connect_ms;
        transport->answer_ms = answer_ms == 0 ? KUBE_ANSWER_MS : answer_ms;
        transport->multi = curl_multi_init();
        good = transport->multi != NULL;
    }
    if (!good) {
        free(transport);
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "libcurl cannot be started");
    }
    *out = transport;
    return 0;
}

void kube_transport_close(struct kube_transport *transport)
{
    struct kube_answer *answer;
    if (transport == NULL)
        return;
    while (transport->exchanges != NULL) {
        struct exchange *exchange = transport->exchanges;
        unlink_exchange(transport, exchange);
        exchange_free(exchange);
    }
    while ((answer = kube_transport_take(transport)) != NULL)
        kube_answer_free(answer);
    curl_multi_cleanup(transport->multi);
    curl_global_cleanup();
    free(transport);
}

int kube_transport_start(struct kube_transport *transport, const struct kube_request *request,
                         uint64_t *id)
{
    struct text url = {0};
    if (transport->count == KUBE_REQUESTS_MAX)
        return -EBUSY;
    struct exchange *exchange = calloc(1, sizeof(*exchange));
    if (exchange == NULL)
        return -ENOMEM;
    exchange->transport = transport;
    exchange->stream = request->stream;
    exchange->easy = curl_easy_init();
    int code = exchange->easy == NULL ? -ENOMEM : set_options(exchange, request, &url);
    text_free(&url);
    exchange->started_ns = utc_now_ns();
    if (code == 0 && curl_multi_add_handle(transport->multi, exchange->easy) != CURLM_OK)
        code = -ENOMEM;
    if (code < 0) {
        exchange_free(exchange);
        return code;
    }
    exchange->id = ++transport->last_id;
    exchange->next = transport->exchanges;
    transport->exchanges = exchange;
    transport->count++;
    *id = exchange->id;
    return 0;
}

void kube_transport_cancel(struct kube_transport *transport, uint64_t id)
{
    struct kube_answer **at = &transport->first;
    for (struct exchange *exchange = transport->exchanges; exchange != NULL;
         exchange = exchange->next) {
        if (exchange->id == id) {
            unlink_exchange(transport, exchange);
            exchange_free(exchange);
            break;
        }
    }
    transport->last = NULL;
    while (*at != NULL) {
        struct kube_answer *answer = *at;
        if (answer->request == id) {
            *at = answer->next;
            transport->answers--;
            kube_answer_free(answer);
        } else {
            transport->last = answer;
            at = &answer->next;
        }
    }
}

int kube_transport_poll(struct kube_transport *transport, unsigned timeout_ms)
{
    int running, left;
    const CURLMsg *message;
    if (transport->answers > 0)
        timeout_ms = 0;
    if (curl_multi_perform(transport->multi, &running) != CURLM_OK)
        return -EIO;
    if (timeout_ms > 0 && transport->answers == 0 && running == (int)transport->count) {
        if (curl_multi_poll(transport->multi, NULL, 0, (int)timeout_ms, NULL) != CURLM_OK ||
            curl_multi_perform(transport->multi, &running) != CURLM_OK)
            return -EIO;
    }
    /* What streams have brought comes before any end. */
    for (struct exchange *exchange = transport->exchanges; exchange != NULL;
         exchange = exchange->next) {
        if (exchange->stream && exchange->answer != NULL && exchange->answer->http_code == 200) {
            append(transport, exchange->answer);
            exchange->answer = NULL;
        }
    }
    while ((message = curl_multi_info_read(transport->multi, &left)) != NULL) {
        struct exchange *exchange = NULL;
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange) == CURLE_OK &&
            exchange != NULL)
            finish(transport, exchange, message->data.result);
    }
    return (int)transport->answers;
}

struct kube_answer *kube_transport_take(struct kube_transport *transport)
{
    struct kube_answer *answer = transport->first;
    if (answer == NULL)
        return NULL;
    transport->first = answer->next;
    if (transport->first == NULL)
        transport->last = NULL;
    transport->answers--;
    answer->next = NULL;
    return answer;
}

void kube_answer_free(struct kube_answer *answer)
{
    if (answer == NULL)
        return;
    text_free(&answer->body);
    free(answer);
}

int kube_answer_json(const struct kube_answer *answer, const struct kube_call *call,
                     const struct kubeconfig *config, cJSON **out, struct error *err)
{
    if (answer->reason != KUBE_REASON_SUCCESS)
        return error_set(err, answer->error.status, kube_reason_errno(answer->reason), "%s",
                         answer->error.text);
    if (answer->http_code != 200)
        return kube_reason_errno(kube_failure_set(err, config, call, answer->http_code,
                                                  text_str(&answer->body), answer->body.size));
    cJSON *json = json_parse(text_str(&answer->body), answer->body.size, err);
    if (json == NULL) {
        error_wrap(err, "%s: the answer is no JSON: is that an API server?", config->server);
        return -EBADMSG;
    }
    *out = json;
    return 0;
}

static int set_options(struct exchange *exchange, const struct kube_request *request,
                       struct text *url)
{
    const struct kube_transport *transport = exchange->transport;
    struct text connect_to = {0};
    CURL *easy = exchange->easy;
    unsigned answer_ms = request->answer_ms > 0 ? request->answer_ms
                         : request->stream      ? 0
                                                : transport->answer_ms;
    make_url(transport->config, request->path, url, &connect_to);
    bool bad = url->failed;
    bad |= curl_easy_setopt(easy, CURLOPT_URL, text_str(url)) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) != CURLE_OK;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->detail);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)transport->connect_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)answer_ms);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L); /* A watch may be silent for a minute. */
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 10L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 5L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
    if (request->body != NULL) {
        text_add_bytes(&exchange->body, request->body, request->body_bytes);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->body.size);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, text_str(&exchange->body));
        bad |= exchange->body.failed;
    }
    /* A proxy's own Date and Retry-After are not the server's. */
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (transport->config->proxy_url != NULL)
        bad |= curl_easy_setopt(easy, CURLOPT_PROXY, transport->config->proxy_url) != CURLE_OK;
    int code = set_headers(exchange, request);
    if (code == 0 && connect_to.size > 0) {
        struct curl_slist *list = curl_slist_append(NULL, text_str(&connect_to));
        bad |= list == NULL;
        curl_easy_setopt(easy, CURLOPT_CONNECT_TO, list);
        exchange->connect_to = list;
    }
    text_free(&connect_to);
    if (code == 0 && !bad)
        code = set_tls(exchange);
    return bad ? -ENOMEM : code;
}

/* kubeconfig's tls-server-name: the URL gets that name, the connection goes where `server` says. */
static void make_url(const struct kubeconfig *config, const char *path, struct text *url,
                     struct text *connect_to)
{
    CURLU *parts = config->tls_server_name == NULL ? NULL : curl_url();
    char *host = NULL, *port = NULL, *prefix = NULL;
    if (parts != NULL && curl_url_set(parts, CURLUPART_URL, config->server, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_PATH, &prefix, 0) == CURLUE_OK) {
        text_addf(url, "https://%s:%s%s%s", config->tls_server_name, port,
                  strcmp(prefix, "/") == 0 ? "" : prefix, path);
        text_addf(connect_to, "::%s:%s", host, port);
    } else {
        text_addf(url, "%s%s", config->server, path);
    }
    curl_free(host);
    curl_free(port);
    curl_free(prefix);
    curl_url_cleanup(parts);
}

static int set_headers(struct exchange *exchange, const struct kube_request *request)
{
    int code = add_header(exchange, "Accept: %s", "application/json");
    if (code == 0)
        code = add_header(exchange, "User-Agent: seamline/%s", SEAMLINE_VERSION);
    if (code == 0)
        code = add_header(exchange, "Expect:%s", "");
    if (code == 0 && request->body != NULL)
        code =
            add_header(exchange, "Content-Type: %s",
                       request->content_type == NULL ? "application/json" : request->content_type);
    if (code == 0)
        code = add_token(exchange);
    if (code == 0)
        curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, exchange->headers);
    return code;
}

static int add_token(struct exchange *exchange)
{
    const struct kubeconfig *config = exchange->transport->config;
    struct text token = {0};
    int code = 0;
    if (config->token != NULL)
        return add_header(exchange, "Authorization: Bearer %s", config->token);
    if (config->token_path == NULL)
        return 0;
    /* A file that cannot be read now sends nothing: the server's 401 then says what is wrong. */
    if (text_read_file(&token, config->token_path, TOKEN_BYTES) == 0 && token.size > 0) {
        token.data[strcspn(token.data, "\r\n \t")] = '\0';
        code = add_header(exchange, "Authorization: Bearer %s", token.data);
        explicit_bzero(token.data, token.size);
    }
    text_free(&token);
    return code;
}

static int add_header(struct exchange *exchange, const char *format, const char *value)
{
    struct text line = {0};
    text_addf(&line, format, value);
    struct curl_slist *longer =
        line.failed ? NULL : curl_slist_append(exchange->headers, text_str(&line));
    if (line.data != NULL)
        explicit_bzero(line.data, line.size);
    text_free(&line);
    if (longer == NULL)
        return -ENOMEM;
    exchange->headers = longer;
    return 0;
}

static struct curl_blob blob_of(char *pem, unsigned flags)
{
    return (struct curl_blob){.data = pem, .len = strlen(pem), .flags = flags};
}

static int set_tls(struct exchange *exchange)
{
    const struct kubeconfig *config = exchange->transport->config;
    CURL *easy = exchange->easy;
    bool bad = false;
    if (config->insecure) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (config->ca_pem != NULL) {
        struct curl_blob blob = blob_of(config->ca_pem, CURL_BLOB_NOCOPY);
        bad |= curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob) != CURLE_OK;
        /* Else the system's CAs would be trusted beside it. */
        bad |= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) != CURLE_OK;
    }
    if (config->client_cert_pem != NULL) {
        /* Copies: they may be renewed before this request is over. */
        struct curl_blob cert = blob_of(config->client_cert_pem, CURL_BLOB_COPY);
        struct curl_blob key = blob_of(config->client_key_pem, CURL_BLOB_COPY);
        bad |= curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &cert) != CURLE_OK;
        bad |= curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &key) != CURLE_OK;
    }
    return bad ? -ENOMEM : 0;
}

/* libcurl's only way to hand over bytes; it touches this exchange and nothing else. */
static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct exchange *exchange = arg;
    size_t total = size * count;
    if (exchange->answer == NULL) {
        exchange->answer = calloc(1, sizeof(*exchange->answer));
        if (exchange->answer == NULL)
            return 0;
        curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &exchange->answer->http_code);
        exchange->answer->request = exchange->id;
    }
    struct text *body = &exchange->answer->body;
    if (body->size + total > KUBE_BODY_MAX) {
        exchange->too_large = true;
        return 0;
    }
    text_add_bytes(body, bytes, total);
    return body->failed ? 0 : total;
}

/* The answer's head is here now. libcurl knows how long after its start, which is not before ours,
 * it began to send; not how long ago that was (its total time is of when it last looked). */
static void take_date(struct exchange *exchange, const char *text)
{
    const time_t when = curl_getdate(text, NULL);
    curl_off_t sent_us = 0;

    curl_easy_getinfo(exchange->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_us);
    if (when > 0 && when < INT32_MAX * INT64_C(4) && sent_us > 0) /* In ns it has room. */
        server_clock_add(&exchange->transport->clock, exchange->started_ns + sent_us * 1000,
                         utc_now_ns(), (int64_t)when * 1000000000);
}

static size_t take_header(char *bytes, size_t size, size_t count, void *arg)
{
    static const char retry[] = "retry-after:", date[] = "date:";
    struct exchange *exchange = arg;
    char line[DATE_BYTES] = "";
    size_t total = size * count;
    if (total >= sizeof(line))
        return total;
    memcpy(line, bytes, total);
    if (strncasecmp(line, retry, sizeof(retry) - 1) == 0) {
        const char *value = line + sizeof(retry) - 1;
        value += strspn(value, " \t");
        unsigned long seconds = *value == '-' ? 0 : strtoul(value, NULL, 10);
        exchange->retry_after_s = seconds > 3600 ? 3600 : (unsigned)seconds;
    } else if (strncasecmp(line, date, sizeof(date) - 1) == 0) {
        take_date(exchange, line + sizeof(date) - 1);
    }
    return total;
}

const struct server_clock *kube_transport_clock(const struct kube_transport *transport)
{
    return &transport->clock;
}

static void append(struct kube_transport *transport, struct kube_answer *answer)
{
    answer->next = NULL;
    if (transport->last == NULL)
        transport->first = answer;
    else
        transport->last->next = answer;
    transport->last = answer;
    transport->answers++;
}

static void finish(struct kube_transport *transport, struct exchange *exchange, CURLcode code)
{
    struct kube_answer *answer = exchange->answer;
    exchange->answer = NULL;
    if (answer == NULL)
        answer = calloc(1, sizeof(*answer));
    if (answer != NULL) {
        answer->request = exchange->id;
        answer->end = true;
        answer->retry_after_s = exchange->retry_after_s;
        curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &answer->http_code);
        answer->reason = judge(exchange, code, &answer->error);
        answer->unknown =
            answer->http_code == HTTP_UNAUTHORIZED ||
            (answer->reason == KUBE_REASON_TLS && answer->http_code == 0 &&
             code != CURLE_PEER_FAILED_VERIFICATION && transport->config->client_cert_pem != NULL);
        append(transport, answer);
    }
    unlink_exchange(transport, exchange);
    exchange_free(exchange);
}

static enum kube_reason judge(const struct exchange *exchange, CURLcode code, struct error *err)
{
    const struct kubeconfig *config = exchange->transport->config;
    const char *detail = exchange->detail[0] != '\0' ? exchange->detail : curl_easy_strerror(code);
    curl_off_t handshake_us = 0;
    switch (code) {
    case CURLE_OK: return KUBE_REASON_SUCCESS;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        error_set(err, EXIT_ENVIRONMENT, -ECONNREFUSED,
                  "cannot connect to %s (%s): is the API server up, and is `server` of cluster "
                  "\"%s\" in %s its address?",
                  config->server, detail, config->cluster, config->path);
        return KUBE_REASON_UNREACHABLE;
    case CURLE_OPERATION_TIMEDOUT:
        curl_easy_getinfo(exchange->easy, CURLINFO_APPCONNECT_TIME_T, &handshake_us);
        error_set(err, EXIT_ENVIRONMENT, -ETIMEDOUT, "%s %s: %s (%s)", config->server,
                  handshake_us == 0 ? "cannot be connected to in time" : "does not answer in time",
                  handshake_us == 0 ? "is there a route, and no firewall, to `server`?"
                                    : "is the API server overloaded?",
                  detail);
        return KUBE_REASON_TIMEOUT;
    case CURLE_WRITE_ERROR:
        error_set(err, EXIT_ENVIRONMENT, -EBADMSG, "%s: %s", config->server,
                  exchange->too_large ? "its answer is too long" : "out of memory for its answer");
        return KUBE_REASON_MALFORMED;
    default: return judge_tls(exchange, code, err);
    }
}

static enum kube_reason judge_tls(const struct exchange *exchange, CURLcode code, struct error *err)
{
    const struct kubeconfig *config = exchange->transport->config;
    const char *detail = exchange->detail[0] != '\0' ? exchange->detail : curl_easy_strerror(code);
    long verify = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_SSL_VERIFYRESULT, &verify);
    /* X.509's verdict on the chain; 0 and 1 (unspecified) mean that it is not the chain. */
    if (code == CURLE_PEER_FAILED_VERIFICATION && verify > 1)
        error_set(err, EXIT_ENVIRONMENT, -EPROTO,
                  "%s has a certificate that is not of the expected CA (%s): put the cluster's CA "
                  "into certificate-authority-data of cluster \"%s\"; now it is %s",
                  config->server, detail, config->cluster,
                  config->ca_origin == NULL ? "the system's CAs" : config->ca_origin);
    else if (code == CURLE_PEER_FAILED_VERIFICATION)
        error_set(err, EXIT_ENVIRONMENT, -EPROTO,
                  "%s has a certificate for another name (%s): use a name that it has as `server` "
                  "of cluster \"%s\" in %s, or set tls-server-name there",
                  config->server, detail, config->cluster, config->path);
    else if (code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CONNECT_ERROR ||
             code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CIPHER ||
             code == CURLE_SSL_ISSUER_ERROR || strstr(detail, "alert") != NULL)
        error_set(err, EXIT_ENVIRONMENT, -EPROTO,
                  "TLS with %s fails (%s): look at the CA of cluster \"%s\" and the client "
                  "certificate and key of user \"%s\" in %s",
                  config->server, detail, config->cluster, config->user, config->path);
    else {
        error_set(err, EXIT_ENVIRONMENT, -ECONNRESET, "the connection to %s ended early (%s)",
                  config->server, detail);
        return KUBE_REASON_CUT;
    }
    return KUBE_REASON_TLS;
}

static void exchange_free(struct exchange *exchange)
{
    if (exchange->easy != NULL)
        curl_easy_cleanup(exchange->easy);
    curl_slist_free_all(exchange->headers);
    curl_slist_free_all(exchange->connect_to);
    text_free(&exchange->body);
    kube_answer_free(exchange->answer);
    free(exchange);
}

static void unlink_exchange(struct kube_transport *transport, struct exchange *exchange)
{
    struct exchange **at = &transport->exchanges;
    while (*at != exchange)
        at = &(*at)->next;
    *at = exchange->next;
    transport->count--;
    curl_multi_remove_handle(transport->multi, exchange->easy);
}
