/* Assignments on a tree in the shape of an experiment. */
#include "plan/setting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "plan/experiment.h"

static const char tree_json[] =
    "{\"name\":\"x\",\"streams\":[{\"name\":\"held\",\"rate\":\"400/s\"},{\"name\":\"new\"}],"
    "\"steps\":[{\"do\":\"wait\"},{\"do\":\"set-image\",\"id\":\"upgrade\"}],\"after\":[]}";

static void assignments_change_the_tree(void **state)
{
    static const struct {
        const char *assignment;
        const char *path;  /* Where to look. */
        const char *value; /* As JSON. */
    } rows[] = {
        {"name=y", "name", "\"y\""},
        {"name=\"y\"", "name", "\"y\""},
        {"seed=7", "seed", "7"},
        {"streams.held.rate=1k/s", "streams.0.rate", "\"1k/s\""},
        {"streams.0.rate=1k/s", "streams.0.rate", "\"1k/s\""},
        {"streams[0].rate=1k/s", "streams.0.rate", "\"1k/s\""},
        {"streams[held].rate=1k/s", "streams.0.rate", "\"1k/s\""},
        {"streams.new.connections=5", "streams.1.connections", "5"},
        {"steps.upgrade.image=reg:5/a=b", "steps.1.image", "\"reg:5/a=b\""},
        {"cluster.proxy.scheduler=lc", "cluster.proxy.scheduler", "\"lc\""},
        {"windows.opens=[\"reset\"]", "windows.opens", "[\"reset\"]"},
        {"streams[1]={\"name\":\"z\"}", "streams.1", "{\"name\":\"z\"}"},
        {"streams.new.target.service=probe", "streams.1.target.service", "\"probe\""},
        {"variants.a.set={}", "variants.a.set", "{}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct error err = {0};
        cJSON *tree = json_parse(tree_json, strlen(tree_json), NULL);
        const cJSON *at = tree;
        char path[100], *printed, *step;
        if (setting_apply(tree, experiment_shape(), rows[i].assignment, &err) < 0)
            fail_msg("%s", err.text);
        strcpy(path, rows[i].path);
        for (step = strtok(path, "."); step != NULL && at != NULL; step = strtok(NULL, "."))
            at = cJSON_IsArray(at) ? cJSON_GetArrayItem(at, atoi(step)) : json_member(at, step);
        if (at == NULL)
            fail_msg("%s: nothing at %s", rows[i].assignment, rows[i].path);
        printed = json_print(at, false);
        assert_string_equal(printed, rows[i].value);
        cJSON_free(printed);
        cJSON_Delete(tree);
    }
}

static void a_quoted_step_may_have_dots(void **state)
{
    cJSON *tree = json_parse(tree_json, strlen(tree_json), NULL);
    struct error err = {0};
    const cJSON *images;

    (void)state;
    assert_int_equal(
        setting_apply(tree, experiment_shape(), "cluster.lab.images[\"a.b/c:1=x\"]=p=q", &err), 0);
    images = json_at(tree, "cluster.lab.images");
    assert_string_equal(cJSON_GetStringValue(json_member(images, "a.b/c:1=x")), "p=q");
    cJSON_Delete(tree);
}

static void mistakes_name_what_there_is(void **state)
{
    static const struct {
        const char *assignment;
        const char *message;
    } rows[] = {
        {"name", "--set name: want path=value, such as cluster.proxy.scheduler=lc"},
        {"=5", "--set =5: want path=value, such as cluster.proxy.scheduler=lc"},
        {"a..b=5", "--set a..b=5: \"a..b\" is no path; want keys with dots between them, such as "
                   "streams.held.rate or steps[3].image"},
        {"streams[0=5", "--set streams[0=5: \"streams[0\" is no path; want keys with dots between "
                        "them, such as streams.held.rate or steps[3].image"},
        {"straems.held.rate=5",
         "--set straems.held.rate=5: straems: an experiment has no key \"straems\"; did you mean "
         "\"streams\"? its keys are: $schema, version, name, seed, cluster, rollout, target, "
         "streams, tcp, windows, impair, steps, after, expect, report, variants, matrix, repeats"},
        {"windows.early=5",
         "--set windows.early=5: windows.early: windows has no key \"early\"; its "
         "keys are: holdOff, validate, late, opens"},
        {"streams.helt.rate=5", "--set streams.helt.rate=5: streams.helt: the list has no item "
                                "\"helt\"; want an index from 0 to 1 or \"held\", \"new\""},
        {"streams[2].rate=5", "--set streams[2].rate=5: streams[2]: the list has no item \"2\"; "
                              "want an index from 0 to 1 or \"held\", \"new\""},
        {"after[0].do=wait",
         "--set after[0].do=wait: after[0]: the list is empty: set it whole, as JSON"},
        {"expect[0].stream=x",
         "--set expect[0].stream=x: expect is an empty list: set it whole, as JSON"},
        {"name.x=5", "--set name.x=5: name has nothing inside"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct error err = {0};
        cJSON *tree = json_parse(tree_json, strlen(tree_json), NULL);
        if (setting_apply(tree, experiment_shape(), rows[i].assignment, &err) == 0)
            fail_msg("%s was taken", rows[i].assignment);
        assert_string_equal(err.text, rows[i].message);
        cJSON_Delete(tree);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(assignments_change_the_tree),
        cmocka_unit_test(a_quoted_step_may_have_dots),
        cmocka_unit_test(mistakes_name_what_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
