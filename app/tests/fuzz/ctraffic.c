/* fuzz: deps traffic */
/* Answers of a hostile ctraffic server: whatever comes, however it is cut, the client neither
 * reads nor writes out of bounds, and what it calls whole is what it then sends. Input: the
 * packet's size, then pieces of {length, bytes}. */
#include "traffic/ctraffic.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    PACKET_MAX = 512
};

static void check_sent(const struct ctraffic *client)
{
    uint8_t sent[PACKET_MAX];
    ctraffic_fill(client, client->size_bytes, sent, client->size_bytes);
    if (memcmp(sent, client->host, client->host_bytes) != 0)
        abort();
    for (uint32_t i = client->host_bytes; i < client->size_bytes; i++)
        if (sent[i] != 0)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ctraffic client;
    if (size < 1)
        return 0;
    ctraffic_init(&client, CTRAFFIC_SIZE_MIN_BYTES + data[0]);
    ctraffic_ask(&client);
    for (size_t at = 1; at < size;) {
        size_t piece = data[at++];
        if (piece > size - at)
            piece = size - at;
        switch (ctraffic_receive(&client, data + at, (uint32_t)piece)) {
        case CTRAFFIC_BAD: return 0;
        case CTRAFFIC_WHOLE:
            check_sent(&client);
            ctraffic_ask(&client);
            break;
        case CTRAFFIC_MORE: break;
        }
        if (client.host_bytes > CTRAFFIC_HOST_BYTES || client.received_bytes >= client.size_bytes)
            abort();
        at += piece;
    }
    return 0;
}
