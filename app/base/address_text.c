#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

static int parse_length(const char *text, unsigned most, unsigned *out);
static void clear_host_bits(struct prefix *prefix);

int address_parse(const char *text, struct address *out, struct error *err)
{
    uint8_t bytes[16];

    if (inet_pton(AF_INET, text, bytes) == 1)
        *out = address_from_v4(bytes);
    else if (inet_pton(AF_INET6, text, bytes) == 1)
        *out = address_from_v6(bytes);
    else
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "\"%.60s\" is no IP address; write it like 10.0.0.1 or 2001:db8::1", text);
    return 0;
}

int prefix_parse(const char *text, struct prefix *out, struct error *err)
{
    char host[ADDRESS_TEXT_BYTES];
    const char *slash = strchr(text, '/');
    size_t host_size = slash == NULL ? strlen(text) : (size_t)(slash - text);
    struct prefix prefix;

    if (host_size >= sizeof(host))
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "\"%.60s\" is no prefix; write it like 10.0.0.0/24", text);
    memcpy(host, text, host_size);
    host[host_size] = '\0';
    if (address_parse(host, &prefix.address, err) < 0)
        return -EINVAL;
    unsigned most = strchr(host, ':') == NULL ? 32 : 128;
    unsigned length = most;
    if (slash != NULL && parse_length(slash + 1, most, &length) < 0)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "\"%.60s\": the prefix length must be a number from 0 to %u", text, most);
    prefix.length_bits = (uint8_t)(128 - most + length);
    struct prefix right = prefix;
    clear_host_bits(&right);
    if (!address_equal(&right.address, &prefix.address)) {
        char suggestion[PREFIX_TEXT_BYTES];

        return error_set(err, EXIT_USAGE, -EINVAL, "\"%.60s\" has host bits set; write %s", text,
                         prefix_text(&right, suggestion));
    }
    *out = prefix;
    return 0;
}

const char *address_text(const struct address *address, char out[ADDRESS_TEXT_BYTES])
{
    bool v4 = address_is_v4(address);

    inet_ntop(v4 ? AF_INET : AF_INET6, address->bytes + (v4 ? 12 : 0), out, ADDRESS_TEXT_BYTES);
    return out;
}

const char *prefix_text(const struct prefix *prefix, char out[PREFIX_TEXT_BYTES])
{
    char host[ADDRESS_TEXT_BYTES];
    bool v4 = address_is_v4(&prefix->address) && prefix->length_bits >= 96;

    (void)snprintf(out, PREFIX_TEXT_BYTES, "%s/%u", address_text(&prefix->address, host),
                   prefix->length_bits - (v4 ? 96u : 0u));
    return out;
}

const char *tuple_text(const struct tuple *tuple, char out[TUPLE_TEXT_BYTES])
{
    char local[ADDRESS_TEXT_BYTES], remote[ADDRESS_TEXT_BYTES];
    const char *format = address_is_v4(&tuple->local) ? "%s:%u->" : "[%s]:%u->";
    const char *format_remote = address_is_v4(&tuple->remote) ? "%s:%u" : "[%s]:%u";

    address_text(&tuple->local, local);
    address_text(&tuple->remote, remote);
    int used = snprintf(out, TUPLE_TEXT_BYTES, format, local, tuple->local_port);
    (void)snprintf(out + used, TUPLE_TEXT_BYTES - (size_t)used, format_remote, remote,
                   tuple->remote_port);
    return out;
}

/* Decimal digits alone: strtoul would take signs, blanks and what follows. */
static int parse_length(const char *text, unsigned most, unsigned *out)
{
    unsigned value = 0;

    if (*text == '\0')
        return -EINVAL;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return -EINVAL;
        value = value * 10 + (unsigned)(*text - '0');
        if (value > most)
            return -EINVAL;
    }
    *out = value;
    return 0;
}

static void clear_host_bits(struct prefix *prefix)
{
    for (unsigned bit = prefix->length_bits; bit < 128; bit++)
        prefix->address.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}
