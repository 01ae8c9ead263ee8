/*
 * A configuration directory of a test's own, removed when it ends, and what
 * was told about the files in it.
 */
#ifndef CONFDIR_H
#define CONFDIR_H

#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char confdir[2048];	/* its path */
static char told[1 << 16];	/* "E " or "W " and the text, a line each */
static size_t told_len;
static unsigned told_errors;

static inline int
confdir_unlink(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void
confdir_remove(void)
{
	nftw(confdir, confdir_unlink, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void
confdir_make(void)
{
	const char *tmp = getenv("TMPDIR");

	if (snprintf(confdir, sizeof(confdir), "%s/lonc-test.XXXXXX",
	    tmp != NULL ? tmp : "/tmp") >= (int)sizeof(confdir) ||
	    mkdtemp(confdir) == NULL) {
		perror("a temporary directory");
		exit(2);
	}
	atexit(confdir_remove);
}

static inline char *
confdir_path(char path[4096], const char *name)
{
	snprintf(path, 4096, "%s/%s", confdir, name);
	return path;
}

static inline void
confdir_write(const char *name, const void *text, size_t len)
{
	char path[4096];
	int fd = open(confdir_path(path, name),
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd == -1 || write(fd, text, len) != (ssize_t)len) {
		perror(path);
		exit(2);
	}
	close(fd);
}

static inline void
told_clear(void)
{
	told[told_len = 0] = '\0';
	told_errors = 0;
}

/* A conf_say: keeps what it is told, with DIR for the directory's path. */
static inline void
told_say(void *arg, bool error, const char *text)
{
	size_t n = strlen(confdir);
	const char *dir = strncmp(text, confdir, n) == 0 ? "DIR" : "";

	(void)arg;
	told_errors += error;
	if (told_len < sizeof(told))
		told_len += snprintf(told + told_len, sizeof(told) - told_len,
		    "%c %s%s\n", error ? 'E' : 'W', dir,
		    *dir != '\0' ? text + n : text);
}

/* Is all that was told made of whole lines of printable ASCII? */
static inline bool
told_printable(void)
{
	for (const char *p = told; *p != '\0'; p++)
		if ((*p < ' ' || *p > '~') && *p != '\n')
			return false;
	return told_len == 0 || told_len >= sizeof(told) ||
	    told[told_len - 1] == '\n';
}

/* The same bytes in every run (xorshift32). */
static inline unsigned
dice(unsigned sides)
{
	static unsigned x = 2463534242u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x % sides;
}

#endif
