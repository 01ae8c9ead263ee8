/* A status record with anything in it, as a reader finds it. */
#include "lonc/status.h"

#include "record.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct status *st = malloc(sizeof(*st));
	struct status_hist h;
	int64_t now = take(&in) * 60;
	enum status_result r;

	MUST(st != NULL);
	record_put(&in);
	r = status_read(st, ".", "peer");
	MUST(r != STATUS_NONE);
	if (r == STATUS_GOOD || r == STATUS_TORN) {
		MUST(strcmp(st->peer, "peer") == 0);
		MUST(strlen(st->software) < STATUS_TEXT);
		MUST(strlen(st->error) < STATUS_TEXT);
		MUST(strlen(st->refusal) < STATUS_TEXT);
		status_recent(st, now, &h);
		for (unsigned p = 1; p <= 100; p += 33) {
			(void)status_percentile(&h, p);
			(void)status_percentile(&st->total, p);
		}
		status_round_trip(st, take(&in), 1, now);
	}
	free(st);
	return 0;
}
