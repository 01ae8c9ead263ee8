/* What is shown of a status record with anything in it. */
#include "lonc/view.h"

#include "record.h"

/* Lines of printable text, and as many fields in each as there should be. */
static void
check(struct buf *out, size_t nfield)
{
	struct input in;
	size_t len, n;
	char *line, *p;

	for (in = input_of(out); in.left > 0; free(line)) {
		line = take_line(&in, &len);
		MUST(in.p[-1] == '\n' && strlen(line) == len);
		for (n = 1, p = line; (p = strchr(p, '\t')) != NULL; n++)
			*p = ' ';
		MUST(printable(line));
		MUST(nfield == 0 || n == nfield);
	}
	buf_free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct buf out = BUF_INIT(1 << 20);
	struct view_fields vf = { .n = 0 };
	struct views vs = { NULL, 0 };
	int64_t now = 1700000000 + take(&in) * 60;

	while (view_field_name(vf.n) != NULL) {
		vf.at[vf.n] = vf.n;
		vf.n++;
	}
	record_put(&in);
	MUST(views_add(&vs, "peer") == 0);
	views_load(&vs, ".", now);
	MUST(vs.n == 1 && printable(vs.v[0].why));
	(void)view_well(&vs.v[0], now);
	MUST(views_table(&out, &vs, now) == 0);
	check(&out, 0);
	MUST(views_lines(&out, &vs, &vf) == 0);
	check(&out, vf.n);
	views_free(&vs);
	return 0;
}
