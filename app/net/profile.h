/* profile.h - what there is to know about a kind of NIC port: drivers-cfg/NAME.json.
 *
 * A profile says how the driver is bound, which device arguments it takes, what it can do and what
 * it cannot. The file is strict: unknown keys, wrong types and values out of range are refused with
 * the JSON path. docs/drivers.md describes the keys.
 *
 * Threads: slow path. Memory: fixed, copied out of the file.
 */
#ifndef NET_PROFILE_H
#define NET_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum {
    PROFILE_NAME_BYTES = 32,
    PROFILE_ARGS_BYTES = 192,
    PROFILE_PATH_BYTES = 256,
    PROFILE_BIND_BYTES = 512
};

enum profile_driver {
    PROFILE_AF_XDP,
    PROFILE_AF_PACKET,
    PROFILE_TAP,
    PROFILE_VIRTIO_USER,
    PROFILE_VHOST,
    PROFILE_RING,
    PROFILE_NULL,
    PROFILE_PCAP,
    PROFILE_PCI,
    PROFILE_DRIVER_COUNT
};

/* What a port's `device` names. */
enum profile_device {
    PROFILE_DEVICE_NETDEV, /* A network interface that must exist. */
    PROFILE_DEVICE_NAME,   /* A name that the driver makes. */
    PROFILE_DEVICE_PATH,   /* A socket or file. */
    PROFILE_DEVICE_PCI     /* A PCI address, 0000:03:00.0. */
};

struct profile {
    char name[PROFILE_NAME_BYTES];     /* As in the file; equals the file's name. */
    char fallback[PROFILE_NAME_BYTES]; /* Profile to use when the port is refused; "" for none. */
    char vdev[PROFILE_NAME_BYTES];     /* DPDK device name before its index; "" for PCI and ring. */
    char args[PROFILE_ARGS_BYTES];     /* Device arguments; {device}, {queue} and {queues} stand for
                                          the port's. */
    char bind[PROFILE_BIND_BYTES];     /* What to do before the device can be used: for people. */
    enum profile_driver driver;
    enum profile_device device;
    bool checksum_offload; /* Use the NIC's checksums where it has them. */
    bool needs_root;       /* Opening it needs CAP_NET_RAW or more. */
    bool rss;              /* Received packets are spread by hash: several workers may share it. */
    uint16_t queues_max;   /* Queue pairs of a port. */
    uint16_t rx_descriptors; /* Asked for; the driver may adjust. */
    uint16_t tx_descriptors; /* The same. */
    uint16_t mtu_max_bytes;  /* Largest MTU. */
    uint64_t max_pps;        /* Packets a second, one way, that it may be asked for. */
};

/* Load DIRECTORY/NAME.json. 0, -ENOENT (ERR lists those which exist), or -EINVAL. */
int profile_load(const char *directory, const char *name, struct profile *profile,
                 struct error *err);

/* The same from text; WHERE names the file in texts. For tests and fuzzing. */
int profile_parse(const char *where, const char *json, struct profile *profile, struct error *err);

const char *profile_driver_name(enum profile_driver driver);

#endif
