/*
 * The connections to one peer, called lanes.
 *
 * A slow request holds up all that are behind it on its lane, so slow ones
 * are kept apart: a word that lately took WIRE_SLOW goes to the last lanes,
 * all others to the first lane that no slow request holds up.  While the
 * oldest unanswered request of every lane is older than WIRE_SLOW one more
 * is opened, up to 1 + connections in all; it is closed again after twice
 * idle_ping without a request, the first one excepted.
 *
 * When no lane is up one is tried again and again, after pauses.  A further
 * one that cannot be opened is not tried again before a pause of its own.
 */
#include "lonc/peer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lonc/log.h"
#include "lonc/msg.h"
#include "lonc/pause.h"

#define TAGS 64			/* kinds of request that are told apart */
#define LATE 10			/* ms beyond two round trips */
#define SLOW_MEMORY 60000	/* ms that a slow word is remembered */
#define GROW_WAIT 1000		/* ms that requests wait for a new lane */
#define ERROR 256		/* bytes of a reason */

struct lane {
	struct peer		*peer;
	struct wire		*wire;
	struct client_queue	 waiting;	/* those pinned to it */
	bool			 slow;	/* has had a slow word since idle */
};

struct peer {
	struct loop		*lp;
	struct peer_owner	 owner;
	const struct conf	*cf;
	const struct host	*host;
	struct lane		*lane[1 + CONF_CONNECTIONS_MAX];
	size_t			 nlane;
	struct client_queue	 waiting[2];	/* those with a fast, slow word */
	int64_t			 slow_until[TAGS];
	struct hello_peer	 what;
	struct pause		 pause, grow_pause;
	int64_t			 retry_at;	/* while no lane is up */
	int64_t			 grow_at;	/* no further lane before */
	int64_t			 grown_at;	/* when one was begun last */
	int64_t			 woken_at;
	bool			 up;
	bool			 stopped;
	char			 error[ERROR];
	uint64_t		 errors;	/* how many there have been */
};

static bool
lane_up(const struct lane *la)
{
	return wire_state(la->wire) == WIRE_UP;
}

static size_t
count(const struct peer *p, bool up)
{
	size_t n = 0;

	for (size_t i = 0; i < p->nlane; i++)
		n += up ? lane_up(p->lane[i]) :
		    wire_state(p->lane[i]->wire) != WIRE_DOWN;
	return n;
}

static int64_t
next_pause(struct peer *p, struct pause *pause)
{
	uint32_t random = 0;

	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	return pause_next(pause, p->cf->retry_min, p->cf->retry_max, random);
}

/* ---- what the wires tell ---- */

static void
lane_is_up(void *arg)
{
	struct lane *la = arg;
	struct peer *p = la->peer;

	p->what = *wire_peer(la->wire);
	la->slow = false;
	if (p->up) {
		log_line("opening -> up: connection %zu", count(p, true));
		return;
	}
	p->up = true;
	log_line("opening -> up: version %s, legacy, %s",
	    p->what.version[0] != '\0' ? p->what.version : "unknown",
	    p->what.lonc ? "pipelined" : "one request at a time");
	p->owner.changed(p->owner.arg);
}

static void
lane_is_down(void *arg, enum wire_state was, const char *why)
{
	struct lane *la = arg;
	struct peer *p = la->peer;
	int64_t wait;

	snprintf(p->error, sizeof(p->error), "%s: %s", wire_state_name(was),
	    why);
	p->errors++;
	if (wire_useful(la->wire))
		pause_reset(&p->pause);
	if (count(p, true) > 0) {
		if (was != WIRE_UP)
			p->grow_at = loop_now(p->lp) +
			    next_pause(p, &p->grow_pause);
		log_line("%s -> down: %s; %zu other connections are up",
		    wire_state_name(was), why, count(p, true));
		return;
	}
	wait = next_pause(p, &p->pause);
	p->retry_at = loop_now(p->lp) + wait;
	log_line("%s -> down: %s; next attempt in %" PRId64 ".%" PRId64 " s",
	    wire_state_name(was), why, wait / 1000, wait % 1000 / 100);
	if (p->up) {
		p->up = false;
		p->owner.changed(p->owner.arg);
	}
}

static void
lane_replies(void *arg, const struct wire_replies *r)
{
	struct lane *la = arg;

	la->peer->owner.replies(la->peer->owner.arg, r);
}

static void
lane_lost(void *arg, void *who, size_t n)
{
	struct lane *la = arg;

	la->peer->owner.lost(la->peer->owner.arg, who, n);
}

static void
lane_slow(void *arg, unsigned tag)
{
	struct lane *la = arg;

	la->peer->slow_until[tag % TAGS] = loop_now(la->peer->lp) +
	    SLOW_MEMORY;
}

/* ---- lanes come and go ---- */

/* A lane that is down, made if need be.  NULL if there can be no more. */
static struct lane *
spare(struct peer *p)
{
	struct wire_owner wo = { lane_is_up, lane_replies, lane_lost,
	    lane_slow, lane_is_down, NULL };
	struct lane *la;

	for (size_t i = 0; i < p->nlane; i++)
		if (wire_state(p->lane[i]->wire) == WIRE_DOWN)
			return p->lane[i];
	if (p->nlane > (size_t)p->cf->connections ||
	    (la = calloc(1, sizeof(*la))) == NULL)
		return NULL;
	wo.arg = la;
	if ((la->wire = wire_new(p->lp, &wo)) == NULL) {
		free(la);
		return NULL;
	}
	la->peer = p;
	TAILQ_INIT(&la->waiting);
	p->lane[p->nlane++] = la;
	return la;
}

/* How long the oldest unanswered request has been that, in ms. */
static int64_t
age(const struct lane *la, int64_t now)
{
	int64_t since = wire_head_since(la->wire);

	return since == LOOP_NEVER ? 0 : now - since;
}

/* Is the oldest unanswered request of every lane that is up a slow one? */
static bool
all_held_up(const struct peer *p, int64_t now)
{
	for (size_t i = 0; i < p->nlane; i++)
		if (lane_up(p->lane[i]) && age(p->lane[i], now) < WIRE_SLOW)
			return false;
	return true;
}

/* Is one more lane allowed, and none on its way? */
static bool
may_grow(const struct peer *p)
{
	size_t begun = count(p, false);

	return p->up && begun == count(p, true) &&
	    begun <= (size_t)p->cf->connections;
}

/*
 * Is it better to wait than to go behind a slow request: is a new lane on
 * its way, or about to be?
 */
static bool
worth_waiting(const struct peer *p, int64_t now)
{
	if (!all_held_up(p, now))
		return false;
	return may_grow(p) ? now >= p->grow_at :
	    count(p, false) > count(p, true) && now < p->grown_at + GROW_WAIT;
}

static void
grow(struct peer *p, int64_t now)
{
	struct lane *la;

	if (!may_grow(p) || !all_held_up(p, now) || now < p->grow_at)
		return;
	if ((la = spare(p)) == NULL) {
		p->grow_at = now + next_pause(p, &p->grow_pause);
		return;
	}
	log_line("slow requests: opening connection %zu", count(p, true) + 1);
	p->grown_at = now;
	wire_start(la->wire, p->cf, p->host);
}

static int64_t
idle_at(const struct peer *p, const struct lane *la)
{
	return wire_busy_at(la->wire) + 2 * p->cf->idle_ping;
}

/* Ends lanes that were idle, but for the first that is up. */
static void
shrink(struct peer *p, int64_t now)
{
	bool first = true;

	for (size_t i = 0; i < p->nlane; i++) {
		struct lane *la = p->lane[i];

		if (!lane_up(la))
			continue;
		if (!first && wire_head_since(la->wire) == LOOP_NEVER &&
		    now >= idle_at(p, la)) {
			wire_stop(la->wire);
			pause_reset(&p->grow_pause);
			log_line("up -> down: an idle connection; %zu are up",
			    count(p, true));
		}
		first = false;
	}
}

/* ---- requests ---- */

unsigned
peer_tag(const char *line, size_t len)
{
	uint32_t hash = 2166136261u;	/* FNV-1a */

	len = msg_word(line, len < 64 ? len : 64);
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)line[i]) * 16777619u;
	return (hash ^ hash >> 16) % TAGS;
}

static bool
lane_has_room(const struct lane *la)
{
	return lane_up(la) && wire_room(la->wire);
}

/* The one with less to answer; a may be NULL. */
static struct lane *
lighter(struct lane *a, struct lane *b)
{
	return a == NULL || wire_unanswered(b->wire) <
	    wire_unanswered(a->wire) ? b : a;
}

/*
 * For a fast word: the first lane where nothing slow is.  One whose oldest
 * request is late may soon turn out to be held up: wait and see.  Better to
 * go behind a slow word that is not yet late than to wait for ever.
 */
static struct lane *
pick_fast(struct peer *p, int64_t now)
{
	struct lane *behind = NULL, *last = NULL;
	bool late, maybe = false;

	for (size_t i = 0; i < p->nlane; i++) {
		struct lane *la = p->lane[i];

		if (!lane_has_room(la))
			continue;
		late = age(la, now) >= LATE + 2 * wire_rtt(la->wire);
		if (wire_unanswered(la->wire) == 0 || (!late && !la->slow))
			return la;
		if (!late)
			behind = lighter(behind, la);
		else {
			last = lighter(last, la);
			maybe |= age(la, now) < WIRE_SLOW;
		}
	}
	if (behind != NULL)
		return behind;
	return maybe || worth_waiting(p, now) ? NULL : last;
}

/*
 * For a slow word: an idle lane, the last first, else the lightest.  The
 * first that is up is kept for fast words as long as it is not alone.
 */
static struct lane *
pick_slow(struct peer *p, int64_t now)
{
	struct lane *best = NULL;
	size_t up = count(p, true);

	for (size_t i = p->nlane; i-- > 0; ) {
		struct lane *la = p->lane[i];

		if (!lane_up(la) || (--up == 0 && count(p, true) > 1) ||
		    !lane_has_room(la))
			continue;
		if (wire_unanswered(la->wire) == 0)
			return la;
		best = lighter(best, la);
	}
	return worth_waiting(p, now) ? NULL : best;
}

static struct lane *
pick(struct peer *p, bool slow)
{
	int64_t now = loop_now(p->lp);

	return slow ? pick_slow(p, now) : pick_fast(p, now);
}

enum peer_result
peer_put(struct peer *p, const struct wire_request *rq, void **lane,
    bool pinned, struct client_queue **wait)
{
	bool slow = loop_now(p->lp) < p->slow_until[rq->tag % TAGS];
	struct lane *la = *lane;

	if (!p->up || p->stopped)
		return PEER_DOWN;
	if (!pinned || la == NULL)
		la = pick(p, slow);
	if (la == NULL || !wire_room(la->wire)) {
		*wait = la == NULL ? &p->waiting[slow] : &la->waiting;
		return PEER_FULL;
	}
	if (wire_head_since(la->wire) == LOOP_NEVER)
		la->slow = false;
	if (wire_put(la->wire, rq) == -1)
		return PEER_DOWN;
	la->slow |= slow;
	*lane = la;
	return PEER_PUT;
}

struct client_queue *
peer_waiting(struct peer *p)
{
	for (size_t i = 0; i < p->nlane; i++)
		if (!TAILQ_EMPTY(&p->lane[i]->waiting) &&
		    (!lane_up(p->lane[i]) || wire_room(p->lane[i]->wire)))
			return &p->lane[i]->waiting;
	for (int slow = 0; slow < 2; slow++)
		if (!TAILQ_EMPTY(&p->waiting[slow]) &&
		    (!p->up || p->stopped || pick(p, slow) != NULL))
			return &p->waiting[slow];
	return NULL;
}

void
peer_forget(struct peer *p, const void *who)
{
	for (size_t i = 0; i < p->nlane; i++)
		wire_forget(p->lane[i]->wire, who);
}

/* ---- its life ---- */

struct peer *
peer_new(struct loop *lp, const struct peer_owner *owner,
    const struct conf *cf, const struct host *host)
{
	struct peer *p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return NULL;
	p->lp = lp;
	p->owner = *owner;
	p->cf = cf;
	p->host = host;
	TAILQ_INIT(&p->waiting[0]);
	TAILQ_INIT(&p->waiting[1]);
	p->retry_at = loop_now(lp);
	p->woken_at = p->retry_at - cf->retry_min;
	if (spare(p) == NULL) {
		free(p);
		return NULL;
	}
	return p;
}

void
peer_free(struct peer *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->nlane; i++) {
		wire_free(p->lane[i]->wire);
		free(p->lane[i]);
	}
	free(p);
}

static void
stop_all(struct peer *p)
{
	for (size_t i = 0; i < p->nlane; i++)
		wire_stop(p->lane[i]->wire);
	if (p->up) {
		p->up = false;
		p->owner.changed(p->owner.arg);
	}
}

void
peer_settings(struct peer *p, const struct conf *cf, const struct host *host,
    bool elsewhere)
{
	if (elsewhere)
		stop_all(p);
	p->cf = cf;
	p->host = host;
	for (size_t i = 0; i < p->nlane; i++)
		wire_keep(p->lane[i]->wire, cf, host);
	p->retry_at = loop_now(p->lp);
}

void
peer_stop(struct peer *p)
{
	p->stopped = true;
	stop_all(p);
}

void
peer_wake(struct peer *p)
{
	int64_t now = loop_now(p->lp);

	if (count(p, false) > 0 || now - p->woken_at < p->cf->retry_min)
		return;
	p->woken_at = now;
	p->retry_at = now;
}

void
peer_turn(struct peer *p)
{
	int64_t now = loop_now(p->lp);
	struct lane *la;

	if (!p->stopped && count(p, false) == 0 && now >= p->retry_at) {
		if ((la = spare(p)) != NULL)
			wire_start(la->wire, p->cf, p->host);
	}
	if (!p->stopped)
		grow(p, now);
	for (size_t i = 0; i < p->nlane; i++)
		wire_turn(p->lane[i]->wire);
	shrink(p, now);
}

int64_t
peer_deadline(const struct peer *p)
{
	int64_t at = LOOP_NEVER, one, now = loop_now(p->lp), held = 0;

	for (size_t i = 0; i < p->nlane; i++) {
		const struct lane *la = p->lane[i];

		if ((one = wire_deadline(la->wire)) < at)
			at = one;
		if (!lane_up(la))
			continue;
		if (i > 0 && (one = idle_at(p, la)) < at && one > now)
			at = one;
		/* Who waits and sees whether this is slow has seen it then. */
		one = wire_head_since(la->wire);
		if (one != LOOP_NEVER && !TAILQ_EMPTY(&p->waiting[0]) &&
		    one + WIRE_SLOW > now && one + WIRE_SLOW < at)
			at = one + WIRE_SLOW;
		/* When all will be held up, if nothing happens before. */
		if (one == LOOP_NEVER || held == LOOP_NEVER)
			held = LOOP_NEVER;
		else if (one + WIRE_SLOW > held)
			held = one + WIRE_SLOW;
	}
	if (p->stopped)
		return at;
	if (count(p, false) == 0)
		return p->retry_at < at ? p->retry_at : at;
	if (held == LOOP_NEVER)
		return at;
	if (may_grow(p))
		one = held > p->grow_at ? held : p->grow_at;
	else
		one = p->grown_at + GROW_WAIT;
	return one > now && one < at ? one : at;
}

bool
peer_up(const struct peer *p)
{
	return p->up;
}

const struct hello_peer *
peer_what(const struct peer *p)
{
	return &p->what;
}

size_t
peer_connections(const struct peer *p)
{
	return count(p, true);
}

size_t
peer_unanswered(const struct peer *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->nlane; i++)
		n += wire_unanswered(p->lane[i]->wire);
	return n;
}

int64_t
peer_next_attempt(const struct peer *p)
{
	int64_t left = p->retry_at - loop_now(p->lp);

	if (p->stopped || count(p, false) > 0)
		return -1;
	return left < 0 ? 0 : left;
}

const char *
peer_error(const struct peer *p)
{
	return p->error;
}

uint64_t
peer_errors(const struct peer *p)
{
	return p->errors;
}
