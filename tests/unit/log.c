/*
 * The log, with a pipe in the place of standard error.
 *
 * Not tested: lines of other processes in the same pipe.
 */
#include "lonc/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static int saved = -1;		/* the real standard error meanwhile */
static int reader = -1;		/* where what was logged comes out */
static char got[1 << 18];	/* what was read, with a NUL behind */
static size_t got_len;

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

/* From here to untap() nothing may be checked: it would go into the pipe. */
static void
tap(void)
{
	int fds[2];

	sure(pipe2(fds, O_CLOEXEC), "pipe");
	sure(fcntl(fds[0], F_SETFL, O_NONBLOCK), "fcntl");
	saved = sure(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10), "dup");
	sure(dup2(fds[1], STDERR_FILENO), "dup2");
	close(fds[1]);
	reader = fds[0];
}

static void
untap(void)
{
	dup2(saved, STDERR_FILENO);
	close(saved);
}

/* Takes all that is in the pipe. */
static void
drain(void)
{
	ssize_t n;

	got_len = 0;
	while ((n = read(reader, got + got_len, sizeof(got) - 1 - got_len)) >
	    0)
		got_len += n;
	got[got_len] = '\0';
}

static void
finish(void)
{
	close(reader);
	reader = -1;
}

static void
test_lines(void)
{
	tap();
	log_init("lonc-test", NULL);
	log_line("no peer is known");
	log_init("lonc-test", "msul1");
	log_line("%s: %d %s", "a", 7, "b");
	log_line("%s", "");
	log_line("%s", "\n\r\x1b[2J\x7f\x80\xff 100% %s");
	drain();
	untap();
	CHECK_STR("lonc-test: no peer is known\n"
	    "lonc-test: msul1: a: 7 b\n"
	    "lonc-test: msul1: \n"
	    "lonc-test: msul1: \\x0a\\x0d\\x1b[2J\\x7f\\x80\\xff 100% %s\n",
	    got);
	CHECK_INT(0, log_dropped());
	finish();
}

/* A line is never longer than LOG_LINE, nor ends in half an escape. */
static void
test_long(void)
{
	static const char fills[] = { 'x', '\x1b' };
	static const char prefix[] = "lonc-test: msul1: ";
	char text[3 * LOG_LINE];

	for (size_t i = 0; i < sizeof(fills); i++) {
		memset(text, fills[i], sizeof(text));
		text[sizeof(text) - 1] = '\0';
		tap();
		log_line("%s", text);
		drain();
		untap();
		CHECK(got_len <= LOG_LINE && got_len > LOG_LINE - 10);
		CHECK_MEM(prefix, strlen(prefix), got, strlen(prefix));
		CHECK(strchr(got, '\n') == got + got_len - 1);
		if (fills[i] == '\x1b')
			CHECK_STR("\\x1b...\n", got + got_len - 8);
		finish();
	}
	/* Just as much as a line has room for is all there. */
	text[LOG_LINE - 1 - strlen(prefix)] = '\0';
	memset(text, 'y', strlen(text));
	tap();
	log_line("%s", text);
	drain();
	untap();
	CHECK_INT(LOG_LINE, got_len);
	CHECK(got[LOG_LINE - 2] == 'y');
	finish();
}

static void
test_errno(void)
{
	tap();
	errno = ESRCH;
	log_line("%m");
	drain();
	untap();
	CHECK(strstr(got, strerror(ESRCH)) != NULL);
	finish();
}

static void
test_note(void)
{
	unsigned errors = 3;

	tap();
	log_note(&errors, false, "a %s");
	log_note(&errors, true, "b");
	log_note(NULL, true, "c");
	drain();
	untap();
	CHECK_INT(4, errors);
	CHECK_STR("lonc-test: msul1: a %s\nlonc-test: msul1: b\n"
	    "lonc-test: msul1: c\n", got);
	finish();
}

/* How many lines are in got, all of them as log_numbered() writes them? */
static int
numbered_lines(void)
{
	char want[64];
	size_t at = 0, n;
	int i;

	for (i = 0; at < got_len; i++) {
		n = snprintf(want, sizeof(want), "lonc-test: msul1: line %d\n",
		    i);
		if (strncmp(got + at, want, n) != 0)
			return -1;
		at += n;
	}
	return i;
}

/*
 * While nobody reads, lines are dropped at once, whole and counted; then it
 * is said once how many.  (Were they waited for, SIGALRM would end this.)
 */
static void
test_full(void)
{
	enum { MOST = 1000000, MORE = 10 };
	uint64_t before = log_dropped(), dropped;
	int tried = 0, kept;
	char want[200];

	tap();
	while (log_dropped() == before && tried < MOST)
		log_line("line %d", tried++);
	for (int i = 0; i < MORE; i++)
		log_line("line %d", tried++);
	dropped = log_dropped() - before;
	drain();
	kept = numbered_lines();
	log_line("after that");
	log_line("and that");
	drain();
	untap();
	CHECK_INT(MORE + 1, dropped);
	CHECK(kept > 0);
	CHECK_INT(tried, kept + (int)dropped);
	snprintf(want, sizeof(want),
	    "lonc-test: msul1: %d log lines were dropped\n"
	    "lonc-test: msul1: after that\nlonc-test: msul1: and that\n",
	    MORE + 1);
	CHECK_STR(want, got);
	CHECK_INT(dropped, log_dropped() - before);
	finish();
}

/* The same if the reader has gone, or there was no descriptor at all. */
static void
test_no_reader(void)
{
	uint64_t before = log_dropped(), without, closed;
	int after;

	tap();
	finish();
	errno = ESRCH;
	log_line("nobody reads this");
	after = errno;
	without = log_dropped();
	close(STDERR_FILENO);
	log_line("nor this");
	closed = log_dropped();
	untap();
	CHECK_INT(before + 1, without);
	CHECK_INT(before + 2, closed);
	CHECK_INT(ESRCH, after);

	tap();
	log_line("but this");
	drain();
	untap();
	CHECK_STR("lonc-test: msul1: 2 log lines were dropped\n"
	    "lonc-test: msul1: but this\n", got);
	finish();
}

/* Is it /dev/null? */
static int
is_null(int fd)
{
	struct stat st, null;

	return fstat(fd, &st) == 0 && stat("/dev/null", &null) == 0 &&
	    S_ISCHR(st.st_mode) && st.st_rdev == null.st_rdev;
}

/* Descriptors 0 to 2 that are not open become /dev/null, and no other. */
static void
test_closed(void)
{
	int status = -1;
	pid_t pid;

	for (int mask = 0; mask < 8; mask++) {
		if ((pid = sure(fork(), "fork")) == 0) {
			int fds[2], next, good;

			sure(pipe(fds), "pipe");
			close(next = sure(dup(fds[0]), "dup"));
			for (int fd = 0; fd < 3; fd++) {
				if (mask >> fd & 1)
					close(fd);
				else
					dup2(fds[0], fd);
			}
			log_init("lonc-test", "msul1");
			good = dup(fds[0]) == next;
			for (int fd = 0; fd < 3; fd++)
				good &= is_null(fd) == (mask >> fd & 1);
			_exit(!good);
		}
		sure(waitpid(pid, &status, 0), "waitpid");
		CHECK_INT(0, status);
	}
}

int
main(void)
{
	alarm(30);
	signal(SIGPIPE, SIG_IGN);	/* as all programs have it */
	test_closed();
	test_lines();
	test_long();
	test_errno();
	test_note();
	test_full();
	test_no_reader();
	return check_status();
}
