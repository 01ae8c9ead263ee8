/*
 * line: lines out of bytes.  A line is any bytes but LF, ended by one LF.
 * Source: lonc-protocol(7), FRAMING.
 */
#ifndef LONC_LINE_H
#define LONC_LINE_H

#include <stdbool.h>
#include <stddef.h>

enum line_result {
	LINE_MORE,	/* no complete line is there */
	LINE_OK,	/* a line */
	LINE_LONG,	/* the end of a line longer than the limit */
};

struct line {
	size_t	limit;		/* bytes of the longest line, without LF */
	size_t	seen;		/* bytes at the front known to hold no LF */
	bool	skipping;	/* within a line that is too long */
};

#define LINE_INIT(limit) { (limit), 0, false }

/*
 * line_next: look at the len bytes that came and were not yet used.
 *
 * Returns  LINE_OK with *line_len, the line's length without its LF, at
 *          data[0].  Whatever is returned, the caller drops the first
 *          *used bytes before the next call; it may call with more bytes
 *          behind the others, never with fewer.  Of a line that is too
 *          long at most limit + 1 bytes need be kept at any time.
 */
enum line_result line_next(struct line *ln, const char *data, size_t len,
    size_t *line_len, size_t *used);

#endif
