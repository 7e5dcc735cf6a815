#include "lab/api_json_patch.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "lab/api_body.h"

enum {
    STEP_BYTES = 512
};

/* A patch under way. */
struct work {
    cJSON *root;      /* What has become of the object. NULL: it was removed. */
    size_t items;     /* Added so far. */
    size_t bytes;     /* Of texts and names, added so far. */
    char *why;        /* Where a refusal is explained. */
    size_t why_bytes; /* Its size. */
};

/* A place: a member or element of PARENT. */
struct place {
    cJSON *parent;         /* An object or array; NULL: the whole. */
    cJSON *item;           /* What is there; NULL: nothing yet. */
    char name[STEP_BYTES]; /* Of a member. */
    int index;             /* Of an element; may be the one after the last. */
    unsigned depth;        /* Steps that lead there. */
};

static int refuse(struct work *work, int code, const char *what, const char *where)
{
    snprintf(work->why, work->why_bytes, "%s: \"%.200s\"", what, where);
    return code;
}

/* The step of SIZE bytes at TEXT, unescaped. False: it is malformed or too long. */
static bool read_step(const char *text, size_t size, char out[STEP_BYTES])
{
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '~') {
            if (++i == size || (text[i] != '0' && text[i] != '1'))
                return false;
            c = text[i] == '0' ? '~' : '/';
        }
        if (used + 1 >= STEP_BYTES)
            return false;
        out[used++] = c;
    }
    out[used] = '\0';
    return true;
}

/* -1: STEP is no index of ARRAY, nor of the place after its end. */
static int read_index(const cJSON *array, const char *step)
{
    int size = cJSON_GetArraySize(array);
    if (strcmp(step, "-") == 0)
        return size;
    if (step[0] == '\0' || strlen(step) > 6 || strspn(step, "0123456789") != strlen(step) ||
        (step[0] == '0' && step[1] != '\0'))
        return -1;
    int index = (int)strtol(step, NULL, 10);
    return index <= size ? index : -1;
}

static bool take_step(struct place *place, cJSON *parent, const char *step)
{
    place->parent = parent;
    snprintf(place->name, sizeof(place->name), "%s", step);
    if (cJSON_IsObject(parent)) {
        place->item = cJSON_GetObjectItemCaseSensitive(parent, step);
        return true;
    }
    place->index = cJSON_IsArray(parent) ? read_index(parent, step) : -1;
    place->item = place->index >= 0 ? cJSON_GetArrayItem(parent, place->index) : NULL;
    return place->index >= 0;
}

/* Follow POINTER. Only its last step may lead to nothing. */
static int find(struct work *work, const char *pointer, struct place *out)
{
    const char *at = pointer;
    *out = (struct place){.item = work->root};
    if (pointer[0] != '\0' && pointer[0] != '/')
        return refuse(work, -EINVAL, "a pointer must begin with /", pointer);
    while (*at == '/') {
        char step[STEP_BYTES];
        size_t size = strcspn(++at, "/");
        if (!read_step(at, size, step))
            return refuse(work, -EINVAL, "a pointer is malformed", pointer);
        if (out->item == NULL || !take_step(out, out->item, step))
            return refuse(work, -ENOENT, "there is no such place", pointer);
        at += size;
        out->depth++;
    }
    return 0;
}

/* Adds what ITEM holds to WORK. Returns how deep it is. */
static unsigned measure(struct work *work, const cJSON *item)
{
    unsigned deepest = 0;
    work->items++;
    work->bytes += item->string != NULL ? strlen(item->string) : 0;
    work->bytes += cJSON_IsString(item) ? strlen(item->valuestring) : 0;
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        unsigned depth = measure(work, child);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + (cJSON_IsObject(item) || cJSON_IsArray(item));
}

/* By hand: in cJSON 1.7.15 as Debian has it, cJSON_InsertItemInArray() refuses all places but the
 * first. */
static void insert(cJSON *array, int index, cJSON *value)
{
    cJSON *rest = cJSON_CreateArray(), *item;
    while ((item = cJSON_DetachItemFromArray(array, index)) != NULL)
        cJSON_AddItemToArray(rest, item);
    cJSON_AddItemToArray(array, value);
    while ((item = cJSON_DetachItemFromArray(rest, 0)) != NULL)
        cJSON_AddItemToArray(array, item);
    cJSON_Delete(rest);
}

/* Takes VALUE. */
static int put(struct work *work, const struct place *place, cJSON *value, const char *pointer)
{
    unsigned depth = place->depth + measure(work, value);
    if (work->items > API_JSON_PATCH_ITEMS || work->bytes > API_JSON_PATCH_BYTES ||
        depth > API_BODY_DEPTH) {
        cJSON_Delete(value);
        return refuse(work, -EINVAL,
                      depth > API_BODY_DEPTH ? "the operations nest the object too deeply"
                                             : "the operations make the object too large",
                      pointer);
    }
    if (place->parent == NULL) {
        cJSON_Delete(work->root);
        work->root = value;
    } else if (cJSON_IsArray(place->parent)) {
        if (place->item == NULL)
            cJSON_AddItemToArray(place->parent, value);
        else
            insert(place->parent, place->index, value);
    } else {
        cJSON_DeleteItemFromObjectCaseSensitive(place->parent, place->name);
        cJSON_AddItemToObject(place->parent, place->name, value);
    }
    return 0;
}

/* What is at PLACE, now the caller's. */
static cJSON *take(struct work *work, const struct place *place)
{
    if (place->parent != NULL)
        return cJSON_DetachItemViaPointer(place->parent, place->item);
    cJSON *all = work->root;
    work->root = NULL;
    return all;
}

/* A whole that POINTER's parent is in cannot be moved into itself. */
static bool is_inside(const char *from, const char *pointer)
{
    size_t size = strlen(from);
    return strncmp(from, pointer, size) == 0 && pointer[size] == '/';
}

static int move_or_copy(struct work *work, const cJSON *operation, const char *pointer, bool copy)
{
    const char *from = json_string(operation, "from", NULL);
    struct place source, target;
    if (from == NULL)
        return refuse(work, -EINVAL, "an operation has no \"from\"", pointer);
    int rc = find(work, from, &source);
    if (rc < 0)
        return rc;
    if (source.item == NULL)
        return refuse(work, -ENOENT, "there is no such place", from);
    if (!copy && is_inside(from, pointer))
        return refuse(work, -EINVAL, "a value cannot be moved into itself", pointer);
    cJSON *value = copy ? cJSON_Duplicate(source.item, true) : take(work, &source);
    rc = find(work, pointer, &target);
    if (rc == 0)
        return put(work, &target, value, pointer);
    cJSON_Delete(value);
    return rc;
}

static int run(struct work *work, const cJSON *operation)
{
    const char *verb = json_string(operation, "op", "");
    const char *pointer = json_string(operation, "path", NULL);
    const cJSON *value = json_member(operation, "value");
    struct place place;
    bool adds = strcmp(verb, "add") == 0;
    bool replaces = strcmp(verb, "replace") == 0;
    bool removes = strcmp(verb, "remove") == 0;
    bool tests = strcmp(verb, "test") == 0;
    if (pointer == NULL)
        return refuse(work, -EINVAL, "an operation has no \"path\"", verb);
    if (strcmp(verb, "move") == 0 || strcmp(verb, "copy") == 0)
        return move_or_copy(work, operation, pointer, verb[0] == 'c');
    if (!adds && !replaces && !removes && !tests)
        return refuse(work, -EINVAL, "an operation is unknown", verb);
    if (value == NULL && !removes)
        return refuse(work, -EINVAL, "an operation has no \"value\"", pointer);
    int rc = find(work, pointer, &place);
    if (rc < 0)
        return rc;
    if (place.item == NULL && !adds)
        return refuse(work, -ENOENT, "there is no such place", pointer);
    if (tests)
        return cJSON_Compare(place.item, value, true)
                   ? 0
                   : refuse(work, -ENOENT, "testing a value failed", pointer);
    if (removes || (replaces && place.parent != NULL)) {
        cJSON *next = removes ? NULL : place.item->next;
        cJSON_Delete(take(work, &place));
        place.item = next;
    }
    return removes ? 0 : put(work, &place, cJSON_Duplicate(value, true), pointer);
}

int api_json_patch(const cJSON *before, const cJSON *patch, cJSON **out, char *why,
                   size_t why_bytes)
{
    struct work work = {.why = why, .why_bytes = why_bytes};
    int rc = 0;
    if (!cJSON_IsArray(patch))
        return refuse(&work, -EINVAL, "a JSON Patch must be an array", "");
    work.root = cJSON_Duplicate(before, true);
    for (const cJSON *operation = patch->child; operation != NULL && rc == 0;
         operation = operation->next)
        rc = run(&work, operation);
    if (rc == 0 && work.root == NULL)
        rc = refuse(&work, -ENOENT, "nothing is left of the object", "");
    if (rc < 0)
        cJSON_Delete(work.root);
    else
        *out = work.root;
    return rc;
}
