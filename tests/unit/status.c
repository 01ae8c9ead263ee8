/*
 * The status record: its histograms, how a link makes it, and that readers
 * get it whole or know that they do not.
 *
 * Not tested: a full disk, but for a limit of file sizes, which fails in
 * the same place.
 */
#include "lonc/status.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "check.h"
#include "confdir.h"

#define NOBODY 65534	/* a user that owns nothing */
#define BESIDE 10	/* s at most of a writer beside a reader */
#define LAST (STATUS_BUCKETS - 1)

static const char peer[] = "msul1";

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

static char *
record(char path[4096])
{
	return confdir_path(path, ".status/msul1");
}

static void
clear(void)
{
	char path[4096];

	remove(record(path));
}

static struct status *
map(void)
{
	struct status *st = status_map(confdir, peer);

	if (!CHECK(st != NULL))
		exit(check_status());
	return st;
}

/* ---- histograms ---- */

/* The bucket that a round trip is counted in; exactly one must be. */
static unsigned
bucket_of(uint64_t us)
{
	static struct status st;
	unsigned at = STATUS_BUCKETS, n = 0;

	memset(&st, 0, sizeof(st));
	status_round_trip(&st, us, 1, 0);
	for (unsigned i = 0; i < STATUS_BUCKETS; i++) {
		n += st.total.n[i];
		if (st.total.n[i] == 1)
			at = i;
	}
	CHECK_INT(1, n);
	CHECK_MEM(&st.total.n, sizeof(st.total.n), &st.minute[0].n,
	    sizeof(st.total.n));
	return at;
}

static void
test_bounds(void)
{
	/* Each quarter of each doubling, worked out by hand. */
	static const struct {
		uint64_t us, below;
	} some[] = {
		{ 0, 1 }, { 1, 2 }, { 3, 4 }, { 4, 5 }, { 7, 8 }, { 8, 10 },
		{ 9, 10 }, { 10, 12 }, { 15, 16 }, { 16, 20 }, { 19, 20 },
		{ 1000, 1024 }, { 1024, 1280 }, { 1279, 1280 },
		{ 1280, 1536 }, { 300000, 327680 }, { 1000000, 1048576 },
		{ (1ull << 33) - 1, 1ull << 33 },
	};

	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		CHECK_INT(some[i].below,
		    status_bucket_us(bucket_of(some[i].us)));
}

static void
test_every_bucket(void)
{
	uint64_t from = 0, below;

	for (unsigned i = 0; i < STATUS_BUCKETS; i++, from = below) {
		below = status_bucket_us(i);
		CHECK(below > from);
		CHECK(below - from == 1 || below - from <= from / 4);
		CHECK_INT(i, bucket_of(from));
		CHECK_INT(i, bucket_of(below - 1));
	}
	CHECK_INT(LAST, bucket_of(from));
	CHECK_INT(LAST, bucket_of(UINT64_MAX));
}

static void
test_percentile(void)
{
	static struct status st;
	const struct status_hist *h = &st.total;

	CHECK_INT(0, status_percentile(h, 50));
	status_round_trip(&st, 100, 98, 0);
	CHECK_INT(112, status_percentile(h, 1));
	CHECK_INT(112, status_percentile(h, 100));
	status_round_trip(&st, 9000, 1, 0);
	status_round_trip(&st, 80000, 1, 0);
	CHECK_INT(112, status_percentile(h, 50));
	CHECK_INT(112, status_percentile(h, 98));
	CHECK_INT(10240, status_percentile(h, 99));
	CHECK_INT(81920, status_percentile(h, 100));
	CHECK_INT(98 * 100 + 9000 + 80000, h->sum_us);
}

static void
test_half(void)
{
	static struct status st;

	status_round_trip(&st, 1, 1, 0);
	status_round_trip(&st, 2, 1, 0);
	CHECK_INT(2, status_percentile(&st.total, 50));
	CHECK_INT(3, status_percentile(&st.total, 51));
}

static uint64_t
count(const struct status_hist *h)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < STATUS_BUCKETS; i++)
		n += h->n[i];
	return n;
}

static uint64_t
recent(const struct status *st, int64_t now)
{
	struct status_hist h;

	status_recent(st, now, &h);
	CHECK_INT(now / 60, h.minute);
	return count(&h);
}

static void
test_minutes(void)
{
	static struct status st;
	const int64_t t = 1800000000;	/* a minute begins */

	CHECK_INT(0, recent(&st, t));
	status_round_trip(&st, 5, 1, t);
	status_round_trip(&st, 5, 10, t + 59);
	CHECK_INT(11, recent(&st, t));
	status_round_trip(&st, 5, 100, t + 60);
	CHECK_INT(111, recent(&st, t + 60));
	CHECK_INT(111, recent(&st, t + 359));
	CHECK_INT(100, recent(&st, t + 360));
	CHECK_INT(100, recent(&st, t + 419));
	CHECK_INT(0, recent(&st, t + 420));
	/* A minute takes the place of the one six before it. */
	status_round_trip(&st, 5, 1000, t + 360);
	CHECK_INT(1100, recent(&st, t + 360));
	CHECK_INT(1111, count(&st.total));
	/* The clock was set back: what is to come is not recent. */
	CHECK_INT(0, recent(&st, t));
	status_round_trip(&st, 5, 7, t - 6);
	CHECK_INT(7, recent(&st, t - 6));
	CHECK_INT(7, recent(&st, t));
}

static void
test_before_1970(void)
{
	static struct status st;

	for (int64_t t = -1000; t < 0; t += 60)
		status_round_trip(&st, 5, 1, t);
	CHECK_INT(17, count(&st.total));
}

/* ---- making it ---- */

static void
check_mode(const char *name, mode_t want)
{
	char path[4096];
	struct stat sb;

	CHECK_INT(0, stat(confdir_path(path, name), &sb));
	CHECK_INT(want, sb.st_mode);
}

static void
test_new(void)
{
	mode_t mask = umask(0077);
	int64_t now = time(NULL);
	struct status *st = map();

	umask(mask);
	check_mode(".status", S_IFDIR | 02750);
	check_mode(".status/msul1", S_IFREG | 0640);
	CHECK_INT(STATUS_MAGIC, st->magic);
	CHECK_INT(STATUS_VERSION, st->version);
	CHECK_INT(sizeof(*st), st->size);
	CHECK_INT(0, st->seq % 2);
	CHECK_INT(getpid(), st->pid);
	CHECK_INT(STATUS_DOWN, st->state);
	CHECK_STR(peer, st->peer);
	CHECK(st->started >= now && st->started <= time(NULL));
	CHECK_INT(st->started, st->since);
	CHECK_INT(0, st->requests);
	CHECK_INT(0, st->stored);
	status_unmap(st);
	status_unmap(NULL);
	clear();
}

static void
test_seq_while_changing(void)
{
	struct status *st = map();
	uint32_t seq = st->seq;

	status_begin(st);
	CHECK_INT(1, st->seq % 2);
	status_end(st);
	CHECK_INT(seq + 2, st->seq);
	status_unmap(st);
	clear();
}

static void
fill(struct status *st)
{
	status_text(st->error, "connect: Connection refused");
	status_text(st->software, "lonc-1");
	status_text(st->refusal, "no such user");
	st->state = STATUS_UP;
	st->flags = STATUS_LONC;
	st->error_at = st->requests = st->connects = 7;
	st->clients = st->log_dropped = 7;
	st->stored = 1;
	st->failed = 2;
	st->bad = 3;
	st->redone = 4;
	st->oldest = 5;
	status_round_trip(st, 100, 3, st->started);
}

/* What only the link knew is gone, what is in the spool is not. */
static void
check_begun_anew(const struct status *st)
{
	CHECK_INT(STATUS_DOWN, st->state);
	CHECK_INT(0, st->flags);
	CHECK_STR("", st->error);
	CHECK_STR("", st->software);
	CHECK_INT(0, st->error_at);
	CHECK_INT(0, st->requests);
	CHECK_INT(0, st->connects);
	CHECK_INT(0, st->clients);
	CHECK_INT(0, st->log_dropped);
	CHECK_INT(0, count(&st->total));
	CHECK_INT(0, recent(st, st->started));
}

static void
test_again(void)
{
	struct status *st = map();
	uint32_t seq;

	fill(st);
	st->started = st->since = 1;
	st->pid = 1;
	seq = st->seq;
	status_unmap(st);
	st = map();
	check_begun_anew(st);
	CHECK_INT(seq + 2, st->seq);
	CHECK_INT(getpid(), st->pid);
	CHECK(st->started > 1 && st->since == st->started);
	CHECK_INT(1, st->stored);
	CHECK_INT(2, st->failed);
	CHECK_INT(3, st->bad);
	CHECK_INT(4, st->redone);
	CHECK_INT(5, st->oldest);
	CHECK_STR("no such user", st->refusal);
	status_unmap(st);
	clear();
}

/* Also of a link that was killed while it changed its record. */
static void
test_again_torn(void)
{
	struct status *st = map();

	status_begin(st);
	fill(st);
	memset(st->refusal, 'x', sizeof(st->refusal));
	status_unmap(st);
	st = map();
	check_begun_anew(st);
	CHECK_INT(0, st->seq % 2);
	CHECK_INT(1, st->stored);
	CHECK_INT(STATUS_TEXT - 1, strnlen(st->refusal, STATUS_TEXT));
	status_unmap(st);
	clear();
}

static void
test_again_damaged(void)
{
	static char noise[3 * sizeof(struct status)];
	static const size_t sizes[] = { 0, 1, sizeof(struct status),
	    sizeof(noise) };
	struct status *st;
	char path[4096];
	struct stat sb;

	memset(noise, 0xa5, sizeof(noise));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		confdir_write(".status/msul1", noise, sizes[i]);
		st = map();
		check_begun_anew(st);
		CHECK_INT(0, st->seq % 2);
		CHECK_INT(0, st->stored);
		CHECK_INT(0, st->oldest);
		CHECK_STR("", st->refusal);
		CHECK_INT(0, stat(record(path), &sb));
		CHECK_INT(sizeof(*st), sb.st_size);
		check_mode(".status/msul1", S_IFREG | 0640);
		status_unmap(st);
		clear();
	}
}

static void
test_symlink_is_replaced(void)
{
	char path[4096], target[4096];
	struct status *st;
	struct stat sb;

	confdir_write("target", "abc", 3);
	sure(symlink(confdir_path(target, "target"), record(path)),
	    "symlink");
	st = map();
	CHECK_INT(0, stat(target, &sb));
	CHECK_INT(3, sb.st_size);
	status_unmap(st);
	check_mode(".status/msul1", S_IFREG | 0640);
	clear();
}

static void
test_directory_in_its_place(void)
{
	char path[4096];

	sure(mkdir(record(path), 0700), "mkdir");
	CHECK(status_map(confdir, peer) == NULL);
	CHECK_INT(EISDIR, errno);
	clear();
}

static void
test_no_place(void)
{
	static char longer[5000];
	char path[4096];

	CHECK(status_map(confdir_path(path, "none"), peer) == NULL);
	CHECK_INT(ENOENT, errno);
	memset(longer, 'x', sizeof(longer) - 1);
	CHECK(status_map(longer, peer) == NULL);
	CHECK_INT(ENAMETOOLONG, errno);
}

/* Runs f in a process of its own, and adds what it found. */
static void
apart(void (*f)(void))
{
	int status;
	pid_t pid = sure(fork(), "fork");

	if (pid == 0) {
		check_failed = 0;
		f();
		_exit(check_failed > 0);
	}
	sure(waitpid(pid, &status, 0), "waitpid");
	CHECK_INT(0, status);
}

static void
map_over_the_limit(void)
{
	const struct rlimit small = { 4096, 4096 };
	struct sigaction sa;

	sure(setrlimit(RLIMIT_FSIZE, &small), "setrlimit");
	CHECK(status_map(confdir, peer) == NULL);
	CHECK_INT(EFBIG, errno);
	sure(sigaction(SIGXFSZ, NULL, &sa), "sigaction");
	CHECK(sa.sa_handler == SIG_DFL);
}

/* Nothing is left that would tell of an earlier link as if it were this. */
static void
test_no_room(void)
{
	char path[4096];

	apart(map_over_the_limit);
	CHECK_INT(-1, access(record(path), F_OK));
	confdir_write(".status/msul1", "abc", 3);
	apart(map_over_the_limit);
	CHECK_INT(-1, access(path, F_OK));
}

static void
map_as_nobody(void)
{
	struct status *st;

	if (geteuid() == 0)
		sure(setresuid(NOBODY, NOBODY, NOBODY), "setresuid");
	st = map();
	CHECK_INT(0, st->requests);
	status_unmap(st);
}

/* As a file of root's, when the link is not root's. */
static void
test_not_writable(void)
{
	char dir[4096], path[4096];
	struct stat sb;

	status_unmap(map());
	sure(chmod(record(path), 0400), "chmod");
	if (geteuid() == 0) {
		sure(chown(confdir, NOBODY, -1), "chown");
		sure(chown(confdir_path(dir, ".status"), NOBODY, -1), "chown");
	}
	apart(map_as_nobody);
	CHECK_INT(0, stat(path, &sb));
	CHECK_INT(0640, sb.st_mode & 07777);
	if (geteuid() == 0)
		CHECK_INT(NOBODY, sb.st_uid);
	clear();
}

static void
test_text(void)
{
	char field[STATUS_TEXT], text[300];

	status_text(field, "a\tb\n");
	CHECK_STR("a\\x09b\\x0a", field);
	memset(text, 'y', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	status_text(field, text);
	CHECK_INT(STATUS_TEXT - 1, strlen(field));
	status_text(field, "");
	CHECK_STR("", field);
}

/* ---- reading it ---- */

static enum status_result
read_it(struct status *copy)
{
	memset(copy, 0x5a, sizeof(*copy));
	errno = 0;
	return status_read(copy, confdir, peer);
}

/* Nothing of what could not be used is in the copy. */
static void
check_unread(enum status_result want)
{
	static const struct status zero;
	static struct status copy;

	CHECK_INT(want, read_it(&copy));
	CHECK_MEM(&zero, sizeof(zero), &copy, sizeof(copy));
}

static void
test_read(void)
{
	static struct status copy;
	struct status *st = map();

	fill(st);
	CHECK_INT(STATUS_GOOD, read_it(&copy));
	CHECK_MEM(st, sizeof(*st), &copy, sizeof(copy));
	status_unmap(st);
	CHECK_INT(STATUS_GOOD, read_it(&copy));
	CHECK_STR("connect: Connection refused", copy.error);
	clear();
}

static void
test_read_nothing(void)
{
	char path[4096];

	check_unread(STATUS_NONE);
	CHECK_INT(ENOENT, errno);
	confdir_write("target", "abc", 3);
	sure(symlink("../target", record(path)), "symlink");
	check_unread(STATUS_NONE);
	CHECK_INT(ELOOP, errno);
	clear();
}

/* A fifo that nobody writes to must not be waited for. */
static void
test_read_other_things(void)
{
	char path[4096];

	sure(mkdir(record(path), 0700), "mkdir");
	check_unread(STATUS_FOREIGN);
	clear();
	sure(mkfifo(path, 0600), "mkfifo");
	check_unread(STATUS_FOREIGN);
	clear();
}

static void
test_read_other_sizes(void)
{
	static const size_t sizes[] = { 0, 1, 12, 13, 16, 104,
	    sizeof(struct status) - 1 };
	static struct status good[2];
	struct status *st = map();

	good[0] = good[1] = *st;
	status_unmap(st);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		confdir_write(".status/msul1", good, sizes[i]);
		check_unread(STATUS_FOREIGN);
	}
	confdir_write(".status/msul1", good, sizeof(good[0]) + 1);
	check_unread(STATUS_FOREIGN);
	confdir_write(".status/msul1", good, sizeof(good));
	check_unread(STATUS_FOREIGN);
	clear();
}

static void
test_read_other_headers(void)
{
	static const struct {
		size_t	at;
		char	byte;
	} wrong[] = {
		{ offsetof(struct status, magic), 'L' },
		{ offsetof(struct status, version), 2 },
		{ offsetof(struct status, size), 0 },
		{ offsetof(struct status, peer), 'x' },
		{ offsetof(struct status, peer) + 4, '\0' },
		{ offsetof(struct status, peer) + 5, '0' },
	};
	static struct status copy;
	struct status *st = map();
	char *at, was;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		at = (char *)st + wrong[i].at;
		was = *at;
		*at = wrong[i].byte;
		check_unread(STATUS_FOREIGN);
		*at = was;
	}
	CHECK_INT(STATUS_GOOD, read_it(&copy));
	memset(st, 0, sizeof(*st));
	check_unread(STATUS_FOREIGN);
	status_unmap(st);
	clear();
}

static void
test_read_texts_without_end(void)
{
	static struct status copy;
	struct status *st = map();

	memset(st->software, 0xff, STATUS_TEXT);
	memset(st->error, 0xff, STATUS_TEXT);
	memset(st->refusal, 0xff, STATUS_TEXT);
	CHECK_INT(STATUS_GOOD, read_it(&copy));
	CHECK_INT(STATUS_TEXT - 1, strnlen(copy.software, STATUS_TEXT));
	CHECK_INT(STATUS_TEXT - 1, strnlen(copy.error, STATUS_TEXT));
	CHECK_INT(STATUS_TEXT - 1, strnlen(copy.refusal, STATUS_TEXT));
	status_unmap(st);
	clear();
}

static void
test_read_torn(void)
{
	static struct status copy;
	struct status *st = map();

	fill(st);
	status_begin(st);
	CHECK_INT(STATUS_TORN, read_it(&copy));
	CHECK_INT(7, copy.requests);
	status_end(st);
	CHECK_INT(STATUS_GOOD, read_it(&copy));
	status_unmap(st);
	clear();
}

static pid_t
beside(void (*f)(void))
{
	pid_t pid = sure(fork(), "fork");

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			f();
	}
	return pid;
}

static void
end(pid_t pid)
{
	kill(pid, SIGKILL);
	sure(waitpid(pid, NULL, 0), "waitpid");
}

static int64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * (int64_t)1000000 + ts.tv_nsec / 1000;
}

/*
 * How many of 20 readers get a record that prepare() has made, and that f
 * makes good 5 ms later.
 */
static unsigned
readers_waited(void (*prepare)(void), void (*f)(void))
{
	static struct status copy;
	unsigned good = 0;
	int64_t at;
	int fds[2];
	pid_t pid;

	sure(pipe(fds), "pipe");
	for (int i = 0; i < 20; i++) {
		prepare();
		if ((pid = sure(fork(), "fork")) == 0) {
			sure(read(fds[0], &at, sizeof(at)), "read");
			while (now_us() < at)
				;
			f();
			_exit(0);
		}
		at = now_us() + 5000;
		sure(write(fds[1], &at, sizeof(at)), "write");
		if (now_us() < at)
			good += read_it(&copy) == STATUS_GOOD;
		sure(waitpid(pid, NULL, 0), "waitpid");
		clear();
	}
	close(fds[0]);
	close(fds[1]);
	return good;
}

static struct status *changing;

static void
begin_change(void)
{
	if (changing != NULL)
		status_unmap(changing);
	changing = map();
	status_begin(changing);
}

static void
end_change(void)
{
	status_end(changing);
}

static void
make_empty(void)
{
	confdir_write(".status/msul1", "", 0);
}

static void
make_zero(void)
{
	char path[4096];

	make_empty();
	sure(truncate(record(path), sizeof(struct status)), "truncate");
}

static void
make_it(void)
{
	status_unmap(map());
}

/* A reader does not give up at once; on a busy machine some may be late. */
static void
test_read_again(void)
{
	CHECK(readers_waited(begin_change, end_change) >= 10);
	status_unmap(changing);
	CHECK(readers_waited(make_empty, make_it) >= 10);
	CHECK(readers_waited(make_zero, make_it) >= 10);
}

static uint64_t *
first_figure(struct status *st)
{
	return &st->connects;
}

/* Some microseconds. */
static void
idle(void)
{
	static volatile unsigned n;

	for (n = 0; n < 3000; n++)
		;
}

/* All figures the same, and then some time for readers. */
static void
write_same(void)
{
	static struct status *st;
	static uint64_t n;

	if (st == NULL)
		st = map();
	status_begin(st);
	for (uint64_t *p = first_figure(st); p <= &st->bytes_in; p++)
		*p = n;
	for (size_t i = 0; i < STATUS_BUCKETS; i++)
		st->total.n[i] = st->minute[STATUS_MINUTES - 1].n[i] = n;
	status_end(st);
	n++;
	idle();
}

static bool
all_same(struct status *st)
{
	uint64_t n = *first_figure(st);

	for (uint64_t *p = first_figure(st); p <= &st->bytes_in; p++)
		if (*p != n)
			return false;
	for (size_t i = 0; i < STATUS_BUCKETS; i++)
		if (st->total.n[i] != n ||
		    st->minute[STATUS_MINUTES - 1].n[i] != n)
			return false;
	return true;
}

/* What is read while another process writes: old or new, never a mixture. */
static void
test_read_beside_writer(void)
{
	static struct status copy;
	uint64_t last = 0;
	unsigned good = 0, changes = 0, mixed = 0;
	time_t until = time(NULL) + BESIDE;
	pid_t pid = beside(write_same);

	while ((good < 3000 || changes < 300) && time(NULL) < until) {
		sched_yield();	/* where there is only one processor */
		if (status_read(&copy, confdir, peer) != STATUS_GOOD)
			continue;
		good++;
		mixed += !all_same(&copy);
		changes += *first_figure(&copy) != last;
		last = *first_figure(&copy);
	}
	CHECK_INT(0, mixed);
	CHECK(good >= 100);
	CHECK(changes >= 20);
	end(pid);
	clear();
}

static void
map_and_write(void)
{
	struct status *st = map();

	idle();
	status_begin(st);
	for (uint64_t *p = first_figure(st); p <= &st->bytes_in; p++)
		*p = 7;
	for (size_t i = 0; i < STATUS_BUCKETS; i++)
		st->total.n[i] = st->minute[STATUS_MINUTES - 1].n[i] = 7;
	status_end(st);
	status_unmap(st);
}

/* A link that begins anew shows the old record, or the new one. */
static void
test_read_beside_restarts(void)
{
	static struct status copy;
	enum status_result r;
	unsigned good = 0, mixed = 0, zero = 0;
	time_t until = time(NULL) + BESIDE;
	pid_t pid;

	map_and_write();
	pid = beside(map_and_write);
	while ((good < 2000 || zero < 50) && time(NULL) < until) {
		sched_yield();
		r = status_read(&copy, confdir, peer);
		if (r == STATUS_TORN)
			continue;
		if (!CHECK(r == STATUS_GOOD))
			break;
		good++;
		mixed += !all_same(&copy);
		zero += *first_figure(&copy) == 0;
	}
	CHECK_INT(0, mixed);
	CHECK(zero >= 5);
	end(pid);
	clear();
}

static void
resize(void)
{
	char path[4096];

	sure(truncate(record(path), 0), "truncate");
	sure(truncate(path, sizeof(struct status)), "truncate");
}

/* Neither harm nor nonsense. */
static void
test_read_beside_truncation(void)
{
	static struct status copy;
	pid_t pid;

	status_unmap(map());
	resize();
	pid = beside(resize);
	for (int i = 0; i < 30; i++)
		CHECK_INT(STATUS_FOREIGN, status_read(&copy, confdir, peer));
	end(pid);
	clear();
}

int
main(void)
{
	confdir_make();
	alarm(300);
	test_bounds();
	test_every_bucket();
	test_percentile();
	test_half();
	test_minutes();
	test_before_1970();
	test_new();
	test_seq_while_changing();
	test_again();
	test_again_torn();
	test_again_damaged();
	test_symlink_is_replaced();
	test_directory_in_its_place();
	test_no_place();
	test_no_room();
	test_text();
	test_read();
	test_read_nothing();
	test_read_other_things();
	test_read_other_sizes();
	test_read_other_headers();
	test_read_texts_without_end();
	test_read_torn();
	test_read_again();
	test_read_beside_writer();
	test_read_beside_restarts();
	test_read_beside_truncation();
	test_not_writable();
	return check_status();
}
