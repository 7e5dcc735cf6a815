/* words.c - prints the words of reports, one a line: list, word, sentence, with tabs between them.
 *
 * Straight from the X-lists that the programs use. reference.py makes the tables of
 * docs/reference.md of it. A list without sentences leaves the third field empty.
 */
#include <stdio.h>

#include "analyze/cause.h"
#include "kube/failure.h"
#include "net/drop.h"
#include "net/impair.h"
#include "plan/experiment.h"
#include "record/http_reason.h"
#include "record/outcome.h"
#include "rundir/timeline.h"
#include "tcp/tcp.h"
#include "traffic/server.h"

static void print(const char *list, const char *word, const char *sentence)
{
    printf("%s\t%s\t%s\n", list, word, sentence);
}

static void print_requests(void)
{
#define X(id, word, loss) print("Outcomes of requests", word, "");
    OUTCOMES(X);
#undef X
#define X(id, word) print("Why a request is unsent", word, "");
    UNSENT_REASONS(X);
#undef X
#define X(id, word) print("Ends of connections", word, "");
    CONNECTION_ENDS(X);
#undef X
#define X(id, word, sentence) print("Bad answers", word, sentence);
    HTTP_REASONS(X);
#undef X
#define X(id, word, sentence) print("Datagrams and frames", word, sentence);
    DATAGRAM_COUNTS(X);
#undef X
}

static void print_ports(void)
{
#define X(id, word) print("Faults of the tester", word, "");
    TESTER_FAULTS(X);
#undef X
#define X(id, word, sentence) print("Frames that a port dropped", word, sentence);
    NET_DROPS(X);
#undef X
#define X(name, sentence) print("Faults made on purpose", #name, sentence);
    IMPAIR_COUNTERS(X);
#undef X
#define X(name, sentence) print("What a responder counts", #name, sentence);
    SERVER_COUNTERS(X);
#undef X
#define X(name, sentence) print("Segments", #name, sentence);
    TCP_VERDICTS(X);
#undef X
#define X(name, sentence) print("Counters of TCP", #name, sentence);
    TCP_COUNTERS(X);
#undef X
}

static void print_cluster(void)
{
#define X(id, word, sentence) print("Causes of loss windows", word, sentence);
    CAUSES(X);
#undef X
#define X(id, word) print("Events of the timeline", word, "");
    TIMELINE_KINDS(X);
#undef X
#define X(id, code, word) print("Failures of the cluster's API", word, "");
    KUBE_REASONS(X);
#undef X
#define X(id, word, unit, sentence) print("Figures of expectations", word, sentence);
    EXPERIMENT_FIGURES(X);
#undef X
}

int main(void)
{
    print_requests();
    print_ports();
    print_cluster();
    return 0;
}
