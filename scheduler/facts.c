/*
 * facts.c: see facts.h. Only reads; nothing here decides or keeps anything.
 */
#include "scheduler/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/zone.h"
#include "scheduler/timetext.h"
#include "transfer/digest.h"
#include "transfer/wire_json.h"

json_t *facts_time(struct wall t)
{
	char buf[TIMETEXT_MAX];

	return t.s == 0 || t.s == WALL_NEVER.s ? json_null() : json_string(timetext_utc(t, buf));
}

json_t *facts_rate(uint64_t rate)
{
	return rate == RATE_UNLIMITED ? json_null() : json_integer((json_int_t)rate);
}

json_t *facts_text(const char *s)
{
	json_t *j;
	char *copy;

	if (!s)
		return json_null();
	j = json_string(s);
	if (j)
		return j;
	/* Names on disk may be any bytes, and a text that is cut may end within a character. */
	copy = xcalloc(strlen(s) + 1, 1);
	wire_clean(s, copy, strlen(s) + 1);
	j = json_string(copy);
	free(copy);
	return j;
}

json_t *facts_absolute(const char *path)
{
	char cwd[4096], *whole;
	json_t *o;

	if (!path || *path == '/' || !getcwd(cwd, sizeof(cwd)))
		return facts_text(path);
	whole = xasprintf("%s/%s", cwd, path);
	o = facts_text(whole);
	free(whole);
	return o;
}

json_t *facts_line(const struct origin *o)
{
	char buf[1100];

	if (!o->line || !o->file)
		return json_null();
	snprintf(buf, sizeof(buf), "%.1024s:%u", o->file, o->line);
	return facts_text(buf);
}

static const char *kind_word(enum job_kind k)
{
	return k == JOB_DELETE ? "delete" : k == JOB_META ? "meta" : "put";
}

static json_t *wait_array(unsigned waits)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < WAIT_BITS; i++) {
		if (waits & 1u << i)
			json_array_append_new(a, json_string(wait_word(1u << i)));
	}
	return a;
}

json_t *facts_seconds_until(struct mono at, struct now now)
{
	if (at.us == 0 || at.us == MONO_NEVER.us)
		return json_null();
	return json_integer(MAX((at.us - now.mono.us + SECOND_US - 1) / SECOND_US, 0));
}

static void add_figures(json_t *o, struct hub *h, const struct job *j)
{
	struct hub_job_stats s = {0};
	const struct push_stats *p = &s.push;

	hub_job_stats(h, j, &s);
	json_object_set_new(o, "proven", json_integer((json_int_t)p->proven));
	json_object_set_new(o, "durable", json_integer((json_int_t)p->acked));
	json_object_set_new(o, "literal", json_integer((json_int_t)p->literal));
	json_object_set_new(o, "literal_total", json_integer((json_int_t)p->literal_total));
	json_object_set_new(o, "wire_out", json_integer((json_int_t)p->wire_out));
	json_object_set_new(o, "wire_in", json_integer((json_int_t)p->wire_in));
	json_object_set_new(o, "wire", json_integer((json_int_t)(p->wire_out + p->wire_in)));
	json_object_set_new(o, "rate", json_integer(j->running ? (json_int_t)s.rate : 0));
	json_object_set_new(o, "peak_rate", json_integer((json_int_t)p->peak_rate));
	json_object_set_new(o, "throttled_s", json_real((double)p->throttled_us / SECOND_US));
	json_object_set_new(o, "resumes", json_integer(p->resumes));
	json_object_set_new(o, "repairs", json_integer(p->repairs));
	json_object_set_new(o, "resent", json_integer((json_int_t)p->resent));
	json_object_set_new(o, "bases", json_integer(p->n_bases));
	json_object_set_new(o, "planning", json_boolean(p->planning));
	json_object_set_new(o, "asking", facts_text(s.asking[0] ? s.asking : NULL));
	json_object_set_new(o, "filling", json_boolean(p->filling));
	json_object_set_new(o, "proof", facts_text(s.proof));
}

json_t *facts_job(struct hub *h, const struct job *j, struct now now)
{
	const struct version *v = j->version;
	char hex[HASH_HEX + 1], words[256];
	struct hash root;
	json_t *o;

	memcpy(root.b, v->root, sizeof(root.b));
	o = json_pack("{s:I, s:s, s:s, s:o, s:s, s:s, s:o, s:s, s:i}", "id", (json_int_t)j->id,
		      "kind", kind_word(j->kind), "group", v->group, "path", facts_text(v->path),
		      "spoke", j->spoke->name, "state", job_state_word(j->state), "waits",
		      wait_array(j->waits), "waits_text",
		      wait_words(j->waits, words, sizeof(words)), "priority", j->priority);
	json_object_set_new(o, "reason", facts_text(j->reason && *j->reason ? j->reason : NULL));
	json_object_set_new(o, "created", facts_time(j->created));
	json_object_set_new(o, "started", facts_time(j->started));
	json_object_set_new(o, "ended", facts_time(j->ended));
	json_object_set_new(o, "eta", job_over(j) ? json_null() : facts_time(j->eta));
	json_object_set_new(o, "deadline", facts_time(core_deadline(hub_core(h), j)));
	json_object_set_new(o, "late", json_boolean(j->late));
	json_object_set_new(o, "tries", json_integer(j->tries));
	json_object_set_new(o, "retry_in_s",
			    j->waits & WAIT_RETRY ? facts_seconds_until(j->due.at, now)
						  : json_null());
	json_object_set_new(o, "version", json_integer((json_int_t)v->id));
	json_object_set_new(o, "root",
			    v->indexed ? json_string(hash_hex(&root, hex)) : json_null());
	json_object_set_new(o, "logical", json_integer((json_int_t)v->size));
	json_object_set_new(o, "done", json_integer((json_int_t)j->done_bytes));
	json_object_set_new(o, "total", json_integer((json_int_t)j->total_bytes));
	json_object_set_new(o, "windows_used", json_integer(j->windows_used));
	add_figures(o, h, j);
	return o;
}

/* Of the file, not of what is sent: half of a delta is half of it. Never nothing: it is not
 * published yet. */
static uint64_t undone(const struct job *j)
{
	uint64_t size = j->version->size;

	if (j->total_bytes && j->done_bytes)
		size = (uint64_t)((unsigned __int128)size * job_left(j) / j->total_bytes);
	return MAX(size, 1);
}

void facts_count(struct hub *h, const char *spoke, const char *group, struct facts_counts *ret)
{
	struct facts_counts c = {0};
	struct hub_job_stats stats;
	struct spoke_state *s;
	struct job *j;

	TAILQ_FOREACH (s, core_spokes(hub_core(h)), entry) {
		if (spoke && strcmp(s->name, spoke))
			continue;
		TAILQ_FOREACH (j, &s->jobs, by_spoke) {
			if (group && strcmp(j->version->group, group))
				continue;
			c.jobs++;
			c.by_state[j->state]++;
			if (j->kind == JOB_PUT) {
				c.bytes += j->version->size;
				c.to_send += job_left(j);
				c.undone += undone(j);
			}
			if (!j->eta.s || j->eta.s == WALL_NEVER.s)
				c.unforeseen++;
			else if (j->eta.s > c.eta.s)
				c.eta = j->eta;
			if (!j->running)
				continue;
			stats = (struct hub_job_stats){0};
			hub_job_stats(h, j, &stats);
			c.rate += stats.rate;
		}
	}
	*ret = c;
}

void facts_add_counts(json_t *o, const struct facts_counts *n)
{
	json_object_set_new(o, "backlog_bytes", json_integer((json_int_t)n->bytes));
	json_object_set_new(o, "to_send", json_integer((json_int_t)n->to_send));
	json_object_set_new(o, "rate", json_integer((json_int_t)n->rate));
	json_object_set_new(o, "eta", facts_time(n->eta));
	json_object_set_new(o, "unforeseen", json_integer((json_int_t)n->unforeseen));
}

json_t *facts_group(struct hub *h, const struct group_cfg *g)
{
	struct hub_group_stats st = {0};
	json_t *spokes = json_array();
	struct facts_counts n;
	json_t *o;

	hub_group_stats(h, g->name, &st);
	facts_count(h, NULL, g->name, &n);
	for (size_t i = 0; i < g->n_spokes; i++)
		json_array_append_new(spokes, json_string(g->spokes[i]));
	o = json_pack("{s:s, s:o, s:o, s:o, s:i}", "name", g->name, "path", facts_text(g->path),
		      "policy", facts_text(g->policy ? g->policy->name : NULL), "spokes", spokes,
		      "priority", g->priority);
	json_object_set_new(o, "files", json_integer((json_int_t)st.files));
	json_object_set_new(o, "bytes", json_integer((json_int_t)st.bytes));
	json_object_set_new(o, "unsettled", json_integer((json_int_t)st.unsettled));
	json_object_set_new(o, "skipped", json_integer((json_int_t)st.skipped));
	json_object_set_new(o, "scanning", json_boolean(st.scanning));
	json_object_set_new(o, "problem", facts_text(st.problem));
	json_object_set_new(o, "generations", facts_text(st.how));
	json_object_set_new(o, "distrust", facts_text(st.distrust));
	json_object_set_new(o, "jobs", json_integer((json_int_t)n.jobs));
	facts_add_counts(o, &n);
	return o;
}

json_t *facts_override(const struct override *o, struct now now)
{
	int64_t mono_left = o->until_mono.us == MONO_NEVER.us
				    ? INT64_MAX
				    : (o->until_mono.us - now.mono.us) / SECOND_US;
	int64_t wall_left = o->until.s == WALL_NEVER.s ? INT64_MAX : o->until.s - now.wall.s;
	int64_t left = MAX(MIN(mono_left, wall_left), 0);
	json_t *j;

	j = json_pack("{s:I, s:s, s:o, s:o, s:o, s:o, s:o}", "id", (json_int_t)o->id, "kind",
		      o->kind == OVERRIDE_PAUSE ? "pause" : "sync-now", "spoke",
		      facts_text(o->spoke), "group", facts_text(o->group), "since",
		      facts_time(o->since), "until", facts_time(o->until), "left_s",
		      left == INT64_MAX ? json_null() : json_integer(left));
	json_object_set_new(j, "until_in_sync", json_boolean(o->until_sync_seq != 0));
	if (o->kind == OVERRIDE_SYNC_NOW)
		json_object_set_new(j, "limit", facts_rate(o->rate));
	json_object_set_new(j, "who", facts_text(o->who));
	json_object_set_new(j, "why", facts_text(o->why));
	return j;
}

json_t *facts_overrides(struct hub *h, struct now now)
{
	const struct override *list;
	json_t *a = json_array();
	size_t n;

	list = core_overrides(hub_core(h), &n);
	for (size_t i = 0; i < n; i++) {
		if (!override_ended(&list[i], now))
			json_array_append_new(a, facts_override(&list[i], now));
	}
	return a;
}

const struct zone *facts_zone(const struct policy *p, const struct spoke_state *s)
{
	return p->zone_kind == ZONE_SPOKE ? (s ? s->zone : NULL) : p->zone;
}

static json_t *one_window(const struct policy *p, const struct window_state *w)
{
	if (!p)
		return json_null();
	return json_pack("{s:s, s:b, s:o, s:o}", "policy", p->name, "open", w->open, "rate",
			 w->open ? facts_rate(w->rate) : json_integer(0), "line",
			 w->line ? facts_line(&w->line->origin) : json_null());
}

json_t *facts_chain(const struct rate_chain *c, const struct config *cfg,
		    const struct spoke_state *s)
{
	json_t *o = json_pack("{s:b, s:o, s:o}", "open", c->open, "closed_by",
			      c->open ? json_null() : json_string(rate_reason_word(c->reason)),
			      "least", c->open ? facts_rate(c->least) : json_integer(0));

	json_object_set_new(o, "hub", facts_rate(c->hub));
	json_object_set_new(o, "hub_line", facts_line(&cfg->rate_origin));
	json_object_set_new(o, "hub_window", one_window(c->hub_policy, &c->hub_window));
	json_object_set_new(o, "spoke", facts_rate(c->spoke));
	json_object_set_new(o, "spoke_line",
			    s->cfg ? facts_line(&s->cfg->rate_origin) : json_null());
	json_object_set_new(o, "policy", facts_rate(c->policy));
	json_object_set_new(o, "window", one_window(c->governing, &c->window));
	json_object_set_new(o, "override",
			    c->override ? json_integer((json_int_t)c->override->id) : json_null());
	json_object_set_new(o, "until", facts_time(c->until));
	json_object_set_new(o, "opens", facts_time(c->opens));
	return o;
}
