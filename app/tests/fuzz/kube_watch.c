/* fuzz: deps kube */
/* Watch lines from a server that may be anything: the first byte says which kind and how the bytes
 * are cut into pieces; the rest is the stream. Whatever comes, the state stays usable. */
#include <stdlib.h>

#include "kube/watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void end_list(struct kube_watch *watch, const char *body, size_t size)
{
    struct text text = {0}, path = {0};
    bool stream;
    kube_watch_ask(watch, &path, &stream, 1);
    text_add_bytes(&text, body, size);
    kube_watch_end(watch, KUBE_REASON_SUCCESS, 200, &text, NULL, 2);
    text_free(&text);
    text_free(&path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char list[] = "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]}";
    struct kube_events events = {0};
    struct kube_floors floors = {0};
    struct kube_watch watch;
    struct text path = {0};
    bool stream;
    if (size == 0)
        return 0;
    size_t piece = 1 + (size_t)(data[0] >> 3) * 7;
    const struct kube_resource *resource = kube_resource_of((enum kube_kind)(data[0] % 8));
    if (kube_watch_init(&watch, resource, "", "", &events, &floors, 1) < 0)
        abort();
    end_list(&watch, list, sizeof(list) - 1);
    kube_watch_ask(&watch, &path, &stream, 3);
    for (size_t at = 1; at < size; at += piece) {
        size_t part = size - at < piece ? size - at : piece;
        if (!kube_watch_bytes(&watch, (const char *)data + at, part, 4))
            break;
    }
    if (watch.state == KUBE_WATCH_FOLLOW)
        kube_watch_end(&watch, KUBE_REASON_CUT, 200, NULL, NULL, 5);
    else
        end_list(&watch, (const char *)data + 1, size - 1); /* The same bytes as a list. */
    kube_events_free(&events);
    kube_watch_free(&watch);
    text_free(&path);
    return 0;
}
