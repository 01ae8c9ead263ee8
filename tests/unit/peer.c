/*
 * The connections to one peer, with the peer in the same loop: it opens each
 * by itself and answers pings, and each test says what else it answers.
 *
 * Not tested: memory that runs out.
 */
#include "lonc/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "lonc/addr.h"
#include "lonc/buf.h"
#include "lonc/log.h"

#define PEER "msul1"
#define SELF "msua1"
#define CHALLENGE "80311542976318042257"
#define BUILD_KEY "12345A0EF78D90A12B3C99F04B17D2E6"
#define VERSION "lonc-9.9"
#define LONG 60000	/* ms that never are over here */
#define CALLS 16

/* What waits in a queue; nothing is known of it but that. */
struct client {
	TAILQ_ENTRY(client) queue;
};

/* Those who ask. */
struct asker {
	char	 name;
	void	*lane;
	size_t	 n;	/* unanswered */
};

static struct asker asker[] = {
	{ 'A', NULL, 0 }, { 'B', NULL, 0 }, { 'C', NULL, 0 }, { 'D', NULL, 0 },
};

#define A (&asker[0])
#define B (&asker[1])
#define C (&asker[2])
#define D (&asker[3])

static struct loop *lp;
static struct peer *peer;
static struct conf cf;
static struct host host;
static struct watch listening;

/* The peer's end of each connection, in the order that they came. */
static struct call {
	struct watch	 w;
	struct buf	 in;
	char		 asked[256];	/* and not answered: "REQUEST " each */
	bool		 eof;
} call[CALLS];
static size_t ncalls;
static bool hangs_up;		/* on whoever calls */

static char told[4096];		/* what the owner was told, a line each */
static char logged[8192];
static int64_t patience = 10000;

/* What fails in setting up a test is no finding. */
static int
sure(int rc, const char *what)
{
	if (rc == -1) {
		perror(what);
		exit(2);
	}
	return rc;
}

static void __attribute__((format(printf, 3, 0)))
append(char *text, size_t size, const char *fmt, va_list ap)
{
	size_t len = strlen(text);

	vsnprintf(text + len, size - len, fmt, ap);
}

static void __attribute__((format(printf, 1, 2)))
tell(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append(told, sizeof(told), fmt, ap);
	va_end(ap);
}

/* In place of the library's. */
void
log_line(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append(logged, sizeof(logged) - 1, fmt, ap);
	va_end(ap);
	strcat(logged, "\n");
}

/* ---- the owner ---- */

static void
owner_replies(void *arg, const struct wire_replies *r)
{
	struct asker *a = r->who;

	CHECK(arg == told);
	CHECK(r->n <= a->n);
	a->n -= r->n;
	tell("%c %.*s", a->name, (int)r->len, r->data);
}

static void
owner_lost(void *arg, void *who, size_t n)
{
	struct asker *a = who;

	CHECK(arg == told);
	a->n -= n;
	tell("%c lost %zu\n", a->name, n);
}

static void
owner_changed(void *arg)
{
	CHECK(arg == told);
	tell(peer_up(peer) ? "up\n" : "down\n");
}

/* What was told since this was last asked must be want. */
static void
check_told(const char *want)
{
	CHECK_STR(want, told);
	told[0] = '\0';
}

static enum peer_result
try(struct asker *a, const char *text, struct client_queue **wait)
{
	char line[256];
	struct wire_request rq = { a, line, strlen(text), 0, false };
	enum peer_result r;

	snprintf(line, sizeof(line), "%s\n", text);
	rq.tag = peer_tag(text, rq.len);
	*wait = NULL;
	r = peer_put(peer, &rq, &a->lane, a->n > 0, wait);
	a->n += r == PEER_PUT;
	CHECK_INT(r == PEER_FULL, *wait != NULL);
	return r;
}

static enum peer_result
put(struct asker *a, const char *text)
{
	struct client_queue *wait;

	return try(a, text, &wait);
}

/* ---- the peer ---- */

static void
says(struct call *ca, const char *text)
{
	char line[256];

	snprintf(line, sizeof(line), "%s\n", text);
	CHECK_INT(strlen(line), send(ca->w.fd, line, strlen(line),
	    MSG_NOSIGNAL));
}

/* Opens, answers pings, keeps the rest for the test. */
static void
heard(struct call *ca, const char *line)
{
	static const char *const open[][2] = {
		{ "init", CHALLENGE }, { CHALLENGE, "ok" },
		{ "sethost:" PEER, "ok" },
		{ "version:lonc-" LONC_VERSION, "version:" VERSION },
		{ "pong", PEER ":" SELF }, { "ekey", BUILD_KEY },
		{ "ping", PEER },
	};

	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
		if (strcmp(line, open[i][0]) == 0) {
			says(ca, open[i][1]);
			return;
		}
	if (CHECK(strlen(ca->asked) + strlen(line) + 2 < sizeof(ca->asked))) {
		strcat(ca->asked, line);
		strcat(ca->asked, " ");
	}
}

static void
call_act(void *arg, unsigned events)
{
	struct call *ca = arg;
	char data[4096], *lf;
	ssize_t n = recv(ca->w.fd, data, sizeof(data), MSG_DONTWAIT);

	(void)events;
	if (n == 0 || (n == -1 && errno != EAGAIN)) {
		ca->eof = true;
		CHECK_INT(0, loop_want(lp, &ca->w, 0));
	}
	if (n <= 0)
		return;
	sure(buf_put(&ca->in, data, n), "what was sent");
	while (buf_len(&ca->in) > 0 && (lf = memchr(buf_data(&ca->in), '\n',
	    buf_len(&ca->in))) != NULL) {
		*lf = '\0';
		heard(ca, buf_data(&ca->in));
		buf_consume(&ca->in, lf + 1 - (char *)buf_data(&ca->in));
	}
}

static void
listen_act(void *arg, unsigned events)
{
	struct call *ca = &call[ncalls];
	int fd, on = 1;

	(void)arg, (void)events;
	fd = sure(accept4(listening.fd, NULL, NULL, SOCK_CLOEXEC), "accept");
	if (!CHECK(ncalls < CALLS) || hangs_up) {
		close(fd);
		return;
	}
	sure(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)),
	    "TCP_NODELAY");
	*ca = (struct call){ .in = BUF_INIT(1 << 16) };
	loop_watch(&ca->w, fd, call_act, ca);
	CHECK_INT(0, loop_want(lp, &ca->w, LOOP_IN));
	ncalls++;
}

static void
hang_up(struct call *ca)
{
	int fd = ca->w.fd;

	if (fd == -1)
		return;
	loop_forget(lp, &ca->w);
	close(fd);
	buf_free(&ca->in);
}

/* ---- the loop ---- */

static void
turn(int64_t deadline)
{
	int64_t at;

	peer_turn(peer);
	at = peer_deadline(peer);
	CHECK_INT(0, loop_wait(lp, at < deadline ? at : deadline));
}

/*
 * Turns until it is so.  False if that takes too long, also if it is so then:
 * without this end of the wait it would have taken even longer.
 */
static bool
until(bool (*is_so)(void))
{
	int64_t deadline = loop_now(lp) + patience;

	while (!is_so() && loop_now(lp) < deadline)
		turn(deadline);
	if (loop_now(lp) < deadline)
		return CHECK(is_so());
	patience = 500;
	return CHECK(!"in time");
}

/* Lets so many ms pass. */
static void
pass(int64_t ms)
{
	int64_t deadline = loop_now(lp) + ms;

	while (loop_now(lp) < deadline)
		turn(deadline);
}

static size_t lanes_wanted;

static bool
lanes_are_up(void)
{
	return peer_connections(peer) == lanes_wanted;
}

static bool
until_lanes(size_t n)
{
	lanes_wanted = n;
	return until(lanes_are_up);
}

static struct call *asked_of;
static const char *asked;

static bool
is_asked(void)
{
	return strcmp(asked_of->asked, asked) == 0;
}

/* What is unanswered there will be this. */
static void
hears(struct call *ca, const char *want)
{
	asked_of = ca;
	asked = want;
	if (!until(is_asked))
		CHECK_STR(want, ca->asked);
}

static bool
is_told(void)
{
	return told[0] != '\0';
}

static void
told_soon(const char *want)
{
	until(is_told);
	check_told(want);
}

/* Answers what has been unanswered there the longest. */
static void
answer(struct call *ca, const char *text)
{
	char *end = strchr(ca->asked, ' ');

	if (!CHECK(end != NULL))
		return;
	memmove(ca->asked, end + 1, strlen(end + 1) + 1);
	says(ca, text);
}

static bool
may_go_on(void)
{
	return peer_waiting(peer) != NULL;
}

/* ---- beginnings and ends ---- */

static void
begin(int64_t connections)
{
	static const struct peer_owner owner = { owner_replies, owner_lost,
	    owner_changed, told };

	cf.connect_timeout = cf.init_timeout = cf.request_timeout = LONG;
	cf.idle_ping = cf.retry_min = cf.retry_max = LONG;
	cf.max_outstanding = 1000;
	cf.max_line = cf.max_reply = 1000;
	cf.connections = connections;
	ncalls = 0;
	hangs_up = false;
	told[0] = logged[0] = '\0';
	for (size_t i = 0; i < sizeof(asker) / sizeof(asker[0]); i++) {
		asker[i].lane = NULL;
		asker[i].n = 0;
	}
	CHECK_INT(0, loop_wait(lp, 0));
	if ((peer = peer_new(lp, &owner, &cf, &host)) == NULL) {
		perror("peer_new");
		exit(2);
	}
}

static void
begin_up(int64_t connections)
{
	begin(connections);
	until_lanes(1);
	check_told("up\n");
}

static void
end(void)
{
	peer_free(peer);
	for (size_t i = 0; i < ncalls; i++)
		hang_up(&call[i]);
}

/* A second connection comes of a slow request of A on the first. */
static void
grow_to_two(void)
{
	CHECK_INT(PEER_PUT, put(A, "slow:1"));
	until_lanes(2);
	hears(&call[0], "slow:1 ");
	pass(2);	/* its age is told in ms here, but counts in us */
	check_told("");
}

/* ---- the tests ---- */

static void
test_up(void)
{
	begin(4);
	CHECK(!peer_up(peer));
	CHECK_INT(PEER_DOWN, put(A, "get:1"));
	CHECK_INT(0, peer_next_attempt(peer));
	CHECK_STR("", peer_error(peer));
	until_lanes(1);
	check_told("up\n");
	CHECK(peer_up(peer));
	CHECK_INT(1, ncalls);
	CHECK_INT(-1, peer_next_attempt(peer));
	CHECK_STR(VERSION, peer_what(peer)->version);
	CHECK(peer_what(peer)->lonc);
	CHECK_INT(PEER_PUT, put(A, "get:1"));
	CHECK_INT(PEER_PUT, put(B, "get:2"));
	CHECK_INT(2, peer_unanswered(peer));
	hears(&call[0], "get:1 get:2 ");
	answer(&call[0], "1");
	answer(&call[0], "2");
	told_soon("A 1\nB 2\n");
	CHECK_INT(0, peer_unanswered(peer));
	CHECK(peer_waiting(peer) == NULL);
	/* Nothing slow, nothing more. */
	pass(WIRE_SLOW + 50);
	CHECK_INT(1, ncalls);
	end();
}

static void
test_tag(void)
{
	CHECK_INT(peer_tag("get", 3), peer_tag("get:key", 7));
	CHECK_INT(peer_tag("get:a", 5), peer_tag("get:b", 5));
	CHECK(peer_tag("get", 3) != peer_tag("put", 3));
	CHECK(peer_tag("slow", 4) != peer_tag("quick", 5));
}

/* One more when all were held up for WIRE_SLOW, for whoever waits. */
static void
test_grow(void)
{
	struct client_queue *wait;
	struct client waiter;
	int64_t began;

	begin_up(1);
	CHECK_INT(PEER_PUT, put(A, "slow:1"));
	began = loop_now(lp);
	/* Nobody knows yet that it is slow. */
	CHECK_INT(PEER_PUT, put(B, "quick:1"));
	pass(WIRE_SLOW / 2);
	/* It is late, so that it may be. */
	CHECK_INT(PEER_FULL, try(C, "quick:2", &wait));
	TAILQ_INSERT_TAIL(wait, &waiter, queue);
	CHECK(peer_waiting(peer) == NULL);
	until_lanes(2);
	CHECK(loop_now(lp) >= began + WIRE_SLOW);
	CHECK(loop_now(lp) < began + WIRE_SLOW + patience / 2);
	CHECK_STR("slow:1 quick:1 ", call[0].asked);
	CHECK(strstr(logged, "slow requests: opening connection 2\n") !=
	    NULL);
	CHECK(peer_waiting(peer) == wait);
	TAILQ_REMOVE(wait, &waiter, queue);
	CHECK(peer_waiting(peer) == NULL);
	CHECK_INT(PEER_PUT, put(C, "quick:2"));
	hears(&call[1], "quick:2 ");
	answer(&call[1], "2");
	told_soon("C 2\n");
	pass(2);	/* its age is told in ms here, but counts in us */
	answer(&call[0], "1");
	answer(&call[0], "1");
	told_soon("A 1\nB 1\n");

	/* Now it is known, and kept apart from the others. */
	CHECK_INT(PEER_PUT, put(A, "slow:3"));
	CHECK_INT(PEER_PUT, put(B, "quick:3"));
	CHECK_INT(PEER_PUT, put(C, "slow:4"));
	CHECK_INT(PEER_PUT, put(D, "other:5"));
	hears(&call[1], "slow:3 slow:4 ");
	hears(&call[0], "quick:3 other:5 ");
	check_told("");
	end();
}

/* Not more than 1 + connections; then one goes behind a slow one. */
static void
test_most(void)
{
	begin_up(2);
	grow_to_two();
	CHECK_INT(PEER_PUT, put(B, "slow:2"));
	until_lanes(3);
	CHECK_INT(PEER_PUT, put(C, "slow:3"));
	hears(&call[1], "slow:2 ");
	hears(&call[2], "slow:3 ");
	pass(2 * WIRE_SLOW);
	CHECK_INT(3, ncalls);
	CHECK_INT(3, peer_connections(peer));
	CHECK(peer_deadline(peer) > loop_now(lp) + 100);
	CHECK_INT(PEER_PUT, put(D, "quick:1"));
	CHECK_INT(4, peer_unanswered(peer));
	end();
}

/* Whoever has unanswered requests goes on where they are. */
static void
test_pinned(void)
{
	struct client_queue *wait;
	struct client waiter;

	begin_up(1);
	grow_to_two();
	CHECK_INT(PEER_PUT, put(A, "quick:1"));
	hears(&call[0], "slow:1 quick:1 ");
	CHECK_STR("", call[1].asked);

	/* Also if there is no room, while there is some elsewhere. */
	cf.max_outstanding = 2;
	CHECK_INT(PEER_FULL, try(A, "quick:2", &wait));
	TAILQ_INSERT_TAIL(wait, &waiter, queue);
	CHECK(peer_waiting(peer) == NULL);
	CHECK_INT(PEER_PUT, put(B, "quick:3"));
	hears(&call[1], "quick:3 ");
	answer(&call[1], "3");
	told_soon("B 3\n");
	CHECK(peer_waiting(peer) == NULL);
	answer(&call[0], "1");
	told_soon("A 1\n");
	CHECK(peer_waiting(peer) == wait);
	TAILQ_REMOVE(wait, &waiter, queue);
	CHECK_INT(PEER_PUT, put(A, "quick:2"));
	hears(&call[0], "quick:1 quick:2 ");

	/* One that has none may go elsewhere. */
	answer(&call[0], "1");
	answer(&call[0], "2");
	told_soon("A 1\nA 2\n");
	CHECK_INT(PEER_PUT, put(A, "slow:4"));
	hears(&call[1], "slow:4 ");

	/* Who waits for a lane that ends must not wait for ever. */
	CHECK_INT(PEER_PUT, put(A, "slow:5"));
	CHECK_INT(PEER_FULL, try(A, "slow:6", &wait));
	TAILQ_INSERT_TAIL(wait, &waiter, queue);
	hang_up(&call[1]);
	told_soon("A lost 1\nA lost 1\n");
	CHECK(peer_waiting(peer) == wait);
	TAILQ_REMOVE(wait, &waiter, queue);
	CHECK_INT(PEER_PUT, put(A, "slow:6"));
	hears(&call[0], "slow:6 ");
	end();
}

static bool
second_ended(void)
{
	return call[1].eof;
}

static void
test_shrink(void)
{
	int64_t since;

	begin_up(1);
	grow_to_two();
	answer(&call[0], "1");
	told_soon("A 1\n");
	CHECK_INT(PEER_PUT, put(A, "slow:2"));
	hears(&call[1], "slow:2 ");
	cf.idle_ping = 300;
	/* Not while something is unanswered, however long. */
	pass(3 * cf.idle_ping);
	CHECK_INT(2, peer_connections(peer));
	answer(&call[1], "2");
	told_soon("A 2\n");
	since = loop_now(lp);
	until(second_ended);
	CHECK(loop_now(lp) >= since + 2 * cf.idle_ping);
	CHECK(loop_now(lp) < since + patience / 2);
	CHECK_INT(1, peer_connections(peer));
	/* The first stays. */
	pass(3 * cf.idle_ping);
	CHECK_INT(1, peer_connections(peer));
	CHECK(!call[0].eof);
	check_told("");
	CHECK_INT(2, ncalls);
	end();
}

/* It is down when the last one is, and then tries again, after a pause. */
static void
test_down(void)
{
	int64_t began;

	begin_up(1);
	grow_to_two();
	CHECK_INT(PEER_PUT, put(B, "quick:1"));
	hears(&call[1], "quick:1 ");
	hang_up(&call[0]);
	told_soon("A lost 1\n");
	CHECK(peer_up(peer));
	CHECK_STR("up: the peer has closed the connection", peer_error(peer));
	CHECK_INT(1, peer_connections(peer));
	CHECK_INT(-1, peer_next_attempt(peer));
	cf.retry_min = cf.retry_max = 200;
	hang_up(&call[1]);
	told_soon("B lost 1\ndown\n");
	began = loop_now(lp);
	CHECK(!peer_up(peer));
	CHECK_INT(PEER_DOWN, put(A, "quick:2"));
	CHECK(peer_next_attempt(peer) >= 100);
	CHECK(peer_next_attempt(peer) <= 200);
	CHECK_INT(began + peer_next_attempt(peer), peer_deadline(peer));
	until_lanes(1);
	CHECK(loop_now(lp) >= began + 100);
	check_told("up\n");
	CHECK_INT(3, ncalls);
	end();
}

static bool
has_error(void)
{
	return peer_error(peer)[0] != '\0';
}

static bool
is_pausing(void)
{
	return peer_next_attempt(peer) > 0;
}

/* A pause can be ended from outside, but not again and again. */
static void
test_wake(void)
{
	begin(1);
	hangs_up = true;
	until(has_error);
	check_told("");		/* it was not up */
	CHECK(peer_next_attempt(peer) >= LONG / 2);
	pass(20);
	CHECK(peer_next_attempt(peer) > 0);
	peer_wake(peer);
	CHECK_INT(0, peer_next_attempt(peer));
	turn(loop_now(lp));
	until(is_pausing);
	peer_wake(peer);
	CHECK(peer_next_attempt(peer) > LONG / 4);
	/* New settings end it in any case. */
	hangs_up = false;
	peer_settings(peer, &cf, &host, false);
	CHECK_INT(0, peer_next_attempt(peer));
	until_lanes(1);
	check_told("up\n");
	CHECK_INT(1, ncalls);
	/* While it is up there is nothing to wake. */
	peer_wake(peer);
	CHECK_INT(-1, peer_next_attempt(peer));
	end();
}

/* One more that cannot be had is not waited for, nor tried at once again. */
static void
test_grow_fails(void)
{
	struct client_queue *wait;
	struct client waiter;

	begin_up(1);
	hangs_up = true;
	CHECK_INT(PEER_PUT, put(A, "slow:1"));
	pass(WIRE_SLOW / 2);
	CHECK_INT(PEER_FULL, try(B, "quick:1", &wait));
	TAILQ_INSERT_TAIL(wait, &waiter, queue);
	until(may_go_on);
	CHECK(has_error());
	CHECK(peer_waiting(peer) == wait);
	TAILQ_REMOVE(wait, &waiter, queue);
	CHECK_INT(PEER_PUT, put(B, "quick:1"));
	hears(&call[0], "slow:1 quick:1 ");
	check_told("");
	logged[0] = '\0';
	hangs_up = false;
	pass(2 * WIRE_SLOW);
	CHECK_STR("", logged);
	CHECK_INT(1, ncalls);
	CHECK(peer_deadline(peer) > loop_now(lp) + 100);
	end();
}

/*
 * What is only late may yet be answered soon: others wait until it turns
 * out to be slow, and then no longer.
 */
static void
test_wait_and_see(void)
{
	struct client_queue *wait;
	struct client waiter;
	int64_t began;

	/* There can be no more connections, and none is on its way. */
	begin_up(1);
	grow_to_two();
	pass(1000);
	CHECK_INT(PEER_PUT, put(B, "slow:2"));
	began = loop_now(lp);
	hears(&call[1], "slow:2 ");
	pass(WIRE_SLOW / 2);
	CHECK_INT(PEER_FULL, try(C, "quick:1", &wait));
	TAILQ_INSERT_TAIL(wait, &waiter, queue);
	until(may_go_on);
	CHECK(loop_now(lp) >= began + WIRE_SLOW);
	TAILQ_REMOVE(wait, &waiter, queue);
	CHECK_INT(PEER_PUT, put(C, "quick:1"));
	end();

	/* One more could not be had, and is not to be tried for long. */
	begin_up(1);
	hangs_up = true;
	CHECK_INT(PEER_PUT, put(A, "slow:1"));
	until(has_error);
	answer(&call[0], "1");
	told_soon("A 1\n");
	CHECK_INT(PEER_PUT, put(A, "slow:2"));
	began = loop_now(lp);
	hears(&call[0], "slow:2 ");
	pass(WIRE_SLOW / 2);
	CHECK_INT(PEER_FULL, try(C, "quick:1", &wait));
	TAILQ_INSERT_TAIL(wait, &waiter, queue);
	until(may_go_on);
	CHECK(loop_now(lp) >= began + WIRE_SLOW);
	TAILQ_REMOVE(wait, &waiter, queue);
	CHECK_INT(PEER_PUT, put(C, "quick:1"));
	end();
}

/* Who waits when all is lost is told so. */
static void
test_down_waiting(void)
{
	struct client_queue *wait;
	struct client waiter;

	begin_up(1);
	CHECK_INT(PEER_PUT, put(A, "slow:1"));
	pass(WIRE_SLOW / 2);
	CHECK_INT(PEER_FULL, try(B, "quick:1", &wait));
	TAILQ_INSERT_TAIL(wait, &waiter, queue);
	hang_up(&call[0]);
	told_soon("A lost 1\ndown\n");
	CHECK(peer_waiting(peer) == wait);
	TAILQ_REMOVE(wait, &waiter, queue);
	CHECK_INT(PEER_DOWN, put(B, "quick:1"));
	end();
}

static bool
both_ended(void)
{
	return call[0].eof && call[1].eof;
}

static void
test_settings(void)
{
	static struct conf other;

	begin_up(1);
	grow_to_two();
	other = cf;
	peer_settings(peer, &other, &host, false);
	pass(20);
	CHECK_INT(2, peer_connections(peer));
	check_told("");
	peer_settings(peer, &cf, &host, true);
	check_told("A lost 1\ndown\n");
	CHECK_INT(0, peer_connections(peer));
	CHECK_INT(0, peer_next_attempt(peer));
	until_lanes(1);
	check_told("up\n");
	until(both_ended);
	CHECK_INT(3, ncalls);
	CHECK_INT(PEER_PUT, put(A, "quick:1"));
	hears(&call[2], "quick:1 ");
	end();
}

static void
test_stop(void)
{
	begin_up(1);
	grow_to_two();
	peer_stop(peer);
	check_told("A lost 1\ndown\n");
	CHECK_INT(PEER_DOWN, put(A, "quick:1"));
	CHECK_INT(-1, peer_next_attempt(peer));
	CHECK_INT(LOOP_NEVER, peer_deadline(peer));
	until(both_ended);
	pass(20);
	CHECK_INT(2, ncalls);
	end();
}

/* On whatever connection; others' still come. */
static void
test_forget(void)
{
	begin_up(1);
	grow_to_two();
	CHECK_INT(PEER_PUT, put(A, "quick:1"));
	CHECK_INT(PEER_PUT, put(B, "quick:2"));
	hears(&call[0], "slow:1 quick:1 ");
	hears(&call[1], "quick:2 ");
	peer_forget(peer, A);
	CHECK_INT(3, peer_unanswered(peer));
	answer(&call[0], "1");
	answer(&call[0], "1");
	hears(&call[0], "");
	answer(&call[1], "2");
	told_soon("B 2\n");
	pass(20);
	CHECK_INT(0, peer_unanswered(peer));
	check_told("");
	end();
}

static int
lowest_descriptor(void)
{
	int fd = sure(open("/dev/null", O_RDONLY | O_CLOEXEC), "/dev/null");

	close(fd);
	return fd;
}

static int
listener(int64_t *port)
{
	struct sockaddr_storage ss;
	struct sockaddr_in in;
	socklen_t len = addr_sockaddr(&host.addr, 0, &ss);
	int fd;

	fd = sure(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0), "socket");
	sure(bind(fd, (struct sockaddr *)&ss, len), "bind");
	sure(listen(fd, 8), "listen");
	len = sizeof(in);
	sure(getsockname(fd, (struct sockaddr *)&in, &len), "getsockname");
	*port = ntohs(in.sin_port);
	return fd;
}

int
main(void)
{
	int before;

	alarm(120);
	signal(SIGPIPE, SIG_IGN);
	if ((lp = loop_new()) == NULL) {
		perror("loop");
		return 2;
	}
	cf.host_id = (char *)SELF;
	host.id = (char *)PEER;
	host.name = (char *)"";
	host.has_addr = true;
	sure(addr_parse(&host.addr, "127.0.0.1"), "127.0.0.1");
	loop_watch(&listening, listener(&cf.port), listen_act, NULL);
	CHECK_INT(0, loop_want(lp, &listening, LOOP_IN));
	before = lowest_descriptor();

	test_up();
	test_tag();
	test_grow();
	test_most();
	test_pinned();
	test_shrink();
	test_down();
	test_wake();
	test_grow_fails();
	test_wait_and_see();
	test_down_waiting();
	test_settings();
	test_stop();
	test_forget();

	peer_free(NULL);
	CHECK_INT(before, lowest_descriptor());
	close(listening.fd);
	loop_free(lp);
	return check_status();
}
