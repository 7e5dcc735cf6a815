/* The ctraffic client against a server written from its description: answers split anywhere,
 * names of all lengths, one wrong byte anywhere. */
#include "traffic/ctraffic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    BYTES_MAX = 8192
};

/* Reads exactly 64 bytes, writes the name over their start, sends them back; echoes all that
 * follows. */
struct server {
    const char *name;
    uint64_t read_bytes;
};

static void serve(struct server *server, const uint8_t *in, uint8_t *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t at = server->read_bytes++;
        out[i] = at < 64 && at < strlen(server->name) ? (uint8_t)server->name[at] : in[i];
    }
}

static void ask_and_serve(struct ctraffic *client, struct server *server, unsigned packet,
                          uint8_t *answer)
{
    static uint8_t sent[BYTES_MAX];
    ctraffic_ask(client);
    ctraffic_fill(client, (uint64_t)packet * client->size_bytes, sent, client->size_bytes);
    serve(server, sent, answer, client->size_bytes);
}

/* Five packets, every answer cut at FIRST and again at SECOND. */
static void check_split(const char *name, uint32_t size, uint32_t first, uint32_t second)
{
    struct ctraffic client;
    struct server server = {.name = name};
    uint8_t answer[BYTES_MAX];
    ctraffic_init(&client, size);
    for (unsigned packet = 0; packet < 5; packet++) {
        ask_and_serve(&client, &server, packet, answer);
        assert_int_equal(ctraffic_receive(&client, answer, first), CTRAFFIC_MORE);
        enum ctraffic_verdict verdict = ctraffic_receive(&client, answer + first, second - first);
        assert_int_equal(verdict,
                         second == size && second > first ? CTRAFFIC_WHOLE : CTRAFFIC_MORE);
        if (second < size)
            assert_int_equal(ctraffic_receive(&client, answer + second, size - second),
                             CTRAFFIC_WHOLE);
        assert_int_equal(client.host_bytes, strlen(name));
        assert_memory_equal(client.host, name, strlen(name));
    }
}

static void answers_split_anywhere(void **state)
{
    (void)state;
    for (uint32_t first = 0; first < 200; first++)
        for (uint32_t second = first + 1; second <= 200; second++)
            check_split("mserver-8d75c6567-55fdh", 200, first, second);
    check_split("mserver-8d75c6567-55fdh", 1024, 64, 1024);
    check_split("mserver-8d75c6567-55fdh", 64, 63, 64);
}

static void names_of_all_lengths(void **state)
{
    char name[65];
    (void)state;
    for (unsigned length = 0; length <= 64; length++) {
        memset(name, 'n', length);
        name[length] = '\0';
        check_split(name, 64, 10, 64);
        check_split(name, 65, 63, 64);
        check_split(name, 1024, 64, 1023);
        check_split(name, 1024, 1, 2);
    }
}

static void byte_by_byte(void **state)
{
    struct ctraffic client;
    struct server server = {.name = "a-pod"};
    uint8_t answer[BYTES_MAX];
    (void)state;
    ctraffic_init(&client, 300);
    for (unsigned packet = 0; packet < 3; packet++) {
        ask_and_serve(&client, &server, packet, answer);
        for (uint32_t i = 0; i < 300; i++)
            assert_int_equal(ctraffic_receive(&client, answer + i, 1),
                             i == 299 ? CTRAFFIC_WHOLE : CTRAFFIC_MORE);
    }
}

/* The first packet is zero; the next have the name in front, also when only a part is made
 * again. */
static void what_is_sent(void **state)
{
    struct ctraffic client;
    struct server server = {.name = "pod"};
    uint8_t answer[256], bytes[512], zero[256] = {0};
    (void)state;
    ctraffic_init(&client, 100);
    ctraffic_fill(&client, 0, bytes, 100);
    assert_memory_equal(bytes, zero, 100);
    ask_and_serve(&client, &server, 0, answer);
    assert_int_equal(ctraffic_receive(&client, answer, 100), CTRAFFIC_WHOLE);
    ctraffic_fill(&client, 0, bytes, 300);
    assert_memory_equal(bytes, zero, 100);
    assert_memory_equal(bytes + 100, "pod", 3);
    assert_memory_equal(bytes + 103, zero, 97);
    assert_memory_equal(bytes + 200, "pod", 3);
    ctraffic_fill(&client, 101, bytes, 100);
    assert_memory_equal(bytes, "od", 2);
    assert_memory_equal(bytes + 2, zero, 97);
    assert_int_equal(bytes[99], 'p');
}

/* Any single wrong byte of any answer is noticed, save within the first answer's name, which may be
 * anything. */
static void a_wrong_byte_is_bad(void **state)
{
    static const char name[] = "pod-1";
    (void)state;
    for (unsigned packet = 0; packet < 3; packet++) {
        for (uint32_t wrong = 0; wrong < 128; wrong++) {
            struct ctraffic client;
            struct server server = {.name = name};
            uint8_t answer[128];
            ctraffic_init(&client, 128);
            for (unsigned i = 0; i < packet; i++) {
                ask_and_serve(&client, &server, i, answer);
                assert_int_equal(ctraffic_receive(&client, answer, 128), CTRAFFIC_WHOLE);
            }
            ask_and_serve(&client, &server, packet, answer);
            answer[wrong] ^= 0x55;
            bool in_name = packet == 0 && wrong <= strlen(name);
            if (!in_name)
                assert_int_equal(ctraffic_receive(&client, answer, 128), CTRAFFIC_BAD);
        }
    }
}

/* A zero within the name ends it: what follows must be zero. */
static void a_name_ends_at_its_nul(void **state)
{
    struct ctraffic client;
    uint8_t answer[64] = "pod\0x";
    (void)state;
    ctraffic_init(&client, 64);
    ctraffic_ask(&client);
    assert_int_equal(ctraffic_receive(&client, answer, 64), CTRAFFIC_BAD);
}

static void unasked_bytes_are_bad(void **state)
{
    struct ctraffic client;
    uint8_t answer[65] = {0};
    (void)state;
    ctraffic_init(&client, 64);
    assert_int_equal(ctraffic_receive(&client, answer, 1), CTRAFFIC_BAD);
    ctraffic_init(&client, 64);
    ctraffic_ask(&client);
    assert_int_equal(ctraffic_receive(&client, answer, 65), CTRAFFIC_BAD);
    ctraffic_init(&client, 64);
    ctraffic_ask(&client);
    assert_int_equal(ctraffic_receive(&client, answer, 64), CTRAFFIC_WHOLE);
    assert_int_equal(ctraffic_receive(&client, answer, 1), CTRAFFIC_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_split_anywhere), cmocka_unit_test(names_of_all_lengths),
        cmocka_unit_test(byte_by_byte),           cmocka_unit_test(what_is_sent),
        cmocka_unit_test(a_wrong_byte_is_bad),    cmocka_unit_test(a_name_ends_at_its_nul),
        cmocka_unit_test(unasked_bytes_are_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
