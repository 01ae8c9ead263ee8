/*
 * id: names of hosts, before a path is made of them.
 * Source: lonc.conf(5), lonc-protocol(7).
 */
#ifndef LONC_ID_H
#define LONC_ID_H

#include <stdbool.h>
#include <stddef.h>

#define ID_MAX 64	/* bytes of a host id, without the NUL */

/* id_span: how many bytes s begins with that are of [A-Za-z0-9_.-]. */
size_t id_span(const char *s);

/*
 * id_valid: is it a host id: 1 to ID_MAX of [A-Za-z0-9_.-], not beginning
 * with '.' or '-', and not "delayed"?
 */
bool id_valid(const char *id);

#endif
