/* pcap.h - packets as a pcapng file, for tshark and its like.
 *
 * One section, an interface for each worker with its name and a resolution of 1 ns, then packets
 * with their direction. Written in the machine's byte order, as the format has it. Source:
 * draft-ietf-opsawg-pcapng, sections 4.1 (SHB), 4.2 (IDB), 4.3 (EPB), 3.5 (options).
 *
 * Pure: appends to a struct text. Threads: its owner's.
 */
#ifndef RUNDIR_PCAP_H
#define RUNDIR_PCAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/* The section, with COMMENT for people. First. */
void pcap_begin(struct text *file, const char *comment);
/* An Ethernet interface; they are numbered from 0 in the order of the calls. */
void pcap_interface(struct text *file, const char *name, uint32_t snap_bytes);
/* A frame of BYTES, the first KEPT of them at DATA, at UTC_NS since 1970. */
void pcap_packet(struct text *file, uint32_t interface, uint64_t utc_ns, bool sent,
                 const uint8_t *data, uint32_t kept, uint32_t bytes);

#endif
