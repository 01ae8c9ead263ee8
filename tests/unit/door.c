/*
 * The door: one link a peer, a socket that is shown when it works, and a
 * lock that can be asked about without being in anybody's way.
 *
 * Not tested: a socket that cannot be made for want of descriptors.
 */
#include "lonc/door.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "check.h"
#include "confdir.h"

#define NOBODY 65534	/* a user that owns nothing */

static const char id[] = "msul1";

/* What fails in setting up a test is no finding. */
static int
sure(int rc, const char *what)
{
	if (rc == -1) {
		perror(what);
		_exit(2);
	}
	return rc;
}

static int
open_door(struct door *d)
{
	return door_open(d, confdir, id, "nosuchgroup", false);
}

static int
locked(void)
{
	errno = 0;
	return door_locked(confdir, id);
}

static mode_t
mode_of(const char *name)
{
	char path[4096];
	struct stat sb;

	return stat(confdir_path(path, name), &sb) == 0 ? sb.st_mode : 0;
}

static bool
is_there(const char *name)
{
	return mode_of(name) != 0;
}

static int
connect_to(const struct door *d)
{
	int fd = sure(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    "socket");
	int rc = connect(fd, (const struct sockaddr *)&d->sun,
	    sizeof(d->sun));

	close(fd);
	return rc;
}

static void
test_life(void)
{
	struct door d;

	CHECK_INT(0, locked());
	CHECK(!is_there(".msul1.lock"));	/* asking makes nothing */
	CHECK_INT(0, open_door(&d));
	CHECK_INT(1, locked());
	CHECK_INT(0, connect_to(&d));
	door_shut(&d);
	CHECK(!is_there(id));
	CHECK_INT(1, locked());
	door_shut(&d);
	door_close(&d);
	CHECK_INT(0, locked());
	CHECK(is_there(".msul1.lock"));
	door_close(&d);
	CHECK_INT(0, open_door(&d));
	door_close(&d);
	CHECK(!is_there(id));
}

static void
test_modes(void)
{
	mode_t mask = umask(0077);
	char path[4096];
	struct door d;

	sure(chmod(confdir_path(path, ".msul1.lock"), 0600), "chmod");
	CHECK_INT(0, open_door(&d));
	CHECK_INT(S_IFREG | 0640, mode_of(".msul1.lock"));
	CHECK_INT(S_IFSOCK | DOOR_MODE, mode_of(id));
	CHECK(!is_there(".msul1.new"));
	door_close(&d);
	umask(mask);
}

static void
test_second(void)
{
	struct door first, second;

	CHECK_INT(0, open_door(&first));
	CHECK_INT(-1, open_door(&second));
	CHECK_INT(EWOULDBLOCK, errno);
	CHECK_INT(-1, second.fd);
	CHECK_INT(-1, second.lockfd);
	door_close(&second);
	CHECK_INT(1, locked());
	CHECK_INT(0, connect_to(&first));
	door_close(&first);
}

/* Another peer's is another's. */
static void
test_other_peer(void)
{
	struct door d;

	CHECK_INT(0, open_door(&d));
	CHECK_INT(0, door_locked(confdir, "msul2"));
	CHECK_INT(0, door_locked(confdir, "msul"));
	door_close(&d);
}

/* What a link that was killed left behind is in nobody's way. */
static void
test_killed(void)
{
	struct door d;
	int fds[2];
	char c;
	pid_t pid;

	sure(pipe(fds), "pipe");
	if ((pid = sure(fork(), "fork")) == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sure(open_door(&d), "door_open");
		sure(write(fds[1], "x", 1), "write");
		for (;;)
			pause();
	}
	CHECK_INT(1, read(fds[0], &c, 1));
	CHECK_INT(1, locked());
	CHECK_INT(-1, open_door(&d));
	CHECK_INT(EWOULDBLOCK, errno);
	kill(pid, SIGKILL);
	sure(waitpid(pid, NULL, 0), "waitpid");
	CHECK_INT(0, locked());
	CHECK(is_there(id));
	confdir_write(".msul1.new", "", 0);
	CHECK_INT(0, open_door(&d));
	CHECK_INT(0, connect_to(&d));
	door_close(&d);
	close(fds[0]);
	close(fds[1]);
}

/* Those who ask all the time never make a link think that there is one. */
static void
test_asking_is_no_locking(void)
{
	struct door d;
	unsigned failed = 0, seen = 0;
	pid_t pid;

	CHECK_INT(0, open_door(&d));
	door_close(&d);
	if ((pid = sure(fork(), "fork")) == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			sure(locked(), "door_locked");
	}
	for (int i = 0; i < 3000; i++) {
		if (open_door(&d) == -1)
			failed++;
		else
			seen += locked();
		door_close(&d);
	}
	CHECK_INT(0, failed);
	CHECK_INT(3000, seen);
	CHECK_INT(0, waitpid(pid, NULL, WNOHANG));
	kill(pid, SIGKILL);
	sure(waitpid(pid, NULL, 0), "waitpid");
}

/* Runs f as another user; does nothing if this one cannot. */
static void
as_nobody(gid_t gid, void (*f)(void))
{
	int status;
	pid_t pid;

	if (geteuid() != 0)
		return;
	if ((pid = sure(fork(), "fork")) == 0) {
		check_failed = 0;
		sure(setresgid(gid, gid, gid), "setresgid");
		sure(setresuid(NOBODY, NOBODY, NOBODY), "setresuid");
		f();
		_exit(check_failed > 0);
	}
	sure(waitpid(pid, &status, 0), "waitpid");
	CHECK_INT(0, status);
}

static void
ask_as_member(void)
{
	CHECK_INT(1, locked());
}

static void
ask_as_stranger(void)
{
	CHECK_INT(-1, locked());
	CHECK_INT(EACCES, errno);
}

/* The group may only read it, and that is enough. */
static void
test_who_may_ask(void)
{
	struct door d;

	sure(chmod(confdir, 0711), "chmod");
	CHECK_INT(0, open_door(&d));
	as_nobody(getegid(), ask_as_member);
	as_nobody(NOBODY, ask_as_stranger);
	door_close(&d);
	sure(chmod(confdir, 0700), "chmod");
}

static void
test_group(void)
{
	struct door d;

	CHECK_INT(-1, door_open(&d, confdir, id, "nosuchgroup", true));
	CHECK_INT(EINVAL, errno);
	CHECK(!is_there(".msul1.new"));
	CHECK_STR("socket_group nosuchgroup: no such group", d.why);
	CHECK_INT(0, locked());
	CHECK(!is_there(id));
	CHECK_INT(0, door_open(&d, confdir, id, "nosuchgroup", false));
	CHECK_STR("socket_group nosuchgroup: no such group", d.why);
	door_close(&d);
	if (geteuid() == 0) {
		CHECK_INT(0, door_open(&d, confdir, id, "root", true));
		CHECK_STR("", d.why);
		door_close(&d);
	}
}

static void
test_no_place(void)
{
	char path[4096];
	static char longer[120];
	struct door d;

	CHECK_INT(-1, door_open(&d, confdir_path(path, "none"), id, "root",
	    false));
	CHECK_INT(ENOENT, errno);
	CHECK_INT(0, door_locked(path, id));
	memset(longer, 'x', sizeof(longer) - 1);
	CHECK_INT(-1, door_open(&d, longer, id, "root", false));
	CHECK_INT(ENAMETOOLONG, errno);
	CHECK_INT(-1, door_locked(longer, id));
	CHECK_INT(ENAMETOOLONG, errno);
}

/* No lock but a fifo, which must not be waited for, or a link elsewhere. */
static void
test_no_lock(void)
{
	char path[4096];

	sure(remove(confdir_path(path, ".msul1.lock")), "remove");
	sure(mkfifo(path, 0600), "mkfifo");
	CHECK_INT(0, locked());
	sure(remove(path), "remove");
	sure(symlink("target", path), "symlink");
	CHECK_INT(-1, locked());
	CHECK_INT(ELOOP, errno);
	sure(remove(path), "remove");
}

int
main(void)
{
	confdir_make();
	alarm(120);
	test_life();
	test_modes();
	test_second();
	test_other_peer();
	test_killed();
	test_asking_is_no_locking();
	test_who_may_ask();
	test_group();
	test_no_place();
	test_no_lock();
	return check_status();
}
