/*
 * Handlers: what they are given, what becomes of what they say, and how
 * they end.
 *
 * Not tested: processes and memory that run out.
 */
#include "lonc/handler.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "confdir.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MAX_REPLY 4096
#define LONG 60000		/* ms; no handler here takes as long */
#define X10 "xxxxxxxxxx"
#define X50 X10 X10 X10 X10 X10
#define X250 X50 X50 X50 X50 X50

static struct loop *lp;
static bool child_ended;
static unsigned nwaits;		/* of the loop, for one handler */

/* How it ended, what it said, and why. */
struct ended {
	enum handler_end how;
	char	reply[MAX_REPLY + 1];
	size_t	reply_len;
	char	why[128];
};

static void
signal_act(void *arg, int signo)
{
	(void)arg;
	child_ended |= signo == SIGCHLD;
}

static void
script(const char *name, const char *text)
{
	char path[4096], all[8192];

	snprintf(all, sizeof(all), "#!/bin/sh\n%s\n", text);
	remove(confdir_path(path, name));
	confdir_write(name, all, strlen(all));
	chmod(path, 0700);
}

static struct handler *
start(const char *word, const char *text, size_t len, int64_t timeout)
{
	char path[4096];
	const struct handler_request rq = {
		.path = confdir_path(path, word),
		.word = word,
		.word_len = strlen(word),
		.text = text,
		.text_len = len,
		.client = "two",
		.self = "one",
	};

	child_ended = false;
	return handler_start(lp, &rq, MAX_REPLY, timeout);
}

/* Waits for its end; alarm(2) sees to it that this is not for ever. */
static void
finish(struct handler *h, struct ended *e)
{
	const struct buf *b;

	nwaits = 0;
	memset(e, 0, sizeof(*e));
	if (!CHECK(h != NULL))
		return;
	while (!child_ended || !handler_child(h, &e->how)) {
		child_ended = false;
		nwaits++;
		CHECK_INT(0, loop_wait(lp, handler_deadline(h)));
		handler_due(h);
	}
	b = handler_reply(h);
	if (CHECK(buf_len(b) <= MAX_REPLY || e->how == HANDLER_FAILED) &&
	    buf_len(b) > 0 && buf_len(b) <= MAX_REPLY) {
		memcpy(e->reply, buf_data(b), buf_len(b));
		e->reply_len = buf_len(b);
	}
	snprintf(e->why, sizeof(e->why), "%s", handler_why(h));
	handler_free(h);
}

static void
run(const char *text, struct ended *e)
{
	script("h", text);
	finish(start("h", "", 0, LONG), e);
}

/* ---- how they end, and what they say ---- */

static const struct {
	const char	*script;
	enum handler_end how;
	const char	*reply;		/* NULL: it does not count */
	const char	*why;
} cases[] = {
	{ "echo hello", HANDLER_OK, "hello", "" },
	{ "printf hello", HANDLER_OK, "hello", "" },
	{ ":", HANDLER_OK, "", "" },
	{ "echo", HANDLER_OK, "", "" },
	{ "echo; echo second", HANDLER_OK, "", "" },
	{ "echo first; echo second", HANDLER_OK, "first", "" },
	{ "printf 'first\\nsecond'", HANDLER_OK, "first", "" },
	{ "printf fi; printf 'rst\\n'; printf 'x\\n'", HANDLER_OK, "first",
	    "" },
	{ "echo 'a b:c\r'", HANDLER_OK, "a b:c\r", "" },
	{ "echo encrypt:x", HANDLER_OK, "encrypt:x", "" },
	{ "exec >&-; exit 0", HANDLER_OK, "", "" },
	{ "echo said; exec >&- <&-; exit 0", HANDLER_OK, "said", "" },
	{ "echo no; exit 100", HANDLER_REFUSED, "no", "" },
	{ "exit 100", HANDLER_REFUSED, "", "" },
	{ "echo no; exit 64", HANDLER_REFUSED, "no", "" },
	{ "echo no; exit 65", HANDLER_REFUSED, "no", "" },
	{ "echo no; exit 70", HANDLER_REFUSED, "no", "" },
	{ "echo no; exit 76", HANDLER_REFUSED, "no", "" },
	{ "echo no; exit 77", HANDLER_REFUSED, "no", "" },
	{ "echo no; exit 78", HANDLER_REFUSED, "no", "" },
	{ "echo no; exit 112", HANDLER_REFUSED, "no", "" },
	{ "echo x; exit 1", HANDLER_FAILED, NULL, "exit status 1" },
	{ "exit 63", HANDLER_FAILED, NULL, "exit status 63" },
	{ "exit 75", HANDLER_FAILED, NULL, "exit status 75" },
	{ "exit 99", HANDLER_FAILED, NULL, "exit status 99" },
	{ "exit 101", HANDLER_FAILED, NULL, "exit status 101" },
	{ "exit 111", HANDLER_FAILED, NULL, "exit status 111" },
	{ "exit 127", HANDLER_FAILED, NULL, "exit status 127" },
	{ "exit 255", HANDLER_FAILED, NULL, "exit status 255" },
	{ "echo x; kill -KILL $$", HANDLER_FAILED, NULL,
	    "killed by signal 9" },
	/* They have their signals as if started by hand. */
	{ "kill -TERM $$; echo deaf", HANDLER_FAILED, NULL,
	    "killed by signal 15" },
	{ "kill -PIPE $$; echo deaf", HANDLER_FAILED, NULL,
	    "killed by signal 13" },
};

static void
test_ends(void)
{
	struct ended e;

	for (size_t i = 0; i < COUNT(cases); i++) {
		run(cases[i].script, &e);
		if (!CHECK(e.how == cases[i].how))
			fprintf(stderr, "  %s: %d\n", cases[i].script, e.how);
		if (cases[i].reply != NULL)
			CHECK_STR(cases[i].reply, e.reply);
		CHECK_STR(cases[i].why, e.why);
	}
}

/* Its end may be known before its output was looked at. */
static void
test_end_before_output(void)
{
	enum handler_end how;
	struct handler *h;
	siginfo_t si;

	script("h", "echo hello; printf '%050000d' 0");
	h = start("h", "", 0, LONG);
	CHECK_INT(0, waitid(P_ALL, 0, &si, WEXITED | WNOWAIT));
	if (CHECK(handler_child(h, &how))) {
		CHECK_INT(HANDLER_OK, how);
		CHECK_MEM("hello", 5, buf_data(handler_reply(h)),
		    buf_len(handler_reply(h)));
		handler_free(h);
	}
}

static void
test_reply_bytes(void)
{
	struct ended e;

	run("printf 'a\\0b\\377\\n'", &e);
	CHECK_INT(HANDLER_OK, e.how);
	CHECK_MEM("a\0b\xff", 4, e.reply, e.reply_len);
}

/* The longest reply, with and without its LF, and one byte more. */
static void
test_long_replies(void)
{
	static const struct {
		const char	*script;
		size_t		 len;	/* 0: too long */
	} replies[] = {
		{ "printf '%04096d\\n' 0", 4096 },
		{ "printf '%04096d' 0", 4096 },
		{ "printf '%04096d\\n' 0; printf '%0100000d\\n' 0", 4096 },
		{ "printf '%04097d\\n' 0", 0 },
		{ "printf '%04097d' 0", 0 },
		{ "printf '%0300000d\\n' 0", 0 },
		{ "printf '%0300000d' 0; echo; echo short", 0 },
	};
	struct ended e;

	for (size_t i = 0; i < COUNT(replies); i++) {
		run(replies[i].script, &e);
		if (replies[i].len > 0) {
			CHECK_INT(HANDLER_OK, e.how);
			CHECK_INT(replies[i].len, e.reply_len);
		} else {
			CHECK_INT(HANDLER_FAILED, e.how);
			CHECK_STR("its reply is too long", e.why);
		}
	}
}

/* ---- what they are given ---- */

static void
test_input(void)
{
	static const char bytes[] = "a:b\0c\n\xff";
	static char much[1 << 20];
	char path[4096], size[32];
	struct ended e;
	struct stat st;

	script("h", "cat >\"${0%/*}/input\"; echo done");
	finish(start("h", bytes, sizeof(bytes), LONG), &e);
	CHECK_STR("done", e.reply);
	CHECK_INT(0, stat(confdir_path(path, "input"), &st));
	CHECK_INT(sizeof(bytes), st.st_size);
	script("h", "cat");
	finish(start("h", "text", 4, LONG), &e);
	CHECK_STR("text", e.reply);
	finish(start("h", "", 0, LONG), &e);
	CHECK_STR("", e.reply);
	CHECK_INT(HANDLER_OK, e.how);

	/* More than a pipe holds: read, left unread, read late. */
	memset(much, 'm', sizeof(much));
	script("h", "wc -c | tr -d ' '");
	finish(start("h", much, sizeof(much), LONG), &e);
	snprintf(size, sizeof(size), "%zu", sizeof(much));
	CHECK_STR(size, e.reply);
	script("h", "echo enough");
	finish(start("h", much, sizeof(much), LONG), &e);
	CHECK_INT(HANDLER_OK, e.how);
	CHECK_STR("enough", e.reply);
	/* Nobody spins because nobody reads. */
	script("h", "exec <&-; sleep 0.1; echo shut");
	finish(start("h", much, sizeof(much), LONG), &e);
	CHECK_STR("shut", e.reply);
	CHECK(nwaits < 100);
	script("h", "printf '%0100000d' 0; wc -c >/dev/null; exit 3");
	finish(start("h", much, sizeof(much), LONG), &e);
	CHECK_STR("its reply is too long", e.why);
}

static void
check_environment(bool secure, const char *want)
{
	char path[4096];
	const struct handler_request rq = {
		.path = confdir_path(path, "get"),
		.word = "get:more",
		.word_len = 3,
		.text = "",
		.client = "two",
		.self = "one",
		.secure = secure,
	};
	struct ended e;

	script("get", "tr '\\0' '\\n' </proc/$$/environ | sort | tr '\\n' ' '");
	child_ended = false;
	finish(handler_start(lp, &rq, MAX_REPLY, LONG), &e);
	CHECK_STR(want, e.reply);
}

#define PATH_WANTED "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:" \
	"/usr/bin:/sbin:/bin "

static void
test_environment(void)
{
	clearenv();
	setenv("LD_PRELOAD", "", 1);
	setenv("PATH", "/tmp", 1);
	setenv("LONC_CLIENT", "three", 1);
	setenv("LONC_OTHER", "x", 1);
	setenv("PROTOX", "x", 1);
	setenv("HOME", "/", 1);
	check_environment(false, "LONC_CLIENT=two LONC_COMMAND=get "
	    "LONC_HOSTID=one LONC_SECURE=0 " PATH_WANTED);
	setenv("PROTO", "TCP", 1);
	setenv("TCPREMOTEIP", "192.0.2.7", 1);
	setenv("TCPREMOTEHOST", "a b=c", 1);
	check_environment(true, "LONC_CLIENT=two LONC_COMMAND=get "
	    "LONC_HOSTID=one LONC_SECURE=1 " PATH_WANTED
	    "PROTO=TCP TCPREMOTEHOST=a b=c TCPREMOTEIP=192.0.2.7 ");
}

static void
test_process(void)
{
	struct ended e;

	run("read -r stat </proc/$$/stat; set -- $stat; "
	    "[ \"$5\" = $$ ] && echo own group", &e);
	CHECK_STR("own group", e.reply);
	run("for n in 3 4 5 6 7 8 9; do [ ! -e /proc/$$/fd/$n ] || "
	    "printf '%d ' $n; done", &e);
	CHECK_STR("", e.reply);
	run("echo $#", &e);
	CHECK_STR("0", e.reply);
}

/* ---- what is a handler and what is none ---- */

static void
check_find(const char *word, size_t len, enum handler_kind want,
    int want_errno)
{
	char path[4096];
	enum handler_kind kind;

	errno = 0;
	kind = handler_find(path, sizeof(path), confdir, word, len);
	if (!CHECK(kind == want && (want_errno == 0 || errno == want_errno)))
		fprintf(stderr, "  %.*s: %d, %s\n", (int)len, word, kind,
		    strerror(errno));
}

static void
test_no_handler(void)
{
	static const struct {
		const char	*word;
		size_t		 len;
	} words[] = {
		{ "", 0 }, { "none", 4 }, { ".h", 2 }, { ".", 1 }, { "..", 2 },
		{ "d/h", 3 }, { "./h", 3 }, { "/bin/true", 9 }, { "h/", 2 },
		{ "h\0", 2 }, { "h\0x", 3 }, { "hh", 2 }, { "H", 1 },
		{ X250 "abcde", 255 }, { X250 "abcdef", 256 },
	};
	char path[4096];

	script("h", "echo h");
	script(".h", "echo .h");
	CHECK_INT(0, mkdir(confdir_path(path, "d"), 0700));
	script("d/h", "echo d/h");
	for (size_t i = 0; i < COUNT(words); i++)
		check_find(words[i].word, words[i].len, HANDLER_NONE, 0);
	CHECK_INT(HANDLER_NONE, handler_find(path, sizeof(path),
	    "/nonexistent", "h", 1));
}

/*
 * What is there but cannot be used is something else than nothing: the
 * client is told so, and the log.
 */
static void
test_wrong_handler(void)
{
	char path[4096];

	check_find("d", 1, HANDLER_WRONG, EACCES);
	CHECK_INT(0, mkfifo(confdir_path(path, "fifo"), 0700));
	check_find("fifo", 4, HANDLER_WRONG, EACCES);
	CHECK_INT(0, symlink("loop", confdir_path(path, "loop")));
	check_find("loop", 4, HANDLER_WRONG, ELOOP);
	CHECK_INT(0, symlink("nowhere", confdir_path(path, "astray")));
	check_find("astray", 6, HANDLER_WRONG, ENOENT);
	errno = 0;
	CHECK_INT(HANDLER_WRONG, handler_find(path, strlen(confdir) + 2,
	    confdir, "h", 1));
	CHECK_INT(ENAMETOOLONG, errno);
}

static void
test_find(void)
{
	char path[4096], want[4096];

	script("h", "echo h");
	check_find("h", 1, HANDLER_PROGRAM, 0);
	/* What follows the word does not count. */
	CHECK_INT(HANDLER_PROGRAM, handler_find(path, strlen(confdir) + 3,
	    confdir, "hello", 1));
	CHECK_STR(confdir_path(want, "h"), path);
	CHECK_INT(0, symlink("h", confdir_path(path, "alias")));
	check_find("alias", 5, HANDLER_PROGRAM, 0);

	/* A socket is told apart, whether anyone listens or not. */
	CHECK_INT(0, mknod(confdir_path(path, "sock"), S_IFSOCK | 0600, 0));
	check_find("sock", 4, HANDLER_SERVICE, 0);
	CHECK_INT(HANDLER_SERVICE, handler_find(path, sizeof(path), confdir,
	    "sock:x", 4));
	CHECK_STR(confdir_path(want, "sock"), path);
	CHECK_INT(0, symlink("sock", confdir_path(path, "sockalias")));
	check_find("sockalias", 9, HANDLER_SERVICE, 0);
}

/* Under valgrind(1) posix_spawn(3) cannot tell that exec(2) failed. */
static bool
spawn_tells(void)
{
	char *argv[] = { "none", NULL };
	pid_t pid;

	if (posix_spawn(&pid, "/nonexistent", NULL, NULL, argv, argv + 1) != 0)
		return true;
	waitpid(pid, NULL, 0);
	return false;
}

static void
check_no_start(const char *word, const char *text, mode_t mode, int want)
{
	char path[4096];
	struct handler *h;

	confdir_write(word, text, strlen(text));
	chmod(confdir_path(path, word), mode);
	errno = 0;
	h = start(word, "", 0, LONG);
	if (!CHECK(h == NULL && errno == want))
		fprintf(stderr, "  %s: %s\n", word, strerror(errno));
}

static void
test_cannot_run(void)
{
	if (!spawn_tells())
		return;
	check_no_start("plain", "#!/bin/sh\n", 0600, EACCES);
	check_no_start("data", "data", 0700, ENOEXEC);
	check_no_start("script", "#!/nonexistent/sh\n", 0700, ENOENT);
}

static void
test_name_bytes(void)
{
	struct ended e;

	script("put-2.x_\xc3\xa4 ", "echo odd");
	finish(start("put-2.x_\xc3\xa4 ", "", 0, LONG), &e);
	CHECK_STR("odd", e.reply);
	script(X250 "abcde", "echo long");
	check_find(X250 "abcde", 255, HANDLER_PROGRAM, 0);
	finish(start(X250 "abcde", "", 0, LONG), &e);
	CHECK_STR("long", e.reply);
}

/* ---- time ---- */

/* The end of a pipe that all of a handler's processes hold. */
static void
check_all_gone(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	CHECK_INT(1, poll(&p, 1, 10000));
	close(fd);
}

static void
run_late(const char *text, int *fd, struct ended *e)
{
	char quiet[256];
	int fds[2];
	struct handler *h;

	CHECK_INT(0, pipe(fds));
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	/* Shells report what a signal has ended. */
	snprintf(quiet, sizeof(quiet), "exec 2>/dev/null; %s", text);
	script("h", quiet);
	h = start("h", "", 0, 100);
	close(fds[1]);
	*fd = fds[0];
	finish(h, e);
}

static void
test_time_over(void)
{
	char path[4096];
	struct ended e;
	int fd;

	run_late("echo early; exec sleep 60", &fd, &e);
	CHECK_INT(HANDLER_FAILED, e.how);
	CHECK_STR("not done in time", e.why);
	check_all_gone(fd);

	/* The whole group is told, and what that leads to is waited for. */
	run_late("trap : TERM; sleep 60; echo told >\"${0%/*}/told\"", &fd,
	    &e);
	CHECK_STR("not done in time", e.why);
	CHECK_INT(0, access(confdir_path(path, "told"), F_OK));
	check_all_gone(fd);

	/* With all that it has started. */
	run_late("sleep 60 & sleep 60 & wait", &fd, &e);
	CHECK_STR("not done in time", e.why);
	check_all_gone(fd);

	/* That it ended well when it was told to end does not count. */
	run_late("trap 'echo sorry; exit 0' TERM; while :; do sleep 0.02; done",
	    &fd, &e);
	CHECK_INT(HANDLER_FAILED, e.how);
	CHECK_STR("not done in time", e.why);
	check_all_gone(fd);

	/* The leader heeds TERM, a child does not. */
	run_late("sh -c 'trap \"\" TERM; while :; do sleep 0.02; done' & wait",
	    &fd, &e);
	CHECK_STR("not done in time", e.why);
	check_all_gone(fd);
}

static void
test_deaf(void)
{
	struct ended e;
	int fd;

	run_late("trap '' TERM; while :; do sleep 0.02; done", &fd, &e);
	CHECK_INT(HANDLER_FAILED, e.how);
	CHECK_STR("not done in time", e.why);
	check_all_gone(fd);
}

/* Its deadline is told, and nothing happens before it. */
static void
test_deadline(void)
{
	struct ended e;
	struct handler *h;
	enum handler_end how;

	script("h", "read -r line; echo done");
	h = start("h", "", 0, LONG);
	CHECK(handler_deadline(h) <= loop_now(lp) + LONG);
	CHECK(handler_deadline(h) > loop_now(lp));
	handler_due(h);
	finish(h, &e);
	CHECK_INT(HANDLER_OK, e.how);

	script("h", "exec sleep 60");
	h = start("h", "", 0, 50);
	CHECK(!handler_child(h, &how));
	finish(h, &e);
	CHECK_STR("not done in time", e.why);
}

/* Descendants that keep its output open are not waited for. */
static void
test_descendant(void)
{
	struct ended e;
	pid_t pid;

	run("sleep 60 & echo $!", &e);
	CHECK_INT(HANDLER_OK, e.how);
	pid = atol(e.reply);
	if (CHECK(pid > 1)) {
		CHECK_INT(0, kill(pid, 0));
		kill(pid, SIGKILL);
	}
}

/* No child is left, and no descriptor but the loop's own. */
static void
check_nothing_left(int before)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	CHECK_INT(before, fd);
	close(fd);
	errno = 0;
	CHECK_INT(-1, waitpid(-1, NULL, WNOHANG));
	CHECK_INT(ECHILD, errno);
}

int
main(void)
{
	static const int signals[] = { SIGCHLD, SIGTERM, 0 };
	int before;

	alarm(120);
	signal(SIGPIPE, SIG_IGN);
	/* What was left open by whoever runs the tests. */
	closefrom(3);
	confdir_make();
	if ((lp = loop_new()) == NULL ||
	    loop_signals(lp, signals, signal_act, NULL) == -1) {
		perror("loop");
		return 2;
	}
	before = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(before);
	test_ends();
	test_end_before_output();
	test_reply_bytes();
	test_long_replies();
	test_input();
	test_process();
	test_no_handler();
	test_wrong_handler();
	test_find();
	test_cannot_run();
	test_name_bytes();
	test_time_over();
	test_deaf();
	test_deadline();
	test_descendant();
	test_environment();
	handler_free(NULL);
	check_nothing_left(before);
	loop_free(lp);
	return check_status();
}
