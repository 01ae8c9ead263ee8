/*
 * For LD_PRELOAD: makes one call of a C library function fail, or bytes move
 * one by one, to see what a program does then.
 *
 *	FAULT=NAME:K:ERRNO	the Kth call of NAME, counted from 1, fails with
 *				this error number; all others are as ever
 *	FAULT_FIRED=FILE	FILE is made when it does
 *	FAULT_SHORT=NAME,...	of read, recv, write and send, these move one
 *				byte at most, but on standard error, on what
 *				is no stream, and where a pipe promises more
 *
 * NAME is one of those below.  Children that the program forks are not
 * touched, nor programs that it runs, unless it gives them its environment.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char name[32];		/* of the call; "" for none */
static long left;		/* calls until it fails */
static int error;
static pid_t parent;
static char fired[256];		/* the file; "" for none */
static char one_byte[64];	/* the calls; "" for none */

static void
keep(char *text, size_t size, const char *value)
{
	if (value != NULL && (size_t)snprintf(text, size, "%s", value) >= size)
		abort();
}

__attribute__((constructor)) static void
begin(void)
{
	const char *fault = getenv("FAULT");

	if (fault != NULL &&
	    sscanf(fault, "%31[a-z0-9_]:%ld:%d", name, &left, &error) != 3)
		abort();
	parent = getpid();
	/* Copied, for setproctitle(3) moves the environment. */
	keep(fired, sizeof(fired), getenv("FAULT_FIRED"));
	keep(one_byte, sizeof(one_byte), getenv("FAULT_SHORT"));
}

/* Is this the call that fails?  Nothing here may call what is below. */
static bool
fails(const char *call)
{
	int fd;

	if (left == 0 || strcmp(call, name) != 0 || getpid() != parent ||
	    --left > 0)
		return false;
	if (fired[0] != '\0' && (fd = syscall(SYS_openat, AT_FDCWD, fired,
	    O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) != -1)
		syscall(SYS_close, fd);
	errno = error;
	return true;
}

static size_t
shorter(const char *call, int fd, size_t len)
{
	struct stat st;

	if (strstr(one_byte, call) == NULL || len < 2 ||
	    fd == STDERR_FILENO || fstat(fd, &st) == -1)
		return len;
	if (S_ISFIFO(st.st_mode))
		return len > PIPE_BUF ? 1 : len;
	return S_ISSOCK(st.st_mode) || S_ISREG(st.st_mode) ? 1 : len;
}

#define CALL(type, call, params, args, failure)				\
type									\
call params								\
{									\
	static type (*real) params;					\
									\
	if (fails(#call))						\
		return failure;						\
	if (real == NULL)						\
		real = (type (*) params)dlsym(RTLD_NEXT, #call);	\
	return real args;						\
}

CALL(void *, malloc, (size_t size), (size), NULL)
CALL(void *, calloc, (size_t n, size_t size), (n, size), NULL)
CALL(void *, realloc, (void *p, size_t size), (p, size), NULL)

CALL(ssize_t, read, (int fd, void *p, size_t len),
    (fd, p, shorter("read", fd, len)), -1)
CALL(ssize_t, write, (int fd, const void *p, size_t len),
    (fd, p, shorter("write", fd, len)), -1)
CALL(ssize_t, recv, (int fd, void *p, size_t len, int flags),
    (fd, p, shorter("recv", fd, len), flags), -1)
CALL(ssize_t, send, (int fd, const void *p, size_t len, int flags),
    (fd, p, shorter("send", fd, len), flags), -1)

CALL(int, socket, (int domain, int type, int protocol),
    (domain, type, protocol), -1)
CALL(int, connect, (int fd, const struct sockaddr *sa, socklen_t len),
    (fd, sa, len), -1)
CALL(int, bind, (int fd, const struct sockaddr *sa, socklen_t len),
    (fd, sa, len), -1)
CALL(int, listen, (int fd, int n), (fd, n), -1)
CALL(int, accept4, (int fd, struct sockaddr *sa, socklen_t *len, int flags),
    (fd, sa, len, flags), -1)
CALL(int, getsockopt, (int fd, int level, int opt, void *p, socklen_t *len),
    (fd, level, opt, p, len), -1)
CALL(int, setsockopt, (int fd, int level, int opt, const void *p,
    socklen_t len), (fd, level, opt, p, len), -1)

CALL(int, epoll_create1, (int flags), (flags), -1)
CALL(int, epoll_ctl, (int ep, int op, int fd, struct epoll_event *ev),
    (ep, op, fd, ev), -1)
CALL(int, epoll_wait, (int ep, struct epoll_event *ev, int n, int ms),
    (ep, ev, n, ms), -1)
CALL(int, signalfd, (int fd, const sigset_t *set, int flags),
    (fd, set, flags), -1)
CALL(int, poll, (struct pollfd *p, nfds_t n, int ms), (p, n, ms), -1)

CALL(int, pipe2, (int fds[2], int flags), (fds, flags), -1)
CALL(pid_t, fork, (void), (), -1)
CALL(int, posix_spawn, (pid_t *pid, const char *path,
    const posix_spawn_file_actions_t *fa, const posix_spawnattr_t *at,
    char *const argv[], char *const env[]), (pid, path, fa, at, argv, env),
    error)

CALL(int, fstat, (int fd, struct stat *st), (fd, st), -1)
CALL(int, stat, (const char *path, struct stat *st), (path, st), -1)
CALL(int, chmod, (const char *path, mode_t mode), (path, mode), -1)
CALL(int, rename, (const char *from, const char *to), (from, to), -1)
CALL(int, unlink, (const char *path), (path), -1)
CALL(int, mkdir, (const char *path, mode_t mode), (path, mode), -1)
CALL(int, flock, (int fd, int how), (fd, how), -1)
CALL(int, ftruncate, (int fd, off_t len), (fd, len), -1)
CALL(int, posix_fallocate, (int fd, off_t at, off_t len), (fd, at, len),
    error)
CALL(void *, mmap, (void *at, size_t len, int prot, int flags, int fd,
    off_t off), (at, len, prot, flags, fd, off), MAP_FAILED)
CALL(ssize_t, getrandom, (void *p, size_t len, unsigned flags),
    (p, len, flags), -1)

/* glibc 2.36 dies in it where memory is short; that is not sought here. */
struct group *
getgrnam(const char *group)
{
	static struct group *(*real)(const char *);
	struct group *gr;
	long saved = left;

	if (real == NULL)
		real = (struct group *(*)(const char *))dlsym(RTLD_NEXT,
		    "getgrnam");
	left = 0;
	gr = real(group);
	left = saved;
	return gr;
}

/* These two have more arguments than their prototypes say. */
int
open(const char *path, int flags, ...)
{
	static int (*real)(const char *, int, ...);
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (fails("open"))
		return -1;
	if (real == NULL)
		real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT,
		    "open");
	return real(path, flags, mode);
}

int
fcntl(int fd, int op, ...)
{
	static int (*real)(int, int, ...);
	va_list ap;
	long arg;

	va_start(ap, op);
	arg = va_arg(ap, long);
	va_end(ap);
	if (fails("fcntl"))
		return -1;
	if (real == NULL)
		real = (int (*)(int, int, ...))dlsym(RTLD_NEXT, "fcntl");
	return real(fd, op, arg);
}
