/* What takes a patch back, and the patches for which there is nothing that does. */
#include <errno.h>

#include "kube/inverse.h"
#include "tests/unit/kube/conversation.h"

#define POD "/api/v1/namespaces/d/pods/p"

static void assert_inverse(const char *before_json, const char *patch_json, const char *expected)
{
    cJSON *before = parse(before_json), *patch = parse(patch_json);
    cJSON *inverse = kube_inverse_merge(before, patch);
    assert_true(kube_inverse_released(inverse, before, patch, "seamline"));
    char *text = json_print(inverse, false);
    assert_string_equal(text, expected);
    cJSON_free(text);
    cJSON_Delete(inverse);
    cJSON_Delete(patch);
    cJSON_Delete(before);
}

/* The members of an object that is copied over another are unknown: it is not done at all. */
static void test_inverse_of_mixed_objects(void **state)
{
    static const char *const operations[] = {
        "[{\"op\":\"copy\",\"from\":\"/metadata/labels\",\"path\":\"/metadata/annotations\"}]",
        "[{\"op\":\"move\",\"from\":\"/metadata/labels\",\"path\":\"/metadata/annotations\"}]"};
    (void)state;
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        cJSON *patch = parse(operations[i]);
        begin((struct kube_order){.verb = KUBE_PATCH,
                                  .kind = KUBE_POD,
                                  .name = "p",
                                  .object = patch,
                                  .content_type = KUBE_PATCH_JSON});
        asks("GET", POD, "");
        answer(200, "{\"metadata\":{\"name\":\"p\",\"labels\":{\"a\":\"1\"},\"annotations\":{\"b\":"
                    "\"2\"}}}");
        fails(-EINVAL, "could not be taken back");
        tear_down(NULL);
        cJSON_Delete(patch);
    }
}

/* What is copied stays where it is: what is added to it still goes. */
static void test_inverse_of_copy_below_itself(void **state)
{
    cJSON *before = parse("{\"a\":{}}");
    cJSON *patch = parse("[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/a/b\"}]");
    cJSON *inverse = kube_inverse_operations(before, patch);
    char *text = json_print(inverse, false);
    (void)state;
    assert_string_equal(text, "{\"a\":{\"b\":null}}");
    cJSON_free(text);
    cJSON_Delete(inverse);
    cJSON_Delete(patch);
    cJSON_Delete(before);
}

/* A directive takes away what the patch does not name. */
static void test_inverse_of_directives(void **state)
{
    (void)state;
    assert_inverse(
        "{\"spec\":{\"strategy\":{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxSurge\":"
        "1}}}}",
        "{\"spec\":{\"strategy\":{\"$retainKeys\":[\"type\"],\"type\":\"Recreate\"}}}",
        "{\"spec\":{\"strategy\":{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxSurge\":"
        "1}}}}");
    assert_inverse("{\"a\":{\"x\":\"1\",\"y\":\"2\"}}",
                   "{\"a\":{\"$patch\":\"replace\",\"z\":\"3\"}}",
                   "{\"a\":{\"x\":\"1\",\"y\":\"2\",\"z\":null}}");
}

/* What was applied before and is applied no more is taken away by the server. */
static void test_inverse_of_released_fields(void **state)
{
    (void)state;
    assert_inverse(
        "{\"metadata\":{\"labels\":{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"},\"managedFields\":[{"
        "\"manager\":\"seamline\",\"operation\":\"Apply\",\"fieldsV1\":{\"f:metadata\":{\"f:"
        "labels\":{"
        "\"f:a\":{},\"f:b\":{},\"f:gone\":{}}},\"f:spec\":{\"f:list\":{\"k:{}\":{}}}}},{"
        "\"manager\":"
        "\"other\",\"operation\":\"Apply\",\"fieldsV1\":{\"f:metadata\":{\"f:labels\":{\"f:c\":{}}}"
        "}}"
        "]},\"spec\":{\"list\":[1]}}",
        "{\"metadata\":{\"labels\":{\"a\":\"9\"}}}",
        "{\"metadata\":{\"labels\":{\"a\":\"1\",\"b\":\"2\"}},\"spec\":{\"list\":[1]}}");
}

static void test_patches_of_the_whole(void **state)
{
    static const struct {
        const char *type, *patch;
    } rows[] = {
        {KUBE_PATCH_JSON, "[{\"op\":\"replace\",\"path\":\"\",\"value\":{}}]"},
        {KUBE_PATCH_STRATEGIC, "{\"$patch\":\"replace\",\"spec\":{}}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error err = {0};
        cJSON *patch = parse(rows[i].patch);
        const struct kube_order order = {.verb = KUBE_PATCH,
                                         .kind = KUBE_POD,
                                         .name = "p",
                                         .object = patch,
                                         .content_type = rows[i].type};
        assert_int_equal(kube_action_init(&action, &order, &discovery, "d", &err), -EINVAL);
        assert_non_null(strstr(err.text, "could not be taken back"));
        cJSON_Delete(patch);
    }
}

/* A patch may name the version that it is for; after it, the object has another one. */
static void test_undo_names_no_version(void **state)
{
    cJSON *patch = parse("{\"metadata\":{\"resourceVersion\":\"7\",\"labels\":{\"a\":\"b\"}}}");
    (void)state;
    begin((struct kube_order){.verb = KUBE_PATCH, .kind = KUBE_POD, .name = "p", .object = patch});
    asks("GET", POD, "");
    answer(200, "{\"metadata\":{\"name\":\"p\",\"uid\":\"u1\",\"resourceVersion\":\"7\"}}");
    assert_non_null(
        strstr(text_str(&action.undo), "\"body\":{\"metadata\":{\"labels\":null,\"uid\":\"u1\"}}"));
    asks("PATCH", POD "?fieldManager=seamline", NULL);
    cJSON_Delete(patch);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_inverse_of_mixed_objects), TEST(test_inverse_of_copy_below_itself),
        TEST(test_inverse_of_directives),    TEST(test_inverse_of_released_fields),
        TEST(test_patches_of_the_whole),     TEST(test_undo_names_no_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
