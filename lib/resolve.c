/* See resolve.h. */
#include "lonc/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* The answer is written at once and must not be split. */
_Static_assert(sizeof(struct resolve_answer) <= 4096, "PIPE_BUF");

static void
ask_name(struct resolve_answer *an, const char *name)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list, *ai;
	int rc;

	if ((rc = getaddrinfo(name, NULL, &hints, &list)) != 0) {
		an->n = -1;
		snprintf(an->text, sizeof(an->text), "%s", gai_strerror(rc));
		return;
	}
	for (ai = list; ai != NULL && an->n < RESOLVE_MAX; ai = ai->ai_next)
		if (addr_from(&an->v[an->n], ai->ai_addr) == 0)
			an->n++;
	freeaddrinfo(list);
}

static void
ask_caller(struct resolve_answer *an, const struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_sockaddr(a, 0, &ss);
	char name[sizeof(an->text)];
	int rc;

	rc = getnameinfo((struct sockaddr *)&ss, len, name, sizeof(name),
	    NULL, 0, NI_NAMEREQD);
	if (rc != 0) {
		an->n = -1;
		snprintf(an->text, sizeof(an->text), "%s", gai_strerror(rc));
		return;
	}
	ask_name(an, name);
	for (int i = 0; i < an->n; i++) {
		if (addr_equal(&an->v[i], a)) {
			snprintf(an->text, sizeof(an->text), "%s", name);
			return;
		}
	}
	an->n = -1;
	snprintf(an->text, sizeof(an->text),
	    "its name does not lead back to it");
}

/*
 * The child keeps nothing of its parent but the pipe: a lock held here
 * would outlive a link that is killed.
 */
static void
child(int fd, const char *name, const struct addr *a)
{
	struct resolve_answer an = { .n = 0 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fd != 3 && dup2(fd, 3) == -1)
		_exit(1);
	closefrom(4);
	if (name != NULL)
		ask_name(&an, name);
	else
		ask_caller(&an, a);
	_exit(write(3, &an, sizeof(an)) != (ssize_t)sizeof(an));
}

static int
start(struct resolve *r, const char *name, const struct addr *a)
{
	int fds[2], saved;

	r->fd = -1;
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) == -1)
		return -1;
	if ((r->pid = fork()) == 0)
		child(fds[1], name, a);
	saved = errno;
	close(fds[1]);
	if (r->pid == -1) {
		close(fds[0]);
		errno = saved;
		return -1;
	}
	r->fd = fds[0];
	return 0;
}

int
resolve_name(struct resolve *r, const char *name)
{
	return start(r, name, NULL);
}

int
resolve_caller(struct resolve *r, const struct addr *a)
{
	return start(r, NULL, a);
}

int
resolve_read(struct resolve *r, struct resolve_answer *an)
{
	ssize_t n = read(r->fd, an, sizeof(*an));

	if (n == -1 && errno == EAGAIN)
		return -1;
	if (n != (ssize_t)sizeof(*an)) {
		an->n = -1;
		snprintf(an->text, sizeof(an->text), "the resolver died");
	}
	return 0;
}

void
resolve_stop(struct resolve *r)
{
	if (r->fd == -1)
		return;
	kill(r->pid, SIGKILL);
	while (waitpid(r->pid, NULL, 0) == -1 && errno == EINTR)
		;
	close(r->fd);
	r->fd = -1;
}
