/*
 * rows: a file of lines in the configuration directory, read whole.  What
 * all of them have in common, comments and blanks, is in lonc.conf(5).
 */
#ifndef LONC_ROWS_H
#define LONC_ROWS_H

#include <limits.h>
#include <stdbool.h>

#include "lonc/conf.h"

#define ROWS_TEXT 512	/* of a message, what follows the path, with NUL */

/*
 * text is malloc(3)ed, and the lines are strings in it.  Who wants to keep
 * them takes it and leaves NULL.
 */
struct rows {
	char		 path[PATH_MAX];
	char		*text;
	char		*next;		/* line, if before end */
	char		*end;
	unsigned	 line;		/* number of the last one, from 1 */
	unsigned	 nbad;		/* errors told */
	conf_say	*say;
	void		*arg;
};

/*
 * rows_open: read the file DIR/NAME, a regular one of at most 64 MiB.
 * Returns  0, for rows_close(), or -1, and say was told.
 */
int rows_open(struct rows *rs, const char *dir, const char *name,
    conf_say *say, void *arg);
void rows_close(struct rows *rs);

/*
 * rows_next: the next line with something on it, without its comment and
 * the blanks around.  A line with a NUL byte or of more than 4096 bytes is
 * told to say as an error and passed over.
 *
 * Returns  the line, to be changed at will, or NULL after the last.
 */
char *rows_next(struct rows *rs);

/* rows_tell: tell say about this line, or about the file if line is 0. */
void rows_tell(struct rows *rs, bool error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
