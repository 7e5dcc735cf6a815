#include "kube/server_clock.h"

#define SECOND_NS INT64_C(1000000000)

enum {
    NARROW_NS = SERVER_CLOCK_TICK_NS + 5000000
};

void server_clock_add(struct server_clock *clock, int64_t sent_ns, int64_t received_ns,
                      int64_t date_ns)
{
    int64_t least_ns, most_ns;

    if (received_ns < sent_ns || date_ns < 0 || date_ns > INT64_MAX / 2)
        return;
    least_ns = date_ns - received_ns;
    most_ns = date_ns + SECOND_NS + SERVER_CLOCK_TICK_NS - sent_ns;
    if (clock->answers > 0 && (least_ns > clock->most_ns || most_ns < clock->least_ns)) {
        clock->answers = 0;
        clock->steps++;
    }
    if (clock->answers == 0) {
        clock->least_ns = least_ns;
        clock->most_ns = most_ns;
        clock->trip_ns = received_ns - sent_ns;
    }
    if (least_ns > clock->least_ns)
        clock->least_ns = least_ns;
    if (most_ns < clock->most_ns)
        clock->most_ns = most_ns;
    if (received_ns - sent_ns < clock->trip_ns)
        clock->trip_ns = received_ns - sent_ns;
    clock->answers++;
}

int64_t server_clock_best_ns(const struct server_clock *clock, int64_t now_ns)
{
    int64_t middle_ns = clock->least_ns + (clock->most_ns - clock->least_ns) / 2;
    /* Halfway between what the two answers would say: see the bounds. */
    int64_t theirs_ns = now_ns + middle_ns + (clock->trip_ns - SERVER_CLOCK_TICK_NS) / 2;
    int64_t past_ns = ((theirs_ns % SECOND_NS) + SECOND_NS) % SECOND_NS;

    return past_ns == 0 ? now_ns : now_ns + SECOND_NS - past_ns;
}

bool server_clock_is_narrow(const struct server_clock *clock)
{
    return clock->answers > 0 &&
           (clock->most_ns - clock->least_ns <= NARROW_NS ||
            clock->most_ns - clock->least_ns <= SERVER_CLOCK_TICK_NS + 2 * clock->trip_ns);
}
