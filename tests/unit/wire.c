/*
 * One connection, with the peer's end in the same loop: each test says what
 * the peer reads and writes, and looks at what the owner was told.
 *
 * Host names are looked up in a table here, in place of the C library's.
 *
 * Not tested: memory that runs out, that keys are wiped, what TCP does about
 * a peer that vanishes.
 */
#include "lonc/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "lonc/addr.h"
#include "lonc/buf.h"
#include "lonc/log.h"
#include "lonc/seal.h"

#define LEN(text) (sizeof(text) - 1)
#define PEER "msul1"
#define SELF "msua1"
#define CHALLENGE "80311542976318042257"
#define BUILD_KEY "12345A0EF78D90A12B3C99F04B17D2E6"
#define OLD "$Revision: 1.121 $"
#define LONC "lonc-9.9"
#define LONG 60000	/* ms that never are over here */
#define SHORT 30	/* ms to be waited for */

/* Those who ask, by their names. */
static char asker[] = "ABC";

#define A (&asker[0])
#define B (&asker[1])
#define C (&asker[2])

static struct loop *lp;
static struct wire *wire;
static struct conf cf;
static struct host host;

/* What the owner was told, a line each. */
static struct buf told = BUF_INIT(1 << 20);

/* The peer: its listening socket, its end of the connection. */
static struct {
	struct watch	 listen, conn;
	struct buf	 in;		/* what the link has sent */
	struct addr	 from;		/* where it called from */
	bool		 eof;
	int		 ncalls;
	struct seal	 seal;
} peer;

/* ms for what should happen soon; fewer when something did not. */
static int64_t patience = 10000;

static const char *pong = PEER ":" SELF;	/* what the peer answers */

static unsigned tag_put;		/* of the requests that are put */
static int64_t replied_at;	/* of the last replies: when they were asked */

static void *forget_on_reply;	/* by the owner, as soon as it is told */

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

/* ---- the log ---- */

static int log_fd = -1, saved_stderr = -1;

/* From here to unhush() the log, and what fails, goes elsewhere. */
static void
hush(void)
{
	log_fd = sure(memfd_create("log", MFD_CLOEXEC), "memfd_create");
	saved_stderr = sure(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10), "dup");
	sure(dup2(log_fd, STDERR_FILENO), "dup2");
}

/* What was logged meanwhile must be this. */
static void
unhush(const char *want)
{
	char logged[4096];
	ssize_t n;

	sure(dup2(saved_stderr, STDERR_FILENO), "dup2");
	n = pread(log_fd, logged, sizeof(logged) - 1, 0);
	logged[sure(n, "pread")] = '\0';
	CHECK_STR(want, logged);
	close(saved_stderr);
	close(log_fd);
}

/* ---- host names ---- */

/* Names, and up to two addresses. */
static const struct {
	const char	*name;
	const char	*addr[2];
} names[] = {
	{ "good.example", { "127.0.0.1" } },
	{ "second.example", { "127.0.0.2", "127.0.0.1" } },
	{ "bad.example", { "127.0.0.2", "127.0.0.3" } },
	{ "none.example", { NULL } },
};

/* Runs in the resolver's process. */
int
getaddrinfo(const char *name, const char *service,
    const struct addrinfo *hints, struct addrinfo **list)
{
	static struct addrinfo ai[2];
	static struct sockaddr_storage ss[2];
	struct addr a;

	(void)service, (void)hints;
	*list = NULL;
	if (strcmp(name, "slow.example") == 0)
		for (;;)
			pause();
	if (strcmp(name, "dies.example") == 0)
		_exit(0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i].name) != 0)
			continue;
		for (int k = 1; k >= 0; k--) {
			if (names[i].addr[k] == NULL)
				continue;
			sure(addr_parse(&a, names[i].addr[k]), name);
			ai[k].ai_addrlen = addr_sockaddr(&a, 0, &ss[k]);
			ai[k].ai_addr = (struct sockaddr *)&ss[k];
			ai[k].ai_next = *list;
			*list = &ai[k];
		}
		return 0;
	}
	return EAI_NONAME;
}

void
freeaddrinfo(struct addrinfo *list)
{
	(void)list;	/* all in static storage */
}

/* ---- the owner ---- */

static void __attribute__((format(printf, 1, 2)))
tell(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sure(buf_puts(&told, text), "what was told");
}

static void
owner_up(void *arg)
{
	CHECK(arg == &told);
	tell("up\n");
}

static void
owner_replies(void *arg, const struct wire_replies *r)
{
	size_t lines = 0;
	void *who = r->who;

	CHECK(arg == &told);
	for (size_t i = 0; i < r->len; i++)
		lines += r->data[i] == '\n';
	CHECK_INT(r->n, lines);
	CHECK(r->len > 0 && r->data[r->len - 1] == '\n');
	CHECK(r->at <= loop_now_us(lp));
	replied_at = r->at;
	if (!CHECK(who == A || who == B || who == C))
		return;
	tell("%c %zu ", *(char *)who, r->n);
	sure(buf_put(&told, r->data, r->len), "replies");
	if (who == forget_on_reply)
		wire_forget(wire, who);
}

static void
owner_lost(void *arg, void *who, size_t n)
{
	CHECK(arg == &told);
	if (!CHECK(who == A || who == B || who == C))
		return;
	tell("%c lost %zu\n", *(char *)who, n);
}

static void
owner_slow(void *arg, unsigned tag)
{
	CHECK(arg == &told);
	tell("slow %u\n", tag);
}

static void
owner_down(void *arg, enum wire_state was, const char *why)
{
	CHECK(arg == &told);
	CHECK_INT(WIRE_DOWN, wire_state(wire));
	tell("%s -> down: %s\n", wire_state_name(was), why);
}

/* What was told since this was last asked must be want. */
static void
check_told(const char *want)
{
	sure(buf_put(&told, "", 1), "what was told");
	CHECK_STR(want, buf_data(&told));
	buf_cut(&told, 0);
}

/* ---- the loop ---- */

/* Something may come, until the deadline. */
static void
wait_until(int64_t deadline)
{
	int64_t at = wire_deadline(wire);

	CHECK_INT(0, loop_wait(lp, at < deadline ? at : deadline));
}

/* What was put is sent, then something comes. */
static void
turn(void)
{
	wire_turn(wire);
	wait_until(loop_now(lp) + patience);
}

/* Turns until it is so.  False if that takes too long. */
static bool
until(bool (*is_so)(void))
{
	int64_t deadline = loop_now(lp) + patience;

	wire_turn(wire);
	while (!is_so() && loop_now(lp) < deadline) {
		wait_until(deadline);
		wire_turn(wire);
	}
	if (!is_so())
		patience = 100;
	return CHECK(is_so());
}

/* Lets so many ms pass. */
static void
pass(int64_t ms)
{
	int64_t deadline = loop_now(lp) + ms;

	while (loop_now(lp) < deadline)
		wait_until(deadline);
}

static bool
is_told(void)
{
	return buf_len(&told) > 0;
}

static bool
is_down(void)
{
	return wire_state(wire) == WIRE_DOWN;
}

static bool
is_called(void)
{
	return peer.conn.fd != -1;
}

static bool
has_line(void)
{
	return buf_len(&peer.in) > 0 &&
	    memchr(buf_data(&peer.in), '\n', buf_len(&peer.in)) != NULL;
}

static bool
has_eof(void)
{
	return peer.eof;
}

static bool
is_unanswered(void)
{
	return wire_unanswered(wire) > 0;
}

static bool
all_answered(void)
{
	return wire_unanswered(wire) == 0;
}

static bool
is_told_or_has_line(void)
{
	return is_told() || has_line();
}

/* ---- the peer ---- */

static void
hang_up(void)
{
	int fd = peer.conn.fd;

	loop_forget(lp, &peer.conn);
	if (fd != -1)
		close(fd);
	buf_cut(&peer.in, 0);
	peer.eof = false;
}

static void
peer_reads(void *arg, unsigned events)
{
	char data[64 * 1024];
	ssize_t n;

	(void)arg, (void)events;
	n = recv(peer.conn.fd, data, sizeof(data), MSG_DONTWAIT);
	if (n > 0)
		sure(buf_put(&peer.in, data, n), "what was sent");
	else if (n == 0 || errno != EAGAIN) {
		peer.eof = true;
		CHECK_INT(0, loop_want(lp, &peer.conn, 0));
	}
}

static void
peer_accepts(void *arg, unsigned events)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int fd, on = 1;

	(void)arg, (void)events;
	fd = sure(accept4(peer.listen.fd, (struct sockaddr *)&ss, &len,
	    SOCK_CLOEXEC), "accept");
	sure(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)),
	    "TCP_NODELAY");
	sure(addr_from(&peer.from, (struct sockaddr *)&ss), "its address");
	hang_up();
	loop_watch(&peer.conn, fd, peer_reads, NULL);
	CHECK_INT(0, loop_want(lp, &peer.conn, LOOP_IN));
	peer.ncalls++;
}

static int
listener(int backlog, int64_t *port)
{
	struct addr any;
	struct sockaddr_storage ss;
	struct sockaddr_in in;
	socklen_t len = sizeof(in);
	int fd;

	sure(addr_parse(&any, "127.0.0.1"), "127.0.0.1");
	addr_sockaddr(&any, 0, &ss);
	fd = sure(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0), "socket");
	sure(bind(fd, (struct sockaddr *)&ss, sizeof(struct sockaddr_in)),
	    "bind");
	if (backlog >= 0)
		sure(listen(fd, backlog), "listen");
	sure(getsockname(fd, (struct sockaddr *)&in, &len), "getsockname");
	*port = ntohs(in.sin_port);
	return fd;
}

/* The next line that the link has sent must be this. */
static void
hears(const char *want)
{
	char *data, *lf;

	if (!until(has_line))
		return;
	data = buf_data(&peer.in);
	lf = memchr(data, '\n', buf_len(&peer.in));
	CHECK_MEM(want, strlen(want), data, lf - data);
	buf_consume(&peer.in, lf + 1 - data);
}

/* The same for one that is sealed. */
static void
hears_sealed(const char *want)
{
	struct buf plain = BUF_INIT(1 << 20);
	char *data, *lf;

	if (!until(has_line))
		return;
	data = buf_data(&peer.in);
	lf = memchr(data, '\n', buf_len(&peer.in));
	if (CHECK(seal_open(&peer.seal, data, lf - data, &plain) == 0))
		CHECK_MEM(want, strlen(want), buf_data(&plain),
		    buf_len(&plain));
	buf_consume(&peer.in, lf + 1 - data);
	buf_free(&plain);
}

/* In one piece, which the link therefore reads at once. */
static void
says(const char *text)
{
	CHECK_INT(strlen(text), send(peer.conn.fd, text, strlen(text),
	    MSG_NOSIGNAL));
}

static void
says_sealed(const char *text)
{
	struct buf line = BUF_INIT(1 << 20);

	CHECK_INT(0, seal_put(&peer.seal, text, strlen(text), &line));
	CHECK_INT(0, buf_put(&line, "\n", 2));
	says(buf_data(&line));
	buf_free(&line);
}

/* ---- beginnings and ends ---- */

/* Settings that no time limit comes of; calls the peer. */
static void
call(void)
{
	cf.connect_timeout = cf.init_timeout = cf.request_timeout = LONG;
	cf.idle_ping = LONG;
	cf.max_outstanding = 1000;
	cf.max_line = cf.max_reply = 1000;
	cf.source_address = NULL;
	wire_start(wire, &cf, &host);
}

/* The peer's part of the opening up to the reply to the ekey request. */
static void
open_until_ekey(const char *version)
{
	char text[128];

	if (!until(is_called))
		return;
	hears("init");
	says(CHALLENGE "\n");
	hears(CHALLENGE);
	says("ok\n");
	hears("sethost:" PEER);
	says("ok\n");
	hears("version:lonc-" LONC_VERSION);
	snprintf(text, sizeof(text), "version:%s\n", version);
	says(text);
	hears("pong");
	snprintf(text, sizeof(text), "%s\n", pong);
	says(text);
	hears("ekey");
	CHECK_INT(WIRE_OPENING, wire_state(wire));
	check_told("");
}

/* Calls the peer, which shows this version; is up then. */
static void
open_up(const char *version)
{
	call();
	open_until_ekey(version);
	says(BUILD_KEY "\n");
	until(is_told);
	check_told("up\n");
	CHECK_INT(WIRE_UP, wire_state(wire));
}

/* Ends the test's connection, whatever has become of it. */
static void
end(void)
{
	wire_stop(wire);
	buf_cut(&told, 0);
	hang_up();
}

static int
put_bytes(void *who, const char *line, size_t len, bool sealed)
{
	const struct wire_request rq = { who, line, len, tag_put, sealed };

	return wire_put(wire, &rq);
}

static void
put_line(void *who, const char *text, bool sealed)
{
	char line[2048];

	CHECK(wire_room(wire));
	snprintf(line, sizeof(line), "%s\n", text);
	CHECK_INT(0, put_bytes(who, line, strlen(text), sealed));
}

static void
put(void *who, const char *text)
{
	put_line(who, text, false);
}

static void
put_sealed(void *who, const char *text)
{
	put_line(who, text, true);
}

/* Goes on until there is news for the owner, which must be this. */
static void
told_soon(const char *want)
{
	until(is_told);
	check_told(want);
}

/* ---- the tests ---- */

static void
test_opening(void)
{
	CHECK_INT(WIRE_DOWN, wire_state(wire));
	CHECK_INT(LOOP_NEVER, wire_deadline(wire));
	CHECK(!wire_room(wire));
	wire_turn(wire);
	open_up(LONC "+x");
	CHECK(wire_peer(wire)->lonc);
	CHECK_STR(LONC "+x", wire_peer(wire)->version);
	CHECK(!wire_useful(wire));
	CHECK(wire_room(wire));
	CHECK_INT(0, wire_unanswered(wire));
	CHECK_INT(0, buf_len(&peer.in));
	end();
	CHECK_INT(WIRE_DOWN, wire_state(wire));
	CHECK_INT(LOOP_NEVER, wire_deadline(wire));
	open_up(OLD);
	CHECK(!wire_peer(wire)->lonc);
	CHECK_STR(OLD, wire_peer(wire)->version);
	end();
}

/* The peer's words come through in any pieces. */
static void
test_opening_in_pieces(void)
{
	static const char *const answers[] = {
		CHALLENGE "\n", "ok\n", "ok\n", "version:" LONC "\n",
		PEER ":" SELF "\n", BUILD_KEY "\n",
	};

	call();
	until(is_called);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		until(has_line);
		buf_cut(&peer.in, 0);
		for (const char *p = answers[i]; *p != '\0'; p++) {
			char one[] = { *p, '\0' };

			check_told("");
			says(one);
			turn();
		}
	}
	told_soon("up\n");
	end();
}

/* What makes the opening fail is told, and the connection is closed. */
static void
test_opening_fails(void)
{
	char text[3000];

	call();
	hears("init");
	says("refused\n");
	told_soon("opening -> down: init: answered \"refused\": "
	    "this host is not known there\n");
	until(has_eof);
	end();

	call();
	hears("init");
	says(CHALLENGE "\n");
	hears(CHALLENGE);
	hang_up();
	told_soon("opening -> down: echo: "
	    "the peer has closed the connection\n");
	end();

	/* The challenge is bounded as all lines are. */
	memset(text, '7', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	call();
	hears("init");
	says(text);
	says("\n");
	told_soon("opening -> down: a line too long\n");
	end();

	/* Within such a line; nothing of it is left for the next time. */
	call();
	hears("init");
	says(text);
	turn();
	hang_up();
	until(is_down);
	end();
	open_up(LONC);
	end();
}

/* A warning goes to the log, not to the owner. */
static void
test_opening_warns(void)
{
	call();
	hears("init");
	says(CHALLENGE "\n");
	hears(CHALLENGE);
	says("ok\n");
	hears("sethost:" PEER);
	hush();
	says("unknown_cmd\n");
	hears("version:lonc-" LONC_VERSION);
	unhush("test: sethost: answered \"unknown_cmd\": "
	    "the peer may be too old for it\n");
	CHECK_INT(WIRE_OPENING, wire_state(wire));
	check_told("");
	end();
}

/*
 * A line that comes before its request has gone out answers nothing: from
 * there on replies would be taken for those of others.
 */
static void
test_opening_extra(void)
{
	call();
	hears("init");
	says(CHALLENGE "\nok\n");
	until(is_told_or_has_line);
	check_told("opening -> down: a reply that nobody asked for\n");
	end();

	call();
	open_until_ekey(LONC);
	says(BUILD_KEY "\nok\n");
	told_soon("up\nup -> down: a reply that nobody asked for\n");
	end();
}

static void
test_replies(void)
{
	open_up(LONC);
	put(A, "one");
	put(A, "two");
	put(B, "three");
	put(A, "four");
	put(B, "");
	CHECK_INT(5, wire_unanswered(wire));
	CHECK_INT(0, buf_len(&peer.in));	/* it all goes at once */
	hears("one");
	hears("two");
	hears("three");
	hears("four");
	hears("");
	says("1\n2\n3\n4\n5\n");
	told_soon("A 2 1\n2\nB 1 3\nA 1 4\nB 1 5\n");
	CHECK_INT(0, wire_unanswered(wire));
	CHECK(wire_useful(wire));

	/* A run ends where what has come ends; empty replies are replies. */
	put(A, "one");
	put(A, "two");
	put(A, "three");
	hears("one");
	says("\n\n3 in p");
	told_soon("A 2 \n\n");
	says("ieces");
	turn();
	check_told("");
	says("\n");
	told_soon("A 1 3 in pieces\n");
	end();
}

/* Any bytes. */
static void
test_bytes(void)
{
	static const char line[] = "\0\x01\r\xff%:\n", answer[] = "\0\xff\r\n";

	open_up(LONC);
	CHECK_INT(0, put_bytes(A, line, LEN(line) - 1, false));
	until(has_line);
	CHECK_MEM(line, LEN(line), buf_data(&peer.in), buf_len(&peer.in));
	CHECK_INT(LEN(answer), send(peer.conn.fd, answer, LEN(answer),
	    MSG_NOSIGNAL));
	until(is_told);
	CHECK_MEM("A 1 \0\xff\r\n", 8, buf_data(&told), buf_len(&told));
	end();
}

/* An old peer is asked one thing at a time. */
static void
test_room(void)
{
	open_up(OLD);
	put(A, "one");
	CHECK(!wire_room(wire));
	hears("one");
	CHECK(!wire_room(wire));
	says("1\n");
	told_soon("A 1 1\n");
	CHECK(wire_room(wire));
	end();
	CHECK(!wire_room(wire));

	open_up(LONC);
	cf.max_outstanding = 3;
	put(A, "one");
	put(B, "two");
	put(A, "three");
	CHECK(!wire_room(wire));
	hears("one");
	says("1\n");
	told_soon("A 1 1\n");
	CHECK(wire_room(wire));
	end();
}

/*
 * A peer that does not read takes only so much; when it reads again all
 * comes, in its order.
 */
static void
test_unsent(void)
{
	enum { SIZE = 256 * 1024, MOST = 400 };
	static char line[SIZE + 1];
	int64_t begin;
	size_t before;
	int nput = 0;

	call();
	cf.max_line = SIZE;
	open_until_ekey(LONC);
	says(BUILD_KEY "\n");
	told_soon("up\n");
	CHECK_INT(0, loop_want(lp, &peer.conn, 0));
	while (wire_room(wire) && nput < MOST) {
		memset(line, 'a' + nput % 26, SIZE);
		line[SIZE] = '\n';
		CHECK_INT(0, put_bytes(A, line, SIZE, false));
		nput++;
		CHECK(!wire_room(wire));	/* until it has been sent */
		wire_turn(wire);
	}
	CHECK(nput > 1 && nput < MOST);
	CHECK_INT(nput, wire_unanswered(wire));
	peer.in.max = (size_t)nput * sizeof(line);
	do {
		before = buf_len(&peer.in);
		peer_reads(NULL, LOOP_IN);
	} while (buf_len(&peer.in) > before);
	/* Only that it can go on ends this wait. */
	begin = loop_now(lp);
	wait_until(begin + patience);
	CHECK(loop_now(lp) < begin + patience);
	CHECK_INT(0, loop_want(lp, &peer.conn, LOOP_IN));
	for (int i = 0; i < nput; i++) {
		if (!until(has_line))
			break;
		memset(line, 'a' + i % 26, SIZE);
		if (!CHECK(buf_len(&peer.in) >= sizeof(line) &&
		    memcmp(buf_data(&peer.in), line, sizeof(line)) == 0))
			break;
		buf_consume(&peer.in, sizeof(line));
	}
	CHECK(wire_room(wire));
	check_told("");
	end();
	buf_free(&peer.in);
	peer.in.max = 1 << 20;
}

static void
test_lost(void)
{
	open_up(LONC);
	put(A, "one");
	put(A, "two");
	put(B, "three");
	put(A, "four");
	hears("one");
	says("1\n2");
	told_soon("A 1 1\n");
	hang_up();
	told_soon("A lost 1\nB lost 1\nA lost 1\n"
	    "up -> down: the peer has closed the connection\n");
	CHECK_INT(0, wire_unanswered(wire));
	CHECK(wire_useful(wire));
	CHECK(!wire_room(wire));
	wire_turn(wire);
	check_told("");
	end();
	/* It starts anew, with nothing of before. */
	open_up(OLD);
	CHECK(!wire_useful(wire));
	put(B, "five");
	hears("five");
	says("5\n");
	told_soon("B 1 5\n");
	end();
}

/* What came before the end is handed on. */
static void
test_last_replies(void)
{
	open_up(LONC);
	put(A, "one");
	put(A, "two");
	put(B, "three");
	hears("one");
	hears("two");
	hears("three");
	says("1\n2\n");
	hang_up();
	until(is_down);
	check_told("A 2 1\n2\nB lost 1\n"
	    "up -> down: the peer has closed the connection\n");
	end();
}

static void
test_stop(void)
{
	open_up(LONC);
	put(A, "one");
	put(B, "two");
	wire_stop(wire);
	check_told("A lost 1\nB lost 1\n");
	CHECK_INT(WIRE_DOWN, wire_state(wire));
	wire_stop(wire);
	check_told("");
	until(has_eof);
	CHECK_INT(0, buf_len(&peer.in));
	end();
}

static void
test_extra_reply(void)
{
	open_up(LONC);
	put(A, "one");
	hears("one");
	says("1\n2\n");
	told_soon("A 1 1\nup -> down: a reply that nobody asked for\n");
	until(has_eof);
	end();

	open_up(OLD);
	says("\n");
	told_soon("up -> down: a reply that nobody asked for\n");
	end();
}

/* Replies of just max_reply, of more, and of more than is ever read. */
static void
test_long_replies(void)
{
	char text[3000], want[1200];
	char *p = text;

	open_up(LONC);
	for (int i = 0; i < 5; i++)
		put(i == 3 ? B : A, "x");
	hears("x");
	p += sprintf(p, "1\n");
	memset(p, 'y', 1000);
	p += 1000;
	p += sprintf(p, "\n");
	memset(p, 'z', 1001);
	p += 1001;
	p += sprintf(p, "\n4\n5\n");
	says(text);
	snprintf(want, sizeof(want), "A 2 1\n%.1000s\n"
	    "A 1 error: line too long\nB 1 4\nA 1 5\n", text + 2);
	told_soon(want);

	put(A, "x");
	put(A, "x");
	put(B, "x");
	hears("x");
	memset(text, 'z', sizeof(text));
	memcpy(text, "1\n", 2);
	strcpy(text + 2 + 2257, "\n3\n");
	says(text);
	until(is_told);
	until(all_answered);
	check_told("A 1 1\nA 1 error: line too long\nB 1 3\n");
	CHECK_INT(WIRE_UP, wire_state(wire));
	end();
}

static void
test_sealed(void)
{
	open_up(LONC);
	put(A, "one");
	put_sealed(A, "two");
	put_sealed(B, "three:x");
	hears("one");
	hears_sealed("two");
	hears_sealed("three:x");
	/* Which of them are sealed, and of which requests, does not matter. */
	says_sealed("first");
	told_soon("A 1 first\n");
	says("second\n");
	told_soon("A 1 second\n");
	says_sealed("");
	told_soon("B 1 \n");

	/* In one piece with others. */
	for (int i = 0; i < 4; i++)
		put(A, "x");
	hears("x");
	says("1\n2\nenc:4:6992a8dd0e04f7cd\n4\n");
	told_soon("A 2 1\n2\nA 1 ping\nA 1 4\n");

	/* One with LF in it is no line, and leaves nothing behind. */
	errno = 0;
	CHECK_INT(-1, put_bytes(A, "a\nb\n", 3, true));
	CHECK_INT(EINVAL, errno);
	CHECK_INT(0, wire_unanswered(wire));
	put(B, "after");
	hears("x");
	hears("x");
	hears("x");
	hears("after");
	end();
}

/* What only begins like a sealed reply goes on as it came. */
static void
test_not_sealed(void)
{
	static const char *const lines[] = {
		"enc:", "enc:x", "enc:9:9d14e00ab84ef60f", "enc:1:zz",
		"enc:4:6992a8dd0e04f7c", "encrypt", "enc",
	};
	char text[128];

	open_up(LONC);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		put(A, "x");
		hears("x");
		snprintf(text, sizeof(text), "%s\n", lines[i]);
		says(text);
		snprintf(text, sizeof(text), "A 1 %s\n", lines[i]);
		told_soon(text);
	}
	end();
}

/* max_reply is for the plain text, also where that came sealed. */
static void
test_long_sealed(void)
{
	char text[1002], want[1100];

	open_up(LONC);
	put(A, "x");
	put(A, "x");
	put(A, "x");
	put(A, "x");
	hears("x");
	memset(text, 'y', sizeof(text));
	text[1000] = '\0';
	says_sealed(text);
	snprintf(want, sizeof(want), "A 1 %s\n", text);
	told_soon(want);
	text[1000] = 'y';
	text[1001] = '\0';
	says_sealed(text);
	told_soon("A 1 error: line too long\n");
	memset(text, '5', sizeof(text) - 1);
	memcpy(text, "enc:1:z", 7);
	says(text);
	says("\n");
	told_soon("A 1 error: line too long\n");
	says_sealed("short");
	told_soon("A 1 short\n");
	end();
}

static void
test_forget(void)
{
	open_up(LONC);
	put(A, "one");
	put(B, "two");
	put(A, "three");
	put(C, "four");
	wire_forget(wire, A);
	CHECK_INT(4, wire_unanswered(wire));
	put(A, "five");		/* another one with its address */
	hears("one");
	says("1\n2\n3\n4\n5\n");
	told_soon("B 1 2\nC 1 4\nA 1 5\n");
	put(A, "six");
	put(B, "seven");
	wire_forget(wire, A);
	wire_forget(wire, A);
	wire_stop(wire);
	check_told("B lost 1\n");
	end();
}

/* From within replies(), too: what comes behind them is dropped. */
static void
test_forget_in_replies(void)
{
	char text[1100];

	forget_on_reply = A;
	open_up(LONC);
	put(A, "x");
	put(A, "x");
	put(B, "x");
	put(A, "x");
	hears("x");
	says("1\n2\n3\n4\n");
	told_soon("A 2 1\n2\nB 1 3\n");
	end();

	open_up(LONC);
	for (int i = 0; i < 4; i++)
		put(A, "x");
	hears("x");
	says("1\n2\nenc:4:6992a8dd0e04f7cd\n4\n");
	told_soon("A 2 1\n2\n");
	end();

	open_up(LONC);
	for (int i = 0; i < 3; i++)
		put(A, "x");
	hears("x");
	memset(text, 'z', sizeof(text));
	memcpy(text, "1\n", 2);
	strcpy(text + 1050, "\n3\n");
	says(text);
	told_soon("A 1 1\n");
	end();
	forget_on_reply = NULL;
}

/* ---- time limits ---- */

static void
test_request_timeout(void)
{
	int64_t begin;

	open_up(LONC);
	cf.request_timeout = SHORT;
	put(A, "one");
	put(B, "two");
	begin = loop_now(lp);
	until(is_down);
	CHECK(loop_now(lp) >= begin + SHORT);
	check_told("A lost 1\nB lost 1\n"
	    "up -> down: request: no answer in time\n");
	end();
}

/* Its time begins when a request becomes the oldest one. */
static void
test_request_deadline(void)
{
	int64_t first;

	open_up(LONC);
	pass(5);
	put(A, "one");
	first = wire_deadline(wire);
	CHECK_INT(loop_now(lp) + LONG, first);
	pass(5);
	put(B, "two");
	CHECK_INT(first, wire_deadline(wire));
	hears("one");
	says("1\n");
	told_soon("A 1 1\n");
	CHECK_INT(loop_now(lp) + LONG, wire_deadline(wire));
	CHECK(wire_deadline(wire) > first);
	end();
}

/* Each step has its own time, however much of its answer has come. */
static void
test_opening_timeout(void)
{
	int64_t begin, first;

	call();
	hears("init");
	first = wire_deadline(wire);
	CHECK(first > loop_now(lp));
	pass(5);
	says("80311");
	turn();
	CHECK_INT(first, wire_deadline(wire));
	says("\n");
	hears("80311");
	CHECK(wire_deadline(wire) > first);
	cf.init_timeout = SHORT;
	until(is_down);
	CHECK_INT(LOOP_NEVER, wire_deadline(wire));
	check_told("opening -> down: echo: no answer in time\n");
	until(has_eof);
	end();

	call();
	cf.init_timeout = SHORT;
	begin = loop_now(lp);
	until(is_down);
	CHECK(loop_now(lp) >= begin + SHORT);
	check_told("opening -> down: init: no answer in time\n");
	end();
}

static void
test_connect_refused(void)
{
	int64_t port, saved = cf.port;
	char want[128];
	int fd = listener(-1, &port);	/* bound, so nobody else can listen */

	cf.port = port;
	call();
	until(is_down);
	snprintf(want, sizeof(want), "connecting -> down: connect 127.0.0.1 "
	    "port %d: Connection refused\n", (int)port);
	check_told(want);
	cf.port = saved;
	close(fd);
	end();
}

/* A listening socket whose queue is full does not answer. */
static void
test_connect_timeout(void)
{
	enum { CALLERS = 3 };
	int64_t port, begin, saved = cf.port;
	int fd = listener(0, &port), caller[CALLERS];
	struct sockaddr_storage ss;
	socklen_t len;
	char want[128];

	len = addr_sockaddr(&host.addr, port, &ss);
	for (int i = 0; i < CALLERS; i++) {
		caller[i] = sure(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC |
		    SOCK_NONBLOCK, 0), "socket");
		(void)!connect(caller[i], (struct sockaddr *)&ss, len);
	}
	cf.port = port;
	call();
	CHECK_INT(WIRE_CONNECTING, wire_state(wire));
	cf.connect_timeout = SHORT;
	begin = loop_now(lp);
	until(is_down);
	CHECK(loop_now(lp) >= begin + SHORT);
	snprintf(want, sizeof(want), "connecting -> down: connect 127.0.0.1 "
	    "port %d: Connection timed out\n", (int)port);
	check_told(want);
	cf.port = saved;
	for (int i = 0; i < CALLERS; i++)
		close(caller[i]);
	close(fd);
	end();
}

static void
test_source_address(void)
{
	struct addr want;

	call();
	wire_stop(wire);
	sure(addr_parse(&want, "127.0.0.3"), "127.0.0.3");
	cf.source_address = (char *)"127.0.0.3";
	wire_start(wire, &cf, &host);
	until(is_called);
	hears("init");
	CHECK(addr_equal(&want, &peer.from));
	end();

	/* One that this host does not have. */
	cf.source_address = (char *)"192.0.2.1";
	wire_start(wire, &cf, &host);
	until(is_down);
	CHECK(buf_len(&told) > 0 && memmem(buf_data(&told), buf_len(&told),
	    strerror(EADDRNOTAVAIL), strlen(strerror(EADDRNOTAVAIL))) != NULL);
	end();
	cf.source_address = NULL;
}

/* Calls the host of this name. */
static void
call_name(const char *name)
{
	host.has_addr = false;
	host.name = (char *)name;
	call();
	CHECK_INT(WIRE_RESOLVING, wire_state(wire));
}

static void
test_resolve(void)
{
	char want[256];

	call_name("good.example");
	hears("init");
	end();

	call_name("nobody.example");
	until(is_down);
	snprintf(want, sizeof(want), "resolving -> down: resolve "
	    "nobody.example: %s\n", gai_strerror(EAI_NONAME));
	check_told(want);
	end();

	call_name("none.example");
	told_soon("resolving -> down: resolve none.example: "
	    "it has no address\n");
	end();

	call_name("dies.example");
	told_soon("resolving -> down: resolve dies.example: "
	    "the resolver died\n");
	end();

	call_name("slow.example");
	cf.init_timeout = SHORT;
	until(is_down);
	check_told("resolving -> down: resolve slow.example: "
	    "no answer in time\n");
	end();

	call_name("slow.example");
	wire_stop(wire);
	check_told("");
	end();
	CHECK_INT(-1, waitpid(-1, NULL, WNOHANG));
	CHECK_INT(ECHILD, errno);
	host.has_addr = true;
	host.name = (char *)"";
}

/* All addresses of a name are tried, one after the other. */
static void
test_next_address(void)
{
	char logged[256], want[256];

	snprintf(logged, sizeof(logged), "test: connect 127.0.0.2 port %d: "
	    "Connection refused; trying its next address\n", (int)cf.port);
	call_name("second.example");
	hush();
	hears("init");
	unhush(logged);
	check_told("");
	end();

	snprintf(want, sizeof(want), "connecting -> down: connect 127.0.0.3 "
	    "port %d: Connection refused\n", (int)cf.port);
	call_name("bad.example");
	hush();
	until(is_down);
	unhush(logged);
	check_told(want);
	end();
	host.has_addr = true;
	host.name = (char *)"";
}

/* ---- pings ---- */

/* Goes on until the link pings; then time stands still again. */
static void
ping_comes(void)
{
	int64_t begin = loop_now(lp);

	cf.idle_ping = SHORT;
	until(is_unanswered);
	CHECK(loop_now(lp) >= begin + SHORT);
	cf.idle_ping = LONG;
	hears("ping");
	check_told("");
}

static void
test_ping(void)
{
	open_up(LONC);
	CHECK_INT(loop_now(lp) + LONG, wire_deadline(wire));
	ping_comes();
	CHECK_INT(1, wire_unanswered(wire));
	CHECK(wire_deadline(wire) <= loop_now(lp) + LONG / 2);
	CHECK(wire_deadline(wire) > loop_now(lp) + LONG / 2 - patience);
	put(A, "one");
	hears("one");
	says(PEER "\n1\n");
	told_soon("A 1 1\n");
	CHECK_INT(0, wire_unanswered(wire));
	CHECK_INT(loop_now(lp) + LONG, wire_deadline(wire));
	ping_comes();
	says(PEER "\n");
	until(all_answered);
	CHECK_INT(WIRE_UP, wire_state(wire));
	check_told("");
	end();
}

/* To an old peer nothing else goes meanwhile. */
static void
test_ping_old(void)
{
	open_up(OLD);
	ping_comes();
	CHECK(!wire_room(wire));
	says(PEER "\n");
	until(all_answered);
	CHECK(wire_room(wire));
	end();
}

/* Half of idle_ping is its time; whoever asked behind it is lost with it. */
static void
test_ping_timeout(void)
{
	int64_t begin;

	open_up(LONC);
	ping_comes();
	put(A, "one");
	cf.idle_ping = 2 * SHORT;
	begin = loop_now(lp);
	until(is_down);
	CHECK(loop_now(lp) < begin + LONG / 2);
	check_told("A lost 1\nup -> down: ping: no answer in time\n");
	end();
}

/* An answer that is none shows that replies are out of step. */
static void
test_ping_wrong(void)
{
	static const char *const answers[] = { "msul2\n", "\n", PEER "x\n" };

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		open_up(LONC);
		ping_comes();
		put(B, "one");
		says(answers[i]);
		told_soon("B lost 1\nup -> down: a ping was not answered "
		    "with the peer's id\n");
		end();
	}
}

/* Who never showed its id may answer what it likes. */
static void
test_ping_any(void)
{
	pong = "msul2:" SELF;
	hush();
	open_up(LONC);
	unhush("test: pong: answered \"msul2:" SELF "\": "
	    "not the id of this peer\n");
	ping_comes();
	says("msul2\n");
	until(all_answered);
	CHECK_INT(WIRE_UP, wire_state(wire));
	check_told("");
	end();
	pong = PEER ":" SELF;
}

/* ---- times of requests ---- */

/* A run ends also where what follows was asked at another time. */
static void
test_asked_at(void)
{
	int64_t first, second;

	open_up(LONC);
	put(A, "one");
	put(A, "two");
	first = loop_now_us(lp);
	hears("one");
	pass(2);
	put(A, "three");
	second = loop_now_us(lp);
	CHECK(second > first);
	hears("two");
	hears("three");
	says("1\n");
	told_soon("A 1 1\n");
	CHECK_INT(first, replied_at);
	says("2\n3\n");
	told_soon("A 1 2\nA 1 3\n");
	CHECK_INT(second, replied_at);
	put_sealed(B, "four");
	second = loop_now_us(lp);
	hears_sealed("four");
	says_sealed("4");
	told_soon("B 1 4\n");
	CHECK_INT(second, replied_at);
	end();
}

/*
 * Told of the one that held up the others, once, and not of those it held
 * up: their time begins when they are the next.
 */
static void
test_slow(void)
{
	open_up(LONC);
	tag_put = 1;
	put(A, "one");
	tag_put = 2;
	put(B, "two");
	tag_put = 3;
	put(A, "three");
	hears("one");
	pass(WIRE_SLOW + 1);
	says("1\n2\n");
	told_soon("slow 1\nA 1 1\nB 1 2\n");
	says("3\n");
	told_soon("A 1 3\n");

	/* Somewhat less is not slow, and nobody's is nevertheless. */
	tag_put = 4;
	put(A, "four");
	hears("two");
	hears("three");
	hears("four");
	pass(WIRE_SLOW / 4);
	says("4\n");
	told_soon("A 1 4\n");
	put(A, "five");
	wire_forget(wire, A);
	hears("five");
	pass(WIRE_SLOW + 1);
	says("5\n");
	told_soon("slow 4\n");
	tag_put = 0;
	end();
}

/* A late answer to a ping is no slow request, and keeps nothing busy. */
static void
test_slow_ping(void)
{
	int64_t busy;

	open_up(LONC);
	busy = wire_busy_at(wire);
	CHECK_INT(loop_now(lp), busy);
	ping_comes();
	CHECK(wire_head_since(wire) != LOOP_NEVER);
	pass(WIRE_SLOW + 1);
	says(PEER "\n");
	until(all_answered);
	check_told("");
	CHECK_INT(busy, wire_busy_at(wire));
	end();
}

/* Since when its oldest is that, and when anybody last asked or heard. */
static void
test_busy(void)
{
	open_up(LONC);
	CHECK_INT(LOOP_NEVER, wire_head_since(wire));
	pass(5);
	put(A, "one");
	put(A, "two");
	CHECK_INT(loop_now(lp), wire_head_since(wire));
	CHECK_INT(loop_now(lp), wire_busy_at(wire));
	hears("one");
	pass(5);
	CHECK(wire_head_since(wire) < loop_now(lp));
	CHECK_INT(wire_busy_at(wire), wire_head_since(wire));
	says("1\n");
	told_soon("A 1 1\n");
	CHECK_INT(loop_now(lp), wire_head_since(wire));
	CHECK_INT(loop_now(lp), wire_busy_at(wire));
	pass(5);
	says("2\n");
	told_soon("A 1 2\n");
	CHECK_INT(LOOP_NEVER, wire_head_since(wire));
	CHECK_INT(loop_now(lp), wire_busy_at(wire));
	end();
}

/* The shortest of the opening's round trips, and of this opening only. */
static void
test_rtt(void)
{
	call();
	hears("init");
	pass(SHORT);
	says(CHALLENGE "\n");
	hears(CHALLENGE);
	CHECK(wire_rtt(wire) >= SHORT);
	says("ok\n");
	hears("sethost:" PEER);
	if (patience > 1000)	/* else something is very slow already */
		CHECK(wire_rtt(wire) < SHORT);
	end();
	call();
	hears("init");
	pass(SHORT);
	says(CHALLENGE "\n");
	hears(CHALLENGE);
	CHECK(wire_rtt(wire) >= SHORT);
	end();
}

/* ---- new settings ---- */

/* What was allowed to be longer may be so at once. */
static void
test_keep(void)
{
	enum { SIZE = 300 * 1000 };
	static struct conf other;
	static struct host other_host;
	char *line = malloc(SIZE + 1);

	if (line == NULL)
		return;
	memset(line, 'x', SIZE);
	line[SIZE] = '\n';
	open_up(LONC);
	other = cf;
	other_host = host;
	other.max_line = other.max_reply = SIZE;
	other.request_timeout = 2 * LONG;
	wire_keep(wire, &other, &other_host);
	put(A, "x");
	CHECK_INT(loop_now(lp) + 2 * LONG, wire_deadline(wire));
	hears("x");
	says("1\n");
	told_soon("A 1 1\n");
	if (CHECK(put_bytes(A, line, SIZE, false) == 0) &&
	    until(has_line)) {
		CHECK_INT(SIZE + 1, buf_len(&peer.in));
		buf_cut(&peer.in, 0);
		says("2\n");
		told_soon("A 1 2\n");
	}
	put(A, "x");
	hears("x");
	for (int i = 0; i < 10; i++) {
		CHECK_INT(SIZE / 10, send(peer.conn.fd, line, SIZE / 10,
		    MSG_NOSIGNAL));
		turn();
	}
	says("\n");
	until(is_told);
	CHECK_INT(4 + SIZE + 1, buf_len(&told));
	end();
	free(line);
}

/* What is too long by the new ones is skipped, and the rest is in step. */
static void
test_keep_less(void)
{
	enum { SIZE = 200 * 1000 };
	static struct conf other;
	char *text = malloc(SIZE);

	if (text == NULL)
		return;
	memset(text, 'x', SIZE);
	call();
	cf.max_reply = SIZE;
	open_until_ekey(LONC);
	says(BUILD_KEY "\n");
	told_soon("up\n");
	put(A, "x");
	put(A, "x");
	hears("x");
	for (int i = 0; i < 10; i++) {
		CHECK_INT(SIZE / 10, send(peer.conn.fd, text, SIZE / 10,
		    MSG_NOSIGNAL));
		turn();
	}
	other = cf;
	other.max_reply = 1000;
	wire_keep(wire, &other, &host);
	says("\n2\n");
	until(all_answered);
	check_told("A 1 error: line too long\nA 1 2\n");
	CHECK_INT(WIRE_UP, wire_state(wire));
	end();
	free(text);
}

static int
open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

int
main(void)
{
	static const struct wire_owner owner = { owner_up, owner_replies,
	    owner_lost, owner_slow, owner_down, &told };
	unsigned char key[SEAL_KEY_LEN];
	int before = open_descriptors();

	alarm(60);
	signal(SIGPIPE, SIG_IGN);
	log_init("test", NULL);
	if (!CHECK((lp = loop_new()) != NULL) ||
	    !CHECK((wire = wire_new(lp, &owner)) != NULL))
		return check_status();
	peer.in.max = 1 << 20;
	peer.conn.fd = -1;
	loop_watch(&peer.listen, listener(8, &cf.port), peer_accepts, NULL);
	CHECK_INT(0, loop_want(lp, &peer.listen, LOOP_IN));
	seal_key_derive(key, PEER, SELF, BUILD_KEY, LEN(BUILD_KEY));
	seal_init(&peer.seal, key);
	cf.host_id = (char *)SELF;
	host.id = (char *)PEER;
	host.name = (char *)"";
	host.has_addr = true;
	sure(addr_parse(&host.addr, "127.0.0.1"), "127.0.0.1");

	test_opening();
	test_opening_in_pieces();
	test_opening_fails();
	test_opening_warns();
	test_opening_extra();
	test_replies();
	test_bytes();
	test_room();
	test_unsent();
	test_lost();
	test_last_replies();
	test_stop();
	test_extra_reply();
	test_long_replies();
	test_sealed();
	test_not_sealed();
	test_long_sealed();
	test_forget();
	test_forget_in_replies();
	test_request_timeout();
	test_request_deadline();
	test_opening_timeout();
	test_connect_refused();
	test_connect_timeout();
	test_source_address();
	test_resolve();
	test_next_address();
	test_ping();
	test_ping_old();
	test_ping_timeout();
	test_ping_wrong();
	test_ping_any();
	test_asked_at();
	test_slow();
	test_slow_ping();
	test_busy();
	test_rtt();
	test_keep();
	test_keep_less();

	wire_free(wire);
	wire_free(NULL);
	close(peer.listen.fd);
	loop_free(lp);
	CHECK_INT(before, open_descriptors());
	buf_free(&told);
	buf_free(&peer.in);
	return check_status();
}
