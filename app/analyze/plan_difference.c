#include "analyze/plan_difference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

enum {
    SHOWN_BYTES = sizeof(((struct plan_difference *)0)->base)
};

static void compare_items(struct plan_differences *out, const char *path, const cJSON *base,
                          const cJSON *other);

void plan_differences_find(const cJSON *base, const cJSON *other, struct plan_differences *out)
{
    *out = (struct plan_differences){0};
    compare_items(out, "", base, other);
}

bool plan_path_is(const char *path, const char *name)
{
    size_t size = strlen(name);
    return strncmp(path, name, size) == 0 && (path[size] == '\0' || path[size] == '.');
}

static void show(const cJSON *item, char shown[SHOWN_BYTES])
{
    char *printed = item != NULL ? json_print(item, false) : NULL;
    snprintf(shown, SHOWN_BYTES, "%.*s%s", SHOWN_BYTES - 4, printed != NULL ? printed : "not there",
             printed != NULL && strlen(printed) > SHOWN_BYTES - 4 ? "..." : "");
    free(printed);
}

static void add(struct plan_differences *out, const char *path, const cJSON *base,
                const cJSON *other)
{
    if (out->count == PLAN_DIFFERENCES) {
        out->left_out++;
        return;
    }
    struct plan_difference *difference = &out->items[out->count++];
    snprintf(difference->path, sizeof(difference->path), "%s", path);
    show(base, difference->base);
    show(other, difference->other);
}

/* Elements of streams and steps go by their names, as with --set. */
static const char *name_of(const cJSON *element)
{
    const char *name = json_string(element, "name", NULL);
    return name != NULL ? name : json_string(element, "id", NULL);
}

static void step_into(struct plan_differences *out, const char *path, const cJSON *place,
                      unsigned index, const cJSON *base, const cJSON *other)
{
    char longer[sizeof(out->items[0].path)], number[16];
    const char *name = place->string != NULL ? place->string : name_of(place);
    snprintf(number, sizeof(number), "%u", index);
    snprintf(longer, sizeof(longer), "%.150s%s%.40s", path, path[0] != '\0' ? "." : "",
             name != NULL ? name : number);
    compare_items(out, longer, base, other);
}

static void compare_arrays(struct plan_differences *out, const char *path, const cJSON *base,
                           const cJSON *other)
{
    const cJSON *a = base->child, *b = other->child;
    for (unsigned i = 0; a != NULL || b != NULL; i++) {
        step_into(out, path, a != NULL ? a : b, i, a, b);
        a = a != NULL ? a->next : NULL;
        b = b != NULL ? b->next : NULL;
    }
}

static void compare_objects(struct plan_differences *out, const char *path, const cJSON *base,
                            const cJSON *other)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, base)
    {
        step_into(out, path, item, 0, item, json_member(other, item->string));
    }
    cJSON_ArrayForEach(item, other)
    {
        if (json_member(base, item->string) == NULL)
            step_into(out, path, item, 0, NULL, item);
    }
}

static void compare_items(struct plan_differences *out, const char *path, const cJSON *base,
                          const cJSON *other)
{
    if (cJSON_IsObject(base) && cJSON_IsObject(other))
        compare_objects(out, path, base, other);
    else if (cJSON_IsArray(base) && cJSON_IsArray(other))
        compare_arrays(out, path, base, other);
    else if (!cJSON_Compare(base, other, true))
        add(out, path, base, other);
}
