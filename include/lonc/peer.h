/*
 * peer: the connections to one peer.  There is one as long as the peer
 * lets there be; more are opened while slow requests hold up the others,
 * and closed when they have been idle.
 * Source: lonc-link(8), CONNECTIONS.
 */
#ifndef LONC_PEER_H
#define LONC_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lonc/client.h"
#include "lonc/wire.h"

struct peer;

/* What a peer tells its owner. */
struct peer_owner {
	void (*replies)(void *arg, const struct wire_replies *r);
	void (*lost)(void *arg, void *who, size_t n);
	void (*changed)(void *arg);	/* it came up, or went down */
	void *arg;
};

enum peer_result {
	PEER_PUT,	/* the request will be answered, or lost */
	PEER_FULL,	/* it must wait in the queue that was told */
	PEER_DOWN,	/* there is no connection */
};

/*
 * peer_new: down, with the first attempt due at once.  cf and host are
 * borrowed until peer_settings() says others.  NULL with errno ENOMEM.
 */
struct peer *peer_new(struct loop *lp, const struct peer_owner *owner,
    const struct conf *cf, const struct host *host);
void peer_free(struct peer *p);

/*
 * peer_settings: go on with others.  If elsewhere is set, the connections
 * end and are made anew.  A pause ends in any case.
 */
void peer_settings(struct peer *p, const struct conf *cf,
    const struct host *host, bool elsewhere);

/* peer_stop: all connections end, and no more are made. */
void peer_stop(struct peer *p);

/*
 * peer_put: send a request.  *lane belongs to who: it is NULL at first,
 * and kept while any of who's requests is unanswered (pinned is set), so
 * that its replies keep their order.
 */
enum peer_result peer_put(struct peer *p, const struct wire_request *rq,
    void **lane, bool pinned, struct client_queue **wait);

/* peer_tag: the kind of a request, for wire_request. */
unsigned peer_tag(const char *line, size_t len);

/* peer_waiting: a queue whose first client need not wait, or NULL. */
struct client_queue *peer_waiting(struct peer *p);

/* peer_forget: who's replies are to be dropped. */
void peer_forget(struct peer *p, const void *who);

/* peer_wake: end a pause between attempts, at most once every retry_min. */
void peer_wake(struct peer *p);

/* peer_turn, peer_deadline: as those of a wire. */
void peer_turn(struct peer *p);
int64_t peer_deadline(const struct peer *p);

bool peer_up(const struct peer *p);

/* peer_what: what it showed itself to be when it last came up. */
const struct hello_peer *peer_what(const struct peer *p);

size_t peer_connections(const struct peer *p);	/* that are up */
size_t peer_unanswered(const struct peer *p);

/* peer_next_attempt: in ms from now; -1 if none is to come. */
int64_t peer_next_attempt(const struct peer *p);

/* peer_error: why it last went down or did not come up; "" if never. */
const char *peer_error(const struct peer *p);

/* peer_errors: how often that was. */
uint64_t peer_errors(const struct peer *p);

#endif
