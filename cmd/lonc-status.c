/* lonc-status: how this host's links are doing.  See lonc-status(1). */
#include <err.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lonc/conf.h"
#include "lonc/exit.h"
#include "lonc/view.h"

struct opts {
	const char		*dir;
	struct view_fields	 fields;	/* none: the table */
};

static void
usage(FILE *to, int status)
{
	fputs("usage: lonc-status [-C dir] [-o fields] [PEER ...]\n"
	    "\t-C dir\tconfiguration directory (" CONF_DIR ")\n"
	    "\t-o fields\tprint these, with tabs between them: a list of\n",
	    to);
	for (size_t i = 0; view_field_name(i) != NULL; i++)
		fprintf(to, "%s%s%s", i % 7 == 0 ? "\t\t" : "",
		    view_field_name(i), view_field_name(i + 1) == NULL ?
		    "\n" : i % 7 == 6 ? ",\n" : ",");
	fputs("\t-h, -V\tshow this, or the version\n", to);
	exit(status);
}

static void
fields_parse(struct view_fields *fields, const char *list)
{
	const char *bad;

	if (view_fields_parse(fields, list, &bad) == 0)
		return;
	warnx("-o: \"%.*s\" is not a field, or one too many",
	    (int)strcspn(bad, ","), bad);
	usage(stderr, EXIT_WRONG);
}

static struct opts
opts_parse(int argc, char *argv[])
{
	struct opts o = { .dir = NULL };
	int ch;

	while ((ch = getopt(argc, argv, "C:ho:V")) != -1) {
		switch (ch) {
		case 'C':
			o.dir = optarg;
			break;
		case 'h':
			usage(stdout, EXIT_DONE);
			break;
		case 'o':
			fields_parse(&o.fields, optarg);
			break;
		case 'V':
			puts("lonc-status " LONC_VERSION);
			exit(EXIT_DONE);
		default:
			usage(stderr, EXIT_WRONG);
		}
	}
	o.dir = conf_dir(o.dir);
	return o;
}

static void
conf_error(void *arg, bool error, const char *text)
{
	(void)arg;
	if (error)
		warnx("%s", text);
}

static void
find_named(struct views *vs, char *const *peers)
{
	for (; *peers != NULL; peers++) {
		if (!id_valid(*peers))
			errx(EXIT_WRONG, "%s: not a host id", *peers);
		if (views_add(vs, *peers) == -1)
			err(EXIT_TEMP, "%s", *peers);
	}
}

static int
find_all(struct views *vs, const struct conf *cf)
{
	char records[PATH_MAX];
	int status = EXIT_DONE;

	if (conf_path(records, sizeof(records), cf->sock_dir, ".status") ==
	    NULL || views_find(vs, records, false) == -1) {
		warn("%s/.status", cf->sock_dir);
		status = EXIT_TEMP;
	}
	if (views_find(vs, cf->spool_dir, true) == -1) {
		warn("%s", cf->spool_dir);
		status = EXIT_TEMP;
	}
	if (vs->n == 0 && status == EXIT_DONE) {
		warnx("there is no status record in %s/.status", cf->sock_dir);
		status = EXIT_NO;
	}
	return status;
}

/* Says what is wrong with each, and returns the worse status. */
static int
judge(const struct views *vs, int64_t now, int status)
{
	for (size_t i = 0; i < vs->n; i++) {
		const struct view *v = &vs->v[i];

		if (v->why[0] != '\0')
			warnx("%s: %s", v->peer, v->why);
		if (v->unreadable)
			status = EXIT_TEMP;
		else if (status == EXIT_DONE && !view_well(v, now))
			status = EXIT_NO;
	}
	return status;
}

static void
print(const struct views *vs, const struct view_fields *fields, int64_t now)
{
	struct buf out = BUF_INIT(SIZE_MAX / 2);

	if (vs->n == 0)
		return;
	if ((fields->n > 0 ? views_lines(&out, vs, fields) :
	    views_table(&out, vs, now)) == -1)
		err(EXIT_TEMP, "output");
	if (fwrite(buf_data(&out), 1, buf_len(&out), stdout) !=
	    buf_len(&out) || fflush(stdout) == EOF)
		err(EXIT_TEMP, "standard output");
	buf_free(&out);
}

int
main(int argc, char *argv[])
{
	struct opts o = opts_parse(argc, argv);
	struct views vs = { NULL, 0 };
	int64_t now = time(NULL);
	struct conf *cf;
	int status = EXIT_DONE;

	if ((cf = conf_load(o.dir, conf_error, NULL)) == NULL)
		return EXIT_WRONG;
	if (optind < argc)
		find_named(&vs, argv + optind);
	else
		status = find_all(&vs, cf);
	views_load(&vs, cf->sock_dir, now);
	status = judge(&vs, now, status);
	print(&vs, &o.fields, now);
	views_free(&vs);
	conf_free(cf);
	return status;
}
