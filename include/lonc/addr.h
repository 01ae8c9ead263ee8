/*
 * addr: an IP address without a port.  IPv4 is kept as IPv4-mapped IPv6,
 * so that the two ways to write one address compare equal.
 */
#ifndef LONC_ADDR_H
#define LONC_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDR_TEXT 46	/* INET6_ADDRSTRLEN: bytes of a text with its NUL */

struct addr {
	unsigned char ip[16];
};

/*
 * addr_parse: from IPv4 or IPv6 text, as inet_pton(3) has it: no zone, no
 * leading zeros.  0, or -1 if it is neither; *a is then as it was.
 */
int addr_parse(struct addr *a, const char *text);

/*
 * addr_from: from a socket address.  0, or -1 with errno EAFNOSUPPORT if it
 * is not one of IP.
 */
int addr_from(struct addr *a, const struct sockaddr *sa);

/*
 * addr_sockaddr: a socket address, AF_INET for IPv4.  Returns its length
 * in bytes.
 */
socklen_t addr_sockaddr(const struct addr *a, uint16_t port,
    struct sockaddr_storage *ss);

/* addr_text: IPv4 as 192.0.2.1, the rest as IPv6 text.  Returns text. */
char *addr_text(const struct addr *a, char text[ADDR_TEXT]);

bool addr_equal(const struct addr *a, const struct addr *b);

#endif
