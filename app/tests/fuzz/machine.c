/* fuzz: deps plan */
/* Machine files: what is taken can be written out with its defaults and is then taken again, and no
 * own address passes as a target. */
#include "plan/machine.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct machine *machine)
{
    const struct address *own = &machine->ports[0].clients[0].address;
    struct machine *again = NULL;
    struct error err = {0};
    char *text = json_print(machine->resolved, true);

    if (text == NULL || machine_parse("again", text, strlen(text), &again, &err) < 0)
        abort();
    if (machine_port_of_client(machine, own) != 0 ||
        machine_check_target(machine, own, true, "own", NULL) == 0)
        abort();
    cJSON_free(text);
    machine_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct machine *machine = NULL;
    struct error err = {0};

    if (machine_parse("fuzz", (const char *)data, size, &machine, &err) == 0)
        check(machine);
    else if (err.text[0] == '\0')
        abort();
    machine_free(machine);
    return 0;
}
