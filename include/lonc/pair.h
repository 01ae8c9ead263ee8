/*
 * pair: whose is the next reply.  Replies come in the order of the requests
 * and do not name them, so all there is to know is who asked in which
 * order.  No descriptor and no clock; the times are the caller's.
 */
#ifndef LONC_PAIR_H
#define LONC_PAIR_H

#include <stddef.h>
#include <stdint.h>

/* So many requests in a row of one asker, alike in tag and time. */
struct pair_run {
	void	*who;		/* NULL: nobody waits for these any more */
	size_t	 nreq;
	int64_t	 at;		/* when they were asked */
	unsigned tag;		/* the caller's, of the request's kind */
};

struct pair {
	struct pair_run	*ring;
	size_t		 cap;		/* a power of two, or 0 */
	size_t		 head;
	size_t		 nrun;
	size_t		 nreq;		/* unanswered requests */
	int64_t		 since;		/* when the oldest became so */
};

/*
 * pair_put: who has asked once more, at time now (any unit, rising).
 * 0, or -1 with errno ENOMEM.
 */
int pair_put(struct pair *p, void *who, unsigned tag, int64_t now);

/*
 * pair_head: those that wait for the next replies; only while nreq > 0, and
 * good until the next call.
 */
const struct pair_run *pair_head(const struct pair *p);

/* pair_take: n replies came for the head, at most its nreq. */
void pair_take(struct pair *p, size_t n, int64_t now);

/* pair_forget: nobody waits for the replies to who any more. */
void pair_forget(struct pair *p, const void *who);

/* pair_free: forget all and give the memory back. */
void pair_free(struct pair *p);

#endif
