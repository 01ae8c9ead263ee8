/*
 * serve: one client's connection, answered until it ends.
 * Source: lonc-serve(8), lonc-protocol(7).
 */
#ifndef LONC_SERVE_H
#define LONC_SERVE_H

#include "lonc/addr.h"
#include "lonc/site.h"

struct serve;

/*
 * serve_open: a client's connection on two descriptors, which are its own
 * from now on, also if this fails.
 *
 * Takes    site: loaded, borrowed; caller: its address, NULL if unknown.
 * Returns  it for serve_free(), or NULL; the reason was logged.
 */
struct serve *serve_open(const struct site *site, const struct addr *caller,
    int rfd, int wfd);

/* serve_run: until it ends.  Returns the exit status. */
int serve_run(struct serve *s);
void serve_free(struct serve *s);

#endif
