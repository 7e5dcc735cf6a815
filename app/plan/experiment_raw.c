/* The key "raw" of a stream: the frames that it sends. */
#include <string.h>

#include "plan/experiment_priv.h"

#define RANGE_WANT "a range of addresses must not leave their last 4 bytes"

enum {
    ADDRESSES_MAX = 1 << 24,
    PORTS_MAX = UINT16_MAX,
    FRAME_MIN = 64,   /* With FCS. */
    FRAME_MAX = 1518, /* The same. */
    FRAME_MIN_V6 = 82 /* Headers and the mark. */
};

static int read_source(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_source(const void *object, const void *context);
static int read_source_port(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_source_port(const void *object, const void *context);

static const struct reader_word field_words[] = {
    {"sources", EXPERIMENT_RAW_SOURCES},
    {"destinations", EXPERIMENT_RAW_DESTINATIONS},
    {"sourcePorts", EXPERIMENT_RAW_SOURCE_PORTS},
    {"destinationPorts", EXPERIMENT_RAW_DESTINATION_PORTS},
    {NULL, 0},
};

#define AT(member) offsetof(struct experiment_raw, member)
#define COUNT(name, field, most)                                                                   \
    {                                                                                              \
        .key = (name), .type = READER_COUNT, .offset = AT(counts[EXPERIMENT_RAW_##field]),         \
        .min = 1, .max = (most), .otherwise = "1"                                                  \
    }

static const struct reader_field size_item = {
    .key = "", .type = READER_COUNT, .min = FRAME_MIN, .max = FRAME_MAX};

static const struct reader_field raw_fields[] = {
    {.key = "source",
     .type = READER_CUSTOM,
     .read = read_source,
     .print = print_source,
     .want = "an IP address"},
    COUNT("sources", SOURCES, ADDRESSES_MAX),
    {.key = "sourcePort",
     .type = READER_CUSTOM,
     .read = read_source_port,
     .print = print_source_port,
     .want = "a port from 1 to 65535"},
    COUNT("sourcePorts", SOURCE_PORTS, PORTS_MAX),
    COUNT("destinations", DESTINATIONS, ADDRESSES_MAX),
    COUNT("destinationPorts", DESTINATION_PORTS, PORTS_MAX),
    {.key = "random",
     .type = READER_WORDS,
     .offset = AT(random),
     .otherwise = "0",
     .words = field_words},
    {.key = "sizes",
     .type = READER_LIST,
     .offset = AT(sizes),
     .required = true,
     .min = 1,
     .max = EXPERIMENT_SIZES_MAX,
     .item = &size_item,
     .item_bytes = sizeof(uint32_t),
     .count_offset = AT(size_count)},
    {.key = "foreignSources", .type = READER_BOOL, .offset = AT(foreign_sources)},
    {.key = NULL},
};
const struct reader_object experiment_raw_object = {"raw", raw_fields, NULL, NULL};

/* COUNT addresses from FIRST on differ in their last 4 bytes alone. */
static bool stays(const struct address *first, uint32_t count)
{
    struct address last = address_plus(*first, count - 1);

    return memcmp(first->bytes, last.bytes, 12) == 0 &&
           memcmp(first->bytes + 12, last.bytes + 12, 4) <= 0;
}

int experiment_check_raw(struct reader *reader, struct experiment_stream *stream)
{
    struct experiment_raw *raw = &stream->raw;
    const struct experiment_target *target = &stream->target;
    bool v4 = target->family == EXPERIMENT_IPV4;
    uint32_t ports = raw->counts[EXPERIMENT_RAW_DESTINATION_PORTS];

    if (raw->source_given && address_is_v4(&raw->source) != v4)
        return reader_refuse(reader, "raw.source: is not of the target's family");
    if (raw->source_given && !stays(&raw->source, raw->counts[EXPERIMENT_RAW_SOURCES]))
        return reader_refuse(reader, "raw.sources: %s", RANGE_WANT);
    if (target->via == EXPERIMENT_VIA_STATIC &&
        !stays(&target->address, raw->counts[EXPERIMENT_RAW_DESTINATIONS]))
        return reader_refuse(reader, "raw.destinations: %s", RANGE_WANT);
    if (raw->foreign_sources && !raw->source_given)
        return reader_refuse(reader, "raw.foreignSources: there is no \"source\" to be foreign");
    if (raw->source_port == 0)
        raw->source_port = 1024;
    if (raw->counts[EXPERIMENT_RAW_SOURCE_PORTS] - 1 > PORTS_MAX - (uint32_t)raw->source_port)
        return reader_refuse(reader, "raw.sourcePorts: %u from %u on go beyond 65535",
                             raw->counts[EXPERIMENT_RAW_SOURCE_PORTS], raw->source_port);
    if (target->via == EXPERIMENT_VIA_STATIC && ports - 1 > PORTS_MAX - (uint32_t)target->port)
        return reader_refuse(reader, "raw.destinationPorts: %u from %u on go beyond 65535", ports,
                             target->port);
    for (uint32_t i = 0; i < raw->size_count && !v4; i++)
        if (raw->sizes[i] < FRAME_MIN_V6)
            return reader_refuse(reader, "raw.sizes[%u]: got %u, want %d to %d for IPv6", i,
                                 raw->sizes[i], FRAME_MIN_V6, FRAME_MAX);
    return 0;
}

static int read_source(struct reader *reader, const cJSON *item, void *object)
{
    struct experiment_raw *raw = object;

    raw->source_given = true;
    return reader_read_address(reader, item, &raw->source);
}

static cJSON *print_source(const void *object, const void *context)
{
    const struct experiment_raw *raw = object;

    return raw->source_given ? reader_print_address(&raw->source, context) : NULL;
}

static int read_source_port(struct reader *reader, const cJSON *item, void *object)
{
    if (!cJSON_IsNumber(item) || item->valuedouble < 1 || item->valuedouble > PORTS_MAX ||
        item->valuedouble != (double)item->valueint)
        return reader_want(reader, item, "a port from 1 to 65535");
    ((struct experiment_raw *)object)->source_port = (uint16_t)item->valueint;
    return 0;
}

static cJSON *print_source_port(const void *object, const void *context)
{
    (void)context;
    return cJSON_CreateNumber(((const struct experiment_raw *)object)->source_port);
}
