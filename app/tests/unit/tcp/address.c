#include "tcp/tcp_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
    CAPACITY = 3
};

static struct address address_of(unsigned i)
{
    struct address address = {.bytes = {0x20, 1, [15] = (uint8_t)i}};

    return address;
}

static void each_address_is_kept_once(void **state)
{
    static const struct hash_key key = {7, 9};
    void *memory = aligned_alloc(64, (tcp_addresses_bytes(CAPACITY) + 63) / 64 * 64);
    struct address a = address_of(1), b = address_of(2), c = address_of(3), d = address_of(4);
    struct tcp_addresses addresses;

    (void)state;
    tcp_addresses_init(&addresses, memory, CAPACITY, &key);
    uint32_t number = tcp_addresses_take(&addresses, &a);
    assert_int_not_equal(number, 0);
    assert_int_equal(tcp_addresses_take(&addresses, &a), number);
    uint32_t other = tcp_addresses_take(&addresses, &b);
    assert_int_not_equal(other, number);
    assert_int_not_equal(tcp_addresses_take(&addresses, &c), 0);
    assert_int_equal(tcp_addresses_take(&addresses, &d), 0); /* Full. */
    assert_true(address_equal(tcp_addresses_get(&addresses, number), &a));
    assert_true(address_equal(tcp_addresses_get(&addresses, other), &b));

    /* The last use frees it. */
    tcp_addresses_release(&addresses, number);
    assert_int_equal(tcp_addresses_take(&addresses, &d), 0);
    tcp_addresses_release(&addresses, number);
    assert_int_equal(tcp_addresses_take(&addresses, &d), number);
    assert_int_equal(tcp_addresses_take(&addresses, &a), 0);
    assert_int_equal(addresses.table.count, CAPACITY);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_address_is_kept_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
