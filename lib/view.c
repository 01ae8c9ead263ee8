/* See view.h. */
#include "lonc/view.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lonc/door.h"
#include "lonc/text.h"

#define STORED_LONG 3600	/* s that a request may be stored */
#define LOOKS 10		/* at a link that starts or ends just now */
#define WIDTH 80		/* of a terminal */
#define INDENT 4		/* of what is said below a line */
#define CELL (4 * STATUS_TEXT)	/* a text with every byte escaped */

static const char *const state_names[] = {
	[VIEW_UNKNOWN] = "unknown",
	[VIEW_DEAD] = "dead",
	[VIEW_DOWN] = "down",
	[VIEW_NEVER] = "never",
	[VIEW_STOPPED] = "stopped",
	[VIEW_UP] = "up",
};
_Static_assert(sizeof(state_names) / sizeof(state_names[0]) == VIEW_UP + 1,
    "a name for each state");

/* ---- looking at one ---- */

static void
wrong(struct view *v, const char *what, const char *why)
{
	v->state = VIEW_UNKNOWN;
	snprintf(v->why, sizeof(v->why), "%s%s%s", what,
	    why != NULL ? ": " : "", why != NULL ? why : "");
}

static void
unreadable(struct view *v, const char *what, int error)
{
	v->unreadable = true;
	wrong(v, what, strerror(error));
}

static void
judge_state(struct view *v, bool locked)
{
	switch (v->st.state) {
	case STATUS_STOPPED:
		v->state = VIEW_STOPPED;
		break;
	case STATUS_UP:
		v->state = locked ? VIEW_UP : VIEW_DEAD;
		break;
	case STATUS_DOWN:
		v->state = locked ? VIEW_DOWN : VIEW_DEAD;
		break;
	default:
		wrong(v, "its status record is damaged", NULL);
	}
}

static void
judge(struct view *v, int locked, int lock_error, enum status_result r,
    int read_error)
{
	if (r == STATUS_NONE && read_error != ENOENT)
		unreadable(v, "its status record", read_error);
	else if (r == STATUS_FOREIGN)
		wrong(v, "what should be its status record is none, or of "
		    "another version", NULL);
	else if (locked == -1)
		unreadable(v, "its lock", lock_error);
	else if (r == STATUS_NONE && locked)
		wrong(v, "its link runs, but has no status record", NULL);
	else if (r == STATUS_NONE)
		v->state = VIEW_NEVER;
	else
		judge_state(v, locked);
	/* A link that was killed while it changed its record leaves it so. */
	if (r == STATUS_TORN && locked == 1 && v->why[0] == '\0')
		snprintf(v->why, sizeof(v->why), "its status record was "
		    "being changed all the time: figures may not agree");
}

static void
look(struct view *v, const char *sock_dir, int64_t now)
{
	struct status_hist recent;
	enum status_result r;
	int before, lock_error, read_error, looks = 0;
	int locked = door_locked(sock_dir, v->peer);

	/* The record and the lock are to be of the same time. */
	do {
		before = locked;
		r = status_read(&v->st, sock_dir, v->peer);
		read_error = errno;
		locked = door_locked(sock_dir, v->peer);
		lock_error = errno;
	} while (locked != before && ++looks < LOOKS);
	judge(v, locked, lock_error, r, read_error);
	if (locked == 0)
		v->st.connections = v->st.clients = v->st.unanswered = 0;
	status_recent(&v->st, now, &recent);
	v->p50 = status_percentile(&recent, 50);
	v->p99 = status_percentile(&recent, 99);
	v->total_p50 = status_percentile(&v->st.total, 50);
	v->total_p99 = status_percentile(&v->st.total, 99);
}

/* Of a time in the record, which may be anything; 0 if it is to come. */
static int64_t
age(int64_t at, int64_t now)
{
	return at > 0 && at < now ? now - at : 0;
}

static bool
stored_long(const struct view *v, int64_t now)
{
	return v->st.stored > 0 && age(v->st.oldest, now) > STORED_LONG;
}

bool
view_well(const struct view *v, int64_t now)
{
	return v->state == VIEW_UP && v->why[0] == '\0' &&
	    !stored_long(v, now);
}

/* ---- many ---- */

int
views_add(struct views *vs, const char *id)
{
	struct view *v = vs->v;

	/* Room for 1, 2, 4, 8 and so on. */
	if ((vs->n & (vs->n - 1)) == 0) {
		v = reallocarray(v, vs->n > 0 ? 2 * vs->n : 1, sizeof(*v));
		if (v == NULL)
			return -1;
		vs->v = v;
	}
	v = &vs->v[vs->n++];
	memset(v, 0, sizeof(*v));
	snprintf(v->peer, sizeof(v->peer), "%s", id);
	return 0;
}

static bool
is_dir(DIR *d, const char *name)
{
	struct stat sb;

	return fstatat(dirfd(d), name, &sb, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISDIR(sb.st_mode);
}

int
views_find(struct views *vs, const char *dir, bool dirs_only)
{
	const struct dirent *de;
	DIR *d;
	int rc = 0, saved;

	if ((d = opendir(dir)) == NULL)
		return errno == ENOENT ? 0 : -1;
	while (rc == 0 && (errno = 0, de = readdir(d)) != NULL)
		if (id_valid(de->d_name) &&
		    (!dirs_only || is_dir(d, de->d_name)))
			rc = views_add(vs, de->d_name);
	if (rc == 0 && errno != 0)
		rc = -1;
	saved = errno;
	closedir(d);
	errno = saved;
	return rc;
}

static int
by_name(const void *a, const void *b)
{
	const struct view *va = a, *vb = b;

	return strcmp(va->peer, vb->peer);
}

/* By their state; then those up that are not well; then by name. */
static int
by_need(const void *a, const void *b, void *arg)
{
	const struct view *va = a, *vb = b;
	int64_t now = *(const int64_t *)arg;
	bool wa = view_well(va, now), wb = view_well(vb, now);

	if (va->state != vb->state)
		return va->state < vb->state ? -1 : 1;
	if (wa != wb)
		return wa ? 1 : -1;
	return by_name(a, b);
}

static void
drop_doubles(struct views *vs)
{
	size_t n = 0;

	if (vs->n > 0)
		qsort(vs->v, vs->n, sizeof(*vs->v), by_name);
	for (size_t i = 0; i < vs->n; i++)
		if (n == 0 || strcmp(vs->v[n - 1].peer, vs->v[i].peer) != 0)
			vs->v[n++] = vs->v[i];
	vs->n = n;
}

void
views_load(struct views *vs, const char *sock_dir, int64_t now)
{
	drop_doubles(vs);
	for (size_t i = 0; i < vs->n; i++)
		look(&vs->v[i], sock_dir, now);
	if (vs->n > 0)
		qsort_r(vs->v, vs->n, sizeof(*vs->v), by_need, &now);
}

void
views_free(struct views *vs)
{
	free(vs->v);
	vs->v = NULL;
	vs->n = 0;
}

/* ---- fields, for scripts ---- */

enum kind {
	STATE,
	SECURITY,
	FLAG,		/* of those in st.flags: 0 or 1 */
	TEXT,
	I32,
	U32,
	I64,
	U64,
};

struct field {
	const char	*name;
	enum kind	 kind;
	size_t		 at;	/* in struct view; which one, of a FLAG */
};

#define VIEW(kind, field) kind, offsetof(struct view, field)
#define REC(kind, field) kind, offsetof(struct view, st.field)

/* In the order of lonc-status(1). */
static const struct field fields[] = {
	{ "peer", VIEW(TEXT, peer) },
	{ "state", VIEW(STATE, state) },
	{ "since", REC(I64, since) },
	{ "version", REC(TEXT, software) },
	{ "security", REC(SECURITY, flags) },
	{ "pipelined", FLAG, STATUS_LONC },
	{ "once", FLAG, STATUS_ONCE },
	{ "pid", REC(I32, pid) },
	{ "started", REC(I64, started) },
	{ "connects", REC(U64, connects) },
	{ "connections", REC(U32, connections) },
	{ "clients", REC(U64, clients) },
	{ "requests", REC(U64, requests) },
	{ "replies", REC(U64, replies) },
	{ "con_lost", REC(U64, con_lost) },
	{ "refused", REC(U64, refused) },
	{ "unanswered", REC(U64, unanswered) },
	{ "bytes_out", REC(U64, bytes_out) },
	{ "bytes_in", REC(U64, bytes_in) },
	{ "p50", VIEW(U64, p50) },
	{ "p99", VIEW(U64, p99) },
	{ "total_p50", VIEW(U64, total_p50) },
	{ "total_p99", VIEW(U64, total_p99) },
	{ "error", REC(TEXT, error) },
	{ "error_at", REC(I64, error_at) },
	{ "log_dropped", REC(U64, log_dropped) },
	{ "stored", REC(U64, stored) },
	{ "oldest", REC(I64, oldest) },
};

#define NFIELDS (sizeof(fields) / sizeof(fields[0]))

static const char *
text_or_none(char cell[CELL], const char *text)
{
	text_printable(cell, CELL, text, strlen(text));
	return cell[0] != '\0' ? cell : "-";
}

/* It is not known of a peer that has never been reached. */
static const char *
security(const struct view *v)
{
	if (v->st.connects == 0)
		return "-";
	return v->st.flags & STATUS_SECURE ? "secure" : "legacy";
}

static const char *
value(const struct view *v, const struct field *f, char cell[CELL])
{
	const void *p = (const char *)v + f->at;

	switch (f->kind) {
	case STATE:
		return state_names[v->state];
	case SECURITY:
		return security(v);
	case TEXT:
		return text_or_none(cell, p);
	case FLAG:
		return v->st.flags & f->at ? "1" : "0";
	case I32:
		snprintf(cell, CELL, "%" PRId32, *(const int32_t *)p);
		break;
	case U32:
		snprintf(cell, CELL, "%" PRIu32, *(const uint32_t *)p);
		break;
	case I64:
		snprintf(cell, CELL, "%" PRId64, *(const int64_t *)p);
		break;
	case U64:
		snprintf(cell, CELL, "%" PRIu64, *(const uint64_t *)p);
		break;
	}
	return cell;
}

const char *
view_field_name(size_t i)
{
	return i < NFIELDS ? fields[i].name : NULL;
}

int
view_fields_parse(struct view_fields *vf, const char *list, const char **bad)
{
	size_t i, len;

	for (vf->n = 0; ; list += len + 1) {
		len = strcspn(list, ",");
		for (i = 0; i < NFIELDS; i++)
			if (text_is(list, len, fields[i].name))
				break;
		if (i == NFIELDS || vf->n == VIEW_FIELDS_MAX) {
			*bad = list;
			return -1;
		}
		vf->at[vf->n++] = i;
		if (list[len] == '\0')
			return 0;
	}
}

int
views_lines(struct buf *out, const struct views *vs,
    const struct view_fields *vf)
{
	char cell[CELL];

	for (size_t i = 0; i < vs->n; i++)
		for (size_t f = 0; f < vf->n; f++)
			if (buf_puts(out, value(&vs->v[i],
			    &fields[vf->at[f]], cell)) == -1 ||
			    buf_puts(out, f + 1 < vf->n ? "\t" : "\n") == -1)
				return -1;
	return 0;
}

/* ---- the table, for people ---- */

enum column {
	PEER,
	HOW,
	SINCE,
	VERSION,
	LINK,
	REQS,
	FAIL,
	P50,
	P99,
	OUT,
	STORED,
	OLDEST,
	NCOLUMN,
};

static const char *const headers[NCOLUMN] = {
	"PEER", "STATE", "SINCE", "VERSION", "LINK", "REQS", "FAIL", "P50ms",
	"P99ms", "OUT", "STORED", "OLDEST",
};

struct row {
	char	cell[NCOLUMN][CELL];
};

/* Five bytes at most, for some 27 years. */
static void
put_age(char cell[CELL], int64_t s)
{
	int64_t m = s / 60, h = m / 60, d = h / 24;

	if (s < 60)
		snprintf(cell, CELL, "%" PRId64 "s", s);
	else if (m < 60)
		snprintf(cell, CELL, "%" PRId64 "m", m);
	else if (h < 10)
		snprintf(cell, CELL, "%" PRId64 "h%" PRId64 "m", h, m % 60);
	else if (h < 24)
		snprintf(cell, CELL, "%" PRId64 "h", h);
	else if (d < 10)
		snprintf(cell, CELL, "%" PRId64 "d%" PRId64 "h", d, h % 24);
	else
		snprintf(cell, CELL, "%" PRId64 "d", d);
}

/* Five bytes at most. */
static void
put_number(char cell[CELL], uint64_t n)
{
	static const char *const units[] = { "", "k", "M", "G", "T", "P", "E" };
	size_t unit = 0;

	if (n > 99999)
		for (; n > 9999; unit++)
			n /= 1000;
	snprintf(cell, CELL, "%" PRIu64 "%s", n, units[unit]);
}

/* In ms; what takes no time at all has never been. */
static void
put_time(char cell[CELL], uint64_t us)
{
	if (us == 0)
		snprintf(cell, CELL, "-");
	else
		snprintf(cell, CELL, "%.*f", us < 1000 ? 2 : us < 10000 ? 1 : 0,
		    us / 1000.0);
}

static void
make_row(struct row *r, const struct view *v, int64_t now)
{
	const struct status *st = &v->st;
	char text[CELL];

	for (size_t c = 0; c < NCOLUMN; c++)
		snprintf(r->cell[c], CELL, "-");
	snprintf(r->cell[PEER], CELL, "%s", v->peer);
	snprintf(r->cell[HOW], CELL, "%s", state_names[v->state]);
	if (st->magic == 0)
		return;
	/* Nobody knows when it died. */
	if (v->state != VIEW_DEAD)
		put_age(r->cell[SINCE], age(st->since, now));
	snprintf(r->cell[VERSION], CELL, "%s",
	    text_or_none(text, st->software));
	snprintf(r->cell[LINK], CELL, "%s", security(v));
	put_number(r->cell[REQS], st->requests);
	put_number(r->cell[FAIL], st->con_lost);
	put_time(r->cell[P50], v->p50);
	put_time(r->cell[P99], v->p99);
	put_number(r->cell[OUT], st->unanswered);
	put_number(r->cell[STORED], st->stored);
	if (st->stored > 0)
		put_age(r->cell[OLDEST], age(st->oldest, now));
}

static void
make_header(struct row *r)
{
	for (size_t c = 0; c < NCOLUMN; c++)
		snprintf(r->cell[c], CELL, "%s", headers[c]);
}

static void
widen(size_t width[NCOLUMN], const struct row *r)
{
	for (size_t c = 0; c < NCOLUMN; c++)
		if (strlen(r->cell[c]) > width[c])
			width[c] = strlen(r->cell[c]);
}

/* The version texts get what room the others leave, but for their header. */
static void
narrow(size_t width[NCOLUMN])
{
	size_t least = strlen(headers[VERSION]), all = NCOLUMN - 1;

	for (size_t c = 0; c < NCOLUMN; c++)
		all += width[c];
	if (all <= WIDTH)
		return;
	if (all - WIDTH < width[VERSION] - least)
		width[VERSION] -= all - WIDTH;
	else
		width[VERSION] = least;
}

static int
put_row(struct buf *out, const struct row *r, const size_t width[NCOLUMN])
{
	for (size_t c = 0; c < NCOLUMN; c++) {
		int w = width[c];

		if (buf_printf(out, c == PEER || c == HOW || c == VERSION ||
		    c == LINK ? "%-*.*s%s" : "%*.*s%s", w, w, r->cell[c],
		    c + 1 < NCOLUMN ? " " : "\n") == -1)
			return -1;
	}
	return 0;
}

/* A text of words, indented, in lines of WIDTH. */
static int
put_below(struct buf *out, const char *text)
{
	const size_t room = WIDTH - INDENT;
	size_t len, cut;

	for (; *text != '\0'; text += len + strspn(text + len, " ")) {
		len = strlen(text);
		if (len > room) {
			for (cut = room; cut > 0 && text[cut] != ' '; cut--)
				;
			len = cut > 0 ? cut : room;
		}
		if (buf_printf(out, "%*s%.*s\n", INDENT, "", (int)len,
		    text) == -1)
			return -1;
	}
	return 0;
}

static int
put_reason(struct buf *out, const struct view *v, int64_t now)
{
	char ago[CELL], error[CELL], text[2 * CELL + 64];

	if (v->state == VIEW_UP)
		return 0;
	if (v->state == VIEW_DEAD && put_below(out,
	    v->st.state == STATUS_UP ? "killed or crashed while it was up" :
	    "killed or crashed while it was down") == -1)
		return -1;
	if (v->st.error[0] == '\0')
		return 0;
	put_age(ago, age(v->st.error_at, now));
	snprintf(text, sizeof(text), "last error %s ago: %s", ago,
	    text_or_none(error, v->st.error));
	return put_below(out, text);
}

int
views_table(struct buf *out, const struct views *vs, int64_t now)
{
	size_t width[NCOLUMN] = { 0 };
	struct row r;

	make_header(&r);
	widen(width, &r);
	for (size_t i = 0; i < vs->n; i++) {
		make_row(&r, &vs->v[i], now);
		widen(width, &r);
	}
	narrow(width);
	make_header(&r);
	if (put_row(out, &r, width) == -1)
		return -1;
	for (size_t i = 0; i < vs->n; i++) {
		make_row(&r, &vs->v[i], now);
		if (put_row(out, &r, width) == -1 ||
		    put_reason(out, &vs->v[i], now) == -1)
			return -1;
	}
	return 0;
}
