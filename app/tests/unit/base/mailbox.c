#include "base/mailbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <string.h>

enum {
    CAPACITY = 8,
    MESSAGES = 5000
};

/* Not a multiple of 8, to find a wrong stride. */
struct message {
    uint32_t number;   /* Rising from 0. */
    uint8_t bytes[39]; /* All of them the low byte of the number. */
} __attribute__((packed));

static struct mailbox *make_mailbox(void)
{
    size_t bytes = mailbox_bytes(CAPACITY, sizeof(struct message));

    return mailbox_init(aligned_alloc(64, bytes), CAPACITY, sizeof(struct message));
}

static struct message make_message(uint32_t number)
{
    struct message message = {.number = number};

    memset(message.bytes, (int)(number & 0xff), sizeof(message.bytes));
    return message;
}

static void assert_message(const struct message *message, uint32_t number)
{
    struct message expected = make_message(number);

    assert_memory_equal(message, &expected, sizeof(expected));
}

static void first_in_first_out_and_bounded(void **state)
{
    struct mailbox *mailbox = make_mailbox();
    struct message message;

    (void)state;
    assert_false(mailbox_waits(mailbox));
    assert_false(mailbox_take(mailbox, &message));
    for (uint32_t round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < CAPACITY; i++) {
            message = make_message(i + round);
            assert_true(mailbox_put(mailbox, &message));
        }
        assert_false(mailbox_put(mailbox, &message));
        for (uint32_t i = 0; i < CAPACITY; i++) {
            assert_true(mailbox_waits(mailbox));
            assert_true(mailbox_take(mailbox, &message));
            assert_message(&message, i + round);
        }
        assert_false(mailbox_take(mailbox, &message));
    }
    free(mailbox);
}

/* The counters run on over 2^32. */
static void counters_wrap(void **state)
{
    struct mailbox *mailbox = make_mailbox();
    struct message message;

    (void)state;
    atomic_store(&mailbox->head, UINT32_MAX - 2);
    atomic_store(&mailbox->tail, UINT32_MAX - 2);
    mailbox->tail_seen = UINT32_MAX - 2;
    for (uint32_t i = 0; i < CAPACITY; i++) {
        message = make_message(i);
        assert_true(mailbox_put(mailbox, &message));
    }
    assert_false(mailbox_put(mailbox, &message));
    for (uint32_t i = 0; i < CAPACITY; i++) {
        assert_true(mailbox_take(mailbox, &message));
        assert_message(&message, i);
    }
    assert_false(mailbox_take(mailbox, &message));
    free(mailbox);
}

static void *produce(void *argument)
{
    struct mailbox *mailbox = argument;

    for (uint32_t i = 0; i < MESSAGES; i++) {
        struct message message = make_message(i);

        while (!mailbox_put(mailbox, &message))
            sched_yield();
    }
    return NULL;
}

static void two_threads_lose_and_tear_nothing(void **state)
{
    struct mailbox *mailbox = make_mailbox();
    struct message message;
    pthread_t producer;

    (void)state;
    assert_int_equal(pthread_create(&producer, NULL, produce, mailbox), 0);
    for (uint32_t i = 0; i < MESSAGES; i++) {
        while (!mailbox_take(mailbox, &message))
            sched_yield();
        assert_message(&message, i);
    }
    pthread_join(producer, NULL);
    assert_false(mailbox_take(mailbox, &message));
    free(mailbox);
}

/* Producer and consumer write to cache lines of their own. */
static void lines_are_apart(void **state)
{
    (void)state;
    assert_int_equal(offsetof(struct mailbox, head) % 64, 0);
    assert_int_equal(offsetof(struct mailbox, tail) % 64, 0);
    assert_int_equal(sizeof(struct mailbox), 192);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_in_first_out_and_bounded),
        cmocka_unit_test(counters_wrap),
        cmocka_unit_test(two_threads_lose_and_tear_nothing),
        cmocka_unit_test(lines_are_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
