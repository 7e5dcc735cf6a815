#include "traffic/pattern.h"

#include "traffic/closed.h"
#include "traffic/echo.h"
#include "traffic/held.h"
#include "traffic/open.h"
#include "traffic/raw.h"

const struct pattern *const patterns[TRAFFIC_PATTERN_COUNT] = {
    [TRAFFIC_HELD] = &held_pattern,     [TRAFFIC_OPEN] = &open_pattern,
    [TRAFFIC_CLOSED] = &closed_pattern, [TRAFFIC_ECHO] = &echo_pattern,
    [TRAFFIC_ONE_WAY] = &raw_pattern,
};
