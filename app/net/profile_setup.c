#include <errno.h>
#include <glob.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "net/profile.h"

enum field_type {
    FIELD_TEXT,   /* Copied; `most` is its room, NUL included. */
    FIELD_UINT16, /* An integer of least..most. */
    FIELD_UINT64, /* The same, wide. */
    FIELD_BOOL,
    FIELD_DRIVER,   /* One of driver_names. */
    FIELD_DEVICE,   /* One of device_names. */
    FIELD_STEERING, /* "rss" or "none". */
    FIELD_WORDS,    /* Text for the reader alone. */
    FIELD_LIST      /* Of such texts. */
};

struct field {
    const char *path; /* Dotted. */
    enum field_type type;
    size_t offset; /* Into struct profile. */
    double least;  /* Of numbers. */
    double most;   /* Of numbers; room of texts. */
    bool optional; /* May be absent. */
};

#define AT(member) offsetof(struct profile, member)

static const struct field fields[] = {
    {"version", FIELD_WORDS, 0, 1, 1, false},
    {"name", FIELD_TEXT, AT(name), 0, PROFILE_NAME_BYTES, false},
    {"summary", FIELD_WORDS, 0, 0, 0, false},
    {"driver", FIELD_DRIVER, AT(driver), 0, 0, false},
    {"device.kind", FIELD_DEVICE, AT(device), 0, 0, false},
    {"device.bind", FIELD_TEXT, AT(bind), 0, PROFILE_BIND_BYTES, false},
    {"device.drivers", FIELD_LIST, 0, 0, 0, true},
    {"device.stay", FIELD_LIST, 0, 0, 0, true},
    {"device.needsRoot", FIELD_BOOL, AT(needs_root), 0, 0, false},
    {"vdev.name", FIELD_TEXT, AT(vdev), 0, PROFILE_NAME_BYTES, true},
    {"vdev.arguments", FIELD_TEXT, AT(args), 0, PROFILE_ARGS_BYTES, true},
    {"queues.max", FIELD_UINT16, AT(queues_max), 1, 16, false},
    {"queues.rxDescriptors", FIELD_UINT16, AT(rx_descriptors), 64, 16384, false},
    {"queues.txDescriptors", FIELD_UINT16, AT(tx_descriptors), 64, 16384, false},
    {"offloads.checksum", FIELD_BOOL, AT(checksum_offload), 0, 0, false},
    {"steering", FIELD_STEERING, AT(rss), 0, 0, false},
    {"pacing", FIELD_WORDS, 0, 0, 0, false},
    {"limits.mtuBytes", FIELD_UINT16, AT(mtu_max_bytes), 576, 9978, false},
    {"limits.maxPps", FIELD_UINT64, AT(max_pps), 1, 1e9, false},
    {"fallback", FIELD_TEXT, AT(fallback), 0, PROFILE_NAME_BYTES, true},
    {"notes", FIELD_LIST, 0, 0, 0, true},
};
enum {
    FIELD_COUNT = sizeof(fields) / sizeof(fields[0])
};

static const char *const driver_names[PROFILE_DRIVER_COUNT] = {
    [PROFILE_AF_XDP] = "af_xdp", [PROFILE_AF_PACKET] = "af_packet",
    [PROFILE_TAP] = "tap",       [PROFILE_VIRTIO_USER] = "virtio-user",
    [PROFILE_VHOST] = "vhost",   [PROFILE_RING] = "ring",
    [PROFILE_NULL] = "null",     [PROFILE_PCAP] = "pcap",
    [PROFILE_PCI] = "pci",
};
static const char *const device_names[] = {
    [PROFILE_DEVICE_NETDEV] = "netdev",
    [PROFILE_DEVICE_NAME] = "name",
    [PROFILE_DEVICE_PATH] = "path",
    [PROFILE_DEVICE_PCI] = "pci",
};
static const char *const steering_names[] = {"none", "rss"};

static int read_tree(const char *where, const cJSON *tree, struct profile *profile,
                     struct error *err);
static int refuse_missing(const char *directory, const char *name, struct error *err);

int profile_load(const char *directory, const char *name, struct profile *profile,
                 struct error *err)
{
    char path[PROFILE_PATH_BYTES];
    struct text json = {0};
    if (strchr(name, '/') != NULL || name[0] == '.')
        return refuse_missing(directory, name, err);
    if (snprintf(path, sizeof(path), "%s/%s.json", directory, name) >= (int)sizeof(path))
        return error_set(err, EXIT_USAGE, -ENAMETOOLONG, "%s: name too long", directory);
    int status = text_read_file(&json, path, 1 << 20);
    if (status == -ENOENT)
        status = refuse_missing(directory, name, err);
    else if (status < 0)
        error_set(err, EXIT_USAGE, status, "%s: %s", path, strerror(-status));
    struct profile found = {0};
    if (status == 0)
        status = profile_parse(path, text_str(&json), &found, err);
    if (status == 0 && strcmp(found.name, name) != 0)
        status = error_set(err, EXIT_USAGE, -EINVAL, "%s: name: must be \"%s\", as the file", path,
                           name);
    if (status == 0)
        *profile = found;
    text_free(&json);
    return status;
}

int profile_parse(const char *where, const char *json, struct profile *profile, struct error *err)
{
    struct profile found = {0};
    cJSON *tree = json_parse(json, strlen(json), err);
    if (tree == NULL) {
        error_wrap(err, "%s", where);
        return -EINVAL;
    }
    const int status = read_tree(where, tree, &found, err);
    cJSON_Delete(tree);
    if (status == 0)
        *profile = found;
    return status;
}

const char *profile_driver_name(enum profile_driver driver)
{
    return (unsigned)driver < PROFILE_DRIVER_COUNT ? driver_names[driver] : "?";
}

static int refuse_missing(const char *directory, const char *name, struct error *err)
{
    struct text list = {0};
    char pattern[PROFILE_PATH_BYTES];
    glob_t found;
    snprintf(pattern, sizeof(pattern), "%s/*.json", directory);
    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            const char *base = strrchr(found.gl_pathv[i], '/') + 1;
            text_addf(&list, "%s%.*s", i == 0 ? "" : ", ", (int)(strlen(base) - 5), base);
        }
        globfree(&found);
    }
    error_set(err, EXIT_USAGE, -ENOENT, "no driver profile \"%s\" in %s; there are: %s", name,
              directory, list.size > 0 ? text_str(&list) : "none");
    text_free(&list);
    return -ENOENT;
}

static int refuse(const char *where, const char *path, struct error *err, const char *what)
{
    return error_set(err, EXIT_USAGE, -EINVAL, "%s: %s: %s", where, path, what);
}

/* Index in NAMES, or -1. */
static int choice(const cJSON *value, const char *const names[], size_t count)
{
    for (size_t i = 0; cJSON_IsString(value) && i < count; i++) {
        if (strcmp(value->valuestring, names[i]) == 0)
            return (int)i;
    }
    return -1;
}

static int refuse_choice(const char *where, const char *path, const char *const names[],
                         size_t count, struct error *err)
{
    struct text text = {0};
    text_add(&text, "must be ");
    for (size_t i = 0; i < count; i++)
        text_addf(&text, "%s\"%s\"", i == 0 ? "" : i + 1 == count ? " or " : ", ", names[i]);
    const int code = refuse(where, path, err, text_str(&text));
    text_free(&text);
    return code;
}

static bool is_list_of_texts(const cJSON *value)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, value)
    {
        if (!cJSON_IsString(item))
            return false;
    }
    return cJSON_IsArray(value);
}

static int read_text(const char *where, const struct field *field, const cJSON *value, char *out,
                     struct error *err)
{
    if (!cJSON_IsString(value) || value->valuestring[0] == '\0')
        return refuse(where, field->path, err, "must be a text");
    if (strlen(value->valuestring) >= (size_t)field->most)
        return refuse(where, field->path, err, "too long");
    strcpy(out, value->valuestring);
    return 0;
}

static int read_number(const char *where, const struct field *field, const cJSON *value,
                       struct error *err)
{
    const double number = cJSON_IsNumber(value) ? value->valuedouble : NAN;
    if (number >= field->least && number <= field->most && floor(number) == number)
        return 0;
    return error_set(err, EXIT_USAGE, -EINVAL, "%s: %s: must be an integer of %.0f to %.0f", where,
                     field->path, field->least, field->most);
}

static int read_choice(const char *where, const struct field *field, const cJSON *value, char *at,
                       struct error *err)
{
    const bool driver = field->type == FIELD_DRIVER;
    const bool device = field->type == FIELD_DEVICE;
    const char *const *names = driver ? driver_names : device ? device_names : steering_names;
    const size_t count = driver ? PROFILE_DRIVER_COUNT : device ? 4 : 2;
    const int found = choice(value, names, count);
    if (found < 0)
        return refuse_choice(where, field->path, names, count, err);
    if (driver)
        *(enum profile_driver *)(void *)at = (enum profile_driver)found;
    else if (device)
        *(enum profile_device *)(void *)at = (enum profile_device)found;
    else
        *(bool *)at = found == 1;
    return 0;
}

/* Check VALUE against FIELD and store it. */
static int read_field(const char *where, const struct field *field, const cJSON *value,
                      struct profile *profile, struct error *err)
{
    char *at = (char *)profile + field->offset;
    switch (field->type) {
    case FIELD_TEXT: return read_text(where, field, value, at, err);
    case FIELD_UINT16:
        *(uint16_t *)(void *)at = (uint16_t)(cJSON_IsNumber(value) ? value->valueint : 0);
        return read_number(where, field, value, err);
    case FIELD_UINT64:
        if (read_number(where, field, value, err) < 0)
            return -EINVAL;
        *(uint64_t *)(void *)at = (uint64_t)value->valuedouble;
        return 0;
    case FIELD_BOOL:
        *(bool *)at = cJSON_IsTrue(value);
        return cJSON_IsBool(value) ? 0 : refuse(where, field->path, err, "must be true or false");
    case FIELD_DRIVER:
    case FIELD_DEVICE:
    case FIELD_STEERING: return read_choice(where, field, value, at, err);
    case FIELD_WORDS:
        if (field->most > 0)
            return read_number(where, field, value, err);
        return cJSON_IsString(value) ? 0 : refuse(where, field->path, err, "must be a text");
    case FIELD_LIST:
        return is_list_of_texts(value) ? 0
                                       : refuse(where, field->path, err, "must be a list of texts");
    }
    return -EINVAL;
}

/* The field of PATH; *INSIDE tells whether PATH is an object that holds fields. */
static const struct field *find_field(const char *path, bool *inside)
{
    const size_t length = strlen(path);
    *inside = false;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (strcmp(fields[i].path, path) == 0)
            return &fields[i];
        if (strncmp(fields[i].path, path, length) == 0 && fields[i].path[length] == '.')
            *inside = true;
    }
    return NULL;
}

/* Read all members of OBJECT, whose own path is PREFIX; SEEN is by field. */
static int read_object(const char *where, const char *prefix, const cJSON *object,
                       struct profile *profile, bool seen[FIELD_COUNT], struct error *err)
{
    const cJSON *member;
    cJSON_ArrayForEach(member, object)
    {
        char path[96];
        bool inside;
        int status;
        snprintf(path, sizeof(path), "%s%s%.48s", prefix, prefix[0] != '\0' ? "." : "",
                 member->string);
        const struct field *field = find_field(path, &inside);
        if (field != NULL && seen[field - fields])
            status = refuse(where, path, err, "is there twice");
        else if (field != NULL)
            status = read_field(where, field, member, profile, err);
        else if (!inside)
            status = refuse(where, path, err, "unknown key");
        else if (!cJSON_IsObject(member))
            status = refuse(where, path, err, "must be an object");
        else
            status = read_object(where, path, member, profile, seen, err);
        if (status < 0)
            return status;
        if (field != NULL)
            seen[field - fields] = true;
    }
    return 0;
}

static int read_tree(const char *where, const cJSON *tree, struct profile *profile,
                     struct error *err)
{
    bool seen[FIELD_COUNT] = {false};
    if (!cJSON_IsObject(tree))
        return error_set(err, EXIT_USAGE, -EINVAL, "%s: must be an object", where);
    int status = read_object(where, "", tree, profile, seen, err);
    for (size_t i = 0; status == 0 && i < FIELD_COUNT; i++) {
        if (!seen[i] && !fields[i].optional)
            status = refuse(where, fields[i].path, err, "is missing");
    }
    const bool virtual = profile->driver != PROFILE_PCI && profile->driver != PROFILE_RING;
    if (status == 0 && virtual && profile->vdev[0] == '\0')
        status = refuse(where, "vdev.name", err, "is missing: this driver is a virtual device");
    return status;
}
