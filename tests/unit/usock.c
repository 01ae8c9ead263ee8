/*
 * The local socket: usock, as clients see it, and door, as the link keeps
 * it.
 *
 * Not tested: that no client can connect between bind(2) and chmod(2); what
 * fails on a full or damaged file system.
 */
#include "lonc/usock.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lonc/clock.h"
#include "lonc/door.h"

#include "check.h"
#include "confdir.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PATH_BYTES 107	/* of a socket's path */

/* The inode of a file in the directory, 0 if it is not there. */
static ino_t
inode_of(const char *name)
{
	char path[4096];
	struct stat st;

	return lstat(confdir_path(path, name), &st) == 0 ? st.st_ino : 0;
}

static void
take_away(const char *name)
{
	char path[4096];

	remove(confdir_path(path, name));
}

/* ---- usock ---- */

static void
test_address(void)
{
	struct sockaddr_un sun;
	char dir[PATH_BYTES + 1];

	CHECK_INT(0, usock_address(&sun, "/run/lonc", "two"));
	CHECK_STR("/run/lonc/two", sun.sun_path);
	CHECK_INT(AF_UNIX, sun.sun_family);
	for (size_t len = 1; len < PATH_BYTES; len++) {
		memset(dir, 'd', len);
		dir[len] = '\0';
		errno = 0;
		if (len + 4 <= PATH_BYTES) {
			CHECK_INT(0, usock_address(&sun, dir, "two"));
			CHECK_INT(len + 4, strlen(sun.sun_path));
		} else {
			CHECK_INT(-1, usock_address(&sun, dir, "two"));
			CHECK_INT(ENAMETOOLONG, errno);
			CHECK_INT(-1, usock_connect(dir, "two", 100));
			CHECK_INT(ENAMETOOLONG, errno);
		}
	}
}

/* A listening socket in the directory. */
static int
listen_at(const char *name, int backlog)
{
	struct sockaddr_un sun;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (usock_address(&sun, confdir, name) == -1 ||
	    bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    listen(fd, backlog) == -1) {
		perror("listen");
		exit(2);
	}
	return fd;
}

static void
check_no_connection(int want, int64_t timeout)
{
	errno = 0;
	CHECK_INT(-1, usock_connect(confdir, "two", timeout));
	CHECK_INT(want, errno);
}

static void
test_connect(void)
{
	int l, fd, busy[16];
	size_t n;
	int64_t began;

	check_no_connection(ENOENT, 100);
	l = listen_at("two", 5);
	fd = usock_connect(confdir, "two", 100);
	CHECK(fd != -1);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	close(l);
	check_no_connection(ECONNREFUSED, 100);
	take_away("two");
	confdir_write("two", "", 0);
	check_no_connection(ECONNREFUSED, 100);
	take_away("two");

	/* A link that accepts nobody any more is not waited for for ever. */
	l = listen_at("two", 0);
	for (n = 0; n < COUNT(busy); n++)
		if ((busy[n] = usock_connect(confdir, "two", 10)) == -1)
			break;
	CHECK(n > 0 && n < COUNT(busy));
	began = clock_ms();
	check_no_connection(EAGAIN, 100);
	CHECK(clock_ms() - began >= 90);
	CHECK(clock_ms() - began < 3000);
	while (n > 0)
		close(busy[--n]);
	close(l);
	take_away("two");
}

/* What a link says, in pieces, to whoever comes. */
struct says {
	const char	*text[4];
	bool		 stay;	/* and then nothing, rather than an end */
};

static pid_t
link_says(const struct says *says)
{
	int l = listen_at("two", 5), fd;
	char c = 0;
	pid_t pid = fork();

	if (pid != 0) {
		close(l);
		return pid;
	}
	alarm(30);
	fd = accept(l, NULL, NULL);
	while (c != '\n' && read(fd, &c, 1) == 1)
		;
	for (size_t i = 0; i < COUNT(says->text) && says->text[i]; i++) {
		(void)!write(fd, says->text[i], strlen(says->text[i]));
		poll(NULL, 0, 10);
	}
	if (says->stay)
		pause();
	_exit(c != '\n');
}

static void
link_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	take_away("two");
}

static const struct {
	struct says	 says;
	const char	*want;	/* NULL: no reply */
} replies[] = {
	{ { { "ok\n" }, true }, "ok" },
	{ { { "\n" }, true }, "" },
	{ { { "a", "b", "c\n" }, true }, "abc" },
	{ { { "one\ntwo\n" }, true }, "one" },
	{ { { "1234567\n" }, true }, "1234567" },
	{ { { "12345678\n" }, true }, NULL },
	{ { { "1234", "56789", "\n" }, true }, NULL },
	{ { { "half" }, false }, NULL },
	{ { { NULL }, false }, NULL },
	{ { { NULL }, true }, NULL },
	{ { { "half" }, true }, NULL },
};

static void
test_ask(void)
{
	char reply[8];
	pid_t pid;

	for (size_t i = 0; i < COUNT(replies); i++) {
		pid = link_says(&replies[i].says);
		memset(reply, '?', sizeof(reply));
		CHECK_INT(replies[i].want != NULL ? 0 : -1,
		    usock_ask(confdir, "two", "ping\n", reply, sizeof(reply),
		    replies[i].want != NULL ? 10000 : 100));
		if (replies[i].want != NULL)
			CHECK_STR(replies[i].want, reply);
		link_end(pid);
	}
	CHECK_INT(-1, usock_ask(confdir, "two", "ping\n", reply,
	    sizeof(reply), 100));
	CHECK_INT(-1, usock_ask(confdir, "two", "ping\n", NULL, 0, 100));
}

/* A reply that comes drop by drop is not waited for longer than others. */
static void
test_ask_drops(void)
{
	char reply[64], request[16];
	int l = listen_at("two", 5), fd;
	pid_t pid = fork();

	if (pid == 0) {
		fd = accept(l, NULL, NULL);
		if (read(fd, request, sizeof(request)) <= 0)
			_exit(1);
		for (int i = 0; i < 20; i++) {
			if (send(fd, "x", 1, MSG_NOSIGNAL) == -1)
				_exit(0);
			poll(NULL, 0, 50);
		}
		(void)!write(fd, "\n", 1);
		_exit(0);
	}
	close(l);
	CHECK_INT(-1, usock_ask(confdir, "two", "ping\n", reply,
	    sizeof(reply), 300));
	link_end(pid);
}

/* Without room for a reply none is waited for. */
static void
test_tell(void)
{
	int l = listen_at("two", 5), fd;
	char text[16];

	CHECK_INT(0, usock_ask(confdir, "two", "lonc:wake\n", NULL, 0,
	    10000));
	fd = accept(l, NULL, NULL);
	CHECK_MEM("lonc:wake\n", 10, text, read(fd, text, sizeof(text)));
	close(fd);
	close(l);
	take_away("two");
}

/* ---- door ---- */

static const char *
own_group(void)
{
	struct group *gr = getgrgid(getegid());

	return gr != NULL ? gr->gr_name : "root";
}

static void
check_open(struct door *d)
{
	if (!CHECK(door_open(d, confdir, "two", own_group(), true) == 0))
		fprintf(stderr, "  %s\n", d->why);
}

static bool
can_connect(void)
{
	int fd = usock_connect(confdir, "two", 100);

	if (fd != -1)
		close(fd);
	return fd != -1;
}

static void
check_mode(const char *name, mode_t want)
{
	char path[4096];
	struct stat st;

	CHECK_INT(0, lstat(confdir_path(path, name), &st));
	CHECK_INT(want, st.st_mode);
	CHECK_INT(getegid(), st.st_gid);
}

static void
test_door(void)
{
	struct door d;
	mode_t umasks[] = { 0, 022, 077, 0777 }, old;

	for (size_t i = 0; i < COUNT(umasks); i++) {
		old = umask(umasks[i]);
		check_open(&d);
		umask(old);
		CHECK_STR("", d.why);
		check_mode("two", S_IFSOCK | 0660);
		CHECK_INT(0, inode_of(".two.new"));
		CHECK(inode_of(".two.lock") != 0);
		CHECK(can_connect());
		CHECK(fcntl(d.fd, F_GETFL) & O_NONBLOCK);
		CHECK(fcntl(d.fd, F_GETFD) & FD_CLOEXEC);
		CHECK(fcntl(d.lockfd, F_GETFD) & FD_CLOEXEC);
		door_close(&d);
		CHECK_INT(0, inode_of("two"));
		CHECK(inode_of(".two.lock") != 0);
		take_away(".two.lock");
	}
}

/* A second link is told so, and does not touch the socket of the first. */
static void
test_second_door(void)
{
	struct door d, e;
	ino_t inode;

	check_open(&d);
	inode = inode_of("two");
	errno = 0;
	CHECK_INT(-1, door_open(&e, confdir, "two", own_group(), true));
	CHECK_INT(EWOULDBLOCK, errno);
	CHECK(strstr(e.why, ".two.lock") != NULL);
	CHECK_INT(-1, e.fd);
	CHECK_INT(-1, e.lockfd);
	CHECK_INT(inode, inode_of("two"));
	CHECK(can_connect());
	door_close(&e);
	CHECK_INT(inode, inode_of("two"));

	/* Not either while the first only finishes what is outstanding. */
	door_shut(&d);
	CHECK_INT(0, inode_of("two"));
	CHECK(!can_connect());
	CHECK_INT(-1, door_open(&e, confdir, "two", own_group(), true));
	CHECK_INT(EWOULDBLOCK, errno);
	door_shut(&d);
	door_close(&d);
	check_open(&e);
	CHECK(can_connect());
	/* The first has no hold on what is the second's. */
	door_shut(&d);
	door_close(&d);
	CHECK(can_connect());
	door_close(&e);
	door_close(&e);
	CHECK_INT(0, inode_of("two"));
}

/* What a link that was killed has left gives way; so does a plain file. */
static void
test_leftovers(void)
{
	struct door d;

	close(listen_at("two", 5));
	close(listen_at(".two.new", 5));
	confdir_write(".two.lock", "", 0);
	check_open(&d);
	CHECK(can_connect());
	CHECK_INT(0, inode_of(".two.new"));
	door_close(&d);
	confdir_write("two", "x", 1);
	check_open(&d);
	CHECK(can_connect());
	door_close(&d);
	take_away(".two.lock");
}

static void
check_fails(const char *dir, const char *group, int want_errno,
    const char *want_why)
{
	struct door d;

	errno = 0;
	CHECK_INT(-1, door_open(&d, dir, "two", group, true));
	CHECK_INT(want_errno, errno);
	if (!CHECK(strstr(d.why, want_why) != NULL))
		fprintf(stderr, "  %s\n", d.why);
	CHECK_INT(-1, d.fd);
	CHECK_INT(-1, d.lockfd);
	CHECK_INT(0, inode_of(".two.new"));
	door_close(&d);
}

static void
test_door_fails(void)
{
	struct door d;
	char path[4096], dir[PATH_BYTES + 1];

	check_fails("/nonexistent", own_group(), ENOENT, "/nonexistent/");
	/* The socket's own name would fit. */
	memset(dir, '/', sizeof(dir));
	dir[PATH_BYTES - 4] = '\0';
	check_fails(dir, own_group(), ENAMETOOLONG, "too long");

	/* A group that is not there matters if it was asked for. */
	check_fails(confdir, "no-such-group", EINVAL,
	    "no-such-group: no such group");
	CHECK_INT(0, inode_of("two"));
	CHECK_INT(0, door_open(&d, confdir, "two", "no-such-group", false));
	CHECK(strstr(d.why, "no-such-group") != NULL);
	CHECK(can_connect());
	door_close(&d);

	CHECK_INT(0, mkdir(confdir_path(path, "two"), 0700));
	check_fails(confdir, own_group(), EISDIR, "two");
	take_away("two");
	/* None of these has kept the lock. */
	check_open(&d);
	door_close(&d);
	take_away(".two.lock");
	CHECK_INT(0, symlink("elsewhere", confdir_path(path, ".two.lock")));
	check_fails(confdir, own_group(), ELOOP, ".two.lock");
	CHECK_INT(0, inode_of("elsewhere"));
	take_away(".two.lock");
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	alarm(60);
	confdir_make();
	test_address();
	test_connect();
	test_ask();
	test_ask_drops();
	test_tell();
	test_door();
	test_second_door();
	test_leftovers();
	test_door_fails();
	return check_status();
}
