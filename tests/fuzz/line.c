/* Any cutting of a stream gives the lines that it gives at once. */
#include "lonc/line.h"

#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct line ln = LINE_INIT(take(&in));
	size_t step = take(&in), have = 0, at = 0, n, used, len;
	size_t total = in.left;
	char *text = take_text(&in, &total), *piece;
	const char *lf, *begin;
	enum line_result r;

	while (have < total) {
		step = step * 5 + 1;
		n = 1 + step % 7 * (step % 3);
		have = n < total - have ? have + n : total;
		do {
			/* What was not used, alone in its block. */
			MUST((piece = malloc(have - at + 1)) != NULL);
			memcpy(piece, text + at, have - at);
			r = line_next(&ln, piece, have - at, &len, &used);
			free(piece);
			MUST(used <= have - at);
			lf = memchr(text + at, '\n', have - at);
			if (r == LINE_MORE) {
				MUST(lf == NULL);
				MUST(have - at - used <= ln.limit);
				at += used;
				break;
			}
			MUST(lf != NULL);
			MUST(used == (size_t)(lf - text) + 1 - at);
			at += used;
			/* The whole line, also what was skipped of it. */
			begin = lf;
			while (begin > text && begin[-1] != '\n')
				begin--;
			n = lf - begin;
			MUST((r == LINE_LONG) == (n > ln.limit));
			MUST(r == LINE_LONG || len == n);
		} while (at < have);
	}
	free(text);
	return 0;
}
