/*
 * wire: one connection to a peer, from finding its address to losing it.
 * It is opened once and never by itself again; when to try again is the
 * owner's to decide.
 */
#ifndef LONC_WIRE_H
#define LONC_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lonc/conf.h"
#include "lonc/hello.h"
#include "lonc/hosts.h"
#include "lonc/loop.h"

enum wire_state {
	WIRE_DOWN,
	WIRE_RESOLVING,		/* the host name */
	WIRE_CONNECTING,
	WIRE_OPENING,		/* the dialogue */
	WIRE_UP,
};

#define WIRE_SLOW 200	/* ms; an older unanswered request is a slow one */

struct wire;

/* A request to be put, and replies in a row for one asker. */
struct wire_request {
	void		*who;
	const char	*line;		/* len bytes with an LF behind them */
	size_t		 len;
	unsigned	 tag;		/* of its kind, for slow() */
	bool		 sealed;	/* in the old way */
};

struct wire_replies {
	void		*who;
	const char	*data;		/* n replies, each with its LF */
	size_t		 len;
	size_t		 n;
	int64_t		 at;		/* when they were asked, us */
};

/* What a wire tells its owner, from within loop_wait() and wire_turn(). */
struct wire_owner {
	void (*up)(void *arg);
	void (*replies)(void *arg, const struct wire_replies *r);
	/* n requests of who will not be answered. */
	void (*lost)(void *arg, void *who, size_t n);
	/* A request of this kind has kept those behind it WIRE_SLOW. */
	void (*slow)(void *arg, unsigned tag);
	/* It was in this state, and is down. */
	void (*down)(void *arg, enum wire_state was, const char *why);
	void *arg;
};

/* wire_new: down at first.  NULL with errno ENOMEM. */
struct wire *wire_new(struct loop *lp, const struct wire_owner *owner);
void wire_free(struct wire *w);

/*
 * wire_start: from down: look for the host and call it.  cf and host stay
 * the caller's and must last until wire_stop(), down() or wire_keep().
 */
void wire_start(struct wire *w, const struct conf *cf,
    const struct host *host);

/* wire_keep: go on with settings that were read anew. */
void wire_keep(struct wire *w, const struct conf *cf, const struct host *host);

/* wire_stop: end it; as if it were lost, but for down(), if it is not. */
void wire_stop(struct wire *w);

/* wire_room: can a request be put? */
bool wire_room(const struct wire *w);

/*
 * wire_put: send a request; only when there is room.  0, or -1 with errno
 * ENOMEM or EINVAL.
 */
int wire_put(struct wire *w, const struct wire_request *rq);

/* wire_forget: who's replies are to be dropped. */
void wire_forget(struct wire *w, const void *who);

/*
 * wire_turn: do what is due, and send all that was put, at once.  To be
 * called after each loop_wait(), when the clients have had their turn.
 */
void wire_turn(struct wire *w);

/* wire_deadline: when wire_turn() must be called at the latest. */
int64_t wire_deadline(const struct wire *w);

enum wire_state wire_state(const struct wire *w);
const char *wire_state_name(enum wire_state state);

/* wire_peer: what the peer showed itself to be, while up. */
const struct hello_peer *wire_peer(const struct wire *w);

/* wire_useful: has anything been answered since wire_start()? */
bool wire_useful(const struct wire *w);

size_t wire_unanswered(const struct wire *w);

/*
 * wire_head_since: when its oldest unanswered request became that, in ms;
 * LOOP_NEVER if there is none.  wire_busy_at: when a client's request was
 * last put or answered, or it came up.
 */
int64_t wire_head_since(const struct wire *w);
int64_t wire_busy_at(const struct wire *w);

/* wire_rtt: the shortest round trip seen while opening, in ms. */
int64_t wire_rtt(const struct wire *w);

#endif
