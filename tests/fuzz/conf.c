/* lonc.conf with anything in it: all settings come out within their bounds. */
#include "lonc/conf.h"

#include "file.h"
#include "lonc/addr.h"
#include "lonc/id.h"

static unsigned nerror;

static void
say(void *arg, bool error, const char *text)
{
	(void)arg;
	nerror += error;
	MUST(printable(text));
}

static void
check_time(int64_t ms)
{
	MUST(ms >= 10 && ms <= 24 * 60 * 60 * 1000);
}

static void
check_list(char **list, bool ids)
{
	for (; *list != NULL; list++) {
		MUST(**list != '\0' && strpbrk(*list, " ,\t\n") == NULL);
		MUST(!ids || id_valid(*list));
	}
}

static void
check(const struct conf *cf)
{
	struct addr a;

	MUST(id_valid(cf->host_id) && conf_own_id(cf, cf->host_id));
	MUST(*cf->sock_dir == '/' && *cf->spool_dir == '/' &&
	    *cf->state_dir == '/' && *cf->tab_dir != '\0');
	MUST(cf->port >= 1 && cf->port <= 65535);
	MUST(cf->source_address == NULL ||
	    addr_parse(&a, cf->source_address) == 0);
	MUST(cf->load_limit > 0 && cf->user_load_limit >= 0);
	check_time(cf->connect_timeout);
	check_time(cf->init_timeout);
	check_time(cf->request_timeout);
	check_time(cf->handler_timeout);
	check_time(cf->idle_ping);
	check_time(cf->retry_min);
	check_time(cf->retry_max);
	MUST(cf->retry_min <= cf->retry_max);
	MUST(cf->connections >= 1 && cf->connections <= CONF_CONNECTIONS_MAX);
	MUST(cf->max_line >= 1024 && cf->max_reply >= 1024);
	MUST(cf->max_clients >= 1 && cf->max_outstanding >= 1);
	MUST(cf->spool_max_bytes >= 0 && cf->spool_max_age >= 0);
	MUST(!cf->legacy_all || *cf->legacy_ids == NULL);
	check_list(cf->served_ids, true);
	check_list(cf->legacy_ids, true);
	check_list(cf->sealed_words, false);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf *cf;

	nerror = 0;
	file_put("lonc.conf", data, size);
	cf = conf_load(".", say, NULL);
	MUST((cf == NULL) == (nerror > 0));
	if (cf != NULL)
		check(cf);
	conf_free(cf);
	return 0;
}
