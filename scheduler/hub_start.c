/*
 * hub_start.c: see hub_start.h.
 */
#include "scheduler/hub_start.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/generation.h"
#include "scheduler/hub_descent.h"
#include "scheduler/hub_jobs.h"
#include "scheduler/hub_rates.h"
#include "scheduler/intake.h"
#include "scheduler/inventory.h"
#include "scheduler/log.h"
#include "scheduler/peers.h"
#include "scheduler/prepare.h"

/*
 * From the rate (bytes/s) of one on, up to that of the one before. Package upgrade in 500 MiB, 26
 * MB of literals, one core: level 3 makes 7.91 MB in 0.7 s, 9 7.62 in 0.9, 17 7.04 in 6.0, 19 6.76
 * in 11.8. So the slowest levels are for lines that are slower still; where they are not, the next
 * one takes over. Of level 17 two frames are made at a time, of 19 one.
 */
static const struct {
	uint64_t rate;
	int effort, effort_short;
} efforts[] = {
	{200 * 1000 * 1000 / 8 + 1, 3, 0},
	{20 * 1000 * 1000 / 8 + 1, 9, 3},
	{4 * 1000 * 1000 / 8 + 1, 17, 9},
	{0, 19, 17},
};
#define NO_BASE_LAST 2u /* after so many refusals in a row: without any base */

int hub_start_effort(uint64_t rate, int *ret_short)
{
	unsigned i = 0;

	while (rate < efforts[i].rate)
		i++;
	*ret_short = efforts[i].effort_short;
	return efforts[i].effort;
}

/* While it runs, what came there; when it has ended, what is durable of that. */
static void start_tell(struct hub_job *x, bool ended)
{
	struct push_stats s;

	push_stats(x->push, &s);
	/* One that never got to a plan knows nothing: what is there stays what was told before. */
	if (s.estimate == 0)
		return;
	core_fact_progress(x->hub->core, x->job, ended ? s.acked : s.received, s.estimate,
			   daemon_now());
}

static void start_progress(void *arg)
{
	start_tell(arg, false);
}

/* The figures of the push that ended join those of the job. */
static void start_account(struct hub_job *x)
{
	struct job_counters c;
	struct push_stats s;

	hub_job_counters(x, &c);
	x->before = c;
	push_stats(x->push, &s);
	if (s.sent.offset)
		x->sent = s.sent;
	x->push = NULL;
}

static enum job_outcome start_refused(struct hub_job *x, const struct push_result *r)
{
	switch (r->refused) {
	case REFUSED_NO_BASE:
		/* What it holds is not what it told: ask, and build on what is left. */
		x->base_refusals++;
		peers_greet(x->spoke);
		return OUTCOME_AGAIN;
	case REFUSED_NO_SPACE:
	case REFUSED_OVER_QUOTA:
		/* It may hold what nobody wants any more. One that does not tell when there is room
		 * would have it tried again after each greeting. */
		if (!x->spoke->changes_mute)
			peers_greet(x->spoke);
		return r->never ? OUTCOME_TOO_LARGE : OUTCOME_SPACE;
	case REFUSED_IN_USE:
		return OUTCOME_IN_USE;
	case REFUSED_BAD_PATH:
		return OUTCOME_FAILED;
	default:
		return OUTCOME_RETRY; /* busy, an error there, a group that it does not have yet */
	}
}

static enum job_outcome start_outcome(struct hub_job *x, const struct push_result *r,
				      const char **ret_text)
{
	*ret_text = "";
	switch (r->end) {
	case PUSH_HAVE:
		x->have = true;
		*ret_text = "the spoke holds this content already";
		return OUTCOME_STAGED;
	case PUSH_STAGED:
		return OUTCOME_STAGED;
	case PUSH_STOPPED:
		return OUTCOME_STOPPED;
	case PUSH_REFUSED:
		*ret_text = r->text;
		return start_refused(x, r);
	case PUSH_CHANGED:
		*ret_text = "the file changed on the hub while it was sent";
		return OUTCOME_SUPERSEDED;
	case PUSH_PEER:
		*ret_text = r->answer.text;
		return hub_job_peer_outcome(r->answer.error);
	default:
		*ret_text = r->text;
		return OUTCOME_FAILED;
	}
}

static void start_ended(void *arg, const struct push_result *r)
{
	struct hub_job *x = arg;
	struct hub_group *g = hub_group(x->hub, x->job->version->group);
	struct push_stats s;
	enum job_outcome o;
	const char *text;

	push_stats(x->push, &s);
	/* It may have been found there also after a part of it was sent. */
	x->begun |= r->end != PUSH_HAVE || s.bundles > 0;
	if (r->end == PUSH_HAVE) /* nothing is to be sent */
		core_fact_progress(x->hub->core, x->job, 0, 0, daemon_now());
	else
		start_tell(x, true);
	start_account(x);
	hub_job_close(x);
	o = start_outcome(x, r, &text);
	if (o != OUTCOME_AGAIN)
		x->base_refusals = 0;
	hub_job_ended(x, o, text);
	hub_job_record(x);
	if (r->end == PUSH_CHANGED && g)
		intake_doubt(g, x->job->version->path);
}

static void start_offer(const struct hub_job *x, const struct prepare_result *r,
			struct wire_offer *o)
{
	const struct version *v = x->job->version;

	memset(o, 0, sizeof(*o));
	snprintf(o->path, sizeof(o->path), "%s", v->path);
	memcpy(o->root.b, v->root, HASH_SIZE);
	o->size = v->size;
	o->nonzero_bytes = v->nonzero;
	o->mtime = (struct wire_time){.sec = v->mtime_s, .nsec = v->mtime_ns};
	o->mode = v->mode;
	o->n_bases = r->n_bases;
	memcpy(o->bases, r->bases, r->n_bases * sizeof(o->bases[0]));
	o->has_partial = x->has_partial;
	o->partial = x->partial;
	o->partial_same = r->same;
	o->n_partial_same = r->n_same;
}

static void start_push(struct hub_job *x, const struct prepare_result *r)
{
	static const struct push_events events = {.progress = start_progress, .ended = start_ended};
	struct push_events ev = events;
	struct hub *h = x->hub;
	struct push_spec *spec = xcalloc(1, sizeof(*spec));

	spec->peer = x->spoke->peer;
	spec->bundler = h->bundler;
	spec->parent = hub_rates_attach(x);
	spec->weight = 1;
	spec->group = x->job->version->group;
	memcpy(spec->content.root.b, x->job->version->root, HASH_SIZE);
	spec->content.size = x->job->version->size;
	spec->content.fd = x->fd;
	spec->content.live = !x->version->generation;
	spec->content.identity = x->version->identity;
	spec->effort = hub_start_effort(shaper_rate_in_force(spec->parent), &spec->effort_short);
	spec->sent = x->sent;
	x->effort = spec->effort;
	start_offer(x, r, &spec->offer);
	ev.arg = x;
	x->sampled = 0;
	x->push_since = x->sampled_at = x->recorded_at = daemon_now().mono;
	x->push = push_start(spec, &ev);
	free(spec);
}

static void start_prepared(void *arg, const struct prepare_result *r)
{
	struct hub_job *x = arg;
	char text[200];

	x->prepare = NULL;
	if (x->stop) {
		hub_job_close(x);
		hub_job_ended(x, OUTCOME_STOPPED, "");
		return;
	}
	if (r->error) {
		snprintf(text, sizeof(text), "choosing bases: %s", strerror(-r->error));
		log_warn("job %" PRIu64 " %s/%s: %s", x->job->id, x->job->version->group,
			 x->job->version->path, text);
		hub_job_close(x);
		hub_job_ended(x, OUTCOME_RETRY, text);
		return;
	}
	if (x->base_refusals < NO_BASE_LAST && hub_descent_begin(x, r->covered))
		return;
	x->n_bases = r->n_bases;
	start_push(x, r);
}

static struct prepare *start_choosing(struct hub_job *x)
{
	const struct version *v = x->job->version;
	struct inventory *inv = inventory_make(x->spoke, v->group);
	const struct inventory_item *item = inventory_item(inv, v->path);
	const struct hash *found;
	struct prepare_spec spec = {
		.index_dirfd = x->hub->index_dirfd,
		.has_partial = x->has_partial,
		.partial = x->partial,
		.arg = x,
	};

	memcpy(spec.root.b, v->root, HASH_SIZE);
	if (x->base_refusals < NO_BASE_LAST) {
		spec.held = inventory_roots(inv, &spec.n_held);
		found = hub_descent_found(x);
		/* Under a new name: what it was cloned from on the hub, or the image that it holds
		 * the differences from, if the spoke has that. */
		spec.has_lineage = item || found || x->version->has_origin;
		spec.lineage = item ? item->root : found ? *found : x->version->origin;
		if (found)
			spec.held[spec.n_held++] = *found;
	}
	return prepare_start(x->hub->d->pool, &spec, start_prepared);
}

void hub_start_prepare(struct hub_job *x)
{
	x->prepare = start_choosing(x);
	if (!x->prepare) {
		hub_job_close(x);
		hub_job_ended(x, OUTCOME_RETRY, "out of file descriptors");
	}
}

void hub_start_push(struct hub_job *x)
{
	struct hub_group *g = x->version->group;
	int r = generation_open(x->version, &x->fd);
	char text[200];

	x->stop = x->have = false;
	if (r == -ESTALE) {
		hub_job_ended(x, OUTCOME_SUPERSEDED, "the file changed on the hub");
		if (hub_group(x->hub, g->name) == g)
			intake_touch(g, x->job->version->path);
		return;
	}
	if (r < 0) {
		snprintf(text, sizeof(text), "reading it on the hub: %s", strerror(-r));
		hub_job_ended(x, OUTCOME_RETRY, text);
		return;
	}
	hub_job_pushing(x, true);
	if (!hub_descent_look(x))
		hub_start_prepare(x);
}

void hub_start_stop(struct hub_job *x)
{
	x->stop = true;
	if (x->push)
		push_stop(x->push);
	if (hub_descent_running(x)) {
		hub_descent_stop(x);
		hub_job_close(x);
		hub_job_ended(x, OUTCOME_STOPPED, "");
	}
}

void hub_start_cancel(struct hub_job *x)
{
	struct push *push;

	prepare_cancel(x->prepare);
	x->prepare = NULL;
	hub_descent_free(x);
	if (!x->push)
		return;
	push = x->push;
	start_account(x);
	push_abort(push);
}

/* Transfers are named by their content. */
bool hub_start_wants(const struct hub_spoke *s, const char *group, const struct hash *root,
		     const struct hub_job *but)
{
	const struct hub_job *other;
	struct job *j;

	TAILQ_FOREACH (j, &s->state->jobs, by_spoke) {
		other = hub_job_of(j);
		if (!other || other == but || j->kind != JOB_PUT || job_over(j) ||
		    strcmp(j->version->group, group))
			continue;
		if (!memcmp(j->version->root, root->b, HASH_SIZE) ||
		    (other->has_partial && hash_equal(&other->partial, root)))
			return true;
	}
	return false;
}

/* Transfers that nobody goes on with would leave their bytes on the spoke's disk: it is told. */
void hub_start_forget(struct hub_job *x)
{
	const struct job *j = x->job;
	const struct hash *root = (const struct hash *)(const void *)j->version->root;
	struct peer *peer = x->spoke->peer;
	/* What was staged is consumed by its publication only. A spoke that had to hash its files
	 * once more may find the content after a transfer of it began. */
	bool left = j->state == JOB_PUBLISHED ? x->begun && (x->have || x->found)
					      : x->before.wire_out > 0;

	if (j->kind != JOB_PUT || !peer)
		return;
	if (left && !hub_start_wants(x->spoke, j->version->group, root, x))
		peer_forget_transfer(peer, j->version->group, root);
	/* What it built on has served. */
	if (x->has_partial && !hub_start_wants(x->spoke, j->version->group, &x->partial, x))
		peer_forget_transfer(peer, j->version->group, &x->partial);
}
