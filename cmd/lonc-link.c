/* lonc-link: keeps the link to one peer.  See lonc-link(8). */
#include <err.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bsd/unistd.h>

#include "lonc/exit.h"
#include "lonc/link.h"
#include "lonc/log.h"
#include "lonc/notify.h"
#include "lonc/num.h"
#include "lonc/usock.h"

struct opts {
	const char	*dir;
	const char	*peer;
	int		 ready_fd;	/* -1 none */
	bool		 check;
};

static void
usage(FILE *to, int status)
{
	fputs("usage: lonc-link [-C dir] [-d fd] [-t] PEER\n"
	    "\t-C dir\tconfiguration directory (" CONF_DIR ")\n"
	    "\t-d fd\twrite a newline there when the socket listens\n"
	    "\t-t\tcheck the configuration and exit\n"
	    "\t-h, -V\tshow this, or the version\n", to);
	exit(status);
}

static struct opts
opts_parse(int argc, char *argv[])
{
	struct opts o = { NULL, NULL, -1, false };
	const char *why;
	int64_t n;
	int ch;

	while ((ch = getopt(argc, argv, "C:d:htV")) != -1) {
		switch (ch) {
		case 'C':
			o.dir = optarg;
			break;
		case 'd':
			if (num_parse(optarg, 3, INT_MAX, &n, &why) == -1)
				errx(EXIT_WRONG, "-d %s: %s", optarg, why);
			if (fcntl(n, F_GETFD) == -1)
				err(EXIT_WRONG, "-d %s", optarg);
			o.ready_fd = n;
			break;
		case 'h':
			usage(stdout, EXIT_DONE);
			break;
		case 't':
			o.check = true;
			break;
		case 'V':
			puts("lonc-link " LONC_VERSION);
			exit(EXIT_DONE);
		default:
			usage(stderr, EXIT_WRONG);
		}
	}
	if (argc - optind != 1)
		usage(stderr, EXIT_WRONG);
	o.dir = conf_dir(o.dir);
	o.peer = argv[optind];
	return o;
}

/* Everything that would stop or hamper the link, each with its line. */
static int
check(const struct site *site, const char *peer)
{
	struct sockaddr_un sun;
	bool good = site->nerror == 0;

	if (site_peer(site, peer) == NULL)
		good = false;
	if (!site_dir("lonSockDir", site->cf->sock_dir, W_OK | X_OK))
		good = false;
	if (usock_address(&sun, site->cf->sock_dir, peer) == -1) {
		log_line("lonSockDir %s is too long for a socket's path",
		    site->cf->sock_dir);
		good = false;
	}
	if (site->cf->socket_group_set &&
	    getgrnam(site->cf->socket_group) == NULL) {
		log_line("socket_group %s: no such group",
		    site->cf->socket_group);
		good = false;
	}
	return good ? EXIT_DONE : EXIT_WRONG;
}

int
main(int argc, char *argv[], char *envp[])
{
	struct opts o;
	struct site site;
	struct link *l;
	int status;

	setproctitle_init(argc, argv, envp);	/* moves the arguments */
	o = opts_parse(argc, argv);
	log_init("lonc-link", o.peer);
	if (site_load(&site, o.dir) == -1)
		return EXIT_WRONG;
	if (o.check) {
		status = check(&site, o.peer);
		site_free(&site);
		return status;
	}
	if ((l = link_open(&site, o.peer, o.dir, &status)) == NULL)
		return status;
	notify_ready(o.ready_fd);
	notify_send("READY=1");
	status = link_run(l);
	link_free(l);
	return status;
}
