#include "lab/socket_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Lines as a little-endian kernel prints them. */
static void test_parse(void **state)
{
    static const char text[] =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
        "   0: 00000000:138B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n"
        "   1: 0201F40A:138B 0100C90A:9C40 01 00000000:00000000 00:00000000 00000000     0\n"
        "rubbish\n"
        "   2: B80D0120000000000000000001000000:1F90 "
        "B80D0120000000000000000002000000:C350 08 0:0 0:0 0\n";
    struct socket_table table = {0};
    char out[64];

    (void)state;
    socket_table_parse(&table, text);
    assert_int_equal(table.count, 3);
    assert_int_equal(table.entries[0].state, 10);
    assert_int_equal(table.entries[1].state, 1);
    assert_string_equal(
        socket_table_text(&table.entries[1].local, table.entries[1].local_port, out),
        "10.244.1.2:5003");
    assert_string_equal(
        socket_table_text(&table.entries[1].remote, table.entries[1].remote_port, out),
        "10.201.0.1:40000");
    assert_string_equal(
        socket_table_text(&table.entries[2].local, table.entries[2].local_port, out),
        "[2001:db8::1]:8080");
    socket_table_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
