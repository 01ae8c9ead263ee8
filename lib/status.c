/* See status.h. */
#include "lonc/status.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lonc/conf.h"
#include "lonc/id.h"
#include "lonc/text.h"

#define TRIES 100	/* of a reader */
#define TRY_AGAIN 100000	/* ns between them */
#define STEPS 4		/* buckets for each doubling of the time */
#define FILE_MODE 0640
#define DIR_MODE 02750

/* Others read it too, so it has no gaps, and changes only with its version. */
_Static_assert(STATUS_PEER > ID_MAX && offsetof(struct status, seq) == 12 &&
    offsetof(struct status, peer) == 32 &&
    offsetof(struct status, started) == 360 &&
    offsetof(struct status, stored) == 464 &&
    offsetof(struct status, total) == 632 && sizeof(struct status) == 7912,
    "the record is not as lonc-status(1) says");

static char *
record_path(char *path, size_t size, const char *sock_dir, const char *peer)
{
	char name[ID_MAX + 16];

	snprintf(name, sizeof(name), ".status/%s", peer);
	return conf_path(path, size, sock_dir, name);
}

/* ---- the link's side ---- */

/* What stays of an old record: the spool is not the link's alone. */
static void
renew(struct status *st, const char *peer)
{
	struct status new = { .magic = 0 };

	if (st->magic == STATUS_MAGIC && st->version == STATUS_VERSION &&
	    st->size == sizeof(*st)) {
		new.stored = st->stored;
		new.failed = st->failed;
		new.bad = st->bad;
		new.redone = st->redone;
		new.oldest = st->oldest;
		memcpy(new.refusal, st->refusal, sizeof(new.refusal) - 1);
	}
	new.magic = STATUS_MAGIC;
	new.version = STATUS_VERSION;
	new.size = sizeof(new);
	new.pid = getpid();
	new.started = new.since = time(NULL);
	snprintf(new.peer, sizeof(new.peer), "%s", peer);
	/* A reader may be at it. */
	status_begin(st);
	new.seq = st->seq;
	memcpy(st, &new, sizeof(new));
	status_end(st);
}

/* What the umask takes away is given back: the group may read. */
static int
make_dir(const char *sock_dir)
{
	char path[4096];

	if (conf_path(path, sizeof(path), sock_dir, ".status") == NULL)
		return -1;
	if (mkdir(path, DIR_MODE) == 0)
		return chmod(path, DIR_MODE);
	return errno == EEXIST ? 0 : -1;
}

static int
open_file(const char *path)
{
	const int how = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	int fd = open(path, how, FILE_MODE);

	/* It may be root's, who has tried the link by hand. */
	if (fd == -1 && unlink(path) == 0)
		fd = open(path, how, FILE_MODE);
	if (fd != -1)
		(void)fchmod(fd, FILE_MODE);
	return fd;
}

/* With its blocks reserved no store can fail on a full disk. */
static int
reserve(int fd)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction before;
	int rc;

	/* Beyond a limit of file sizes the signal would end the link. */
	sigaction(SIGXFSZ, &ignore, &before);
	rc = posix_fallocate(fd, 0, sizeof(struct status));
	sigaction(SIGXFSZ, &before, NULL);
	if (rc == 0)
		return ftruncate(fd, sizeof(struct status));
	errno = rc;
	return -1;
}

struct status *
status_map(const char *sock_dir, const char *peer)
{
	char path[4096];
	struct status *st = MAP_FAILED;
	int fd, saved;

	if (make_dir(sock_dir) == -1 ||
	    record_path(path, sizeof(path), sock_dir, peer) == NULL)
		return NULL;
	if ((fd = open_file(path)) != -1 && reserve(fd) == 0)
		st = mmap(NULL, sizeof(*st), PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
	saved = errno;
	if (fd != -1)
		close(fd);
	if (st == MAP_FAILED)
		unlink(path);
	errno = saved;
	if (st == MAP_FAILED)
		return NULL;
	renew(st, peer);
	return st;
}

void
status_unmap(struct status *st)
{
	if (st != NULL)
		munmap(st, sizeof(*st));
}

void
status_begin(struct status *st)
{
	uint32_t seq = atomic_load_explicit(&st->seq, memory_order_relaxed);

	atomic_store_explicit(&st->seq, seq | 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

void
status_end(struct status *st)
{
	uint32_t seq = atomic_load_explicit(&st->seq, memory_order_relaxed);

	atomic_store_explicit(&st->seq, (seq | 1) + 1, memory_order_release);
}

void
status_text(char field[STATUS_TEXT], const char *text)
{
	text_printable(field, STATUS_TEXT, text, strlen(text));
}

/* ---- histograms ---- */

static unsigned
bucket_of(uint64_t us)
{
	unsigned octave, i;

	if (us < STEPS)
		return us;
	octave = 63 - __builtin_clzll(us);
	i = (octave - 1) * STEPS + (us >> (octave - 2) & (STEPS - 1));
	return i < STATUS_BUCKETS ? i : STATUS_BUCKETS - 1;
}

uint64_t
status_bucket_us(unsigned i)
{
	if (i < STEPS)
		return i + 1;
	return (uint64_t)(STEPS + i % STEPS + 1) << (i / STEPS - 1);
}

void
status_round_trip(struct status *st, uint64_t us, uint64_t n, int64_t now)
{
	unsigned b = bucket_of(us);
	int64_t minute = now / 60;
	struct status_hist *h =
	    &st->minute[(uint64_t)minute % STATUS_MINUTES];

	if (h->minute != minute) {
		memset(h, 0, sizeof(*h));
		h->minute = minute;
	}
	h->n[b] += n;
	h->sum_us += us * n;
	st->total.n[b] += n;
	st->total.sum_us += us * n;
}

uint64_t
status_percentile(const struct status_hist *h, unsigned percent)
{
	uint64_t all = 0, seen = 0;

	for (unsigned i = 0; i < STATUS_BUCKETS; i++)
		all += h->n[i];
	for (unsigned i = 0; i < STATUS_BUCKETS; i++) {
		seen += h->n[i];
		/* seen / all >= percent / 100, without overflow in practice. */
		if (seen > 0 && seen * 100 >= all * percent)
			return status_bucket_us(i);
	}
	return 0;
}

void
status_recent(const struct status *st, int64_t now, struct status_hist *h)
{
	int64_t minute = now / 60;

	memset(h, 0, sizeof(*h));
	h->minute = minute;
	for (unsigned m = 0; m < STATUS_MINUTES; m++) {
		const struct status_hist *one = &st->minute[m];

		if (one->minute > minute ||
		    one->minute <= minute - STATUS_MINUTES)
			continue;
		h->sum_us += one->sum_us;
		for (unsigned i = 0; i < STATUS_BUCKETS; i++)
			h->n[i] += one->n[i];
	}
}

/* ---- a reader's side ---- */

/*
 * Read rather than mapped: whatever becomes of the file meanwhile, it costs
 * nobody a SIGBUS.  The link's stores are seen all the same.
 */
static enum status_result
copy_once(struct status *copy, int fd)
{
	const off_t at = offsetof(struct status, seq);
	uint32_t before, after;
	ssize_t n, all;

	n = pread(fd, &before, sizeof(before), at);
	atomic_thread_fence(memory_order_acquire);
	all = pread(fd, copy, sizeof(*copy), 0);
	atomic_thread_fence(memory_order_acquire);
	if (n == -1 || all == -1 || pread(fd, &after, sizeof(after), at) == -1)
		return STATUS_NONE;
	/* A link may just be making it. */
	if (all != sizeof(*copy) || copy->magic == 0)
		return STATUS_FOREIGN;
	return before == after && before % 2 == 0 ? STATUS_GOOD : STATUS_TORN;
}

static enum status_result
copy_record(struct status *copy, int fd)
{
	const struct timespec pause = { .tv_nsec = TRY_AGAIN };
	enum status_result r;

	for (int i = 0; i < TRIES; i++) {
		r = copy_once(copy, fd);
		if (r != STATUS_TORN && r != STATUS_FOREIGN)
			break;
		nanosleep(&pause, NULL);
	}
	return r;
}

/* Texts end, whatever is in the file. */
static void
end_texts(struct status *st)
{
	st->peer[sizeof(st->peer) - 1] = '\0';
	st->software[sizeof(st->software) - 1] = '\0';
	st->error[sizeof(st->error) - 1] = '\0';
	st->refusal[sizeof(st->refusal) - 1] = '\0';
}

enum status_result
status_read(struct status *copy, const char *sock_dir, const char *peer)
{
	enum status_result r = STATUS_NONE;
	char path[4096];
	struct stat sb;
	int fd = -1, saved;

	if (record_path(path, sizeof(path), sock_dir, peer) == NULL ||
	    (fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
	    O_NONBLOCK)) == -1 || fstat(fd, &sb) == -1)
		goto out;
	r = STATUS_FOREIGN;
	if (S_ISREG(sb.st_mode) && sb.st_size <= (off_t)sizeof(*copy))
		r = copy_record(copy, fd);
	end_texts(copy);
	if ((r == STATUS_GOOD || r == STATUS_TORN) &&
	    (copy->magic != STATUS_MAGIC || copy->version != STATUS_VERSION ||
	    copy->size != sizeof(*copy) || strcmp(copy->peer, peer) != 0))
		r = STATUS_FOREIGN;
out:
	saved = errno;
	if (fd != -1)
		close(fd);
	if (r != STATUS_GOOD && r != STATUS_TORN)
		memset(copy, 0, sizeof(*copy));
	errno = saved;
	return r;
}
