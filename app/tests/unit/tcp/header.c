#include "tcp/tcp_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

/* A SYN as a Linux kernel sends it, octet by octet. */
static const uint8_t linux_syn[40] = {0x9c, 0x40, 0x13, 0x8b, 0x12, 0x34, 0x56, 0x78, 0x00, 0x00,
                                      0x00, 0x00, 0xa0, 0x02, 0xfa, 0xf0, 0x00, 0x00, 0x00, 0x00,
                                      0x02, 0x04, 0x05, 0xb4, 0x04, 0x02, 0x08, 0x0a, 0x01, 0x02,
                                      0x03, 0x04, 0x00, 0x00, 0x00, 0x00, 0x01, 0x03, 0x03, 0x07};

static void reads_a_kernels_syn(void **state)
{
    struct tcp_header header;

    (void)state;
    assert_int_equal(tcp_header_parse(linux_syn, sizeof(linux_syn), &header), TCP_TAKEN);
    assert_int_equal(header.seq, 0x12345678);
    assert_int_equal(header.flags, TCP_SYN);
    assert_int_equal(header.window, 64240);
    assert_int_equal(header.header_bytes, 40);
    assert_true(header.has_mss && header.mss == 1460);
    assert_true(header.sack_permitted);
    assert_true(header.has_timestamps && header.tsval == 0x01020304 && header.tsecr == 0);
    assert_true(header.has_window_scale && header.window_scale == 7);
}

static void refuses_every_truncation(void **state)
{
    struct tcp_header header;

    (void)state;
    for (uint16_t size = 0; size < sizeof(linux_syn); size++)
        assert_int_equal(tcp_header_parse(linux_syn, size, &header),
                         size < TCP_HEADER_BYTES ? TCP_DROP_SHORT : TCP_DROP_OFFSET);
}

static void refuses_bad_options(void **state)
{
    static const struct {
        uint8_t options[4];
        enum tcp_verdict verdict;
    } rows[] = {
        {{0, 0, 0, 0}, TCP_TAKEN},          {{1, 1, 1, 1}, TCP_TAKEN},
        {{0, 2, 99, 0}, TCP_TAKEN}, /* After the end nothing counts. */
        {{254, 4, 0, 0}, TCP_TAKEN},        {{254, 0, 0, 0}, TCP_DROP_OPTIONS},
        {{254, 1, 0, 0}, TCP_DROP_OPTIONS}, {{254, 5, 0, 0}, TCP_DROP_OPTIONS},
        {{1, 1, 1, 2}, TCP_DROP_OPTIONS},   {{2, 3, 0, 0}, TCP_DROP_OPTIONS},
        {{2, 4, 5, 180}, TCP_TAKEN},        {{1, 3, 3, 15}, TCP_TAKEN},
        {{1, 1, 3, 2}, TCP_DROP_OPTIONS},   {{8, 4, 0, 0}, TCP_DROP_OPTIONS},
        {{4, 3, 0, 0}, TCP_DROP_OPTIONS},
    };
    uint8_t l4[24] = {[12] = 0x60};
    struct tcp_header header;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memcpy(l4 + TCP_HEADER_BYTES, rows[i].options, 4);
        assert_int_equal(tcp_header_parse(l4, sizeof(l4), &header), rows[i].verdict);
        if (rows[i].options[1] == 3 && rows[i].verdict == TCP_TAKEN)
            assert_int_equal(header.window_scale, TCP_WINDOW_SCALE_MAX);
    }
}

/* Options of SYNs, as Linux lays them out and one byte away from that: the shorter way that reads
 * them comes to what each option says by itself, behind others that nobody knows. */
static void reads_a_syn_by_both_ways(void **state)
{
    static const uint8_t usual[TCP_SYN_OPTIONS_BYTES] = {
        2, 4, 5, 180, 4, 2, 8, 10, 0x11, 0x22, 3, 0x44, 5, 6, 0x77, 8, 1, 3, 3, 200};

    (void)state;
    for (unsigned changed = 0; changed <= sizeof(usual); changed++) {
        for (unsigned value = 0; value < 256; value++) {
            uint8_t plain[40] = {[12] = 0xa0, [13] = TCP_SYN}, odd[44] = {[12] = 0xb0};
            struct tcp_header by_words, by_options;
            uint8_t *options = plain + TCP_HEADER_BYTES;

            memcpy(options, usual, sizeof(usual));
            if (changed < sizeof(usual))
                options[changed] = (uint8_t)value;
            memcpy(odd + 13, plain + 13, 1);
            memcpy(odd + TCP_HEADER_BYTES, (const uint8_t[]){254, 4, 0, 0}, 4);
            memcpy(odd + TCP_HEADER_BYTES + 4, options, sizeof(usual));
            enum tcp_verdict verdict = tcp_header_parse(plain, sizeof(plain), &by_words);
            assert_int_equal(verdict, tcp_header_parse(odd, sizeof(odd), &by_options));
            if (verdict != TCP_TAKEN)
                continue;
            assert_int_equal(by_words.header_bytes, sizeof(plain));
            by_options.header_bytes = by_words.header_bytes;
            assert_memory_equal(&by_words, &by_options, offsetof(struct tcp_header, sack));
        }
    }
}

/* What a SYN offers leaves as Linux would write it. */
static void writes_a_syn_as_linux_does(void **state)
{
    static const uint8_t expected[TCP_SYN_OPTIONS_BYTES] = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0,
                                                            0, 7, 0, 0,   0, 9, 1, 3,  3, 6};
    struct tcp_options options = {.mss = 1460,
                                  .window_scale = 6,
                                  .has_window_scale = true,
                                  .has_timestamps = true,
                                  .sack_permitted = true,
                                  .tsval = 7,
                                  .tsecr = 9};
    uint8_t out[TCP_OPTIONS_BYTES_MAX];

    (void)state;
    assert_int_equal(tcp_header_options(&options, out), sizeof(expected));
    assert_memory_equal(out, expected, sizeof(expected));
    options.has_timestamps = false;
    assert_int_equal(tcp_header_options(&options, out), 12);
    assert_memory_equal(out, ((const uint8_t[]){2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 6}), 12);
}

/* What D says of the sum of L4, SIZE bytes: any that checksums can be made of (RFC 1071). */
static void test_sum(const struct tcp_descriptor *d, const uint8_t *l4, uint16_t size)
{
    uint8_t again[TCP_HEADER_BYTES_MAX];
    uint64_t sum = 0, words = 0;

    assert_int_equal(tcp_header_write_summed(d, again, &sum), size);
    assert_memory_equal(again, l4, size);
    for (uint16_t at = 0; at < size; at += 2) {
        uint16_t word;
        memcpy(&word, l4 + at, sizeof(word));
        words += word;
    }
    assert_int_equal(sum % UINT16_MAX, words % UINT16_MAX);
}

/* Whatever is written is read back. */
static void reads_what_it_writes(void **state)
{
    struct random random;

    (void)state;
    random_seed(&random, 3);
    for (unsigned i = 0; i < 10000; i++) {
        struct tcp_options options = {.mss = (uint16_t)random_below(&random, 65536),
                                      .window_scale = (uint8_t)random_below(&random, 15),
                                      .has_window_scale = random_below(&random, 2) != 0,
                                      .has_timestamps = random_below(&random, 2) != 0,
                                      .tsval = (uint32_t)random_next(&random),
                                      .tsecr = (uint32_t)random_next(&random)};
        struct tcp_sack_block block = {(uint32_t)random_next(&random),
                                       (uint32_t)random_next(&random)};
        options.sack_permitted = random_below(&random, 2) == 0;
        options.sack_count = (uint8_t)random_below(&random, 2);
        options.sack = &block;
        struct tcp_descriptor d = {.tuple.local_port = 40000,
                                   .tuple.remote_port = 5003,
                                   .seq = (uint32_t)random_next(&random),
                                   .ack = (uint32_t)random_next(&random),
                                   .window = (uint16_t)random_next(&random),
                                   .flags = (uint8_t)random_below(&random, 256)};
        uint8_t l4[TCP_HEADER_BYTES_MAX];
        struct tcp_header header;

        d.options_bytes = tcp_header_options(&options, d.options);
        assert_int_equal(d.options_bytes % 4, 0);
        uint16_t size = tcp_header_write(&d, l4);
        assert_int_equal(size, TCP_HEADER_BYTES + d.options_bytes);
        test_sum(&d, l4, size);
        assert_int_equal(tcp_header_parse(l4, size, &header), TCP_TAKEN);
        assert_int_equal(header.seq, d.seq);
        assert_int_equal(header.ack, d.ack);
        assert_int_equal(header.window, d.window);
        assert_int_equal(header.flags, d.flags);
        assert_int_equal(header.has_mss, options.mss != 0);
        assert_int_equal(header.mss, options.mss);
        assert_int_equal(header.has_window_scale, options.has_window_scale);
        assert_int_equal(header.has_timestamps, options.has_timestamps);
        if (options.has_timestamps) {
            assert_int_equal(header.tsval, options.tsval);
            assert_int_equal(header.tsecr, options.tsecr);
        }
        assert_int_equal(header.sack_permitted, options.sack_permitted);
        assert_int_equal(header.sack_count, options.sack_count);
        assert_true(options.sack_count == 0 ||
                    (header.sack[0].begin == block.begin && header.sack[0].end == block.end));
        assert_int_equal(l4[0] << 8 | l4[1], 40000);
        assert_int_equal(l4[2] << 8 | l4[3], 5003);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_kernels_syn),        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(refuses_bad_options),        cmocka_unit_test(reads_a_syn_by_both_ways),
        cmocka_unit_test(writes_a_syn_as_linux_does), cmocka_unit_test(reads_what_it_writes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
