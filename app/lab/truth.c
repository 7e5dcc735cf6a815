#include "lab/truth.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/utc.h"

int64_t truth_now_ns(void)
{
    return utc_now_ns();
}

int truth_create(struct truth *truth, const char *path, int64_t start_ns)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);

    if (fd < 0)
        return -errno;
    *truth = (struct truth){.fd = fd, .start_ns = start_ns};
    return 0;
}

void truth_close(struct truth *truth)
{
    truth_flush(truth);
    text_free(&truth->batch);
    if (truth->fd >= 0)
        close(truth->fd);
    truth->fd = -1;
}

cJSON *truth_begin(const struct truth *truth, int64_t stamp_ns, const char *event)
{
    cJSON *line = cJSON_CreateObject();

    json_add_integer(line, "ns", stamp_ns - truth->start_ns);
    cJSON_AddStringToObject(line, "event", event);
    return line;
}

void truth_batch(struct truth *truth, cJSON *line)
{
    char *text = json_print(line, false);

    if (text != NULL) {
        text_add(&truth->batch, text);
        text_add(&truth->batch, "\n");
    }
    cJSON_free(text);
    cJSON_Delete(line);
}

/* A disk that is full loses lines; there is nobody to tell who could do more than the reader who
 * will miss them. */
void truth_flush(struct truth *truth)
{
    const char *data = text_str(&truth->batch);
    size_t left = truth->batch.size;

    while (truth->fd >= 0 && left > 0) {
        ssize_t done = write(truth->fd, data, left);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            break;
        data += done;
        left -= (size_t)done;
    }
    text_clear(&truth->batch);
}

void truth_end(struct truth *truth, cJSON *line)
{
    truth_batch(truth, line);
    truth_flush(truth);
}

void truth_log(struct truth *truth, int64_t stamp_ns, const char *event, const char *name1,
               const char *value1, const char *name2, const char *value2)
{
    cJSON *line = truth_begin(truth, stamp_ns, event);

    if (name1 != NULL)
        cJSON_AddStringToObject(line, name1, value1);
    if (name2 != NULL)
        cJSON_AddStringToObject(line, name2, value2);
    truth_end(truth, line);
}
