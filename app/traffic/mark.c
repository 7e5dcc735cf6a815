#include "traffic/mark.h"

bool mark_read(const uint8_t *at, uint32_t kind, struct mark *mark)
{
    if (wire_get32(at) != kind)
        return false;
    *mark = (struct mark){.kind = kind,
                          .run = wire_get16(at + 4),
                          .worker = at[6],
                          .stream = at[7],
                          .sequence = wire_get64(at + MARK_SEQUENCE_AT)};
    if (kind == MARK_ECHO) {
        mark->flow = wire_get32(at + MARK_FLOW_AT);
        mark->sent_ns = wire_get64(at + MARK_STAMP_AT);
    }
    return true;
}
