#include "lab/socket_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

void socket_table_free(struct socket_table *table)
{
    free(table->entries);
    *table = (struct socket_table){0};
}

static void add_entry(struct socket_table *table, const struct socket_entry *entry)
{
    if (table->count == SOCKET_TABLE_MAX) {
        table->left_out++;
        return;
    }
    if (table->count == table->capacity) {
        table->capacity = table->capacity == 0 ? 64 : table->capacity * 2;
        table->entries = realloc(table->entries, table->capacity * sizeof(*table->entries));
        if (table->entries == NULL)
            abort();
    }
    table->entries[table->count++] = *entry;
}

/* 8 or 32 hex digits: words in the host's order, as the kernel prints them. */
static int parse_address(const char *hex, size_t digits, struct address *out)
{
    uint8_t bytes[16];

    for (size_t word = 0; word * 8 < digits; word++) {
        char part[9] = "";
        uint32_t value;
        char *end;

        memcpy(part, hex + word * 8, 8);
        value = (uint32_t)strtoul(part, &end, 16);
        if (*end != '\0')
            return -1;
        memcpy(bytes + word * 4, &value, 4);
    }
    *out = digits == 8 ? address_from_v4(bytes) : address_from_v6(bytes);
    return 0;
}

static int parse_line(const char *line, struct socket_entry *entry)
{
    char local[40], remote[40];
    unsigned local_port, remote_port, state;
    size_t digits;

    if (sscanf(line, " %*d: %32[0-9A-F]:%4x %32[0-9A-F]:%4x %2x", local, &local_port, remote,
               &remote_port, &state) != 5)
        return -1;
    digits = strlen(local);
    if ((digits != 8 && digits != 32) || strlen(remote) != digits)
        return -1;
    entry->local_port = (uint16_t)local_port;
    entry->remote_port = (uint16_t)remote_port;
    entry->state = (uint8_t)state;
    if (parse_address(local, digits, &entry->local) < 0)
        return -1;
    return parse_address(remote, digits, &entry->remote);
}

void socket_table_parse(struct socket_table *table, const char *text)
{
    while (*text != '\0') {
        struct socket_entry entry;
        const char *end = strchr(text, '\n');

        if (parse_line(text, &entry) == 0)
            add_entry(table, &entry);
        if (end == NULL)
            return;
        text = end + 1;
    }
}

int socket_table_read(struct socket_table *table, pid_t pid)
{
    static const char *const names[] = {"tcp", "tcp6"};
    int rc = 0;

    for (int i = 0; i < 2 && rc == 0; i++) {
        struct text text = {0};
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/net/%s", (int)pid, names[i]);
        rc = text_read_file(&text, path, 64 << 20);
        if (rc == 0)
            socket_table_parse(table, text_str(&text));
        text_free(&text);
    }
    return rc;
}

const char *socket_table_text(const struct address *address, uint16_t port, char out[64])
{
    char ip[ADDRESS_TEXT_BYTES];

    address_text(address, ip);
    snprintf(out, 64, strchr(ip, ':') != NULL ? "[%s]:%u" : "%s:%u", ip, port);
    return out;
}
