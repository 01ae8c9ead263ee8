/*
 * hosts.tab.
 * Not tested: memory that runs out.
 */
#include "lonc/hosts.h"

#include "check.h"
#include "confdir.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define COLUMNS "of the columns id:domain:role:hostname:address\n"

/* Tables: the hosts in them as dump() has them, and what is told. */
static const struct {
	const char	*table;
	const char	*hosts;
	const char	*told;
} cases[] = {
	{ "", "", "" },
	{ "\n# none\n   \n\t# none\r\n\r\n", "", "" },
	/* The old format. */
	{ "h1:d1:library:h1.example.org:192.0.2.1\n",
	    "1 h1 d1 library h1.example.org 192.0.2.1\n", "" },
	{ "h1:d1:access:h1.example.org:192.0.2.1",
	    "1 h1 d1 access h1.example.org 192.0.2.1\n", "" },
	{ "h1:d1:access:h1.example.org:192.0.2.1 \t\r\n",
	    "1 h1 d1 access h1.example.org 192.0.2.1\n", "" },
	{ "h1:d1:access:h1.example.org:192.0.2.1 # since 2003\n",
	    "1 h1 d1 access h1.example.org 192.0.2.1\n", "" },
	{ "h1:d1:access:h1.example.org:192.0.2.1 since 2003: new\n",
	    "1 h1 d1 access h1.example.org 192.0.2.1\n", "" },
	{ "h1:d1:access:h1.example.org: 192.0.2.1\n",
	    "1 h1 d1 access h1.example.org 192.0.2.1\n", "" },
	{ " h1 : d1\t:\taccess : h1.example.org : 192.0.2.1 \n",
	    "1 h1 d1 access h1.example.org 192.0.2.1\n", "" },
	{ "h1:d1:access::192.0.2.1\n", "1 h1 d1 access - 192.0.2.1\n", "" },
	{ "h1::access:h1:192.0.2.1\n", "1 h1 - access h1 192.0.2.1\n", "" },
	{ "h1:d1:access:h1:192.0.2.1:more:columns\n",
	    "1 h1 d1 access h1 192.0.2.1\n", "" },
	{ "h1:d1:access:h1:192.0.2.1:\n",
	    "1 h1 d1 access h1 192.0.2.1\n", "" },
	/* The new one. */
	{ "h1:d1:library:h1.example.org:http\n",
	    "1 h1 d1 library h1.example.org dns\n", "" },
	{ "h1:d1:library:h1.example.org:https:example.org\r\n",
	    "1 h1 d1 library h1.example.org dns\n", "" },
	{ "h1:d1:library:h1.example.org\n",
	    "1 h1 d1 library h1.example.org dns\n", "" },
	{ "h1:d1:library:h1.example.org:\n",
	    "1 h1 d1 library h1.example.org dns\n", "" },
	{ "h1:d1:library:h1.example.org: \n",
	    "1 h1 d1 library h1.example.org dns\n", "" },
	{ "h1:d1:library:h1.example.org::\n"
	    "h2:d1:library:h2.example.org:::\n"
	    "h3:d1:library:h3.example.org::::example.org\n",
	    "1 h1 d1 library h1.example.org dns\n"
	    "2 h2 d1 library h2.example.org dns\n"
	    "3 h3 d1 library h3.example.org dns\n", "" },
	{ "h1:d1:library:h1.example.org.:http\n",
	    "1 h1 d1 library h1.example.org. dns\n", "" },
	/* IPv6. */
	{ "h1:d1:access:h1:[2001:db8::1]\n",
	    "1 h1 d1 access h1 2001:db8::1\n", "" },
	{ "h1:d1:access:h1:[2001:db8::1]:https:example.org\n",
	    "1 h1 d1 access h1 2001:db8::1\n", "" },
	{ "h1:d1:access:h1:2001:db8::1\n",
	    "1 h1 d1 access h1 2001:db8::1\n", "" },
	{ "h1:d1:access:h1:2001:DB8:0:0:0:0:0:1 \r\n",
	    "1 h1 d1 access h1 2001:db8::1\n", "" },
	{ "h1:d1:access:h1:::ffff:192.0.2.1\n",
	    "1 h1 d1 access h1 192.0.2.1\n", "" },
	{ "h1:d1:access:h1:[192.0.2.1]\n",
	    "1 h1 d1 access h1 192.0.2.1\n", "" },
	/* Lines of clusters, and of nothing. */
	{ "^dns.example.org:https\nh1:d1:access:h1:192.0.2.1\n ^x\n",
	    "2 h1 d1 access h1 192.0.2.1\n", "" },
	/* What is told and does no harm. */
	{ "h1:d1:Library:h1:192.0.2.1\nh2:d1::h2:192.0.2.2\n",
	    "1 h1 d1 access h1 192.0.2.1\n2 h2 d1 access h2 192.0.2.2\n",
	    "W DIR/hosts.tab:1: \"Library\" is not library or access: taken "
	    "for access\n"
	    "W DIR/hosts.tab:2: \"\" is not library or access: taken for "
	    "access\n" },
	{ "h1:d1:access:h1:192.0.2.256\nh2:d1:access:h2:0.0.0.0:x\n"
	    "h3:d1:access:h3:[2001:db8::x]:y\nh4:d1:access:h4:2001:db8::x\n"
	    "h5:d1:access:h5:[2001:db8::1\nh6:d1:access:h6:[::]\n",
	    "1 h1 d1 access h1 dns\n2 h2 d1 access h2 dns\n"
	    "3 h3 d1 access h3 dns\n4 h4 d1 access h4 dns\n"
	    "5 h5 d1 access h5 2001:db8::1\n6 h6 d1 access h6 dns\n",
	    "W DIR/hosts.tab:1: \"192.0.2.256\" is not a host's IP address: "
	    "the host name is looked up\n"
	    "W DIR/hosts.tab:2: \"0.0.0.0\" is not a host's IP address: "
	    "the host name is looked up\n"
	    "W DIR/hosts.tab:3: \"[2001:db8::x\" is not a host's IP address: "
	    "the host name is looked up\n"
	    "W DIR/hosts.tab:4: \"2001\" is not a host's IP address: "
	    "the host name is looked up\n"
	    "W DIR/hosts.tab:6: \"[::\" is not a host's IP address: "
	    "the host name is looked up\n" },
	{ "h1:d1:access:a:192.0.2.1\nh2:d1:access:b:192.0.2.2\n"
	    "h1:d1:library:c:192.0.2.3\nh3:d1:access:d:192.0.2.4\n"
	    "h1:d2:access:e:http\n",
	    "2 h2 d1 access b 192.0.2.2\n4 h3 d1 access d 192.0.2.4\n"
	    "5 h1 d2 access e dns\n",
	    "W DIR/hosts.tab:3: \"h1\" is on line 1 too: this one counts\n"
	    "W DIR/hosts.tab:5: \"h1\" is on line 3 too: this one counts\n" },
	/* What is wrong. */
	{ "h1\nh1:d1\nh1:d1:access\n:\n",
	    "",
	    "E DIR/hosts.tab:1: only 1 " COLUMNS
	    "E DIR/hosts.tab:2: only 2 " COLUMNS
	    "E DIR/hosts.tab:3: only 3 " COLUMNS
	    "E DIR/hosts.tab:4: only 2 " COLUMNS },
	{ "-h:d1:access:h1:192.0.2.1\n:d1:access:h1:192.0.2.1\n"
	    "delayed:d1:access:h1:192.0.2.1\nh 1:d1:access:h1:192.0.2.1\n"
	    "h1\r:d1:access:h1:192.0.2.1\nh2:d1:access:h2:192.0.2.2\n",
	    "6 h2 d1 access h2 192.0.2.2\n",
	    "E DIR/hosts.tab:1: \"-h\" is not a host id\n"
	    "E DIR/hosts.tab:2: \"\" is not a host id\n"
	    "E DIR/hosts.tab:3: \"delayed\" is not a host id\n"
	    "E DIR/hosts.tab:4: \"h 1\" is not a host id\n"
	    "E DIR/hosts.tab:5: \"h1\\x0d\" is not a host id\n" },
	{ "h1:d/1:access:h1:192.0.2.1\nh1:d1:access:h 1:192.0.2.1\n"
	    "h1:d1:access:.:http\nh1:d1:access:-h:http\n"
	    "h1:d1:access:h1/24:http\nh1:d1:access:h\x1b:http\n",
	    "",
	    "E DIR/hosts.tab:1: \"d/1\" is not a domain\n"
	    "E DIR/hosts.tab:2: \"h 1\" is not a host name\n"
	    "E DIR/hosts.tab:3: \".\" is not a host name\n"
	    "E DIR/hosts.tab:4: \"-h\" is not a host name\n"
	    "E DIR/hosts.tab:5: \"h1/24\" is not a host name\n"
	    "E DIR/hosts.tab:6: \"h\\x1b\" is not a host name\n" },
	{ "h1:d1:access:\nh2:d1:access::\nh3:d1:access::http\n"
	    "h4:d1:access::192.0.2.256\nh5:d1:access:::\n",
	    "",
	    "E DIR/hosts.tab:1: \"h1\" has neither a host name nor an IP "
	    "address\n"
	    "E DIR/hosts.tab:2: \"h2\" has neither a host name nor an IP "
	    "address\n"
	    "E DIR/hosts.tab:3: \"h3\" has neither a host name nor an IP "
	    "address\n"
	    "E DIR/hosts.tab:4: \"h4\" has neither a host name nor an IP "
	    "address\n"
	    "E DIR/hosts.tab:5: \"h5\" has neither a host name nor an IP "
	    "address\n" },
	/* A line that is wrong replaces none. */
	{ "h1:d1:access:a:192.0.2.1\nh1:d1:access:/:192.0.2.2\n",
	    "1 h1 d1 access a 192.0.2.1\n",
	    "E DIR/hosts.tab:2: \"/\" is not a host name\n" },
};

static struct conf conf;	/* of host own1, which is own2 too */

static struct hosts *
load(const char *table, size_t len)
{
	struct hosts *h;

	told_clear();
	confdir_write("hosts.tab", table, len);
	h = hosts_load(&conf, told_say, NULL);
	if (CHECK(h != NULL))
		CHECK_INT(told_errors, h->nbad);
	CHECK(told_printable());
	return h;
}

static const char *
dump(const struct hosts *h)
{
	static char text[8192];
	char addr[ADDR_TEXT];
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < h->n && at < sizeof(text); i++) {
		const struct host *v = &h->v[i];

		at += snprintf(text + at, sizeof(text) - at,
		    "%u %s %s %s %s %s\n", v->line, v->id,
		    *v->domain != '\0' ? v->domain : "-",
		    v->library ? "library" : "access",
		    *v->name != '\0' ? v->name : "-",
		    v->has_addr ? addr_text(&v->addr, addr) : "dns");
	}
	return text;
}

static void
check_case(const char *table, const char *hosts, const char *what)
{
	struct hosts *h = load(table, strlen(table));
	int before = check_failed;

	CHECK_STR(hosts, dump(h));
	CHECK_STR(what, told);
	for (size_t i = 0; i < h->n; i++)
		CHECK(hosts_find(h, h->v[i].id) == &h->v[i]);
	if (check_failed > before)
		fprintf(stderr, "  of \"%s\"\n", table);
	hosts_free(h);
}

/* Who calls from there, by id; "-" for nobody. */
static const char *
by_addr(const struct hosts *h, const char *text)
{
	const struct host *host;
	struct addr a;

	CHECK_INT(0, addr_parse(&a, text));
	host = hosts_by_addr(h, &conf, &a);
	return host != NULL ? host->id : "-";
}

static const char *
by_name(const struct hosts *h, const char *name)
{
	const struct host *host = hosts_by_name(h, &conf, name);

	return host != NULL ? host->id : "-";
}

static void
check_callers(void)
{
	static const char table[] =
	    "own1:d1:library:own.example.org:192.0.2.1\n"
	    "a1:d1:access:a.example.org:192.0.2.2\n"
	    "a2:d1:access:a.example.org:192.0.2.2\n"
	    "own2:d1:access:own.example.org:192.0.2.2\n"
	    "b1:d1:access:b.example.org:2001:db8::1\n"
	    "c1:d1:access:c.example.org:http\n"
	    "c2:d1:access:C.Example.ORG.:https\n"
	    "own2:d1:access:c.example.org:https\n"
	    "e1:d1:access:e.example.org:192.0.2.5\n"
	    "e1:d1:access:e.example.org:192.0.2.6\n"
	    "f1:d1:access::192.0.2.7\n";
	struct hosts *h = load(table, strlen(table));

	CHECK_STR("-", by_addr(h, "192.0.2.1"));
	CHECK_STR("a2", by_addr(h, "192.0.2.2"));
	CHECK_STR("a2", by_addr(h, "::ffff:192.0.2.2"));
	CHECK_STR("b1", by_addr(h, "2001:db8::1"));
	CHECK_STR("-", by_addr(h, "192.0.2.3"));
	CHECK_STR("-", by_addr(h, "0.0.0.0"));
	CHECK_STR("-", by_addr(h, "::"));
	/* The address of a line that was replaced is no longer known. */
	CHECK_STR("-", by_addr(h, "192.0.2.5"));
	CHECK_STR("e1", by_addr(h, "192.0.2.6"));

	CHECK_STR("c2", by_name(h, "c.example.org"));
	CHECK_STR("c2", by_name(h, "C.EXAMPLE.ORG."));
	CHECK_STR("-", by_name(h, "c.example.org.."));
	CHECK_STR("-", by_name(h, "c.example.or"));
	CHECK_STR("-", by_name(h, "cc.example.org"));
	/* A line with an address goes by that alone. */
	CHECK_STR("-", by_name(h, "a.example.org"));
	CHECK_STR("-", by_name(h, ""));
	CHECK_STR("-", by_name(h, "."));

	CHECK(hosts_find(h, "own1") != NULL);
	CHECK(hosts_find(h, "A1") == NULL);
	CHECK(hosts_find(h, "") == NULL);
	CHECK(hosts_find(h, "a1\n") == NULL);
	CHECK(hosts_need_dns(h));
	hosts_free(h);

	h = load(table, strstr(table, "c1:") - table);
	CHECK(!hosts_need_dns(h));
	hosts_free(h);
	hosts_free(NULL);
}

/* Of no hosts there is none. */
static void
check_empty(void)
{
	struct hosts *h = load("", 0);

	CHECK_INT(0, h->n);
	CHECK(hosts_find(h, "a") == NULL);
	CHECK_STR("-", by_addr(h, "192.0.2.1"));
	CHECK_STR("-", by_name(h, "a"));
	CHECK(!hosts_need_dns(h));
	hosts_free(h);
}

static void
check_missing(void)
{
	char path[4096];

	told_clear();
	unlink(confdir_path(path, "hosts.tab"));
	CHECK(hosts_load(&conf, told_say, NULL) == NULL);
	CHECK_STR("E DIR/hosts.tab: No such file or directory\n", told);
}

static void
check_lines(void)
{
	char table[8192];
	struct hosts *h;
	int n;

	h = load("h1:d1:access:h1:http\0\nh2:d1:access:h2:http\n", 43);
	CHECK_STR("2 h2 d1 access h2 dns\n", dump(h));
	CHECK_STR("E DIR/hosts.tab:1: a NUL byte is in the line\n", told);
	hosts_free(h);

	n = snprintf(table, sizeof(table), "h1:d1:access:h1:http:");
	memset(table + n, 'x', 4097 - n);
	h = load(table, 4096);
	CHECK_STR("1 h1 d1 access h1 dns\n", dump(h));
	hosts_free(h);
	h = load(table, 4097);
	CHECK_STR("", dump(h));
	CHECK_STR("E DIR/hosts.tab:1: the line has more than 4096 bytes\n",
	    told);
	hosts_free(h);
}

static void
check_prefixes(void)
{
	static const char table[] =
	    "# hosts\r\n"
	    "h1:d1:library:h1.example.org:192.0.2.1 \r\n"
	    "^dns.example.org\n"
	    "h2:d1:access:h2.example.org:[2001:db8::1]:https:example.org\n"
	    "h3:d2:access:h3.example.org:2001:db8::2\n"
	    "h1:d2:access:h4.example.org:https";

	for (size_t len = 0; len <= sizeof(table); len++)
		hosts_free(load(table, len));
}

/* Tables of pieces that mean something and bytes that do not. */
static void
check_random(void)
{
	static const char *const pieces[] = {
		"h1", "h2:d1:access:h2:192.0.2.2\n", "\nh3:d:access:h3:",
		":", ":", ":", "\n", "\r\n", " ", "#", "^", "[", "]", "::1",
		"192.0.2.1", "http", "library", "access",
	};
	char table[512];
	size_t nhosts = 0;

	for (int round = 0; round < 2000; round++) {
		size_t len = 0, want = dice(400);
		struct hosts *h;

		while (len < want) {
			const char *piece = pieces[dice(COUNT(pieces))];

			if (dice(16) == 0)
				table[len++] = (char)dice(256);
			else {
				memcpy(table + len, piece, strlen(piece));
				len += strlen(piece);
			}
		}
		h = load(table, len);
		nhosts += h->n;
		for (size_t i = 0; i < h->n; i++)
			CHECK(hosts_find(h, h->v[i].id) == &h->v[i]);
		hosts_free(h);
	}
	CHECK(nhosts > 2000);
}

/* As many hosts as anyone may have; the first half of them twice. */
static void
check_many(void)
{
	enum { LINES = 100000, HOSTS = LINES / 3 * 2 };
	char *table = malloc(LINES * 64), id[32];
	size_t at = 0, wrong = 0;
	const struct host *host;
	struct hosts *h;

	if (!CHECK(table != NULL))
		return;
	for (int i = 0; i < LINES; i++) {
		int n = i % HOSTS;

		at += sprintf(table + at, "h%d:d:access:h%d.example.org:"
		    "10.%d.%d.%d\n", n, n, n >> 16, n >> 8 & 255, n & 255);
	}
	h = load(table, at);
	free(table);
	CHECK_INT(HOSTS, h->n);
	CHECK_INT(0, h->nbad);
	for (int i = 0; i < HOSTS; i++) {
		snprintf(id, sizeof(id), "h%d", i);
		host = hosts_find(h, id);
		wrong += host == NULL || strcmp(host->id, id) != 0 ||
		    host->line != (unsigned)(i + 1 +
		    (i < LINES - HOSTS ? HOSTS : 0));
	}
	CHECK_INT(0, wrong);
	CHECK(hosts_find(h, "h") == NULL);
	CHECK_STR("h65536", by_addr(h, "10.1.0.0"));
	hosts_free(h);
}

int
main(void)
{
	static char own1[] = "own1", own2[] = "own2";
	static char *served[] = { own2, NULL };

	confdir_make();
	conf.host_id = own1;
	conf.served_ids = served;
	conf.tab_dir = confdir;
	for (size_t i = 0; i < COUNT(cases); i++)
		check_case(cases[i].table, cases[i].hosts, cases[i].told);
	check_callers();
	check_empty();
	check_lines();
	check_prefixes();
	check_random();
	check_many();
	check_missing();
	return check_status();
}
