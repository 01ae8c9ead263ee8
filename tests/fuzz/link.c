/*
 * A link's clients and its connections, without either: clients that flood,
 * read slowly, say half a line and leave; connections that come, are slow
 * and go.  Every client gets its replies in its own order, and none waits
 * for ever.
 */
#include "lonc/link.h"

#include <errno.h>
#include <sys/socket.h>

#include <bsd/unistd.h>

#include "fake.h"
#include "lonc/door.h"
#include "lonc/loop.h"
#include "lonc/notify.h"
#include "lonc/wire.h"

#define CLIENTS 5
#define REQUESTS 200		/* of one client */
#define WIRES 4
#define LISTEN_FD 1000		/* none of these is open */
#define CLIENT_FD 1001
#define MAX_LINE 1024
#define WAITS 3000		/* until all must be answered */
#define IDLE_TURNS 8

static struct input in;
static bool draining;		/* what can go well does, until the end */
static unsigned nwaits, ndue;

/* ---- clients ---- */

struct asked {
	char	want[24];
	bool	sure;		/* con_lost would be wrong */
};

static struct fake_client {
	bool		 called, accepted, left, ended;
	struct buf	 in;		/* what it has sent */
	struct buf	 out;		/* what it has got */
	size_t		 room;		/* bytes it will take now */
	struct watch	*w;
	unsigned	 edge;		/* events not yet told */
	struct asked	 asked[REQUESTS];
	size_t		 nasked, ngot;
} clients[CLIENTS];

static struct fake_client *
client_of(int fd)
{
	MUST(fd >= CLIENT_FD && fd < CLIENT_FD + CLIENTS);
	return &clients[fd - CLIENT_FD];
}

int
accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	(void)sa;
	(void)len;
	(void)flags;
	MUST(fd == LISTEN_FD);
	for (int i = 0; i < CLIENTS; i++)
		if (clients[i].called && !clients[i].accepted) {
			clients[i].accepted = true;
			return CLIENT_FD + i;
		}
	errno = EAGAIN;
	return -1;
}

ssize_t
recv(int fd, void *data, size_t len, int flags)
{
	struct fake_client *c = client_of(fd);

	(void)flags;
	if (buf_len(&c->in) == 0) {
		errno = EAGAIN;
		return c->ended || c->left ? 0 : -1;
	}
	if (len > buf_len(&c->in))
		len = buf_len(&c->in);
	memcpy(data, buf_data(&c->in), len);
	buf_consume(&c->in, len);
	return len;
}

/* Where recv(2) with its flags is not enough. */
ssize_t
recvmsg(int fd, struct msghdr *msg, int flags)
{
	msg->msg_flags = 0;
	return recv(fd, msg->msg_iov->iov_base, msg->msg_iov->iov_len, flags);
}

ssize_t
send(int fd, const void *data, size_t len, int flags)
{
	struct fake_client *c;

	(void)flags;
	if (fd == -1) {
		errno = EBADF;
		return -1;
	}
	c = client_of(fd);
	if (c->left || c->room == 0) {
		errno = c->left ? EPIPE : EAGAIN;
		return -1;
	}
	if (len > c->room)
		len = c->room;
	MUST(buf_put(&c->out, data, len) == 0);
	c->room -= len;
	return len;
}

/* Each whole line that a client has got must be what it is to get next. */
static void
check_replies(struct fake_client *c)
{
	struct input got = input_of(&c->out);
	struct asked *a;
	size_t len;
	char *line;

	while (got.left > 0 && memchr(got.p, '\n', got.left) != NULL) {
		line = take_line(&got, &len);
		buf_consume(&c->out, len + 1);
		MUST(c->ngot < c->nasked);
		a = &c->asked[c->ngot++];
		MUST(strcmp(line, a->want) == 0 ||
		    (!a->sure && strcmp(line, "con_lost") == 0));
		free(line);
	}
}

/* ---- connections ---- */

struct wire {
	struct wire_owner	 owner;
	const struct conf	*cf;
	enum wire_state		 state;
	bool			 useful;
	struct hello_peer	 what;
	struct wire_request	 rq[REQUESTS * CLIENTS];
	char			 text[REQUESTS * CLIENTS][24];
	int64_t			 at[REQUESTS * CLIENTS];
	size_t			 first, end;
	int64_t			 since, busy_at;
};

struct loop {
	int64_t			 now;	/* microseconds */
};

static struct loop loop;
static struct wire *wires[WIRES];
static size_t nwire;

struct wire *
wire_new(struct loop *lp, const struct wire_owner *owner)
{
	struct wire *w = calloc(1, sizeof(*w));

	(void)lp;
	MUST(w != NULL && nwire < WIRES);
	w->owner = *owner;
	return wires[nwire++] = w;
}

static void
lose(struct wire *w)
{
	w->state = WIRE_DOWN;
	while (w->first < w->end) {
		struct wire_request *rq = &w->rq[w->first++];

		if (rq->who != NULL)
			w->owner.lost(w->owner.arg, rq->who, 1);
	}
	w->first = w->end = 0;
}

void
wire_free(struct wire *w)
{
	lose(w);
	free(w);
}

void
wire_start(struct wire *w, const struct conf *cf, const struct host *host)
{
	(void)host;
	MUST(w->state == WIRE_DOWN);
	w->cf = cf;
	w->state = WIRE_CONNECTING;
	w->useful = false;
}

void
wire_keep(struct wire *w, const struct conf *cf, const struct host *host)
{
	(void)host;
	w->cf = cf;
}

void
wire_stop(struct wire *w)
{
	lose(w);
}

bool
wire_room(const struct wire *w)
{
	return w->state == WIRE_UP && w->end < REQUESTS * CLIENTS &&
	    w->end - w->first < (w->what.lonc ? 8 : 1);
}

int
wire_put(struct wire *w, const struct wire_request *rq)
{
	MUST(wire_room(w) && rq->len < sizeof(w->text[0]));
	MUST(rq->line[rq->len] == '\n');
	if (w->first == w->end)
		w->since = loop.now / 1000;
	w->rq[w->end] = *rq;
	memcpy(w->text[w->end], rq->line, rq->len);
	w->text[w->end][rq->len] = '\n';
	w->at[w->end++] = loop.now;
	w->busy_at = loop.now / 1000;
	return 0;
}

void
wire_forget(struct wire *w, const void *who)
{
	for (size_t i = w->first; i < w->end; i++)
		if (w->rq[i].who == who)
			w->rq[i].who = NULL;
}

void
wire_turn(struct wire *w)
{
	(void)w;
}

int64_t
wire_deadline(const struct wire *w)
{
	(void)w;
	return LOOP_NEVER;
}

enum wire_state
wire_state(const struct wire *w)
{
	return w->state;
}

const char *
wire_state_name(enum wire_state state)
{
	return state == WIRE_UP ? "up" : "not up";
}

const struct hello_peer *
wire_peer(const struct wire *w)
{
	return &w->what;
}

bool
wire_useful(const struct wire *w)
{
	return w->useful;
}

size_t
wire_unanswered(const struct wire *w)
{
	return w->end - w->first;
}

int64_t
wire_head_since(const struct wire *w)
{
	return w->first < w->end ? w->since : LOOP_NEVER;
}

int64_t
wire_busy_at(const struct wire *w)
{
	return w->busy_at;
}

int64_t
wire_rtt(const struct wire *w)
{
	(void)w;
	return 1;
}

/* Answers the next request with its own text.  Was there one? */
static bool
answers(struct wire *w)
{
	struct wire_request rq;
	struct wire_replies r;

	if (w->first == w->end)
		return false;
	rq = w->rq[w->first];
	r = (struct wire_replies){ rq.who, w->text[w->first], rq.len + 1, 1,
	    w->at[w->first] };
	w->first++;
	w->useful = true;
	if (loop.now / 1000 - w->since >= WIRE_SLOW)
		w->owner.slow(w->owner.arg, rq.tag);
	w->since = w->busy_at = loop.now / 1000;
	if (r.who != NULL)
		w->owner.replies(w->owner.arg, &r);
	return true;
}

static bool
comes_up(struct wire *w, bool lonc)
{
	if (w->state != WIRE_CONNECTING)
		return false;
	w->state = WIRE_UP;
	w->what.lonc = lonc;
	w->since = w->busy_at = loop.now / 1000;
	w->owner.up(w->owner.arg);
	return true;
}

static bool
goes_down(struct wire *w)
{
	enum wire_state was = w->state;

	if (was == WIRE_DOWN)
		return false;
	for (int i = 0; i < CLIENTS; i++)
		for (size_t j = 0; j < clients[i].nasked; j++)
			clients[i].asked[j].sure = false;
	lose(w);
	w->owner.down(w->owner.arg, was, "gone");
	return true;
}

/* ---- the loop ---- */

static struct watch *listener;
static void (*signal_act)(void *arg, int signo);
static void *signal_arg;

struct loop *
loop_new(void)
{
	return &loop;
}

void
loop_free(struct loop *lp)
{
	(void)lp;
}

void
loop_watch(struct watch *w, int fd, void (*act)(void *arg, unsigned events),
    void *arg)
{
	*w = (struct watch){ .fd = fd, .act = act, .arg = arg };
	if (fd == LISTEN_FD)
		listener = w;
	else
		client_of(fd)->w = w;
}

static unsigned
events_of(const struct fake_client *c)
{
	return (buf_len(&c->in) > 0 || c->ended || c->left ? LOOP_IN : 0) |
	    (c->ended || c->left ? LOOP_END : 0) |
	    (c->room > 0 || c->left ? LOOP_OUT : 0);
}

int
loop_want(struct loop *lp, struct watch *w, unsigned want)
{
	MUST(lp == &loop && w->fd != -1);
	if (w->fd != LISTEN_FD && want != 0) {
		MUST(want & LOOP_EDGE);
		client_of(w->fd)->edge = events_of(client_of(w->fd));
	}
	w->want = want;
	return 0;
}

void
loop_forget(struct loop *lp, struct watch *w)
{
	(void)lp;
	if (w->fd >= CLIENT_FD)
		client_of(w->fd)->w = NULL;
	w->fd = -1;
}

int
loop_signals(struct loop *lp, const int *signals,
    void (*act)(void *arg, int signo), void *arg)
{
	(void)lp;
	(void)signals;
	signal_act = act;
	signal_arg = arg;
	return 0;
}

int64_t
loop_now(const struct loop *lp)
{
	return lp->now / 1000;
}

int64_t
loop_now_us(const struct loop *lp)
{
	return lp->now;
}

/* Tells of what is new.  Was there anything? */
static bool
dispatch(void)
{
	struct fake_client *c;
	unsigned events;
	bool any = false;

	for (int i = 0; i < CLIENTS; i++)
		if (clients[i].called && !clients[i].accepted &&
		    listener->want != 0) {
			listener->act(listener->arg, LOOP_IN);
			any = true;
		}
	for (c = clients; c < clients + CLIENTS; c++) {
		if (c->w == NULL)
			continue;
		events = c->edge & (c->w->want | LOOP_END);
		c->edge &= ~events;
		if (events == 0)
			continue;
		c->w->act(c->w->arg, events);
		any = true;
	}
	return any;
}

static bool
all_are_answered(void)
{
	bool all = true;

	for (struct fake_client *c = clients; c < clients + CLIENTS; c++) {
		check_replies(c);
		all &= !c->called || c->left || c->ngot == c->nasked;
	}
	return all;
}

/* Lets all go well, and ends when there is nothing more to be seen. */
static bool
drain(int64_t deadline)
{
	bool any = false;

	MUST(nwaits++ < WAITS);
	for (struct fake_client *c = clients; c < clients + CLIENTS; c++) {
		if (c->w != NULL && c->room < 1000000)
			c->edge |= LOOP_OUT;
		c->room = 1000000;
		/* Whoever has all makes room for others. */
		if (c->w != NULL && !c->ended && c->ngot == c->nasked) {
			c->ended = true;
			c->edge |= LOOP_IN | LOOP_END;
		}
	}
	if (all_are_answered()) {
		signal_act(signal_arg, SIGTERM);
		return true;
	}
	for (size_t i = 0; i < nwire; i++)
		any |= answers(wires[i]) || comes_up(wires[i], true);
	if (!any && deadline != LOOP_NEVER)
		loop.now = deadline * 1000;
	return any;
}

/* ---- what happens ---- */

static void
ask(struct fake_client *c, unsigned n, const char *text, const char *want)
{
	struct asked *a = &c->asked[c->nasked];
	bool up = false;

	if (!c->called || c->left || c->ended || c->nasked == REQUESTS)
		return;
	for (size_t i = 0; i < nwire; i++)
		up |= wires[i]->state == WIRE_UP;
	a->sure = up && want == NULL;
	if (want == NULL) {
		snprintf(a->want, sizeof(a->want), "%c:%td.%zu", "abcd"[n & 3],
		    c - clients, c->nasked);
		MUST(buf_puts(&c->in, text) == 0);
		text = a->want;
	} else
		snprintf(a->want, sizeof(a->want), "%s", want);
	c->nasked++;
	MUST(buf_puts(&c->in, text) == 0 && buf_put(&c->in, "\n", 1) == 0);
	c->edge |= LOOP_IN;
}

static void
ask_other(struct fake_client *c, unsigned n)
{
	static const char *const words[][2] = {
		{ "", "unknown_cmd" }, { "lonc:wake", "ok" },
		{ "init", "refused" }, { "encrypt:lonc:wake", "unknown_cmd" },
	};
	char line[MAX_LINE + 100];

	if (n < 4) {
		ask(c, 0, words[n][0], words[n][1]);
		return;
	}
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	ask(c, 0, line, "error: line too long");
}

static bool
one_thing(void)
{
	unsigned op = take(&in), n = take(&in);
	struct fake_client *c = &clients[n % CLIENTS];
	struct wire *w = wires[n % nwire];

	switch (op % 12) {
	case 0:
		c->called = true;
		c->room = op;
		break;
	case 1: case 2:
		for (unsigned i = 0; i <= op / 12; i++)
			ask(c, op + i, n & 8 ? "encrypt:" : "", NULL);
		break;
	case 3:
		ask_other(c, op / 12 % 5);
		break;
	case 4:
		c->ended |= c->called;
		c->edge |= LOOP_IN | LOOP_END;
		break;
	case 5:
		c->left |= c->called;
		c->edge |= LOOP_IN | LOOP_OUT | LOOP_END;
		break;
	case 6:
		c->edge |= LOOP_OUT;
		c->room += op;
		break;
	case 7: case 8:
		for (unsigned i = 0; i < op / 12; i++)
			answers(w);
		return true;
	case 9:
		return comes_up(w, op / 12 % 2);
	case 10:
		return goes_down(w);
	case 11:
		loop.now += (int64_t)n * n * 1000;
		break;
	}
	return false;
}

/* As in epoll_wait(2): nothing that brings no event ends it. */
int
loop_wait(struct loop *lp, int64_t deadline)
{
	unsigned idle = 0;
	bool any;

	if (deadline <= loop_now(lp)) {
		MUST(ndue++ < 1000);
		dispatch();
		return 0;
	}
	ndue = 0;
	do {
		draining |= in.left == 0;
		any = draining ? drain(deadline) : one_thing();
		any |= dispatch();
		MUST(!draining || idle++ < IDLE_TURNS);
	} while (!any && deadline > loop_now(lp));
	return 0;
}

/* ---- the rest of the world ---- */

static const struct host host = { .id = "there", .name = "there",
    .has_addr = true };

int
site_load(struct site *s, const char *dir)
{
	(void)s;
	(void)dir;
	return -1;
}

void
site_free(struct site *s)
{
	(void)s;
}

const struct host *
site_peer(const struct site *s, const char *id)
{
	(void)s;
	(void)id;
	return &host;
}

int
door_open(struct door *d, const char *dir, const char *id, const char *group,
    bool need_group)
{
	(void)dir;
	(void)id;
	(void)group;
	(void)need_group;
	d->fd = LISTEN_FD;
	d->lockfd = -1;
	d->why[0] = '\0';
	return 0;
}

void
door_shut(struct door *d)
{
	(void)d;
}

void
door_close(struct door *d)
{
	(void)d;
}

void
notify_send(const char *state)
{
	(void)state;
}

void
setproctitle(const char *fmt, ...)
{
	(void)fmt;
}

uint64_t
log_dropped(void)
{
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf cf = fake_conf;
	struct site site = { .cf = &cf };
	struct link *l;
	int status = 0;

	in = (struct input){ data, size };
	loop.now = 1000000;
	nwire = nwaits = ndue = 0;
	draining = false;
	for (int i = 0; i < CLIENTS; i++) {
		buf_free(&clients[i].in);
		buf_free(&clients[i].out);
		memset(&clients[i], 0, sizeof(clients[i]));
		clients[i].in.max = clients[i].out.max = 1 << 24;
	}
	cf.host_id = "here";
	cf.connections = WIRES - 1;
	cf.retry_min = 50;
	cf.retry_max = 500;
	cf.max_clients = 1 + take(&in) % CLIENTS;
	cf.max_line = MAX_LINE;
	MUST((l = link_open(&site, "there", "/nowhere", &status)) != NULL);
	MUST(link_run(l) == 0);
	link_free(l);
	all_are_answered();
	return 0;
}
