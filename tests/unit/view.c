/*
 * What is said of links: their state by their record and lock, the order
 * they are shown in, the table and the fields.
 *
 * Not tested: a link that starts or ends while it is looked at.
 */
#include "lonc/view.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/wait.h>

#include "lonc/door.h"

#include "check.h"
#include "confdir.h"

#define NOW 1800000000
#define HOUR 3600
#define DAY (24 * HOUR)
#define NOBODY 65534

static struct door door[16];
static size_t ndoor;

/* What fails in setting up a test is no finding. */
static int
sure(int rc, const char *what)
{
	if (rc == -1) {
		perror(what);
		exit(2);
	}
	return rc;
}

/* ---- links that are no links ---- */

/* A record, whose states all began and whose errors all came lately. */
static struct status *
put_record(const char *peer, enum status_state state)
{
	struct status *st = status_map(confdir, peer);

	if (st == NULL) {
		perror("status_map");
		exit(2);
	}
	st->state = state;
	st->started = NOW - 2 * DAY;
	st->since = NOW - 12 * 60;
	return st;
}

static void
put_lock(const char *peer)
{
	sure(door_open(&door[ndoor++], confdir, peer, "nosuchgroup", false),
	    "door_open");
}

static struct status *
put_running(const char *peer, enum status_state state)
{
	put_lock(peer);
	return put_record(peer, state);
}

static void
clear(void)
{
	while (ndoor > 0)
		door_close(&door[--ndoor]);
	confdir_remove();
	sure(mkdir(confdir, 0700), "mkdir");
}

static struct views
load(const char *peer)
{
	struct views vs = { NULL, 0 };

	sure(views_add(&vs, peer), "views_add");
	views_load(&vs, confdir, NOW);
	return vs;
}

/* ---- states ---- */

static void
check_state(const char *peer, enum view_state state, const char *why)
{
	struct views vs = load(peer);

	CHECK_INT(state, vs.v[0].state);
	CHECK_STR(why, vs.v[0].why);
	CHECK_INT(state == VIEW_UP && *why == '\0', view_well(vs.v, NOW));
	CHECK(!vs.v[0].unreadable);
	views_free(&vs);
}

static void
test_states(void)
{
	static const struct {
		enum status_state	is;
		bool			locked;
		enum view_state		want;
	} cases[] = {
		{ STATUS_UP, true, VIEW_UP },
		{ STATUS_DOWN, true, VIEW_DOWN },
		{ STATUS_STOPPED, true, VIEW_STOPPED },
		{ STATUS_UP, false, VIEW_DEAD },
		{ STATUS_DOWN, false, VIEW_DEAD },
		{ STATUS_STOPPED, false, VIEW_STOPPED },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (cases[i].locked)
			put_lock("a");
		status_unmap(put_record("a", cases[i].is));
		check_state("a", cases[i].want, "");
		clear();
	}
}

static void
test_no_record(void)
{
	check_state("a", VIEW_NEVER, "");
	put_lock("a");
	check_state("a", VIEW_UNKNOWN,
	    "its link runs, but has no status record");
	clear();
}

static void
test_damaged(void)
{
	static const char none[] = "what should be its status record is "
	    "none, or of another version";
	struct status *st = put_running("a", STATUS_UP);

	st->state = 3;
	check_state("a", VIEW_UNKNOWN, "its status record is damaged");
	st->state = STATUS_UP;
	st->size = 3;
	check_state("a", VIEW_UNKNOWN, none);
	status_unmap(st);
	confdir_write(".status/a", "", 0);
	check_state("a", VIEW_UNKNOWN, none);
	clear();
}

/* A link that was killed while it changed its record has left it so. */
static void
test_torn(void)
{
	struct status *st = put_running("a", STATUS_UP);

	status_begin(st);
	check_state("a", VIEW_UP, "its status record was being changed all "
	    "the time: figures may not agree");
	door_close(&door[0]);
	check_state("a", VIEW_DEAD, "");
	status_unmap(st);
	clear();
}

static void
look_as_nobody(void)
{
	static const struct {
		const char *peer, *why;
	} cases[] = {
		{ "a", "its status record: Permission denied" },
		{ "b", "its lock: Permission denied" },
	};
	struct views vs;

	if (geteuid() == 0)
		sure(setresuid(NOBODY, NOBODY, NOBODY), "setresuid");
	for (size_t i = 0; i < 2; i++) {
		vs = load(cases[i].peer);
		CHECK_INT(VIEW_UNKNOWN, vs.v[0].state);
		CHECK(vs.v[0].unreadable);
		CHECK_STR(cases[i].why, vs.v[0].why);
		views_free(&vs);
	}
}

static void
test_unreadable(void)
{
	char path[4096];
	int status;
	pid_t pid;

	status_unmap(put_running("a", STATUS_UP));
	sure(chmod(confdir_path(path, ".status/a"), 0), "chmod");
	status_unmap(put_running("b", STATUS_UP));
	sure(chmod(confdir_path(path, ".b.lock"), 0), "chmod");
	sure(chmod(confdir_path(path, ".status/b"), 0644), "chmod");
	sure(chmod(confdir_path(path, ".status"), 0755), "chmod");
	sure(chmod(confdir, 0755), "chmod");
	if ((pid = sure(fork(), "fork")) == 0) {
		check_failed = 0;
		look_as_nobody();
		_exit(check_failed > 0);
	}
	sure(waitpid(pid, &status, 0), "waitpid");
	CHECK_INT(0, status);
	clear();
}

/* Well is what has nothing stored for over an hour. */
static void
test_stored(void)
{
	struct status *st = put_running("a", STATUS_UP);
	struct views vs;

	st->stored = 1;
	st->oldest = NOW - HOUR;
	vs = load("a");
	CHECK(view_well(vs.v, NOW));
	CHECK(!view_well(vs.v, NOW + 1));
	vs.v[0].st.stored = 0;
	CHECK(view_well(vs.v, NOW + 1));
	views_free(&vs);
	status_unmap(st);
	clear();
}

/* Who is dead has no clients, nor anything under way. */
static void
test_running_figures(void)
{
	struct status *st = put_running("a", STATUS_UP);
	struct views vs;

	st->clients = st->unanswered = st->requests = 3;
	st->connections = 3;
	vs = load("a");
	CHECK_INT(3, vs.v[0].st.clients);
	CHECK_INT(3, vs.v[0].st.unanswered);
	CHECK_INT(3, vs.v[0].st.connections);
	views_free(&vs);
	door_close(&door[0]);
	vs = load("a");
	CHECK_INT(0, vs.v[0].st.clients);
	CHECK_INT(0, vs.v[0].st.unanswered);
	CHECK_INT(0, vs.v[0].st.connections);
	CHECK_INT(3, vs.v[0].st.requests);
	views_free(&vs);
	status_unmap(st);
	clear();
}

static void
test_round_trips(void)
{
	struct status *st = put_running("a", STATUS_UP);
	struct views vs;

	status_round_trip(st, 100000, 200, NOW - HOUR);
	status_round_trip(st, 1000, 98, NOW);
	status_round_trip(st, 9000, 2, NOW);
	vs = load("a");
	CHECK_INT(1024, vs.v[0].p50);
	CHECK_INT(10240, vs.v[0].p99);
	CHECK_INT(114688, vs.v[0].total_p50);
	CHECK_INT(114688, vs.v[0].total_p99);
	views_free(&vs);
	status_unmap(st);
	clear();
}

/* ---- many ---- */

static void
check_order(const struct views *vs, const char *want)
{
	char got[1024] = "";

	for (size_t i = 0; i < vs->n; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got),
		    "%s%s", i > 0 ? " " : "", vs->v[i].peer);
	CHECK_STR(want, got);
}

static void
test_order(void)
{
	static const char *const names[] = { "up2", "down1", "up1", "zstored",
	    "dead", "down2", "stopped", "up10", "damaged", "never", "up1" };
	struct views vs = { NULL, 0 };
	struct status *st = put_running("zstored", STATUS_UP);

	st->stored = 1;
	st->oldest = NOW - DAY;
	status_unmap(st);
	status_unmap(put_running("up1", STATUS_UP));
	status_unmap(put_running("up2", STATUS_UP));
	status_unmap(put_running("up10", STATUS_UP));
	status_unmap(put_running("down1", STATUS_DOWN));
	status_unmap(put_running("down2", STATUS_DOWN));
	status_unmap(put_record("dead", STATUS_UP));
	status_unmap(put_record("stopped", STATUS_STOPPED));
	confdir_write(".status/damaged", "abc", 3);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		CHECK_INT(0, views_add(&vs, names[i]));
	views_load(&vs, confdir, NOW);
	check_order(&vs, "damaged dead down1 down2 never stopped zstored up1 "
	    "up10 up2");
	views_free(&vs);
	CHECK_INT(0, vs.n);
	views_load(&vs, confdir, NOW);
	clear();
}

static void
test_find(void)
{
	struct views vs = { NULL, 0 };
	char path[4096];

	confdir_write("b", "", 0);
	confdir_write("a", "", 0);
	confdir_write(".a", "", 0);
	confdir_write("-a", "", 0);
	confdir_write("delayed", "", 0);
	confdir_write("a b", "", 0);
	confdir_write("a\n", "", 0);
	sure(mkdir(confdir_path(path, "d"), 0700), "mkdir");
	sure(symlink("d", confdir_path(path, "s")), "symlink");
	CHECK_INT(0, views_find(&vs, confdir, true));
	CHECK_INT(1, vs.n);
	CHECK_INT(0, views_find(&vs, confdir, false));
	views_load(&vs, confdir, NOW);
	check_order(&vs, "a b d s");
	CHECK_INT(0, views_find(&vs, confdir_path(path, "none"), false));
	CHECK_INT(4, vs.n);
	errno = 0;
	CHECK_INT(-1, views_find(&vs, confdir_path(path, "a"), false));
	CHECK_INT(ENOTDIR, errno);
	views_free(&vs);
	clear();
}

static void
test_very_many(void)
{
	struct views vs = { NULL, 0 };
	char name[16];

	for (int i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "h%d", i * 7 % 300);
		CHECK_INT(0, views_add(&vs, name));
	}
	views_load(&vs, confdir, NOW);
	CHECK_INT(300, vs.n);
	CHECK_STR("h0", vs.v[0].peer);
	CHECK_STR("h99", vs.v[299].peer);
	views_free(&vs);
}

/* ---- fields ---- */

static void
check_line(const struct views *vs, const char *list, const char *want)
{
	struct buf out = BUF_INIT(1 << 20);
	struct view_fields vf;
	const char *bad;

	if (CHECK(view_fields_parse(&vf, list, &bad) == 0))
		CHECK_INT(0, views_lines(&out, vs, &vf));
	CHECK_MEM(want, strlen(want), buf_len(&out) > 0 ? buf_data(&out) :
	    "", buf_len(&out));
	buf_free(&out);
}

/* Each has a value of its own, so that none can be taken for another. */
static void
fill(struct status *st)
{
	st->pid = 101;
	st->flags = STATUS_LONC;
	st->started = 102;
	st->since = 103;
	st->connects = 104;
	st->connections = 105;
	st->clients = 106;
	st->requests = 107;
	st->replies = 108;
	st->con_lost = 109;
	st->refused = 110;
	st->unanswered = 111;
	st->bytes_out = 112;
	st->bytes_in = UINT64_MAX;
	st->error_at = 114;
	st->log_dropped = 115;
	st->stored = 116;
	st->oldest = 117;
	status_text(st->software, "lonc-9+x");
	status_text(st->error, "up: read: gone");
	status_round_trip(st, 1, 1, NOW - HOUR);
	status_round_trip(st, 2, 2, NOW - HOUR);
	status_round_trip(st, 4, 99, NOW);
	status_round_trip(st, 6, 20, NOW);
}

static void
test_fields(void)
{
	struct status *st = put_running("a", STATUS_UP);
	struct views vs;

	fill(st);
	vs = load("a");
	check_line(&vs, "peer", "a\n");
	check_line(&vs, "state,peer,state", "up\ta\tup\n");
	check_line(&vs, "pid,started,since,connects,connections",
	    "101\t102\t103\t104\t105\n");
	check_line(&vs, "clients,requests,replies,con_lost,refused",
	    "106\t107\t108\t109\t110\n");
	check_line(&vs, "unanswered,bytes_out,bytes_in",
	    "111\t112\t18446744073709551615\n");
	check_line(&vs, "error,error_at,log_dropped,stored,oldest",
	    "up: read: gone\t114\t115\t116\t117\n");
	check_line(&vs, "version,security,pipelined,once",
	    "lonc-9+x\tlegacy\t1\t0\n");
	check_line(&vs, "p50,p99,total_p50,total_p99", "5\t7\t5\t7\n");
	views_free(&vs);
	st->flags = STATUS_SECURE | STATUS_ONCE;
	vs = load("a");
	check_line(&vs, "security,pipelined,once", "secure\t0\t1\n");
	views_free(&vs);
	status_unmap(st);
	clear();
}

static void
test_fields_of_nothing(void)
{
	struct views vs = load("a");

	check_line(&vs, "peer,state,since,version,security,error,requests,"
	    "p50,pid", "a\tnever\t0\t-\t-\t-\t0\t0\t0\n");
	views_free(&vs);
	views_load(&vs, confdir, NOW);
	check_line(&vs, "peer", "");
}

/* Whatever is in the file, a line has as many tabs as it should. */
static void
test_fields_of_damaged_texts(void)
{
	struct status *st = put_running("a", STATUS_UP);
	char want[2048] = "";
	struct views vs;

	memset(st->error, '\t', sizeof(st->error));
	memcpy(st->software, "a\nb\033[m\177\200", 9);
	for (int i = 0; i < STATUS_TEXT - 1; i++)
		strcat(want, "\\x09");
	strcat(want, "\ta\\x0ab\\x1b[m\\x7f\\x80\n");
	vs = load("a");
	check_line(&vs, "error,version", want);
	views_free(&vs);
	status_unmap(st);
	clear();
}

static void
test_fields_parse(void)
{
	static const struct {
		const char	*list;
		int		 bad;	/* where */
	} cases[] = {
		{ "", 0 }, { ",", 0 }, { "peer,", 5 }, { ",peer", 0 },
		{ "peer,,state", 5 }, { "pee", 0 }, { "peerx", 0 },
		{ "peer,State", 5 }, { "peer, state", 5 },
		{ "state,peer,nonsense,pid", 11 },
	};
	struct view_fields vf;
	const char *bad;
	char list[8 * (VIEW_FIELDS_MAX + 1)] = "pid";
	size_t n;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bad = NULL;
		CHECK_INT(-1, view_fields_parse(&vf, cases[i].list, &bad));
		CHECK_INT(cases[i].bad, bad - cases[i].list);
	}
	for (n = 1; n < VIEW_FIELDS_MAX; n++)
		strcat(list, ",pid");
	CHECK_INT(0, view_fields_parse(&vf, list, &bad));
	CHECK_INT(VIEW_FIELDS_MAX, vf.n);
	strcat(list, ",pid");
	CHECK_INT(-1, view_fields_parse(&vf, list, &bad));
	CHECK_INT(4 * VIEW_FIELDS_MAX, bad - list);
	for (n = 0; view_field_name(n) != NULL; n++) {
		CHECK_INT(0, view_fields_parse(&vf, view_field_name(n), &bad));
		CHECK_INT(1, vf.n);
	}
	CHECK(n <= VIEW_FIELDS_MAX);
}

/* ---- the table ---- */

static void
check_table(const struct views *vs, const char *want)
{
	struct buf out = BUF_INIT(1 << 20);

	CHECK_INT(0, views_table(&out, vs, NOW));
	CHECK_INT(0, buf_put(&out, "", 1));
	CHECK_STR(want, buf_data(&out));
	buf_free(&out);
}

static void
test_table(void)
{
	static const char want[] =
"PEER  STATE   SINCE VERSION       LINK   REQS FAIL P50ms P99ms OUT STORED OLDEST\n"
"bad1  unknown     - -             -         -    -     -     -   -      -      -\n"
"dead1 dead        - lonc-9        legacy   12    3     -     -   0      0      -\n"
"    killed or crashed while it was up\n"
"down1 down      12m -             -         0  412     -     -   0      7   3d4h\n"
"    last error 42s ago: connecting: connect 127.0.0.1 port 5663: Connection\n"
"    refused\n"
"never never       - -             -         -    -     -     -   -      -      -\n"
"stop1 stopped  9d0h -             -         0    0     -     -   0      0      -\n"
"up1   up       2h5m lonc-0.1+once secure 1234    0   1.0   115   3      0      -\n";
	struct views vs = { NULL, 0 };
	struct status *st;

	st = put_record("dead1", STATUS_UP);
	st->connects = 1;
	st->requests = 12;
	st->con_lost = 3;
	st->unanswered = 5;
	status_text(st->software, "lonc-9");
	status_unmap(st);
	st = put_running("down1", STATUS_DOWN);
	st->con_lost = 412;
	st->stored = 7;
	st->oldest = NOW - 3 * DAY - 4 * HOUR;
	st->error_at = NOW - 42;
	status_text(st->error, "connecting: connect 127.0.0.1 port 5663: "
	    "Connection refused");
	status_unmap(st);
	st = put_record("stop1", STATUS_STOPPED);
	st->since = NOW - 9 * DAY;
	status_unmap(st);
	st = put_running("up1", STATUS_UP);
	st->flags = STATUS_SECURE;
	st->connects = 1;
	st->since = NOW - 2 * HOUR - 5 * 60 - 59;
	st->requests = 1234;
	st->unanswered = 3;
	st->error_at = NOW - HOUR;
	status_text(st->error, "not shown, since it is up again");
	status_text(st->software, "lonc-0.1+once");
	status_round_trip(st, 1000, 95, NOW);
	status_round_trip(st, 100000, 5, NOW);
	status_unmap(st);
	confdir_write(".status/bad1", "abc", 3);
	sure(views_add(&vs, "never"), "views_add");
	sure(views_add(&vs, "bad1"), "views_add");
	sure(views_add(&vs, "dead1"), "views_add");
	sure(views_add(&vs, "down1"), "views_add");
	sure(views_add(&vs, "stop1"), "views_add");
	sure(views_add(&vs, "up1"), "views_add");
	views_load(&vs, confdir, NOW);
	check_table(&vs, want);
	views_free(&vs);
	clear();
}

/* The words of the line below the header. */
static void
get_row(struct view *v, char cell[12][32])
{
	struct views vs = { v, 1 };
	struct buf out = BUF_INIT(1 << 20);
	const char *p;

	CHECK_INT(0, views_table(&out, &vs, NOW));
	CHECK_INT(0, buf_put(&out, "", 1));
	p = strchr(buf_data(&out), '\n');
	CHECK_INT(12, sscanf(p, "%31s %31s %31s %31s %31s %31s %31s %31s %31s "
	    "%31s %31s %31s", cell[0], cell[1], cell[2], cell[3], cell[4],
	    cell[5], cell[6], cell[7], cell[8], cell[9], cell[10], cell[11]));
	buf_free(&out);
}

static struct view
an_up_one(void)
{
	return (struct view){
		.peer = "a",
		.state = VIEW_UP,
		.st.magic = STATUS_MAGIC,
		.st.state = STATUS_UP,
	};
}

static void
test_ages(void)
{
	static const struct {
		int64_t		at;
		const char	*want;
	} cases[] = {
		{ NOW, "0s" }, { NOW - 59, "59s" }, { NOW - 60, "1m" },
		{ NOW - HOUR + 1, "59m" }, { NOW - HOUR, "1h0m" },
		{ NOW - 10 * HOUR + 1, "9h59m" }, { NOW - 10 * HOUR, "10h" },
		{ NOW - DAY + 1, "23h" }, { NOW - DAY, "1d0h" },
		{ NOW - 10 * DAY + 1, "9d23h" }, { NOW - 10 * DAY, "10d" },
		{ NOW - 9999 * (int64_t)DAY, "9999d" },
		/* Clocks are set, and files damaged. */
		{ NOW + 1, "0s" }, { INT64_MAX, "0s" }, { INT64_MIN, "0s" },
		{ 0, "0s" }, { -1, "0s" },
	};
	char cell[12][32];
	struct view v = an_up_one();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		v.st.since = v.st.oldest = cases[i].at;
		v.st.stored = 1;
		get_row(&v, cell);
		CHECK_STR(cases[i].want, cell[2]);
		CHECK_STR(cases[i].want, cell[11]);
		v.st.stored = 0;
		get_row(&v, cell);
		CHECK_STR("-", cell[11]);
	}
}

static void
test_numbers(void)
{
	static const struct {
		uint64_t	n;
		const char	*want;
	} cases[] = {
		{ 0, "0" }, { 99999, "99999" }, { 100000, "100k" },
		{ 9999999, "9999k" }, { 10000000, "10M" },
		{ 9999999999, "9999M" }, { 10000000000, "10G" },
		{ 10000000000000, "10T" }, { 10000000000000000, "10P" },
		{ UINT64_MAX, "18E" },
	};
	char cell[12][32];
	struct view v = an_up_one();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		v.st.requests = v.st.con_lost = cases[i].n;
		v.st.unanswered = v.st.stored = cases[i].n;
		get_row(&v, cell);
		CHECK_STR(cases[i].want, cell[5]);
		CHECK_STR(cases[i].want, cell[6]);
		CHECK_STR(cases[i].want, cell[9]);
		CHECK_STR(cases[i].want, cell[10]);
	}
}

static void
test_times(void)
{
	static const struct {
		uint64_t	us;
		const char	*want;
	} cases[] = {
		{ 0, "-" }, { 1, "0.00" }, { 56, "0.06" }, { 999, "1.00" },
		{ 1024, "1.0" }, { 8192, "8.2" }, { 10240, "10" },
		{ 327680, "328" }, { 8589934592, "8589935" },
	};
	char cell[12][32];
	struct view v = an_up_one();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		v.p50 = v.p99 = cases[i].us;
		get_row(&v, cell);
		CHECK_STR(cases[i].want, cell[7]);
		CHECK_STR(cases[i].want, cell[8]);
	}
}

/* The longest line, which must not be longer than a terminal is wide. */
static size_t
width_of(const struct views *vs)
{
	struct buf out = BUF_INIT(1 << 20);
	size_t longest = 0, len;
	const char *p;

	CHECK_INT(0, views_table(&out, vs, NOW));
	CHECK_INT(0, buf_put(&out, "", 1));
	for (p = buf_data(&out); *p != '\0'; p += len + 1) {
		len = strcspn(p, "\n");
		CHECK(len > 0 && p[len - 1] != ' ');
		if (len > longest)
			longest = len;
	}
	buf_free(&out);
	return longest;
}

static void
test_width(void)
{
	struct view v[2] = { an_up_one(), an_up_one() };
	const struct views vs = { v, 2 };
	char cell[12][32];

	/* The version gets all the room that there is, and no more. */
	strcpy(v[0].peer, "msul-lib");
	memset(v[0].st.software, 'v', STATUS_TEXT - 1);
	CHECK_INT(80, width_of(&vs));
	get_row(&v[0], cell);
	CHECK_STR("vvvvvvvvvvvvvv", cell[3]);
	memset(v[0].st.software, '\a', STATUS_TEXT - 1);
	CHECK_INT(80, width_of(&vs));
	/* What is said below is broken. */
	v[1].state = VIEW_DOWN;
	memset(v[1].st.error, 'e', STATUS_TEXT - 1);
	CHECK_INT(80, width_of(&vs));
	memset(v[1].st.error, '\a', STATUS_TEXT - 1);
	CHECK_INT(80, width_of(&vs));
	/* All columns as wide as they ever get. */
	v[1].state = VIEW_STOPPED;
	strcpy(v[0].peer, "msul1");
	v[0].st.connects = 1;
	v[0].st.requests = v[0].st.con_lost = 99999;
	v[0].st.unanswered = v[0].st.stored = 99999;
	v[0].st.since = v[0].st.oldest = NOW - 10 * DAY + 1;
	v[0].p50 = v[0].p99 = 335544320;
	CHECK_INT(80, width_of(&vs));
	/* An id is never cut. */
	memset(v[0].peer, 'i', ID_MAX);
	CHECK_INT(80 - 5 + ID_MAX, width_of(&vs));
}

/* Words are kept together, and as many as fit are on a line. */
static void
test_reason(void)
{
	static const char want[] =
	    "    last error 1s ago: 345678901 345678901 345678901 345678901 "
	    "345678901 3456789\n    89 1\n";
	struct view v = an_up_one();
	const struct views vs = { &v, 1 };
	struct buf out = BUF_INIT(1 << 20);
	const char *p;

	v.state = VIEW_DOWN;
	v.st.error_at = NOW - 1;
	status_text(v.st.error, "345678901 345678901 345678901 345678901 "
	    "345678901 3456789 89 1");
	CHECK_INT(0, views_table(&out, &vs, NOW));
	CHECK_INT(0, buf_put(&out, "", 1));
	p = strstr(buf_data(&out), "    last");
	CHECK_STR(want, p);
	buf_free(&out);
}

int
main(void)
{
	confdir_make();
	test_states();
	test_no_record();
	test_damaged();
	test_torn();
	test_unreadable();
	test_stored();
	test_running_figures();
	test_round_trips();
	test_order();
	test_find();
	test_very_many();
	test_fields();
	test_fields_of_nothing();
	test_fields_of_damaged_texts();
	test_fields_parse();
	test_table();
	test_ages();
	test_numbers();
	test_times();
	test_width();
	test_reason();
	return check_status();
}
