/* A NIC's clock, stamps and sending on time, held against the loop. For who has such NICs:
 *
 *     SEAMLINE_DEVICE="0000:3b:00.0 0000:3b:00.1" meson test -C build --suite device --verbose
 *
 * Two NIC ports that are cabled to each other, bound as docs/drivers.md says; or one, whose clock alone
 * is measured. SEAMLINE_DEVICE_PROFILE names their driver's profile, "pci" unless said. Figures are
 * printed. It fails for a stamp that is not between sending and poll, for frames that bear none, and for
 * a clock that jumps. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/net_setup.h"
#include "net/nic_clock.h"
#include "net/wire.h"

#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)

enum {
    SKIPPED = 77, /* For meson. */
    DEVICES = 2,
    DATAGRAMS = 1000,
    UDP_BYTES = 64
};

static struct clock run_clock;
static struct net_port *ports[DEVICES];
static unsigned count;
static unsigned failures;

/* Of one datagram, in the run's time. */
static struct sample {
    int64_t flight_ns; /* From its sending to its arrival. */
    int64_t wait_ns;   /* From there to the poll that found it. */
} samples[DATAGRAMS];

static void expect(bool holds, const char *what)
{
    if (holds)
        return;
    printf("FAILED: %s\n", what);
    failures++;
}

static void give_up(const char *text)
{
    printf("%s\n", text);
    exit(1);
}

static const char *name_of(unsigned device)
{
    static const char *const names[DEVICES] = {"first", "second"};
    return names[device];
}

/* One turn of DEVICE; the time of its poll. True when it found a datagram: *PACKET, to be freed. */
static bool turn(unsigned device, struct net_packet *packet, uint64_t *now_ns)
{
    struct net_port *port = ports[device];
    net_poll(port);
    *now_ns = clock_now_ns(&run_clock);
    bool found = net_rx(port, *now_ns, packet, 1) == 1;
    net_tick(port, *now_ns);
    net_tx_room(port);
    net_tx_flush(port);
    return found;
}

static void turn_all(uint64_t duration_ns)
{
    struct net_packet packet;
    uint64_t now_ns, end_ns = clock_now_ns(&run_clock) + duration_ns;
    while (clock_now_ns(&run_clock) < end_ns)
        for (unsigned i = 0; i < count; i++)
            if (turn(i, &packet, &now_ns))
                net_free(ports[i], &packet);
}

static struct address address(const char *text)
{
    struct address parsed = {0};
    address_parse(text, &parsed, NULL);
    return parsed;
}

/* Of RFC 2544's range for tests. */
static void open_device(const char *device, const char *profile)
{
    static const char *const pools[DEVICES] = {"198.18.0.0/24", "198.18.1.0/24"};
    const char *drivers = getenv("SEAMLINE_DRIVERS");
    struct net_port_config config = {
        .name = name_of(count), .profile = profile, .device = device, .pool_count = 1};
    struct error err = {0};
    prefix_parse(pools[count], &config.pools[0], &err);
    if (net_port_open(&config, drivers, &ports[count], NULL, &err) < 0)
        give_up(err.text);
    net_port_clock(ports[count], &run_clock);
    printf("%s port, %s: arrivals are stamped by the %s, datagrams sent on time by the %s\n",
           name_of(count), device, net_port_stamps_arrivals(ports[count]) ? "NIC" : "poll",
           net_port_sends_on_time(ports[count]) ? "NIC" : "worker");
    count++;
}

static void open_all(char *devices, const char *profile)
{
    struct net_eal_config eal = {.main_core = -1};
    struct error err = {0};
    char *words[DEVICES], *place = NULL;
    unsigned word_count = 0;
    for (char *word = strtok_r(devices, " ", &place); word != NULL && word_count < DEVICES;
         word = strtok_r(NULL, " ", &place)) {
        words[word_count++] = word;
        if (strchr(word, ':') != NULL)
            eal.pci[eal.pci_count++] = word;
    }
    clock_start(&run_clock, 200 * MS);
    if (net_eal_start(&eal, NULL, &err) < 0)
        give_up(err.text);
    for (unsigned i = 0; i < word_count; i++)
        open_device(words[i], profile);
}

static void resolve(void)
{
    struct error err = {0};
    const struct address hop = address("198.18.1.1");
    if (net_group_add(ports[0], &hop, 1, &err) < 0)
        give_up(err.text);
    for (unsigned i = 0; i < 100 && net_hop_state(ports[0], 0) != NET_HOP_RESOLVED; i++)
        turn_all(100 * MS);
    if (net_hop_state(ports[0], 0) != NET_HOP_RESOLVED)
        give_up("the second port does not answer the first one's ARP: are they cabled together?");
}

/* Begin a datagram from the first port to the second. */
static void begin_datagram(void)
{
    const struct tuple tuple = {.local = address("198.18.0.1"),
                                .remote = address("198.18.1.1"),
                                .local_port = 40000,
                                .remote_port = 5003,
                                .protocol = WIRE_UDP};
    const struct net_path path = net_path(ports[0], 0, &tuple);
    uint8_t *l4 = net_tx_begin(ports[0], &path, &tuple, UDP_BYTES, NULL);
    if (l4 == NULL)
        give_up("the first port takes nothing to send");
    memset(l4, 0, UDP_BYTES);
    wire_put16(l4, 40000);
    wire_put16(l4 + 2, 5003);
    wire_put16(l4 + 4, UDP_BYTES);
    net_tx_room(ports[0]);
}

/* At once, or ahead by half of what the NIC takes; returns when it is to leave. */
static uint64_t send_datagram(bool timed)
{
    begin_datagram();
    uint64_t now_ns = clock_now_ns(&run_clock);
    if (!timed) {
        net_tx_commit(ports[0]);
        net_tx_flush(ports[0]);
        return now_ns;
    }
    uint64_t at_ns = now_ns + net_tx_ahead_ns(ports[0]) / 2;
    net_tx_commit_at(ports[0], at_ns);
    net_tx_timed_flush(ports[0]);
    return at_ns;
}

/* True: it came within 10 ms. */
static bool fly(bool timed, struct sample *sample)
{
    struct net_packet packet;
    uint64_t now_ns, sent_ns = send_datagram(timed);
    do {
        uint64_t unused_ns;
        if (turn(0, &packet, &unused_ns))
            net_free(ports[0], &packet);
        if (turn(1, &packet, &now_ns)) {
            uint64_t bound_ns = packet.uncertainty_ns / 2;
            *sample = (struct sample){(int64_t)(packet.arrival_ns - bound_ns - sent_ns),
                                      (int64_t)(now_ns - packet.arrival_ns + bound_ns)};
            expect(packet.arrival_ns <= now_ns, "an arrival is not after its poll");
            expect(timed || packet.arrival_ns >= sent_ns, "an arrival is not before its sending");
            net_free(ports[1], &packet);
            return true;
        }
    } while (now_ns < sent_ns + 10 * MS);
    return false;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t print_figures(const char *what, size_t offset, unsigned number)
{
    static int64_t values[DATAGRAMS];
    for (unsigned i = 0; i < number; i++)
        memcpy(&values[i], (const char *)&samples[i] + offset, sizeof(values[i]));
    qsort(values, number, sizeof(values[0]), by_value);
    printf("  %s, ns: least %" PRId64 ", median %" PRId64 ", 99th %" PRId64 ", most %" PRId64 "\n",
           what, values[0], values[number / 2], values[number * 99 / 100], values[number - 1]);
    return values[number / 2];
}

static void measure(bool timed)
{
    const bool stamped = net_port_stamps_arrivals(ports[1]);
    const uint64_t before = net_counters(ports[1])->rx_stamps;
    unsigned number = 0;
    for (unsigned i = 0; i < DATAGRAMS; i++)
        number += fly(timed, &samples[number]);
    printf("%u of %d datagrams %s arrived, %" PRIu64 " with a stamp\n", number, DATAGRAMS,
           timed ? "with a time" : "sent at once", net_counters(ports[1])->rx_stamps - before);
    expect(number == DATAGRAMS, "all datagrams arrive");
    expect(!stamped || net_counters(ports[1])->rx_stamps - before == number, "all bear a stamp");
    if (number == 0)
        return;
    int64_t median_ns = print_figures(timed ? "from the due time to the arrival"
                                            : "from the hand-over to the arrival",
                                      offsetof(struct sample, flight_ns), number);
    print_figures("from the arrival to the poll", offsetof(struct sample, wait_ns), number);
    expect(!timed || !stamped || (median_ns > -20000 && median_ns < 20000),
           "the NIC sends within 20 us of the due time");
}

static void print_clock(unsigned device)
{
    const struct net_counters *counters = net_counters(ports[device]);
    printf("%s port's clock: wrong by at most %" PRIu64 " ns, set %" PRIu64
           " times, unreadable %" PRIu64 " times; %" PRIu64 " stamps that cannot be\n",
           name_of(device), counters->clock_bound_ns, counters->clock_jumps,
           counters->clock_failures, counters->rx_stamps_refused);
    expect(counters->clock_jumps == 0, "the clock is not set");
    expect(counters->clock_failures == 0, "the clock can always be read");
    expect(counters->rx_stamps_refused == 0, "all stamps can be");
}

int main(void)
{
    const char *devices = getenv("SEAMLINE_DEVICE"), *profile = getenv("SEAMLINE_DEVICE_PROFILE");
    bool any = false;
    if (devices == NULL || devices[0] == '\0') {
        printf("skipped: SEAMLINE_DEVICE is not set; give the PCI addresses of two NIC ports that "
               "stamp, cabled together: \"0000:3b:00.0 0000:3b:00.1\"\n");
        return SKIPPED;
    }
    char *words = strdup(devices);
    open_all(words, profile != NULL ? profile : "pci");
    for (unsigned i = 0; i < count; i++)
        any = any || net_port_stamps_arrivals(ports[i]) || net_port_sends_on_time(ports[i]);
    if (any) {
        turn_all(3 * S); /* The clocks become known. */
        if (count == DEVICES) {
            resolve();
            measure(false);
            if (net_tx_ahead_ns(ports[0]) > 0)
                measure(true);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        if (any)
            print_clock(i);
        net_port_close(ports[i]);
    }
    net_eal_stop();
    free(words);
    if (!any)
        printf("skipped: neither stamps what it receives nor sends on time\n");
    return failures > 0 ? 1 : any ? 0 : SKIPPED;
}
