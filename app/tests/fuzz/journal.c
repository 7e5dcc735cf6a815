/* fuzz: deps run */
/* An undo journal of any kind: what is left to put back has a text and a JSON undo, and no entry is
 * beyond the highest number. */
#include "run/journal.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_entry(const struct journal *journal, unsigned number)
{
    const struct journal_entry *entry = &journal->entries[number - 1];
    if (!journal_is_left(journal, number))
        return;
    require(entry->text != NULL && entry->undo != NULL);
    char *undo = journal_undo_text(entry);
    require(undo != NULL);
    cJSON *json = json_parse(undo, strlen(undo), NULL);
    require(json != NULL);
    cJSON_Delete(json);
    free(undo);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct journal *journal = NULL;
    struct error err = {0};
    char *bytes = malloc(size + 1); /* Of its exact size, so that reading on is seen. */
    if (bytes == NULL)
        return 0;
    memcpy(bytes, data, size);
    if (journal_parse(bytes, size, &journal, &err) == 0) {
        require(journal->count <= JOURNAL_ENTRIES_MAX);
        for (unsigned number = 1; number <= journal->count; number++)
            check_entry(journal, number);
        journal_free(journal);
    } else {
        require(err.text[0] != '\0');
    }
    free(bytes);
    return 0;
}
