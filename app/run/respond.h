/* respond.h - `seamline respond`: the server side on NIC ports of this machine, until a signal.
 *
 * One responder (worker/responder.h) for each port of the machine file, on its first worker cores.
 * What it answers goes to the port's next hops or gateway, whoever asked: behind a router that is
 * the router, back to back any address of the other tester.
 *
 * Threads: the control thread; once in a process.
 */
#ifndef RUN_RESPOND_H
#define RUN_RESPOND_H

#include "base/error.h"

/* ARGV is the command line from "respond" on; PROGRAM the process's argv[0]. Prints what it does on
 * stderr, and an account at the end on stdout. */
enum exit_status respond_command(int argc, char **argv, const char *program);

/* For `seamline help respond`. */
extern const char respond_help[];

#endif
