/*
 * usock: the local socket of a link, as its clients see it.
 * Source: lonc-protocol(7), THE LOCAL SOCKET.
 */
#ifndef LONC_USOCK_H
#define LONC_USOCK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

/*
 * usock_address: of DIR/NAME in sun.  0, or -1 with errno ENAMETOOLONG
 * (a socket's path is at most 107 bytes).
 */
int usock_address(struct sockaddr_un *sun, const char *dir, const char *name);

/*
 * usock_connect: to the link to this peer, waiting timeout_ms (above 0) at
 * most while it is too busy to accept.
 *
 * Returns  a descriptor, CLOEXEC, or -1 with errno as connect(2): ENOENT
 *          and ECONNREFUSED when no link runs, EAGAIN when time is up.
 */
int usock_connect(const char *dir, const char *id, int64_t timeout_ms);

/*
 * usock_ask: one short request (with its LF) to the link, and its reply
 * (without) as a string in reply, waiting timeout_ms at most; with size 0
 * the reply is not waited for.
 *
 * Returns  0, or -1 if there was none, or none that fits.
 */
int usock_ask(const char *dir, const char *id, const char *request,
    char *reply, size_t size, int64_t timeout_ms);

#endif
