#include "tests/unit/kube/server.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SUSPENDED_MAX = 16,
    PEM_BYTES = 8192
};

struct server {
    struct MHD_Daemon *daemon;
    struct server_rule rules[SERVER_RULES];
    unsigned rules_count;
    struct text log;
    bool saw_certificate;
    char authorization[256];
    struct MHD_Connection *suspended[SUSPENDED_MAX];
    unsigned suspended_count;
    char folder[64];
    char ca_pem[PEM_BYTES], cert_pem[PEM_BYTES], key_pem[PEM_BYTES];
    pthread_t thread;
    atomic_bool stop; /* Relaxed: it only has to be seen in the end. */
};

/* One request under way. */
struct call {
    struct server_rule *rule; /* NULL until it is chosen. */
    size_t sent;              /* Bytes of the rule's text. */
    char uri[4096];
};

struct identity {
    EVP_PKEY *key;
    X509 *cert;
};

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "server: %s failed\n", what);
    abort();
}

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    must(extension != NULL && X509_add_ext(cert, extension, -1) == 1, "extension");
    X509_EXTENSION_free(extension);
}

/* CA NULL: signs itself. NAME: the subject; ALT: subjectAltName or NULL. */
static struct identity make_identity(const char *name, const char *alt, const struct identity *ca)
{
    static long serial = 1;
    struct identity it = {.key = EVP_EC_gen("P-256"), .cert = X509_new()};
    must(it.key != NULL && it.cert != NULL, "key");
    X509_set_version(it.cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(it.cert), serial++);
    X509_gmtime_adj(X509_getm_notBefore(it.cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(it.cert), 86400);
    X509_set_pubkey(it.cert, it.key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(it.cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    const struct identity *issuer = ca == NULL ? &it : ca;
    X509_set_issuer_name(it.cert, X509_get_subject_name(issuer->cert));
    add_extension(it.cert, issuer->cert, NID_basic_constraints,
                  ca == NULL ? "critical,CA:TRUE" : "CA:FALSE");
    if (ca == NULL)
        add_extension(it.cert, issuer->cert, NID_key_usage, "critical,keyCertSign,cRLSign");
    if (alt != NULL)
        add_extension(it.cert, issuer->cert, NID_subject_alt_name, alt);
    must(X509_sign(it.cert, issuer->key, EVP_sha256()) > 0, "sign");
    return it;
}

static void to_pem(const struct identity *it, char *cert, char *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, it->cert);
    int size = BIO_read(bio, cert, PEM_BYTES - 1);
    cert[size < 0 ? 0 : size] = '\0';
    BIO_reset(bio);
    PEM_write_bio_PrivateKey(bio, it->key, NULL, NULL, 0, NULL, NULL);
    size = BIO_read(bio, key, PEM_BYTES - 1);
    key[size < 0 ? 0 : size] = '\0';
    BIO_free(bio);
}

static void write_file(const struct server *server, const char *name, const char *pem)
{
    char path[128];
    struct text text = {0};
    snprintf(path, sizeof(path), "%s/%s", server->folder, name);
    text_add(&text, pem);
    must(text_write_file(&text, path) == 0, path);
    text_free(&text);
}

static void free_identity(struct identity *it)
{
    EVP_PKEY_free(it->key);
    X509_free(it->cert);
}

static void make_certificates(struct server *server, const char *name)
{
    char alt[128], cert[PEM_BYTES], key[PEM_BYTES];
    bool ip = name[0] >= '0' && name[0] <= '9';
    snprintf(alt, sizeof(alt), "%s:%s", ip ? "IP" : "DNS", name);
    struct identity ca = make_identity("test CA", NULL, NULL);
    struct identity other = make_identity("other CA", NULL, NULL);
    struct identity self = make_identity("server", alt, &ca);
    struct identity client = make_identity("client", NULL, &ca);
    to_pem(&ca, server->ca_pem, key);
    write_file(server, "ca.pem", server->ca_pem);
    to_pem(&self, server->cert_pem, server->key_pem);
    to_pem(&client, cert, key);
    write_file(server, "client.pem", cert);
    write_file(server, "client.key", key);
    to_pem(&other, cert, key);
    write_file(server, "other.pem", cert);
    free_identity(&ca);
    free_identity(&other);
    free_identity(&self);
    free_identity(&client);
}

static void *begin_call(void *arg, const char *uri, struct MHD_Connection *connection)
{
    struct call *call = calloc(1, sizeof(*call));
    (void)arg;
    (void)connection;
    if (call != NULL)
        snprintf(call->uri, sizeof(call->uri), "%s", uri);
    return call;
}

static void end_call(void *arg, struct MHD_Connection *connection, void **call,
                     enum MHD_RequestTerminationCode code)
{
    (void)arg;
    (void)connection;
    (void)code;
    free(*call);
    *call = NULL;
}

static ssize_t read_stream(void *arg, uint64_t position, char *buffer, size_t max)
{
    struct call *call = arg;
    const struct server_rule *rule = call->rule;
    size_t left = rule->body.size - call->sent;
    (void)position;
    if (left == 0 && rule->mode == SERVER_END)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (left == 0 && rule->mode == SERVER_DIE)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (rule->chunk_bytes > 0 && left > rule->chunk_bytes)
        left = rule->chunk_bytes;
    if (left > max)
        left = max;
    memcpy(buffer, text_str(&rule->body) + call->sent, left);
    call->sent += left;
    return (ssize_t)left;
}

static void look_who(struct server *server, struct MHD_Connection *connection)
{
    const char *said = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    snprintf(server->authorization, sizeof(server->authorization), "%s", said == NULL ? "" : said);
    unsigned count = 0;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    server->saw_certificate = info != NULL &&
                              gnutls_certificate_get_peers(info->tls_session, &count) != NULL &&
                              count > 0;
}

static struct server_rule *choose(struct server *server, const char *line)
{
    for (unsigned i = 0; i < server->rules_count; i++) {
        struct server_rule *rule = &server->rules[i];
        if (rule->uses != 0 && strstr(line, rule->match) != NULL) {
            rule->uses -= rule->uses > 0;
            return rule;
        }
    }
    return NULL;
}

static enum MHD_Result reply(struct MHD_Connection *connection, struct call *call)
{
    const struct server_rule *rule = call->rule;
    struct MHD_Response *response;
    if (rule == NULL || rule->mode == SERVER_WHOLE)
        response = MHD_create_response_from_buffer(rule == NULL ? 0 : rule->body.size,
                                                   rule == NULL ? NULL : rule->body.data,
                                                   MHD_RESPMEM_MUST_COPY);
    else
        response =
            MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 32768, read_stream, call, NULL);
    must(response != NULL, "response");
    MHD_add_response_header(response, "Content-Type", "application/json");
    if (rule != NULL && rule->date != NULL)
        MHD_add_response_header(response, "Date", rule->date);
    if (rule != NULL && rule->retry_after != NULL)
        MHD_add_response_header(response, "Retry-After", rule->retry_after);
    enum MHD_Result result =
        MHD_queue_response(connection, rule == NULL ? 418 : (unsigned)rule->code, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state)
{
    struct server *server = arg;
    struct call *call = *state;
    (void)url;
    (void)version;
    if (*upload_size > 0) {
        text_add_bytes(&server->log, upload, *upload_size);
        text_add(&server->log, "\n");
        *upload_size = 0;
        return MHD_YES;
    }
    if (call->rule == NULL && call->uri[0] != '\0') {
        char line[4200];
        bool body = strcmp(method, "GET") != 0;
        snprintf(line, sizeof(line), "%s %s", method, call->uri);
        text_addf(&server->log, "%s\n", line);
        look_who(server, connection);
        call->rule = choose(server, line);
        call->uri[0] = '\0';
        if (body)
            return MHD_YES; /* Its body comes next. */
    }
    if (call->rule != NULL && call->rule->mode == SERVER_HANG) {
        MHD_suspend_connection(connection);
        must(server->suspended_count < SUSPENDED_MAX, "room for suspended calls");
        server->suspended[server->suspended_count++] = connection;
        return MHD_YES;
    }
    return reply(connection, call);
}

struct server *server_start(const char *certificate_name)
{
    struct server *server = calloc(1, sizeof(*server));
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    must(server != NULL, "memory");
    strcpy(server->folder, "/tmp/seamline-kube-test-XXXXXX");
    must(mkdtemp(server->folder) != NULL, "mkdtemp");
    make_certificates(server, certificate_name);
    server->daemon = MHD_start_daemon(
        MHD_USE_TLS | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, server, MHD_OPTION_SOCK_ADDR,
        &at, MHD_OPTION_HTTPS_MEM_KEY, server->key_pem, MHD_OPTION_HTTPS_MEM_CERT, server->cert_pem,
        MHD_OPTION_HTTPS_MEM_TRUST, server->ca_pem, MHD_OPTION_URI_LOG_CALLBACK, begin_call, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, end_call, NULL, MHD_OPTION_END);
    must(server->daemon != NULL, "daemon");
    return server;
}

void server_stop(struct server *server)
{
    static const char *const files[] = {"ca.pem", "client.pem", "client.key", "other.pem", "kc",
                                        "give",   "fifo",       "calls",      "token"};
    char path[128];
    for (unsigned i = 0; i < server->suspended_count; i++) {
        server->suspended[i] == NULL ? (void)0 : MHD_resume_connection(server->suspended[i]);
    }
    for (unsigned i = 0; i < server->rules_count; i++)
        server->rules[i].mode = SERVER_WHOLE;
    MHD_stop_daemon(server->daemon);
    for (unsigned i = 0; i < server->rules_count; i++)
        text_free(&server->rules[i].body);
    text_free(&server->log);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", server->folder, files[i]);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/asked", server->folder);
    rmdir(path);
    rmdir(server->folder);
    free(server);
}

unsigned server_port(const struct server *server)
{
    return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

struct server_rule *server_rule(struct server *server, const char *match, long code,
                                enum server_mode mode, const char *body)
{
    must(server->rules_count < SERVER_RULES, "room for rules");
    struct server_rule *rule = &server->rules[server->rules_count++];
    *rule = (struct server_rule){.match = match, .uses = -1, .code = code, .mode = mode};
    text_add(&rule->body, body == NULL ? "" : body);
    return rule;
}

const char *server_log(const struct server *server)
{
    return text_str(&server->log);
}

bool server_saw_certificate(const struct server *server)
{
    return server->saw_certificate;
}

const char *server_authorization(const struct server *server)
{
    return server->authorization;
}

const char *server_folder(const struct server *server)
{
    return server->folder;
}

void server_run(struct server *server)
{
    MHD_run_wait(server->daemon, 0);
}

static void *run_thread(void *arg)
{
    struct server *server = arg;
    while (!atomic_load_explicit(&server->stop, memory_order_relaxed))
        MHD_run_wait(server->daemon, 5);
    return NULL;
}

void server_start_thread(struct server *server)
{
    atomic_store(&server->stop, false);
    must(pthread_create(&server->thread, NULL, run_thread, server) == 0, "thread");
}

void server_join_thread(struct server *server)
{
    atomic_store(&server->stop, true);
    pthread_join(server->thread, NULL);
}
