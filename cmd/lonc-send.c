/*
 * lonc-send: requests to a peer, replies from it.  See lonc-send(1).
 *
 * A script may start it thousands of times, and nearly all that costs is
 * the start of a process: it is linked statically and without OpenSSL, and
 * reads the table of hosts only where there is no link to the peer.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lonc/ask.h"
#include "lonc/conf.h"
#include "lonc/exit.h"
#include "lonc/hosts.h"
#include "lonc/id.h"
#include "lonc/msg.h"
#include "lonc/num.h"

struct send {
	const struct conf	*cf;
	const char		*peer;
	struct ask		 ask;
	int			 status;
};

struct opts {
	const char	*dir;
	int64_t		 timeout;	/* ms */
	bool		 seal;
};

static void
usage(FILE *to, int status)
{
	fputs("usage: lonc-send [-C dir] [-e] [-t seconds] PEER [REQUEST ...]\n"
	    "\t-C dir\tconfiguration directory (" CONF_DIR ")\n"
	    "\t-e\tseal the requests\n"
	    "\t-t seconds\tgive up waiting for a reply after these (300)\n"
	    "\t-h, -V\tshow this, or the version\n"
	    "Without REQUEST, lines of standard input are sent.\n", to);
	exit(status);
}

static struct opts
opts_parse(int argc, char *argv[])
{
	struct opts o = { NULL, 300 * 1000, false };
	const char *why;
	int ch;

	while ((ch = getopt(argc, argv, "+C:ceht:Vx")) != -1) {
		switch (ch) {
		case 'C':
			o.dir = optarg;
			break;
		case 'c':
		case 'x':
			errx(EXIT_WRONG, "-%c: critical requests are not "
			    "supported by this version", ch);
		case 'e':
			o.seal = true;
			break;
		case 'h':
			usage(stdout, EXIT_DONE);
			break;
		case 't':
			if (num_parse_milli(optarg, 1, 86400 * 1000,
			    &o.timeout, &why) == -1)
				errx(EXIT_WRONG, "-t %s: %s", optarg, why);
			break;
		case 'V':
			puts("lonc-send " LONC_VERSION);
			exit(EXIT_DONE);
		default:
			usage(stderr, EXIT_WRONG);
		}
	}
	if (argc == optind)
		usage(stderr, EXIT_WRONG);
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

static bool
host_known(void *arg)
{
	const struct send *s = arg;
	struct hosts *h = hosts_load(s->cf, conf_error, NULL);
	bool known;

	if (h == NULL)
		exit(EXIT_WRONG);
	known = hosts_find(h, s->peer) != NULL;
	hosts_free(h);
	return known;
}

/* Written as they come, so that whoever types requests sees the replies. */
static int
print_replies(void *arg, const char *data, size_t len)
{
	struct send *s = arg;
	const char *lf, *p;
	ssize_t n;

	for (p = data; p < data + len; p = lf + 1) {
		lf = memchr(p, '\n', data + len - p);
		s->status = msg_worse(s->status, msg_status(p, lf - p));
	}
	for (; len > 0; data += n, len -= n)
		if ((n = write(STDOUT_FILENO, data, len)) == -1)
			err(EXIT_TEMP, "standard output");
	return 0;
}

static void
long_line(void *arg, size_t lineno)
{
	struct send *s = arg;

	warnx("%s: line %zu of standard input is longer than max_line, %zu "
	    "bytes: it was not sent", s->peer, lineno, s->ask.max_line);
	s->status = EXIT_WRONG;
}

/* Nothing may be sent if one of the arguments is no request. */
static void
check_requests(const struct send *s)
{
	const struct ask *a = &s->ask;

	for (size_t i = 0; i < a->nrequest; i++) {
		if (strchr(a->requests[i], '\n') != NULL)
			errx(EXIT_WRONG, "%s: request %zu has a line end "
			    "inside: nothing was sent", s->peer, i + 1);
		if (strlen(a->requests[i]) > a->max_line)
			errx(EXIT_WRONG, "%s: request %zu is longer than "
			    "max_line, %zu bytes: nothing was sent",
			    s->peer, i + 1, a->max_line);
	}
}

/*
 * No socket may take the place of a standard descriptor that is closed, to
 * be written to or read as such.  What is put there fails as they would.
 */
static void
fill_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) == -1)
			(void)!open("/dev/null", fd == STDIN_FILENO ?
			    O_WRONLY : O_RDONLY);
}

int
main(int argc, char *argv[])
{
	struct opts o = opts_parse(argc, argv);
	struct conf *cf;
	struct send s = { .status = EXIT_DONE };

	fill_descriptors();
	if ((cf = conf_load(o.dir, conf_error, NULL)) == NULL)
		return EXIT_WRONG;
	s.cf = cf;
	s.peer = argv[optind];
	s.ask = (struct ask){
		.sock_dir = cf->sock_dir,
		.peer = id_valid(s.peer) ? s.peer : NULL,
		.timeout = o.timeout,
		.max_line = cf->max_line,
		.seal = o.seal,
		.requests = argc - optind > 1 ? argv + optind + 1 : NULL,
		.nrequest = argc - optind - 1,
		.input = STDIN_FILENO,
		.replies = print_replies,
		.too_long = long_line,
		.known = host_known,
		.arg = &s,
	};
	if (s.ask.peer == NULL)
		warnx("%s: not a host id", s.peer);
	check_requests(&s);
	switch (ask_run(&s.ask)) {
	case ASK_DONE:
		break;
	case ASK_LINK:
		err(errno == EACCES || errno == ENAMETOOLONG ? EXIT_WRONG :
		    EXIT_TEMP, "%s: %s/%s", s.peer, cf->sock_dir, s.peer);
	case ASK_INPUT:
		err(EXIT_TEMP, "%s: standard input", s.peer);
	case ASK_FAILED:
		err(EXIT_TEMP, "%s", s.peer);
	}
	conf_free(cf);
	return s.status;
}
