/* veth.h - the Linux kernel as the other side: a server on the kernel's TCP, in a network namespace
 * of its own at the far end of a veth pair, and the kernel's own client at the near end, in this
 * process's. All offloads of the pair are off: each packet is one segment, its checksum made and
 * verified in software, whoever receives it.
 *
 *     veth_open(&veth, cpu, body_bytes, &err);          // this process is in a namespace of its own
 *     veth_client(&veth, cpu, count, took_ns, &err);    // the kernel's client
 *     ... a NIC port on VETH_NEAR with clients VETH_CLIENTS, target VETH_SERVER:VETH_PORT ...
 *     veth_close(&veth);
 *
 * The server answers each GET by a body of the size given, from memory by sendfile(), and serves
 * one connection after another. Namespaces and pair end with the processes. Needs root.
 *
 * Threads: one, which must be the process's only one at veth_open().
 */
#ifndef TESTS_BENCH_SHARED_VETH_H
#define TESTS_BENCH_SHARED_VETH_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define VETH_NEAR "slbench0"
#define VETH_SERVER "10.78.0.1"
#define VETH_CLIENTS "10.78.1.0/24"

enum {
    VETH_PORT = 8080
};

struct veth {
    pid_t server; /* 0: none. */
    uint64_t body_bytes;
};

/* The server runs on CPU. 0 or -1 with ERR. */
int veth_open(struct veth *veth, int cpu, uint64_t body_bytes, struct error *err);
/* COUNT downloads one after another on one connection of the kernel's, by a thread on CPU; what
 * each took, from the request to the last byte. 0 or -1 with ERR. */
int veth_client(const struct veth *veth, int cpu, unsigned count, uint64_t took_ns[],
                struct error *err);
/* Whatever was opened. */
void veth_close(struct veth *veth);

#endif
