/*
 * What supervisors are told.
 * Not tested: which texts they understand.
 */
#include "lonc/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"
#include "confdir.h"

/* The lowest descriptor that is free: the same when none was leaked. */
static int
lowest_free(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

static void
test_ready(void)
{
	int fds[2], before = lowest_free();
	char text[8];

	notify_ready(-1);
	CHECK_INT(0, pipe2(fds, O_CLOEXEC));
	notify_ready(fds[1]);
	CHECK_MEM("\n", 1, text, read(fds[0], text, sizeof(text)));
	CHECK_INT(0, read(fds[0], text, sizeof(text)));
	CHECK_INT(-1, fcntl(fds[1], F_GETFD));
	close(fds[0]);

	/* Whoever wanted to know may have gone. */
	CHECK_INT(0, pipe2(fds, O_CLOEXEC));
	close(fds[0]);
	notify_ready(fds[1]);
	CHECK_INT(-1, fcntl(fds[1], F_GETFD));
	CHECK_INT(before, lowest_free());
}

/* A socket for datagrams at what $NOTIFY_SOCKET says. */
static int
listen_at(const char *name)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memcpy(sun.sun_path, name, len);
	if (name[0] == '@')
		sun.sun_path[0] = '\0';
	if (bind(fd, (struct sockaddr *)&sun, offsetof(struct sockaddr_un,
	    sun_path) + len) == -1) {
		perror(name);
		exit(2);
	}
	return fd;
}

static void
check_told(const char *name)
{
	int fd = listen_at(name), before = lowest_free();
	char text[64];

	setenv("NOTIFY_SOCKET", name, 1);
	notify_send("READY=1");
	notify_send("STATUS=up");
	CHECK_MEM("READY=1", 7, text, recv(fd, text, sizeof(text), 0));
	CHECK_MEM("STATUS=up", 9, text, recv(fd, text, sizeof(text), 0));
	CHECK_INT(-1, recv(fd, text, sizeof(text), 0));
	/* Nobody reads: that does not hold us up. */
	for (int i = 0; i < 10000; i++)
		notify_send("READY=1");
	CHECK_INT(before, lowest_free());
	close(fd);
	notify_send("READY=1");
}

static void
test_send(void)
{
	char path[4096], name[108 + 1];

	check_told(confdir_path(path, "notify"));
	snprintf(name, sizeof(name), "@lonc-test-%ld", (long)getpid());
	check_told(name);
	/* The longest name there can be. */
	memset(name + strlen(name), 'n', 107 - strlen(name));
	name[107] = '\0';
	check_told(name);
}

static void
test_send_nowhere(void)
{
	static const char *const names[] = { "", "notify2", "./notify2",
	    "vsock:2:1", "@", "/", "/nonexistent/notify" };
	char path[4096], name[4096], text[8];
	int fd, before = lowest_free();

	unsetenv("NOTIFY_SOCKET");
	notify_send("READY=1");
	CHECK_INT(0, chdir(confdir));
	fd = listen_at(confdir_path(path, "notify2"));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		setenv("NOTIFY_SOCKET", names[i], 1);
		notify_send("READY=1");
	}
	/* Too long, and not to be cut to something else. */
	memset(name, '/', sizeof(name));
	name[108] = '\0';
	setenv("NOTIFY_SOCKET", name, 1);
	notify_send("READY=1");
	name[sizeof(name) - 1] = '\0';
	setenv("NOTIFY_SOCKET", name, 1);
	notify_send("READY=1");
	CHECK_INT(-1, recv(fd, text, sizeof(text), 0));
	close(fd);
	CHECK_INT(before, lowest_free());
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	alarm(60);
	confdir_make();
	test_ready();
	test_send();
	test_send_nowhere();
	return check_status();
}
