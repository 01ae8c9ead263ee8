/*
 * A connection to a service, with the service's end in this process: each
 * test says what the service reads and writes, and looks at what comes of it.
 *
 * Not tested: memory that runs out.
 */
#include "lonc/service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"
#include "confdir.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MAX_REPLY 1000
#define LONG 60000		/* ms that never are over here */
#define SHORT 50		/* ms to be waited for */
#define HEAD "two one - 0 0 "	/* of a request that came plain */
#define CLOSED "the service has closed the connection"
#define UNASKED "a reply that nobody asked for"
#define NO_REPLY "a line that is no reply"
#define TOO_LONG "its reply is too long"
#define LATE "not done in time"

static struct loop *lp;
static struct service *sv;
static int listenfd;
static int fd = -1;		/* the service's end */
static char path[4096];		/* of the socket */
static int64_t patience = 10000;	/* ms for what should happen soon */

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

/* ---- the service ---- */

static int
listener(const char *at, int backlog)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int s;

	if (strlen(at) >= sizeof(sun.sun_path)) {
		fprintf(stderr, "%s: too long\n", at);
		exit(2);
	}
	memcpy(sun.sun_path, at, strlen(at));
	s = sure(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	sure(bind(s, (struct sockaddr *)&sun, sizeof(sun)), at);
	sure(listen(s, backlog), "listen");
	return s;
}

/* In one piece. */
static void
says_bytes(const char *data, size_t len)
{
	CHECK_INT(len, send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT));
}

static void
says(const char *text)
{
	says_bytes(text, strlen(text));
}

/* What comes next must be just this. */
static void
hears(const char *want)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char got[4096];
	size_t len = 0;
	ssize_t n = 1;

	service_turn(sv);
	while (len < strlen(want) && n > 0 && poll(&p, 1, patience) == 1) {
		n = recv(fd, got + len, strlen(want) - len, 0);
		len += n > 0 ? n : 0;
	}
	CHECK_MEM(want, strlen(want), got, len);
}

static void
hears_nothing(void)
{
	char c;

	errno = 0;
	CHECK_INT(-1, recv(fd, &c, 1, MSG_DONTWAIT));
	CHECK_INT(EAGAIN, errno);
}

static void
hang_up(void)
{
	if (fd != -1)
		close(fd);
	fd = -1;
}

/* ---- the owner ---- */

static void
begin(int64_t timeout)
{
	/* The loop's time is that of its last wait. */
	CHECK_INT(0, loop_wait(lp, 0));
	if ((sv = service_open(lp, path, MAX_REPLY, timeout)) == NULL) {
		perror(path);
		exit(2);
	}
	fd = sure(accept4(listenfd, NULL, NULL, SOCK_CLOEXEC), "accept");
}

static void
end(void)
{
	service_free(sv);
	sv = NULL;
	hang_up();
}

static int
put_bytes(const char *request, size_t len, bool secure)
{
	const struct service_request rq = { "two", "one", secure, request,
	    len };

	return service_put(sv, &rq);
}

static void
put(const char *request)
{
	CHECK(service_room(sv));
	CHECK_INT(0, put_bytes(request, strlen(request), false));
}

/* Something may come until then. */
static void
turn_until(int64_t deadline)
{
	int64_t at;

	service_turn(sv);
	at = service_deadline(sv);
	CHECK_INT(0, loop_wait(lp, at < deadline ? at : deadline));
}

/* What is there is read, without waiting for more. */
static void
read_all(void)
{
	for (int i = 0; i < 8; i++)
		turn_until(loop_now(lp));
}

static bool
check_next(int rc, const struct service_reply *r, const char *why,
    const char *want)
{
	char got[2 * MAX_REPLY];

	if (rc == 1)
		snprintf(got, sizeof(got), "%d %.*s", r->status, (int)r->len,
		    r->text);
	else
		snprintf(got, sizeof(got), "%s", rc == 0 ? "" : why);
	if (CHECK(strcmp(want, got) == 0))
		return true;
	fprintf(stderr, "  wanted \"%.40s\"\n  got    \"%.40s\"\n", want, got);
	return false;
}

/* What is there at once: "STATUS TEXT", "" or why it is broken. */
static void
next(const char *want)
{
	struct service_reply r;
	char why[SERVICE_WHY];
	int rc = service_next(sv, &r, why);

	check_next(rc, &r, why, want);
}

/* The same, but it may take a while. */
static bool
next_soon(const char *want)
{
	int64_t deadline = loop_now(lp) + patience;
	struct service_reply r;
	char why[SERVICE_WHY];
	int rc;

	while ((rc = service_next(sv, &r, why)) == 0 &&
	    loop_now(lp) < deadline)
		turn_until(deadline);
	if (rc == 0)
		patience = 100;
	return check_next(rc, &r, why, want);
}

/* It stays as it is: the loop waits for something to happen. */
static void
check_idle(void)
{
	int64_t until;

	read_all();
	service_turn(sv);
	until = loop_now(lp) + 20;
	CHECK(service_deadline(sv) >= until);
	CHECK_INT(0, loop_wait(lp, until));
	CHECK(loop_now(lp) >= until);
}

/* ---- to begin with ---- */

static void
check_no_open(const char *at, int want)
{
	struct service *none;

	errno = 0;
	none = service_open(lp, at, MAX_REPLY, LONG);
	if (!CHECK(none == NULL && errno == want))
		fprintf(stderr, "  %s: %s\n", at, strerror(errno));
	service_free(none);
}

/* The path of just so many bytes. */
static char *
path_of_length(char at[4096], size_t len)
{
	confdir_path(at, "");
	while (strlen(at) < len)
		strcat(at, "p");
	return at;
}

static void
test_open(void)
{
	char at[4096];
	size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
	int s, waiting;

	check_no_open(confdir_path(at, "none"), ENOENT);
	confdir_write("file", "", 0);
	check_no_open(confdir_path(at, "file"), ECONNREFUSED);
	close(listener(confdir_path(at, "dead"), 1));
	check_no_open(at, ECONNREFUSED);

	check_no_open(path_of_length(at, most + 1), ENAMETOOLONG);
	check_no_open(path_of_length(at, most), ENOENT);
	s = listener(at, 1);
	sv = service_open(lp, at, MAX_REPLY, LONG);
	CHECK(sv != NULL);
	end();
	close(s);

	/* One that accepts nobody is not waited for. */
	s = listener(confdir_path(at, "busy"), 0);
	sv = service_open(lp, at, MAX_REPLY, LONG);
	waiting = sv != NULL;
	CHECK_INT(1, waiting);
	check_no_open(at, EAGAIN);
	end();
	close(s);
}

static void
test_request(void)
{
	char got[64];
	ssize_t n;

	begin(LONG);
	CHECK(service_room(sv));
	CHECK_INT(0, service_unanswered(sv));
	CHECK_INT(LOOP_NEVER, service_deadline(sv));
	next("");
	put("get:key");
	CHECK_INT(1, service_unanswered(sv));
	hears_nothing();	/* before the turn */
	hears(HEAD "get:key\n");
	next("");
	says("0 value\n");
	next_soon("0 value");
	CHECK_INT(0, service_unanswered(sv));
	next("");

	CHECK_INT(0, put_bytes("set:\0\r\xff", 7, true));
	service_turn(sv);
	CHECK_INT(0, put_bytes("", 0, false));
	hears("two one - 0 1 set:");
	n = recv(fd, got, sizeof(got), MSG_DONTWAIT);
	CHECK_MEM("\0\r\xff\n" HEAD "\n", 4 + strlen(HEAD "\n"), got,
	    n > 0 ? n : 0);
	hears_nothing();
	end();
}

/* ---- replies ---- */

static void
test_replies(void)
{
	static const struct {
		const char	*line;
		size_t		 len;
		int		 status;
		const char	*text;
		size_t		 text_len;
	} cases[] = {
		{ "0 yes\n", 6, 0, "yes", 3 },
		{ "0\n", 2, 0, "", 0 },
		{ "0 \n", 3, 0, "", 0 },
		{ "0  \n", 4, 0, " ", 1 },
		{ "0 0 100 x\n", 10, 0, "0 100 x", 7 },
		{ "100 no\n", 7, 100, "no", 2 },
		{ "100\n", 4, 100, "", 0 },
		{ "111 a b:c\r\n", 11, 111, "a b:c\r", 6 },
		{ "111 \n", 5, 111, "", 0 },
		{ "0 \0\xff\n", 5, 0, "\0\xff", 2 },
	};
	struct service_reply r;
	char why[SERVICE_WHY];
	int rc;

	begin(LONG);
	for (size_t i = 0; i < COUNT(cases); i++) {
		put("x");
		hears(HEAD "x\n");
		says_bytes(cases[i].line, cases[i].len);
		while ((rc = service_next(sv, &r, why)) == 0)
			turn_until(LOOP_NEVER);
		if (!CHECK(rc == 1))
			break;
		CHECK_INT(cases[i].status, r.status);
		CHECK_MEM(cases[i].text, cases[i].text_len, r.text, r.len);
	}
	end();
}

static void
test_no_replies(void)
{
	static const struct {
		const char	*line;
		size_t		 len;
	} cases[] = {
		{ "\n", 1 }, { " 0 x\n", 5 }, { "x\n", 2 }, { "00 x\n", 5 },
		{ "01 x\n", 5 }, { "0x\n", 3 }, { "0\tx\n", 4 },
		{ "1 x\n", 4 }, { "10 x\n", 5 }, { "11 x\n", 5 },
		{ "110 x\n", 6 }, { "112 x\n", 6 }, { "1000 x\n", 7 },
		{ "1111\n", 5 }, { "-0 x\n", 5 }, { "+0 x\n", 5 },
		{ "0:x\n", 4 }, { "0\0x\n", 4 }, { "0\r\n", 3 },
		{ "100\r\n", 5 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		begin(LONG);
		put("a");
		put("b");
		put("c");
		hears(HEAD "a\n" HEAD "b\n" HEAD "c\n");
		says("0 a\n");
		says_bytes(cases[i].line, cases[i].len);
		says("0 c\n");
		next_soon("0 a");
		next_soon(NO_REPLY);
		CHECK_INT(2, service_unanswered(sv));
		end();
	}
}

/* Many at a time, and in whatever pieces what they say comes. */
static void
test_order(void)
{
	enum { N = 1000 };
	char line[64], want[64], all[N * 10];
	size_t len = 0, at;

	begin(LONG);
	for (int i = 0; i < N; i++) {
		snprintf(line, sizeof(line), "x%d", i);
		put(line);
		len += sprintf(all + len, "%d r%d\n", i % 3 == 0 ? 0 :
		    i % 3 == 1 ? 100 : 111, i);
	}
	CHECK_INT(N, service_unanswered(sv));
	for (int i = 0; i < N; i++) {
		snprintf(want, sizeof(want), HEAD "x%d\n", i);
		hears(want);
	}
	for (at = 0; at < len; at += 7) {
		says_bytes(all + at, len - at < 7 ? len - at : 7);
		turn_until(loop_now(lp) + (at % 5 == 0 ? patience : 0));
	}
	for (int i = 0; i < N; i++) {
		snprintf(want, sizeof(want), "%d r%d", i % 3 == 0 ? 0 :
		    i % 3 == 1 ? 100 : 111, i);
		next_soon(want);
		CHECK_INT(N - 1 - i, service_unanswered(sv));
	}
	next("");
	end();
}

static void
test_room(void)
{
	int n;

	begin(LONG);
	for (n = 0; n < 5000 && service_room(sv); n++)
		put("x");
	CHECK_INT(1024, n);
	CHECK_INT(1024, service_unanswered(sv));
	for (int i = 0; i < n; i++)
		hears(HEAD "x\n");
	CHECK(!service_room(sv));
	says("0\n");
	next_soon("0 ");
	CHECK(service_room(sv));
	put("y");
	CHECK(!service_room(sv));
	hears(HEAD "y\n");
	end();
}

/* One that does not read: nobody spins, nothing is lost when it does. */
static void
test_not_reading(void)
{
	static char request[10000];
	char got[4096];
	size_t n = 0, lines = 0, bytes = 0, turns = 0;
	int64_t woken;
	ssize_t len;

	begin(LONG);
	memset(request, 'x', sizeof(request));
	while (service_room(sv) && n < 1024) {
		CHECK_INT(0, put_bytes(request, sizeof(request), false));
		service_turn(sv);
		n++;
	}
	CHECK(n < 1024);
	CHECK(!service_room(sv));
	check_idle();
	for (; bytes < n * (strlen(HEAD "\n") + sizeof(request)) &&
	    turns < 100000; turns++) {
		len = recv(fd, got, sizeof(got), MSG_DONTWAIT);
		for (ssize_t i = 0; i < len; i++)
			lines += got[i] == '\n';
		bytes += len > 0 ? len : 0;
		if (len > 0)
			continue;
		/* Without room it must be woken. */
		woken = loop_now(lp) + (service_room(sv) ? 0 : patience);
		CHECK_INT(0, loop_wait(lp, woken));
		CHECK(service_room(sv) || loop_now(lp) < woken);
		service_turn(sv);
	}
	CHECK_INT(n * (strlen(HEAD "\n") + sizeof(request)), bytes);
	CHECK_INT(n, lines);
	CHECK(service_room(sv));
	check_idle();
	CHECK_INT(n, service_unanswered(sv));
	end();
}

/* An owner that takes no replies for a while finds them all later. */
static void
test_not_taking(void)
{
	enum { N = 120 };	/* more than is read, less than is held */
	char line[MAX_REPLY + 16];

	begin(LONG);
	for (int i = 0; i < N; i++)
		put("x");
	for (int i = 0; i < N; i++)
		hears(HEAD "x\n");
	for (int i = 0; i < N; i++) {
		snprintf(line, sizeof(line), "0 %0*d\n", MAX_REPLY, i);
		says(line);
		read_all();
	}
	check_idle();
	for (int i = 0; i < N; i++) {
		snprintf(line, sizeof(line), "0 %0*d", MAX_REPLY, i);
		if (!next_soon(line))
			break;
	}
	end();
}

static void
test_one_too_many(void)
{
	begin(LONG);
	says("0 x\n");
	next_soon(UNASKED);
	CHECK_INT(0, service_unanswered(sv));
	end();

	begin(LONG);
	put("x");
	hears(HEAD "x\n");
	says("0 x\n0 y\n");
	next_soon("0 x");
	next_soon(UNASKED);
	end();
}

/* Of one too many the end might pass for the next reply. */
static void
test_part_too_many(void)
{
	begin(LONG);
	put("x");
	hears(HEAD "x\n");
	says("0 x\n0 unas");
	next_soon("0 x");
	next_soon(UNASKED);
	end();
}

static void
check_length(const char *status, size_t len, bool good)
{
	char want[2 * MAX_REPLY], line[sizeof(want) + 1];

	snprintf(want, sizeof(want), "%s %0*d", status, (int)len, 7);
	snprintf(line, sizeof(line), "%s\n", want);
	begin(LONG);
	put("x");
	hears(HEAD "x\n");
	says(line);
	next_soon(good ? want : TOO_LONG);
	CHECK_INT(good ? 0 : 1, service_unanswered(sv));
	end();
}

static void
test_too_long(void)
{
	static char much[50000];

	check_length("0", MAX_REPLY, true);
	check_length("100", MAX_REPLY, true);
	check_length("111", MAX_REPLY, true);
	check_length("0", MAX_REPLY + 1, false);
	check_length("100", MAX_REPLY + 1, false);
	check_length("0", MAX_REPLY + 3, false);

	/* One that never ends; those before it count. */
	begin(LONG);
	put("a");
	put("b");
	hears(HEAD "a\n" HEAD "b\n");
	memset(much, '0', sizeof(much));
	memcpy(much, "100 no\n", 7);
	says_bytes(much, sizeof(much));
	next_soon("100 no");
	next_soon(TOO_LONG);
	CHECK_INT(1, service_unanswered(sv));
	end();
}

/* ---- ends ---- */

static void
test_closed_unanswered(void)
{
	begin(LONG);
	put("a");
	put("b");
	put("c");
	hears(HEAD "a\n" HEAD "b\n" HEAD "c\n");
	says("0 a\n100 b\n111 unfinished");
	hang_up();
	next_soon("0 a");
	next_soon("100 b");
	next_soon(CLOSED);
	CHECK_INT(1, service_unanswered(sv));
	next(CLOSED);
	end();

	/* With requests that it has not read. */
	begin(LONG);
	put("a");
	put("b");
	hears(HEAD "a\n");
	says("0 a\n");
	hang_up();
	next_soon("0 a");
	next_soon(strerror(ECONNRESET));
	CHECK_INT(1, service_unanswered(sv));
	end();
}

/* It does not matter until the owner takes what came before. */
static void
test_closed_untaken(void)
{
	begin(LONG);
	put("a");
	put("b");
	hears(HEAD "a\n" HEAD "b\n");
	says("0 a\n");
	hang_up();
	check_idle();
	next("0 a");
	next_soon(CLOSED);
	end();
}

static void
test_closed_idle(void)
{
	begin(LONG);
	hang_up();
	next_soon(CLOSED);
	CHECK_INT(0, service_unanswered(sv));
	end();

	begin(LONG);
	put("a");
	hears(HEAD "a\n");
	says("0 a\n");
	hang_up();
	next_soon("0 a");
	CHECK_INT(0, service_unanswered(sv));
	next_soon(CLOSED);
	end();

	/* It is not known when the next request is put. */
	begin(LONG);
	put("a");
	hears(HEAD "a\n");
	says("0 a\n");
	hang_up();
	put("b");
	service_turn(sv);
	next_soon("0 a");
	next_soon(CLOSED);
	CHECK_INT(1, service_unanswered(sv));
	end();
}

/* ---- time ---- */

static void
test_hangs(void)
{
	int64_t began;

	begin(SHORT);
	put("a");
	put("b");
	hears(HEAD "a\n" HEAD "b\n");
	began = loop_now(lp);
	CHECK_INT(began + SHORT, service_deadline(sv));
	says("0 only a part");
	next_soon(LATE);
	CHECK(loop_now(lp) >= began + SHORT);
	CHECK_INT(2, service_unanswered(sv));
	end();
}

/* Each has the whole time from when it is the next. */
static void
test_deadline(void)
{
	int64_t began, first;

	begin(LONG);
	put("a");
	first = service_deadline(sv);
	CHECK_INT(loop_now(lp) + LONG, first);
	hears(HEAD "a\n");
	began = loop_now(lp);
	while (loop_now(lp) < began + 5)
		turn_until(began + 5);
	put("b");
	CHECK_INT(first, service_deadline(sv));
	hears(HEAD "b\n");
	says("0 a\n");
	next_soon("0 a");
	CHECK_INT(loop_now(lp) + LONG, service_deadline(sv));
	CHECK(service_deadline(sv) > first);
	says("0 b\n");
	next_soon("0 b");
	CHECK_INT(LOOP_NEVER, service_deadline(sv));
	/* Time in which nothing was asked does not count. */
	began = loop_now(lp);
	while (loop_now(lp) < began + 5)
		turn_until(began + 5);
	put("c");
	CHECK_INT(loop_now(lp) + LONG, service_deadline(sv));
	check_idle();
	end();
}

/* Nor does the time of an owner that has not taken what is there. */
static void
test_taken_late(void)
{
	int64_t began;

	begin(SHORT);
	put("a");
	put("b");
	hears(HEAD "a\n" HEAD "b\n");
	says("0 a\n");
	began = loop_now(lp);
	while (loop_now(lp) < began + 2 * SHORT)
		turn_until(began + 2 * SHORT);
	next("0 a");
	next("");
	says("0 b\n");
	next_soon("0 b");
	end();
}

static int
lowest_descriptor(void)
{
	int n = sure(open("/dev/null", O_RDONLY | O_CLOEXEC), "/dev/null");

	close(n);
	return n;
}

int
main(void)
{
	int before;

	alarm(60);
	signal(SIGPIPE, SIG_IGN);
	confdir_make();
	if ((lp = loop_new()) == NULL) {
		perror("loop");
		return 2;
	}
	listenfd = listener(confdir_path(path, "socket"), 8);
	before = lowest_descriptor();
	test_open();
	test_request();
	test_replies();
	test_no_replies();
	test_order();
	test_room();
	test_not_reading();
	test_not_taking();
	test_one_too_many();
	test_part_too_many();
	test_too_long();
	test_closed_unanswered();
	test_closed_untaken();
	test_closed_idle();
	test_hangs();
	test_deadline();
	test_taken_late();
	service_free(NULL);
	CHECK_INT(before, lowest_descriptor());
	close(listenfd);
	loop_free(lp);
	return check_status();
}
