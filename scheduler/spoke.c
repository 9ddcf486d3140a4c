/*
 * spoke.c: the role = spoke, put together: groups, the HTTPS server; started, reloaded,
 * stopped. What a request does is in the verbs (spoke_http.c, spoke_offer.c, spoke_put.c,
 * spoke_publish.c).
 */
#include <stdlib.h>
#include <string.h>

#include "scheduler/log.h"
#include "scheduler/spoke_pair.h"

bool spoke_pin_known(void *arg, const uint8_t pin[32])
{
	const struct spoke *s = arg;
	const struct config *c = s->d->config;
	size_t i;

	for (i = 0; i < c->n_hub_pins; i++)
		if (memcmp(c->hub_pins[i].sha256, pin, 32) == 0)
			return true;
	return false;
}

struct spoke_group *spoke_group_get(struct spoke *s, const char *name)
{
	struct spoke_group *g;

	TAILQ_FOREACH (g, &s->groups, entry)
		if (!g->kept && strcmp(g->name, name) == 0)
			return g;
	return NULL;
}

void spoke_work_begun(struct spoke *s)
{
	s->works++;
}

void spoke_work_ended(struct spoke *s)
{
	s->works--;
	if (s->works == 0 && s->stopping && s->stopped) {
		void (*stopped)(struct daemon * d) = s->stopped;

		s->stopped = NULL;
		stopped(s->d);
	}
}

static void add_group(struct spoke *s, const struct group_cfg *cfg)
{
	struct spoke_group *g = spoke_group_new(s, cfg);

	TAILQ_INSERT_TAIL(&s->groups, g, entry);
	(void)spoke_group_ready(g); /* where it is not, it says why and tries again */
}

int spoke_start(struct daemon *d, struct err *e)
{
	struct spoke *s = xcalloc(1, sizeof(*s));
	struct server_spec spec = {.loop = d->loop,
				   .listen = d->config->listen,
				   .key = d->key,
				   .pin_known = spoke_pin_known,
				   .guest_welcome = spoke_pair_welcome,
				   .guest_handler = spoke_pair_request,
				   .max_connections = SPOKE_CONNECTIONS_MAX,
				   .max_per_peer = SPOKE_CONNECTIONS_MAX / 2,
				   .handler = spoke_http,
				   .arg = s};
	size_t i;
	int r;

	s->d = d;
	TAILQ_INIT(&s->groups);
	s->assembler = assembler_new(&s->cancel);
	s->changes = spoke_changes_new(s);
	d->spoke = s;
	r = server_new(&spec, &s->server, e);
	if (r < 0) {
		d->spoke = spoke_free(s);
		return r;
	}
	server_set_stall(s->server, d->config->stall_us);
	for (i = 0; i < d->config->n_groups; i++)
		add_group(s, &d->config->groups[i]);
	if (!d->config->n_hub_pins)
		log_warn("no hub_key: nobody may speak to this spoke, until it is paired "
			 "(spokesync pair)");
	log_info("listening on %s (port %u)", d->config->listen, server_port(s->server));
	return 0;
}

static void follow(struct spoke_group *g, const struct group_cfg *cfg)
{
	bool back = g->kept;

	spoke_group_configure(g, cfg);
	g->kept = config_unref(g->kept);
	if (back)
		spoke_scan_resume(g);
	spoke_scrub_update(g);
	spoke_protect_update(g);
}

/* One that was taken out, and is to be elsewhere now, is another group. */
static bool is_elsewhere(const struct spoke_group *g, const struct group_cfg *cfg)
{
	return g->kept && (spoke_group_get(g->spoke, g->name) ||
			   (g->store && strcmp(g->store->path, cfg->path) != 0));
}

void spoke_reload(struct daemon *d, const struct config *old)
{
	struct spoke *s = d->spoke;
	struct spoke_group *g;
	size_t i;

	TAILQ_FOREACH (g, &s->groups, entry) {
		const struct group_cfg *cfg = config_group(d->config, g->name);

		if (cfg && !is_elsewhere(g, cfg)) {
			follow(g, cfg);
		} else if (!g->kept) {
			/* Work of it may still run: it keeps its configuration, and is found no
			 * more. */
			g->kept = config_ref((struct config *)old);
			spoke_scan_stop(g);
		}
	}
	for (i = 0; i < d->config->n_groups; i++)
		if (!spoke_group_get(s, d->config->groups[i].name))
			add_group(s, &d->config->groups[i]);
	server_set_stall(s->server, d->config->stall_us);
	server_recheck_pins(s->server);
	spoke_pair_reloaded(s);
}

void spoke_stop(struct daemon *d, void (*stopped)(struct daemon *d))
{
	struct spoke *s = d->spoke;

	s->stopping = true;
	s->cancel = true;
	s->stopped = stopped;
	spoke_pair_end(s);
	spoke_work_begun(s);
	s->server = server_free(s->server); /* ends the requests; PUTs commit what they brought */
	spoke_work_ended(s);
}

struct spoke *spoke_free(struct spoke *s)
{
	struct spoke_group *g;

	if (!s)
		return NULL;
	spoke_pair_end(s);
	server_free(s->server);
	s->changes = spoke_changes_free(s->changes);
	while ((g = TAILQ_FIRST(&s->groups))) {
		TAILQ_REMOVE(&s->groups, g, entry);
		spoke_group_free(g);
	}
	assembler_free(s->assembler);
	free(s);
	return NULL;
}
