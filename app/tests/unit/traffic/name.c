/* Names of backends: each is kept once, by its bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "traffic/name.h"

static uint16_t id(struct names *names, const char *text)
{
    return name_id(names, (const uint8_t *)text, (uint32_t)strlen(text));
}

static void kept_once(void **state)
{
    (void)state;
    static struct name entries[4];
    struct record_config config = {.stream_count = 1};
    struct record *record = record_setup(&config);
    struct names names;
    uint8_t longest[NAME_BYTES + 1];
    memset(longest, 'x', sizeof(longest));
    names_init(&names, entries, 4, record);
    assert_int_equal(id(&names, ""), 0);
    assert_int_equal(id(&names, "a"), 1);
    assert_int_equal(id(&names, "ab"), 2);
    assert_int_equal(id(&names, "a"), 1);
    assert_int_equal(name_id(&names, longest, NAME_BYTES), 3);
    assert_int_equal(name_id(&names, longest, NAME_BYTES + 1), 3); /* Cut. */
    assert_int_equal(id(&names, "c"), 0);                          /* Full. */
    assert_int_equal(id(&names, "ab"), 2);
    assert_int_equal(name_at(&names, 0)->host, 0);
    assert_int_equal(name_at(&names, 2)->host, 2);
    assert_memory_equal(name_at(&names, 2)->bytes, "ab", 2);
    assert_int_equal(record_count(record, RECORD_HOSTS), 3);
    record_free(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kept_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
