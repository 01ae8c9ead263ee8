/*
 * One connection to a peer:
 *
 *	down -> resolving -> connecting -> opening -> up -> down
 *
 * Any state goes down by a failure or a time that is over; resolving is
 * passed over where the table has the address.  In each state but down
 * exactly one time limit runs:
 *
 *	resolving	init_timeout
 *	connecting	connect_timeout, for each address
 *	opening		init_timeout, for each step
 *	up		request_timeout for the oldest unanswered request;
 *			while there is none, idle_ping until a ping is sent,
 *			and half of that for its answer
 *
 * Requests are gathered in out and sent by wire_turn(), once for all that
 * one wait of the loop has brought.  Replies are handed on in runs: as many
 * as came in a row for the same client are one write to it.
 */
#include "lonc/wire.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lonc/conn.h"
#include "lonc/line.h"
#include "lonc/log.h"
#include "lonc/pair.h"
#include "lonc/resolve.h"
#include "lonc/text.h"

#define READ_BYTES (64 * 1024)	/* of one read from the peer */
#define UNSENT (64 * 1024)	/* unsent bytes before there is no room */
#define WHY 512			/* bytes of a reason */

struct wire {
	struct loop		*lp;
	struct wire_owner	 owner;
	const struct conf	*cf;
	const struct host	*host;
	enum wire_state		 state;
	struct watch		 w;	/* resolver, socket or conn */
	struct resolve		 resolve;
	struct addr		 addr[RESOLVE_MAX];
	int			 naddr, next;
	int			 fd;	/* while connecting */
	struct conn		*conn;
	struct hello_client	 hello;
	int64_t			 since;	/* of the address, step or silence */
	struct line		 line;
	struct buf		 in, out;
	struct pair		 pair;
	size_t			 unsent;	/* of them, when replies came */
	int64_t			 busy_at;	/* not counting pings */
	int64_t			 rtt;	/* ms; the shortest of the opening */
	bool			 useful;
};

static const char unasked[] = "a reply that nobody asked for";
static const char too_long[] = "error: line too long\n";

/* Stands for the wire itself among those who ask: its idle pings. */
static char pinger;

static const char *const names[] = {
	[WIRE_DOWN] = "down",
	[WIRE_RESOLVING] = "resolving",
	[WIRE_CONNECTING] = "connecting",
	[WIRE_OPENING] = "opening",
	[WIRE_UP] = "up",
};

static void connect_next(struct wire *w, const char *why);

/* Puts everything back, and tells those who wait that they are lost. */
static void
clear(struct wire *w)
{
	struct pair_run run;

	w->state = WIRE_DOWN;
	loop_forget(w->lp, &w->w);
	resolve_stop(&w->resolve);
	if (w->fd != -1)
		close(w->fd);
	w->fd = -1;
	conn_close(w->conn);
	w->conn = NULL;
	buf_wipe(&w->in);
	buf_wipe(&w->out);
	hello_client_clear(&w->hello);
	while (w->pair.nreq > 0) {
		run = *pair_head(&w->pair);
		pair_take(&w->pair, run.nreq, 0);
		if (run.who != NULL && run.who != &pinger)
			w->owner.lost(w->owner.arg, run.who, run.nreq);
	}
	pair_free(&w->pair);
}

static void __attribute__((format(printf, 2, 3)))
fail(struct wire *w, const char *fmt, ...)
{
	enum wire_state was = w->state;
	char why[WHY];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	clear(w);
	w->owner.down(w->owner.arg, was, why);
}

static void
enter(struct wire *w, enum wire_state state)
{
	w->state = state;
	w->since = loop_now(w->lp);
}

static int
set_options(const struct wire *w, int fd)
{
	struct addr source;
	struct sockaddr_storage ss;
	socklen_t len;
	unsigned silence = w->cf->idle_ping * 3 / 2;
	int on = 1;

	/* A peer that is gone is noticed by ping; this is for unsent data. */
	if (setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence,
	    sizeof(silence)) == -1 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) == -1)
		return -1;
	if (w->cf->source_address == NULL)
		return 0;
	if (addr_parse(&source, w->cf->source_address) == -1) {
		errno = EINVAL;
		return -1;
	}
	len = addr_sockaddr(&source, 0, &ss);
	return bind(fd, (struct sockaddr *)&ss, len);
}

/* ---- up: requests and replies ---- */

static void
hand_on(struct wire *w, struct wire_replies *run)
{
	if (run->n > 0 && run->who != NULL)
		w->owner.replies(w->owner.arg, run);
	run->n = 0;
}

/*
 * Hands on a sealed reply.  One that cannot be opened is no sealed one but
 * begins so by chance, and goes on as it came.
 */
static void
hand_on_sealed(struct wire *w, struct wire_replies *run)
{
	struct buf plain = BUF_INIT(w->cf->max_reply + 1);

	if (seal_open(&w->hello.seal, run->data, run->len - 1, &plain) == 0 &&
	    buf_put(&plain, "\n", 1) == 0) {
		run->data = buf_data(&plain);
		run->len = buf_len(&plain);
	} else if (errno == EMSGSIZE ||
	    run->len > (size_t)w->cf->max_reply + 1) {
		run->data = too_long;
		run->len = strlen(too_long);
	} else if (errno != EBADMSG) {
		if (run->who != NULL)
			w->owner.lost(w->owner.arg, run->who, run->n);
		run->n = 0;
	}
	hand_on(w, run);
	buf_wipe(&plain);
}

/* A ping's answer shows whether replies are still in step. */
static const char *
judge_ping(const struct wire *w, const char *line, size_t len)
{
	if (w->hello.ponged && !text_is(line, len, w->host->id))
		return "a ping was not answered with the peer's id";
	return NULL;
}

/* Requests that were put and have not wholly gone out. */
static size_t
count_unsent(const struct wire *w)
{
	const char *p, *end;
	size_t n = 0;

	if (buf_len(&w->out) == 0)
		return 0;
	end = buf_data(&w->out) + buf_len(&w->out);
	for (p = buf_data(&w->out); p < end &&
	    (p = memchr(p, '\n', end - p)) != NULL; p++)
		n++;
	return n;
}

/* A reply came for the head: who asked, and was it long in coming? */
static struct pair_run
take_head(struct wire *w)
{
	struct pair_run head = *pair_head(&w->pair);
	int64_t now = loop_now_us(w->lp), since = w->pair.since;

	pair_take(&w->pair, 1, now);
	w->useful = true;
	if (head.who == &pinger)
		return head;
	w->busy_at = loop_now(w->lp);
	if (now - since >= WIRE_SLOW * 1000)
		w->owner.slow(w->owner.arg, head.tag);
	return head;
}

static const char *
reply(struct wire *w, struct wire_replies *run, enum line_result r,
    const char *line, size_t len)
{
	bool is_long = r == LINE_LONG || len > (size_t)w->cf->max_reply;
	bool sealed = r == LINE_OK && text_begins(line, len, "enc:");
	struct wire_replies one = { NULL, line, len + 1, 1, 0 };
	struct pair_run head;

	if (w->pair.nreq <= w->unsent)
		return unasked;
	head = *pair_head(&w->pair);
	if (is_long || sealed || run->who != head.who || run->at != head.at)
		hand_on(w, run);
	/* Only now: that may have led to who being forgotten. */
	head = take_head(w);
	if (head.who == &pinger)
		return judge_ping(w, line, r == LINE_OK ? len : 0);
	if (!is_long && !sealed && run->n > 0) {
		run->len += len + 1;
		run->n++;
		return NULL;
	}
	one.who = head.who;
	one.at = head.at;
	if (sealed)
		hand_on_sealed(w, &one);
	else if (is_long) {
		one.data = too_long;
		one.len = strlen(too_long);
		hand_on(w, &one);
	} else
		*run = one;
	return NULL;
}

static const char *
opening_line(struct wire *w, enum line_result r, const char *line, size_t len)
{
	enum hello_step step = w->hello.step;
	enum hello_result h;

	if (r == LINE_LONG)
		return "a line too long";
	/* It came before what it should answer has gone out. */
	if (buf_len(&w->out) > 0)
		return unasked;
	h = hello_client_line(&w->hello, line, len, &w->out);
	if (h == HELLO_FAILED)
		return w->hello.note;
	if (w->hello.note[0] != '\0')
		log_line("%s", w->hello.note);
	if (loop_now(w->lp) - w->since < w->rtt)
		w->rtt = loop_now(w->lp) - w->since;
	if (w->hello.step != step)
		w->since = loop_now(w->lp);
	if (h == HELLO_UP) {
		enter(w, WIRE_UP);
		w->busy_at = w->since;
		w->owner.up(w->owner.arg);
	}
	return NULL;
}

/* Takes the lines that are there.  Returns NULL, or why it must go down. */
static const char *
take_lines(struct wire *w)
{
	struct wire_replies run = { NULL, NULL, 0, 0, 0 };
	enum line_result r;
	const char *line, *why = NULL;
	size_t at = 0, len = 0, used;

	w->unsent = count_unsent(w);
	while (why == NULL) {
		line = buf_data(&w->in) + at;
		r = line_next(&w->line, line, buf_len(&w->in) - at, &len,
		    &used);
		at += used;
		if (r == LINE_MORE)
			break;
		if (w->state == WIRE_OPENING)
			why = opening_line(w, r, line, len);
		else
			why = reply(w, &run, r, line, len);
	}
	hand_on(w, &run);
	buf_consume(&w->in, at);
	buf_trim(&w->in);
	if (why == NULL && w->state == WIRE_UP && w->pair.nreq == 0 &&
	    (buf_len(&w->in) > 0 || w->line.skipping))
		return unasked;		/* its end might pass for a reply */
	return why;
}

static void
read_some(struct wire *w)
{
	char step[32] = "";
	const char *why;
	ssize_t n;
	char *p;

	if ((p = buf_reserve(&w->in, READ_BYTES)) == NULL) {
		fail(w, "read: %s", strerror(errno));
		return;
	}
	n = conn_read(w->conn, p, READ_BYTES);
	if (n <= 0) {
		buf_trim(&w->in);
		if (w->state == WIRE_OPENING)
			snprintf(step, sizeof(step), "%s: ",
			    hello_step_name(w->hello.step));
		if (n == 0)
			fail(w, "%sthe peer has closed the connection", step);
		else if (errno != EAGAIN && errno != EINTR)
			fail(w, "%sread: %s", step, strerror(errno));
		return;
	}
	buf_commit(&w->in, n);
	if (w->state == WIRE_UP)
		w->since = loop_now(w->lp);
	if ((why = take_lines(w)) != NULL)
		fail(w, "%s", why);
}

static void
conn_act(void *arg, unsigned events)
{
	struct wire *w = arg;

	/* Writing is wire_turn()'s; an event only makes the loop turn. */
	if (events & LOOP_IN)
		read_some(w);
}

/* Sends what has gathered; asks to be woken for what does not go. */
static void
send_out(struct wire *w)
{
	ssize_t n;

	while (buf_len(&w->out) > 0) {
		n = conn_write(w->conn, buf_data(&w->out), buf_len(&w->out));
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			break;
		if (n == -1) {
			fail(w, "write: %s", strerror(errno));
			return;
		}
		buf_consume(&w->out, n);
	}
	buf_trim(&w->out);
	if (loop_want(w->lp, &w->w, conn_events(w->conn, LOOP_IN |
	    (buf_len(&w->out) > 0 ? LOOP_OUT : 0))) == -1)
		fail(w, "epoll: %s", strerror(errno));
}

/* ---- from down to opening ---- */

/* Twice as long and some more, for sealing doubles a line. */
static void
set_limits(struct wire *w)
{
	w->line.limit = 2 * w->cf->max_reply + 256;
	w->in.max = w->line.limit + 1 + 2 * READ_BYTES;
	if (w->in.max < buf_len(&w->in) + READ_BYTES)
		w->in.max = buf_len(&w->in) + READ_BYTES;
	w->out.max = 2 * w->cf->max_line + 256 + 2 * UNSENT;
}

static void
open_dialogue(struct wire *w)
{
	int fd = w->fd;

	loop_forget(w->lp, &w->w);
	if ((w->conn = conn_plain(fd, fd)) == NULL) {
		fail(w, "connect: %s", strerror(errno));
		return;
	}
	w->fd = -1;
	w->line = (struct line)LINE_INIT(0);
	set_limits(w);
	loop_watch(&w->w, fd, conn_act, w);
	enter(w, WIRE_OPENING);
	w->rtt = w->cf->init_timeout;
	if (hello_client_start(&w->hello, w->host->id, w->cf->host_id,
	    &w->out) == HELLO_FAILED)
		fail(w, "%s", w->hello.note);
}

static void
connect_act(void *arg, unsigned events)
{
	struct wire *w = arg;
	socklen_t len = sizeof(int);
	int error = 0;

	(void)events;
	if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error != 0)
		connect_next(w, strerror(error));
	else
		open_dialogue(w);
}

static int
connect_to(struct wire *w, const struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_sockaddr(a, w->cf->port, &ss);

	w->fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);
	if (w->fd == -1 || set_options(w, w->fd) == -1)
		return -1;
	if (connect(w->fd, (struct sockaddr *)&ss, len) == -1 &&
	    errno != EINPROGRESS)
		return -1;
	loop_watch(&w->w, w->fd, connect_act, w);
	return loop_want(w->lp, &w->w, LOOP_OUT);
}

/* Tries the next address; why is what became of the one before. */
static void
connect_next(struct wire *w, const char *why)
{
	char at[ADDR_TEXT], last[WHY];

	for (;;) {
		loop_forget(w->lp, &w->w);
		if (w->fd != -1)
			close(w->fd);
		w->fd = -1;
		if (why != NULL)
			snprintf(last, sizeof(last), "connect %s port %d: %s",
			    addr_text(&w->addr[w->next - 1], at),
			    (int)w->cf->port, why);
		if (w->next == w->naddr) {
			fail(w, "%s", last);
			return;
		}
		if (why != NULL)
			log_line("%s; trying its next address", last);
		enter(w, WIRE_CONNECTING);
		if (connect_to(w, &w->addr[w->next++]) == 0)
			return;
		why = strerror(errno);
	}
}

static void
resolve_act(void *arg, unsigned events)
{
	struct wire *w = arg;
	struct resolve_answer an;

	(void)events;
	if (resolve_read(&w->resolve, &an) == -1)
		return;
	loop_forget(w->lp, &w->w);
	resolve_stop(&w->resolve);
	if (an.n <= 0) {
		fail(w, "resolve %s: %s", w->host->name,
		    an.n == 0 ? "it has no address" : an.text);
		return;
	}
	memcpy(w->addr, an.v, sizeof(w->addr));
	w->naddr = an.n;
	connect_next(w, NULL);
}

void
wire_start(struct wire *w, const struct conf *cf, const struct host *host)
{
	assert(w->state == WIRE_DOWN);
	w->cf = cf;
	w->host = host;
	w->useful = false;
	w->next = 0;
	w->naddr = 1;
	enter(w, WIRE_RESOLVING);
	if (host->has_addr) {
		w->addr[0] = host->addr;
		connect_next(w, NULL);
		return;
	}
	if (resolve_name(&w->resolve, host->name) == -1) {
		fail(w, "resolve %s: %s", host->name, strerror(errno));
		return;
	}
	loop_watch(&w->w, w->resolve.fd, resolve_act, w);
	if (loop_want(w->lp, &w->w, LOOP_IN) == -1)
		fail(w, "epoll: %s", strerror(errno));
}

/* ---- its life ---- */

struct wire *
wire_new(struct loop *lp, const struct wire_owner *owner)
{
	struct wire *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return NULL;
	w->lp = lp;
	w->owner = *owner;
	w->w.fd = w->fd = w->resolve.fd = -1;
	return w;
}

void
wire_free(struct wire *w)
{
	if (w == NULL)
		return;
	clear(w);
	free(w);
}

void
wire_keep(struct wire *w, const struct conf *cf, const struct host *host)
{
	w->cf = cf;
	w->host = host;
	w->hello.peer = host->id;
	w->hello.self = cf->host_id;
	set_limits(w);
}

void
wire_stop(struct wire *w)
{
	clear(w);
}

bool
wire_room(const struct wire *w)
{
	size_t window = w->hello.what.lonc ? w->cf->max_outstanding : 1;

	return w->state == WIRE_UP && w->pair.nreq < window &&
	    buf_len(&w->out) < UNSENT;
}

int
wire_put(struct wire *w, const struct wire_request *rq)
{
	size_t before = buf_len(&w->out);

	if ((rq->sealed ?
	    seal_put(&w->hello.seal, rq->line, rq->len, &w->out) == -1 ||
	    buf_put(&w->out, "\n", 1) == -1 :
	    buf_put(&w->out, rq->line, rq->len + 1) == -1) ||
	    pair_put(&w->pair, rq->who, rq->tag, loop_now_us(w->lp)) == -1) {
		buf_cut(&w->out, before);
		return -1;
	}
	if (rq->who != &pinger)
		w->busy_at = loop_now(w->lp);
	return 0;
}

void
wire_forget(struct wire *w, const void *who)
{
	pair_forget(&w->pair, who);
}

static bool
ping_out(const struct wire *w)
{
	return w->pair.nreq > 0 && pair_head(&w->pair)->who == &pinger;
}

int64_t
wire_deadline(const struct wire *w)
{
	switch (w->state) {
	case WIRE_DOWN:
		break;
	case WIRE_CONNECTING:
		return w->since + w->cf->connect_timeout;
	case WIRE_RESOLVING:
	case WIRE_OPENING:
		return w->since + w->cf->init_timeout;
	case WIRE_UP:
		if (w->pair.nreq == 0)
			return w->since + w->cf->idle_ping;
		return w->pair.since / 1000 + (ping_out(w) ? w->cf->idle_ping / 2 :
		    w->cf->request_timeout);
	}
	return LOOP_NEVER;
}

static void
due(struct wire *w)
{
	const struct wire_request ping = { &pinger, "ping\n", 4, 0, false };

	switch (w->state) {
	case WIRE_DOWN:
		break;
	case WIRE_RESOLVING:
		fail(w, "resolve %s: no answer in time", w->host->name);
		break;
	case WIRE_CONNECTING:
		connect_next(w, strerror(ETIMEDOUT));
		break;
	case WIRE_OPENING:
		fail(w, "%s: no answer in time",
		    hello_step_name(w->hello.step));
		break;
	case WIRE_UP:
		if (w->pair.nreq > 0)
			fail(w, "%s: no answer in time",
			    ping_out(w) ? "ping" : "request");
		else if (wire_put(w, &ping) == -1)
			fail(w, "ping: %s", strerror(errno));
		break;
	}
}

void
wire_turn(struct wire *w)
{
	if (loop_now(w->lp) >= wire_deadline(w))
		due(w);
	if (w->state == WIRE_OPENING || w->state == WIRE_UP)
		send_out(w);
}

enum wire_state
wire_state(const struct wire *w)
{
	return w->state;
}

const char *
wire_state_name(enum wire_state state)
{
	return names[state];
}

const struct hello_peer *
wire_peer(const struct wire *w)
{
	return &w->hello.what;
}

bool
wire_useful(const struct wire *w)
{
	return w->useful;
}

size_t
wire_unanswered(const struct wire *w)
{
	return w->pair.nreq;
}

int64_t
wire_head_since(const struct wire *w)
{
	return w->pair.nreq > 0 ? w->pair.since / 1000 : LOOP_NEVER;
}

int64_t
wire_busy_at(const struct wire *w)
{
	return w->busy_at;
}

int64_t
wire_rtt(const struct wire *w)
{
	return w->rtt;
}
