#include "base/stop.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t wanted;

static void want(int number)
{
    (void)number;
    wanted = 1;
}

void stop_on_signals(void)
{
    struct sigaction action = {.sa_handler = want, .sa_flags = (int)SA_RESETHAND};
    wanted = 0;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool stop_is_wanted(void)
{
    return wanted != 0;
}
