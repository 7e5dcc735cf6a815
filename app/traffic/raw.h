/* raw.h - raw streams: frames from a template (template.h), sent and not answered.
 *
 * Slots are taken from the schedule when there is room for their frames, many at a time: what is
 * due waits there. A slot found later than `unsent_after_ns` is unsent. Each frame is numbered by
 * stream and sending worker, and whichever worker of the process receives it counts it:
 *
 *     lost = sent - received, over all workers
 *
 * once the last frames have had time to arrive: a stopped stream is drained `timeout_ns` later. A
 * frame is reordered or a duplicate as sequence.h says, by the numbers of its sender, of which a
 * receiver remembers RAW_WINDOW. With several 5-tuples the ways may differ, and so may the order;
 * with several receiving workers each sees a part of the numbers, which does no harm to the counts.
 *
 * A number is believed only below what its sender has reached, which each sender tells the others
 * of the process by a board; others are strangers. So nobody who forges a frame can push the
 * numbers that are remembered away from those under way.
 *
 * Threads: the owning worker; a board has one writer for each line, and all read. A sender stores,
 * before the frames leave, with release; a receiver loads with acquire, and only when a number is
 * beyond what it has seen before. Memory: taken in raw_setup.c.
 */
#ifndef TRAFFIC_RAW_H
#define TRAFFIC_RAW_H

#include "traffic/mark.h"
#include "traffic/pattern.h"

enum {
    RAW_WINDOW = 16384, /* Numbers of each sender that are remembered. */
    RAW_MARK_AT = 8     /* In the datagram: behind the UDP header. */
};

extern const struct pattern raw_pattern;

/* --- Slow path. --- */
/* Take the memory of STREAM. 0 or -ENOMEM. */
int raw_setup(struct traffic_stream *stream, uint8_t index, uint32_t worker, uint16_t run);
void raw_free(struct traffic_stream *stream);
/* What is wrong with CONFIG's template for a worker with CONFIG's pools; NULL: nothing. */
const char *raw_wrong(const struct traffic_config *config,
                      const struct traffic_stream_config *stream);

/* --- The owning worker. --- */
/* Take the slots of STREAM that are due now, at most MAX; of a maximum, MAX. */
void raw_take(struct traffic *traffic, struct traffic_stream *stream, uint16_t max, uint64_t now_ns,
              struct traffic_frames *frames);
/* Write FRAMES, and count them as sent. */
void raw_fill(struct traffic *traffic, const struct traffic_frames *frames, const uint8_t to[6],
              const uint8_t from[6], uint8_t *const at[], uint16_t bytes[], uint64_t now_ns);
/* A UDP datagram of BYTES. False: it is no frame of a raw stream of this run. */
bool raw_arrived(struct traffic *traffic, const uint8_t *l4, uint32_t bytes);

#endif
