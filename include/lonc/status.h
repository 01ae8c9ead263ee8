/*
 * status: what a link shows of itself, in a file that anyone may read at
 * any time, also when the link hangs or is dead:
 * <lonSockDir>/.status/PEER.
 *
 * The file is mapped by the link and changed in place, without a system
 * call; readers copy it.  A sequence counter is odd while it is being
 * changed, so a copy is good if the counter was even and the same before
 * and after.  The record has a fixed size; what is not yet used is zero.
 * Source: lonc-status(1), THE STATUS RECORD.
 */
#ifndef LONC_STATUS_H
#define LONC_STATUS_H

#include <stdint.h>

#define STATUS_MAGIC 0x6c6f6e63u	/* "lonc" in the host's byte order */
#define STATUS_VERSION 1u
#define STATUS_PEER 72		/* bytes of a host id with its NUL, and rest */
#define STATUS_TEXT 128		/* bytes of a text with its NUL */
#define STATUS_BUCKETS 128	/* of a histogram of round trips */
#define STATUS_MINUTES 6	/* histograms of the latest minutes */

enum status_state {
	STATUS_DOWN,
	STATUS_UP,
	STATUS_STOPPED,	/* it was told to end, and did so in order */
};

enum status_flag {
	STATUS_LONC = 1,	/* the peer shows itself as lonc: pipelined */
	STATUS_SECURE = 2,	/* else legacy */
	STATUS_ONCE = 4,	/* critical requests run exactly once */
};

/*
 * Round trips: bucket i counts those below status_bucket_us(i) and not
 * below that of i - 1; the last one all that are longer, too.
 */
struct status_hist {
	int64_t		 minute;	/* since 1970, of a minute's */
	uint64_t	 sum_us;
	uint64_t	 n[STATUS_BUCKETS];
};

struct status {
	uint32_t	 magic;
	uint32_t	 version;
	uint32_t	 size;			/* of this record, bytes */
	_Atomic uint32_t seq;
	int32_t		 pid;
	uint32_t	 state;			/* enum status_state */
	uint32_t	 flags;
	uint32_t	 connections;		/* that are up */
	char		 peer[STATUS_PEER];
	char		 software[STATUS_TEXT];	/* its version text */
	char		 error[STATUS_TEXT];	/* the last one */
	int64_t		 started;		/* times: s since 1970 */
	int64_t		 since;			/* in this state, up or not */
	int64_t		 error_at;
	uint64_t	 connects;		/* times it came up */
	uint64_t	 requests;		/* put on the wire */
	uint64_t	 replies;
	uint64_t	 con_lost;		/* answered so */
	uint64_t	 refused;		/* by the link itself */
	uint64_t	 bytes_out, bytes_in;
	uint64_t	 unanswered;
	uint64_t	 clients;
	uint64_t	 log_dropped;
	/* Of the spool. */
	uint64_t	 stored, failed, bad, redone;
	int64_t		 oldest;
	char		 refusal[STATUS_TEXT];
	struct status_hist total;
	struct status_hist minute[STATUS_MINUTES];
};

/*
 * status_map: make the record of a link, or take over the one that is
 * there, and begin it anew but for the spool's figures.  Only one process
 * at a time may do that, the one that has the link's lock.
 *
 * Takes    peer: a host id.
 * Returns  it, for status_unmap(), or NULL with errno as open(2),
 *          posix_fallocate(3), mmap(2); then there is no record any more,
 *          if it could be removed, for what it says is of the past.
 */
struct status *status_map(const char *sock_dir, const char *peer);
void status_unmap(struct status *st);

/* status_begin, status_end: around changes; they cannot be nested. */
void status_begin(struct status *st);
void status_end(struct status *st);

/* status_text: text into a field of STATUS_TEXT bytes, printable, cut. */
void status_text(char field[STATUS_TEXT], const char *text);

/* status_round_trip: n that took us each; now in s since 1970. */
void status_round_trip(struct status *st, uint64_t us, uint64_t n,
    int64_t now);

/* status_bucket_us: what is in bucket i took less than this. */
uint64_t status_bucket_us(unsigned i);

/*
 * status_percentile: the time, in us, that percent (1 to 100) of those in
 * the histogram did not exceed by more than its step; 0 if it is empty.
 */
uint64_t status_percentile(const struct status_hist *h, unsigned percent);

/*
 * status_recent: the histograms of this minute and of the STATUS_MINUTES - 1
 * before it together; now in s since 1970.
 */
void status_recent(const struct status *st, int64_t now,
    struct status_hist *h);

enum status_result {
	STATUS_GOOD,
	STATUS_TORN,	/* it was being changed, each time it was read */
	STATUS_NONE,	/* it cannot be read, or is not there; see errno */
	STATUS_FOREIGN,	/* no record of this peer, or of another version */
};

/*
 * status_read: a copy of the record of a link.  It reads again, up to 100
 * times within some 20 ms, while the record is being changed or made.
 *
 * Takes    peer: a host id.
 * Returns  STATUS_GOOD or STATUS_TORN and a copy, whose texts have an end;
 *          or another, and a copy that is all zero.
 */
enum status_result status_read(struct status *copy, const char *sock_dir,
    const char *peer);

#endif
