/*
 * log: one line an event on standard error, as "PROGRAM: PEER: text".
 *
 * A line is at most LOG_LINE bytes.  Where standard error is a pipe whose
 * reader has stopped, lines are dropped and counted rather than waited for;
 * the first that can be written again is preceded by one that says how many
 * were lost.
 */
#ifndef LONC_LOG_H
#define LONC_LOG_H

#include <stddef.h>
#include <stdint.h>

#define LOG_LINE 1024	/* bytes with LF; below PIPE_BUF, so never split */

/*
 * log_init: the program's name, and the peer's host id or NULL if none is
 * known yet.  Both are kept, not copied.  Descriptors 0 to 2 that are not
 * open become /dev/null.
 */
void log_init(const char *program, const char *peer);

/* log_line: text without line end; control bytes in it are escaped. */
void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * log_note: a conf_say that logs what it is told; arg is an unsigned count
 * of errors to add to, or NULL.
 */
void log_note(void *arg, _Bool error, const char *text);

/* log_dropped: lines lost since the start. */
uint64_t log_dropped(void);

#endif
