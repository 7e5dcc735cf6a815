/* The key "rate" of a stream: what it may count, and how many bits a request has. */
#include <string.h>

#include "plan/experiment_priv.h"
#include "plan/quantity.h"

enum {
    LINE_BYTES = 20 /* Of a frame, beside itself: preamble, delimiter and gap (IEEE 802.3 4.4.2). */
};

static int refuse_unit(struct reader *reader, const struct experiment_stream *stream);

/* A bare number is refused: of what, in what time? */
int experiment_read_rate(struct reader *reader, const cJSON *item, void *object)
{
    struct experiment_stream *stream = object;
    const char *text = cJSON_GetStringValue(item);
    struct error err = {0};

    if (cJSON_IsObject(item)) {
        reader_defaults(&pace_object, &stream->pace);
        return reader_fill(reader, &pace_object, item, &stream->pace);
    }
    if (text == NULL || strspn(text, "0123456789.kMG") == strlen(text))
        return reader_want(reader, item, EXPERIMENT_RATE_WANT);
    if (pace_parse(text, &stream->pace, &err) == 0)
        return 0;
    if (strchr(text, ':') != NULL)
        return reader_refuse(reader, "%s", err.text);
    return reader_want(reader, item, EXPERIMENT_RATE_WANT);
}

cJSON *experiment_print_rate(const void *object, const void *context)
{
    const struct experiment_stream *stream = object;
    char text[QUANTITY_TEXT_BYTES];

    if (!pace_is_plain(&stream->pace))
        return reader_print(&pace_object, &stream->pace, context);
    return cJSON_CreateString(quantity_rate_text(stream->pace.rate_per_s, text));
}

/* A request is a packet where nothing else is sent for it, and a connection where it has one of its
 * own. */
static bool has_unit(const struct experiment_stream *stream)
{
    bool raw = stream->protocol == EXPERIMENT_PROTOCOL_RAW;
    bool datagrams = experiment_is_datagrams(stream);

    switch (stream->pace.unit) {
    case PACE_REQUESTS: return true;
    case PACE_PACKETS: return raw || datagrams;
    case PACE_CONNECTIONS:
        return stream->mode == EXPERIMENT_MODE_OPEN && !stream->keep_alive && !raw && !datagrams;
    case PACE_BITS: return raw || datagrams || stream->protocol == EXPERIMENT_PROTOCOL_CTRAFFIC;
    case PACE_L1_BITS: return raw;
    }
    return false;
}

/* Sizes are sent in turn: so many frames have so many bits. */
static void set_bits(struct experiment_stream *stream)
{
    struct pace *pace = &stream->pace;
    const struct experiment_raw *raw = &stream->raw;
    uint32_t more = pace->unit == PACE_L1_BITS ? LINE_BYTES : 0;

    pace->request_bits = 8 * stream->size_bytes;
    pace->request_count = 1;
    if (stream->protocol != EXPERIMENT_PROTOCOL_RAW)
        return;
    pace->request_bits = 0;
    pace->request_count = raw->size_count;
    for (uint32_t i = 0; i < raw->size_count; i++)
        pace->request_bits += 8 * (raw->sizes[i] + more);
}

int experiment_check_rate(struct reader *reader, struct experiment_stream *stream)
{
    bool closed = stream->mode == EXPERIMENT_MODE_CLOSED;
    bool raw = stream->protocol == EXPERIMENT_PROTOCOL_RAW;
    const uint32_t *list;
    uint32_t turns;

    if (stream->pace.law == PACE_MAXIMUM && !raw)
        return reader_refuse(reader,
                             "rate: a maximum is for \"raw\", which nobody answers; want a rate%s",
                             experiment_is_datagrams(stream)
                                 ? " such as \"10kpps\""
                                 : ", or no rate and mode \"closed\": as fast as answers come");
    if (stream->pace.law == PACE_MAXIMUM && stream->turns > 1)
        return reader_refuse(reader, "turns: a maximum is nothing to take turns at");
    if (!closed && !has_unit(stream))
        return refuse_unit(reader, stream);
    set_bits(stream);
    turns = experiment_turns(stream, &list);
    stream->rate_per_s = closed ? 0 : pace_peak(&stream->pace) * turns / stream->turns;
    if (stream->rate_per_s > 1e9)
        return reader_refuse(reader, "rate: want no more than 1000M requests a second");
    return 0;
}

static int refuse_unit(struct reader *reader, const struct experiment_stream *stream)
{
    const char *word = experiment_protocol_word(stream->protocol);

    switch (stream->pace.unit) {
    case PACE_PACKETS:
        return reader_refuse(
            reader,
            "rate: how many packets a request of \"%s\" takes is not known before; "
            "want requests, such as \"400/s\"",
            word);
    case PACE_CONNECTIONS:
        return reader_refuse(
            reader,
            "rate: \"%s\" opens no connection for each request%s; want requests, "
            "such as \"400/s\"",
            word, experiment_is_http(stream) ? " unless mode is \"open\" and keepAlive false" : "");
    case PACE_L1_BITS:
        return reader_refuse(reader,
                             "rate: only frames of \"raw\" are known down to the line (L1); want "
                             "requests, such as \"400/s\"%s",
                             stream->protocol == EXPERIMENT_PROTOCOL_CTRAFFIC ||
                                     experiment_is_datagrams(stream)
                                 ? ", or bits of payload, such as \"100Mbit/s\""
                                 : "");
    default:
        return reader_refuse(reader,
                             "rate: \"%s\" carries no bits that are known; want requests, such as "
                             "\"400/s\"",
                             word);
    }
}
