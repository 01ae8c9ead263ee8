/*
 * service: a handler that stays up, behind a unix socket: many requests at
 * a time, replies in order.
 * Source: lonc-serve(8), SERVICES.
 */
#ifndef LONC_SERVICE_H
#define LONC_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lonc/loop.h"

#define SERVICE_WHY 128		/* bytes of a reason with its NUL */

struct service;

struct service_request {
	const char	*client;	/* host ids */
	const char	*self;
	bool		 secure;	/* it came sealed */
	const char	*request;	/* its whole line, len bytes */
	size_t		 len;
};

struct service_reply {
	int		 status;	/* 0, 100 or 111 */
	const char	*text;		/* len bytes, good until the next call */
	size_t		 len;
};

/*
 * service_open: connect to the socket at path.
 *
 * Takes    max_reply: bytes of the longest reply; timeout: ms for a reply,
 *          once it is the next.
 * Returns  it, for service_free(), or NULL with errno as connect(2).
 */
struct service *service_open(struct loop *lp, const char *path,
    size_t max_reply, int64_t timeout);
void service_free(struct service *sv);

/* service_room: can one more be put? */
bool service_room(const struct service *sv);

/* service_put: 0, or -1 with errno ENOMEM. */
int service_put(struct service *sv, const struct service_request *rq);

/*
 * service_next: the next reply that has come.
 *
 * Returns  1 with *reply; 0 if there is none; -1 if there will never be
 *          one again, and why[] says why.
 */
int service_next(struct service *sv, struct service_reply *reply,
    char why[SERVICE_WHY]);

/* service_turn: send what was put; to be called after each wait. */
void service_turn(struct service *sv);

/* service_deadline: when service_turn() must be called at the latest. */
int64_t service_deadline(const struct service *sv);

size_t service_unanswered(const struct service *sv);

#endif
