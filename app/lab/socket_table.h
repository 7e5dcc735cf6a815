/* socket_table.h - the kernel's table of TCP connections, as /proc/PID/net/tcp and tcp6 print it.
 *
 * Read just before a SIGKILL, so that truth.jsonl can say which connections the signal broke.
 *
 * Threads: pure but for socket_table_read(). Memory: the list grows by malloc; at most
 * SOCKET_TABLE_MAX entries, what is beyond is left out and counted.
 */
#ifndef LAB_SOCKET_TABLE_H
#define LAB_SOCKET_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/address.h"

enum {
    SOCKET_TABLE_MAX = 131072
};

struct socket_entry {
    struct address local; /* An IPv4-mapped address when the socket is IPv4's. */
    struct address remote;
    uint16_t local_port;
    uint16_t remote_port;
    uint8_t state; /* The kernel's number: 1 established, 8 close-wait, 10 listen. */
};

struct socket_table {
    struct socket_entry *entries; /* In the order of the file. */
    size_t count;                 /* In use. */
    size_t capacity;              /* Allocated. */
    size_t left_out;              /* Beyond the maximum. */
};

void socket_table_free(struct socket_table *table);
/* Append the entries of TEXT (a whole file, with its heading). Lines that are none are skipped. */
void socket_table_parse(struct socket_table *table, const char *text);
/* Append both families' connections of PID's network namespace. 0 or -errno. */
int socket_table_read(struct socket_table *table, pid_t pid);
/* "10.0.0.1:80" or "[fd00::1]:80". */
const char *socket_table_text(const struct address *address, uint16_t port, char out[64]);

#endif
