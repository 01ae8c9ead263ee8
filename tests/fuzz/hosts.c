/* hosts.tab with anything in it. */
#include "lonc/hosts.h"

#include "fake.h"
#include "file.h"
#include "lonc/id.h"

static unsigned nsaid;

static void
say(void *arg, bool error, const char *text)
{
	(void)arg;
	nsaid += error;
	MUST(printable(text));
}

static void
check(const struct hosts *h, const struct host *host, const struct conf *cf)
{
	const struct host *other;

	MUST(id_valid(host->id) && hosts_find(h, host->id) == host);
	MUST(printable(host->name) && printable(host->domain));
	MUST(host->has_addr || *host->name != '\0');
	other = host->has_addr ? hosts_by_addr(h, cf, &host->addr) :
	    hosts_by_name(h, cf, host->name);
	if (other == NULL)
		MUST(conf_own_id(cf, host->id));
	else
		MUST(!conf_own_id(cf, other->id) &&
		    other->has_addr == host->has_addr);
	MUST(host->has_addr || hosts_need_dns(h));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf cf = fake_conf;
	struct hosts *h;

	cf.tab_dir = ".";
	nsaid = 0;
	file_put("hosts.tab", data, size);
	MUST((h = hosts_load(&cf, say, NULL)) != NULL);
	MUST(h->nbad == nsaid);
	for (size_t i = 0; i < h->n; i++) {
		MUST(i == 0 || h->v[i - 1].line < h->v[i].line);
		check(h, &h->v[i], &cf);
	}
	MUST(hosts_find(h, "") == NULL && hosts_find(h, "no such") == NULL);
	hosts_free(h);
	return 0;
}
