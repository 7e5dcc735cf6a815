/* sentence.h - what a run showed, in one or two sentences: the first line of a report.
 *
 *     Upgrade of mserver: 121 of 201 held connections broke (predicted 125.0, from 80 to 170); each
 *     was replaced within 1.1 ms and answered again within 210 ms (resolution 200 ms). Stream held
 *     lost 12 of 5600 requests. Stream new lost nothing. 80 connections lasted. Lab, ...
 *
 * Lengths of time are upper bounds. Appends to OUT. Threads: pure.
 */
#ifndef REPORT_SENTENCE_H
#define REPORT_SENTENCE_H

#include "analyze/result.h"
#include "base/text.h"

void sentence_add(const struct result *result, struct text *out);

#endif
