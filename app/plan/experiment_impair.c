/* The key "impair": a network that is worse than it is. */
#include "plan/experiment_priv.h"

#define AT(member) offsetof(struct experiment_impairment, member)
#define PPM(name, member)                                                                          \
    {                                                                                              \
        .key = (name), .type = READER_COUNT, .offset = AT(member), .max = 1000000,                 \
        .otherwise = "0"                                                                           \
    }

static const struct reader_field impairment_fields[] = {
    PPM("dropPpm", drop_ppm),
    PPM("flipPpm", flip_ppm),
    PPM("duplicatePpm", duplicate_ppm),
    PPM("delayPpm", delay_ppm),
    PPM("reorderPpm", reorder_ppm),
    {.key = "delay",
     .type = READER_DURATION,
     .offset = AT(delay_ns),
     .max = 10e9,
     .otherwise = "5ms"},
    {.key = "distance",
     .type = READER_COUNT,
     .offset = AT(distance),
     .min = 1,
     .max = 1000,
     .otherwise = "3"},
    {.key = NULL},
};
static const struct reader_object impairment_object = {"an impairment", impairment_fields, NULL,
                                                       NULL};

static const struct reader_field impair_fields[] = {
    {.key = "receive",
     .type = READER_OBJECT,
     .offset = offsetof(struct experiment_impair, receive),
     .object = &impairment_object},
    {.key = "send",
     .type = READER_OBJECT,
     .offset = offsetof(struct experiment_impair, send),
     .object = &impairment_object},
    {.key = NULL},
};
const struct reader_object experiment_impair_object = {"impair", impair_fields, NULL, NULL};
