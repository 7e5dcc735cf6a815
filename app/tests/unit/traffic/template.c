/* Raw frames: each one passes net's own parser, checksums and all, and has the fields that it
 * should. */
#include "traffic/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/frame.h"
#include "net/wire.h"

enum {
    FRAMES = 64,
    ROOM = 2048
};

static const uint8_t mac_to[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t mac_from[6] = {2, 0, 0, 0, 0, 2};

struct scene {
    struct template template;
    struct own own;
    struct frame_rules rules;
    uint8_t room[FRAMES][ROOM];
    uint8_t *frames[FRAMES];
    uint16_t bytes[FRAMES];
};

static struct template_config config_of(const char *source, const char *destination)
{
    struct template_config config = {
        .source_port = 1000,
        .destination_port = 2000,
        .size_bytes = {64},
        .size_count = 1,
        .seed = 7,
        .mark = {.kind = MARK_RAW, .run = 3, .worker = 4, .stream = 5}};
    assert_int_equal(address_parse(source, &config.source, NULL), 0);
    assert_int_equal(address_parse(destination, &config.destination, NULL), 0);
    return config;
}

/* The receiver owns all that the frames may go to. */
static struct scene *scene_of(const struct template_config *config)
{
    static struct scene scene;
    memset(&scene, 0, sizeof(scene));
    bool v4 = address_is_v4(&config->destination);
    struct prefix pool;
    assert_int_equal(prefix_parse(v4 ? "10.9.0.0/16" : "fd00:9::/64", &pool, NULL), 0);
    assert_true(own_add(&scene.own, &pool));
    scene.rules = (struct frame_rules){.own = &scene.own, .vlan_id = config->vlan_id};
    memcpy(scene.rules.mac, mac_to, 6);
    template_init(&scene.template, config);
    template_ethernet(&scene.template, mac_to, mac_from);
    for (unsigned i = 0; i < FRAMES; i++)
        scene.frames[i] = scene.room[i];
    memset(scene.room, 0xee, sizeof(scene.room));
    return &scene;
}

static struct frame parsed(const struct scene *scene, unsigned i)
{
    struct frame frame;
    frame_parse(scene->frames[i], scene->bytes[i], &scene->rules, (struct frame_checked){0},
                &frame);
    assert_int_equal(frame.kind, FRAME_UDP);
    assert_true(frame.checked_here);
    return frame;
}

static uint32_t low32(const struct address *address)
{
    return wire_get32(address->bytes + 12);
}

/* The smallest frame has all of its mark, and the next call goes on where the last one ended. */
static void fixed_frames_differ_by_number_only(void **state)
{
    (void)state;
    struct template_config config = config_of("10.0.0.1", "10.9.0.1");
    config.mark.sequence = UINT64_C(0xfffffffe);
    struct scene *scene = scene_of(&config);
    for (unsigned round = 0; round < 2; round++) {
        template_fill(&scene->template, scene->frames, scene->bytes, FRAMES);
        for (unsigned i = 0; i < FRAMES; i++) {
            struct mark mark;
            struct frame frame = parsed(scene, i);
            assert_int_equal(scene->bytes[i], 60);
            assert_memory_equal(frame.mac, mac_from, 6);
            assert_true(address_equal(&frame.source, &config.source));
            assert_true(address_equal(&frame.destination, &config.destination));
            assert_int_equal(wire_get16(frame.l4), 1000);
            assert_int_equal(wire_get16(frame.l4 + 2), 2000);
            assert_true(mark_read(frame.l4 + 8, MARK_RAW, &mark));
            assert_int_equal(mark.run, 3);
            assert_int_equal(mark.worker, 4);
            assert_int_equal(mark.stream, 5);
            assert_int_equal(mark.sequence, UINT64_C(0xfffffffe) + round * FRAMES + i);
            for (unsigned b = 24; b < frame.l4_bytes; b++)
                assert_int_equal(frame.l4[b], 0);
        }
    }
}

/* Each field goes round its own range. */
static void ranges_go_round(void **state)
{
    (void)state;
    static const char *const ends[][2] = {{"10.0.0.250", "10.9.0.254"},
                                          {"fd00::fffe", "fd00:9::1"}};
    for (unsigned family = 0; family < 2; family++) {
        struct template_config config = config_of(ends[family][0], ends[family][1]);
        config.size_bytes[0] = template_size_min(&config.destination, 0);
        config.counts[TEMPLATE_SOURCE] = 9;
        config.counts[TEMPLATE_DESTINATION] = 4;
        config.counts[TEMPLATE_SOURCE_PORT] = 64536;
        config.counts[TEMPLATE_DESTINATION_PORT] = 2;
        struct scene *scene = scene_of(&config);
        template_fill(&scene->template, scene->frames, scene->bytes, FRAMES);
        for (unsigned i = 0; i < FRAMES; i++) {
            struct frame frame = parsed(scene, i);
            assert_int_equal(low32(&frame.source) - low32(&config.source), i % 9);
            assert_int_equal(low32(&frame.destination) - low32(&config.destination), i % 4);
            assert_int_equal(wire_get16(frame.l4), 1000 + i);
            assert_int_equal(wire_get16(frame.l4 + 2), 2000 + i % 2);
        }
    }
}

/* The same seed gives the same frames, and all values of a small range come up. */
static void random_fields_stay_in_range(void **state)
{
    (void)state;
    struct template_config config = config_of("10.0.0.1", "10.9.1.0");
    config.counts[TEMPLATE_DESTINATION] = 4;
    config.random[TEMPLATE_DESTINATION] = true;
    config.counts[TEMPLATE_SOURCE_PORT] = 1000;
    config.random[TEMPLATE_SOURCE_PORT] = true;
    uint32_t first[FRAMES], seen = 0;
    for (unsigned round = 0; round < 2; round++) {
        struct scene *scene = scene_of(&config);
        template_fill(&scene->template, scene->frames, scene->bytes, FRAMES);
        for (unsigned i = 0; i < FRAMES; i++) {
            struct frame frame = parsed(scene, i);
            uint32_t value = low32(&frame.destination) - low32(&config.destination);
            assert_in_range(value, 0, 3);
            assert_in_range(wire_get16(frame.l4), 1000, 1999);
            seen |= 1u << value;
            if (round == 1)
                assert_int_equal(first[i], value << 16 | wire_get16(frame.l4));
            first[i] = value << 16 | wire_get16(frame.l4);
        }
    }
    assert_int_equal(seen, 15);
}

/* A list of sizes, the largest among them, in buffers that held something else. */
static void sizes_are_taken_in_turn(void **state)
{
    (void)state;
    static const char *const ends[][2] = {{"10.0.0.1", "10.9.0.1"}, {"fd00::1", "fd00:9::1"}};
    static const uint16_t sizes[] = {90, 1518, 594, 128, 132, 133};
    for (unsigned variant = 0; variant < 4; variant++) {
        struct template_config config = config_of(ends[variant / 2][0], ends[variant / 2][1]);
        config.vlan_id = variant % 2 == 0 ? 0 : 77;
        config.size_count = 6;
        memcpy(config.size_bytes, sizes, sizeof(sizes));
        struct scene *scene = scene_of(&config);
        template_fill(&scene->template, scene->frames, scene->bytes, FRAMES);
        for (unsigned i = 0; i < FRAMES; i++) {
            struct frame frame = parsed(scene, i);
            assert_int_equal(scene->bytes[i], sizes[i % 6] - 4);
            assert_int_equal(frame.l4 + frame.l4_bytes - scene->frames[i], sizes[i % 6] - 4);
            for (unsigned b = 24; b < frame.l4_bytes; b++)
                assert_int_equal(frame.l4[b], 0);
        }
    }
}

static void smallest_sizes(void **state)
{
    (void)state;
    struct template_config v4 = config_of("10.0.0.1", "10.9.0.1");
    struct template_config v6 = config_of("fd00::1", "fd00:9::1");
    assert_int_equal(template_size_min(&v4.destination, 0), 64);
    assert_int_equal(template_size_min(&v4.destination, 5), 66);
    assert_int_equal(template_size_min(&v6.destination, 0), 82);
    assert_int_equal(template_size_min(&v6.destination, 5), 86);
}

/* A UDP checksum that comes out as 0 is sent as all ones: RFC 768. Among 70,000 numbers in a row
 * there is one. */
static void no_checksum_of_zero(void **state)
{
    (void)state;
    struct template_config config = config_of("10.0.0.1", "10.9.0.1");
    struct scene *scene = scene_of(&config);
    unsigned ones = 0;
    for (unsigned round = 0; round < 70000 / FRAMES; round++) {
        template_fill(&scene->template, scene->frames, scene->bytes, FRAMES);
        for (unsigned i = 0; i < FRAMES; i++) {
            uint16_t checksum = wire_get16(parsed(scene, i).l4 + 6);
            assert_int_not_equal(checksum, 0);
            ones += checksum == 0xffff;
        }
    }
    assert_true(ones > 0);
}

static void echo_mark_comes_back(void **state)
{
    (void)state;
    uint8_t bytes[MARK_ECHO_BYTES];
    struct mark back, mark = {.kind = MARK_ECHO,
                              .run = 0xabcd,
                              .worker = 255,
                              .stream = 15,
                              .sequence = UINT64_C(0x0123456789abcdef),
                              .flow = 0xfedcba98,
                              .sent_ns = UINT64_C(0x1122334455667788)};
    mark_write(&mark, bytes);
    assert_true(mark_read(bytes, MARK_ECHO, &back));
    assert_int_equal(back.run, mark.run);
    assert_int_equal(back.worker, mark.worker);
    assert_int_equal(back.stream, mark.stream);
    assert_int_equal(back.sequence, mark.sequence);
    assert_int_equal(back.flow, mark.flow);
    assert_int_equal(back.sent_ns, mark.sent_ns);
    assert_false(mark_read(bytes, MARK_RAW, &back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_frames_differ_by_number_only),
        cmocka_unit_test(ranges_go_round),
        cmocka_unit_test(random_fields_stay_in_range),
        cmocka_unit_test(sizes_are_taken_in_turn),
        cmocka_unit_test(smallest_sizes),
        cmocka_unit_test(no_checksum_of_zero),
        cmocka_unit_test(echo_mark_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
