#include "run/drivers.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *drivers_folder(const char *given, char out[PATH_MAX])
{
    static const char *const places[] = {"drivers-cfg", "../drivers-cfg", "../../drivers-cfg",
                                         "../share/seamline/drivers-cfg"};
    char self[PATH_MAX - 64];
    if (given != NULL) {
        snprintf(out, PATH_MAX, "%s", given);
        return out;
    }
    ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[size < 0 ? 0 : size] = '\0';
    char *slash = strrchr(self, '/');
    if (slash != NULL)
        *slash = '\0';
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        snprintf(out, PATH_MAX, "%s/%s", self, places[i]);
        if (access(out, R_OK) == 0)
            return out;
    }
    return "drivers-cfg";
}
