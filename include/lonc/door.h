/*
 * door: the local socket of a link, as the link keeps it.  A lock beside it
 * makes sure that there is one link to a peer, and shows that there is one;
 * the socket appears under its name only when it listens and has its owner,
 * group and mode.
 */
#ifndef LONC_DOOR_H
#define LONC_DOOR_H

#include <stdbool.h>
#include <sys/un.h>

#define DOOR_MODE 0660

struct door {
	int			fd;		/* listens, non-blocking */
	int			lockfd;
	struct sockaddr_un	sun;
	char			why[256];	/* what failed on what: why */
};

/*
 * door_open: <dir>/<id> with this group.  If it cannot be given to it, that
 * is an error only if need_group; otherwise why tells of it.
 *
 * Returns  0, or -1 with why and errno as the calls that failed; EWOULDBLOCK
 *          when another process has the lock: its socket was not touched;
 *          EINVAL when the group is wrong, ENAMETOOLONG when the path is.
 */
int door_open(struct door *d, const char *dir, const char *id,
    const char *group, bool need_group);

/*
 * door_shut: take the socket away, but keep the lock; door_close: leave
 * the lock too.  Each does nothing the second time.
 */
void door_shut(struct door *d);
void door_close(struct door *d);

/*
 * door_locked: does a link run?  This only asks: it never takes the lock,
 * not even for a moment, and so never is in the way of a link that starts.
 *
 * Returns  1 a process has the lock, 0 none has, or -1 with errno as
 *          open(2); that the file cannot be read, say.
 */
int door_locked(const char *dir, const char *id);

#endif
