/*
 * The clients of a link, on real sockets, with an owner that does as it is
 * told: first each rule by itself, then many clients at random beside what
 * each of them must get.
 *
 * Not tested: memory and descriptors of epoll(7) that run out.
 */
#include "lonc/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lonc/log.h"

#include "check.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define LINE 1024		/* limits of most tests */
#define UNREAD (1024 * 1024)
#define CLIENTS 300
#define BIG (128 * 1024)

/* A line that was taken and is to be answered. */
struct asked {
	struct client	*c;	/* NULL: it is gone */
	char		 text[32];
};

struct rig {
	struct loop		*lp;
	struct clients		*cl;
	int			 listenfd;
	struct sockaddr_un	 sun;
	socklen_t		 sun_len;
	/* The owner. */
	size_t			 room;		/* lines it takes */
	struct client_queue	 waiting;	/* for room */
	struct client_queue	 other;		/* those with '+', if shut */
	bool			 shut;
	const struct client	*seen[CLIENTS];	/* those that offered any */
	size_t			 nseen, ngone;
	char			 offered[4096];	/* "N:line\n" each, from 0 */
	size_t			 noffered;
	struct asked		 asked[16384];
	size_t			 first, end;
	bool			 bad;		/* no LF behind a line */
};

static size_t
number_of(struct rig *r, const struct client *c)
{
	size_t i;

	for (i = 0; i < r->nseen; i++)
		if (r->seen[i] == c)
			return i;
	if (i < CLIENTS)
		r->seen[r->nseen++] = c;
	return i;
}

static void
note(struct rig *r, const struct client *c, const char *line, size_t len)
{
	size_t at = r->noffered;

	if (len > 20)
		len = 20;
	at += snprintf(r->offered + at, sizeof(r->offered) - at, "%zu:",
	    number_of(r, c));
	if (at + len + 2 > sizeof(r->offered))
		return;
	memcpy(r->offered + at, line, len);
	at += len;
	r->offered[at++] = '\n';
	r->offered[at] = '\0';
	r->noffered = at;
}

static void
forget_offers(struct rig *r)
{
	r->offered[r->noffered = 0] = '\0';
}

static enum client_verdict
answer(struct client *c, const char *text)
{
	if (client_unanswered(c) > 0)
		return CLIENT_HOLD;
	client_answer(c, text);
	return CLIENT_TAKEN;
}

/*
 * "!TEXT" is answered TEXT at once, "*N" with N bytes, a line too long
 * "long"; the others wait until the test answers them.
 */
static enum client_verdict
own_request(void *arg, struct client *c, const char *line, size_t len,
    struct client_queue **wait)
{
	static char text[BIG + 2];
	struct rig *r = arg;
	struct asked *a;
	size_t n;

	if (line != NULL && line[len] != '\n')
		r->bad = true;
	note(r, c, line != NULL ? line : "LONG", line != NULL ? len : 4);
	if (line == NULL)
		return answer(c, "long\n");
	if (len > 0 && line[0] == '!') {
		memcpy(text, line + 1, len);
		text[len] = '\0';
		return answer(c, text);
	}
	if (len > 0 && line[0] == '*') {
		n = strtoul(line + 1, NULL, 10);
		memset(text, 'x', n);
		strcpy(text + n, "\n");
		return answer(c, text);
	}
	if (r->shut && len > 0 && line[0] == '+') {
		*wait = &r->other;
		return CLIENT_FULL;
	}
	if (r->room == 0) {
		*wait = &r->waiting;
		return CLIENT_FULL;
	}
	r->room--;
	a = &r->asked[r->end++ % COUNT(r->asked)];
	a->c = c;
	snprintf(a->text, sizeof(a->text), "%.*s\n", len < 30 ? (int)len : 30,
	    line);
	client_expect(c);
	return CLIENT_TAKEN;
}

static void
own_gone(void *arg, struct client *c)
{
	struct rig *r = arg;

	r->ngone++;
	for (size_t i = r->first; i < r->end; i++)
		if (r->asked[i % COUNT(r->asked)].c == c)
			r->asked[i % COUNT(r->asked)].c = NULL;
}

/* Answers the oldest n lines, those that stand together for one in one go. */
static void
reply(struct rig *r, size_t n)
{
	char text[64 * sizeof(r->asked[0].text)];
	struct asked *a;
	struct client *c;
	size_t len, run;

	while (n > 0 && r->first < r->end) {
		c = r->asked[r->first % COUNT(r->asked)].c;
		for (len = run = 0; n > 0 && r->first < r->end && run < 64;
		    run++) {
			a = &r->asked[r->first % COUNT(r->asked)];
			if (a->c != c)
				break;
			memcpy(text + len, a->text, strlen(a->text));
			len += strlen(a->text);
			r->first++;
			n--;
		}
		r->room += run;
		if (c != NULL)
			client_reply(c, text, len, run);
	}
}

static void
rig_open(struct rig *r, const struct clients_limits *limits)
{
	const struct clients_owner owner = { own_request, own_gone, r };

	memset(r, 0, sizeof(*r));
	r->room = SIZE_MAX / 2;
	TAILQ_INIT(&r->waiting);
	TAILQ_INIT(&r->other);
	r->sun.sun_family = AF_UNIX;
	r->sun_len = sizeof(r->sun);
	r->listenfd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);
	/* No name: the kernel finds one in the abstract name space. */
	if (bind(r->listenfd, (struct sockaddr *)&r->sun,
	    sizeof(sa_family_t)) == -1 || listen(r->listenfd, 1024) == -1 ||
	    getsockname(r->listenfd, (struct sockaddr *)&r->sun,
	    &r->sun_len) == -1 || (r->lp = loop_new()) == NULL ||
	    (r->cl = clients_new(r->lp, r->listenfd, limits, &owner)) == NULL) {
		perror("rig");
		exit(2);
	}
}

static void
rig_close(struct rig *r)
{
	CHECK(!r->bad);
	clients_free(r->cl);
	loop_free(r->lp);
	close(r->listenfd);
}

static const struct clients_limits usual = { LINE, UNREAD, CLIENTS };

static int
join(struct rig *r)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&r->sun, r->sun_len) == -1) {
		perror("connect");
		exit(2);
	}
	return fd;
}

static void
say(int fd, const char *text)
{
	CHECK_INT(strlen(text), send(fd, text, strlen(text), MSG_NOSIGNAL));
}

/* Could whoever waits go on? */
static bool
can_resume(const struct rig *r)
{
	return r->room > 0 && !TAILQ_EMPTY(&r->waiting);
}

/* Must there be another turn without waiting? */
static bool
more(const struct rig *r)
{
	return clients_more(r->cl) || can_resume(r);
}

static void
turn(struct rig *r)
{
	CHECK_INT(0, loop_wait(r->lp, 0));
	while (can_resume(r))
		clients_resume(r->cl, &r->waiting);
	clients_turn(r->cl);
	clients_reap(r->cl);
}

/* Turns until nothing more happens. */
static void
settle(struct rig *r)
{
	for (int idle = 0; idle < 4; idle++) {
		turn(r);
		if (more(r))
			idle = 0;
	}
}

/* Nothing more happens: the loop waits until its deadline. */
static void
check_idle(struct rig *r)
{
	int64_t until;

	settle(r);
	until = loop_now(r->lp) + 20;
	CHECK(!more(r));
	CHECK_INT(0, loop_wait(r->lp, until));
	CHECK(loop_now(r->lp) >= until);
}

/* What has come for a client: a string, with "EOF" at the end of it. */
static const char *
heard(int fd)
{
	static char text[4096];
	size_t len = 0;
	ssize_t n = -1;

	while (len < sizeof(text) - 8 &&
	    (n = read(fd, text + len, sizeof(text) - 8 - len)) > 0)
		len += n;
	strcpy(text + len, n == 0 ? "EOF" : n == -1 && errno != EAGAIN ?
	    "ERR" : "");
	return text;
}

/* How many bytes have come, and are thrown away. */
static size_t
heard_bytes(int fd)
{
	static char text[65536];
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, text, sizeof(text))) > 0)
		len += n;
	return len;
}

/* What is logged from here to log_heard() does not go to the terminal. */
static int log_saved, log_pipe[2];

static void
log_catch(void)
{
	fflush(stderr);
	if (pipe2(log_pipe, O_NONBLOCK | O_CLOEXEC) == -1)
		abort();
	log_saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	dup2(log_pipe[1], STDERR_FILENO);
}

static const char *
log_heard(void)
{
	const char *text;

	dup2(log_saved, STDERR_FILENO);
	close(log_saved);
	close(log_pipe[1]);
	text = heard(log_pipe[0]);
	close(log_pipe[0]);
	return text;
}

/* ---- each rule by itself ---- */

static void
test_lines(void)
{
	static struct rig r;
	static const char binary[] = "a\0b\xff\r\n\n c \n";
	static const char offers[] = "0:a\0b\xff\r\n0:\n0: c \n";
	int a;

	rig_open(&r, &usual);
	a = join(&r);
	CHECK_INT(sizeof(binary) - 1, send(a, binary, sizeof(binary) - 1, 0));
	settle(&r);
	CHECK_INT(1, clients_count(r.cl));
	CHECK_MEM(offers, sizeof(offers) - 1, r.offered, r.noffered);
	CHECK(!clients_quiet(r.cl));
	reply(&r, 2);
	CHECK_STR("a\n\n", heard(a));
	reply(&r, 1);
	CHECK_STR(" c \n", heard(a));
	CHECK(clients_quiet(r.cl));

	/* A line in pieces is offered once, when it is whole. */
	forget_offers(&r);
	for (const char *p = "piece by piece\nand"; *p != '\0'; p++) {
		CHECK_INT(1, send(a, p, 1, 0));
		turn(&r);
	}
	CHECK_STR("0:piece by piece\n", r.offered);
	CHECK(!clients_quiet(r.cl));
	say(a, " more\n");
	settle(&r);
	CHECK_STR("0:piece by piece\n0:and more\n", r.offered);
	reply(&r, 2);
	CHECK_STR("piece by piece\nand more\n", heard(a));
	close(a);
	rig_close(&r);
}

/* All that are ready have one turn together. */
static void
test_one_turn(void)
{
	static struct rig r;
	int fd[3];

	rig_open(&r, &usual);
	for (int i = 0; i < 3; i++) {
		fd[i] = join(&r);
		settle(&r);
	}
	say(fd[2], "c\n");
	say(fd[0], "a\n");
	say(fd[1], "b\n");
	turn(&r);
	CHECK_INT(3, r.end);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	rig_close(&r);
}

static void
test_answer_at_once(void)
{
	static struct rig r;
	int a;

	rig_open(&r, &usual);
	a = join(&r);
	say(a, "!one\n!two\n!\n");
	settle(&r);
	CHECK_STR("one\ntwo\n\n", heard(a));
	CHECK(clients_quiet(r.cl));
	close(a);
	rig_close(&r);
}

/* One that is held waits for its own earlier lines, and for no others. */
static void
test_hold(void)
{
	static struct rig r;
	int a, b;

	rig_open(&r, &usual);
	a = join(&r);
	say(a, "a1\na2\n!a3\n!a4\na5\n");
	settle(&r);
	b = join(&r);
	say(b, "b1\n");
	settle(&r);
	CHECK_STR("0:a1\n0:a2\n0:!a3\n1:b1\n", r.offered);
	CHECK_STR("", heard(a));
	reply(&r, 1);
	settle(&r);
	CHECK_STR("a1\n", heard(a));
	reply(&r, 1);
	settle(&r);
	CHECK_STR("a2\na3\na4\n", heard(a));
	CHECK_STR("", heard(b));
	reply(&r, 1);
	settle(&r);
	CHECK_STR("b1\n", heard(b));
	reply(&r, 1);
	CHECK_STR("a5\n", heard(a));
	/* Held lines are neither lost nor read twice when more come. */
	forget_offers(&r);
	say(a, "a6\n!a7\n");
	settle(&r);
	say(a, "!a8\na9\n");
	check_idle(&r);
	CHECK_STR("0:a6\n0:!a7\n", r.offered);
	reply(&r, 1);
	settle(&r);
	reply(&r, 1);
	CHECK_STR("a6\na7\na8\na9\n", heard(a));
	CHECK(clients_quiet(r.cl));
	close(a);
	close(b);
	rig_close(&r);
}

/* Lines that find no room are offered again, in the order they came. */
static void
test_full(void)
{
	static struct rig r;
	int a, b, c;

	rig_open(&r, &usual);
	r.room = 1;
	a = join(&r);
	say(a, "a1\na2\n");
	settle(&r);
	b = join(&r);
	say(b, "b1\nb2\n");
	settle(&r);
	c = join(&r);
	say(c, "c1\n!c2\n");
	settle(&r);
	CHECK_STR("0:a1\n0:a2\n1:b1\n2:c1\n", r.offered);
	CHECK(!more(&r));
	forget_offers(&r);
	check_idle(&r);
	CHECK_STR("", r.offered);	/* nothing is tried without room */
	for (int i = 0; i < 5; i++) {
		reply(&r, 1);
		CHECK_INT(i < 4, more(&r));
		settle(&r);
	}
	CHECK_STR("a1\na2\n", heard(a));
	CHECK_STR("b1\nb2\n", heard(b));
	CHECK_STR("c1\nc2\n", heard(c));
	/* The one that waits longest is first. */
	CHECK_STR("0:a2\n1:b1\n1:b2\n2:c1\n2:!c2\n1:b2\n2:!c2\n", r.offered);
	close(a);
	close(b);
	close(c);
	rig_close(&r);
}

/* Each queue is resumed by itself; another line may wait in another. */
static void
test_two_queues(void)
{
	static struct rig r;
	int a, b, c;

	rig_open(&r, &usual);
	r.room = 0;
	r.shut = true;
	a = join(&r);
	say(a, "a1\n+a2\na3\n");
	settle(&r);
	b = join(&r);
	say(b, "+b1\n");
	settle(&r);
	c = join(&r);
	say(c, "c1\n");
	settle(&r);
	CHECK_STR("0:a1\n1:+b1\n2:c1\n", r.offered);
	forget_offers(&r);
	CHECK(TAILQ_FIRST(&r.waiting) == r.seen[0]);
	CHECK(TAILQ_FIRST(&r.other) == r.seen[1]);
	r.room = 10;
	settle(&r);
	CHECK_STR("0:a1\n0:+a2\n2:c1\n", r.offered);
	CHECK(TAILQ_EMPTY(&r.waiting));
	forget_offers(&r);
	/* What comes meanwhile leaves it where it is. */
	say(a, "a4\n");
	check_idle(&r);
	CHECK_STR("", r.offered);
	r.shut = false;
	clients_resume(r.cl, &r.other);
	CHECK_STR("1:+b1\n", r.offered);
	clients_resume(r.cl, &r.other);
	CHECK_STR("1:+b1\n0:+a2\n0:a3\n", r.offered);
	CHECK(TAILQ_EMPTY(&r.other));
	settle(&r);
	reply(&r, SIZE_MAX);
	CHECK_STR("a1\n+a2\na3\na4\n", heard(a));
	CHECK_STR("+b1\n", heard(b));
	CHECK_STR("c1\n", heard(c));
	CHECK(clients_quiet(r.cl));
	close(a);
	close(b);
	close(c);
	rig_close(&r);
}

/* One that breaks off leaves the queue it waits in. */
static void
test_gone_from_queue(void)
{
	static struct rig r;
	int a, b;

	rig_open(&r, &usual);
	a = join(&r);
	say(a, "a1\n");
	settle(&r);
	r.room = 0;
	say(a, "a2\n");
	settle(&r);
	b = join(&r);
	say(b, "b1\n");
	settle(&r);
	CHECK(TAILQ_FIRST(&r.waiting) == r.seen[0]);
	close(a);
	client_reply(r.asked[r.first++].c, "a1\n", 3, 1);
	CHECK_INT(1, r.ngone);
	CHECK(TAILQ_FIRST(&r.waiting) == r.seen[1]);
	r.room = 1;
	settle(&r);
	CHECK(TAILQ_EMPTY(&r.waiting));
	CHECK_INT(1, clients_count(r.cl));
	reply(&r, 1);
	CHECK_STR("b1\n", heard(b));
	close(b);
	rig_close(&r);
}

static void
test_mark(void)
{
	static struct rig r;
	int a, b;

	rig_open(&r, &usual);
	a = join(&r);
	say(a, "a\n");
	settle(&r);
	b = join(&r);
	say(b, "b\n");
	settle(&r);
	CHECK(*client_mark(r.asked[0].c) == NULL);
	*client_mark(r.asked[0].c) = &r;
	CHECK(*client_mark(r.asked[1].c) == NULL);
	reply(&r, 2);
	say(a, "a\n");
	settle(&r);
	CHECK(*client_mark(r.asked[2].c) == &r);
	close(a);
	close(b);
	rig_close(&r);
}

/* As long as a line waits for room, not all is done. */
static void
test_stalled_is_not_quiet(void)
{
	static struct rig r;
	int a;

	rig_open(&r, &usual);
	r.room = 0;
	a = join(&r);
	CHECK(clients_quiet(r.cl));
	say(a, "a1\n");
	check_idle(&r);
	CHECK(!clients_quiet(r.cl));
	r.room = 1;
	CHECK(more(&r));
	settle(&r);
	reply(&r, 1);
	CHECK_STR("a1\n", heard(a));
	CHECK(clients_quiet(r.cl));
	close(a);
	rig_close(&r);
}

/* A client that goes while it is stalled or held leaves nothing behind. */
static void
test_gone(void)
{
	static struct rig r;
	int a, b, c;

	rig_open(&r, &usual);
	r.room = 2;
	a = join(&r);
	say(a, "a1\n!a2\n");
	settle(&r);
	b = join(&r);
	say(b, "b1\nb2\n");
	settle(&r);
	close(a);
	close(b);
	settle(&r);
	CHECK_INT(2, clients_count(r.cl));
	reply(&r, 1);		/* nobody reads this one, or !a2's */
	settle(&r);
	CHECK_INT(1, r.ngone);
	reply(&r, 2);
	settle(&r);
	CHECK_INT(2, r.ngone);
	CHECK_INT(0, clients_count(r.cl));
	CHECK(clients_quiet(r.cl));
	/* Room is there again for whoever comes. */
	c = join(&r);
	say(c, "c1\n");
	settle(&r);
	reply(&r, 3);
	CHECK_STR("c1\n", heard(c));
	close(c);
	settle(&r);
	CHECK_INT(3, r.ngone);
	rig_close(&r);
	CHECK_INT(3, r.ngone);
}

/* All that was sent before an end is answered, and then comes the end. */
static void
test_end(void)
{
	static const struct {
		const char	*text, *want;
	} cases[] = {
		{ "", "EOF" },
		{ "a\n", "a\nEOF" },
		{ "a\nb\n!c\nd\n", "a\nb\nc\nd\nEOF" },
		{ "a\nno line", "a\nEOF" },
		{ "no line", "EOF" },
		{ "\n", "\nEOF" },
		{ "!a\n", "a\nEOF" },
	};
	static struct rig r;
	int a;

	rig_open(&r, &usual);
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (int together = 0; together < 2; together++) {
			a = join(&r);
			say(a, cases[i].text);
			if (!together)
				settle(&r);
			CHECK_INT(0, shutdown(a, SHUT_WR));
			for (int j = 0; j < 5; j++) {
				settle(&r);
				reply(&r, 1);
			}
			settle(&r);
			CHECK_STR(cases[i].want, heard(a));
			CHECK_INT(0, clients_count(r.cl));
			close(a);
		}
	}
	CHECK_INT(2 * COUNT(cases), r.ngone);
	rig_close(&r);
}

/* Wherever a read's limit falls before the end, nothing is lost. */
static void
test_end_after_much(void)
{
	static const size_t sizes[] = { 65535, 65536, 65537, 131071, 131072,
	    131073 };
	static char text[131073];
	static struct rig r;
	size_t sent, got;
	int a;

	rig_open(&r, &usual);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		forget_offers(&r);
		memset(text, 'x', sizeof(text));
		for (size_t at = 999; at < sizes[i]; at += 1000)
			text[at] = '\n';
		text[sizes[i] - 1] = '\n';
		a = join(&r);
		for (sent = 0; sent < sizes[i]; sent += got)
			if ((got = send(a, text + sent, sizes[i] - sent,
			    0)) == (size_t)-1) {
				settle(&r);
				got = 0;
			}
		CHECK_INT(0, shutdown(a, SHUT_WR));
		settle(&r);
		CHECK_INT((sizes[i] + 999) / 1000, r.end - r.first);
		reply(&r, SIZE_MAX);
		settle(&r);
		CHECK_INT(0, clients_count(r.cl));
		close(a);
	}
	rig_close(&r);
}

/* Nor is what the socket did not take when the end was read. */
static void
test_end_before_replies(void)
{
	static struct rig r;
	size_t got = 0;
	int a;

	rig_open(&r, &usual);
	a = join(&r);
	for (int i = 0; i < 5; i++)
		say(a, "*100000\n");
	CHECK_INT(0, shutdown(a, SHUT_WR));
	check_idle(&r);
	CHECK_INT(1, clients_count(r.cl));
	CHECK(!clients_quiet(r.cl));
	for (int i = 0; i < 50; i++) {
		got += heard_bytes(a);
		settle(&r);
	}
	CHECK_INT(5 * 100001, got);
	CHECK_INT(0, clients_count(r.cl));
	close(a);
	rig_close(&r);
}

/* Replies that come singly fill a socket until it takes not a byte more. */
static void
test_many_small_replies(void)
{
	static struct rig r;
	char want[32];
	size_t len = 0, got = 0;
	int a;

	rig_open(&r, &usual);
	a = join(&r);
	for (int i = 0; i < 5000; i++) {
		snprintf(want, sizeof(want), "%d\n", i);
		say(a, want);
		len += strlen(want);
		if (i % 50 == 0)
			settle(&r);
	}
	settle(&r);
	while (r.first < r.end)
		reply(&r, 1);
	CHECK(!clients_quiet(r.cl));
	for (int i = 0; i < 200; i++) {
		got += heard_bytes(a);
		settle(&r);
	}
	CHECK_INT(len, got);
	CHECK(clients_quiet(r.cl));
	close(a);
	rig_close(&r);
}

static void
test_long_lines(void)
{
	static struct rig r;
	char text[LINE + 3];
	size_t before;
	int a;

	rig_open(&r, &usual);
	a = join(&r);
	memset(text, 'x', sizeof(text));
	strcpy(text + LINE, "\n");
	say(a, text);
	strcpy(text + LINE, "x\n");
	say(a, text);
	say(a, "b\n");
	settle(&r);
	CHECK_STR("0:xxxxxxxxxxxxxxxxxxxx\n0:LONG\n", r.offered);
	reply(&r, 1);
	settle(&r);
	CHECK_STR("0:xxxxxxxxxxxxxxxxxxxx\n0:LONG\n0:LONG\n0:b\n", r.offered);
	reply(&r, 1);
	CHECK_STR("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\nlong\nb\n", heard(a));

	/* In pieces, with something before it that must be answered first. */
	forget_offers(&r);
	say(a, "c\n");
	for (int i = 0; i < 3 * LINE; i++) {
		say(a, "y");
		turn(&r);
	}
	say(a, "\nd\n");
	settle(&r);
	reply(&r, 1);
	settle(&r);
	reply(&r, 1);
	CHECK_STR("0:c\n0:LONG\n0:LONG\n0:d\n", r.offered);
	CHECK_STR("c\nlong\nd\n", heard(a));

	/* At the end of all, and without its LF. */
	before = r.end;
	say(a, "e\n");
	CHECK_INT(LINE, send(a, text, LINE, 0));
	CHECK_INT(LINE, send(a, text, LINE, 0));
	CHECK_INT(0, shutdown(a, SHUT_WR));
	settle(&r);
	reply(&r, SIZE_MAX);
	settle(&r);
	CHECK_INT(1, r.end - before);
	CHECK_STR("e\nEOF", heard(a));
	close(a);
	rig_close(&r);
}

/* One that floods has its turn, and the next one has its own. */
static void
test_bounded_turn(void)
{
	static struct rig r;
	static char flood[128 * 1024];
	size_t before, most = 0;
	bool b_had = false;
	int a, b;

	rig_open(&r, &usual);
	a = join(&r);
	for (size_t i = 0; i < sizeof(flood); i += 16)
		memcpy(flood + i, "a23456789012345\n", 16);
	CHECK_INT(sizeof(flood), send(a, flood, sizeof(flood), 0));
	turn(&r);
	turn(&r);
	b = join(&r);
	say(b, "b1\n");
	for (int i = 0; i < 20; i++) {
		forget_offers(&r);
		before = r.end;
		turn(&r);
		CHECK(more(&r));
		if (r.end - before > most)
			most = r.end - before;
		b_had |= strstr(r.offered, "1:b1\n") != NULL;
	}
	CHECK(b_had);
	CHECK(most > 0 && most <= 65);
	settle(&r);
	CHECK_INT(sizeof(flood) / 16 + 1, r.end);
	reply(&r, SIZE_MAX);
	CHECK_STR("b1\n", heard(b));
	close(a);
	close(b);
	rig_close(&r);
}

/*
 * One that does not read: its lines wait, and when it has left too much
 * unread it is cut off.  The others do not notice.
 */
static void
test_not_reading(void)
{
	static struct rig r;
	static char much[UNREAD / 4];
	size_t taken;
	int a, b;

	rig_open(&r, &usual);
	a = join(&r);
	b = join(&r);
	for (taken = 0; taken < 10000; taken++) {
		if (send(a, "*1000\n", 6, MSG_NOSIGNAL) == -1)
			break;
		if (taken % 10 == 0)
			settle(&r);
	}
	settle(&r);
	forget_offers(&r);
	check_idle(&r);
	CHECK_STR("", r.offered);
	CHECK_INT(2, clients_count(r.cl));
	CHECK(!clients_quiet(r.cl));
	say(b, "b1\n");
	settle(&r);
	reply(&r, 1);
	CHECK_STR("b1\n", heard(b));
	/* When it reads again, all that it sent is answered. */
	for (size_t got = 0; got < taken * 1001; ) {
		size_t n = heard_bytes(a);

		got += n;
		if (n == 0) {
			settle(&r);
			n = heard_bytes(a);
			got += n;
		}
		if (n == 0) {
			CHECK_INT(taken * 1001, got);
			break;
		}
		forget_offers(&r);
	}
	CHECK(clients_quiet(r.cl));

	/* Replies to what is on the wire come whether it reads or not. */
	say(a, "1\n2\n3\n4\n5\n6\n7\n8\n");
	settle(&r);
	CHECK_INT(8, r.end - r.first);
	memset(much, 'm', sizeof(much));
	much[sizeof(much) - 1] = '\n';
	log_catch();
	for (int i = 0; i < 8 && r.ngone == 0; i++)
		client_reply(r.asked[r.first++].c, much, sizeof(much), 1);
	clients_reap(r.cl);
	CHECK(strstr(log_heard(), "cut off") != NULL);
	CHECK_INT(1, r.ngone);
	CHECK_INT(1, clients_count(r.cl));
	say(b, "b2\n");
	settle(&r);
	reply(&r, SIZE_MAX);
	CHECK_STR("b2\n", heard(b));
	close(a);
	close(b);
	rig_close(&r);
}

/*
 * Its lines wait because of a long answer unsent, but then that goes out
 * at once: nobody else will tell that they may go on.
 */
static void
test_answer_goes_out_at_once(void)
{
	static struct rig r;
	int a;

	rig_open(&r, &usual);
	a = join(&r);
	say(a, "*70000\n!next\n");
	settle(&r);
	CHECK_INT(70001 + 5, heard_bytes(a));
	CHECK(clients_quiet(r.cl));
	/* The same with more in the socket behind it. */
	say(a, "*70000\n!next\n");
	settle(&r);
	say(a, "!more\n");
	settle(&r);
	CHECK_INT(70001 + 5 + 5, heard_bytes(a));
	CHECK_INT(0, shutdown(a, SHUT_WR));
	settle(&r);
	CHECK_INT(0, clients_count(r.cl));
	close(a);
	rig_close(&r);
}

static void
test_max_clients(void)
{
	static struct rig r;
	static const struct clients_limits two = { LINE, UNREAD, 2 };
	static const struct clients_limits three = { LINE, UNREAD, 3 };
	int64_t began;
	int fd[4];

	rig_open(&r, &two);
	for (int i = 0; i < 4; i++) {
		fd[i] = join(&r);
		say(fd[i], "!here\n");
	}
	check_idle(&r);
	CHECK_INT(2, clients_count(r.cl));
	CHECK_STR("here\n", heard(fd[0]));
	CHECK_STR("here\n", heard(fd[1]));
	CHECK_STR("", heard(fd[2]));
	/* Whoever waits is let in when one leaves, not when something comes. */
	close(fd[0]);
	turn(&r);
	CHECK_INT(1, clients_count(r.cl));
	began = loop_now(r.lp);
	if (!more(&r))
		CHECK_INT(0, loop_wait(r.lp, began + 3000));
	CHECK(loop_now(r.lp) - began < 3000);
	settle(&r);
	CHECK_INT(2, clients_count(r.cl));
	CHECK_STR("here\n", heard(fd[2]));
	CHECK_STR("", heard(fd[3]));
	clients_limit(r.cl, &three);
	settle(&r);
	CHECK_INT(3, clients_count(r.cl));
	CHECK_STR("here\n", heard(fd[3]));
	for (int i = 1; i < 4; i++)
		close(fd[i]);
	settle(&r);
	CHECK_INT(0, clients_count(r.cl));
	rig_close(&r);
}

/* New limits are for those that are there and for those that come. */
static void
test_limits(void)
{
	static struct rig r;
	static const struct clients_limits shorter = { 3, UNREAD, CLIENTS };
	int a, b;

	rig_open(&r, &usual);
	a = join(&r);
	say(a, "!bcd\n!bc");
	settle(&r);
	CHECK_STR("bcd\n", heard(a));
	clients_limit(r.cl, &shorter);
	say(a, "\n!bcd\n!");
	b = join(&r);
	say(b, "!bc\n!bcd\n");
	settle(&r);
	CHECK_STR("bc\nlong\n", heard(a));
	CHECK_STR("bc\nlong\n", heard(b));
	clients_limit(r.cl, &usual);
	say(a, "bcd\n");
	settle(&r);
	CHECK_STR("bcd\n", heard(a));
	close(a);
	close(b);
	rig_close(&r);
}

/*
 * No descriptor for a client: nobody spins, and accepting goes on later.
 * (Under valgrind(1) that client is lost, so another one is the witness.)
 */
static void
test_accept_fails(void)
{
	static struct rig r;
	struct rlimit old, none;
	int a, b;

	rig_open(&r, &usual);
	CHECK_INT(LOOP_NEVER, clients_deadline(r.cl));
	a = join(&r);
	CHECK_INT(0, getrlimit(RLIMIT_NOFILE, &old));
	none = old;
	none.rlim_cur = 3;
	log_catch();
	CHECK_INT(0, setrlimit(RLIMIT_NOFILE, &none));
	settle(&r);
	CHECK_INT(0, setrlimit(RLIMIT_NOFILE, &old));
	CHECK(strstr(log_heard(), "accept: ") != NULL);
	CHECK_INT(0, clients_count(r.cl));
	CHECK(clients_deadline(r.cl) > loop_now(r.lp));
	CHECK(clients_deadline(r.cl) <= loop_now(r.lp) + 1000);
	b = join(&r);
	say(b, "!here\n");
	settle(&r);
	CHECK_STR("", heard(b));
	CHECK_INT(0, loop_wait(r.lp, clients_deadline(r.cl)));
	clients_turn(r.cl);
	settle(&r);
	CHECK_STR("here\n", heard(b));
	CHECK_INT(LOOP_NEVER, clients_deadline(r.cl));
	close(a);
	close(b);
	rig_close(&r);
}

/* After clients_stop(): what was taken or is here is answered, no more. */
static void
test_stop(void)
{
	static struct rig r;
	int a, b, c;

	rig_open(&r, &usual);
	a = join(&r);
	b = join(&r);
	say(a, "a1\n!a2\n");
	settle(&r);
	CHECK(!clients_quiet(r.cl));
	clients_stop(r.cl);
	c = join(&r);
	say(a, "!a3\n");
	say(b, "!b1\n");
	say(c, "!c1\n");
	settle(&r);
	CHECK_INT(2, clients_count(r.cl));
	CHECK_STR("", heard(b));
	CHECK(!clients_quiet(r.cl));
	reply(&r, 1);
	settle(&r);
	CHECK_STR("a1\na2\n", heard(a));
	CHECK(clients_quiet(r.cl));
	CHECK_INT(LOOP_NEVER, clients_deadline(r.cl));
	CHECK(!more(&r));
	rig_close(&r);
	CHECK_INT(2, r.ngone);
	/* They can tell that what was not read was not read. */
	errno = 0;
	CHECK_INT(-1, recv(b, &(char){ 0 }, 1, 0));
	CHECK_INT(ECONNRESET, errno);
	close(a);
	close(b);
	close(c);
}

static void
test_uid(void)
{
	static struct rig r;
	int a;

	rig_open(&r, &usual);
	a = join(&r);
	say(a, "a1\n");
	settle(&r);
	CHECK_INT(getuid(), client_uid(r.asked[0].c));
	close(a);
	rig_close(&r);
}

/* An owner may answer a client that has broken off, and hears of it once. */
static void
test_reply_to_broken(void)
{
	static struct rig r;
	int a;

	rig_open(&r, &usual);
	a = join(&r);
	say(a, "a1\na2\na3\n");
	settle(&r);
	close(a);
	reply(&r, 1);
	CHECK_INT(1, r.ngone);
	reply(&r, 2);
	CHECK_INT(1, r.ngone);
	settle(&r);
	CHECK_INT(0, clients_count(r.cl));
	rig_close(&r);
}

/* ---- many clients at random ---- */

#define MANY 100
#define LINES 60		/* of each */

struct random_client {
	int	 fd;
	char	*text;		/* what it sends, in pieces */
	size_t	 len, sent;
	char	*want;		/* what it must get */
	size_t	 want_len, got;
	bool	 ended;		/* what it has sent, and what it gets */
	bool	 wrong;
};

/* The same in every run (xorshift32). */
static unsigned
dice(unsigned sides)
{
	static unsigned x = 2463534242u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x % sides;
}

static void __attribute__((format(printf, 3, 4)))
append(char **text, size_t *len, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	*len += vsprintf(*text + *len, fmt, ap);
	va_end(ap);
}

static void
random_client(struct random_client *c, struct rig *r, int i)
{
	int n;

	memset(c, 0, sizeof(*c));
	c->text = malloc(LINES * 3 * LINE);
	c->want = malloc(LINES * 70000);
	for (int k = 0; k < LINES; k++) {
		switch (dice(12)) {
		case 0:
			append(&c->text, &c->len, "!%d.%d\n", i, k);
			append(&c->want, &c->want_len, "%d.%d\n", i, k);
			break;
		case 1:
			n = dice(20) == 0 ? 66000 + dice(3000) : dice(3000);
			append(&c->text, &c->len, "*%d\n", n);
			memset(c->want + c->want_len, 'x', n);
			c->want_len += n;
			append(&c->want, &c->want_len, "\n");
			break;
		case 2:
			n = LINE + 1 + dice(LINE);
			append(&c->text, &c->len, "%0*d\n", n, 0);
			append(&c->want, &c->want_len, "long\n");
			break;
		default:
			append(&c->text, &c->len, "%d.%d%*s\n", i, k,
			    (int)dice(22), "");
			c->text[c->len - 1] = '\0';	/* as it will return */
			append(&c->want, &c->want_len, "%s\n",
			    strrchr(c->text, '\n') != NULL ?
			    strrchr(c->text, '\n') + 1 : c->text);
			c->text[c->len - 1] = '\n';
			break;
		}
	}
	c->fd = join(r);
}

static void
random_send(struct random_client *c)
{
	size_t n = 1 + dice(dice(4) == 0 ? 5000 : 50);
	ssize_t sent;

	if (c->sent == c->len)
		return;
	sent = send(c->fd, c->text + c->sent,
	    n < c->len - c->sent ? n : c->len - c->sent, MSG_NOSIGNAL);
	if (sent > 0)
		c->sent += sent;
	if (c->sent == c->len)
		shutdown(c->fd, SHUT_WR);
}

static void
random_read(struct random_client *c)
{
	static char text[65536];
	ssize_t n = recv(c->fd, text, 1 + dice(sizeof(text)), 0);

	if (n == 0 || (n == -1 && errno != EAGAIN))
		c->ended = true;
	if (n <= 0)
		return;
	if (c->want_len - c->got < (size_t)n ||
	    memcmp(c->want + c->got, text, n) != 0)
		c->wrong = true;
	c->got += n;
}

static void
test_random(void)
{
	static struct rig r;
	static struct random_client c[MANY];
	static const struct clients_limits big = { LINE, 64 << 20, MANY / 2 };
	int i, left = MANY;

	rig_open(&r, &big);
	r.room = 20;
	for (i = 0; i < MANY; i++)
		random_client(&c[i], &r, i);
	for (int step = 0; left > 0 && step < 200000; step++) {
		i = dice(MANY);
		if (!c[i].ended) {
			random_send(&c[i]);
			if (dice(3) > 0)
				random_read(&c[i]);
			left -= c[i].ended;
		}
		if (dice(4) == 0) {
			turn(&r);
			reply(&r, dice(8));
			forget_offers(&r);
		}
	}
	CHECK_INT(0, left);
	for (i = 0; i < MANY; i++) {
		CHECK(!c[i].wrong);
		CHECK_INT(c[i].want_len, c[i].got);
		close(c[i].fd);
		free(c[i].text);
		free(c[i].want);
	}
	settle(&r);
	CHECK_INT(0, clients_count(r.cl));
	CHECK_INT(MANY, r.ngone);
	CHECK_INT(r.end, r.first);
	rig_close(&r);
}

int
main(void)
{
	log_init("client", NULL);
	test_lines();
	test_one_turn();
	test_answer_at_once();
	test_hold();
	test_full();
	test_two_queues();
	test_gone_from_queue();
	test_mark();
	test_stalled_is_not_quiet();
	test_gone();
	test_end();
	test_end_after_much();
	test_end_before_replies();
	test_many_small_replies();
	test_long_lines();
	test_bounded_turn();
	test_not_reading();
	test_answer_goes_out_at_once();
	test_max_clients();
	test_limits();
	test_accept_fails();
	test_stop();
	test_uid();
	test_reply_to_broken();
	for (int i = 0; i < 5; i++)
		test_random();
	return check_status();
}
