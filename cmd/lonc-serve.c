/* lonc-serve: answers one client on descriptors 0 and 1.  lonc-serve(8). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lonc/addr.h"
#include "lonc/exit.h"
#include "lonc/log.h"
#include "lonc/serve.h"
#include "lonc/site.h"

struct opts {
	const char	*dir;
	bool		 check;
};

static void
usage(FILE *to, int status)
{
	fputs("usage: lonc-serve [-C dir] [-t]\n"
	    "\t-C dir\tconfiguration directory (" CONF_DIR ")\n"
	    "\t-t\tcheck the configuration and exit\n"
	    "\t-h, -V\tshow this, or the version\n"
	    "A client's connection is on descriptors 0 and 1.\n", to);
	exit(status);
}

static struct opts
opts_parse(int argc, char *argv[])
{
	struct opts o = { NULL, false };
	int ch;

	while ((ch = getopt(argc, argv, "C:htV")) != -1) {
		switch (ch) {
		case 'C':
			o.dir = optarg;
			break;
		case 'h':
			usage(stdout, EXIT_DONE);
			break;
		case 't':
			o.check = true;
			break;
		case 'V':
			puts("lonc-serve " LONC_VERSION);
			exit(EXIT_DONE);
		default:
			usage(stderr, EXIT_WRONG);
		}
	}
	if (argc != optind)
		usage(stderr, EXIT_WRONG);
	o.dir = conf_dir(o.dir);
	return o;
}

static int
check(const struct site *site)
{
	bool good = site->nerror == 0;
	char path[4096];

	if (conf_path(path, sizeof(path), site->cf->dir, "handlers") == NULL ||
	    !site_dir("handlers", path, R_OK | X_OK))
		good = false;
	return good ? EXIT_DONE : EXIT_WRONG;
}

/* As the server that accepted the connection tells, or the kernel. */
static const struct addr *
caller_address(struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	const char *text = getenv("TCPREMOTEIP");

	if (text != NULL)
		return addr_parse(a, text) == 0 ? a : NULL;
	if (getpeername(STDIN_FILENO, (struct sockaddr *)&ss, &len) == -1 ||
	    addr_from(a, (struct sockaddr *)&ss) == -1)
		return NULL;
	return a;
}

int
main(int argc, char *argv[])
{
	struct opts o = opts_parse(argc, argv);
	struct site site;
	struct serve *s;
	struct addr a;
	int status = EXIT_TEMP;

	log_init("lonc-serve", NULL);
	closefrom(STDERR_FILENO + 1);	/* no handler gets what was left open */
	if (site_load(&site, o.dir) == -1)
		return EXIT_WRONG;
	if (o.check)
		status = check(&site);
	else if ((s = serve_open(&site, caller_address(&a), STDIN_FILENO,
	    STDOUT_FILENO)) != NULL) {
		status = serve_run(s);
		serve_free(s);
	}
	site_free(&site);
	return status;
}
