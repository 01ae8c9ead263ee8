/*
 * notify: telling a supervisor that the program is ready: a newline on the
 * descriptor it asked for (s6), or a datagram to $NOTIFY_SOCKET as in
 * sd_notify(3) (systemd).
 */
#ifndef LONC_NOTIFY_H
#define LONC_NOTIFY_H

/* notify_ready: a newline to fd, which is then closed; -1 is ignored. */
void notify_ready(int fd);

/*
 * notify_send: "READY=1", "STATUS=..." and so on.  Does nothing without
 * $NOTIFY_SOCKET, and never waits.
 */
void notify_send(const char *state);

#endif
