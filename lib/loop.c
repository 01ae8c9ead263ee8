/* One epoll(7) set, level-triggered unless asked otherwise.  See loop.h. */
#include "lonc/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lonc/clock.h"

#define LOOP_BATCH 256	/* events of one wait */

struct loop {
	int		 epfd;
	int64_t		 now;		/* microseconds */
	struct watch	*file;		/* a watch that is always ready */
	int		 at, n;		/* of ev, while dispatching */
	struct watch	 sig;
	sigset_t	 oldmask;
	void		(*sigact)(void *arg, int signo);
	void		*sigarg;
	struct epoll_event ev[LOOP_BATCH];
};

struct loop *
loop_new(void)
{
	struct loop *lp;

	if ((lp = calloc(1, sizeof(*lp))) == NULL)
		return NULL;
	if ((lp->epfd = epoll_create1(EPOLL_CLOEXEC)) == -1) {
		free(lp);
		return NULL;
	}
	lp->sig.fd = -1;
	lp->now = clock_us();
	sigprocmask(SIG_SETMASK, NULL, &lp->oldmask);
	return lp;
}

void
loop_free(struct loop *lp)
{
	if (lp == NULL)
		return;
	if (lp->sig.fd != -1)
		close(lp->sig.fd);
	close(lp->epfd);
	free(lp);
}

void
loop_watch(struct watch *w, int fd, void (*act)(void *arg, unsigned events),
    void *arg)
{
	w->fd = fd;
	w->want = 0;
	w->file = false;
	w->act = act;
	w->arg = arg;
}

/*
 * A watch that wants nothing is taken out of the set: the kernel reports a
 * hang-up even to one that asked for no event.
 */
int
loop_want(struct loop *lp, struct watch *w, unsigned want)
{
	struct epoll_event ev = { .data.ptr = w };
	int op;

	if (want == w->want && !(want & LOOP_EDGE))
		return 0;
	if (want & LOOP_IN)
		ev.events |= EPOLLIN | EPOLLRDHUP;
	if (want & LOOP_OUT)
		ev.events |= EPOLLOUT;
	if (want & LOOP_EDGE)
		ev.events |= EPOLLET;
	if (w->file)
		lp->file = want != 0 ? w : NULL;
	else {
		op = w->want == 0 ? EPOLL_CTL_ADD : want == 0 ? EPOLL_CTL_DEL :
		    EPOLL_CTL_MOD;
		if (epoll_ctl(lp->epfd, op, w->fd, &ev) == -1) {
			if (errno != EPERM || op != EPOLL_CTL_ADD)
				return -1;
			w->file = true;
			lp->file = w;
		}
	}
	w->want = want;
	return 0;
}

void
loop_forget(struct loop *lp, struct watch *w)
{
	if (w->fd == -1)
		return;
	loop_want(lp, w, 0);
	w->fd = -1;
	for (int i = lp->at; i < lp->n; i++)
		if (lp->ev[i].data.ptr == w)
			lp->ev[i].data.ptr = NULL;
}

static void
signals_act(void *arg, unsigned events)
{
	struct loop *lp = arg;
	struct signalfd_siginfo si;

	(void)events;
	while (lp->sig.fd != -1 &&
	    read(lp->sig.fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		lp->sigact(lp->sigarg, si.ssi_signo);
}

int
loop_signals(struct loop *lp, const int *signals,
    void (*act)(void *arg, int signo), void *arg)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (; *signals != 0; signals++)
		sigaddset(&set, *signals);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
		return -1;
	if ((fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)) == -1)
		return -1;
	lp->sigact = act;
	lp->sigarg = arg;
	loop_watch(&lp->sig, fd, signals_act, lp);
	return loop_want(lp, &lp->sig, LOOP_IN);
}

const sigset_t *
loop_oldmask(const struct loop *lp)
{
	return &lp->oldmask;
}

static unsigned
events_of(uint32_t ev)
{
	return (ev & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR) ?
	    LOOP_IN : 0) |
	    (ev & (EPOLLOUT | EPOLLHUP | EPOLLERR) ? LOOP_OUT : 0) |
	    (ev & (EPOLLRDHUP | EPOLLHUP | EPOLLERR) ? LOOP_END : 0);
}

int
loop_wait(struct loop *lp, int64_t deadline)
{
	struct watch *w;
	int64_t left = -1;
	int n;

	if (lp->file != NULL)
		left = 0;
	else if (deadline != LOOP_NEVER) {
		left = deadline - clock_us() / 1000;
		left = left < 0 ? 0 : left > INT_MAX ? INT_MAX : left;
	}
	n = epoll_wait(lp->epfd, lp->ev, LOOP_BATCH, left);
	lp->now = clock_us();
	if (n == -1)
		return errno == EINTR ? 0 : -1;
	for (lp->at = 0, lp->n = n; lp->at < lp->n; lp->at++) {
		w = lp->ev[lp->at].data.ptr;
		if (w != NULL)
			w->act(w->arg, events_of(lp->ev[lp->at].events));
	}
	if ((w = lp->file) != NULL)
		w->act(w->arg, w->want & ~LOOP_EDGE);
	return 0;
}

int64_t
loop_now(const struct loop *lp)
{
	return lp->now / 1000;
}

int64_t
loop_now_us(const struct loop *lp)
{
	return lp->now;
}
