#include <stdlib.h>
#include <string.h>

#include "net/capture.h"

struct capture *capture_setup(uint64_t packets)
{
    struct capture *capture = aligned_alloc(64, (sizeof(*capture) + 63) & ~(size_t)63);
    if (capture == NULL)
        return NULL;
    memset(capture, 0, sizeof(*capture));
    capture->slot_count = 1;
    while (capture->slot_count < packets)
        capture->slot_count *= 2;
    size_t bytes = capture->slot_count * sizeof(*capture->slots);
    capture->slots = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
    if (capture->slots == NULL) {
        free(capture);
        return NULL;
    }
    memset(capture->slots, 0, bytes);
    return capture;
}

void capture_free(struct capture *capture)
{
    if (capture == NULL)
        return;
    free(capture->slots);
    free(capture);
}
