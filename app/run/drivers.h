/* drivers.h - where the driver profiles are. Control thread. */
#ifndef RUN_DRIVERS_H
#define RUN_DRIVERS_H

#include <limits.h>

/* The folder GIVEN, or if that is NULL the one beside the program or installed with it. OUT holds
 * the text. */
const char *drivers_folder(const char *given, char out[PATH_MAX]);

#endif
