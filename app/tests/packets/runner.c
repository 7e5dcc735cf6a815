/* runner.c - runs packet scripts against the stack in virtual time: exact, no tolerance.
 *
 *     runner SCRIPT.pkt...        TAP, one test a script
 *
 * Time stands still but for the scripts' lines and the stack's own timers, each of which is run
 * at its very moment. All that the stack sends must be expected by a ">" line with that time,
 * all events but "acked" by a "!", before the next thing is done to it. A script ends with
 * everything given back.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tcp/tcp.h"
#include "tcp/tcp_header.h"
#include "tcp/tcp_isn.h"
#include "tests/packets/config.h"
#include "tests/packets/script.h"

enum {
    CONNS_MAX = 8,
    PACKETS_MAX = 512,
    NOTES_MAX = 512,
    OUTPUT_MAX = 64,
    PEER_ISN = -200, /* So that the peer's sequence numbers wrap in most scripts. */
    FIRST_PORT = 40000,
    FIRST_REMOTE_PORT = 5003,
    LOCAL_PORTS = 4, /* Connection 4 has the local port of connection 0, and another peer. */
};

struct conn {
    tcp_conn handle;
    struct tuple tuple;
    uint32_t iss;
};

/* Something that was sent. */
struct packet {
    uint64_t at_ns;
    struct tcp_descriptor descriptor;
};

struct run {
    struct tcp *tcp;
    struct tcp_config config;
    const struct script_line *line;
    uint64_t now_ns;
    uint8_t ecn;     /* Of the next packet to be received. */
    uint32_t budget; /* Descriptors a pull. */
    bool hold;       /* Leave events where they are. */
    bool late;       /* They were left: what they point to is gone. */
    struct conn conns[CONNS_MAX];
    struct conn *conn; /* The one that lines are about. */
    unsigned packet_count, packet_next;
    struct packet packets[PACKETS_MAX];
    unsigned note_count, note_next; /* Events and verdicts, as text. */
    char notes[NOTES_MAX][SCRIPT_TEXT_BYTES];
    char error[2 * SCRIPT_TEXT_BYTES]; /* Empty: no failure. */
};

static bool run_script(const struct script *script, struct run *run);
static bool do_line(struct run *run);
static bool finish(struct run *run);

static bool fail(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool fail(struct run *run, const char *format, ...)
{
    va_list args;
    int used = 0;

    if (run->line != NULL)
        used = snprintf(run->error, sizeof(run->error), "line %u: ", run->line->number);
    va_start(args, format);
    vsnprintf(run->error + used, sizeof(run->error) - (size_t)used, format, args);
    va_end(args);
    return false;
}

/* --- Tuples, bytes, texts --- */

static struct tuple tuple_of(bool v6, unsigned index)
{
    struct tuple tuple = {.local_port = (uint16_t)(FIRST_PORT + index % LOCAL_PORTS),
                          .remote_port = (uint16_t)(FIRST_REMOTE_PORT + index / LOCAL_PORTS),
                          .protocol = 6};

    if (v6) {
        tuple.local = address_from_v6((const uint8_t[16]){0x20, 1, 0xd, 0xb8, [15] = 2});
        tuple.remote = address_from_v6((const uint8_t[16]){0x20, 1, 0xd, 0xb8, [15] = 1});
    } else {
        tuple.local = address_from_v4((const uint8_t[4]){192, 0, 2, 2});
        tuple.remote = address_from_v4((const uint8_t[4]){192, 0, 2, 1});
    }
    return tuple;
}

/* What the peer's stream has at OFFSET. */
static uint8_t pattern(uint64_t offset)
{
    return (uint8_t)(offset * 31 + (offset >> 8) * 7);
}

static bool hex_bytes(const char *text, uint8_t *out, size_t room, size_t *size)
{
    *size = strlen(text) / 2;
    if (strlen(text) % 2 != 0 || *size > room)
        return false;
    for (size_t i = 0; i < *size; i++) {
        unsigned byte;
        if (sscanf(text + 2 * i, "%2x", &byte) != 1)
            return false;
        out[i] = (uint8_t)byte;
    }
    return true;
}

static void add_text(char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add_text(char *text, const char *format, ...)
{
    size_t used = strlen(text);
    va_list args;

    va_start(args, format);
    vsnprintf(text + used, SCRIPT_TEXT_BYTES - used, format, args);
    va_end(args);
}

static uint32_t timestamp_offset(const struct run *run)
{
    return tcp_isn_timestamp_offset(tcp_isn_secret(&run->config.key, &run->conn->tuple));
}

/* Our options as a script writes them, without padding. */
static void options_text(const struct run *run, const struct tcp_descriptor *d, char *text)
{
    uint8_t l4[TCP_HEADER_BYTES_MAX];
    struct tcp_header header;
    const char *comma = "";

    tcp_header_write(d, l4);
    if (tcp_header_parse(l4, (uint16_t)(TCP_HEADER_BYTES + d->options_bytes), &header) !=
        TCP_TAKEN) {
        add_text(text, "<bad>");
        return;
    }
    add_text(text, "<");
    if (header.has_mss) {
        add_text(text, "mss %u", header.mss);
        comma = ",";
    }
    if (header.has_timestamps) {
        add_text(text, "%sts %u %u", comma, header.tsval - timestamp_offset(run), header.tsecr);
        comma = ",";
    }
    if (header.has_window_scale) {
        add_text(text, "%sws %u", comma, header.window_scale);
        comma = ",";
    }
    if (header.sack_permitted) {
        add_text(text, "%ssackOK", comma);
        comma = ",";
    }
    for (uint8_t i = 0; i < header.sack_count; i++) {
        add_text(text, "%ssack %d:%d", comma, (int)(header.sack[i].begin - (uint32_t)PEER_ISN),
                 (int)(header.sack[i].end - (uint32_t)PEER_ISN));
        comma = ",";
    }
    add_text(text, ">");
}

static void flags_text(uint8_t flags, char *text)
{
    static const struct {
        uint8_t flag;
        char letter;
    } letters[] = {{TCP_SYN, 'S'}, {TCP_FIN, 'F'}, {TCP_RST, 'R'}, {TCP_PSH, 'P'},
                   {TCP_ACK, 'A'}, {TCP_ECE, 'E'}, {TCP_CWR, 'W'}};

    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
        if (flags & letters[i].flag)
            add_text(text, "%c", letters[i].letter);
    }
}

/* As a ">" line would have it; window and options only if WANTED has them. */
static void packet_text(const struct run *run, const struct packet *packet,
                        const struct script_line *wanted, char *text)
{
    const struct tcp_descriptor *d = &packet->descriptor;
    uint32_t seq = d->seq - run->conn->iss;

    text[0] = '\0';
    add_text(text, "> ");
    flags_text(d->flags, text);
    add_text(text, " %d:%d(%u)", (int)seq, (int)(seq + d->payload_bytes), d->payload_bytes);
    if (d->flags & TCP_ACK)
        add_text(text, " ack %d", (int)(d->ack - (uint32_t)PEER_ISN));
    for (unsigned i = 0; wanted != NULL && i < wanted->word_count; i++) {
        if (strcmp(wanted->words[i], "win") == 0)
            add_text(text, " win %u", d->window);
        if (strstr(wanted->words[i], "ect") != NULL)
            add_text(text, d->ecn == 2 ? " ect0" : " not-ect");
        if (i > 0 && wanted->words[i][0] == '<') {
            add_text(text, " ");
            options_text(run, d, text);
        }
    }
}

static const char *const icmp_names[] = {
    [TCP_ICMP_NET] = "net",         [TCP_ICMP_HOST] = "host",
    [TCP_ICMP_PORT] = "port",       [TCP_ICMP_PROTOCOL] = "protocol",
    [TCP_ICMP_ADMIN] = "admin",     [TCP_ICMP_TIME_EXCEEDED] = "time-exceeded",
    [TCP_ICMP_TOO_BIG] = "too-big",
};

static void event_text(const struct tcp_event *event, char *text)
{
    static const char *const causes[] = {"none", "rto", "fast", "mtu", "probe"};

    text[0] = '\0';
    add_text(text, "%s", tcp_event_name(event->kind));
    switch (event->kind) {
    case TCP_EVENT_DATA:
        add_text(text, " %llu:%llu", (unsigned long long)event->stream_offset,
                 (unsigned long long)event->stream_offset + event->bytes);
        break;
    case TCP_EVENT_ACKED: add_text(text, " %llu", (unsigned long long)event->stream_offset); break;
    case TCP_EVENT_RETRANSMIT:
        if (event->flags & TCP_SYN)
            add_text(text, " syn");
        if (event->bytes > 0)
            add_text(text, " %llu:%llu", (unsigned long long)event->stream_offset,
                     (unsigned long long)event->stream_offset + event->bytes);
        if (event->flags & TCP_FIN)
            add_text(text, " fin");
        add_text(text, " %s first %gs", causes[event->cause], (double)event->first_sent_ns / 1e9);
        break;
    case TCP_EVENT_UNREACHABLE: add_text(text, " %s", icmp_names[event->icmp]); break;
    case TCP_EVENT_RESET:
    case TCP_EVENT_TIMED_OUT:
    case TCP_EVENT_SYN_TIMEOUT:
        if (event->first_sent_ns != UINT64_MAX)
            add_text(text, " first %gs", (double)event->first_sent_ns / 1e9);
        break;
    default: break;
    }
}

/* --- The stack's turn --- */

static bool note(struct run *run, const char *text)
{
    if (run->note_count == NOTES_MAX)
        return fail(run, "too many events");
    snprintf(run->notes[run->note_count++], SCRIPT_TEXT_BYTES, "%s", text);
    return true;
}

static struct conn *conn_of(struct run *run, const struct tuple *tuple)
{
    for (unsigned i = 0; i < CONNS_MAX; i++) {
        if (tuple_equal(&run->conns[i].tuple, tuple))
            return &run->conns[i];
    }
    return NULL;
}

/* A listener's connection has its handle from the event, not from a call. */
static void take_handle(struct run *run, const struct tcp_event *event)
{
    struct tcp_info info;

    if (event->kind == TCP_EVENT_ACCEPTED && tcp_conn_info(run->tcp, event->conn, &info))
        conn_of(run, &info.tuple)->handle = event->conn;
}

static bool take_events(struct run *run)
{
    uint32_t count;
    const struct tcp_event *events = tcp_events(run->tcp, &count);

    if (run->hold)
        return true;
    for (uint32_t i = 0; i < count; i++) {
        char text[SCRIPT_TEXT_BYTES];
        event_text(&events[i], text);
        if (events[i].kind == TCP_EVENT_ACKED && !run->config.tell_acked)
            return fail(run, "%s is told", text);
        take_handle(run, &events[i]);
        if (!note(run, text))
            return false;
        if (run->late)
            continue;
        /* When a probe was sent is told when it is known to be what arrived. */
        bool before = events[i].kind == TCP_EVENT_RETRANSMIT && events[i].cause == TCP_CAUSE_PROBE;
        if (before ? events[i].at_ns >= run->now_ns : events[i].at_ns != run->now_ns)
            return fail(run, "%s has another time than its call", text);
        for (uint32_t b = 0; events[i].kind == TCP_EVENT_DATA && b < events[i].bytes; b++) {
            if (events[i].data[b] != pattern(events[i].stream_offset + b))
                return fail(run, "%s: byte %u is wrong", text, b);
        }
    }
    tcp_events_clear(run->tcp);
    run->late = false;
    return true;
}

static bool pull(struct run *run)
{
    struct tcp_descriptor out[OUTPUT_MAX];
    uint32_t count;

    if (!take_events(run))
        return false;
    do {
        count = tcp_output(run->tcp, run->now_ns, out,
                           run->budget < OUTPUT_MAX ? run->budget : OUTPUT_MAX);
        if (!take_events(run))
            return false;
        for (uint32_t i = 0; i < count; i++) {
            if (run->packet_count == PACKETS_MAX)
                return fail(run, "too many packets");
            if (out[i].flags & TCP_SYN)
                conn_of(run, &out[i].tuple)->iss = out[i].seq;
            run->packets[run->packet_count++] = (struct packet){run->now_ns, out[i]};
        }
    } while (count > 0 && run->budget >= OUTPUT_MAX);
    return true;
}

/* Let time pass, timers at their moments. */
static bool advance(struct run *run, uint64_t to_ns)
{
    while (tcp_next_timer_ns(run->tcp) <= to_ns) {
        if (tcp_next_timer_ns(run->tcp) > run->now_ns)
            run->now_ns = tcp_next_timer_ns(run->tcp);
        tcp_timers(run->tcp, run->now_ns);
        if (!pull(run))
            return false;
    }
    run->now_ns = to_ns;
    return true;
}

/* Everything that happened must have been expected. */
static bool all_expected(struct run *run)
{
    char text[SCRIPT_TEXT_BYTES];

    if (run->packet_next < run->packet_count) {
        const struct packet *packet = &run->packets[run->packet_next];
        packet_text(run, packet, NULL, text);
        return fail(run, "before this, at %gs, was sent: %s", (double)packet->at_ns / 1e9, text);
    }
    while (run->note_next < run->note_count && strncmp(run->notes[run->note_next], "acked", 5) == 0)
        run->note_next++;
    if (run->note_next < run->note_count)
        return fail(run, "before this happened: %s", run->notes[run->note_next]);
    return true;
}

static bool check_expects(struct run *run)
{
    for (unsigned i = 0; i < run->line->expect_count; i++) {
        const char *wanted = run->line->expects[i];
        while (run->note_next < run->note_count &&
               strncmp(run->notes[run->note_next], "acked", 5) == 0 &&
               strncmp(wanted, "acked", 5) != 0)
            run->note_next++;
        if (run->note_next == run->note_count)
            return fail(run, "'%s' was expected, and nothing happened", wanted);
        const char *got = run->notes[run->note_next++];
        /* The time of the first transmission is compared if the script has it. */
        size_t length = strlen(wanted);
        bool same = strncmp(wanted, got, length) == 0 &&
                    (got[length] == '\0' || strncmp(got + length, " first ", 7) == 0);
        if (!same)
            return fail(run, "'%s' was expected, and '%s' happened", wanted, got);
    }
    return true;
}

/* --- Lines --- */

static bool expect_packet(struct run *run)
{
    char got[SCRIPT_TEXT_BYTES], wanted[SCRIPT_TEXT_BYTES] = "";

    for (unsigned i = 0; i < run->line->word_count; i++)
        add_text(wanted, "%s%s", i > 0 ? " " : "", run->line->words[i]);
    if (run->packet_next == run->packet_count)
        return fail(run, "'%s' was expected, and nothing was sent", wanted);
    const struct packet *packet = &run->packets[run->packet_next++];
    if (!tuple_equal(&packet->descriptor.tuple, &run->conn->tuple))
        return fail(run, "sent on another connection");
    packet_text(run, packet, run->line, got);
    if (strcmp(wanted, got) != 0)
        return fail(run, "'%s' was expected, and '%s' was sent", wanted, got);
    if (packet->at_ns != run->line->at_ns)
        return fail(run, "'%s' was sent at %.9gs, not at %.9gs", got, (double)packet->at_ns / 1e9,
                    (double)run->line->at_ns / 1e9);
    return true;
}

static void put_32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (24 - 8 * i));
}

static bool build_options(struct run *run, char *text, uint8_t *out, size_t *size)
{
    uint8_t *sack = NULL; /* The length of that option. */
    char *save = NULL;

    *size = 0;
    text[strlen(text) - 1] = '\0';
    for (char *item = strtok_r(text + 1, ",", &save); item != NULL;
         item = strtok_r(NULL, ",", &save)) {
        unsigned a, b;
        char hex[80];
        size_t hex_size;
        uint8_t *p = out + *size;
        if (*size > 28)
            return fail(run, "too many options");
        if (sscanf(item, " mss %u", &a) == 1) {
            memcpy(p, (const uint8_t[]){2, 4, (uint8_t)(a >> 8), (uint8_t)a}, 4);
            *size += 4;
        } else if (sscanf(item, " ws %u", &a) == 1) {
            memcpy(p, (const uint8_t[]){1, 3, 3, (uint8_t)a}, 4);
            *size += 4;
        } else if (sscanf(item, " ts %u %u", &a, &b) == 2) {
            b += timestamp_offset(run);
            memcpy(p,
                   (const uint8_t[]){1, 1, 8, 10, (uint8_t)(a >> 24), (uint8_t)(a >> 16),
                                     (uint8_t)(a >> 8), (uint8_t)a, (uint8_t)(b >> 24),
                                     (uint8_t)(b >> 16), (uint8_t)(b >> 8), (uint8_t)b},
                   12);
            *size += 12;
        } else if (sscanf(item, " sack %u:%u", &a, &b) == 2) {
            /* A block joins the option of the block before it, which is the last. */
            if (sack == NULL) {
                memcpy(p, (const uint8_t[]){1, 1, 5, 2}, 4);
                sack = p + 3;
                *size += 4;
            }
            put_32(out + *size, run->conn->iss + a);
            put_32(out + *size + 4, run->conn->iss + b);
            *sack = (uint8_t)(*sack + 8);
            *size += 8;
        } else if (sscanf(item, " hex %79s", hex) == 1 &&
                   hex_bytes(hex, p, 40 - *size, &hex_size)) {
            *size += hex_size;
        } else if (strcmp(item, "sackOK") == 0) {
            memcpy(p, (const uint8_t[]){1, 1, 4, 2}, 4);
            *size += 4;
        } else {
            return fail(run, "unknown option '%s'", item);
        }
    }
    while (*size % 4 != 0)
        out[(*size)++] = 0;
    return true;
}

static bool give(struct run *run, const uint8_t *l4, size_t size)
{
    enum tcp_verdict verdict =
        tcp_input_ecn(run->tcp, run->now_ns, &run->conn->tuple, l4, (uint16_t)size, run->ecn);

    run->ecn = 0;
    if (verdict != TCP_TAKEN && !note(run, tcp_verdict_name(verdict)))
        return false;
    return pull(run);
}

static bool receive(struct run *run)
{
    const struct script_line *line = run->line;
    uint8_t l4[4096] = {0};
    uint8_t options[44];
    size_t options_bytes = 0, size;
    int seq = 0, end = 0;
    unsigned bytes = 0;
    uint8_t other = 0; /* Makes payload other than the peer's stream has. */
    struct tcp_descriptor d = {.tuple = run->conn->tuple, .window = 65535};

    if (line->word_count == 3 && strcmp(line->words[1], "raw") == 0) {
        if (!hex_bytes(line->words[2], l4, sizeof(l4), &size))
            return fail(run, "not hexadecimal");
        return give(run, l4, size);
    }
    if (line->word_count < 3 || sscanf(line->words[2], "%d:%d(%u)", &seq, &end, &bytes) != 3 ||
        (unsigned)(end - seq) != bytes || bytes > 3000)
        return fail(run, "seq:end(bytes) is wanted");
    for (const char *letter = line->words[1]; *letter != '\0'; letter++) {
        switch (*letter) {
        case 'S': d.flags |= TCP_SYN; break;
        case 'F': d.flags |= TCP_FIN; break;
        case 'R': d.flags |= TCP_RST; break;
        case 'P': d.flags |= TCP_PSH; break;
        case 'A': d.flags |= TCP_ACK; break;
        case 'U': d.flags |= TCP_URG; break;
        case 'E': d.flags |= TCP_ECE; break;
        case 'W': d.flags |= TCP_CWR; break;
        case '-': break;
        default: return fail(run, "unknown flag");
        }
    }
    for (unsigned i = 3; i < line->word_count; i++) {
        char word[SCRIPT_TEXT_BYTES];
        strcpy(word, line->words[i]);
        if (strcmp(word, "ack") == 0 && i + 1 < line->word_count)
            d.ack = run->conn->iss + (uint32_t)atoi(line->words[++i]);
        else if (strcmp(word, "win") == 0 && i + 1 < line->word_count)
            d.window = (uint16_t)atoi(line->words[++i]);
        else if (strcmp(word, "ce") == 0)
            run->ecn = 3;
        else if (strcmp(word, "other") == 0)
            other = 0xff;
        else if (word[0] != '<' || !build_options(run, word, options, &options_bytes))
            return run->error[0] != '\0' ? false : fail(run, "unknown word '%s'", word);
    }
    d.seq = (uint32_t)PEER_ISN + (uint32_t)seq;
    int first = (d.flags & TCP_SYN) != 0 ? seq : seq - 1; /* Of the bytes, in their stream. */
    memcpy(d.options, options, options_bytes);
    d.options_bytes = (uint8_t)options_bytes;
    size = tcp_header_write(&d, l4);
    for (unsigned b = 0; b < bytes; b++)
        l4[size + b] = pattern((uint64_t)(int64_t)(first + (int)b)) ^ other;
    return give(run, l4, size + bytes);
}

static bool connect_now(struct run *run)
{
    static const char *const refusals[] = {"", "open-full", "open-in-use", "open-events"};
    tcp_conn handle = tcp_open(run->tcp, run->now_ns, &run->conn->tuple, 1);
    struct tcp_info info;

    if (handle == 0)
        return note(run, refusals[tcp_open_refusal(run->tcp)]);
    run->conn->handle = handle;
    if (!tcp_conn_info(run->tcp, handle, &info))
        return fail(run, "the new handle is not valid");
    run->conn->iss = info.iss;
    return pull(run);
}

static bool icmp_now(struct run *run)
{
    const struct script_line *line = run->line;
    uint32_t seq = 0, mtu = 0;

    for (unsigned i = 2; i + 1 < line->word_count; i += 2) {
        if (strcmp(line->words[i], "seq") == 0)
            seq = (uint32_t)atoi(line->words[i + 1]);
        else if (strcmp(line->words[i], "mtu") == 0)
            mtu = (uint32_t)atoi(line->words[i + 1]);
    }
    for (unsigned kind = 0; kind < sizeof(icmp_names) / sizeof(icmp_names[0]); kind++) {
        if (strcmp(line->words[1], icmp_names[kind]) != 0)
            continue;
        if (!tcp_icmp(run->tcp, run->now_ns, &run->conn->tuple, run->conn->iss + seq,
                      (enum tcp_icmp_kind)kind, mtu) &&
            !note(run, "icmp-ignored"))
            return false;
        return pull(run);
    }
    return fail(run, "unknown ICMP error");
}

static bool counter_is(struct run *run, const char *name, uint64_t wanted)
{
    const struct tcp_counters *counters = tcp_counters(run->tcp);
    const struct {
        const char *name;
        uint64_t value;
    } all[] = {
#define X(counter, text) {#counter, counters->counter},
        TCP_COUNTERS(X)
#undef X
    };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strcmp(all[i].name, name) == 0)
            return all[i].value == wanted
                       ? true
                       : fail(run, "counter %s is %llu", name, (unsigned long long)all[i].value);
    }
    return fail(run, "no counter is named %s", name);
}

/* "is NAME VALUE": something that tcp_conn_info() tells. */
static bool info_is(struct run *run, const char *name, const char *wanted)
{
    struct tcp_info info;
    uint64_t number = strtoull(wanted, NULL, 10), time_ns = 0, queued = 0;

    if (strcmp(name, "handle") == 0)
        return tcp_conn_info(run->tcp, run->conn->handle, &info) == (strcmp(wanted, "live") == 0)
                   ? true
                   : fail(run, "the handle is not %s", wanted);
    if (!tcp_conn_info(run->tcp, run->conn->handle, &info))
        return fail(run, "the connection is gone");
    if ((info.acked_bytes > 0 && !tcp_is_acked(run->tcp, run->conn->handle, info.acked_bytes)) ||
        (info.acked_bytes < info.queued_bytes &&
         tcp_is_acked(run->tcp, run->conn->handle, info.acked_bytes + 1)))
        return fail(run, "tcp_is_acked() says otherwise");
    if (!tcp_queued(run->tcp, run->conn->handle, &queued) || queued != info.queued_bytes)
        return fail(run, "tcp_queued() says otherwise");
    if (strcmp(name, "state") == 0)
        return strcmp(tcp_state_text(info.state), wanted) == 0
                   ? true
                   : fail(run, "the state is %s", tcp_state_text(info.state));
    const struct {
        const char *name;
        uint64_t value;
        bool time;
    } all[] = {{"srtt", info.srtt_ns, true},
               {"rttvar", info.rttvar_ns, true},
               {"rtt_max", info.rtt_max_ns, true},
               {"rto", info.rto_ns, true},
               {"first_unacked", info.first_unacked_ns, true},
               {"cwnd", info.cwnd_bytes, false},
               {"ssthresh", info.ssthresh_bytes, false},
               {"mss", info.mss_bytes, false},
               {"peer_mss", info.peer_mss_bytes, false},
               {"snd_wnd", info.snd_wnd_bytes, false},
               {"retransmits", info.retransmits, false},
               {"sent", info.sent_bytes, false},
               {"acked", info.acked_bytes, false},
               {"received", info.received_bytes, false}};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strcmp(all[i].name, name) != 0)
            continue;
        if (all[i].time && !script_time(wanted, &time_ns))
            return fail(run, "not a time");
        if (all[i].value != (all[i].time ? time_ns : number))
            return fail(run, "%s is %llu", name, (unsigned long long)all[i].value);
        return true;
    }
    return fail(run, "nothing is named %s", name);
}

static bool use_conn(struct run *run, const char *index)
{
    int i = atoi(index);

    if (i < 0 || i >= CONNS_MAX)
        return fail(run, "no such connection");
    run->conn = &run->conns[i];
    return true;
}

/* "listen" and "unlisten", on the connection's own address and port, or with "any" address. */
static bool listen_now(struct run *run)
{
    const struct script_line *line = run->line;
    const struct tuple *tuple = &run->conn->tuple;
    const struct address *address = line->word_count > 1 ? NULL : &tuple->local;
    bool ok = strcmp(line->words[0], "listen") == 0
                  ? tcp_listen(run->tcp, address, tuple->local_port, 2)
                  : tcp_unlisten(run->tcp, address, tuple->local_port);

    return ok || note(run, "false");
}

/* What the application does. */
static bool command(struct run *run)
{
    const struct script_line *line = run->line;
    const char *verb = line->words[0];
    uint64_t number = line->word_count > 1 ? strtoull(line->words[1], NULL, 10) : 0;
    bool ok;

    if (strcmp(verb, "connect") == 0)
        return connect_now(run);
    if (strcmp(verb, "listen") == 0 || strcmp(verb, "unlisten") == 0)
        return listen_now(run);
    if (strcmp(verb, "icmp") == 0 && line->word_count > 1)
        return icmp_now(run);
    if (strcmp(verb, "is") == 0 && line->word_count == 3)
        return info_is(run, line->words[1], line->words[2]);
    if (strcmp(verb, "count") == 0 && line->word_count == 3)
        return counter_is(run, line->words[1], strtoull(line->words[2], NULL, 10));
    if (strcmp(verb, "budget") == 0) {
        run->budget = (uint32_t)number;
        return pull(run);
    }
    if (strcmp(verb, "hold") == 0) {
        run->late = run->hold;
        run->hold = number != 0;
        return pull(run);
    }
    if (strcmp(verb, "send") == 0)
        ok = tcp_send(run->tcp, run->conn->handle, number);
    else if (strcmp(verb, "close") == 0)
        ok = tcp_close(run->tcp, run->now_ns, run->conn->handle);
    else if (strcmp(verb, "abort") == 0)
        ok = tcp_abort(run->tcp, run->now_ns, run->conn->handle);
    else if (strcmp(verb, "window") == 0)
        ok = tcp_receive_window(run->tcp, run->conn->handle, (uint32_t)number);
    else
        return fail(run, "unknown words '%s'", verb);
    if (!ok && !note(run, "false"))
        return false;
    return pull(run);
}

static bool do_line(struct run *run)
{
    const struct script_line *line = run->line;

    if (!advance(run, line->at_ns))
        return false;
    if (line->word_count > 0 && strcmp(line->words[0], ">") == 0) {
        if (!expect_packet(run))
            return false;
    } else if (line->word_count == 2 && strcmp(line->words[0], "conn") == 0) {
        if (!use_conn(run, line->words[1])) /* Whose line is next, and nothing more. */
            return false;
    } else if (line->word_count > 0) {
        if (!all_expected(run))
            return false;
        if (!(strcmp(line->words[0], "<") == 0 ? receive(run) : command(run)))
            return false;
    }
    return check_expects(run);
}

/* Reset what is left, let TIME-WAIT pass, and see that everything came back. */
static bool finish(struct run *run)
{
    static struct tcp_descriptor out[OUTPUT_MAX];
    uint32_t count;

    run->line = NULL;
    if (!all_expected(run))
        return false;
    for (tcp_conn conn = tcp_conn_next(run->tcp, 0); conn != 0;
         conn = tcp_conn_next(run->tcp, conn))
        tcp_abort(run->tcp, run->now_ns, conn);
    while (tcp_output(run->tcp, run->now_ns, out, OUTPUT_MAX) > 0)
        continue;
    do { /* What found no room becomes events by clearing. */
        tcp_events_clear(run->tcp);
        tcp_events(run->tcp, &count);
    } while (count > 0);
    tcp_timers(run->tcp, run->now_ns + 2 * run->config.time_wait_ns + 1);
    if (!tcp_is_empty(run->tcp))
        return fail(run, "something is still held at the end");
    return true;
}

static bool run_script(const struct script *script, struct run *run)
{
    struct error err = {0};
    bool v6 = false;

    memset(run, 0, sizeof(*run));
    run->config = config_plain();
    run->budget = OUTPUT_MAX;
    for (unsigned i = 0; i < script->config_count; i++) {
        const struct script_line *line = &script->configs[i];
        v6 |= strcmp(line->words[0], "ipv6") == 0;
        run->line = line;
        if (!config_set(&run->config, line->words[0], line->words[1]))
            return fail(run, "unknown setting '%s'", line->words[0]);
    }
    for (unsigned i = 0; i < CONNS_MAX; i++)
        run->conns[i].tuple = tuple_of(v6, i);
    run->conn = &run->conns[0];
    run->tcp = tcp_setup(&run->config, 0, &err);
    if (run->tcp == NULL)
        return fail(run, "%s", err.text);

    bool ok = true;
    for (unsigned i = 0; ok && i < script->line_count; i++) {
        run->line = &script->lines[i];
        ok = do_line(run);
    }
    ok = ok && finish(run);
    tcp_teardown(run->tcp);
    return ok;
}

int main(int argc, char **argv)
{
    static struct script script;
    static struct run run;
    int failed = 0;

    printf("1..%d\n", argc - 1);
    for (int i = 1; i < argc; i++) {
        const char *name = strrchr(argv[i], '/') != NULL ? strrchr(argv[i], '/') + 1 : argv[i];
        bool ok = script_read(argv[i], &script, run.error) && run_script(&script, &run);
        printf("%sok %d - %s: %s\n", ok ? "" : "not ", i, name, script.proves);
        if (!ok)
            printf("# %s: %s\n", name, run.error);
        failed += !ok;
    }
    return failed > 0;
}
