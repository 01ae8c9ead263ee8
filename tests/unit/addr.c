/* IP addresses as text and in socket addresses. */
#include "lonc/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "check.h"

static const struct {
	const char	*text;
	const char	*same;		/* as addr_text() has it, or NULL */
} cases[] = {
	{ "192.0.2.1", "192.0.2.1" },
	{ "0.0.0.0", "0.0.0.0" },
	{ "255.255.255.255", "255.255.255.255" },
	{ "::ffff:192.0.2.1", "192.0.2.1" },
	{ "::FFFF:c000:0201", "192.0.2.1" },
	{ "2001:DB8::1", "2001:db8::1" },
	{ "2001:db8:0:0:0:0:0:1", "2001:db8::1" },
	{ "::", "::" },
	{ "::1", "::1" },
	{ "::ff00:102:304", "::ff00:102:304" },
	{ "::fffe:102:304", "::fffe:102:304" },
	{ "1::ffff:102:304", "1::ffff:102:304" },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	{ "", NULL },
	{ "localhost", NULL },
	{ "1", NULL },
	{ "192.0.2", NULL },
	{ "192.0.2.256", NULL },
	{ "192.0.2.1.", NULL },
	{ "192.0.2.1 ", NULL },
	{ " 192.0.2.1", NULL },
	{ "192.0.2.01", NULL },
	{ "192.0.2.1/24", NULL },
	{ "[2001:db8::1]", NULL },
	{ "2001:db8::1%lo", NULL },
	{ "2001:db8:::1", NULL },
	{ "1:2:3:4:5:6:7", NULL },
};

static void
check_text(const char *text, const char *same)
{
	struct addr a, was;
	char got[ADDR_TEXT];
	int before = check_failed;

	memset(&a, 0x5a, sizeof(a));
	was = a;
	CHECK_INT(same != NULL ? 0 : -1, addr_parse(&a, text));
	if (same != NULL)
		CHECK_STR(same, addr_text(&a, got));
	else
		CHECK(addr_equal(&a, &was));
	if (check_failed > before)
		fprintf(stderr, "  of \"%s\"\n", text);
}

static void
check_sockaddr(void)
{
	struct sockaddr_storage ss;
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct addr a, b;

	addr_parse(&a, "192.0.2.1");
	CHECK_INT(sizeof(sin), addr_sockaddr(&a, 5663, &ss));
	CHECK_INT(AF_INET, ss.ss_family);
	memcpy(&sin, &ss, sizeof(sin));
	CHECK_INT(5663, ntohs(sin.sin_port));
	CHECK_INT(0xc0000201, ntohl(sin.sin_addr.s_addr));
	CHECK_INT(0, addr_from(&b, (struct sockaddr *)&ss));
	CHECK(addr_equal(&a, &b));

	/* The same host, as a socket that takes both families names it. */
	inet_pton(AF_INET6, "::ffff:192.0.2.1", &sin6.sin6_addr);
	CHECK_INT(0, addr_from(&b, (struct sockaddr *)&sin6));
	CHECK(addr_equal(&a, &b));

	addr_parse(&a, "2001:db8::1");
	CHECK(!addr_equal(&a, &b));
	memset(&ss, 0xff, sizeof(ss));
	CHECK_INT(sizeof(sin6), addr_sockaddr(&a, 1, &ss));
	CHECK_INT(AF_INET6, ss.ss_family);
	memcpy(&sin6, &ss, sizeof(sin6));
	CHECK_INT(1, ntohs(sin6.sin6_port));
	CHECK_INT(0, sin6.sin6_scope_id);
	CHECK_INT(0, sin6.sin6_flowinfo);
	CHECK_INT(0, addr_from(&b, (struct sockaddr *)&ss));
	CHECK(addr_equal(&a, &b));

	errno = 0;
	CHECK_INT(-1, addr_from(&b, (struct sockaddr *)&sun));
	CHECK_INT(EAFNOSUPPORT, errno);
	CHECK(addr_equal(&a, &b));
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_text(cases[i].text, cases[i].same);
	check_sockaddr();
	return check_status();
}
