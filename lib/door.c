/*
 * The lock is a file that stays; whoever has locked it may replace the
 * socket.  To bind under a temporary name and rename is the only way to
 * show clients nothing but a socket that works.
 */
#include "lonc/door.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lonc/id.h"
#include "lonc/usock.h"

#define LOCK_MODE 0640	/* the group may ask whether it is locked */

/* 0, or -1 with errno ENAMETOOLONG. */
static int
lock_address(struct sockaddr_un *sun, const char *dir, const char *id)
{
	char name[ID_MAX + 8];

	snprintf(name, sizeof(name), ".%s.lock", id);
	return usock_address(sun, dir, name);
}

/*
 * Of the open file and not of the process, so that closing the file in
 * another place of the program would not give it up.
 */
static int
lock(int fd)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLK, &whole);
}

static int
fail(struct door *d, const char *what, const char *on)
{
	int saved = errno;

	if (what != NULL)
		snprintf(d->why, sizeof(d->why), "%s %s: %s", what, on,
		    strerror(saved));
	if (d->fd != -1) {
		unlink(d->sun.sun_path);	/* its temporary name still */
		close(d->fd);
	}
	if (d->lockfd != -1)
		close(d->lockfd);
	d->fd = d->lockfd = -1;
	errno = saved;
	return -1;
}

/* Gives the socket to the group.  -1 with errno and why if that failed. */
static int
give(struct door *d, const char *path, const char *group)
{
	struct group *gr;

	errno = 0;
	if ((gr = getgrnam(group)) != NULL &&
	    chown(path, -1, gr->gr_gid) == 0)
		return 0;
	if (errno == 0)
		errno = ENOENT;
	snprintf(d->why, sizeof(d->why), "socket_group %s: %s", group,
	    gr == NULL ? "no such group" : strerror(errno));
	return -1;
}

int
door_open(struct door *d, const char *dir, const char *id, const char *group,
    bool need_group)
{
	struct sockaddr_un to, lock_at;
	struct sockaddr_un *tmp = &d->sun;
	char name[ID_MAX + 8];

	d->fd = d->lockfd = -1;
	d->why[0] = '\0';
	if (usock_address(&to, dir, id) == -1 ||
	    lock_address(&lock_at, dir, id) == -1)
		return fail(d, "socket in", dir);
	d->lockfd = open(lock_at.sun_path, O_RDWR | O_CREAT | O_CLOEXEC |
	    O_NOFOLLOW, LOCK_MODE);
	if (d->lockfd == -1)
		return fail(d, "open", lock_at.sun_path);
	if (lock(d->lockfd) == -1)
		return fail(d, "lock", lock_at.sun_path);
	(void)fchmod(d->lockfd, LOCK_MODE);	/* whatever the umask is */
	snprintf(name, sizeof(name), ".%s.new", id);
	if (usock_address(tmp, dir, name) == -1)
		return fail(d, "socket in", dir);
	if (unlink(tmp->sun_path) == -1 && errno != ENOENT)
		return fail(d, "unlink", tmp->sun_path);
	d->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd == -1 ||
	    bind(d->fd, (struct sockaddr *)tmp, sizeof(*tmp)) == -1)
		return fail(d, "bind", tmp->sun_path);
	/* Nobody can connect before listen(2), so the mode is never too wide. */
	if (give(d, tmp->sun_path, group) == -1 && need_group) {
		errno = EINVAL;
		return fail(d, NULL, NULL);	/* why has been set */
	}
	if (chmod(tmp->sun_path, DOOR_MODE) == -1)
		return fail(d, "chmod", tmp->sun_path);
	if (listen(d->fd, SOMAXCONN) == -1)
		return fail(d, "listen", tmp->sun_path);
	if (rename(tmp->sun_path, to.sun_path) == -1)
		return fail(d, "rename", tmp->sun_path);
	d->sun = to;
	return 0;
}

void
door_shut(struct door *d)
{
	if (d->fd == -1)
		return;
	unlink(d->sun.sun_path);
	close(d->fd);
	d->fd = -1;
}

void
door_close(struct door *d)
{
	door_shut(d);
	if (d->lockfd != -1)
		close(d->lockfd);
	d->lockfd = -1;
}

int
door_locked(const char *dir, const char *id)
{
	struct flock other = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct sockaddr_un sun;
	int fd, rc, saved;

	if (lock_address(&sun, dir, id) == -1)
		return -1;
	fd = open(sun.sun_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd == -1)
		return errno == ENOENT ? 0 : -1;
	rc = fcntl(fd, F_OFD_GETLK, &other);
	saved = errno;
	close(fd);
	errno = saved;
	return rc == -1 ? -1 : other.l_type != F_UNLCK;
}
