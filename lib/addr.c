/* See addr.h. */
#include "lonc/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

/* What stands before the four bytes of an IPv4 address (RFC 4291, 2.5.5.2). */
static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool
is_ipv4(const struct addr *a)
{
	return memcmp(a->ip, mapped, sizeof(mapped)) == 0;
}

static void
set_ipv4(struct addr *a, const void *four)
{
	memcpy(a->ip, mapped, sizeof(mapped));
	memcpy(a->ip + sizeof(mapped), four, 4);
}

int
addr_parse(struct addr *a, const char *text)
{
	unsigned char ip[16];

	if (inet_pton(AF_INET, text, ip) == 1)
		set_ipv4(a, ip);
	else if (inet_pton(AF_INET6, text, ip) == 1)
		memcpy(a->ip, ip, sizeof(a->ip));
	else
		return -1;
	return 0;
}

int
addr_from(struct addr *a, const struct sockaddr *sa)
{
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;

	/* Copied, since sa may be a buffer of any type and alignment. */
	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&sin, sa, sizeof(sin));
		set_ipv4(a, &sin.sin_addr);
		return 0;
	case AF_INET6:
		memcpy(&sin6, sa, sizeof(sin6));
		memcpy(a->ip, &sin6.sin6_addr, sizeof(a->ip));
		return 0;
	default:
		errno = EAFNOSUPPORT;
		return -1;
	}
}

socklen_t
addr_sockaddr(const struct addr *a, uint16_t port, struct sockaddr_storage *ss)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
	};
	struct sockaddr_in6 sin6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
	};

	if (is_ipv4(a)) {
		memcpy(&sin.sin_addr, a->ip + sizeof(mapped), 4);
		memcpy(ss, &sin, sizeof(sin));
		return sizeof(sin);
	}
	memcpy(&sin6.sin6_addr, a->ip, sizeof(a->ip));
	memcpy(ss, &sin6, sizeof(sin6));
	return sizeof(sin6);
}

char *
addr_text(const struct addr *a, char text[ADDR_TEXT])
{
	/* It cannot fail: both families are known and the text is held. */
	if (is_ipv4(a))
		inet_ntop(AF_INET, a->ip + sizeof(mapped), text, ADDR_TEXT);
	else
		inet_ntop(AF_INET6, a->ip, text, ADDR_TEXT);
	return text;
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{
	return memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}
