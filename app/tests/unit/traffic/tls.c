/* TLS client against TLS server over memory: both versions, resumption, certificates that do not
 * fit, and what is broken on the way. */
#include "traffic/tls.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/traffic/certificates.h"

enum {
    BYTES_MAX = 1 << 18,
    MESSAGE_BYTES = 100000
};

static struct certificates files;
static size_t openssl_bytes; /* That OpenSSL has from the heap now. */

static void *count_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    void *memory = malloc(size);
    openssl_bytes += malloc_usable_size(memory);
    return memory;
}

static void *count_realloc(void *memory, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    openssl_bytes -= malloc_usable_size(memory);
    memory = realloc(memory, size);
    openssl_bytes += malloc_usable_size(memory);
    return memory;
}

static void count_free(void *memory, const char *file, int line)
{
    (void)file, (void)line;
    openssl_bytes -= malloc_usable_size(memory);
    free(memory);
}

static int make_files(void **state)
{
    (void)state;
    return certificates_make(&files);
}

static int remove_files(void **state)
{
    (void)state;
    return certificates_remove(&files);
}

/* ---- Two ends ---- */

struct end {
    struct tls tls;
    enum tls_verdict verdict;
    uint8_t *heard;
    uint32_t heard_bytes;
};

struct pair {
    struct tls_context *contexts[2]; /* Client, server. */
    struct end ends[2];
    uint64_t carried; /* Bytes, both ways. */
    uint32_t peer;    /* Of the client. */
    uint64_t flip;    /* Flip a bit of this byte of them; 0: none. */
};

static struct tls_config client_config(void)
{
    return (struct tls_config){.ca_file = files.ca, .host = "web.example", .resume = true};
}

static struct tls_config server_config(void)
{
    return (struct tls_config){
        .server = true, .certificate_file = files.own, .key_file = files.key, .resume = true};
}

static void make_pair(struct pair *pair, const struct tls_config *client,
                      const struct tls_config *server)
{
    struct error err = {0};
    *pair = (struct pair){0};
    pair->contexts[0] = tls_context_new(client, &err);
    pair->contexts[1] = tls_context_new(server, &err);
    if (pair->contexts[0] == NULL || pair->contexts[1] == NULL)
        fail_msg("%s", err.text);
}

static void free_pair(struct pair *pair)
{
    tls_context_free(pair->contexts[0]);
    tls_context_free(pair->contexts[1]);
}

static void connect_pair(struct pair *pair)
{
    for (unsigned i = 0; i < 2; i++) {
        pair->ends[i] = (struct end){.heard = malloc(BYTES_MAX)};
        assert_true(tls_open(&pair->ends[i].tls, pair->contexts[i]));
    }
    assert_true(tls_resume(&pair->ends[0].tls, pair->contexts[0], pair->peer));
}

static void disconnect_pair(struct pair *pair)
{
    for (unsigned i = 0; i < 2; i++) {
        tls_close(&pair->ends[i].tls);
        free(pair->ends[i].heard);
    }
}

static void read_all(struct end *end)
{
    uint32_t count;
    do {
        end->verdict = tls_read(&end->tls, end->heard + end->heard_bytes,
                                BYTES_MAX - end->heard_bytes, &count);
        end->heard_bytes += count;
    } while (end->verdict == TLS_DATA);
}

/* Carry what each says to the other in pieces of STEP bytes, until there is nothing more. */
static void carry(struct pair *pair, uint32_t step)
{
    bool busy = true;
    read_all(&pair->ends[0]);
    while (busy) {
        busy = false;
        for (unsigned from = 0; from < 2; from++) {
            uint8_t piece[2000];
            uint32_t count = tls_take(&pair->ends[from].tls, piece, step);
            if (count == 0)
                continue;
            if (pair->flip > pair->carried && pair->flip <= pair->carried + count)
                piece[pair->flip - pair->carried - 1] ^= 0x10;
            pair->carried += count;
            assert_true(tls_put(&pair->ends[!from].tls, piece, count));
            read_all(&pair->ends[!from]);
            busy = true;
        }
    }
}

/* Connect, and say something each way; the client resumes or not. */
static void talk(struct pair *pair, bool resumed, uint32_t step)
{
    uint8_t *text = malloc(MESSAGE_BYTES);
    for (uint32_t i = 0; i < MESSAGE_BYTES; i++)
        text[i] = (uint8_t)(i * 13 + i / 256);
    connect_pair(pair);
    carry(pair, step);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(pair->ends[i].verdict, TLS_MORE);
        assert_true(pair->ends[i].tls.ready);
        assert_int_equal(tls_resumed(&pair->ends[i].tls), resumed);
        assert_true(tls_write(&pair->ends[i].tls, text, MESSAGE_BYTES));
    }
    carry(pair, step);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(pair->ends[i].heard_bytes, MESSAGE_BYTES);
        assert_memory_equal(pair->ends[i].heard, text, MESSAGE_BYTES);
        tls_end(&pair->ends[i].tls);
    }
    carry(pair, step);
    assert_int_equal(pair->ends[0].verdict, TLS_ENDED);
    assert_int_equal(pair->ends[1].verdict, TLS_ENDED);
    disconnect_pair(pair);
    free(text);
}

static void both_versions_carry_bytes(void **state)
{
    (void)state;
    for (enum tls_version version = TLS_ANY; version <= TLS_1_3; version++) {
        struct tls_config client = client_config(), server = server_config();
        struct pair pair;
        client.min = client.max = version;
        make_pair(&pair, &client, &server);
        talk(&pair, false, 1460);
        free_pair(&pair);
    }
}

static void records_may_be_cut_anywhere(void **state)
{
    struct tls_config client = client_config(), server = server_config();
    struct pair pair;
    (void)state;
    make_pair(&pair, &client, &server);
    talk(&pair, false, 1);
    free_pair(&pair);
}

static void sessions_are_resumed_as_told(void **state)
{
    (void)state;
    for (unsigned row = 0; row < 8; row++) {
        struct tls_config client = client_config(), server = server_config();
        struct pair pair;
        client.resume = (row & 1) != 0;
        server.resume = (row & 2) != 0;
        client.max = (row & 4) != 0 ? TLS_1_2 : TLS_1_3;
        make_pair(&pair, &client, &server);
        talk(&pair, false, 1460);
        talk(&pair, client.resume && server.resume, 1460);
        talk(&pair, client.resume && server.resume, 1460);
        pair.peer = 1; /* Never met. */
        talk(&pair, false, 1460);
        talk(&pair, client.resume && server.resume, 1460);
        free_pair(&pair);
    }
}

/* Each end would have one of 16 KiB and more for what it reads, and one for what it writes. */
static void a_quiet_connection_has_no_record_buffers(void **state)
{
    static const uint8_t text[100];
    struct tls_config client = client_config(), server = server_config();
    struct pair pair;
    (void)state;
    make_pair(&pair, &client, &server);
    const size_t before = openssl_bytes;
    connect_pair(&pair);
    carry(&pair, 1460);
    for (unsigned i = 0; i < 2; i++)
        assert_true(tls_write(&pair.ends[i].tls, text, sizeof(text)));
    carry(&pair, 1460);
    print_message("two ends have %zu bytes\n", openssl_bytes - before);
    assert_in_range(openssl_bytes - before, 1, 64 << 10);
    disconnect_pair(&pair);
    free_pair(&pair);
}

/* The server is in the middle of a message after the handshake, or of another handshake: the client
 * says nothing until that is over, and is not the worse for it. */
static void what_is_said_waits_for_messages_of_tls(void **state)
{
    static const uint8_t text[100] = "said in the meantime";
    (void)state;
    for (enum tls_version version = TLS_1_2; version <= TLS_1_3; version++) {
        struct tls_config client = client_config(), server = server_config();
        struct pair pair;
        uint8_t record[2000];
        client.max = version;
        make_pair(&pair, &client, &server);
        connect_pair(&pair);
        SSL *ssl = pair.ends[1].tls.ssl;
        carry(&pair, 1460);
        assert_true(tls_can_write(&pair.ends[0].tls));
        if (version == TLS_1_2) {
            assert_int_equal(SSL_renegotiate(ssl), 1);
        } else { /* A ticket of two records. */
            assert_int_equal(SSL_set_max_send_fragment(ssl, 512), 1);
            memset(record, 'h', 512);
            SSL_SESSION *session = SSL_get1_session(ssl);
            assert_int_equal(SSL_SESSION_set1_ticket_appdata(session, record, 512), 1);
            SSL_SESSION_free(session);
            assert_int_equal(SSL_new_session_ticket(ssl), 1);
        }
        assert_int_equal(SSL_do_handshake(ssl), 1);
        uint32_t count = tls_take(&pair.ends[1].tls, record, 600);
        assert_int_equal(tls_pending(&pair.ends[1].tls) > 0, version == TLS_1_3);
        assert_true(tls_put(&pair.ends[0].tls, record, count));
        read_all(&pair.ends[0]);
        assert_false(tls_can_write(&pair.ends[0].tls));
        carry(&pair, 1460);
        assert_int_equal(pair.ends[0].verdict, TLS_MORE);
        assert_true(tls_can_write(&pair.ends[0].tls));
        assert_true(tls_write(&pair.ends[0].tls, text, sizeof(text)));
        carry(&pair, 1460);
        assert_int_equal(pair.ends[1].heard_bytes, sizeof(text));
        disconnect_pair(&pair);
        free_pair(&pair);
    }
}

/* Two at a time: by TLS 1.3 each with a session of its own, of which servers give two. */
static void sessions_are_resumed_side_by_side(void **state)
{
    (void)state;
    for (enum tls_version version = TLS_1_2; version <= TLS_1_3; version++) {
        struct tls_config client = client_config(), server = server_config();
        struct pair pair, other;
        client.max = version;
        make_pair(&pair, &client, &server);
        talk(&pair, false, 1460);
        other = pair;
        for (unsigned i = 0; i < 20; i++) { /* More than are kept. */
            connect_pair(&pair);
            connect_pair(&other);
            carry(&pair, 1460);
            carry(&other, 1460);
            assert_true(tls_resumed(&pair.ends[0].tls));
            assert_true(tls_resumed(&other.ends[0].tls));
            disconnect_pair(&pair);
            disconnect_pair(&other);
        }
        free_pair(&pair);
    }
}

/* What becomes of a handshake, and why, as the client sees it. */
static enum tls_reason try_out(const struct tls_config *client, const struct tls_config *server)
{
    struct pair pair;
    make_pair(&pair, client, server);
    connect_pair(&pair);
    carry(&pair, 1460);
    enum tls_reason reason = (enum tls_reason)pair.ends[0].tls.reason;
    assert_int_equal(pair.ends[0].verdict, reason == TLS_NONE ? TLS_MORE : TLS_BAD);
    if (reason != TLS_NONE) { /* It is of no use, and says so again. */
        assert_false(tls_write(&pair.ends[0].tls, (const uint8_t *)"x", 1));
        read_all(&pair.ends[0]);
        assert_int_equal(pair.ends[0].verdict, TLS_BAD);
    }
    disconnect_pair(&pair);
    free_pair(&pair);
    return reason;
}

static void certificates_are_checked(void **state)
{
    const struct tls_config good = client_config(), server = server_config();
    struct tls_config client = good;
    (void)state;
    assert_int_equal(try_out(&client, &server), TLS_NONE);
    client.host = "10.0.0.1";
    assert_int_equal(try_out(&client, &server), TLS_NONE);
    client.host = "10.0.0.2";
    assert_int_equal(try_out(&client, &server), TLS_NAME);
    client.host = "other.example";
    assert_int_equal(try_out(&client, &server), TLS_NAME);
    client = good;
    client.ca_file = files.other_ca;
    assert_int_equal(try_out(&client, &server), TLS_AUTHORITY);
    client.insecure = true;
    client.host = "other.example";
    assert_int_equal(try_out(&client, &server), TLS_NONE);
}

/* Expired, not valid yet, signed by itself, not to be used by servers. */
static void certificates_are_of_use(void **state)
{
    const struct {
        const char *file;
        enum tls_reason reason;
    } rows[] = {
        {files.expired, TLS_DATE},
        {files.future, TLS_DATE},
        {files.self_signed, TLS_AUTHORITY},
        {files.of_clients, TLS_CERTIFICATE},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tls_config client = client_config(), server = server_config();
        server.certificate_file = rows[i].file;
        assert_int_equal(try_out(&client, &server), rows[i].reason);
        client.insecure = true;
        assert_int_equal(try_out(&client, &server), TLS_NONE);
    }
}

static void clients_have_certificates(void **state)
{
    struct tls_config client = client_config(), server = server_config();
    (void)state;
    client.max = TLS_1_2; /* In 1.3 the client is ready before the server has looked. */
    server.ca_file = files.ca;
    assert_int_equal(try_out(&client, &server), TLS_ALERT);
    client.certificate_file = files.own;
    client.key_file = files.key;
    assert_int_equal(try_out(&client, &server), TLS_NONE);
    server.ca_file = files.other_ca;
    assert_int_equal(try_out(&client, &server), TLS_ALERT);
}

static void versions_must_meet(void **state)
{
    struct tls_config client = client_config(), server = server_config();
    (void)state;
    client.max = TLS_1_2;
    server.min = TLS_1_3;
    assert_int_equal(try_out(&client, &server), TLS_VERSION);
    client = client_config();
    server = server_config();
    client.min = TLS_1_3;
    server.max = TLS_1_2;
    assert_int_equal(try_out(&client, &server), TLS_VERSION);
}

static void a_peer_without_tls_is_noticed(void **state)
{
    static const char text[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    struct tls_config config = client_config();
    struct tls_context *context = tls_context_new(&config, NULL);
    struct end end = {.heard = malloc(BYTES_MAX)};
    (void)state;
    assert_true(tls_open(&end.tls, context));
    read_all(&end);
    assert_true(tls_put(&end.tls, (const uint8_t *)text, sizeof(text) - 1));
    read_all(&end);
    assert_int_equal(end.verdict, TLS_BAD);
    assert_int_equal(end.tls.reason, TLS_VERSION);
    tls_close(&end.tls);
    tls_context_free(context);
    free(end.heard);
}

/* One bit flipped anywhere on the way is noticed by one side, in both versions: what arrives is
 * right, or the connection ends. */
static void a_flipped_bit_is_noticed(void **state)
{
    static const uint8_t text[] = "a secret";
    (void)state;
    for (enum tls_version version = TLS_1_2; version <= TLS_1_3; version++) {
        struct tls_config client = client_config(), server = server_config();
        struct pair pair;
        client.max = version;
        client.resume = server.resume = false;
        make_pair(&pair, &client, &server);
        uint64_t total = 0;
        for (uint64_t flip = 0; flip <= total; flip += flip < 100 ? 1 : 37) {
            pair.carried = 0;
            pair.flip = flip;
            connect_pair(&pair);
            carry(&pair, 1460);
            if (pair.ends[0].tls.ready && pair.ends[1].tls.ready)
                tls_write(&pair.ends[0].tls, text, sizeof(text));
            carry(&pair, 1460);
            bool arrived = pair.ends[1].heard_bytes == sizeof(text) &&
                           memcmp(pair.ends[1].heard, text, sizeof(text)) == 0;
            bool ended = pair.ends[0].verdict == TLS_BAD || pair.ends[1].verdict == TLS_BAD;
            if (flip == 0) {
                assert_true(arrived && !ended);
                total = pair.carried;
            } else {
                assert_true(arrived || pair.ends[1].heard_bytes == 0);
            }
            disconnect_pair(&pair);
        }
        /* In the record that holds the text. */
        pair.flip = 0;
        connect_pair(&pair);
        carry(&pair, 1460);
        pair.flip = pair.carried + 10;
        tls_write(&pair.ends[0].tls, text, sizeof(text));
        carry(&pair, 1460);
        assert_int_equal(pair.ends[1].verdict, TLS_BAD);
        assert_int_equal(pair.ends[1].tls.reason, TLS_RECORD);
        assert_int_equal(pair.ends[0].tls.reason, TLS_ALERT); /* It was told. */
        disconnect_pair(&pair);
        free_pair(&pair);
    }
}

static void bad_files_are_named(void **state)
{
    struct tls_config config = server_config();
    struct error err = {0};
    (void)state;
    config.certificate_file = "/nowhere/cert.pem";
    assert_null(tls_context_new(&config, &err));
    assert_non_null(strstr(err.text, "certificate of /nowhere/cert.pem"));
    config = server_config();
    config.key_file = files.own;
    err.text[0] = '\0';
    assert_null(tls_context_new(&config, &err));
    assert_non_null(strstr(err.text, "key of "));
    config = server_config();
    config.certificate_file = files.other_ca; /* The key is another one's. */
    err.text[0] = '\0';
    assert_null(tls_context_new(&config, &err));
    assert_non_null(strstr(err.text, "mismatch"));
    config = server_config();
    config.key_file = NULL;
    assert_null(tls_context_new(&config, NULL));
    config = client_config();
    config.ca_file = files.key;
    err.text[0] = '\0';
    assert_null(tls_context_new(&config, &err));
    assert_non_null(strstr(err.text, "authorities"));
    config = client_config();
    config.host = NULL;
    assert_null(tls_context_new(&config, NULL));
}

int main(void)
{
    CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free); /* Before all else. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_versions_carry_bytes),
        cmocka_unit_test(records_may_be_cut_anywhere),
        cmocka_unit_test(sessions_are_resumed_as_told),
        cmocka_unit_test(a_quiet_connection_has_no_record_buffers),
        cmocka_unit_test(what_is_said_waits_for_messages_of_tls),
        cmocka_unit_test(sessions_are_resumed_side_by_side),
        cmocka_unit_test(certificates_are_checked),
        cmocka_unit_test(certificates_are_of_use),
        cmocka_unit_test(clients_have_certificates),
        cmocka_unit_test(versions_must_meet),
        cmocka_unit_test(a_peer_without_tls_is_noticed),
        cmocka_unit_test(a_flipped_bit_is_noticed),
        cmocka_unit_test(bad_files_are_named),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
