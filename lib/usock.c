/* See usock.h. */
#include "lonc/usock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lonc/clock.h"

int
usock_address(struct sockaddr_un *sun, const char *dir, const char *name)
{
	int n;

	sun->sun_family = AF_UNIX;
	n = snprintf(sun->sun_path, sizeof(sun->sun_path), "%s/%s", dir, name);
	if (n < 0 || (size_t)n >= sizeof(sun->sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

int
usock_connect(const char *dir, const char *id, int64_t timeout_ms)
{
	struct timeval tv = {
		.tv_sec = timeout_ms / 1000,
		.tv_usec = timeout_ms % 1000 * 1000,
	};
	struct sockaddr_un sun;
	int fd, saved;

	if (usock_address(&sun, dir, id) == -1)
		return -1;
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return -1;
	/* Linux lets the send time-out bound connect(2) as well. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) == -1 ||
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

int
usock_ask(const char *dir, const char *id, const char *request, char *reply,
    size_t size, int64_t timeout_ms)
{
	int64_t left, end = clock_ms() + timeout_ms;
	struct pollfd pfd = { .events = POLLIN };
	size_t len = 0;
	ssize_t n;
	char *lf = NULL;

	if ((pfd.fd = usock_connect(dir, id, timeout_ms)) == -1)
		return -1;
	n = send(pfd.fd, request, strlen(request), MSG_NOSIGNAL);
	while (n > 0 && lf == NULL && len < size) {
		left = end - clock_ms();
		if (left < 0 || poll(&pfd, 1, left) != 1)
			break;
		if ((n = recv(pfd.fd, reply + len, size - len, 0)) > 0) {
			lf = memchr(reply + len, '\n', n);
			len += n;
		}
	}
	close(pfd.fd);
	if (lf != NULL)
		*lf = '\0';
	return lf != NULL || (size == 0 && n > 0) ? 0 : -1;
}
