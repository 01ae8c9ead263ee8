/*
 * Lines out of bytes.  A partial line is looked at once: seen remembers how
 * far, so that a long line that comes in small pieces costs linear time.
 */
#include "lonc/line.h"

#include <string.h>

enum line_result
line_next(struct line *ln, const char *data, size_t len, size_t *line_len,
    size_t *used)
{
	const char *lf = NULL;
	size_t n;
	bool skipped = ln->skipping;

	if (len > ln->seen)
		lf = memchr(data + ln->seen, '\n', len - ln->seen);
	if (lf == NULL) {
		*used = 0;
		ln->seen = len;
		if (skipped || len > ln->limit) {
			ln->skipping = true;
			ln->seen = 0;
			*used = len;
		}
		return LINE_MORE;
	}
	n = lf - data;
	ln->seen = 0;
	ln->skipping = false;
	*used = n + 1;
	if (skipped || n > ln->limit)
		return LINE_LONG;
	*line_len = n;
	return LINE_OK;
}
