/*
 * The loop: pipes, plain files, signals and deadlines.
 *
 * Not tested: errors of the kernel's, but for a bad descriptor.
 */
#include "lonc/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "check.h"

#define MANY 600	/* more than the loop takes from one wait */

/* A watch and what it was told; other is for what it does to another. */
struct told {
	struct watch	 w;
	int		 times;
	unsigned	 events;	/* the last ones */
	struct told	*other;
	int		 other_fd;
};

static struct loop *lp;

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

static void
act(void *arg, unsigned events)
{
	struct told *t = arg;

	t->times++;
	t->events = events;
}

static void
watch(struct told *t, int fd, unsigned want)
{
	*t = (struct told){ .times = 0 };
	loop_watch(&t->w, fd, act, t);
	CHECK_INT(0, loop_want(lp, &t->w, want));
}

/* One wait that ends at once. */
static void
look(void)
{
	CHECK_INT(0, loop_wait(lp, 0));
}

/* What t is told by one wait: nothing if times is 0. */
static void
check_told(struct told *t, int times, unsigned events)
{
	t->times = 0;
	t->events = 0;
	look();
	CHECK_INT(times, t->times);
	CHECK_INT(events, t->events);
}

static void
make_pipe(int fds[2])
{
	sure(pipe2(fds, O_CLOEXEC | O_NONBLOCK), "pipe");
}

static void
put(int fd, const char *text)
{
	sure(write(fd, text, strlen(text)), "write");
}

static void
take(int fd)
{
	char c;

	sure(read(fd, &c, 1), "read");
}

static void
close_pipe(int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

/* Level-triggered: as long as there is something. */
static void
test_in(void)
{
	struct told t;
	int fds[2];

	make_pipe(fds);
	watch(&t, fds[0], LOOP_IN);
	check_told(&t, 0, 0);
	put(fds[1], "ab");
	check_told(&t, 1, LOOP_IN);
	take(fds[0]);
	check_told(&t, 1, LOOP_IN);
	take(fds[0]);
	check_told(&t, 0, 0);
	put(fds[1], "c");
	CHECK_INT(0, loop_want(lp, &t.w, 0));
	check_told(&t, 0, 0);
	CHECK_INT(0, loop_want(lp, &t.w, LOOP_IN));
	CHECK_INT(0, loop_want(lp, &t.w, LOOP_IN));
	check_told(&t, 1, LOOP_IN);
	loop_forget(lp, &t.w);
	check_told(&t, 0, 0);
	close_pipe(fds);
}

static void
test_out(void)
{
	struct told t;
	int fds[2];

	make_pipe(fds);
	watch(&t, fds[1], LOOP_OUT);
	check_told(&t, 1, LOOP_OUT);
	while (write(fds[1], "0123456789abcdef", 16) > 0)
		;
	check_told(&t, 0, 0);
	loop_forget(lp, &t.w);
	close_pipe(fds);
}

/* The other end has gone: so is told who wants something, and nobody else. */
static void
test_gone(void)
{
	struct told in, out;
	int a[2], b[2];

	make_pipe(a);
	make_pipe(b);
	watch(&in, a[0], LOOP_IN);
	watch(&out, b[1], 0);
	/* Full, so that no write is possible but the one that fails. */
	while (write(b[1], "0123456789abcdef", 16) > 0)
		;
	close(a[1]);
	close(b[0]);
	check_told(&out, 0, 0);
	CHECK_INT(1, in.times);
	CHECK(in.events & LOOP_IN);
	CHECK(in.events & LOOP_END);
	CHECK_INT(0, loop_want(lp, &in.w, 0));
	CHECK_INT(0, loop_want(lp, &out.w, LOOP_OUT));
	in.times = out.times = 0;
	look();
	CHECK_INT(0, in.times);
	CHECK_INT(1, out.times);
	CHECK(out.events & LOOP_OUT);
	CHECK(out.events & LOOP_END);
	loop_forget(lp, &in.w);
	loop_forget(lp, &out.w);
	close(a[0]);
	close(b[1]);
}

/* So is who reads from a peer that sends no more, but may still be read. */
static void
test_half_closed(void)
{
	struct told t;
	int fds[2];

	sure(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
	    "socketpair");
	put(fds[1], "a");
	watch(&t, fds[0], LOOP_IN);
	check_told(&t, 1, LOOP_IN);
	sure(shutdown(fds[1], SHUT_WR), "shutdown");
	check_told(&t, 1, LOOP_IN | LOOP_END);
	CHECK_INT(0, loop_want(lp, &t.w, LOOP_IN | LOOP_OUT));
	check_told(&t, 1, LOOP_IN | LOOP_OUT | LOOP_END);
	CHECK_INT(0, loop_want(lp, &t.w, LOOP_OUT));
	check_told(&t, 1, LOOP_OUT);
	loop_forget(lp, &t.w);
	close_pipe(fds);
}

/* Once when it begins, again when more comes or the want is said again. */
static void
test_edge(void)
{
	struct told t;
	int fds[2];

	make_pipe(fds);
	put(fds[1], "a");
	watch(&t, fds[0], LOOP_IN | LOOP_EDGE);
	check_told(&t, 1, LOOP_IN);
	check_told(&t, 0, 0);
	put(fds[1], "b");
	check_told(&t, 1, LOOP_IN);
	check_told(&t, 0, 0);
	CHECK_INT(0, loop_want(lp, &t.w, LOOP_IN | LOOP_EDGE));
	check_told(&t, 1, LOOP_IN);
	check_told(&t, 0, 0);
	CHECK_INT(0, loop_want(lp, &t.w, LOOP_IN));
	check_told(&t, 1, LOOP_IN);
	check_told(&t, 1, LOOP_IN);
	loop_forget(lp, &t.w);
	close_pipe(fds);
}

static void
test_forget(void)
{
	struct told t;
	int fds[2];

	make_pipe(fds);
	put(fds[1], "a");
	watch(&t, fds[0], LOOP_IN);
	loop_forget(lp, &t.w);
	CHECK_INT(-1, t.w.fd);
	loop_forget(lp, &t.w);
	check_told(&t, 0, 0);
	/* The watch and the descriptor may both be used again. */
	watch(&t, fds[0], LOOP_IN);
	check_told(&t, 1, LOOP_IN);
	loop_forget(lp, &t.w);
	/* One that never wanted anything. */
	loop_watch(&t.w, fds[0], act, &t);
	loop_forget(lp, &t.w);
	check_told(&t, 0, 0);
	close_pipe(fds);
}

static void
act_forget_other(void *arg, unsigned events)
{
	struct told *t = arg;

	act(t, events);
	loop_forget(lp, &t->other->w);
}

/* Of two that have something, the first forgets the second. */
static void
check_forget_other(int fd0, int fd1)
{
	struct told t[2];

	for (int i = 0; i < 2; i++) {
		watch(&t[i], i == 0 ? fd0 : fd1, LOOP_IN);
		t[i].w.act = act_forget_other;
		t[i].other = &t[!i];
	}
	look();
	CHECK_INT(1, t[0].times + t[1].times);
	CHECK((t[0].w.fd == -1) != (t[1].w.fd == -1));
	look();
	CHECK_INT(2, t[0].times + t[1].times);
	for (int i = 0; i < 2; i++)
		loop_forget(lp, &t[i].w);
}

static void
test_forget_other(void)
{
	int a[2], b[2];

	make_pipe(a);
	make_pipe(b);
	put(a[1], "a");
	put(b[1], "b");
	check_forget_other(a[0], b[0]);
	close_pipe(a);
	close_pipe(b);
}

static void
act_forget_self(void *arg, unsigned events)
{
	struct told *t = arg;

	act(t, events);
	loop_forget(lp, &t->w);
}

static void
test_forget_self(void)
{
	struct told t;
	int fds[2];

	make_pipe(fds);
	put(fds[1], "a");
	watch(&t, fds[0], LOOP_IN);
	t.w.act = act_forget_self;
	look();
	look();
	CHECK_INT(1, t.times);
	close_pipe(fds);
}

static void
act_rewatch_other(void *arg, unsigned events)
{
	struct told *t = arg;

	act(t, events);
	loop_forget(lp, &t->other->w);
	loop_watch(&t->other->w, t->other->other_fd, act, t->other);
	loop_want(lp, &t->other->w, LOOP_IN);
}

/*
 * The first makes the second watch something else, on which nothing has
 * come: what was to be told of the forgotten one is told to nobody.
 */
static void
test_rewatch_other(void)
{
	struct told t[2];
	int fds[2][2], quiet[2];

	make_pipe(quiet);
	for (int i = 0; i < 2; i++) {
		make_pipe(fds[i]);
		put(fds[i][1], "a");
		watch(&t[i], fds[i][0], LOOP_IN);
		t[i].w.act = act_rewatch_other;
		t[i].other = &t[!i];
		t[i].other_fd = quiet[0];
	}
	look();
	CHECK_INT(1, t[0].times + t[1].times);
	for (int i = 0; i < 2; i++) {
		loop_forget(lp, &t[i].w);
		close_pipe(fds[i]);
	}
	close_pipe(quiet);
}

/* Nobody is left out for long, however many have something all the time. */
static void
test_many(void)
{
	static struct told t[MANY];
	int fds[2], left = MANY;

	make_pipe(fds);
	put(fds[1], "a");
	for (int i = 0; i < MANY; i++)
		watch(&t[i], sure(fcntl(fds[0], F_DUPFD_CLOEXEC, 3), "dup"),
		    LOOP_IN);
	for (int waits = 0; waits < 10 && left > 0; waits++) {
		look();
		left = 0;
		for (int i = 0; i < MANY; i++)
			left += t[i].times == 0;
	}
	CHECK_INT(0, left);
	for (int i = 0; i < MANY; i++) {
		int fd = t[i].w.fd;

		loop_forget(lp, &t[i].w);
		close(fd);
	}
	close_pipe(fds);
}

static int
plain_file(void)
{
	int fd = sure(memfd_create("file", MFD_CLOEXEC), "memfd_create");

	put(fd, "a");
	return fd;
}

/* epoll(7) does not take plain files; they are ready for all that is wanted. */
static void
test_file(void)
{
	struct told file, other;
	int fd = plain_file(), fds[2];

	make_pipe(fds);
	watch(&other, fds[0], LOOP_IN);
	watch(&file, fd, LOOP_IN);
	check_told(&file, 1, LOOP_IN);
	check_told(&file, 1, LOOP_IN);
	CHECK_INT(0, other.times);
	put(fds[1], "a");
	check_told(&file, 1, LOOP_IN);
	CHECK_INT(1, other.times);
	/* It does not let the loop sleep. */
	file.times = 0;
	CHECK_INT(0, loop_wait(lp, LOOP_NEVER));
	CHECK_INT(1, file.times);
	CHECK_INT(0, loop_want(lp, &file.w, LOOP_OUT));
	check_told(&file, 1, LOOP_OUT);
	CHECK_INT(0, loop_want(lp, &file.w, 0));
	check_told(&file, 0, 0);
	CHECK_INT(0, loop_want(lp, &file.w, LOOP_IN | LOOP_OUT));
	check_told(&file, 1, LOOP_IN | LOOP_OUT);
	CHECK_INT(0, loop_want(lp, &file.w, LOOP_IN | LOOP_EDGE));
	check_told(&file, 1, LOOP_IN);
	file.w.act = act_forget_self;
	check_told(&file, 1, LOOP_IN);
	check_told(&file, 0, 0);
	loop_forget(lp, &other.w);
	close_pipe(fds);
	close(fd);
}

static void
test_deadline(void)
{
	struct told t;
	int64_t before, deadline;
	int fds[2];

	before = loop_now(lp);
	CHECK_INT(0, loop_wait(lp, before - 1000));
	CHECK_INT(0, loop_wait(lp, INT64_MIN / 2));
	CHECK_INT(0, loop_wait(lp, 0));
	CHECK(loop_now(lp) >= before);
	deadline = loop_now(lp) + 20;
	for (int waits = 0; waits < 100 && loop_now(lp) < deadline; waits++)
		CHECK_INT(0, loop_wait(lp, deadline));
	CHECK(loop_now(lp) >= deadline);
	/* An event ends the wait before any deadline. */
	make_pipe(fds);
	put(fds[1], "a");
	watch(&t, fds[0], LOOP_IN);
	CHECK_INT(0, loop_wait(lp, LOOP_NEVER));
	CHECK_INT(0, loop_wait(lp, LOOP_NEVER - 1));
	CHECK_INT(0, loop_wait(lp, loop_now(lp) + 3600 * 1000));
	CHECK_INT(3, t.times);
	loop_forget(lp, &t.w);
	close_pipe(fds);
}

/* A deadline that has passed does not keep what is there from being told. */
static void
test_past_deadline(void)
{
	struct told t;
	int fds[2];

	make_pipe(fds);
	put(fds[1], "a");
	watch(&t, fds[0], LOOP_IN);
	CHECK_INT(0, loop_wait(lp, loop_now(lp) - 1000));
	CHECK_INT(1, t.times);
	loop_forget(lp, &t.w);
	close_pipe(fds);
}

static void
test_bad_descriptor(void)
{
	struct told t = { .times = 0 };

	loop_watch(&t.w, 1 << 20, act, &t);
	errno = 0;
	CHECK_INT(-1, loop_want(lp, &t.w, LOOP_IN));
	CHECK_INT(EBADF, errno);
	check_told(&t, 0, 0);
	loop_forget(lp, &t.w);
}

/* The signals that came, in a row of digits: 1 USR1, 2 USR2. */
static unsigned signals_told;

static void
signal_act(void *arg, int signo)
{
	CHECK(arg == &signals_told);
	signals_told = 10 * signals_told + (signo == SIGUSR1 ? 1 :
	    signo == SIGUSR2 ? 2 : 9);
}

/* Is it in the set of blocked ones? */
static int
blocked(int signo)
{
	sigset_t set;

	sigprocmask(SIG_SETMASK, NULL, &set);
	return sigismember(&set, signo);
}

static void
test_signals(void)
{
	static const int signals[] = { SIGUSR1, SIGUSR2, 0 };
	sigset_t set;

	/* Something that was blocked before stays so. */
	loop_free(lp);
	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (!CHECK((lp = loop_new()) != NULL))
		return;
	CHECK_INT(0, loop_signals(lp, signals, signal_act, &signals_told));
	look();
	CHECK_INT(0, signals_told);
	kill(getpid(), SIGUSR1);
	CHECK_INT(0, signals_told);
	CHECK_INT(0, loop_wait(lp, LOOP_NEVER));
	CHECK_INT(1, signals_told);
	kill(getpid(), SIGUSR2);
	look();
	CHECK_INT(12, signals_told);
	kill(getpid(), SIGUSR2);
	kill(getpid(), SIGUSR1);
	look();
	look();
	CHECK(signals_told == 1212 || signals_told == 1221);
	look();
	CHECK(signals_told < 10000);
	CHECK(blocked(SIGUSR1) && blocked(SIGWINCH) && !blocked(SIGTERM));
	CHECK(sigismember(loop_oldmask(lp), SIGWINCH));
	CHECK(!sigismember(loop_oldmask(lp), SIGUSR1));
	CHECK(!sigismember(loop_oldmask(lp), SIGUSR2));
}

static volatile sig_atomic_t ticks;

static void
tick(int signo)
{
	(void)signo;
	if (++ticks > 500)
		_exit(3);	/* the wait should have ended */
}

/* A signal with a handler of somebody else's is no error of the wait. */
static void
test_interrupted(void)
{
	const struct itimerval every = { { 0, 10000 }, { 0, 10000 } };
	const struct itimerval never = { { 0, 0 }, { 0, 0 } };
	struct sigaction sa = { .sa_handler = tick }, old;

	sigaction(SIGALRM, &sa, &old);
	setitimer(ITIMER_REAL, &every, NULL);
	CHECK_INT(0, loop_wait(lp, LOOP_NEVER));
	CHECK(ticks > 0);
	/* So far away that an int does not hold it. */
	ticks = 0;
	CHECK_INT(0, loop_wait(lp, loop_now(lp) + (1LL << 32) + 2));
	CHECK(ticks > 0);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &old, NULL);
}

static int
open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

/* Nothing stays open behind a loop. */
static void
test_free(void)
{
	static const int signals[] = { SIGUSR1, 0 };
	int before = open_descriptors();
	struct loop *other;

	if (CHECK((other = loop_new()) != NULL))
		CHECK_INT(0, loop_signals(other, signals, signal_act,
		    &signals_told));
	loop_free(other);
	loop_free(NULL);
	CHECK_INT(before, open_descriptors());
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	if (!CHECK((lp = loop_new()) != NULL))
		return check_status();
	test_interrupted();
	alarm(30);	/* a wait that should have ended */
	test_in();
	test_out();
	test_gone();
	test_half_closed();
	test_edge();
	test_forget();
	test_forget_other();
	test_forget_self();
	test_rewatch_other();
	test_many();
	test_file();
	test_deadline();
	test_past_deadline();
	test_bad_descriptor();
	test_signals();
	test_free();
	loop_free(lp);
	return check_status();
}
