/* nginx_config.h - configurations for Debian's nginx where it runs in a pod.
 *
 * All pods share the lab's folder, so one file serves them all: nginx runs in the foreground,
 * writes its errors to its standard error, and keeps nothing that two of them could quarrel about.
 *
 * Threads: pure. Source: nginx.org/en/docs.
 */
#ifndef LAB_NGINX_CONFIG_H
#define LAB_NGINX_CONFIG_H

#include "base/text.h"

/* What every configuration here begins with, up to where `http {` is open. MODULES: load_module
 * directives, or "". */
void nginx_config_begin(struct text *text, const char *dir, const char *modules, unsigned workers);

/* A server in a pod: 80 and 8080, 443 with the lab's certificate; each request is answered 200 with
 * the pod's name, in the body and in X-Server-Host. */
void nginx_config_pod(struct text *text, const char *dir);

#endif
