/*
 * The link to one peer.  Each turn of the loop:
 *
 *	loop_wait	replies go to their clients; clients that sent something
 *			become ready
 *	clients_turn	their lines are answered here or put on the wire
 *	due		attempts and the end are begun when it is time
 *	wire_turn	what was put goes out at once
 *
 * While the wire is not up a request is answered con_lost at once.  Words
 * that the link answers itself wait until the client's earlier requests
 * are answered, so that its replies keep their order.
 */
#include "lonc/link.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <bsd/unistd.h>

#include "lonc/client.h"
#include "lonc/door.h"
#include "lonc/exit.h"
#include "lonc/log.h"
#include "lonc/notify.h"
#include "lonc/pause.h"
#include "lonc/text.h"
#include "lonc/usock.h"
#include "lonc/wire.h"

#define STOP_TIME 5000	/* ms to finish what is outstanding */

struct link {
	const char		*peer, *dir;
	struct site		 site;
	const struct host	*host;
	struct loop		*lp;
	struct door		 door;
	struct clients		*clients;
	struct wire		*wire;
	struct pause		 pause;
	int64_t			 retry_at;	/* of the next attempt */
	int64_t			 woken_at;	/* when a pause was ended */
	int64_t			 stop_at;	/* LOOP_NEVER until told to */
	time_t			 since;		/* up or down; wall clock */
	int			 status;
	uint64_t		 requests, replies, lost;
};

/* ---- what it shows ---- */

static void
status_text(const struct link *l, char *text, size_t size)
{
	char since[sizeof("2026-01-01T00:00:00Z")];
	struct tm tm;

	gmtime_r(&l->since, &tm);
	strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%SZ", &tm);
	snprintf(text, size, "%s since %s",
	    wire_state(l->wire) == WIRE_UP ? "up" : "down", since);
}

static void
show(struct link *l)
{
	char text[64], state[80];

	l->since = time(NULL);
	status_text(l, text, sizeof(text));
	setproctitle("-lonc-link: %s: %s", l->peer, text);
	snprintf(state, sizeof(state), "STATUS=%s", text);
	notify_send(state);
}

static void
log_status(const struct link *l)
{
	char text[64];

	status_text(l, text, sizeof(text));
	log_line("%s; %zu clients, %zu unanswered; %" PRIu64 " requests, %"
	    PRIu64 " replies, %" PRIu64 " con_lost, %" PRIu64
	    " log lines dropped", text, clients_count(l->clients),
	    wire_unanswered(l->wire), l->requests, l->replies, l->lost,
	    log_dropped());
}

/* ---- the wire's side ---- */

static void
wire_is_up(void *arg)
{
	struct link *l = arg;
	const struct hello_peer *peer = wire_peer(l->wire);

	log_line("opening -> up: version %s, legacy, %s",
	    peer->version[0] != '\0' ? peer->version : "unknown",
	    peer->lonc ? "pipelined" : "one request at a time");
	show(l);
}

static void
wire_is_down(void *arg, enum wire_state was, const char *why)
{
	struct link *l = arg;
	const struct conf *cf = l->site.cf;
	uint32_t random = 0;
	int64_t wait;

	if (wire_useful(l->wire))
		pause_reset(&l->pause);
	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	wait = pause_next(&l->pause, cf->retry_min, cf->retry_max, random);
	l->retry_at = loop_now(l->lp) + wait;
	log_line("%s -> down: %s; next attempt in %" PRId64 ".%" PRId64 " s",
	    wire_state_name(was), why, wait / 1000, wait % 1000 / 100);
	if (was == WIRE_UP)
		show(l);
}

static void
wire_replies(void *arg, void *who, const char *data, size_t len, size_t n)
{
	struct link *l = arg;

	l->replies += n;
	client_reply(who, data, len, n);
}

static void
wire_lost(void *arg, void *who, size_t n)
{
	static const char con_lost[] = "con_lost\n";
	struct link *l = arg;

	l->lost += n;
	for (; n > 0; n--)
		client_reply(who, con_lost, strlen(con_lost), 1);
}

/* Ends a pause between attempts, at most once every retry_min. */
static void
wake(struct link *l)
{
	int64_t now = loop_now(l->lp);

	if (wire_state(l->wire) != WIRE_DOWN ||
	    now - l->woken_at < l->site.cf->retry_min)
		return;
	l->woken_at = now;
	l->retry_at = now;
}

/* ---- the clients' side ---- */

static void
stop(struct link *l, int status)
{
	if (l->stop_at != LOOP_NEVER) {
		l->stop_at = loop_now(l->lp);
		return;
	}
	notify_send("STOPPING=1");
	l->status = status;
	l->stop_at = loop_now(l->lp) + STOP_TIME;
	clients_stop(l->clients);
	door_shut(&l->door);
}

static enum client_verdict
answer(struct client *c, const char *text)
{
	if (client_unanswered(c) > 0)
		return CLIENT_HOLD;
	client_answer(c, text);
	return CLIENT_TAKEN;
}

/*
 * Words of the opening and of the connection itself.  They are matched as
 * prefixes because servers from before 2004 do so.
 */
static bool
reserved(const char *line, size_t len)
{
	static const char *const words[] = {
		"init", "ekey", "exit", "sethost:", "version:", "enc:",
		"once:",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (text_begins(line, len, words[i]))
			return true;
	return false;
}

/* Words that never go on the wire. */
static bool
local(const char *line, size_t len)
{
	return text_begins(line, len, "lonc:") ||
	    text_is(line, len, "close_connection_exit");
}

static enum client_verdict
answer_local(struct link *l, struct client *c, const char *line, size_t len)
{
	uid_t uid = client_uid(c);

	if (client_unanswered(c) > 0)
		return CLIENT_HOLD;
	if (text_is(line, len, "lonc:wake")) {
		wake(l);
		return answer(c, "ok\n");
	}
	if (text_begins(line, len, "lonc:"))
		return answer(c, "unknown_cmd\n");
	if (uid != 0 && uid != geteuid())
		return answer(c, "refused\n");
	log_line("told to close the connection and exit");
	stop(l, EXIT_DONE);
	return answer(c, "ok\n");
}

static enum client_verdict
client_request(void *arg, struct client *c, const char *line, size_t len)
{
	static const char prefix[] = "encrypt:";
	struct link *l = arg;
	bool sealed = false;

	if (line != NULL && text_begins(line, len, prefix)) {
		sealed = true;
		line += strlen(prefix);
		len -= strlen(prefix);
	}
	if (line == NULL || len > (size_t)l->site.cf->max_line)
		return answer(c, "error: line too long\n");
	if (len == 0 || (sealed && local(line, len)))
		return answer(c, "unknown_cmd\n");
	if (local(line, len))
		return answer_local(l, c, line, len);
	if (reserved(line, len))
		return answer(c, "refused\n");
	if (wire_state(l->wire) == WIRE_UP && l->stop_at == LOOP_NEVER) {
		if (!wire_room(l->wire))
			return CLIENT_FULL;
		if (wire_put(l->wire, c, line, len, sealed) == 0) {
			client_expect(c);
			l->requests++;
			return CLIENT_TAKEN;
		}
		log_line("a request cannot be sent: %s", strerror(errno));
	}
	if (client_unanswered(c) > 0)
		return CLIENT_HOLD;
	l->lost++;
	return answer(c, "con_lost\n");
}

/* While the wire is down there is room: con_lost is answered at once. */
static bool
client_room(void *arg)
{
	struct link *l = arg;

	return wire_state(l->wire) != WIRE_UP || wire_room(l->wire);
}

static void
client_gone(void *arg, struct client *c)
{
	struct link *l = arg;

	wire_forget(l->wire, c);
}

/* ---- settings ---- */

static struct clients_limits
limits(const struct conf *cf)
{
	return (struct clients_limits){
		.line = cf->max_line + strlen("encrypt:"),
		.unread = 2 * cf->max_reply + 256 * 1024,
		.n = cf->max_clients,
	};
}

static bool
same_text(const char *a, const char *b)
{
	return a != NULL && b != NULL ? strcmp(a, b) == 0 : a == b;
}

/* Would the new settings lead elsewhere, or be another host's? */
static bool
moved(const struct link *l, const struct site *site, const struct host *host)
{
	const struct conf *a = l->site.cf, *b = site->cf;

	return a->port != b->port || strcmp(a->host_id, b->host_id) != 0 ||
	    !same_text(a->source_address, b->source_address) ||
	    host->has_addr != l->host->has_addr ||
	    strcmp(host->name, l->host->name) != 0 ||
	    (host->has_addr && !addr_equal(&host->addr, &l->host->addr));
}

static void
reload(struct link *l)
{
	struct clients_limits lim;
	struct sockaddr_un sun;
	struct site site;
	const struct host *host;

	notify_send("RELOADING=1");
	if (site_load(&site, l->dir) == -1) {
		log_line("the settings stay as they were");
		notify_send("READY=1");
		return;
	}
	if ((host = site_peer(&site, l->peer)) == NULL) {
		site_free(&site);
		stop(l, EXIT_WRONG);
		return;
	}
	if (usock_address(&sun, site.cf->sock_dir, l->peer) == -1 ||
	    strcmp(sun.sun_path, l->door.sun.sun_path) != 0 ||
	    strcmp(site.cf->socket_group, l->site.cf->socket_group) != 0)
		log_line("another lonSockDir or socket_group needs a restart");
	if (wire_state(l->wire) != WIRE_DOWN && moved(l, &site, host)) {
		log_line("%s -> down: the settings lead elsewhere",
		    wire_state_name(wire_state(l->wire)));
		wire_stop(l->wire);
		show(l);
	}
	if (wire_state(l->wire) == WIRE_DOWN)
		l->retry_at = loop_now(l->lp);
	wire_keep(l->wire, site.cf, host);
	site_free(&l->site);
	l->site = site;
	l->host = host;
	lim = limits(site.cf);
	clients_limit(l->clients, &lim);
	log_line("settings and tables were read again");
	notify_send("READY=1");
}

/* ---- its life ---- */

static void
signal_act(void *arg, int signo)
{
	struct link *l = arg;

	switch (signo) {
	case SIGHUP:
		reload(l);
		break;
	case SIGUSR1:
		log_status(l);
		wake(l);
		break;
	default:
		log_line("told to end");
		stop(l, EXIT_DONE);
		break;
	}
}

static int
prepare(struct link *l)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, 0 };
	const struct wire_owner wo = { wire_is_up, wire_replies, wire_lost,
	    wire_is_down, l };
	const struct clients_owner co = { client_request, client_room,
	    client_gone, l };
	struct clients_limits lim = limits(l->site.cf);

	signal(SIGPIPE, SIG_IGN);
	if ((l->lp = loop_new()) == NULL ||
	    loop_signals(l->lp, signals, signal_act, l) == -1 ||
	    (l->wire = wire_new(l->lp, &wo)) == NULL ||
	    (l->clients = clients_new(l->lp, l->door.fd, &lim, &co)) == NULL) {
		log_line("cannot begin: %s", strerror(errno));
		return -1;
	}
	l->retry_at = loop_now(l->lp);
	l->woken_at = l->retry_at - l->site.cf->retry_min;
	return 0;
}

struct link *
link_open(struct site *site, const char *peer, const char *dir, int *status)
{
	struct link *l;
	const struct conf *cf = site->cf;

	*status = EXIT_TEMP;
	if ((l = calloc(1, sizeof(*l))) == NULL) {
		log_line("%s", strerror(errno));
		site_free(site);
		return NULL;
	}
	l->peer = peer;
	l->dir = dir;
	l->site = *site;
	l->host = site_peer(site, peer);
	l->stop_at = LOOP_NEVER;
	l->since = time(NULL);
	l->door.fd = l->door.lockfd = -1;
	if (l->host == NULL) {
		*status = EXIT_WRONG;
		link_free(l);
		return NULL;
	}
	if (door_open(&l->door, cf->sock_dir, peer, cf->socket_group,
	    cf->socket_group_set) == -1) {
		if (errno == EWOULDBLOCK || errno == EINVAL ||
		    errno == ENAMETOOLONG)
			*status = EXIT_WRONG;
		log_line("%s", errno == EWOULDBLOCK ?
		    "another link to this peer runs already" : l->door.why);
		link_free(l);
		return NULL;
	}
	if (l->door.why[0] != '\0')
		log_line("%s", l->door.why);
	if (prepare(l) == -1) {
		link_free(l);
		return NULL;
	}
	return l;
}

void
link_free(struct link *l)
{
	if (l == NULL)
		return;
	if (l->wire != NULL)
		wire_stop(l->wire);
	clients_free(l->clients);
	wire_free(l->wire);
	door_close(&l->door);
	loop_free(l->lp);
	site_free(&l->site);
	free(l);
}

static int64_t
deadline(const struct link *l)
{
	int64_t at = l->stop_at, other;

	if (clients_more(l->clients))
		return 0;
	if ((other = wire_deadline(l->wire)) < at)
		at = other;
	if ((other = clients_deadline(l->clients)) < at)
		at = other;
	if (wire_state(l->wire) == WIRE_DOWN && l->stop_at == LOOP_NEVER &&
	    l->retry_at < at)
		at = l->retry_at;
	return at;
}

/* Is it over: nothing outstanding, or no more time for it? */
static bool
done(struct link *l)
{
	return l->stop_at != LOOP_NEVER && (clients_quiet(l->clients) ||
	    loop_now(l->lp) >= l->stop_at);
}

int
link_run(struct link *l)
{
	show(l);
	while (!done(l)) {
		if (wire_state(l->wire) == WIRE_DOWN &&
		    l->stop_at == LOOP_NEVER &&
		    loop_now(l->lp) >= l->retry_at)
			wire_start(l->wire, l->site.cf, l->host);
		if (loop_wait(l->lp, deadline(l)) == -1) {
			log_line("epoll_wait: %s", strerror(errno));
			return EXIT_TEMP;
		}
		clients_turn(l->clients);
		wire_turn(l->wire);
		clients_reap(l->clients);
	}
	return l->status;
}
