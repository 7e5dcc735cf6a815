/* What is asked of a connection, awake, quiet and gone: two stacks back to back in virtual time. */
#include "tcp/tcp.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tcp/tcp_priv.h"

#define MS UINT64_C(1000000)

enum {
    CLIENT_PORT = 40000,
    SERVER_PORT = 80,
    SEGMENT_MAX = 1500,
};

static struct tcp *client, *server;
static uint64_t now_ns;

/* All that FROM has to say reaches TO. True: there was something. */
static bool carry(struct tcp *from, struct tcp *to)
{
    struct tcp_descriptor out[8];
    uint8_t l4[TCP_HEADER_BYTES_MAX + SEGMENT_MAX] = {0};
    uint32_t count = tcp_output(from, now_ns, out, 8);

    for (uint32_t i = 0; i < count; i++) {
        const struct tuple tuple = {.local = out[i].tuple.remote,
                                    .remote = out[i].tuple.local,
                                    .local_port = out[i].tuple.remote_port,
                                    .remote_port = out[i].tuple.local_port,
                                    .protocol = IPPROTO_TCP};
        uint16_t bytes = (uint16_t)(tcp_header_write(&out[i], l4) + out[i].payload_bytes);
        tcp_input(to, now_ns, &tuple, l4, bytes);
    }
    tcp_events_clear(to);
    return count > 0;
}

static void talk(void)
{
    while (carry(client, server) | carry(server, client))
        now_ns += MS;
}

static tcp_conn connect_both(void)
{
    struct tcp_config config = tcp_config_default(4);
    const struct tuple tuple = {
        .local_port = CLIENT_PORT, .remote_port = SERVER_PORT, .protocol = IPPROTO_TCP};
    struct error err = {0};

    client = tcp_setup(&config, now_ns, &err);
    server = tcp_setup(&config, now_ns, &err);
    assert_non_null(client);
    assert_non_null(server);
    assert_true(tcp_listen(server, NULL, SERVER_PORT, 0));
    return tcp_open(client, now_ns, &tuple, 1);
}

static void queued_is_what_was_sent(void **state)
{
    tcp_conn conn = connect_both();
    uint64_t bytes = 99;

    (void)state;
    assert_true(tcp_queued(client, conn, &bytes));
    assert_int_equal(bytes, 0);
    assert_true(tcp_send(client, conn, 100)); /* Before there is anybody to send it to. */
    assert_true(tcp_queued(client, conn, &bytes));
    assert_int_equal(bytes, 100);
    talk();
    assert_true(tcp_send(client, conn, 20));
    assert_true(tcp_queued(client, conn, &bytes));
    assert_int_equal(bytes, 120);
    talk();
    for (unsigned i = 0; i < 1000; i++) {
        tcp_timers(client, now_ns);
        talk();
        now_ns += MS;
    }
    assert_int_equal(tcp_slot(client, conn)->kind, TCP_SLOT_QUIET);
    assert_true(tcp_queued(client, conn, &bytes));
    assert_int_equal(bytes, 120);

    tcp_abort(client, now_ns, conn);
    bytes = 7;
    assert_false(tcp_queued(client, conn, &bytes));
    assert_int_equal(bytes, 7);
    talk();
    tcp_events_clear(client);
    assert_true(tcp_is_empty(client));
    assert_true(tcp_is_empty(server));
    tcp_teardown(client);
    tcp_teardown(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(queued_is_what_was_sent)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
