/*
 * sim_check.c: what must hold after each pass, told from the facts of the simulation and from the
 * windows, overrides and limits themselves, not from what the core has cached:
 * nothing runs outside a window or override; limits are kept and the rates told are those in force;
 * no file has two jobs at work; no slot is idle while something could run; every reason is true.
 */
#include "tests/sim/sim.h"

#include <string.h>

#include "policy/window.h"

#define RELOOK (600 * SECOND_US)
#define HELD   (WAIT_RETRY | WAIT_SPACE | WAIT_IN_USE)
#define ALONE  (HELD | WAIT_INDEX | WAIT_OLDER | WAIT_HELD)

void sim_forget(struct sim *s)
{
	memset(s->memo, 0, sizeof(s->memo));
	for (unsigned g = 0; g < SIM_GROUPS; g++) {
		char name[8] = {'g', (char)('0' + g), 0};

		s->groups[g] = config_group(core_config(s->core), name);
	}
}

static bool policy_open(struct sim *s, const struct policy *p, const struct zone *zone,
			struct wall t)
{
	int64_t minute = t.s / 60;
	size_t slot = ((uintptr_t)p / 16 * 31 + (uintptr_t)zone / 16) % ARRAY_LEN(s->memo);
	struct sim_memo *m = &s->memo[slot];
	struct window_state w;

	if (m->policy != p || m->zone != zone || m->minute != minute) {
		window_at(p, zone, t, &w);
		*m = (struct sim_memo){p, zone, minute, w.open};
	}
	return m->open;
}

static bool is_open(struct sim *s, const struct sim_job *k, bool before, enum rate_reason *ret_why)
{
	const struct config *cfg = core_config(s->core);
	const char *spoke = s->spokes[k->spoke].name;
	const struct group_cfg *g = s->groups[k->group];
	const struct policy *p = config_policy_of(g, k->job->spoke->cfg);
	const struct zone *zone = p->zone_kind == ZONE_SPOKE ? k->job->spoke->zone : p->zone;
	struct now now = {.wall = {(s->wall_us - before) / SECOND_US},
			  .mono = {s->now.mono.us - before}};
	const struct override *o, *all;
	size_t n;

	all = core_overrides(s->core, &n);
	o = override_governing(all, n, spoke, g->name, now);
	if (o) {
		*ret_why = o->kind == OVERRIDE_PAUSE ? RATE_PAUSED : RATE_OPEN;
		return o->kind != OVERRIDE_PAUSE;
	}
	*ret_why = RATE_ZONE;
	if (!zone)
		return false;
	*ret_why = RATE_WINDOW;
	if (!policy_open(s, p, zone, now.wall))
		return false;
	*ret_why = RATE_HUB_WINDOW;
	if (cfg->policy && !policy_open(s, cfg->policy, cfg->policy->zone, now.wall))
		return false;
	*ret_why = RATE_OPEN;
	return true;
}

/* Is the job's (spoke, group) open at that time, by the rules alone? Asked once an instant. */
bool sim_open(struct sim *s, const struct sim_job *k, bool before, enum rate_reason *ret_why)
{
	struct sim_lane *l = &s->lanes[k->spoke][k->group][before];

	if (l->instant != s->instant) {
		l->open = is_open(s, k, before, &l->why);
		l->instant = s->instant;
	}
	*ret_why = l->why;
	return l->open;
}

static void bad(const struct sim *s, const struct sim_job *k, const char *what)
{
	char waits[200];

	sim_fail(s, "job %llu (%s:%s/%s, %s: %s): %s", (unsigned long long)k->id,
		 s->spokes[k->spoke].name, k->version->group, k->version->path,
		 job_state_word(k->job->state), wait_words(k->job->waits, waits, sizeof(waits)),
		 what);
}

/* Bytes moved for so long, up to now: the core must not have slept over an edge. */
void sim_check_segment(struct sim *s, int64_t us)
{
	enum rate_reason why;

	s->instant++;
	/* A calendar that was set is found out at the next look, within a minute. */
	if (s->jumped) {
		if (s->n_live && s->now.mono.us - s->jumped_at > 61 * SECOND_US)
			sim_fail(s, "the calendar was set and nobody looked for a minute");
		return;
	}
	for (size_t i = 0; i < s->n_live; i++) {
		const struct sim_job *k = s->live[i];

		if (k->push && !k->stopping && us > 1 && !sim_open(s, k, true, &why))
			bad(s, k, "it sent while it was closed");
	}
}

static bool other_at_work(const struct sim *s, const struct sim_job *k)
{
	for (size_t i = 0; i < s->n_live; i++) {
		const struct sim_job *o = s->live[i];

		if (o != k && o->spoke == k->spoke && o->group == k->group && o->file == k->file &&
		    (o->push || o->publishing))
			return true;
	}
	return false;
}

/* Slots in use, those of pushes that are being stopped included; and large files among them. */
static void count_slots(struct sim *s)
{
	memset(s->slots, 0, sizeof(s->slots));
	memset(s->large, 0, sizeof(s->large));
	for (size_t i = 0; i < s->n_live; i++) {
		const struct sim_job *k = s->live[i];

		if (!k->push)
			continue;
		s->slots[k->spoke]++;
		s->slots[SIM_SPOKES]++;
		s->large[k->spoke] += k->large;
		s->large[SIM_SPOKES] += k->large;
	}
}

static bool full(const struct sim *s, unsigned spoke, unsigned max, bool large)
{
	if (max == 1 && !large && s->large[spoke] == 1)
		return s->slots[spoke] >= 2;
	return s->slots[spoke] >= max || (large && max > 1 && s->large[spoke] >= max - 1);
}

/* One slot of two or more is for small files; beside one large one, where it has the only slot, one
 * small file may go. */
static bool slots_full(const struct sim *s, const struct sim_job *k)
{
	bool large = sim_large(k);

	return full(s, SIM_SPOKES, core_config(s->core)->transfers, large) ||
	       full(s, k->spoke, k->job->spoke->cfg->transfers, large);
}

static unsigned reason_bit(enum rate_reason why)
{
	return why == RATE_PAUSED ? WAIT_PAUSED : why == RATE_ZONE ? WAIT_ZONE : WAIT_WINDOW;
}

static void check_held(const struct sim *s, const struct sim_job *k)
{
	unsigned w = k->job->waits;
	int64_t now = s->now.mono.us;

	if ((w & HELD) && k->job->due.at.us <= now)
		bad(s, k, "its time has come");
	if ((w & (WAIT_SPACE | WAIT_IN_USE)) && k->last_at + RELOOK < now)
		bad(s, k, "nobody looked again");
	if ((w & WAIT_SPACE) && k->last != OUTCOME_SPACE)
		bad(s, k, "there was no lack of space");
	if ((w & WAIT_IN_USE) && k->last != OUTCOME_IN_USE)
		bad(s, k, "it is not in use");
	if ((w & WAIT_INDEX) && k->version->indexed)
		bad(s, k, "it is indexed");
	if ((w & WAIT_OLDER) && !k->stopping && !other_at_work(s, k))
		bad(s, k, "no older one is at work");
	if ((w & WAIT_HELD) && !k->stopping)
		bad(s, k, "nobody holds it");
}

/* Waiting in its lane, or for the spoke's ear: the reasons are these, all of them and no other. */
static void check_waiting(struct sim *s, const struct sim_job *k)
{
	const struct spoke_state *p = k->job->spoke;
	bool words = k->kind != JOB_PUT || k->job->state == JOB_STAGED;
	unsigned want = 0, jitter = 0;
	enum rate_reason why;

	if (!p->up && !k->stopping)
		want |= p->key_refused ? WAIT_KEY : WAIT_SPOKE_DOWN;
	if (!words && !sim_open(s, k, false, &why))
		want |= reason_bit(why);
	if (k->job->waits & WAIT_START) {
		jitter = WAIT_START;
		if ((want & ~(unsigned)(WAIT_SPOKE_DOWN | WAIT_KEY)) ||
		    s->now.mono.us > k->start_until)
			bad(s, k, "its start is not to come");
	}
	if (!(want | jitter)) {
		want = WAIT_SLOT;
		if (!words && !k->stopping && !slots_full(s, k))
			bad(s, k, "a slot is idle and it could run");
	}
	if (k->job->waits != (want | jitter))
		bad(s, k, "its reasons are not the true ones");
}

static void check_sending(struct sim *s, const struct sim_job *k)
{
	struct rate_chain chain;
	enum rate_reason why;

	if (!sim_open(s, k, false, &why))
		bad(s, k, "it runs while it is closed");
	if (other_at_work(s, k))
		bad(s, k, "two jobs work on its file");
	core_rates(s->core, k->job->spoke, config_group(core_config(s->core), k->version->group),
		   s->now, &chain);
	if (k->hub != chain.hub || k->spoke_rate != chain.spoke || k->policy != chain.policy)
		bad(s, k, "it was not told of its rates");
}

static void check_job(struct sim *s, const struct sim_job *k)
{
	const struct job *j = k->job;
	bool at_work = (k->push && !k->stopping) || k->publishing;

	if (j->running != k->push || j->publishing != k->publishing || j->stopping != k->stopping)
		bad(s, k, "the core and its driver do not agree on what it does");
	if (at_work != (j->state == JOB_SENDING || (j->state == JOB_STAGED && !j->waits)))
		bad(s, k, "its state is not what it does");
	if (!at_work && !j->waits)
		bad(s, k, "it stands still without a reason");
	if (at_work && j->waits)
		bad(s, k, "it is at work and waits");
	if (k->push && !k->stopping)
		check_sending(s, k);
	if (j->waits & ALONE)
		check_held(s, k);
	else if (!at_work)
		check_waiting(s, k);
}

static unsigned may_run(unsigned max, unsigned large)
{
	return max == 1 && large == 1 ? 2 : max;
}

static void check_slots(const struct sim *s)
{
	const struct config *cfg = core_config(s->core);
	unsigned all = 0, on[SIM_SPOKES] = {0}, large = 0, large_on[SIM_SPOKES] = {0};

	for (size_t i = 0; i < s->n_live; i++) {
		const struct sim_job *k = s->live[i];

		if (!k->push || k->stopping)
			continue;
		all++;
		on[k->spoke]++;
		large += k->large;
		large_on[k->spoke] += k->large;
		if (on[k->spoke] > may_run(k->job->spoke->cfg->transfers, large_on[k->spoke]))
			bad(s, k, "one too many on its spoke");
	}
	if (all > may_run(cfg->transfers, large))
		sim_fail(s, "%u transfers, and %u are allowed", all, cfg->transfers);
}

/* What a spoke lacks is on its way, unless somebody gave it up. */
static void check_wanted(struct sim *s)
{
	const struct config *cfg = core_config(s->core);

	for (unsigned i = 0; i < s->n_spokes; i++)
		for (unsigned g = 0; g < SIM_GROUPS; g++)
			for (unsigned f = 0; f < SIM_FILES; f++) {
				const struct version *v = s->latest[g][f];
				struct job *j;

				if (s->spokes[i].have[g][f] == v->id ||
				    !config_spoke(cfg, s->spokes[i].name) ||
				    !group_has_spoke(config_group(cfg, v->group),
						     s->spokes[i].name))
					continue;
				j = core_job_of(s->core, s->spokes[i].name, v->group, v->path);
				if (!j || j->version != v)
					sim_fail(s, "%s: no job for %s/%s", s->spokes[i].name,
						 v->group, v->path);
				if (job_over(j) && j->state != JOB_FAILED &&
				    j->state != JOB_CANCELLED)
					sim_fail(s, "%s: %s/%s is %s and not there",
						 s->spokes[i].name, v->group, v->path,
						 job_state_word(j->state));
			}
}

void sim_check_pass(struct sim *s)
{
	s->checks++;
	s->instant++;
	count_slots(s);
	check_slots(s);
	for (size_t i = 0; i < s->n_live; i++)
		check_job(s, s->live[i]);
	if (s->checks % 16 == 0)
		check_wanted(s);
}

void sim_check_end(struct sim *s)
{
	check_wanted(s);
	if (s->n_live)
		bad(s, s->live[0], "all goes well, all is open, and it is not done");
	if (!core_in_sync(s->core, NULL, NULL, UINT64_MAX))
		sim_fail(s, "nothing is left to do, and it is not in sync");
}
