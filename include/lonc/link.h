/*
 * link: the persistent link to one peer: a wire to it, the clients on the
 * local socket, and what brings the wire back.
 * Source: lonc-link(8), lonc-protocol(7).
 */
#ifndef LONC_LINK_H
#define LONC_LINK_H

#include "lonc/site.h"

struct link;

/*
 * link_open: the socket listens, nothing has been called yet.
 *
 * Takes    site: loaded, the link's from now on, also if this fails;
 *          peer, dir: the host id and the configuration directory, borrowed.
 * Returns  the link for link_free(), or NULL with the exit status in
 *          *status; the reason was logged.
 */
struct link *link_open(struct site *site, const char *peer, const char *dir,
    int *status);

/* link_run: until it is told to end.  Returns the exit status. */
int link_run(struct link *l);

/* link_free: the socket goes away. */
void link_free(struct link *l);

#endif
