#include "net/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static uint16_t plain(const uint8_t *bytes, size_t size)
{
    uint32_t sum = 0; /* RFC 1071's definition, word for word. */
    for (size_t i = 0; i < size; i += 2)
        sum += (uint32_t)bytes[i] << 8 | (i + 1 < size ? bytes[i + 1] : 0u);
    while (sum > 0xffff)
        sum = (sum >> 16) + (sum & 0xffff);
    return (uint16_t)sum;
}

static void test_known_sums(void **state)
{
    (void)state;
    /* The example of RFC 1071, 3. */
    static const uint8_t example[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    assert_int_equal(checksum_fold(checksum_add(0, example, sizeof(example))), 0xddf2);
    /* A widely printed IPv4 header, whose checksum is b861. */
    static const uint8_t header[] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
                                     0x00, 0x00, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
    assert_int_equal(checksum_finish(checksum_add(0, header, sizeof(header))), 0xb861);
    assert_int_equal(checksum_finish(0), 0xffff);
}

static void test_every_length_and_alignment(void **state)
{
    (void)state;
    uint8_t bytes[80];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(255 - i * 37);
    for (size_t from = 0; from < 8; from++) {
        for (size_t size = 0; size <= 64; size++) {
            const uint64_t sum = checksum_add(0, bytes + from, (uint32_t)size);
            assert_int_equal(checksum_fold(sum), plain(bytes + from, size));
        }
    }
}

static void test_parts_at_even_offsets_add_up(void **state)
{
    (void)state;
    uint8_t bytes[1500];
    memset(bytes, 0xff, sizeof(bytes)); /* The most carries. */
    for (uint32_t cut = 0; cut < sizeof(bytes); cut += 2) {
        uint64_t sum = checksum_add(0, bytes + cut, (uint32_t)sizeof(bytes) - cut);
        sum = checksum_add(sum, bytes, cut);
        assert_int_equal(checksum_fold(sum), plain(bytes, sizeof(bytes)));
    }
}

static void test_pseudo_headers(void **state)
{
    (void)state;
    static const uint8_t from4[4] = {10, 1, 0, 5};
    static const uint8_t to4[4] = {10, 9, 0, 1};
    static const uint8_t pseudo4[] = {10, 1, 0, 5, 10, 9, 0, 1, 0, 6, 0x05, 0xb4};
    struct address from = address_from_v4(from4);
    struct address to = address_from_v4(to4);
    assert_int_equal(checksum_fold(checksum_pseudo(&from, &to, 6, 1460)),
                     plain(pseudo4, sizeof(pseudo4)));

    uint8_t pseudo6[40] = {
        0xfd, 1, [15] = 5, [16] = 0xfd, [17] = 2, [31] = 9, [34] = 5, [35] = 0xb4, [39] = 58};
    from = address_from_v6(pseudo6);
    to = address_from_v6(pseudo6 + 16);
    assert_int_equal(checksum_fold(checksum_pseudo(&from, &to, 58, 1460)),
                     plain(pseudo6, sizeof(pseudo6)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_sums),
        cmocka_unit_test(test_every_length_and_alignment),
        cmocka_unit_test(test_parts_at_even_offsets_add_up),
        cmocka_unit_test(test_pseudo_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
