/* worker_priv.h - inside of struct worker.
 *
 * worker.c is the loop; worker_packet.c what a turn does with packets; worker_mail.c commands,
 * reports and net's events; worker_setup.c takes the memory.
 *
 * Threads: the worker, but for the mailboxes' other ends.
 */
#ifndef WORKER_PRIV_H
#define WORKER_PRIV_H

#include <stdalign.h>

#include "base/mailbox.h"
#include "worker/worker.h"

enum {
    WORKER_COMMANDS = 256,  /* Capacity of the mailbox to the worker. */
    WORKER_REPORTS = 1024,  /* And of the one from it. */
    WORKER_FULL_TURNS = 16, /* Turns in a row that may only receive: see worker.c. */
    WORKER_BUSY_TURNS = 16, /* Turns in a row that may make no report, for they are busy. */
    WORKER_SLICE = 2,       /* Packets read in a turn, when a datagram is due */
    WORKER_SOON_NS = 10000, /* within this: in which time a whole burst could be read, */
    WORKER_UNREAD = 64,     /* and until so many were sent whose answers may be waiting. */
    WORKER_DATAGRAMS = 16,  /* Handed out in a turn at most: a stall is caught up in short turns,
                                lest the first ones wait for the stamp of the last. */
    WORKER_LAST_TURNS = 64  /* Turns that WORKER_QUIT takes at most to send its resets. */
};

enum worker_phase {
    WORKER_RUNNING,
    WORKER_DRAINING, /* After WORKER_SHUTDOWN: until all is closed. */
    WORKER_LEFT
};

/* A driver that refuses, from the first refusal until its queue is empty again: one fault. */
struct worker_refusal {
    uint64_t since_ns; /* 0: it takes all. */
    uint64_t packets;  /* Most that waited. */
};

/* What was handed out and committed, one packet behind the other, until the driver has taken it. */
struct worker_batch {
    uint64_t before;  /* Packets queued before the first of them since the start. */
    uint32_t waiting; /* Committed, */
    uint32_t stamped; /* and of these, taken. */
};

struct worker {
    /* What a turn reads. */
    struct net_port *port;
    struct tcp *tcp;
    struct traffic *traffic;
    struct record *record;
    const struct clock *clock;
    uint64_t polled_ns;        /* Of the last rx_burst: after it. */
    uint64_t turned_ns;        /* Of this turn: the same, unless it reads what that one left. */
    uint64_t now_ns;           /* Of this turn, or what departed before the burst was read. */
    uint64_t gap_ns;           /* From the turn before to this one. */
    uint64_t taken_ns;         /* Of the packets being taken: tcp and traffic are at that time. */
    uint64_t lag_ns;           /* By the NIC's stamps they came so long before it, */
    uint64_t uncertainty_ns;   /* and within so long before it for certain. */
    uint64_t acted_ns;         /* Of the last turn's last doing: no arrival is put before it. */
    uint64_t tsc;              /* Of this turn. */
    uint64_t stall_ns;         /* From the config. */
    uint64_t flushed;          /* Packets that the driver took since the start. */
    uint64_t deadline_ns;      /* DRAINING ends here. */
    uint64_t close_timeout_ns; /* From the config. */
    uint32_t full_turns;       /* Turns in a row that left frames unread, or had a full rx_burst. */
    uint32_t unread;           /* Datagrams sent since all was read, less packets read since. */
    uint32_t busy_turns;       /* Turns since the last that looked for a report. */
    uint32_t stream_count;     /* Of its traffic. */
    uint8_t phase;             /* enum worker_phase. */
    bool busy;                 /* This turn found something to do. */
    bool sends_on_time;        /* Its NIC does. */
    uint64_t ahead_ns;         /* As traffic was told. */
    uint64_t timed_ns;         /* Of the last packet that the NIC has to send on time. */
    bool report_waits;         /* `report` found the mailbox full. */
    struct worker_refusal refusal;
    struct worker_report report; /* The next one. */
    struct mailbox *commands;    /* To the worker. */
    struct mailbox *reports;     /* From it. */
    void *memory[2];             /* Theirs. */
    /* Written by the worker, read by any. */
    alignas(64) struct worker_counters counters;
    /* A turn's work. */
    alignas(64) struct net_packet packets[NET_RX_MAX];
    struct tcp_descriptor descriptors[NET_TX_QUEUE];     /* Handed out by tcp_output(). */
    struct worker_batch segments;                        /* Of them. */
    struct traffic_datagram datagrams[WORKER_DATAGRAMS]; /* Handed out by traffic_datagram(). */
    struct worker_batch of_datagrams;
    struct traffic_datagram
        timed[NET_TX_QUEUE];       /* Handed out ahead, for the NIC to send on time, */
    uint32_t timed_count;          /* and not taken by the driver yet. */
    uint8_t *frames[NET_TX_QUEUE]; /* Whole ones, being written. */
    uint16_t frame_bytes[NET_TX_QUEUE];
    uint8_t mac[6]; /* The port's. */
};

/* --- worker_packet.c. --- */
/* Tell traffic how far ahead the NIC takes datagrams now: as far as its clock is known. */
void worker_look_ahead(struct worker *worker);
/* Send the datagrams that are due. */
void worker_depart(struct worker *worker);
/* How many packets a turn at NOW_NS reads at most, with the next datagram due at DUE_NS and UNREAD
 * as in struct worker. */
uint16_t worker_slice(uint64_t now_ns, uint64_t due_ns, uint32_t unread);
/* Parse what net_poll() took, feed the tcp, act on what that means. */
void worker_receive(struct worker *worker);
/* Hand out what the tcp wants to send, as far as there is room, and give it to the driver. */
void worker_transmit(struct worker *worker);
/* The driver refuses no more, or nobody offers it anything any more: that is a fault. */
void worker_end_refusal(struct worker *worker);

/* --- worker_mail.c. --- */
/* Act on the commands that wait. */
void worker_take_commands(struct worker *worker);
/* Put one report, if there is any. */
void worker_put_report(struct worker *worker);
/* The last one. */
void worker_put_ended(struct worker *worker);
/* All streams stop now. */
void worker_stop_all(struct worker *worker);

static inline void worker_count(_Atomic uint64_t *counter, uint64_t n)
{
    record_count_add(counter, (int64_t)n);
}

#endif
