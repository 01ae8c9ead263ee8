/*
 * resolve: host names to addresses and back, without waiting.
 *
 * The resolver of the C library blocks, for many seconds where a name
 * server is away, so it runs in a child that can be killed; its answer
 * comes through a descriptor.
 */
#ifndef LONC_RESOLVE_H
#define LONC_RESOLVE_H

#include <sys/types.h>

#include "lonc/addr.h"

#define RESOLVE_MAX 16	/* addresses kept of one name */

struct resolve {
	pid_t	pid;
	int	fd;	/* readable when there is an answer; -1 if none runs */
};

struct resolve_answer {
	int		n;		/* addresses, or -1: text says why */
	struct addr	v[RESOLVE_MAX];
	char		text[256];	/* the caller's host name, or why not */
};

/*
 * resolve_name: ask for the addresses of a name.
 * resolve_caller: ask for the name of an address; names whose addresses do
 * not include it do not count.
 * 0, or -1 with errno as fork(2), pipe(2).
 */
int resolve_name(struct resolve *r, const char *name);
int resolve_caller(struct resolve *r, const struct addr *a);

/*
 * resolve_read: 0 with the answer, whatever it is; -1 with errno EAGAIN as
 * long as there is none.
 */
int resolve_read(struct resolve *r, struct resolve_answer *answer);

/* resolve_stop: end it; nothing if none runs. */
void resolve_stop(struct resolve *r);

#endif
