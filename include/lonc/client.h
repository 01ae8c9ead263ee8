/*
 * client: the programs on the local socket: their request lines, and their
 * replies, each client's in its own order.
 *
 * A client that reads slowly, floods, sends half a line or goes away costs
 * the others nothing: what may be read from one in a turn, kept unsent for
 * it, and answered while it does not read are bounded.
 */
#ifndef LONC_CLIENT_H
#define LONC_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "lonc/buf.h"
#include "lonc/line.h"
#include "lonc/loop.h"

struct client;
struct clients;

/* Clients that wait for room, the first to come first. */
TAILQ_HEAD(client_queue, client);

/* What became of a line that was offered. */
enum client_verdict {
	CLIENT_TAKEN,	/* answered, or client_expect() was called */
	CLIENT_FULL,	/* no room: it waits in a queue of the owner's */
	CLIENT_HOLD,	/* offer it again when all before it are answered */
};

struct clients_owner {
	/*
	 * A line, without LF but with one behind it; NULL if too long.
	 * CLIENT_FULL comes with the queue to wait in.
	 */
	enum client_verdict (*request)(void *arg, struct client *c,
	    const char *line, size_t len, struct client_queue **wait);
	/* It is gone: no reply may be given to it any more. */
	void (*gone)(void *arg, struct client *c);
	void *arg;
};

struct clients_limits {
	size_t	 line;		/* bytes of a request line */
	size_t	 unread;	/* bytes of replies it may leave unread */
	unsigned n;		/* clients at a time */
};

/*
 * clients_new: serve the clients of this listening socket, which stays the
 * caller's.  NULL with errno ENOMEM, or as epoll_ctl(2).
 */
struct clients *clients_new(struct loop *lp, int listenfd,
    const struct clients_limits *limits, const struct clients_owner *owner);
void clients_free(struct clients *cl);

/* clients_limit: from now on. */
void clients_limit(struct clients *cl, const struct clients_limits *limits);

/*
 * clients_turn: offer the lines that have come, of each client that has any
 * once.  To be called after each loop_wait().
 */
void clients_turn(struct clients *cl);

/* clients_resume: offer again the line of the first that waits there. */
void clients_resume(struct clients *cl, struct client_queue *q);

/* clients_more: must clients_turn() be called again without waiting? */
bool clients_more(const struct clients *cl);

/* clients_deadline: when clients_turn() must be called at the latest. */
int64_t clients_deadline(const struct clients *cl);

/* clients_reap: free those that are gone; between turns only. */
void clients_reap(struct clients *cl);

/* clients_stop: accept and read no more; replies still go out. */
void clients_stop(struct clients *cl);

/* clients_quiet: is nothing unanswered, unsent or still to be offered? */
bool clients_quiet(const struct clients *cl);

size_t clients_count(const struct clients *cl);

/* client_answer: answer the line being offered at once; text has its LF. */
void client_answer(struct client *c, const char *text);

/* client_expect: the line being offered will be answered later. */
void client_expect(struct client *c);

/* client_unanswered: how many of its lines are not yet answered. */
size_t client_unanswered(const struct client *c);

/* client_mark: a pointer of the owner's, NULL at first. */
void **client_mark(struct client *c);

/* client_reply: n replies, each with its LF, to its oldest unanswered. */
void client_reply(struct client *c, const char *data, size_t len, size_t n);

/* client_uid: whose process it is, or -1. */
uid_t client_uid(const struct client *c);

#endif
