/* The programs' voice.  See log.h. */
#include "lonc/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lonc/text.h"

static const char *log_program = "lonc", *log_peer;
static uint64_t log_lost, log_untold;

void
log_init(const char *program, const char *peer)
{
	int fd;

	log_program = program;
	log_peer = peer;
	/* No socket may become standard error, to be written to as such. */
	do
		fd = open("/dev/null", O_RDWR);
	while (fd != -1 && fd <= STDERR_FILENO);
	if (fd != -1)
		close(fd);
}

/* Writes without waiting.  Returns 0, or -1 if the line was not taken. */
static int
emit(const char *text)
{
	struct pollfd pfd = { .fd = STDERR_FILENO, .events = POLLOUT };
	char raw[LOG_LINE], line[LOG_LINE];
	size_t len;

	snprintf(raw, sizeof(raw), "%s: %s%s%s", log_program,
	    log_peer != NULL ? log_peer : "", log_peer != NULL ? ": " : "",
	    text);
	text_printable(line, sizeof(line), raw, strlen(raw));
	len = strlen(line);
	line[len] = '\n';	/* in place of the NUL */
	if (poll(&pfd, 1, 0) != 1 || !(pfd.revents & POLLOUT))
		return -1;
	return write(STDERR_FILENO, line, len + 1) == -1 ? -1 : 0;
}

void
log_line(const char *fmt, ...)
{
	char text[LOG_LINE], told[64];
	va_list ap;
	int saved = errno;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (log_untold > 0) {
		snprintf(told, sizeof(told), "%llu log lines were dropped",
		    (unsigned long long)log_untold);
		if (emit(told) == 0)
			log_untold = 0;
	}
	if (emit(text) == -1) {
		log_lost++;
		log_untold++;
	}
	errno = saved;
}

void
log_note(void *arg, _Bool error, const char *text)
{
	unsigned *errors = arg;

	if (error && errors != NULL)
		(*errors)++;
	log_line("%s", text);
}

uint64_t
log_dropped(void)
{
	return log_lost;
}
