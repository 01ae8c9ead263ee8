/*
 * The link to one peer.  Each turn of the loop:
 *
 *	loop_wait	replies go to their clients; clients that sent something
 *			become ready
 *	clients		lines that waited for room, then those that came, are
 *			answered here or put on a connection
 *	peer_turn	connections are made, and what was put goes out at once
 *	record		what has changed is shown
 *
 * While no connection is up a request is answered con_lost at once.  Words
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
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <bsd/unistd.h>

#include "lonc/client.h"
#include "lonc/door.h"
#include "lonc/exit.h"
#include "lonc/log.h"
#include "lonc/notify.h"
#include "lonc/peer.h"
#include "lonc/status.h"
#include "lonc/text.h"
#include "lonc/usock.h"

#define STOP_TIME 5000	/* ms to finish what is outstanding */
#define OWN_DESCRIPTORS 16	/* beside those of clients and connections */

struct link {
	const char		*peer_id, *dir;
	struct site		 site;
	const struct host	*host;
	struct loop		*lp;
	struct door		 door;
	struct clients		*clients;
	struct peer		*peer;
	struct status		*st;
	struct status		 unmapped;	/* where there is no file */
	bool			 changing;	/* st is being changed */
	uint64_t		 errors;	/* of the peer, shown in st */
	int64_t			 stop_at;	/* LOOP_NEVER until told to */
	int			 status;
};

/* ---- what it shows ---- */

/* The record, to be changed until record() is called. */
static struct status *
change(struct link *l)
{
	if (!l->changing)
		status_begin(l->st);
	l->changing = true;
	return l->st;
}

/* Brings the record up to date, at the end of a turn. */
static void
record(struct link *l)
{
	uint64_t clients = clients_count(l->clients);
	uint64_t unanswered = peer_unanswered(l->peer);
	uint32_t connections = peer_connections(l->peer);
	const struct status *st = l->st;

	if (st->clients != clients || st->unanswered != unanswered ||
	    st->connections != connections ||
	    st->log_dropped != log_dropped()) {
		change(l)->clients = clients;
		l->st->unanswered = unanswered;
		l->st->connections = connections;
		l->st->log_dropped = log_dropped();
	}
	if (l->errors != peer_errors(l->peer)) {
		l->errors = peer_errors(l->peer);
		status_text(change(l)->error, peer_error(l->peer));
		l->st->error_at = time(NULL);
	}
	if (l->changing)
		status_end(l->st);
	l->changing = false;
}

/* It has ended as it was told to. */
static void
show_end(struct status *st)
{
	st->state = STATUS_STOPPED;
	st->since = time(NULL);
	st->connections = 0;
	st->clients = st->unanswered = 0;
}

static void
state_text(const struct link *l, char *text, size_t size)
{
	char since[sizeof("2026-01-01T00:00:00Z")];
	time_t at = l->st->since;
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%SZ", &tm);
	snprintf(text, size, "%s since %s",
	    peer_up(l->peer) ? "up" : "down", since);
}

static void
show(struct link *l)
{
	char text[64], state[80];

	state_text(l, text, sizeof(text));
	setproctitle("-lonc-link: %s: %s", l->peer_id, text);
	snprintf(state, sizeof(state), "STATUS=%s", text);
	notify_send(state);
}

static void
log_status(const struct link *l)
{
	const struct status *st = l->st;
	char text[64];

	state_text(l, text, sizeof(text));
	log_line("%s; %zu clients, %zu connections, %zu unanswered; %" PRIu64
	    " requests, %" PRIu64 " replies, %" PRIu64 " con_lost, %" PRIu64
	    " log lines dropped", text, clients_count(l->clients),
	    peer_connections(l->peer), peer_unanswered(l->peer),
	    st->requests, st->replies, st->con_lost, log_dropped());
}

/* ---- the peer's side ---- */

static void
peer_changed(void *arg)
{
	struct link *l = arg;
	struct status *st = change(l);
	const struct hello_peer *what = peer_what(l->peer);

	st->state = peer_up(l->peer) ? STATUS_UP : STATUS_DOWN;
	st->since = time(NULL);
	if (peer_up(l->peer)) {
		st->connects++;
		st->flags = what->lonc ? STATUS_LONC : 0;
		status_text(st->software, what->version);
	}
	show(l);
}

static void
peer_replies(void *arg, const struct wire_replies *r)
{
	struct link *l = arg;
	struct status *st = change(l);

	st->replies += r->n;
	st->bytes_in += r->len;
	status_round_trip(st, loop_now_us(l->lp) - r->at, r->n, time(NULL));
	client_reply(r->who, r->data, r->len, r->n);
}

static void
peer_lost(void *arg, void *who, size_t n)
{
	static const char con_lost[] = "con_lost\n";
	struct link *l = arg;

	change(l)->con_lost += n;
	for (; n > 0; n--)
		client_reply(who, con_lost, strlen(con_lost), 1);
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
		peer_wake(l->peer);
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

/* Puts a request on a connection, or answers it for want of one. */
static enum client_verdict
forward(struct link *l, struct client *c, const struct wire_request *rq,
    struct client_queue **wait)
{
	enum peer_result r = PEER_DOWN;

	if (l->stop_at == LOOP_NEVER)
		r = peer_put(l->peer, rq, client_mark(c),
		    client_unanswered(c) > 0, wait);
	if (r == PEER_FULL)
		return CLIENT_FULL;
	if (r == PEER_PUT) {
		client_expect(c);
		change(l)->requests++;
		l->st->bytes_out += rq->len + 1;
		return CLIENT_TAKEN;
	}
	if (client_unanswered(c) > 0)
		return CLIENT_HOLD;
	change(l)->con_lost++;
	return answer(c, "con_lost\n");
}

static enum client_verdict
refuse(struct link *l, struct client *c, const char *text)
{
	enum client_verdict v = answer(c, text);

	if (v == CLIENT_TAKEN)
		change(l)->refused++;
	return v;
}

static enum client_verdict
client_request(void *arg, struct client *c, const char *line, size_t len,
    struct client_queue **wait)
{
	static const char prefix[] = "encrypt:";
	struct wire_request rq = { c, line, len, 0, false };
	struct link *l = arg;

	if (line != NULL && text_begins(line, len, prefix)) {
		rq.sealed = true;
		rq.line += strlen(prefix);
		rq.len -= strlen(prefix);
	}
	if (line == NULL || rq.len > (size_t)l->site.cf->max_line)
		return refuse(l, c, "error: line too long\n");
	if (rq.len == 0 || (rq.sealed && local(rq.line, rq.len)))
		return refuse(l, c, "unknown_cmd\n");
	if (local(rq.line, rq.len))
		return answer_local(l, c, rq.line, rq.len);
	if (reserved(rq.line, rq.len))
		return refuse(l, c, "refused\n");
	rq.tag = peer_tag(rq.line, rq.len);
	return forward(l, c, &rq, wait);
}

static void
client_gone(void *arg, struct client *c)
{
	struct link *l = arg;

	peer_forget(l->peer, c);
}

/* ---- settings ---- */

/*
 * As many descriptors as the system allows; those that connections to the
 * peer may need are kept from the clients.
 */
static unsigned
max_clients(const struct conf *cf)
{
	struct rlimit rl;
	int64_t n, own = OWN_DESCRIPTORS + 1 + cf->connections;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return cf->max_clients;
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
	n = rl.rlim_cur > INT32_MAX ? INT32_MAX : rl.rlim_cur;
	n = n > own ? n - own : 1;
	if (n >= cf->max_clients)
		return cf->max_clients;
	log_line("%" PRId64 " clients at a time, not max_clients %" PRId64
	    ", with the limit of open files", n, cf->max_clients);
	return n;
}

static struct clients_limits
limits(const struct conf *cf)
{
	return (struct clients_limits){
		.line = cf->max_line + strlen("encrypt:"),
		.unread = 2 * cf->max_reply + 256 * 1024,
		.n = max_clients(cf),
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
	bool elsewhere;

	notify_send("RELOADING=1");
	if (site_load(&site, l->dir) == -1) {
		log_line("the settings stay as they were");
		notify_send("READY=1");
		return;
	}
	if ((host = site_peer(&site, l->peer_id)) == NULL) {
		site_free(&site);
		stop(l, EXIT_WRONG);
		return;
	}
	if (usock_address(&sun, site.cf->sock_dir, l->peer_id) == -1 ||
	    strcmp(sun.sun_path, l->door.sun.sun_path) != 0 ||
	    strcmp(site.cf->socket_group, l->site.cf->socket_group) != 0)
		log_line("another lonSockDir or socket_group needs a restart");
	elsewhere = moved(l, &site, host);
	if (elsewhere)
		log_line("the settings lead elsewhere: connecting anew");
	peer_settings(l->peer, site.cf, host, elsewhere);
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
		peer_wake(l->peer);
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
	const struct peer_owner po = { peer_replies, peer_lost, peer_changed,
	    l };
	const struct clients_owner co = { client_request, client_gone, l };
	struct clients_limits lim = limits(l->site.cf);

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);	/* a full log must not end the link */
	if ((l->lp = loop_new()) == NULL ||
	    loop_signals(l->lp, signals, signal_act, l) == -1 ||
	    (l->peer = peer_new(l->lp, &po, l->site.cf, l->host)) == NULL ||
	    (l->clients = clients_new(l->lp, l->door.fd, &lim, &co)) == NULL) {
		log_line("cannot begin: %s", strerror(errno));
		return -1;
	}
	return 0;
}

/* A link that cannot show itself still works. */
static void
open_record(struct link *l)
{
	const char *dir = l->site.cf->sock_dir;

	if ((l->st = status_map(dir, l->peer_id)) != NULL)
		return;
	log_line("no status record in %s/.status: %s", dir, strerror(errno));
	l->st = &l->unmapped;
	l->st->since = time(NULL);
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
	l->peer_id = peer;
	l->dir = dir;
	l->site = *site;
	l->host = site_peer(site, peer);
	l->stop_at = LOOP_NEVER;
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
	open_record(l);
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
	if (l->peer != NULL)
		peer_stop(l->peer);
	clients_free(l->clients);
	peer_free(l->peer);
	if (l->st != NULL && l->stop_at != LOOP_NEVER)
		show_end(change(l));
	if (l->changing)
		status_end(l->st);
	if (l->st != &l->unmapped)
		status_unmap(l->st);
	door_close(&l->door);
	loop_free(l->lp);
	site_free(&l->site);
	free(l);
}

static int64_t
deadline(const struct link *l)
{
	int64_t at = l->stop_at, other;

	if (clients_more(l->clients) || peer_waiting(l->peer) != NULL)
		return 0;
	if ((other = peer_deadline(l->peer)) < at)
		at = other;
	if ((other = clients_deadline(l->clients)) < at)
		at = other;
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
	struct client_queue *q;

	show(l);
	while (!done(l)) {
		record(l);
		if (loop_wait(l->lp, deadline(l)) == -1) {
			log_line("epoll_wait: %s", strerror(errno));
			return EXIT_TEMP;
		}
		while ((q = peer_waiting(l->peer)) != NULL)
			clients_resume(l->clients, q);
		clients_turn(l->clients);
		peer_turn(l->peer);
		clients_reap(l->clients);
	}
	return l->status;
}
