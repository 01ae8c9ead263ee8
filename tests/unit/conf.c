/*
 * lonc.conf.  The names, defaults and bounds here are those of lonc.conf(5),
 * written out once more.
 * Not tested: memory that runs out.
 */
#include "lonc/conf.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>

#include "check.h"
#include "confdir.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ID_IS "a host id (1 to 64 of A-Z a-z 0-9 _ . -, the first not . or -)"
#define DAY 86400000LL

enum kind { NUMBER, STRING, LIST, TRUTH };

/* A field of struct conf by the name of its setting. */
static const struct field {
	const char	*name;
	enum kind	 kind;
	size_t		 at;
	const char	*def;		/* as field() has it */
} fields[] = {
	{ "lonHostID", STRING, offsetof(struct conf, host_id), "h1" },
	{ "served_ids", LIST, offsetof(struct conf, served_ids), "" },
	{ "lonSockDir", STRING, offsetof(struct conf, sock_dir), "/run/lonc" },
	{ "lonTabDir", STRING, offsetof(struct conf, tab_dir), "DIR" },
	{ "spool_dir", STRING, offsetof(struct conf, spool_dir),
	    "/var/spool/lonc" },
	{ "state_dir", STRING, offsetof(struct conf, state_dir),
	    "/var/lib/lonc" },
	{ "londPort", NUMBER, offsetof(struct conf, port), "5663" },
	{ "source_address", STRING, offsetof(struct conf, source_address),
	    "(null)" },
	{ "lonLoadLim", NUMBER, offsetof(struct conf, load_limit), "2000" },
	{ "lonUserLoadLim", NUMBER, offsetof(struct conf, user_load_limit),
	    "0" },
	{ "allow_legacy", LIST, offsetof(struct conf, legacy_ids), "" },
	{ "allow_legacy yes", TRUTH, offsetof(struct conf, legacy_all),
	    "false" },
	{ "socket_group", STRING, offsetof(struct conf, socket_group),
	    "lonc" },
	{ "socket_group set", TRUTH, offsetof(struct conf, socket_group_set),
	    "false" },
	{ "connect_timeout", NUMBER, offsetof(struct conf, connect_timeout),
	    "5000" },
	{ "init_timeout", NUMBER, offsetof(struct conf, init_timeout),
	    "60000" },
	{ "request_timeout", NUMBER, offsetof(struct conf, request_timeout),
	    "300000" },
	{ "handler_timeout", NUMBER, offsetof(struct conf, handler_timeout),
	    "120000" },
	{ "idle_ping", NUMBER, offsetof(struct conf, idle_ping), "30000" },
	{ "retry_min", NUMBER, offsetof(struct conf, retry_min), "1000" },
	{ "retry_max", NUMBER, offsetof(struct conf, retry_max), "240000" },
	{ "connections", NUMBER, offsetof(struct conf, connections), "4" },
	{ "max_line", NUMBER, offsetof(struct conf, max_line), "1048576" },
	{ "max_reply", NUMBER, offsetof(struct conf, max_reply), "16777216" },
	{ "max_clients", NUMBER, offsetof(struct conf, max_clients), "1024" },
	{ "max_outstanding", NUMBER, offsetof(struct conf, max_outstanding),
	    "1024" },
	{ "spool_max_bytes", NUMBER, offsetof(struct conf, spool_max_bytes),
	    "0" },
	{ "spool_max_age", NUMBER, offsetof(struct conf, spool_max_age), "0" },
	{ "sealed_words", LIST, offsetof(struct conf, sealed_words),
	    "auth passwd currentauth makeuser changeuserauth" },
};

/* Numbers: what is the least and the most, and just outside. */
static const struct bound {
	const char	*name;
	const char	*below, *min, *max, *above;
	int64_t		 least, most;	/* as the field has them */
	const char	*is;
} bounds[] = {
	{ "londPort", "0", "1", "65535", "65536", 1, 65535,
	    "a number (1 to 65535)" },
	{ "lonLoadLim", "0.009", "0.01", "10000", "10000.001", 10, 10000000,
	    "a decimal number (0.01 to 10000)" },
	{ "lonUserLoadLim", "-1", "0", "1000000", "1000001", 0, 1000000,
	    "a number (0 to 1000000)" },
	{ "connect_timeout", "0.009", "0.01", "86400", "86400.001", 10, DAY,
	    "a number of seconds (0.01 to 86400)" },
	{ "init_timeout", "0.009", "0.01", "86400", "86400.001", 10, DAY,
	    "a number of seconds (0.01 to 86400)" },
	{ "request_timeout", "0.009", "0.01", "86400", "86400.001", 10, DAY,
	    "a number of seconds (0.01 to 86400)" },
	{ "handler_timeout", "0.009", "0.01", "86400", "86400.001", 10, DAY,
	    "a number of seconds (0.01 to 86400)" },
	{ "idle_ping", "0.009", "0.01", "86400", "86400.001", 10, DAY,
	    "a number of seconds (0.01 to 86400)" },
	{ "retry_min", "0.009", "0.01", "86400", "86400.001", 10, DAY,
	    "a number of seconds (0.01 to 86400)" },
	{ "retry_max", "0.009", "0.01", "86400", "86400.001", 10, DAY,
	    "a number of seconds (0.01 to 86400)" },
	{ "connections", "-1", "0", "64", "65", 0, 64, "a number (0 to 64)" },
	{ "max_line", "1023", "1024", "67108864", "67108865", 1024, 67108864,
	    "a number (1024 to 67108864)" },
	{ "max_reply", "1023", "1024", "1073741824", "1073741825", 1024,
	    1073741824, "a number (1024 to 1073741824)" },
	{ "max_clients", "0", "1", "1000000", "1000001", 1, 1000000,
	    "a number (1 to 1000000)" },
	{ "max_outstanding", "0", "1", "65536", "65537", 1, 65536,
	    "a number (1 to 65536)" },
	{ "spool_max_bytes", "-1", "0", "1125899906842624",
	    "1125899906842625", 0, 1125899906842624,
	    "a number (0 to 1125899906842624)" },
	{ "spool_max_age", "-1", "0", "315360000", "315360000.001", 0,
	    315360000000, "a number of seconds (0 to 315360000)" },
};

/* Good files: what one field then is, and what is told. */
static const struct {
	const char	*file;
	const char	*name, *value;
	const char	*told;
} good[] = {
	{ "lonHostID h1", "lonHostID", "h1", "" },
	{ "lonHostID\t \th1 \t\r\n", "lonHostID", "h1", "" },
	{ "  lonHostID h1\n", "lonHostID", "h1", "" },
	{ "# lonHostID h0\nlonHostID h1 # h2\n#", "lonHostID", "h1", "" },
	{ "lonHostID h0\nlonHostID h1\n", "lonHostID", "h1", "" },
	{ "lonHostID h1\nserved_ids h2, h3,h4\th5 ,, h6\n", "served_ids",
	    "h2 h3 h4 h5 h6", "" },
	{ "lonHostID h1\nserved_ids h2 h3\nserved_ids h4", "served_ids",
	    "h4", "" },
	{ "lonHostID h1\nserved_ids h1 h1", "served_ids", "h1 h1", "" },
	{ "lonHostID h1\nlonSockDir /a b\xc3\xa4,c:d\n", "lonSockDir",
	    "/a b\xc3\xa4,c:d", "" },
	{ "lonHostID h1\nlonSockDir /a#b #c\n", "lonSockDir", "/a#b", "" },
	{ "lonHostID h1\nspool_dir /", "spool_dir", "/", "" },
	{ "lonHostID h1\nstate_dir /s", "state_dir", "/s", "" },
	{ "lonHostID h1\nlonTabDir /t", "lonTabDir", "/t", "" },
	{ "lonHostID h1\nsource_address 192.0.2.1", "source_address",
	    "192.0.2.1", "" },
	{ "lonHostID h1\nsource_address 2001:db8::1", "source_address",
	    "2001:db8::1", "" },
	{ "lonHostID h1\nlonLoadLim 2.5", "lonLoadLim", "2500", "" },
	{ "lonHostID h1\nretry_min 0.05", "retry_min", "50", "" },
	{ "lonHostID h1\nretry_min 240\n", "retry_min", "240000", "" },
	{ "lonHostID h1\nallow_legacy yes", "allow_legacy yes", "true", "" },
	{ "lonHostID h1\nallow_legacy yes", "allow_legacy", "", "" },
	{ "lonHostID h1\nallow_legacy yes\nallow_legacy no",
	    "allow_legacy yes", "false", "" },
	{ "lonHostID h1\nallow_legacy yes\nallow_legacy h2",
	    "allow_legacy yes", "false", "" },
	{ "lonHostID h1\nallow_legacy h2,h3", "allow_legacy", "h2 h3", "" },
	{ "lonHostID h1\nallow_legacy h2\nallow_legacy no",
	    "allow_legacy", "", "" },
	{ "lonHostID h1\nsocket_group www-data", "socket_group", "www-data",
	    "" },
	{ "lonHostID h1\nsocket_group lonc", "socket_group set", "true", "" },
	{ "lonHostID h1\nsealed_words  a,b  c", "sealed_words", "a b c", "" },
	/* Lines of old installations. */
	{ "PerlSetVar lonHostID h1\r\nPerlSetVar  londPort\t80\r\n",
	    "londPort", "80", "" },
	{ "perlsetvar lonHostID h1\nPERLSETVAR londPort 80\n", "londPort",
	    "80", "" },
	{ "PerlSetVar lonHostID h1\nPerlSetVar lonDaemons /home/httpd/perl\n"
	    "PerlSetVar lonReceipt\nPerlSetVar\n", "lonHostID", "h1", "" },
	{ "PerlSetVar lonHostID h1\nPerlSetVar lonLoadLim 2.00\n"
	    "lonLoadLim 3", "lonLoadLim", "3000", "" },
	/* What is not known is told only without PerlSetVar. */
	{ "lonHostID h1\nlondport 80\nfoo", "londPort", "5663",
	    "W DIR/lonc.conf:2: \"londport\" is not a setting: ignored\n"
	    "W DIR/lonc.conf:3: \"foo\" is not a setting: ignored\n" },
	{ "<Location \"/adm\">\n\tSetHandler perl-script\n</Location>\n"
	    "lonHostID h1\n", "lonHostID", "h1",
	    "W DIR/lonc.conf:1: \"<Location\" is not a setting: ignored\n"
	    "W DIR/lonc.conf:2: \"SetHandler\" is not a setting: ignored\n"
	    "W DIR/lonc.conf:3: \"</Location>\" is not a setting: ignored\n" },
	{ "lonHostID h1\na\x1b\xc3[31m 1", "lonHostID", "h1",
	    "W DIR/lonc.conf:2: \"a\\x1b\\xc3[31m\" is not a setting: "
	    "ignored\n" },
};

/* Bad files, and what is told of them. */
static const struct {
	const char	*file;
	const char	*told;
} bad[] = {
	{ "", "E DIR/lonc.conf: lonHostID is not set\n" },
	{ "lonhostid h1\n",
	    "W DIR/lonc.conf:1: \"lonhostid\" is not a setting: ignored\n"
	    "E DIR/lonc.conf: lonHostID is not set\n" },
	{ "PerlSetVar lonhostid h1",
	    "E DIR/lonc.conf: lonHostID is not set\n" },
	{ "PerlSetVar PerlSetVar lonHostID h1",
	    "E DIR/lonc.conf: lonHostID is not set\n" },
	{ "lonHostID",
	    "E DIR/lonc.conf:1: lonHostID: \"\" is not " ID_IS "\n" },
	{ "PerlSetVar lonHostID # h1",
	    "E DIR/lonc.conf:1: lonHostID: \"\" is not " ID_IS "\n" },
	{ "lonHostID h1 h2",
	    "E DIR/lonc.conf:1: lonHostID: \"h1 h2\" is not " ID_IS "\n" },
	{ "lonHostID .h1\nlonHostID h1\n",
	    "E DIR/lonc.conf:1: lonHostID: \".h1\" is not " ID_IS "\n" },
	{ "lonHostID delayed",
	    "E DIR/lonc.conf:1: lonHostID: \"delayed\" is not " ID_IS "\n" },
	{ "lonHostID h1\rh2",
	    "E DIR/lonc.conf:1: lonHostID: \"h1\\x0dh2\" is not " ID_IS "\n" },
	{ "lonHostID h1\nserved_ids a,-b /c",
	    "E DIR/lonc.conf:2: served_ids: \"-b\" is not " ID_IS "\n"
	    "E DIR/lonc.conf:2: served_ids: \"/c\" is not " ID_IS "\n" },
	{ "lonHostID h1\nserved_ids , ,",
	    "E DIR/lonc.conf:2: served_ids: \", ,\" is not " ID_IS "\n" },
	{ "lonHostID h1\nserved_ids",
	    "E DIR/lonc.conf:2: served_ids: \"\" is not " ID_IS "\n" },
	{ "lonHostID h1\nlonSockDir run/lonc",
	    "E DIR/lonc.conf:2: lonSockDir: \"run/lonc\" is not an absolute "
	    "path\n" },
	{ "lonHostID h1\nspool_dir /a\tb",
	    "E DIR/lonc.conf:2: spool_dir: \"/a\\x09b\" is not an absolute "
	    "path\n" },
	{ "lonHostID h1\nstate_dir /a\x7f",
	    "E DIR/lonc.conf:2: state_dir: \"/a\\x7f\" is not an absolute "
	    "path\n" },
	{ "lonHostID h1\nlonTabDir tabs",
	    "E DIR/lonc.conf:2: lonTabDir: \"tabs\" is not an absolute "
	    "path\n" },
	{ "lonHostID h1\nsource_address localhost",
	    "E DIR/lonc.conf:2: source_address: \"localhost\" is not an IP "
	    "address\n" },
	{ "lonHostID h1\nallow_legacy Yes",
	    "E DIR/lonc.conf:2: allow_legacy: \"Yes\" is not yes, no or "
	    ID_IS "\n" },
	{ "lonHostID h1\nallow_legacy h2,no",
	    "E DIR/lonc.conf:2: allow_legacy: \"no\" is not yes, no or "
	    ID_IS "\n" },
	{ "lonHostID h1\nallow_legacy",
	    "E DIR/lonc.conf:2: allow_legacy: \"\" is not yes, no or "
	    ID_IS "\n" },
	{ "lonHostID h1\nsocket_group a b",
	    "E DIR/lonc.conf:2: socket_group: \"a b\" is not the name of a "
	    "group\n" },
	{ "lonHostID h1\nsealed_words auth: pass\x01wd",
	    "E DIR/lonc.conf:2: sealed_words: \"auth:\" is not the name of a "
	    "command\n"
	    "E DIR/lonc.conf:2: sealed_words: \"pass\\x01wd\" is not the name "
	    "of a command\n" },
	{ "lonHostID h1\nlondPort 80 # or 90\nlondPort 8O\n",
	    "E DIR/lonc.conf:3: londPort: \"8O\" is not a number (1 to "
	    "65535)\n" },
	{ "lonHostID h1\nretry_min -1\n",
	    "E DIR/lonc.conf:2: retry_min: \"-1\" is not a number of seconds "
	    "(0.01 to 86400)\n" },
	{ "lonHostID h1\nretry_min 1.0005\n",
	    "E DIR/lonc.conf:2: retry_min: \"1.0005\" is not a number of "
	    "seconds (0.01 to 86400)\n" },
	{ "lonHostID h1\nretry_max 1m\n",
	    "E DIR/lonc.conf:2: retry_max: \"1m\" is not a number of seconds "
	    "(0.01 to 86400)\n" },
	/* All that is wrong is told at once. */
	{ "foo 1\nlonHostID -\nPerlSetVar londPort x\nmax_line 1\n",
	    "W DIR/lonc.conf:1: \"foo\" is not a setting: ignored\n"
	    "E DIR/lonc.conf:2: lonHostID: \"-\" is not " ID_IS "\n"
	    "E DIR/lonc.conf:3: londPort: \"x\" is not a number (1 to "
	    "65535)\n"
	    "E DIR/lonc.conf:4: max_line: \"1\" is not a number (1024 to "
	    "67108864)\n" },
	/* retry_min and retry_max, the line of the later. */
	{ "lonHostID h1\nretry_min 240.001\n",
	    "E DIR/lonc.conf:2: retry_min: 240.001 is more than retry_max, "
	    "240\n" },
	{ "lonHostID h1\n\nretry_max 0.05\n",
	    "E DIR/lonc.conf:3: retry_min: 1 is more than retry_max, 0.05\n" },
	{ "retry_max 10\nretry_min 20\nlonHostID h1\n",
	    "E DIR/lonc.conf:2: retry_min: 20 is more than retry_max, 10\n" },
	{ "retry_min 20\nretry_max 10\nlonHostID h1\n",
	    "E DIR/lonc.conf:2: retry_min: 20 is more than retry_max, 10\n" },
	/* ... unless one of them is wrong already. */
	{ "retry_min 300\nretry_max x\nlonHostID h1\n",
	    "E DIR/lonc.conf:2: retry_max: \"x\" is not a number of seconds "
	    "(0.01 to 86400)\n" },
};

/* A file with much in it, for its prefixes, and a NUL behind it. */
static const char whole[] =
    "# Host 1\r\n"
    "PerlSetVar lonHostID h1\n"
    "\tPerlSetVar  lonSockDir  /home/httpd/sockets \n"
    "PerlSetVar lonTabDir /home/httpd/lonTabs\n"
    "PerlSetVar lonAdmEMail root@localhost.localdomain\n"
    "PerlSetVar lonLoadLim 2.00\n"
    "<Location />\n"
    "served_ids h2, h3\n"
    "allow_legacy h4,h5\n"
    "retry_min 0.05 # seconds\n"
    "retry_max 12.5\n"
    "source_address 2001:db8::1\n"
    "sealed_words auth passwd\n"
    "socket_group www";

/*
 * Loads a file.  Whatever is in it, there are settings exactly if no error
 * was told.
 */
static struct conf *
load(const char *text, size_t len)
{
	struct conf *cf;

	told_clear();
	confdir_write("lonc.conf", text, len);
	cf = conf_load(confdir, told_say, NULL);
	CHECK_INT(cf == NULL, told_errors > 0);
	CHECK(told_printable());
	return cf;
}

static const char *
list_text(char *const *list, char *text, size_t size)
{
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; list[i] != NULL && at < size; i++)
		at += snprintf(text + at, size - at, "%s%s", i > 0 ? " " : "",
		    list[i]);
	return text;
}

/* A setting as text, in a buffer of its own that the next call changes. */
static const char *
field(const struct conf *cf, const char *name)
{
	static char text[8192];
	const struct field *fd = fields;
	const char *at, *s;

	if (cf == NULL)
		return "(no settings)";
	while (strcmp(fd->name, name) != 0)
		fd++;
	at = (const char *)cf + fd->at;
	switch (fd->kind) {
	case NUMBER:
		snprintf(text, sizeof(text), "%" PRId64, *(const int64_t *)at);
		return text;
	case STRING:
		if ((s = *(char *const *)at) == NULL)
			return "(null)";
		return strcmp(s, confdir) == 0 ? "DIR" : s;
	case LIST:
		return list_text(*(char **const *)at, text, sizeof(text));
	case TRUTH:
		return *(const bool *)at ? "true" : "false";
	}
	return NULL;
}

static void
check_good(const char *file, const char *name, const char *value,
    const char *what)
{
	struct conf *cf = load(file, strlen(file));
	int before = check_failed;

	CHECK_STR(value, field(cf, name));
	CHECK_STR(what, told);
	if (check_failed > before)
		fprintf(stderr, "  %s of \"%s\"\n", name, file);
	conf_free(cf);
}

static void
check_bad(const char *file, const char *what)
{
	struct conf *cf = load(file, strlen(file));
	int before = check_failed;

	CHECK(cf == NULL);
	CHECK_STR(what, told);
	if (check_failed > before)
		fprintf(stderr, "  of \"%s\"\n", file);
	conf_free(cf);
}

static void
check_defaults(void)
{
	struct conf *cf = load("lonHostID h1\n", 13);

	CHECK_STR("", told);
	for (size_t i = 0; i < COUNT(fields); i++) {
		int before = check_failed;

		CHECK_STR(fields[i].def, field(cf, fields[i].name));
		if (check_failed > before)
			fprintf(stderr, "  %s\n", fields[i].name);
	}
	CHECK(cf != NULL && strcmp(cf->dir, confdir) == 0);
	conf_free(cf);
	conf_free(NULL);
}

static void
check_bound(const struct bound *b)
{
	char file[256], want[256];
	/* retry_max may not be less than retry_min, nor this more. */
	const char *other = strcmp(b->name, "retry_min") == 0 ?
	    "retry_max 86400\n" : "retry_min 0.01\n";

	snprintf(file, sizeof(file), "%slonHostID h1\n%s %s", other, b->name,
	    b->min);
	snprintf(want, sizeof(want), "%" PRId64, b->least);
	check_good(file, b->name, want, "");
	snprintf(file, sizeof(file), "%slonHostID h1\n%s %s", other, b->name,
	    b->max);
	snprintf(want, sizeof(want), "%" PRId64, b->most);
	check_good(file, b->name, want, "");

	snprintf(file, sizeof(file), "lonHostID h1\n%s %s\n", b->name,
	    b->below);
	snprintf(want, sizeof(want), "E DIR/lonc.conf:2: %s: \"%s\" is not "
	    "%s\n", b->name, b->below, b->is);
	check_bad(file, want);
	snprintf(file, sizeof(file), "lonHostID h1\n%s %s\n", b->name,
	    b->above);
	snprintf(want, sizeof(want), "E DIR/lonc.conf:2: %s: \"%s\" is not "
	    "%s\n", b->name, b->above, b->is);
	check_bad(file, want);
}

/* Bounds are of numbers: each number has a row in the table of them. */
static void
check_bounds(void)
{
	size_t numbers = 0;

	for (size_t i = 0; i < COUNT(fields); i++)
		numbers += fields[i].kind == NUMBER;
	CHECK_INT(numbers, COUNT(bounds));
	for (size_t i = 0; i < COUNT(bounds); i++)
		check_bound(&bounds[i]);
}

static void
check_lines(void)
{
	static char file[8192];
	struct conf *cf;
	int n;

	cf = load("lonHostID h1\nlondPort\0 80\n", 26);
	CHECK(cf == NULL);
	CHECK_STR("E DIR/lonc.conf:2: a NUL byte is in the line\n", told);

	/* A path as long as a line can hold, and one byte more. */
	n = snprintf(file, sizeof(file), "lonHostID h1\nspool_dir /");
	memset(file + n, 'x', 4096 - strlen("spool_dir /"));
	cf = load(file, strlen("lonHostID h1\n") + 4096);
	CHECK_INT(4096 - strlen("spool_dir "), strlen(field(cf, "spool_dir")));
	conf_free(cf);
	memset(file + n, 'x', 4097 - strlen("spool_dir /"));
	cf = load(file, strlen("lonHostID h1\n") + 4097);
	CHECK(cf == NULL);
	CHECK_STR("E DIR/lonc.conf:2: the line has more than 4096 bytes\n",
	    told);

	/* The longest list. */
	n = snprintf(file, sizeof(file), "lonHostID h1\nserved_ids ");
	for (int i = 0; i < 4096 - 11; i++)
		file[n + i] = i % 2 == 0 ? 'x' : ',';
	cf = load(file, n + 4096 - 11);
	CHECK_INT(2 * 2043 - 1, strlen(field(cf, "served_ids")));
	conf_free(cf);

	/* A message shows the beginning of a long value. */
	n = snprintf(file, sizeof(file), "lonHostID h1\nlondPort ");
	memset(file + n, '9', 1000);
	CHECK(load(file, n + 1000) == NULL);
	CHECK_STR("E DIR/lonc.conf:2: londPort: \"9999999999999999999999999999"
	    "99999999999999999999999999999999...\" is not a number (1 to "
	    "65535)\n", told);
}

static void
check_prefixes(void)
{
	for (size_t len = 0; len < sizeof(whole); len++)
		conf_free(load(whole, len));
	check_good(whole, "socket_group", "www",
	    "W DIR/lonc.conf:7: \"<Location\" is not a setting: ignored\n");
	CHECK(load(whole, sizeof(whole)) == NULL);
	CHECK(strstr(told, "E DIR/lonc.conf:14: a NUL byte is in the line\n")
	    != NULL);
}

/* Files of pieces that mean something and bytes that do not. */
static void
check_random(void)
{
	static const char *const pieces[] = {
		"lonHostID h1\n", "PerlSetVar ", "retry_min ", "served_ids ",
		"allow_legacy ", "sealed_words ", "lonSockDir /", "londPort ",
		"\n", "\r\n", "#", " ", ",", "yes", "1", ".5", "-", "h2",
	};
	char file[512];
	unsigned loaded = 0;
	struct conf *cf;

	for (int round = 0; round < 2000; round++) {
		size_t len = 0, want = dice(400);

		while (len < want) {
			const char *piece = pieces[dice(COUNT(pieces))];

			if (dice(16) == 0)
				file[len++] = (char)dice(256);
			else {
				memcpy(file + len, piece, strlen(piece));
				len += strlen(piece);
			}
		}
		cf = load(file, len);
		loaded += cf != NULL;
		conf_free(cf);
	}
	CHECK(loaded > 0 && loaded < 2000);
}

static void
check_tab_dir(void)
{
	static const char file[] = "lonHostID h1\nPerlSetVar lonTabDir /t\n";
	char path[4096];

	check_good(file, "lonTabDir", "/t", "");
	confdir_write("hosts.tab", "", 0);
	check_good(file, "lonTabDir", "DIR", "");
	check_good("lonHostID h1", "lonTabDir", "DIR", "");
	unlink(confdir_path(path, "hosts.tab"));

	/* A link to nothing is somebody's mistake, not an absent table. */
	CHECK_INT(0, symlink("nothing", path));
	check_good(file, "lonTabDir", "DIR", "");
	unlink(path);
}

static void
check_missing(void)
{
	char path[4096];

	told_clear();
	unlink(confdir_path(path, "lonc.conf"));
	CHECK(conf_load(confdir, told_say, NULL) == NULL);
	CHECK_STR("E DIR/lonc.conf: No such file or directory\n", told);
}

static void
check_questions(void)
{
	static const char file[] = "lonHostID h1\nserved_ids h2 h3\n"
	    "allow_legacy h4,h5\nsealed_words auth passwd\n";
	struct conf *cf = load(file, strlen(file));

	if (!CHECK(cf != NULL))
		return;
	CHECK(conf_own_id(cf, "h1"));
	CHECK(conf_own_id(cf, "h2"));
	CHECK(conf_own_id(cf, "h3"));
	CHECK(!conf_own_id(cf, "h4"));
	CHECK(!conf_own_id(cf, "h"));
	CHECK(!conf_own_id(cf, "H1"));
	CHECK(!conf_own_id(cf, ""));
	CHECK(conf_legacy(cf, "h4"));
	CHECK(conf_legacy(cf, "h5"));
	CHECK(!conf_legacy(cf, "h1"));
	CHECK(!conf_legacy(cf, "h4,h5"));
	CHECK(conf_sealed_word(cf, "auth:x", 4));
	CHECK(conf_sealed_word(cf, "passwd", 6));
	CHECK(!conf_sealed_word(cf, "auth", 3));
	CHECK(!conf_sealed_word(cf, "authx", 5));
	CHECK(!conf_sealed_word(cf, "", 0));
	CHECK(!conf_sealed_word(cf, "aut\0h", 5));
	conf_free(cf);

	cf = load("lonHostID h1\nallow_legacy yes\n", 30);
	CHECK(cf != NULL && conf_legacy(cf, "anyone"));
	conf_free(cf);
	cf = load("lonHostID h1\n", 13);
	CHECK(cf != NULL && !conf_legacy(cf, "h1") && !conf_legacy(cf, "no"));
	conf_free(cf);
}

static void
check_paths(void)
{
	char path[8];

	unsetenv("LONC_CONF");
	CHECK_STR("/etc/lonc", conf_dir(NULL));
	setenv("LONC_CONF", "", 1);
	CHECK_STR("/etc/lonc", conf_dir(NULL));
	setenv("LONC_CONF", "/e", 1);
	CHECK_STR("/e", conf_dir(NULL));
	CHECK_STR("/o", conf_dir("/o"));

	CHECK(conf_path(path, sizeof(path), "/abc", "de") == path);
	CHECK_STR("/abc/de", path);
	errno = 0;
	CHECK(conf_path(path, sizeof(path), "/abc", "def") == NULL);
	CHECK_INT(ENAMETOOLONG, errno);
}

int
main(void)
{
	confdir_make();
	check_defaults();
	for (size_t i = 0; i < COUNT(good); i++)
		check_good(good[i].file, good[i].name, good[i].value,
		    good[i].told);
	for (size_t i = 0; i < COUNT(bad); i++)
		check_bad(bad[i].file, bad[i].told);
	check_bounds();
	check_lines();
	check_prefixes();
	check_random();
	check_tab_dir();
	check_questions();
	check_missing();
	check_paths();
	return check_status();
}
