/* conversation.h - an action as a conversation: what is asked, what is answered, how it ends. For
 * the tests of actions; one at a time. */
#ifndef TESTS_KUBE_CONVERSATION_H
#define TESTS_KUBE_CONVERSATION_H

#include "kube/action.h"
#include "tests/unit/kube/fixture.h"

#define POD "/api/v1/namespaces/d/pods/p"

static struct kube_discovery discovery;
static struct kube_action action;

static inline int set_up(void **state)
{
    (void)state;
    kube_discovery_init(&discovery);
    action = (struct kube_action){0};
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    kube_action_free(&action);
    return 0;
}

static inline void begin(struct kube_order order)
{
    struct error err = {0};
    if (kube_action_init(&action, &order, &discovery, "d", &err) < 0)
        fail_msg("%s", err.text);
}

/* The request wanted now is METHOD PATH, with BODY (NULL: not looked at). */
static inline void asks(const char *method, const char *path, const char *body)
{
    assert_int_equal(action.state, KUBE_ACTION_REQUEST);
    assert_string_equal(action.method, method);
    assert_string_equal(text_str(&action.path), path);
    if (body != NULL)
        assert_string_equal(text_str(&action.body), body);
    kube_action_sent(&action, 1000);
}

static inline void answer(long code, const char *json)
{
    struct text body = {0};
    text_add(&body, json);
    kube_action_answer(&action, KUBE_REASON_SUCCESS, code, 0, &body, NULL, NULL, 2000);
    text_free(&body);
}

static inline void answer_recorded(const char *file)
{
    long code;
    struct text body = fixture_answer(KUBE_FIXTURES, file, &code);
    answer(code, text_str(&body));
    text_free(&body);
}

static inline void ends(enum kube_done done)
{
    if (action.state != KUBE_ACTION_OVER || action.result.done != done)
        fail_msg("state %d, %s: %s", action.state, kube_done_text(action.result.done),
                 action.result.error.text);
}

static inline void fails(int code, const char *text)
{
    ends(KUBE_DONE_FAILED);
    assert_int_equal(action.result.code, code);
    if (strstr(action.result.error.text, text) == NULL)
        fail_msg("%s", action.result.error.text);
}

static inline cJSON *parse(const char *json)
{
    cJSON *tree = json_parse(json, strlen(json), NULL);
    assert_non_null(tree);
    return tree;
}

#endif
