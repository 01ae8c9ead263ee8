/*
 * The clients of a link.  Each is in one of these conditions:
 *
 *	idle	 nothing to do; in no queue
 *	ready	 has lines, or may have bytes, to be taken; in the queue ready
 *	waiting	 its next line found no room; in a queue of the owner's, who
 *		 resumes the first when there is some
 *	held	 its next line waits for its own earlier ones to be answered,
 *		 or for it to read its replies; in no queue, made ready then
 *	dead	 to be freed by clients_reap()
 *
 * Descriptors are watched edge-triggered: an idle client costs nothing, and
 * one that is not read for a while costs no change of the kernel's set.
 */
#include "lonc/client.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lonc/log.h"

#define TURN_BYTES (64 * 1024)	/* read from one client in one turn */
#define TURN_LINES 64		/* taken from one client in one turn */
#define UNSENT (64 * 1024)	/* replies unsent before its lines wait */
#define ACCEPT_PAUSE 1000	/* ms after accept(2) failed */

struct client {
	struct clients	*cl;
	struct watch	 w;
	struct line	 line;
	struct buf	 in;		/* what was read and not yet taken */
	struct buf	 out;		/* what could not be sent at once */
	size_t		 unanswered;
	bool		 readable;	/* the socket may have bytes */
	bool		 backlog;	/* in may have whole lines */
	bool		 held;
	bool		 ending;	/* the socket has an end to be read */
	bool		 eof;		/* it has been read */
	bool		 dead;
	TAILQ_ENTRY(client) all;	/* in all or dead */
	TAILQ_ENTRY(client) queue;
	struct client_queue *queued;	/* ready, the owner's or NULL */
	void		*mark;		/* the owner's */
};

struct clients {
	struct loop		*lp;
	struct watch		 w;	/* the listening socket */
	struct clients_limits	 limit;
	struct clients_owner	 owner;
	struct client_queue	 all, dead, ready;
	size_t			 n;
	int64_t			 accept_at;	/* when accepting goes on */
	bool			 stopped;
	char			 scratch[TURN_BYTES];
};

static void
enqueue(struct client *c, struct client_queue *q)
{
	if (c->queued != NULL || c->dead)
		return;
	c->queued = q;
	TAILQ_INSERT_TAIL(q, c, queue);
}

static void
dequeue(struct client *c)
{
	if (c->queued == NULL)
		return;
	TAILQ_REMOVE(c->queued, c, queue);
	c->queued = NULL;
}

static void
die(struct client *c)
{
	struct clients *cl = c->cl;
	int fd;

	if (c->dead)
		return;
	dequeue(c);
	c->dead = true;
	cl->owner.gone(cl->owner.arg, c);
	fd = c->w.fd;
	loop_forget(cl->lp, &c->w);
	close(fd);
	TAILQ_REMOVE(&cl->all, c, all);
	TAILQ_INSERT_TAIL(&cl->dead, c, all);
}

/* Ends a client that has sent all it will and has got all it will get. */
static void
finish(struct client *c)
{
	if (c->eof && !c->backlog && c->unanswered == 0 &&
	    buf_len(&c->out) == 0)
		die(c);
}

/* Lets its lines be offered again, unless something else holds them. */
static void
unhold(struct client *c)
{
	if (!c->held || c->unanswered > 0 || buf_len(&c->out) >= UNSENT)
		return;
	c->held = false;
	enqueue(c, &c->cl->ready);
}

static void
want(struct client *c)
{
	unsigned out = buf_len(&c->out) > 0 ? LOOP_OUT : 0;

	if ((c->w.want & LOOP_OUT) != out && loop_want(c->cl->lp, &c->w,
	    LOOP_IN | out | LOOP_EDGE) == -1)
		die(c);
}

/* Sends what is in out, as much as goes. */
static void
flush(struct client *c)
{
	ssize_t n;

	while (buf_len(&c->out) > 0 && !c->dead) {
		n = send(c->w.fd, buf_data(&c->out), buf_len(&c->out),
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno == EAGAIN)
			break;
		if (n == -1) {
			die(c);
			return;
		}
		buf_consume(&c->out, n);
	}
	buf_trim(&c->out);
	want(c);
}

static void
keep_unsent(struct client *c, const char *data, size_t len)
{
	if (buf_put(&c->out, data, len) == 0)
		return;
	log_line("a client that leaves %zu bytes of replies unread is cut off",
	    buf_len(&c->out));
	die(c);
}

/*
 * Offers lines out of data until none is whole, one is not taken or the
 * turn is over; the latter two leave a backlog.  Returns the bytes used.
 */
static size_t
take(struct client *c, const char *data, size_t len)
{
	struct clients *cl = c->cl;
	struct line before;
	enum line_result r;
	enum client_verdict v;
	struct client_queue *wait = NULL;
	size_t at = 0, n, used;

	c->backlog = false;
	for (int i = 0; !c->dead; i++) {
		before = c->line;
		r = line_next(&c->line, data + at, len - at, &n, &used);
		if (r == LINE_MORE)
			return at + used;
		if (buf_len(&c->out) >= UNSENT)
			v = CLIENT_HOLD;
		else if (i == TURN_LINES)
			v = CLIENT_TAKEN;
		else
			v = cl->owner.request(cl->owner.arg, c,
			    r == LINE_OK ? data + at : NULL, n, &wait);
		if (v != CLIENT_TAKEN || i == TURN_LINES) {
			c->line = before;
			c->backlog = true;
			c->held = v == CLIENT_HOLD;
			if (v == CLIENT_FULL)
				enqueue(c, wait);
			return at;
		}
		at += used;
	}
	return at;
}

/*
 * Reads once, of what the turn allows: behind the part of a line that is
 * there, or into the scratch space, so that most clients never need a
 * buffer of their own.  *data is then all there is to take from.
 */
static size_t
fill(struct client *c, char **data)
{
	struct clients *cl = c->cl;
	bool own = buf_len(&c->in) > 0;
	ssize_t n;

	*data = own ? buf_reserve(&c->in, TURN_BYTES) : cl->scratch;
	if (*data == NULL) {
		log_line("a client is cut off: %s", strerror(errno));
		die(c);
		return 0;
	}
	n = recv(c->w.fd, *data, TURN_BYTES, MSG_DONTWAIT);
	/*
	 * After less than was asked for, an edge will tell of more; but of an
	 * end that came with the bytes it has told already.
	 */
	c->readable = n == TURN_BYTES || (n > 0 && c->ending);
	if (n == 0)
		c->eof = true;
	if (n == -1 && errno != EAGAIN && errno != EINTR)
		die(c);
	if (n <= 0)
		return 0;
	if (!own)
		return n;
	buf_commit(&c->in, n);
	*data = buf_data(&c->in);
	return buf_len(&c->in);
}

static void
serve(struct client *c)
{
	struct clients *cl = c->cl;
	char *data;
	size_t len, used;

	if (c->backlog) {
		data = buf_data(&c->in);
		len = buf_len(&c->in);
	} else if (c->eof || cl->stopped)
		len = 0;
	else
		len = fill(c, &data);
	if (len > 0) {
		used = take(c, data, len);
		if (c->dead)
			return;
		if (data == cl->scratch) {
			if (buf_put(&c->in, data + used, len - used) == -1)
				die(c);
		} else
			buf_consume(&c->in, used);
		buf_trim(&c->in);
	}
	flush(c);
	unhold(c);
	finish(c);
	if (!c->held && (c->backlog || (c->readable && !cl->stopped)))
		enqueue(c, &cl->ready);
}

static void
client_act(void *arg, unsigned events)
{
	struct client *c = arg;

	if (events & LOOP_END)
		c->ending = true;
	if ((events & LOOP_IN) && !c->eof) {
		c->readable = true;
		if (!c->held)
			enqueue(c, &c->cl->ready);
	}
	if ((events & LOOP_OUT) && buf_len(&c->out) > 0) {
		flush(c);
		unhold(c);
		finish(c);
	}
}

static void
set_limits(struct client *c)
{
	c->line.limit = c->cl->limit.line;
	c->in.max = c->cl->limit.line + 1 + 2 * TURN_BYTES;
	if (c->in.max < buf_len(&c->in) + TURN_BYTES)
		c->in.max = buf_len(&c->in) + TURN_BYTES;
	c->out.max = c->cl->limit.unread;
}

static void
add(struct clients *cl, int fd)
{
	struct client *c;

	if ((c = calloc(1, sizeof(*c))) == NULL) {
		close(fd);
		return;
	}
	c->cl = cl;
	set_limits(c);
	loop_watch(&c->w, fd, client_act, c);
	if (loop_want(cl->lp, &c->w, LOOP_IN | LOOP_EDGE) == -1) {
		close(fd);
		free(c);
		return;
	}
	TAILQ_INSERT_TAIL(&cl->all, c, all);
	cl->n++;
}

static void
want_accept(struct clients *cl)
{
	bool on = !cl->stopped && cl->n < cl->limit.n &&
	    loop_now(cl->lp) >= cl->accept_at;

	if (loop_want(cl->lp, &cl->w, on ? LOOP_IN : 0) == -1)
		cl->accept_at = loop_now(cl->lp) + ACCEPT_PAUSE;
}

static void
accept_act(void *arg, unsigned events)
{
	struct clients *cl = arg;
	int fd;

	(void)events;
	while (!cl->stopped && cl->n < cl->limit.n) {
		fd = accept4(cl->w.fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd != -1) {
			add(cl, fd);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (errno != EAGAIN) {
			log_line("accept: %s", strerror(errno));
			cl->accept_at = loop_now(cl->lp) + ACCEPT_PAUSE;
		}
		break;
	}
}

struct clients *
clients_new(struct loop *lp, int listenfd, const struct clients_limits *limits,
    const struct clients_owner *owner)
{
	struct clients *cl;

	if ((cl = malloc(sizeof(*cl))) == NULL)
		return NULL;
	/* Not calloc(3): scratch is touched only when it is used. */
	memset(cl, 0, offsetof(struct clients, scratch));
	cl->lp = lp;
	cl->limit = *limits;
	cl->owner = *owner;
	TAILQ_INIT(&cl->all);
	TAILQ_INIT(&cl->dead);
	TAILQ_INIT(&cl->ready);
	loop_watch(&cl->w, listenfd, accept_act, cl);
	if (loop_want(lp, &cl->w, LOOP_IN) == -1) {
		free(cl);
		return NULL;
	}
	return cl;
}

void
clients_free(struct clients *cl)
{
	struct client *c;

	if (cl == NULL)
		return;
	while ((c = TAILQ_FIRST(&cl->all)) != NULL)
		die(c);
	cl->stopped = true;
	clients_reap(cl);
	loop_forget(cl->lp, &cl->w);
	free(cl);
}

void
clients_limit(struct clients *cl, const struct clients_limits *limits)
{
	struct client *c;

	cl->limit = *limits;
	TAILQ_FOREACH(c, &cl->all, all)
		set_limits(c);
}

void
clients_turn(struct clients *cl)
{
	struct client *c, *last = TAILQ_LAST(&cl->ready, client_queue);

	while (last != NULL && (c = TAILQ_FIRST(&cl->ready)) != NULL) {
		dequeue(c);
		if (c == last)
			last = NULL;
		serve(c);
	}
}

void
clients_resume(struct clients *cl, struct client_queue *q)
{
	struct client *c = TAILQ_FIRST(q);

	assert(c != NULL && c->cl == cl);
	dequeue(c);
	serve(c);
}

bool
clients_more(const struct clients *cl)
{
	return !TAILQ_EMPTY(&cl->ready);
}

int64_t
clients_deadline(const struct clients *cl)
{
	return !cl->stopped && cl->accept_at > loop_now(cl->lp) ?
	    cl->accept_at : LOOP_NEVER;
}

void
clients_reap(struct clients *cl)
{
	struct client *c;

	while ((c = TAILQ_FIRST(&cl->dead)) != NULL) {
		TAILQ_REMOVE(&cl->dead, c, all);
		buf_free(&c->in);
		buf_free(&c->out);
		free(c);
		cl->n--;
	}
	want_accept(cl);	/* where the last one was one too many */
}

void
clients_stop(struct clients *cl)
{
	cl->stopped = true;
	want_accept(cl);
}

bool
clients_quiet(const struct clients *cl)
{
	const struct client *c;

	TAILQ_FOREACH(c, &cl->all, all)
		if (c->unanswered > 0 || c->backlog || buf_len(&c->out) > 0)
			return false;
	return true;
}

size_t
clients_count(const struct clients *cl)
{
	return cl->n;
}

void
client_answer(struct client *c, const char *text)
{
	assert(c->unanswered == 0);
	keep_unsent(c, text, strlen(text));	/* serve() sends it */
}

void
client_expect(struct client *c)
{
	c->unanswered++;
}

size_t
client_unanswered(const struct client *c)
{
	return c->unanswered;
}

void **
client_mark(struct client *c)
{
	return &c->mark;
}

void
client_reply(struct client *c, const char *data, size_t len, size_t n)
{
	ssize_t sent = 0;

	if (c->dead)
		return;
	assert(n <= c->unanswered);
	c->unanswered -= n;
	if (buf_len(&c->out) == 0) {
		sent = send(c->w.fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent == -1 && errno != EAGAIN) {
			die(c);
			return;
		}
		if (sent == -1)
			sent = 0;
	}
	if ((size_t)sent < len) {
		keep_unsent(c, data + sent, len - sent);
		if (!c->dead)
			want(c);
	}
	unhold(c);
	finish(c);
}

uid_t
client_uid(const struct client *c)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(c->w.fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1)
		return (uid_t)-1;
	return cred.uid;
}
