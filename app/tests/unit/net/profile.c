/* Usage: DIRECTORY of the profiles. */
#include "net/profile.h"

#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

static const char *directory;

static const char whole[] =
    "{\"version\": 1, \"name\": \"x\", \"summary\": \"An example.\", \"driver\": \"af_xdp\","
    " \"device\": {\"kind\": \"netdev\", \"bind\": \"Nothing.\", \"needsRoot\": true},"
    " \"vdev\": {\"name\": \"net_af_xdp\", \"arguments\": \"iface={device}\"},"
    " \"queues\": {\"max\": 4, \"rxDescriptors\": 2048, \"txDescriptors\": 1024},"
    " \"offloads\": {\"checksum\": true}, \"steering\": \"rss\", \"pacing\": \"software\","
    " \"limits\": {\"mtuBytes\": 3498, \"maxPps\": 20000000}, \"fallback\": \"af_packet\"}";

static void test_every_profile_of_the_tree(void **state)
{
    (void)state;
    char pattern[512];
    glob_t found;
    snprintf(pattern, sizeof(pattern), "%s/*.json", directory);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 8);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char name[64];
        struct profile profile;
        struct profile fallback;
        struct error err = {0};
        const char *base = strrchr(found.gl_pathv[i], '/') + 1;
        snprintf(name, sizeof(name), "%.*s", (int)(strlen(base) - 5), base);
        if (profile_load(directory, name, &profile, &err) < 0)
            fail_msg("%s", err.text);
        assert_string_equal(profile.name, name);
        if (profile.fallback[0] != '\0')
            assert_int_equal(profile_load(directory, profile.fallback, &fallback, &err), 0);
    }
    globfree(&found);
}

static void test_all_values(void **state)
{
    (void)state;
    struct profile profile;
    struct error err = {0};
    assert_int_equal(profile_parse("x.json", whole, &profile, &err), 0);
    assert_string_equal(profile.name, "x");
    assert_string_equal(profile_driver_name(profile.driver), "af_xdp");
    assert_int_equal(profile.device, PROFILE_DEVICE_NETDEV);
    assert_true(profile.needs_root);
    assert_string_equal(profile.vdev, "net_af_xdp");
    assert_string_equal(profile.args, "iface={device}");
    assert_int_equal(profile.queues_max, 4);
    assert_int_equal(profile.rx_descriptors, 2048);
    assert_int_equal(profile.tx_descriptors, 1024);
    assert_true(profile.checksum_offload);
    assert_true(profile.rss);
    assert_int_equal(profile.mtu_max_bytes, 3498);
    assert_int_equal(profile.max_pps, 20000000);
    assert_string_equal(profile.fallback, "af_packet");
}

/* In the example above FIND is replaced by PUT; the text must have WANTED. */
static void test_what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *find;
        const char *put;
        const char *wanted;
    } rows[] = {
        {"\"summary\"", "\"sumary\"", "x.json: sumary: unknown key"},
        {"\"kind\"", "\"sort\"", "x.json: device.sort: unknown key"},
        {"\"version\": 1", "\"version\": 2", "version: must be an integer of 1 to 1"},
        {"\"name\": \"x\", ", "", "name: is missing"},
        {"\"name\": \"x\"", "\"name\": 7", "name: must be a text"},
        {"\"driver\": \"af_xdp\"", "\"driver\": \"e1000\"", "driver: must be \"af_xdp\", "},
        {"\"netdev\"", "\"cable\"",
         "device.kind: must be \"netdev\", \"name\", \"path\" or \"pci\""},
        {"\"rss\"", "\"maybe\"", "steering: must be \"none\" or \"rss\""},
        {"\"max\": 4", "\"max\": 0", "queues.max: must be an integer of 1 to 16"},
        {"\"max\": 4", "\"max\": 1.5", "queues.max: must be an integer of 1 to 16"},
        {"\"max\": 4", "\"max\": \"4\"", "queues.max: must be an integer"},
        {"\"max\": 4", "\"max\": 4, \"max\": 4", "queues.max: is there twice"},
        {"3498", "1e300", "limits.mtuBytes: must be an integer of 576 to 9978"},
        {"\"needsRoot\": true", "\"needsRoot\": 1", "device.needsRoot: must be true or false"},
        {"{\"checksum\": true}", "true", "offloads: must be an object"},
        {"\"name\": \"net_af_xdp\", ", "", "vdev.name: is missing"},
        {"}}", "", "x.json: line 1, column "},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct text json = {0};
        struct profile profile = {.queues_max = 77};
        struct error err = {0};
        const char *at = strstr(whole, rows[i].find);
        if (at == NULL)
            at = whole + strlen(whole) - 1; /* The last byte. */
        text_add_bytes(&json, whole, (size_t)(at - whole));
        text_add(&json, rows[i].put);
        if (strncmp(at, rows[i].find, strlen(rows[i].find)) == 0)
            text_add(&json, at + strlen(rows[i].find));
        assert_int_equal(profile_parse("x.json", text_str(&json), &profile, &err), -EINVAL);
        if (strstr(err.text, rows[i].wanted) == NULL)
            fail_msg("\"%s\" without \"%s\"", err.text, rows[i].wanted);
        assert_int_equal(profile.queues_max, 77); /* Untouched. */
        text_free(&json);
    }
}

static void test_an_unknown_profile_lists_the_known(void **state)
{
    (void)state;
    struct profile profile;
    struct error err = {0};
    assert_int_equal(profile_load(directory, "../af_xdp", &profile, &err), -ENOENT);
    assert_non_null(strstr(err.text, "no driver profile \"../af_xdp\""));
    assert_non_null(strstr(err.text, "virtio-user"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_profile_of_the_tree),
        cmocka_unit_test(test_all_values),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_an_unknown_profile_lists_the_known),
    };
    directory = argc > 1 ? argv[1] : "drivers-cfg";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
