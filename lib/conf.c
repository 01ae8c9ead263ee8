/*
 * One table of settings drives all: reading, checking, the defaults (which
 * are read as if they stood in the file) and the release.
 */
#include "lonc/conf.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "lonc/addr.h"
#include "lonc/id.h"
#include "lonc/num.h"
#include "lonc/rows.h"
#include "lonc/text.h"

#define BLANKS "\t "
#define SHOWN 64	/* bytes for what was written, in a message */
#define NUMBER_TEXT 24	/* an int64_t with a point and a NUL */

const char *
conf_dir(const char *opt)
{
	const char *env;

	if (opt != NULL)
		return opt;
	if ((env = getenv("LONC_CONF")) != NULL && *env != '\0')
		return env;
	return CONF_DIR;
}

char *
conf_path(char *path, size_t size, const char *dir, const char *name)
{
	int n = snprintf(path, size, "%s/%s", dir, name);

	if (n < 0 || (size_t)n >= size) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	return path;
}

/* Bytes of paths and words; those of UTF-8 are among them. */
static bool
is_plain(const char *s, const char *except)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f ||
		    strchr(except, *s) != NULL)
			return false;
	return true;
}

static bool
is_path(const char *s)
{
	return *s == '/' && is_plain(s, "");
}

static bool
is_word(const char *s)
{
	return *s != '\0' && is_plain(s, " :,");
}

static bool
is_ip(const char *s)
{
	struct addr a;

	return addr_parse(&a, s) == 0;
}

/* yes and no stand alone, and a slip in them is not a host's id. */
static bool
is_legacy_id(const char *s)
{
	return id_valid(s) && strcasecmp(s, "yes") != 0 &&
	    strcasecmp(s, "no") != 0;
}

struct type {
	enum { NUMBER, THOUSANDTHS, STRING, LIST } kind;
	bool		 (*good)(const char *);	/* STRING, or of a LIST */
	const char	*is;			/* what a good one is */
};

#define ID_IS "a host id (1 to 64 of A-Z a-z 0-9 _ . -, the first not . or -)"

static const struct type
    number = { .kind = NUMBER, .is = "a number" },
    decimal = { .kind = THOUSANDTHS, .is = "a decimal number" },
    seconds = { .kind = THOUSANDTHS, .is = "a number of seconds" },
    path = { .kind = STRING, .good = is_path, .is = "an absolute path" },
    group = { .kind = STRING, .good = is_word, .is = "the name of a group" },
    address = { .kind = STRING, .good = is_ip, .is = "an IP address" },
    host = { .kind = STRING, .good = id_valid, .is = ID_IS },
    hosts = { .kind = LIST, .good = id_valid, .is = ID_IS },
    words = { .kind = LIST, .good = is_word, .is = "the name of a command" },
    legacy = { .kind = LIST, .good = is_legacy_id,
	.is = "yes, no or " ID_IS };

#define DAY (24 * 60 * 60 * 1000)
#define TIMEOUT .type = &seconds, .min = 10, .max = DAY
#define AT(field) offsetof(struct conf, field)

static const struct setting {
	const char	*name;
	const struct type *type;
	size_t		 at;		/* the field in struct conf */
	int64_t		 min, max;	/* of numbers */
	const char	*def;		/* as in the file, or NULL */
} settings[] = {
	{ .name = "lonHostID", .at = AT(host_id), .type = &host },
	{ .name = "served_ids", .at = AT(served_ids), .type = &hosts,
	    .def = "" },
	{ .name = "lonSockDir", .at = AT(sock_dir), .type = &path,
	    .def = "/run/lonc" },
	{ .name = "lonTabDir", .at = AT(tab_dir), .type = &path },
	{ .name = "spool_dir", .at = AT(spool_dir), .type = &path,
	    .def = "/var/spool/lonc" },
	{ .name = "state_dir", .at = AT(state_dir), .type = &path,
	    .def = "/var/lib/lonc" },
	{ .name = "londPort", .at = AT(port), .type = &number,
	    .min = 1, .max = 65535, .def = "5663" },
	{ .name = "source_address", .at = AT(source_address),
	    .type = &address },
	{ .name = "lonLoadLim", .at = AT(load_limit), .type = &decimal,
	    .min = 10, .max = 10000 * 1000, .def = "2.00" },
	{ .name = "lonUserLoadLim", .at = AT(user_load_limit),
	    .type = &number, .min = 0, .max = 1000000, .def = "0" },
	{ .name = "allow_legacy", .at = AT(legacy_ids), .type = &legacy,
	    .def = "no" },
	{ .name = "socket_group", .at = AT(socket_group), .type = &group,
	    .def = "lonc" },
	{ .name = "connect_timeout", .at = AT(connect_timeout), TIMEOUT,
	    .def = "5" },
	{ .name = "init_timeout", .at = AT(init_timeout), TIMEOUT,
	    .def = "60" },
	{ .name = "request_timeout", .at = AT(request_timeout), TIMEOUT,
	    .def = "300" },
	{ .name = "handler_timeout", .at = AT(handler_timeout), TIMEOUT,
	    .def = "120" },
	{ .name = "idle_ping", .at = AT(idle_ping), TIMEOUT, .def = "30" },
	{ .name = "retry_min", .at = AT(retry_min), TIMEOUT, .def = "1" },
	{ .name = "retry_max", .at = AT(retry_max), TIMEOUT, .def = "240" },
	{ .name = "connections", .at = AT(connections), .type = &number,
	    .min = 0, .max = CONF_CONNECTIONS_MAX, .def = "4" },
	{ .name = "max_line", .at = AT(max_line), .type = &number,
	    .min = 1024, .max = 64 << 20, .def = "1048576" },
	{ .name = "max_reply", .at = AT(max_reply), .type = &number,
	    .min = 1024, .max = 1 << 30, .def = "16777216" },
	{ .name = "max_clients", .at = AT(max_clients), .type = &number,
	    .min = 1, .max = 1000000, .def = "1024" },
	{ .name = "max_outstanding", .at = AT(max_outstanding),
	    .type = &number, .min = 1, .max = 65536, .def = "1024" },
	{ .name = "spool_max_bytes", .at = AT(spool_max_bytes),
	    .type = &number, .min = 0, .max = 1LL << 50, .def = "0" },
	{ .name = "spool_max_age", .at = AT(spool_max_age),
	    .type = &seconds, .min = 0, .max = 3650LL * DAY, .def = "0" },
	{ .name = "sealed_words", .at = AT(sealed_words), .type = &words,
	    .def = "auth passwd currentauth makeuser changeuserauth" },
};

#define NSETTINGS (sizeof(settings) / sizeof(settings[0]))

/* What the file says of a setting. */
struct seen {
	unsigned	 line;		/* the last one that has it, or 0 */
	bool		 bad;		/* one of them is wrong */
};

/* lonc.conf being read. */
struct reading {
	struct rows	 rows;
	struct conf	*cf;
	struct seen	 seen[NSETTINGS];
};

static const struct setting *
find(const char *name)
{
	for (size_t i = 0; i < NSETTINGS; i++)
		if (strcmp(settings[i].name, name) == 0)
			return &settings[i];
	return NULL;
}

static struct seen *
seen(struct reading *r, const char *name)
{
	return &r->seen[find(name) - settings];
}

static char *
number_text(const struct setting *s, int64_t n, char text[NUMBER_TEXT])
{
	size_t len;

	if (s->type->kind == NUMBER) {
		snprintf(text, NUMBER_TEXT, "%" PRId64, n);
		return text;
	}
	len = snprintf(text, NUMBER_TEXT, "%" PRId64 ".%03d", n / 1000,
	    (int)(n % 1000));
	while (text[len - 1] == '0')
		len--;
	text[text[len - 1] == '.' ? len - 1 : len] = '\0';
	return text;
}

static void
tell_bad(struct reading *r, const struct setting *s, const char *value)
{
	char shown[SHOWN], min[NUMBER_TEXT], max[NUMBER_TEXT], range[64] = "";

	if (s->type->kind == NUMBER || s->type->kind == THOUSANDTHS)
		snprintf(range, sizeof(range), " (%s to %s)",
		    number_text(s, s->min, min), number_text(s, s->max, max));
	r->seen[s - settings].bad = true;
	rows_tell(&r->rows, true, "%s: \"%s\" is not %s%s", s->name,
	    text_printable(shown, sizeof(shown), value, strlen(value)),
	    s->type->is, range);
}

static void
set_string(struct reading *r, const struct setting *s, const char *value)
{
	char **field = (char **)((char *)r->cf + s->at);

	if (!s->type->good(value)) {
		tell_bad(r, s, value);
		return;
	}
	free(*field);
	if ((*field = strdup(value)) == NULL)
		rows_tell(&r->rows, true, "%s", strerror(errno));
}

/* A list is one allocation: its pointers, then the text they point into. */
static void
set_list(struct reading *r, const struct setting *s, const char *value)
{
	char ***field = (char ***)((char *)r->cf + s->at);
	size_t len = strlen(value), max = len / 2 + 2, n = 0;
	char **list, *text, *next, *word;

	if ((list = malloc(max * sizeof(*list) + len + 1)) == NULL) {
		rows_tell(&r->rows, true, "%s", strerror(errno));
		return;
	}
	free(*field);
	*field = list;
	text = memcpy(list + max, value, len + 1);
	for (word = strtok_r(text, BLANKS ",", &next); word != NULL;
	    word = strtok_r(NULL, BLANKS ",", &next)) {
		if (!s->type->good(word))
			tell_bad(r, s, word);
		list[n++] = word;
	}
	list[n] = NULL;
	if (n == 0 && len > 0)
		tell_bad(r, s, value);
}

static void
set_legacy(struct reading *r, const struct setting *s, const char *value)
{
	r->cf->legacy_all = strcmp(value, "yes") == 0;
	if (r->cf->legacy_all || strcmp(value, "no") == 0)
		value = "";
	set_list(r, s, value);
}

static void
set_number(struct reading *r, const struct setting *s, const char *value)
{
	int64_t *field = (int64_t *)((char *)r->cf + s->at);
	const char *why;
	int rc;

	if (s->type->kind == NUMBER)
		rc = num_parse(value, s->min, s->max, field, &why);
	else
		rc = num_parse_milli(value, s->min, s->max, field, &why);
	if (rc == -1)
		tell_bad(r, s, value);
}

static void
set(struct reading *r, const struct setting *s, const char *value)
{
	if (s->type == &legacy)
		set_legacy(r, s, value);
	else if (s->type->kind == LIST)
		set_list(r, s, value);
	else if (s->type->kind == STRING)
		set_string(r, s, value);
	else
		set_number(r, s, value);
}

/* The first word of *rest, a string; *rest then begins with the next. */
static char *
take_word(char **rest)
{
	char *word = *rest;

	*rest += strcspn(*rest, BLANKS);
	if (**rest != '\0')
		*(*rest)++ = '\0';
	*rest += strspn(*rest, BLANKS);
	return word;
}

static void
read_line(struct reading *r, char *line)
{
	const struct setting *s;
	char shown[SHOWN], *name = take_word(&line);
	bool apache = strcasecmp(name, "PerlSetVar") == 0;

	if (apache)
		name = take_word(&line);
	if ((s = find(name)) != NULL) {
		r->seen[s - settings].line = r->rows.line;
		if (*line != '\0')
			set(r, s, line);
		else
			tell_bad(r, s, line);
	} else if (!apache)
		rows_tell(&r->rows, false, "\"%s\" is not a setting: ignored",
		    text_printable(shown, sizeof(shown), name, strlen(name)));
}

static void
set_defaults(struct reading *r)
{
	for (size_t i = 0; i < NSETTINGS; i++)
		if (r->seen[i].line == 0 && settings[i].def != NULL)
			set(r, &settings[i], settings[i].def);
	r->cf->socket_group_set = seen(r, "socket_group")->line > 0;
}

/* hosts.tab beside lonc.conf comes before one at lonTabDir. */
static void
set_tab_dir(struct reading *r)
{
	struct conf *cf = r->cf;
	char file[PATH_MAX];
	struct stat st;

	if (cf->tab_dir != NULL &&
	    conf_path(file, sizeof(file), cf->dir, "hosts.tab") != NULL &&
	    lstat(file, &st) == 0) {
		free(cf->tab_dir);
		cf->tab_dir = NULL;
	}
	if (cf->tab_dir == NULL && (cf->tab_dir = strdup(cf->dir)) == NULL)
		rows_tell(&r->rows, true, "%s", strerror(errno));
}

static void
check_retry(struct reading *r)
{
	const struct seen *min = seen(r, "retry_min"),
	    *max = seen(r, "retry_max");
	char text[NUMBER_TEXT], limit[NUMBER_TEXT];
	const struct setting *s = find("retry_min");

	if (min->bad || max->bad || r->cf->retry_min <= r->cf->retry_max)
		return;
	r->rows.line = min->line > max->line ? min->line : max->line;
	rows_tell(&r->rows, true, "retry_min: %s is more than retry_max, %s",
	    number_text(s, r->cf->retry_min, text),
	    number_text(s, r->cf->retry_max, limit));
}

struct conf *
conf_load(const char *dir, conf_say *say, void *arg)
{
	struct reading r = { 0 };
	char *line;

	if (rows_open(&r.rows, dir, "lonc.conf", say, arg) == -1)
		return NULL;
	if ((r.cf = calloc(1, sizeof(*r.cf))) == NULL ||
	    (r.cf->dir = strdup(dir)) == NULL) {
		rows_tell(&r.rows, true, "%s", strerror(errno));
		goto out;
	}
	while ((line = rows_next(&r.rows)) != NULL)
		read_line(&r, line);
	r.rows.line = 0;
	if (seen(&r, "lonHostID")->line == 0)
		rows_tell(&r.rows, true, "lonHostID is not set");
	set_defaults(&r);
	set_tab_dir(&r);
	check_retry(&r);
out:
	rows_close(&r.rows);
	if (r.rows.nbad > 0) {
		conf_free(r.cf);
		r.cf = NULL;
	}
	return r.cf;
}

void
conf_free(struct conf *cf)
{
	char *at;

	if (cf == NULL)
		return;
	for (size_t i = 0; i < NSETTINGS; i++) {
		at = (char *)cf + settings[i].at;
		if (settings[i].type->kind == STRING)
			free(*(char **)at);
		else if (settings[i].type->kind == LIST)
			free(*(char ***)at);
	}
	free(cf->dir);
	free(cf);
}

static bool
listed(char *const *list, const char *word, size_t len)
{
	for (; *list != NULL; list++)
		if (strlen(*list) == len && memcmp(*list, word, len) == 0)
			return true;
	return false;
}

bool
conf_own_id(const struct conf *cf, const char *id)
{
	return strcmp(cf->host_id, id) == 0 ||
	    listed(cf->served_ids, id, strlen(id));
}

bool
conf_legacy(const struct conf *cf, const char *id)
{
	return cf->legacy_all || listed(cf->legacy_ids, id, strlen(id));
}

bool
conf_sealed_word(const struct conf *cf, const char *word, size_t len)
{
	return listed(cf->sealed_words, word, len);
}
