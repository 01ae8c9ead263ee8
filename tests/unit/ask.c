/*
 * Requests through a link: each case has a link of its own, a process that
 * plays its part and reports what it was asked.
 *
 * Not tested: replies near the limit of 1 GiB, memory that runs out.
 */
#include "lonc/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lonc/clock.h"
#include "lonc/usock.h"

#include "check.h"
#include "confdir.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PEER "two"
#define MAX_LINE 1024
#define BYTES (8 * 1024 * 1024)
#define LONG_REPLY 100000
#define X10 "xxxxxxxxxx"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define X1000 X100 X100 X100 X100 X100 X100 X100 X100 X100 X100
#define LONGEST X1000 X10 X10 "1234"
#define TOO_LONG LONGEST "5"
#define ERROR "error: line too long\n"

/* ---- the link's side, in a process of its own ---- */

struct link_side {
	int		 listenfd;
	int		 report;	/* what it was asked, and its marks */
	int		 fd;		/* the client, or -1 */
	int		 feed;		/* where it may type, too */
	char		*in;		/* BYTES; what came is in[at .. len) */
	size_t		 at, len;
};

typedef void script(struct link_side *l);

static void
put(int fd, const char *data, size_t len)
{
	for (ssize_t n; len > 0; data += n, len -= n)
		if ((n = write(fd, data, len)) == -1)
			_exit(3);
}

static void
puts_to(int fd, const char *text)
{
	put(fd, text, strlen(text));
}

static void
mark(struct link_side *l, const char *text)
{
	puts_to(l->report, text);
}

static void
meet(struct link_side *l)
{
	if ((l->fd = accept(l->listenfd, NULL, NULL)) == -1)
		_exit(4);
	l->at = l->len = 0;
	mark(l, "+");
}

static void
leave(struct link_side *l)
{
	close(l->fd);
	l->fd = -1;
}

/* Waits until there is something to read, and leaves it there. */
static void
wait_for_bytes(struct link_side *l)
{
	struct pollfd p = { .fd = l->fd, .events = POLLIN };

	poll(&p, 1, -1);
}

/* The next line, n bytes with its LF, was reported; NULL at the end. */
static const char *
hear(struct link_side *l, size_t *n)
{
	const char *line;
	ssize_t got;
	char *lf;

	while ((lf = memchr(l->in + l->at, '\n', l->len - l->at)) == NULL) {
		memmove(l->in, l->in + l->at, l->len - l->at);
		l->len -= l->at;
		l->at = 0;
		got = read(l->fd, l->in + l->len, BYTES - l->len);
		if (got <= 0)
			return NULL;
		l->len += got;
	}
	line = l->in + l->at;
	*n = lf + 1 - line;
	l->at += *n;
	if (*n < 100)
		put(l->report, line, *n);
	return line;
}

static void
hear_line(struct link_side *l)
{
	size_t n;

	if (hear(l, &n) == NULL)
		_exit(5);
}

/* Says every line back until the end. */
static void
echo(struct link_side *l)
{
	const char *line;
	size_t n;

	while ((line = hear(l, &n)) != NULL)
		put(l->fd, line, n);
	leave(l);
}

/* Types, as the one who uses the client does; that is all. */
static void
type(struct link_side *l, const char *text)
{
	puts_to(l->feed, text);
	close(l->feed);
}

static void
link_echo(struct link_side *l)
{
	for (;;) {
		meet(l);
		echo(l);
	}
}

static void
link_silent(struct link_side *l)
{
	for (;;) {
		meet(l);
		while (read(l->fd, l->in, BYTES) > 0)
			;
		leave(l);
	}
}

static void
link_in_pieces(struct link_side *l)
{
	meet(l);
	hear_line(l);
	puts_to(l->fd, "fir");
	puts_to(l->fd, "st\n\nthi");
	hear_line(l);
	hear_line(l);
	puts_to(l->fd, "rd\n");
	echo(l);
}

static void
link_chatters(struct link_side *l)
{
	meet(l);
	hear_line(l);
	puts_to(l->fd, "one\ntwo\n");
	echo(l);
	link_echo(l);
}

static void
link_hangs_up(struct link_side *l)
{
	meet(l);
	hear_line(l);
	leave(l);
	link_echo(l);
}

static void
link_hangs_up_in_reply(struct link_side *l)
{
	meet(l);
	hear_line(l);
	puts_to(l->fd, "half a re");
	leave(l);
	link_echo(l);
}

/* The first two are answered, the third is read. */
static void
link_hangs_up_later(struct link_side *l)
{
	meet(l);
	hear_line(l);
	hear_line(l);
	puts_to(l->fd, "r1\nr2\n");
	hear_line(l);
	leave(l);
	link_echo(l);
}

static void
link_leaves_unread(struct link_side *l)
{
	meet(l);
	wait_for_bytes(l);
	leave(l);
	meet(l);
	wait_for_bytes(l);
	leave(l);
	link_echo(l);
}

/* The second time it reads the request, so that nothing is certain. */
static void
link_leaves_unread_once(struct link_side *l)
{
	meet(l);
	wait_for_bytes(l);
	leave(l);
	link_hangs_up(l);
}

static void
link_leaves_second_unread(struct link_side *l)
{
	meet(l);
	hear_line(l);
	puts_to(l->fd, "r1\n");
	wait_for_bytes(l);
	leave(l);
	link_echo(l);
}

/* The first request is read, the one sent after it is not. */
static void
link_reads_one_of_two(struct link_side *l)
{
	meet(l);
	while (read(l->fd, l->in, 1) == 1 && *l->in != '\n')
		mark(l, ".");
	wait_for_bytes(l);
	leave(l);
	link_echo(l);
}

static void
link_never_accepts(struct link_side *l)
{
	struct sockaddr_un sun;
	struct pollfd p = { .fd = l->listenfd, .events = POLLIN };

	poll(&p, 1, -1);
	close(l->listenfd);
	mark(l, "-");
	usock_address(&sun, confdir, PEER);
	unlink(sun.sun_path);
	l->listenfd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(l->listenfd, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    listen(l->listenfd, 5) == -1)
		_exit(6);
	link_echo(l);
}

/* Goes away while the client has nothing to ask. */
static void
link_goes_when_idle(struct link_side *l)
{
	meet(l);
	hear_line(l);
	puts_to(l->fd, "r1\n");
	leave(l);
	type(l, "b\nc\n");
	link_echo(l);
}

/* What is typed when the first has been read is left unread. */
static void
link_leaves_typed_unread(struct link_side *l)
{
	meet(l);
	hear_line(l);
	type(l, "b\n");
	wait_for_bytes(l);
	leave(l);
	link_echo(l);
}

/*
 * Ends in order: what was asked is answered before it goes, but the client,
 * which waits for the file "gone" after the first reply, has something more
 * to send before it has read all of that.
 */
static void
link_ends_in_order(struct link_side *l)
{
	meet(l);
	hear_line(l);
	hear_line(l);
	memset(l->in, 'x', LONG_REPLY);
	l->in[LONG_REPLY - 1] = '\n';
	puts_to(l->fd, "r1\n");
	put(l->fd, l->in, LONG_REPLY);
	leave(l);
	type(l, "c\n");
	confdir_write("gone", "", 0);
	link_echo(l);
}

static int listen_at(const char *name);

/* Away for a while when the client is idle, and then back. */
static void
link_restarts(struct link_side *l)
{
	char path[4096];

	meet(l);
	hear_line(l);
	puts_to(l->fd, "r1\n");
	leave(l);
	close(l->listenfd);
	remove(confdir_path(path, PEER));
	type(l, "c\n");
	poll(NULL, 0, 100);
	l->listenfd = listen_at(PEER);
	link_echo(l);
}

/* Answers late, but each within its time. */
static void
link_slow(struct link_side *l)
{
	meet(l);
	for (int i = 0; i < 3; i++) {
		hear_line(l);
		poll(NULL, 0, 400);
		puts_to(l->fd, "slow\n");
	}
	echo(l);
}

/* The first is answered, the second only on the next connection. */
static void
link_hangs(struct link_side *l)
{
	meet(l);
	hear_line(l);
	puts_to(l->fd, "r1\n");
	while (read(l->fd, l->in, BYTES) > 0)
		;
	leave(l);
	link_echo(l);
}

/* Leaves time for all that fits to come, before it reads and answers it. */
static void
link_lazy(struct link_side *l)
{
	ssize_t n;

	meet(l);
	for (;;) {
		wait_for_bytes(l);
		poll(NULL, 0, 20);
		while ((n = recv(l->fd, l->in + l->len, BYTES - l->len,
		    MSG_DONTWAIT)) > 0)
			l->len += n;
		if (n == 0)
			return;
		put(l->fd, l->in, l->len);
		l->len = 0;
	}
}

static void
link_long_reply(struct link_side *l)
{
	meet(l);
	hear_line(l);
	memset(l->in, 'x', BYTES);
	l->in[BYTES - 1] = '\n';
	put(l->fd, l->in, BYTES);
	echo(l);
}

/* ---- the client's side ---- */

struct run {
	pid_t	 pid;		/* of the link, 0 if there is none */
	int	 report;
	char	*got;		/* replies, BYTES */
	size_t	 got_len, ncalls;
	size_t	 long_line[8], nlong;
	int	 nknown;
	bool	 known;
	int	 fail;		/* replies() says so, if not 0 */
	int	 feed;		/* where input is fed, or -1 */
	bool	 link_types;	/* the link feeds it too */
	script	*play;		/* of a link that comes late */
	void	(*on_reply)(struct run *r);
};

static void
path_of(char path[4096], const char *name)
{
	confdir_path(path, name);
}

static int
listen_at(const char *name)
{
	struct sockaddr_un sun;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (usock_address(&sun, confdir, name) == -1 ||
	    bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    listen(fd, 5) == -1) {
		perror("listen");
		exit(2);
	}
	return fd;
}

/* A link plays its part; after_ms is how late it comes. */
static void
link_start(struct run *r, script *play, int after_ms)
{
	struct link_side l = { .fd = -1, .feed = r->feed };
	int fds[2];

	if (after_ms == 0)
		l.listenfd = listen_at(PEER);
	if (pipe2(fds, O_CLOEXEC) == -1 ||
	    fcntl(fds[1], F_SETPIPE_SZ, 1 << 20) == -1 ||
	    (r->pid = fork()) == -1) {
		perror("link");
		exit(2);
	}
	if (r->pid == 0) {
		alarm(60);
		close(fds[0]);
		if (r->feed != -1 && !r->link_types)
			close(r->feed);
		l.report = fds[1];
		l.in = malloc(BYTES);
		if (after_ms > 0) {
			poll(NULL, 0, after_ms);
			l.listenfd = listen_at(PEER);
		}
		play(&l);
		_exit(0);
	}
	close(fds[1]);
	if (after_ms == 0)
		close(l.listenfd);
	r->report = fds[0];
}

/* What the link was asked: a string, and "+" for each who came. */
static const char *
link_end(struct run *r)
{
	static char asked[1 << 20];
	char path[4096];
	size_t len = 0;
	ssize_t n;

	if (r->pid > 0) {
		kill(r->pid, SIGKILL);
		waitpid(r->pid, NULL, 0);
		while ((n = read(r->report, asked + len,
		    sizeof(asked) - 1 - len)) > 0)
			len += n;
		close(r->report);
	}
	asked[len] = '\0';
	path_of(path, PEER);
	unlink(path);
	path_of(path, "." PEER ".lock");
	unlink(path);
	return asked;
}

static int
run_replies(void *arg, const char *data, size_t len)
{
	struct run *r = arg;

	if (r->fail != 0) {
		errno = r->fail;
		return -1;
	}
	CHECK(len > 0 && data[len - 1] == '\n');
	if (r->got_len + len > BYTES)
		abort();
	memcpy(r->got + r->got_len, data, len);
	r->got_len += len;
	r->ncalls++;
	if (r->on_reply != NULL)
		r->on_reply(r);
	return 0;
}

static void
run_too_long(void *arg, size_t lineno)
{
	struct run *r = arg;

	if (r->nlong < COUNT(r->long_line))
		r->long_line[r->nlong] = lineno;
	r->nlong++;
}

static bool
run_known(void *arg)
{
	struct run *r = arg;

	r->nknown++;
	return r->known;
}

static struct run
run_begin(void)
{
	static char got[BYTES];

	return (struct run){ .got = got, .known = true, .feed = -1 };
}

static struct ask
ask_for(struct run *r)
{
	return (struct ask){
		.sock_dir = confdir,
		.peer = PEER,
		.timeout = 20000,
		.max_line = MAX_LINE,
		.input = -1,
		.replies = run_replies,
		.too_long = run_too_long,
		.known = run_known,
		.arg = r,
	};
}

static void
check_got(const struct run *r, const char *want)
{
	CHECK_MEM(want, strlen(want), r->got, r->got_len);
}

/* A pipe with these bytes in it, and its end. */
static int
input_of(const char *data, size_t len)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) == -1 ||
	    fcntl(fds[1], F_SETPIPE_SZ, 1 << 20) == -1) {
		perror("pipe");
		exit(2);
	}
	if (write(fds[1], data, len) != (ssize_t)len)
		abort();
	close(fds[1]);
	return fds[0];
}

/* ---- requests as arguments ---- */

/* What links do, what the client gets and what the links were asked. */
static const struct {
	script		*play;
	const char	*requests[5];
	const char	*replies, *asked;
	int64_t		 timeout;	/* ms; 0 the usual */
	bool		 seal;
} cases[] = {
	{ link_echo, { "ping" }, "ping\n", "+ping\n", 0, false },
	{ link_echo, { "a", "", "c:d", "-e" }, "a\n\nc:d\n-e\n",
	    "+a\n\nc:d\n-e\n", 0, false },
	{ link_echo, { "a", "" }, "encrypt:a\nencrypt:\n",
	    "+encrypt:a\nencrypt:\n", 0, true },
	{ link_in_pieces, { "a", "b", "c", "d" }, "first\n\nthird\nd\n",
	    "+a\nb\nc\nd\n", 0, false },
	/* Gone after the request was read: lost, and not asked again. */
	{ link_hangs_up, { "a" }, "con_lost\n", "+a\n", 0, false },
	{ link_hangs_up_in_reply, { "a" }, "con_lost\n", "+a\n", 0, false },
	{ link_hangs_up, { "a", "b", "c" }, "con_lost\ncon_lost\ncon_lost\n",
	    "+a\n", 0, false },
	{ link_hangs_up_later, { "a", "b", "c", "d" },
	    "r1\nr2\ncon_lost\ncon_lost\n", "+a\nb\nc\n", 0, false },
	/* Gone and not read, for certain. */
	{ link_leaves_unread, { "a" }, "a\n", "+++a\n", 0, false },
	{ link_leaves_unread, { "a" }, "encrypt:a\n", "+++encrypt:a\n", 0,
	    true },
	{ link_leaves_unread_once, { "a" }, "con_lost\n", "++a\n", 0, false },
	{ link_never_accepts, { "a" }, "a\n", "-+a\n", 0, false },
	/* Gone, and nobody knows how much of these was read. */
	{ link_leaves_unread, { "a", "b" }, "con_lost\ncon_lost\n", "+", 0,
	    false },
	{ link_reads_one_of_two, { "a", "b" }, "con_lost\ncon_lost\n", "+.",
	    0, false },
	/* More replies than requests: none of them can be trusted. */
	{ link_chatters, { "a" }, "con_lost\n", "+a\n", 0, false },
	{ link_slow, { "a", "b", "c" }, "slow\nslow\nslow\n", "+a\nb\nc\n",
	    1000, false },
	{ link_silent, { "a" }, "con_lost\n", "+", 50, false },
	{ link_silent, { "a", "b" }, "con_lost\ncon_lost\n", "+", 50, false },
	{ link_hangs, { "a", "b", "c" }, "r1\ncon_lost\ncon_lost\n", "+a\n",
	    100, false },
};

static void
test_requests(void)
{
	struct run r;
	struct ask a;

	for (size_t i = 0; i < COUNT(cases); i++) {
		r = run_begin();
		a = ask_for(&r);
		a.seal = cases[i].seal;
		if (cases[i].timeout != 0)
			a.timeout = cases[i].timeout;
		a.requests = (char *const *)cases[i].requests;
		while (a.requests[a.nrequest] != NULL)
			a.nrequest++;
		confdir_write("." PEER ".lock", "", 0);
		link_start(&r, cases[i].play, 0);
		CHECK_INT(ASK_DONE, ask_run(&a));
		check_got(&r, cases[i].replies);
		CHECK_INT(0, r.nknown);
		CHECK_STR(cases[i].asked, link_end(&r));
	}
}

static void
test_timeout(void)
{
	struct run r = run_begin();
	struct ask a = ask_for(&r);
	char *request = "a";
	int64_t began = clock_ms();

	a.timeout = 100;
	a.requests = &request;
	a.nrequest = 1;
	link_start(&r, link_silent, 0);
	CHECK_INT(ASK_DONE, ask_run(&a));
	CHECK(clock_ms() - began >= 100);
	CHECK(clock_ms() - began < 3000);
	check_got(&r, "con_lost\n");
	link_end(&r);
}

static void
test_long_reply(void)
{
	struct run r = run_begin();
	struct ask a = ask_for(&r);
	char *request = "a";

	a.requests = &request;
	a.nrequest = 1;
	link_start(&r, link_long_reply, 0);
	CHECK_INT(ASK_DONE, ask_run(&a));
	CHECK_INT(BYTES, r.got_len);
	CHECK_INT(1, r.ncalls);
	link_end(&r);
}

/* A request that no socket buffer holds. */
static void
test_long_request(void)
{
	struct run r = run_begin();
	struct ask a = ask_for(&r);
	static char request[1000000];
	char *requests[] = { request, "b" };

	memset(request, 'q', sizeof(request) - 1);
	a.max_line = sizeof(request) - 1;
	a.requests = requests;
	a.nrequest = 2;
	link_start(&r, link_lazy, 0);
	CHECK_INT(ASK_DONE, ask_run(&a));
	CHECK_INT(sizeof(request) + 2, r.got_len);
	CHECK_MEM("q\nb\n", 4, r.got + r.got_len - 4, 4);
	link_end(&r);
}

/* ---- no link ---- */

static int64_t
ask_nobody(struct run *r, int64_t timeout)
{
	struct ask a = ask_for(r);
	char *requests[] = { "a", "b" };
	int64_t began = clock_ms();

	a.timeout = timeout;
	a.requests = requests;
	a.nrequest = 2;
	CHECK_INT(ASK_DONE, ask_run(&a));
	return clock_ms() - began;
}

static void
test_no_link(void)
{
	struct run r = run_begin();
	int64_t waited;

	/* Where none ever was, nothing is waited for. */
	CHECK(ask_nobody(&r, 60000) < 3000);
	check_got(&r, "con_lost\ncon_lost\n");
	CHECK_INT(1, r.nknown);
	r = run_begin();
	r.known = false;
	CHECK(ask_nobody(&r, 60000) < 3000);
	check_got(&r, "no_such_host\nno_such_host\n");

	/* Where one was, it is, as long as a reply. */
	confdir_write("." PEER ".lock", "", 0);
	r = run_begin();
	waited = ask_nobody(&r, 100);
	CHECK(waited >= 100 && waited < 3000);
	check_got(&r, "con_lost\ncon_lost\n");
	link_end(&r);

	/* Or where one is dead. */
	confdir_write("." PEER ".lock", "", 0);
	close(listen_at(PEER));
	r = run_begin();
	CHECK(ask_nobody(&r, 100) >= 100);
	check_got(&r, "con_lost\ncon_lost\n");
	link_end(&r);
}

/* A peer that cannot exist has no link, whatever lies in the directory. */
static void
test_no_peer(void)
{
	struct run r = run_begin();
	struct ask a = ask_for(&r);
	char *requests[] = { "a", "b" };

	link_start(&r, link_echo, 0);
	a.peer = NULL;
	a.requests = requests;
	a.nrequest = 2;
	CHECK_INT(ASK_DONE, ask_run(&a));
	check_got(&r, "no_such_host\nno_such_host\n");

	r.got_len = 0;
	a = ask_for(&r);
	a.peer = NULL;
	a.input = input_of("a\n\n" TOO_LONG "\nb", MAX_LINE + 6);
	CHECK_INT(ASK_DONE, ask_run(&a));
	check_got(&r, "no_such_host\nno_such_host\n" ERROR "no_such_host\n");
	CHECK_STR("", link_end(&r));
	close(a.input);
}

static void
test_link_comes(void)
{
	struct run r = run_begin();

	confdir_write("." PEER ".lock", "", 0);
	link_start(&r, link_echo, 100);
	ask_nobody(&r, 60000);
	check_got(&r, "a\nb\n");
	CHECK_STR("+a\nb\n", link_end(&r));
}

/* A link that is too busy to accept anybody has its time, and no more. */
static void
test_busy_link(void)
{
	struct run r = run_begin();
	int l = listen_at(PEER), busy[16];
	size_t n;

	listen(l, 0);
	for (n = 0; n < COUNT(busy); n++)
		if ((busy[n] = usock_connect(confdir, PEER, 10)) == -1)
			break;
	CHECK(n > 0 && n < COUNT(busy));
	CHECK(ask_nobody(&r, 100) < 3000);
	check_got(&r, "con_lost\ncon_lost\n");
	while (n > 0)
		close(busy[--n]);
	close(l);
	link_end(&r);
}

/* ---- lines of input ---- */

#define TEXT(s) { s, sizeof(s) - 1 }

struct text {
	const char	*s;
	size_t		 len;
};

static const struct {
	struct text	 input, replies;
	size_t		 too_long[3];
} inputs[] = {
	{ TEXT(""), TEXT(""), { 0 } },
	{ TEXT("a"), TEXT("a\n"), { 0 } },
	{ TEXT("a\n"), TEXT("a\n"), { 0 } },
	{ TEXT("\n"), TEXT("\n"), { 0 } },
	{ TEXT("\n\n\na\n\n"), TEXT("\n\n\na\n\n"), { 0 } },
	{ TEXT("a\nb\nc"), TEXT("a\nb\nc\n"), { 0 } },
	{ TEXT("a\0b\n\xff\x80\r\n\0\n\0"), TEXT("a\0b\n\xff\x80\r\n\0\n\0\n"),
	    { 0 } },
	{ TEXT(LONGEST), TEXT(LONGEST "\n"), { 0 } },
	{ TEXT(LONGEST "\n"), TEXT(LONGEST "\n"), { 0 } },
	{ TEXT(TOO_LONG), TEXT(ERROR), { 1 } },
	{ TEXT(TOO_LONG "\n"), TEXT(ERROR), { 1 } },
	{ TEXT("a\n" TOO_LONG "\nb\n"), TEXT("a\n" ERROR "b\n"), { 2 } },
	{ TEXT(TOO_LONG "\na\n"), TEXT(ERROR "a\n"), { 1 } },
	{ TEXT(TOO_LONG "\n\n" TOO_LONG "\n" TOO_LONG TOO_LONG),
	    TEXT(ERROR "\n" ERROR ERROR), { 1, 3, 4 } },
	{ TEXT("a\nb\n" TOO_LONG), TEXT("a\nb\n" ERROR), { 3 } },
};

static void
test_input(void)
{
	struct run r;
	struct ask a;

	for (size_t i = 0; i < COUNT(inputs); i++) {
		r = run_begin();
		a = ask_for(&r);
		a.input = input_of(inputs[i].input.s, inputs[i].input.len);
		link_start(&r, link_echo, 0);
		CHECK_INT(ASK_DONE, ask_run(&a));
		CHECK_MEM(inputs[i].replies.s, inputs[i].replies.len, r.got,
		    r.got_len);
		for (size_t j = 0; j < 3 && inputs[i].too_long[j] > 0; j++)
			CHECK_INT(inputs[i].too_long[j], r.long_line[j]);
		CHECK_INT(inputs[i].too_long[0] == 0 ? 0 :
		    inputs[i].too_long[1] == 0 ? 1 : 3, r.nlong);
		link_end(&r);
		close(a.input);
	}
}

/*
 * More lines than are sent ahead, and a link that answers late.  Wherever
 * the input ends among what waits, there is nothing more and nothing less.
 */
static void
test_many_lines(size_t bytes, int width)	/* 0: of all kinds */
{
	struct run r = run_begin();
	struct ask a = ask_for(&r);
	static char text[1000000];
	size_t len = 0;

	for (int i = 0; len < bytes; i++)
		len += snprintf(text + len, sizeof(text) - len, "%*d\n",
		    width > 0 ? width : i % 60, i);
	a.input = input_of(text, len);
	link_start(&r, link_lazy, 0);
	CHECK_INT(ASK_DONE, ask_run(&a));
	CHECK_INT(len, r.got_len);
	CHECK(memcmp(text, r.got, len < r.got_len ? len : r.got_len) == 0);
	link_end(&r);
	close(a.input);
}

/* Neither side waits for the other to read first. */
static void
test_both_ways(void)
{
	struct run r = run_begin();
	struct ask a = ask_for(&r);
	static char text[4000000];
	char path[4096];
	int64_t began = clock_ms();

	for (size_t at = 0; at < sizeof(text); at += 1000)
		snprintf(text + at, 1001 < sizeof(text) - at ? 1001 :
		    sizeof(text) - at, "%999zu\n", at);
	text[sizeof(text) - 1] = '\n';
	confdir_write("input", text, sizeof(text));
	a.input = open(confdir_path(path, "input"), O_RDONLY | O_CLOEXEC);
	link_start(&r, link_echo, 0);
	CHECK_INT(ASK_DONE, ask_run(&a));
	CHECK_INT(sizeof(text), r.got_len);
	CHECK(memcmp(text, r.got, r.got_len) == 0);
	CHECK(clock_ms() - began < 4000);
	link_end(&r);
	close(a.input);
}

static size_t nfed;
static const char *const *feeding;

static void
feed(struct run *r)
{
	if (feeding[nfed] == NULL) {
		if (r->feed != -1)
			close(r->feed);
		r->feed = -1;
		return;
	}
	puts_to(r->feed, feeding[nfed++]);
}

/* Each reply is handed on before the next line is there. */
static void
test_conversation(void)
{
	static const char *const lines[] = { "a\n", "b\n", TOO_LONG "\n",
	    "d\n", NULL };
	struct run r = run_begin();
	struct ask a = ask_for(&r);
	int fds[2];

	CHECK_INT(0, pipe2(fds, O_CLOEXEC));
	a.input = fds[0];
	r.feed = fds[1];
	r.on_reply = feed;
	feeding = lines;
	nfed = 0;
	link_start(&r, link_echo, 0);
	feed(&r);
	CHECK_INT(ASK_DONE, ask_run(&a));
	check_got(&r, "a\nb\n" ERROR "d\n");
	CHECK_INT(4, r.ncalls);
	CHECK_STR("+a\nb\nd\n", link_end(&r));
	close(fds[0]);
}

/*
 * Conversations with links that go away.  If the link itself types what
 * follows the first line, one line is all that comes from here.
 */
static const struct {
	script		*play;
	const char	*lines[4];
	const char	*replies, *asked;
} talks[] = {
	{ link_goes_when_idle, { "a\n" }, "r1\nb\nc\n", "+a\n+b\nc\n" },
	{ link_leaves_second_unread, { "a\n", "b\n", "c\n" },
	    "r1\nb\nc\n", "+a\n+b\nc\n" },
	{ link_leaves_typed_unread, { "a\n" }, "con_lost\ncon_lost\n",
	    "+a\n" },
	{ link_hangs_up, { "a\n", "b\n", "c\n" }, "con_lost\nb\nc\n",
	    "+a\n+b\nc\n" },
	/* What has come of a reply does not come before another. */
	{ link_hangs_up_in_reply, { "a\n", "b\n", "c\n" },
	    "con_lost\nb\nc\n", "+a\n+b\nc\n" },
	{ link_restarts, { "a\n" }, "r1\nc\n", "+a\n+c\n" },
};

static void
test_talks(void)
{
	struct run r;
	struct ask a;
	int fds[2];

	for (size_t i = 0; i < COUNT(talks); i++) {
		r = run_begin();
		a = ask_for(&r);
		CHECK_INT(0, pipe2(fds, O_CLOEXEC));
		a.input = fds[0];
		r.feed = fds[1];
		r.link_types = talks[i].lines[1] == NULL;
		r.on_reply = feed;
		feeding = talks[i].lines;
		nfed = 0;
		confdir_write("." PEER ".lock", "", 0);
		link_start(&r, talks[i].play, 0);
		feed(&r);
		if (r.link_types)
			feed(&r);
		CHECK_INT(ASK_DONE, ask_run(&a));
		check_got(&r, talks[i].replies);
		CHECK_STR(talks[i].asked, link_end(&r));
		close(fds[0]);
	}
}

static void
wait_until_gone(struct run *r)
{
	char path[4096];

	while (access(confdir_path(path, "gone"), F_OK) == -1)
		poll(NULL, 0, 1);
	if (r->feed != -1)
		close(r->feed);
	r->feed = -1;
}

/* What a link has still answered counts, although nothing can be sent. */
static void
test_end_in_order(void)
{
	struct run r = run_begin();
	struct ask a = ask_for(&r);
	int fds[2];

	CHECK_INT(0, pipe2(fds, O_CLOEXEC));
	a.input = fds[0];
	r.feed = fds[1];
	r.link_types = true;
	r.on_reply = wait_until_gone;
	link_start(&r, link_ends_in_order, 0);
	puts_to(r.feed, "a\nb\n");
	CHECK_INT(ASK_DONE, ask_run(&a));
	CHECK_INT(3 + LONG_REPLY + 2, r.got_len);
	CHECK_MEM("r1\nx", 4, r.got, 4);
	CHECK_MEM("x\nc\n", 4, r.got + r.got_len - 4, 4);
	CHECK_STR("+a\nb\n+c\n", link_end(&r));
	close(fds[0]);
}

/*
 * A link that was given up may come while the input goes on, and is then
 * like any other: lost is lost, and what restarts is waited for.
 */
static void
feed_and_start(struct run *r)
{
	if (nfed == 1) {
		link_start(r, r->play, 0);
		confdir_write("." PEER ".lock", "", 0);
	}
	feed(r);
}

static void
test_late_link(script *play, bool known, const char *replies,
    const char *asked)
{
	static const char *const lines[] = { "a\n", "b\n", NULL };
	struct run r = run_begin();
	struct ask a = ask_for(&r);
	int fds[2];

	CHECK_INT(0, pipe2(fds, O_CLOEXEC));
	a.input = fds[0];
	r.feed = fds[1];
	r.known = known;
	r.link_types = play == link_restarts;
	r.on_reply = feed_and_start;
	r.play = play;
	feeding = lines;
	nfed = 0;
	feed(&r);
	CHECK_INT(ASK_DONE, ask_run(&a));
	check_got(&r, replies);
	CHECK_STR(asked, link_end(&r));
	close(fds[0]);
}

/* ---- what ends it ---- */

static void
check_fails(const struct ask *a, enum ask_result want, int want_errno)
{
	errno = 0;
	CHECK_INT(want, ask_run(a));
	CHECK_INT(want_errno, errno);
}

static void
test_errors(void)
{
	struct run r = run_begin();
	struct ask a = ask_for(&r);
	char *requests[] = { "a", "b" };
	char dir[120];

	/* What comes of the replies is the caller's to know. */
	a.requests = requests;
	a.nrequest = 2;
	link_start(&r, link_echo, 0);
	r.fail = EPIPE;
	check_fails(&a, ASK_FAILED, EPIPE);
	link_end(&r);
	r = run_begin();
	r.fail = EIO;
	check_fails(&a, ASK_FAILED, EIO);	/* nor can con_lost be said */

	r = run_begin();
	memset(dir, 'd', sizeof(dir));
	dir[0] = '/';
	dir[sizeof(dir) - 1] = '\0';
	a.sock_dir = dir;
	check_fails(&a, ASK_LINK, ENAMETOOLONG);
	a.sock_dir = "/dev/null";
	check_fails(&a, ASK_LINK, ENOTDIR);

	a = ask_for(&r);
	link_start(&r, link_echo, 0);
	a.input = open("/", O_RDONLY | O_CLOEXEC);
	check_fails(&a, ASK_INPUT, EISDIR);
	close(a.input);
	check_fails(&a, ASK_INPUT, EBADF);
	CHECK_STR("", link_end(&r));
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	alarm(120);		/* whatever hangs does not hang for ever */
	confdir_make();
	test_requests();
	test_timeout();
	test_long_reply();
	test_long_request();
	test_no_link();
	test_no_peer();
	test_link_comes();
	test_input();
	test_many_lines(900000, 0);
	for (size_t bytes = 200000; bytes < 340000; bytes += 10000)
		test_many_lines(bytes, 999);
	test_conversation();
	test_talks();
	test_end_in_order();
	test_busy_link();
	test_late_link(link_echo, true, "con_lost\nb\n", "+b\n");
	test_late_link(link_restarts, true, "con_lost\nr1\nc\n",
	    "+b\n+c\n");
	test_late_link(link_hangs_up, false, "no_such_host\ncon_lost\n",
	    "+b\n");
	test_both_ways();
	test_errors();
	return check_status();
}
