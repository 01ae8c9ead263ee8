/*
 * hosts.tab, read whole: every string of the table lies in the file's text,
 * and a hash table finds the line of an id, so that 100000 hosts are read
 * with four allocations and in no more time than it takes to look at them.
 */
#include "lonc/hosts.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lonc/id.h"
#include "lonc/rows.h"
#include "lonc/text.h"

#define SHOWN 64	/* bytes for what was written, in a message */

enum column { ID, DOMAIN, ROLE, NAME, ADDRESS, NCOLUMNS };

/* Tells what is with this word of the line. */
static void
tell(struct rows *rs, bool error, const char *word, const char *what)
{
	char shown[SHOWN];

	text_printable(shown, sizeof(shown), word, strlen(word));
	rows_tell(rs, error, "\"%s\" %s", shown, what);
}

/* The place of this id in the hash table, or the one where it belongs. */
static unsigned *
slot(const struct hosts *h, const char *id)
{
	uint32_t at = 2166136261u;	/* FNV-1a */

	for (const char *p = id; *p != '\0'; p++)
		at = (at ^ (unsigned char)*p) * 16777619u;
	for (;; at++) {
		at &= h->nslot - 1;
		if (h->slot[at] == 0 ||
		    strcmp(h->v[h->slot[at] - 1].id, id) == 0)
			return &h->slot[at];
	}
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The bytes from s to end as a string without the blanks around. */
static char *
trim(char *s, char *end)
{
	while (end > s && is_blank(end[-1]))
		end--;
	*end = '\0';
	while (is_blank(*s))
		s++;
	return s;
}

/* The columns there are; the fifth is all the rest, as more may follow. */
static int
split(char *line, char *col[NCOLUMNS])
{
	char *colon;

	for (int n = 0; n < ADDRESS; n++) {
		if ((colon = strchr(line, ':')) == NULL) {
			col[n] = trim(line, line + strlen(line));
			return n + 1;
		}
		col[n] = trim(line, colon);
		line = colon + 1;
	}
	col[ADDRESS] = trim(line, line + strlen(line));
	return NCOLUMNS;
}

static bool
is_name(const char *s)
{
	return *s != '.' && *s != '-' && s[id_span(s)] == '\0';
}

static bool
is_address(const char *text, struct addr *a)
{
	static const struct addr any4 = { { [10] = 0xff, [11] = 0xff } },
	    any6 = { { 0 } };

	/* No host has these; and "::" may be columns that are empty. */
	return addr_parse(a, text) == 0 && !addr_equal(a, &any4) &&
	    !addr_equal(a, &any6);
}

/*
 * The address at the beginning of rest, which is cut to the column it was
 * looked for in.  IPv6 has colons too: it stands in brackets, or is all
 * that is left of the line.
 */
static bool
find_address(char *rest, struct addr *a)
{
	char *end = rest;

	while (*end != '\0' && !is_blank(*end))
		end++;
	*end = '\0';
	if (*rest == '[') {
		rest[strcspn(rest, "]")] = '\0';
		return is_address(rest + 1, a);
	}
	if (is_address(rest, a))
		return true;
	rest[strcspn(rest, ":")] = '\0';
	return is_address(rest, a);
}

/* Was it meant as an address, and not as a protocol's name? */
static bool
like_address(const char *s)
{
	return *s == '[' || (*s != '\0' && s[strspn(s, "0123456789.")] == '\0');
}

static bool
parse(struct rows *rs, char *line, struct host *host)
{
	char *col[NCOLUMNS];
	int n = split(line, col);

	if (n < ADDRESS) {
		rows_tell(rs, true, "only %d of the columns "
		    "id:domain:role:hostname:address", n);
		return false;
	}
	if (n == ADDRESS)
		col[ADDRESS] = col[NAME] + strlen(col[NAME]);
	*host = (struct host){
		.id = col[ID],
		.domain = col[DOMAIN],
		.name = col[NAME],
		.library = strcmp(col[ROLE], "library") == 0,
		.line = rs->line,
	};
	host->has_addr = find_address(col[ADDRESS], &host->addr);

	if (!id_valid(host->id))
		tell(rs, true, host->id, "is not a host id");
	else if (!is_name(host->domain))
		tell(rs, true, host->domain, "is not a domain");
	else if (!is_name(host->name))
		tell(rs, true, host->name, "is not a host name");
	else if (!host->has_addr && *host->name == '\0')
		tell(rs, true, host->id,
		    "has neither a host name nor an IP address");
	else {
		/* A slip in the role is no reason to lose a host. */
		if (!host->library && strcmp(col[ROLE], "access") != 0)
			tell(rs, false, col[ROLE],
			    "is not library or access: taken for access");
		if (!host->has_addr && like_address(col[ADDRESS]))
			tell(rs, false, col[ADDRESS], "is not a host's IP "
			    "address: the host name is looked up");
		return true;
	}
	return false;
}

/* Room for a host in every line, and a hash table at most half full. */
static int
make_room(struct hosts *h, const struct rows *rs)
{
	size_t lines = 1;

	for (const char *p = rs->text;
	    (p = memchr(p, '\n', rs->end - p)) != NULL; p++)
		lines++;
	for (h->nslot = 2; h->nslot < 2 * lines; )
		h->nslot *= 2;
	h->v = malloc(lines * sizeof(*h->v));
	h->slot = calloc(h->nslot, sizeof(*h->slot));
	return h->v != NULL && h->slot != NULL ? 0 : -1;
}

/*
 * Counts in the host at v[n], which the hash table then has for its id.
 * Does it replace one?
 */
static bool
enter(struct hosts *h, struct rows *rs)
{
	unsigned *at = slot(h, h->v[h->n].id);
	bool again = *at != 0;

	if (again)
		rows_tell(rs, false, "\"%s\" is on line %u too: this one "
		    "counts", h->v[h->n].id, h->v[*at - 1].line);
	*at = ++h->n;
	return again;
}

/*
 * Drops the lines the hash table does not have.  None moves to the back, so
 * an index still to be looked at has not been overwritten.
 */
static void
drop_replaced(struct hosts *h)
{
	unsigned *at;
	size_t n = 0;

	for (size_t i = 0; i < h->n; i++) {
		at = slot(h, h->v[i].id);
		if (*at != i + 1)
			continue;
		h->v[n++] = h->v[i];
		*at = n;
	}
	h->n = n;
}

struct hosts *
hosts_load(const struct conf *cf, conf_say *say, void *arg)
{
	struct hosts *h;
	struct rows rs;
	bool replaced = false;
	char *line;

	if (rows_open(&rs, cf->tab_dir, "hosts.tab", say, arg) == -1)
		return NULL;
	if ((h = calloc(1, sizeof(*h))) == NULL || make_room(h, &rs) == -1) {
		rows_tell(&rs, true, "%s", strerror(ENOMEM));
		hosts_free(h);
		rows_close(&rs);
		return NULL;
	}
	/* Lines with "^" name clusters of hosts, and no host. */
	while ((line = rows_next(&rs)) != NULL)
		if (*line != '^' && parse(&rs, line, &h->v[h->n]))
			replaced |= enter(h, &rs);
	if (replaced)
		drop_replaced(h);
	h->nbad = rs.nbad;
	h->text = rs.text;
	return h;
}

void
hosts_free(struct hosts *h)
{
	if (h == NULL)
		return;
	free(h->text);
	free(h->slot);
	free(h->v);
	free(h);
}

const struct host *
hosts_find(const struct hosts *h, const char *id)
{
	unsigned at = *slot(h, id);

	return at != 0 ? &h->v[at - 1] : NULL;
}

const struct host *
hosts_by_addr(const struct hosts *h, const struct conf *cf,
    const struct addr *a)
{
	const struct host *host;

	for (size_t i = h->n; i > 0; i--) {
		host = &h->v[i - 1];
		if (host->has_addr && addr_equal(&host->addr, a) &&
		    !conf_own_id(cf, host->id))
			return host;
	}
	return NULL;
}

/* The length of a host name without the dot that may end it. */
static size_t
name_len(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && name[len - 1] == '.' ? len - 1 : len;
}

const struct host *
hosts_by_name(const struct hosts *h, const struct conf *cf, const char *name)
{
	const struct host *host;
	size_t len = name_len(name);

	for (size_t i = h->n; i > 0; i--) {
		host = &h->v[i - 1];
		if (!host->has_addr && name_len(host->name) == len &&
		    strncasecmp(host->name, name, len) == 0 &&
		    !conf_own_id(cf, host->id))
			return host;
	}
	return NULL;
}

bool
hosts_need_dns(const struct hosts *h)
{
	for (size_t i = 0; i < h->n; i++)
		if (!h->v[i].has_addr)
			return true;
	return false;
}
