/* fuzz: deps rundir */
/* A line of the timeline of any kind: an event that is read prints, and reads back as the same; any
 * other line has an error. The same bytes as a file: each line is an event or told. */
#include "rundir/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_again(const struct timeline_event *event)
{
    struct text line = {0}, twice = {0};
    struct timeline_event again;
    timeline_print(event, &line);
    require(timeline_parse(text_str(&line), line.size, &again, NULL) == 0);
    require(again.kind == event->kind && again.not_after_ns == event->not_after_ns &&
            again.not_before_ns == event->not_before_ns && again.ours == event->ours &&
            again.unseen == event->unseen);
    timeline_print(&again, &twice);
    require(strcmp(text_str(&line), text_str(&twice)) == 0);
    text_free(&line);
    text_free(&twice);
}

static void check_file(const char *bytes, size_t size)
{
    struct timeline timeline = {0};
    size_t lines = 0;
    for (size_t i = 0; i < size; i++)
        lines += bytes[i] == '\n' || i + 1 == size;
    timeline_add_lines(&timeline, bytes, size);
    require(timeline.count + timeline.refused + timeline.damaged + timeline.cut == lines);
    require((timeline.damaged > 0) == (timeline.first_damaged > 0));
    require((timeline.damaged > 0) == (timeline.why[0] != '\0'));
    timeline_free(&timeline);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = malloc(size + 1); /* Of its exact size, so that reading on is seen. */
    struct timeline_event event;
    struct error err = {0};
    if (line == NULL)
        return 0;
    if (size > 0)
        memcpy(line, data, size);
    if (timeline_parse(line, size, &event, &err) == 0) {
        require(event.not_before_ns <= event.not_after_ns);
        check_again(&event);
    } else {
        require(err.text[0] != '\0');
    }
    check_file(line, size);
    free(line);
    return 0;
}
