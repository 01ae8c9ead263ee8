/*
 * lonc-send reads the configuration at every start, so a file costs one
 * open, one stat and one read.
 */
#include "lonc/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES (64 << 20)	/* hosts.tab with a million hosts */
#define LINE_BYTES 4096

void
rows_tell(struct rows *rs, bool error, const char *fmt, ...)
{
	char text[PATH_MAX + ROWS_TEXT];
	va_list ap;
	int n;

	if (rs->line > 0)
		n = snprintf(text, sizeof(text), "%s:%u: ", rs->path, rs->line);
	else
		n = snprintf(text, sizeof(text), "%s: ", rs->path);
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - n, fmt, ap);
	va_end(ap);
	if (error)
		rs->nbad++;
	rs->say(rs->arg, error, text);
}

/*
 * A whole regular file, and a byte more for the end of its last line.  What
 * is added to it meanwhile is left out.  Returns NULL, or why not.
 */
static const char *
read_whole(struct rows *rs, int fd)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) == -1)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "not a regular file";
	if (st.st_size > FILE_BYTES)
		return strerror(EFBIG);
	if ((rs->text = malloc(st.st_size + 1)) == NULL)
		return strerror(errno);
	rs->next = rs->end = rs->text;
	while (rs->end - rs->text < st.st_size) {
		n = read(fd, rs->end, st.st_size - (rs->end - rs->text));
		if (n == -1)
			return strerror(errno);
		if (n == 0)
			break;
		rs->end += n;
	}
	return NULL;
}

int
rows_open(struct rows *rs, const char *dir, const char *name, conf_say *say,
    void *arg)
{
	const char *why;
	int fd = -1;

	*rs = (struct rows){ .say = say, .arg = arg };
	/* O_NONBLOCK, lest a FIFO in its place hold the program up. */
	if (conf_path(rs->path, sizeof(rs->path), dir, name) == NULL ||
	    (fd = open(rs->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) == -1)
		why = strerror(errno);
	else
		why = read_whole(rs, fd);
	if (fd != -1)
		close(fd);
	if (why == NULL)
		return 0;
	rows_tell(rs, true, "%s", why);
	rows_close(rs);
	return -1;
}

void
rows_close(struct rows *rs)
{
	free(rs->text);
	rs->text = NULL;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The line without comment, CR and the blanks around. */
static char *
strip(char *line)
{
	char *end;

	for (end = line; *end != '\0'; end++)
		if (*end == '#' && (end == line || is_blank(end[-1])))
			break;
	while (end > line && (is_blank(end[-1]) || end[-1] == '\r'))
		end--;
	*end = '\0';
	while (is_blank(*line))
		line++;
	return line;
}

char *
rows_next(struct rows *rs)
{
	char *line, *lf;

	while (rs->next < rs->end) {
		line = rs->next;
		if ((lf = memchr(line, '\n', rs->end - line)) == NULL)
			lf = rs->end;
		rs->next = lf + 1;
		rs->line++;
		*lf = '\0';
		if (lf - line > LINE_BYTES)
			rows_tell(rs, true, "the line has more than %d bytes",
			    LINE_BYTES);
		else if (strlen(line) != (size_t)(lf - line))
			rows_tell(rs, true, "a NUL byte is in the line");
		else if (*(line = strip(line)) != '\0')
			return line;
	}
	return NULL;
}
