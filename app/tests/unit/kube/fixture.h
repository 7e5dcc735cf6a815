/* fixture.h - reading the recorded answers in tests. A failure to read fails the test. */
#ifndef TESTS_KUBE_FIXTURE_H
#define TESTS_KUBE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/text.h"

/* KUBE_FIXTURES is the folder of the trimmed recordings. The caller frees. */
static inline struct text fixture_read(const char *folder, const char *name)
{
    char path[4096];
    struct text bytes = {0};
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int code = text_read_file(&bytes, path, 64 << 20);
    if (code < 0)
        fail_msg("%s: %s", path, strerror(-code));
    return bytes;
}

static inline cJSON *fixture_json(const char *folder, const char *name)
{
    struct text bytes = fixture_read(folder, name);
    struct error err = {0};
    cJSON *json = json_parse(text_str(&bytes), bytes.size, &err);
    if (json == NULL)
        fail_msg("%s: %s", name, err.text);
    text_free(&bytes);
    return json;
}

/* The body of a recorded answer, and its status. */
static inline struct text fixture_answer(const char *folder, const char *name, long *http_code)
{
    cJSON *json = fixture_json(folder, name);
    struct text body = {0};
    text_add(&body, json_string(json, "body", ""));
    *http_code = json_integer(json, "status", 0);
    cJSON_Delete(json);
    return body;
}

#endif
