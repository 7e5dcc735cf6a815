/* meta.json comes back as it was written. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rundir/meta.h"
#include "tests/unit/rundir/scratch.h"

static struct meta *whole(void)
{
    static struct meta meta;
    meta = (struct meta){.version = "0.1.0",
                         .experiment = "upgrade",
                         .started = "2026-11-21T09:53:17.000000001Z",
                         .environment = "lab, profile kubeadm",
                         .server_clock = {-2000000001, -1990000000, 17, 1},
                         .lab = true,
                         .final = true,
                         .ended_ns = UINT64_C(9007199254740991),
                         .tsc_hz = UINT64_C(2899999999),
                         .clock_error_ns = 812,
                         .worker_count = 1,
                         .stream_count = 1,
                         .port_count = 1,
                         .prediction = {true, 118.5, 80, 90, 119, 140, 150, "rr"},
                         .change_ns = 6000000001,
                         .utc_count = 1,
                         .turns = 123456789012};
    meta.streams[0] = (struct meta_stream){.name = "held",
                                           .protocol = "ctraffic",
                                           .target = "ctraffic://10.0.0.1:5003",
                                           .flows = 80,
                                           .rate_pps = 400,
                                           .size_bytes = 1024,
                                           .timeout_ns = 1000000000,
                                           .started_ns = 17,
                                           .totals = {.due = 5, .outcomes = {[OUTCOME_RESET] = 5}}};
    meta.stream_count = 2;
    meta.streams[1] = (struct meta_stream){
        .name = "echoes",
        .protocol = "udp",
        .datagrams = true,
        .one_way = true,
        .totals = {
            .due = 9,
            .outcomes = {[OUTCOME_OK] = 9},
            .datagrams = {[DATAGRAM_REORDERED] = 3, [DATAGRAM_STRANGERS] = UINT64_C(1) << 50},
            .reorder_extent = 17,
            .received = 5,
            .read_bytes = 77}};
    meta.queue_count = 2;
    for (uint32_t i = 0; i < 2; i++)
        meta.queues[i] = (struct meta_queue){.port = 0,
                                             .queue = i,
                                             .core = 2 + i,
                                             .rx_packets = 10 + i,
                                             .tx_packets = 20 + i,
                                             .handed_out = 30 + i,
                                             .handed_in = 40 + i,
                                             .handover_full = 50 + i,
                                             .stalls = 60 + i};
    meta.ports[0] = (struct meta_port){.name = "p0",
                                       .driver = "net_af_xdp",
                                       .rx_packets = 3,
                                       .mbufs_missing = 2,
                                       .stamps_arrivals = true,
                                       .sends_on_time = true,
                                       .tx_timed = 4,
                                       .rx_stamps = 9,
                                       .clock_bound_ns = 800,
                                       .clock_jumps = 1};
    meta.utc[0] =
        (struct utc_sample){.run_ns = 5, .utc_ns = 1795254797845262629, .half_width_ns = 40};
    return &meta;
}

static void comes_back(void **state)
{
    struct meta *meta = whole(), read;
    struct error err = {0};
    meta->notes = strdup("two\nlines");
    assert_int_equal(meta_write(meta, *state, &err), 0);
    assert_int_equal(meta_read(&read, *state, &err), 0);
    assert_string_equal(read.notes, meta->notes);
    meta_free(meta);
    meta_free(&read);
    assert_memory_equal(&read, meta, sizeof(read));
}

static void a_missing_file_is_named(void **state)
{
    struct meta read;
    struct error err = {0};
    assert_true(meta_read(&read, *state, &err) < 0);
    assert_non_null(strstr(err.text, "meta.json"));
}

/* What is JSON and no meta.json is not one of a run without streams. */
static void others_are_refused(void **state)
{
    static const char *const rows[] = {"", "{", "[]", "7", "{}", "{\"streams\":{}}"};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct meta read;
        struct error err = {0};
        assert_int_equal(meta_parse(&read, rows[i], strlen(rows[i]), &err), -EINVAL);
        assert_string_not_equal(err.text, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(comes_back, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_missing_file_is_named, scratch_setup, scratch_teardown),
        cmocka_unit_test(others_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
