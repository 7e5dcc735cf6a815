/* The file by the letter of the draft: blocks, lengths, padding, options. */
#include "rundir/pcap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static uint32_t at(const struct text *file, size_t offset)
{
    uint32_t value;
    assert_true(offset + 4 <= file->size);
    memcpy(&value, file->data + offset, 4);
    return value;
}

/* Both lengths of the block at OFFSET agree; returns where the next one begins. */
static size_t next(const struct text *file, size_t offset)
{
    uint32_t bytes = at(file, offset + 4);
    assert_true(bytes >= 12 && bytes % 4 == 0);
    assert_int_equal(at(file, offset + bytes - 4), bytes);
    return offset + bytes;
}

static void a_section_with_its_comment(void **state)
{
    struct text file = {0};
    (void)state;
    pcap_begin(&file, "abcde");
    assert_int_equal(at(&file, 0), 0x0a0d0d0a);
    assert_int_equal(at(&file, 8), 0x1a2b3c4d);
    assert_int_equal(at(&file, 12), 1);           /* Major 1, minor 0. */
    assert_int_equal(at(&file, 16), UINT32_MAX);  /* Length not said: -1. */
    assert_int_equal(at(&file, 24), 1 | 5 << 16); /* opt_comment, 5 bytes. */
    assert_memory_equal(file.data + 28, "abcde\0\0\0", 8);
    assert_int_equal(at(&file, 36), 0); /* opt_endofopt. */
    assert_int_equal(next(&file, 0), file.size);
    assert_int_equal(file.size, 44);
    text_free(&file);
}

static void an_interface_in_nanoseconds(void **state)
{
    struct text file = {0};
    (void)state;
    pcap_interface(&file, "eth0", 176);
    assert_int_equal(at(&file, 0), 1);
    assert_int_equal(at(&file, 8), 1); /* Ethernet. */
    assert_int_equal(at(&file, 12), 176);
    assert_int_equal(at(&file, 16), 2 | 4 << 16); /* if_name. */
    assert_memory_equal(file.data + 20, "eth0", 4);
    assert_int_equal(at(&file, 24), 9 | 1 << 16); /* if_tsresol: 10^-9. */
    assert_int_equal(at(&file, 28), 9);
    assert_int_equal(at(&file, 32), 0);
    assert_int_equal(next(&file, 0), file.size);
    text_free(&file);
}

static void packets_of_every_length(void **state)
{
    const uint8_t data[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    (void)state;
    for (uint32_t kept = 0; kept <= 8; kept++) {
        struct text file = {0};
        pcap_packet(&file, 3, 0x1122334455667788, kept % 2, data, kept, 1500);
        uint32_t padded = (kept + 3) / 4 * 4;
        assert_int_equal(at(&file, 0), 6);
        assert_int_equal(at(&file, 8), 3);
        assert_int_equal(at(&file, 12), 0x11223344);
        assert_int_equal(at(&file, 16), 0x55667788);
        assert_int_equal(at(&file, 20), kept);
        assert_int_equal(at(&file, 24), 1500);
        assert_memory_equal(file.data + 28, data, kept);
        assert_int_equal(at(&file, 28 + padded), 2 | 4 << 16);      /* epb_flags. */
        assert_int_equal(at(&file, 32 + padded), kept % 2 ? 2 : 1); /* Outbound, inbound. */
        assert_int_equal(at(&file, 36 + padded), 0);
        assert_int_equal(next(&file, 0), file.size);
        text_free(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_section_with_its_comment),
        cmocka_unit_test(an_interface_in_nanoseconds),
        cmocka_unit_test(packets_of_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
