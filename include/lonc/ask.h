/*
 * ask: requests to a link through its local socket, many at a time, and
 * their replies in order.  It waits, so it is for programs that do nothing
 * else meanwhile.
 */
#ifndef LONC_ASK_H
#define LONC_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ask {
	const char	*sock_dir;
	const char	*peer;		/* NULL: one that cannot exist */
	int64_t		 timeout;	/* ms for each reply, once its turn */
	size_t		 max_line;	/* bytes of a request */
	bool		 seal;		/* put encrypt: before each */
	char *const	*requests;	/* nrequest of them, or NULL: the */
	size_t		 nrequest;	/* lines of this descriptor are asked */
	int		 input;
	/*
	 * One or more replies, each with its LF.  Those that the link did not
	 * give are "con_lost", "no_such_host" where known() says no, and
	 * "error: line too long" for a line of input over max_line.  -1 ends
	 * ask_run() with errno.
	 */
	int		(*replies)(void *arg, const char *data, size_t len);
	/* Line lineno of input, from 1, is over max_line. */
	void		(*too_long)(void *arg, size_t lineno);
	/* There is no socket: does the host exist at all? */
	bool		(*known)(void *arg);
	void		*arg;
};

enum ask_result {
	ASK_DONE,	/* all has a reply */
	ASK_LINK,	/* the link's socket: errno as connect(2) */
	ASK_INPUT,	/* input: errno as read(2) */
	ASK_FAILED,	/* errno of replies(), or ENOMEM */
};

/*
 * ask_run: ask all, give each its reply.  A link that is away, but was
 * here, is waited for up to 5 s; then the rest is asked without waiting.
 */
enum ask_result ask_run(const struct ask *a);

#endif
