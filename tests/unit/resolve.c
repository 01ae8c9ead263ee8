/*
 * Names and addresses, as far as the machine's own tables go.  What hangs
 * is a file of aliases that the resolver reads, here a FIFO: so it does in
 * glibc, for names without a dot (hostname(7)).
 *
 * Not tested: name servers; more than RESOLVE_MAX addresses; with another
 * C library, all that hangs.
 */
#include "lonc/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "confdir.h"

static int fifo;	/* what hang() holds open, or -1 */

static int
lowest_free(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

/* No child is left, alive or dead. */
static void
check_no_child(void)
{
	errno = 0;
	CHECK_INT(-1, waitpid(-1, NULL, WNOHANG));
	CHECK_INT(ECHILD, errno);
}

static void
wait_for(struct resolve *r, struct resolve_answer *an)
{
	struct pollfd p = { .fd = r->fd, .events = POLLIN };

	memset(an, 0xff, sizeof(*an));
	CHECK(fcntl(r->fd, F_GETFD) & FD_CLOEXEC);
	CHECK_INT(1, poll(&p, 1, 60000));
	CHECK_INT(0, resolve_read(r, an));
	resolve_stop(r);
	CHECK_INT(-1, r->fd);
	check_no_child();
}

static bool
has(const struct resolve_answer *an, const char *text)
{
	struct addr a;

	CHECK_INT(0, addr_parse(&a, text));
	for (int i = 0; i < an->n; i++)
		if (addr_equal(&an->v[i], &a))
			return true;
	return false;
}

/* A bare machine may not. */
static bool
knows_localhost(void)
{
	struct addrinfo *list;

	if (getaddrinfo("localhost", NULL, NULL, &list) != 0)
		return false;
	freeaddrinfo(list);
	return true;
}

static void
test_name(void)
{
	struct resolve r;
	struct resolve_answer an;

	if (knows_localhost()) {
		CHECK_INT(0, resolve_name(&r, "localhost"));
		wait_for(&r, &an);
		CHECK(an.n >= 1 && an.n <= RESOLVE_MAX);
		CHECK(has(&an, "127.0.0.1") || has(&an, "::1"));
	}

	CHECK_INT(0, resolve_name(&r, "192.0.2.7"));
	wait_for(&r, &an);
	CHECK_INT(1, an.n);
	CHECK(has(&an, "192.0.2.7"));

	CHECK_INT(0, resolve_name(&r, "2001:db8::7"));
	wait_for(&r, &an);
	CHECK_INT(1, an.n);
	CHECK(has(&an, "2001:db8::7"));
}

static void
test_no_name(void)
{
	static const char *const names[] = { "nothing.invalid", "", "a b",
	    "-", "127.0.0.1.", "two..dots.invalid" };
	struct resolve r;
	struct resolve_answer an;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		CHECK_INT(0, resolve_name(&r, names[i]));
		wait_for(&r, &an);
		if (!CHECK(an.n == -1))
			fprintf(stderr, "  \"%s\"\n", names[i]);
		CHECK(memchr(an.text, '\0', sizeof(an.text)) != NULL);
		CHECK(an.text[0] != '\0');
	}
}

static void
test_caller(void)
{
	struct resolve r;
	struct resolve_answer an;
	struct addr a;

	if (knows_localhost()) {
		CHECK_INT(0, addr_parse(&a, "127.0.0.1"));
		CHECK_INT(0, resolve_caller(&r, &a));
		wait_for(&r, &an);
		CHECK(an.n >= 1);
		CHECK(has(&an, "127.0.0.1"));
		CHECK(strncmp(an.text, "localhost", 9) == 0);
	}

	/* An address that has no name has none. */
	CHECK_INT(0, addr_parse(&a, "192.0.2.7"));
	CHECK_INT(0, resolve_caller(&r, &a));
	wait_for(&r, &an);
	CHECK_INT(-1, an.n);
	CHECK(an.text[0] != '\0');
}

/* Whatever it is at just then: nothing stays, and the second call is none. */
static void
test_stop(void)
{
	struct resolve r;
	int before = lowest_free();

	for (int i = 0; i < 20; i++) {
		CHECK_INT(0, resolve_name(&r, "nothing.invalid"));
		poll(NULL, 0, i % 4);
		resolve_stop(&r);
		CHECK_INT(-1, r.fd);
		check_no_child();
		resolve_stop(&r);
	}
	CHECK_INT(before, lowest_free());
}

/*
 * A child that hangs in the resolver until it is killed; false if it does
 * not.
 */
static bool
hang(struct resolve *r)
{
	char path[4096];
	struct pollfd p;
	int fd = -1;

	remove(confdir_path(path, "aliases"));
	CHECK_INT(0, mkfifo(path, 0600));
	setenv("HOSTALIASES", path, 1);
	CHECK_INT(0, resolve_name(r, "nothing"));
	unsetenv("HOSTALIASES");
	p = (struct pollfd){ .fd = r->fd, .events = POLLIN };
	/* It can be opened as soon as the other end is being. */
	while (poll(&p, 1, 1) == 0 && fd == -1)
		fd = open(path, O_WRONLY | O_NONBLOCK);
	fifo = fd;
	return fd != -1;
}

static void
test_hanging(void)
{
	struct resolve r;
	struct resolve_answer an;
	struct pollfd p;
	int fds[2];

	/* The end of a pipe comes, for the child has none of what we have. */
	CHECK_INT(0, pipe(fds));
	if (hang(&r)) {
		errno = 0;
		CHECK_INT(-1, resolve_read(&r, &an));
		CHECK_INT(EAGAIN, errno);
		close(fds[1]);
		p = (struct pollfd){ .fd = fds[0], .events = POLLIN };
		CHECK_INT(1, poll(&p, 1, 10000));
		CHECK_INT(0, kill(r.pid, 0));
		resolve_stop(&r);
		CHECK_INT(-1, kill(r.pid, 0));
	} else {
		close(fds[1]);
		resolve_stop(&r);
	}
	close(fds[0]);
	close(fifo);
	check_no_child();

	/* Killed by someone else, it gives an answer all the same. */
	if (hang(&r)) {
		kill(r.pid, SIGKILL);
		wait_for(&r, &an);
		CHECK_INT(-1, an.n);
		CHECK_STR("the resolver died", an.text);
	} else
		resolve_stop(&r);
	close(fifo);
}

/* It does not outlive whoever asked. */
static void
test_parent_dies(void)
{
	struct resolve r;
	struct pollfd p;
	pid_t pid;
	int out[2], fd;
	char path[4096], c;

	CHECK_INT(0, pipe2(out, O_CLOEXEC));
	if ((pid = fork()) == 0) {
		dup2(out[1], STDOUT_FILENO);
		c = hang(&r);
		_exit(write(STDOUT_FILENO, &c, 1) != 1 ||
		    (c && pause() == -1));
	}
	close(out[1]);
	CHECK_INT(1, read(out[0], &c, 1));
	/* What it hangs on stays. */
	fd = open(confdir_path(path, "aliases"), O_WRONLY | O_NONBLOCK);
	CHECK_INT(c != 0, fd != -1);
	kill(pid, SIGKILL);
	CHECK_INT(pid, waitpid(pid, NULL, 0));
	/* The child has standard output open as long as it lives. */
	p = (struct pollfd){ .fd = out[0], .events = POLLIN };
	CHECK_INT(1, poll(&p, 1, 10000));
	close(out[0]);
	close(fd);
}

int
main(void)
{
	alarm(120);
	/* Where the name server is away, that is soon clear. */
	setenv("RES_OPTIONS", "timeout:1 attempts:1", 1);
	confdir_make();
	test_name();
	test_no_name();
	test_caller();
	test_stop();
	test_hanging();
	test_parent_dies();
	return check_status();
}
