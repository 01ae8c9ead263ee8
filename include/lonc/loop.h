/*
 * loop: the one wait of a program: descriptors, signals and a deadline.
 *
 * Every part keeps a struct watch for each of its descriptors and says what
 * it wants; the kernel is told only of changes.  Nothing may be freed while
 * a wait dispatches: a part that ends forgets its watch at once (no later
 * event reaches it) and is freed when loop_wait() has returned.  Of plain
 * files, which epoll(7) does not take, one at a time may be wanted.
 */
#ifndef LONC_LOOP_H
#define LONC_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	LOOP_IN = 1,	/* readable, or at its end */
	LOOP_OUT = 2,	/* writable */
	LOOP_END = 4,	/* reported only: broken, or nothing more will come */
	LOOP_EDGE = 8,	/* wanted only: told once when that begins to be */
};

#define LOOP_NEVER INT64_MAX	/* the deadline that never comes */

struct loop;

struct watch {
	int	  fd;		/* -1 when forgotten */
	unsigned  want;		/* what the kernel has been told */
	bool	  file;		/* a plain file: always ready */
	void	(*act)(void *arg, unsigned events);
	void	 *arg;
};

/* loop_new: NULL with errno as epoll_create1(2). */
struct loop *loop_new(void);
void loop_free(struct loop *lp);

/*
 * loop_watch: begin with no wants.  loop_want: of LOOP_IN, LOOP_OUT and
 * LOOP_EDGE; 0, or -1 with errno as epoll_ctl(2).  With LOOP_EDGE a want
 * that is said again is told anew.  loop_forget: to be called before the
 * descriptor is closed; does nothing when called again.
 */
void loop_watch(struct watch *w, int fd, void (*act)(void *arg,
    unsigned events), void *arg);
int loop_want(struct loop *lp, struct watch *w, unsigned want);
void loop_forget(struct loop *lp, struct watch *w);

/*
 * loop_signals: from now on these signals (the list ends with 0) do not
 * interrupt; act is told their numbers from within loop_wait().
 * loop_oldmask: the signal mask of before, for children.
 */
int loop_signals(struct loop *lp, const int *signals,
    void (*act)(void *arg, int signo), void *arg);
const sigset_t *loop_oldmask(const struct loop *lp);

/*
 * loop_wait: wait until something happens, but not past the deadline, and
 * dispatch it.  0, or -1 with errno as epoll_wait(2).
 */
int loop_wait(struct loop *lp, int64_t deadline);

/* loop_now, loop_now_us: monotonic time as of the last loop_wait(). */
int64_t loop_now(const struct loop *lp);	/* ms */
int64_t loop_now_us(const struct loop *lp);	/* microseconds */

#endif
