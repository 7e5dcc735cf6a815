#include "tests/packets/config.h"

#include <stdlib.h>
#include <string.h>

#include "tests/packets/script.h"

static bool set_time(struct tcp_config *config, const char *name, const char *value);
static bool set_number(struct tcp_config *config, const char *name, const char *value);

struct tcp_config config_plain(void)
{
    struct tcp_config config = tcp_config_default(4);

    config.segments = 64;
    config.time_waits = 4;
    config.listeners = 2;
    config.half_opens = 4;
    config.chunks = 16;
    config.chunks_per_connection = 8;
    config.events = 64;
    config.replies = 16;
    config.tick_ns = 1000;
    config.user_timeout_ns = 0;
    config.fin_wait_2_ns = 0;
    config.window_bytes = 65535;
    config.timestamps = false;
    config.window_scale = false;
    config.sack = false;
    config.congestion = TCP_RENO;
    config.key = (struct hash_key){0x0706050403020100, 0x0f0e0d0c0b0a0908};
    return config;
}

bool config_set(struct tcp_config *config, const char *name, const char *value)
{
    return set_time(config, name, value) || set_number(config, name, value);
}

static bool set_time(struct tcp_config *config, const char *name, const char *value)
{
    const struct {
        const char *name;
        uint64_t *ns;
    } times[] = {{"tick", &config->tick_ns},
                 {"rto_initial", &config->rto_initial_ns},
                 {"rto_min", &config->rto_min_ns},
                 {"rto_max", &config->rto_max_ns},
                 {"syn_timeout", &config->syn_timeout_ns},
                 {"user_timeout", &config->user_timeout_ns},
                 {"fin_wait_2", &config->fin_wait_2_ns},
                 {"keep_alive", &config->keep_alive_ns},
                 {"keep_alive_interval", &config->keep_alive_interval_ns},
                 {"time_wait", &config->time_wait_ns},
                 {"delayed_ack", &config->delayed_ack_ns}};

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        if (strcmp(name, times[i].name) == 0)
            return script_time(value, times[i].ns);
    }
    return false;
}

static bool set_number(struct tcp_config *config, const char *name, const char *value)
{
    uint32_t number = (uint32_t)strtoul(value, NULL, 10);
    const struct {
        const char *name;
        uint32_t *value;
    } numbers[] = {{"connections", &config->connections},
                   {"actives", &config->actives},
                   {"addresses", &config->addresses},
                   {"segments", &config->segments},
                   {"segments_per_connection", &config->segments_per_connection},
                   {"time_waits", &config->time_waits},
                   {"listeners", &config->listeners},
                   {"half_opens", &config->half_opens},
                   {"chunks", &config->chunks},
                   {"chunks_per_connection", &config->chunks_per_connection},
                   {"events", &config->events},
                   {"replies", &config->replies},
                   {"syn_retries", &config->syn_retries},
                   {"keep_alive_probes", &config->keep_alive_probes},
                   {"syn_ack_retries", &config->syn_ack_retries},
                   {"window", &config->window_bytes},
                   {"challenge_acks", &config->challenge_acks_per_s}};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            *numbers[i].value = number;
            return true;
        }
    }
    if (strcmp(name, "initial_window") == 0)
        config->initial_window_segs = (uint8_t)number;
    else if (strcmp(name, "mtu") == 0)
        config->mtu_bytes = (uint16_t)number;
    else if (strcmp(name, "timestamps") == 0)
        config->timestamps = number != 0;
    else if (strcmp(name, "window_scale") == 0)
        config->window_scale = number != 0;
    else if (strcmp(name, "ecn") == 0)
        config->ecn = number != 0;
    else if (strcmp(name, "cubic") == 0)
        config->congestion = number != 0 ? TCP_CUBIC : TCP_RENO;
    else if (strcmp(name, "tell_acked") == 0)
        config->tell_acked = number != 0;
    else if (strcmp(name, "sack") == 0)
        config->sack = number != 0;
    else if (strcmp(name, "time_wait_reuse") == 0)
        config->time_wait_reuse = number != 0;
    else if (strcmp(name, "soft_icmp_ends_syn") == 0)
        config->soft_icmp_ends_syn = number != 0;
    else
        return strcmp(name, "ipv6") == 0;
    return true;
}
