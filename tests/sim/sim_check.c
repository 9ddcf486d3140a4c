/*
 * sim_check.c: what must hold after each pass, told from the facts of the simulation and from
 * sim_rules.c, not from what the core has cached: states say what is done, slots are kept, no file
 * has two jobs at work, none is lost, no slot is idle while something could run, and every bit of
 * every reason is true.
 *
 * What it catches, each tried by breaking the core so: n > max in limit_check() (starts without a
 * slot), a slot of the hub less (a slot is idle), publications one at a time (the same);
 * supersede_older() left out (two jobs work on a file); a job that is published placed again
 * (published twice), what failed forgotten (no job for); wake_waiting() or job_twins_wake() left
 * out (no older one, no twin is at work), job_twin_at_work() not asked (starts beside its twin); a
 * hold without its due time (its time has come), WAIT_IN_USE where WAIT_SPACE is meant (it is not
 * in use), take_indexed() left out (it is indexed), a refused key forgotten or a new zone not taken
 * (not the true reasons), jitter for lanes that were open before (nothing opened just now),
 * stop_closed() left out (it runs while it is closed).
 */
#include <string.h>

#include "tests/sim/sim.h"

#define RELOOK (600 * SECOND_US)
#define HELD   (WAIT_RETRY | WAIT_SPACE | WAIT_IN_USE)
#define ALONE  (HELD | WAIT_INDEX | WAIT_OLDER | WAIT_HELD | WAIT_TWIN)
#define JITTER (90 * SECOND_US) /* the longest of sim_config.c; a reload does not shorten it */
#define AGAIN  16		/* in a row without progress, before it backs off */

static bool older_at_work(const struct sim *s, const struct sim_job *k)
{
	for (size_t i = 0; i < s->n_busy; i++) {
		const struct sim_job *o = s->busy[i];

		if (o->spoke == k->spoke && o->group == k->group && o->file == k->file && o != k &&
		    (o->push || o->publishing))
			return true;
	}
	return false;
}

/* The same content on its way to the same place, or there and about to be published. */
bool sim_twin_at_work(const struct sim *s, const struct sim_job *k)
{
	const unsigned ear = WAIT_SPOKE_DOWN | WAIT_KEY | WAIT_SLOT;

	for (size_t i = 0; i < s->n_live; i++) {
		const struct sim_job *o = s->live[i];

		if (o->spoke != k->spoke || o->group != k->group || o == k || o->kind != JOB_PUT ||
		    memcmp(o->version->root, k->version->root, sizeof(k->version->root)) != 0)
			continue;
		if (o->push || o->publishing ||
		    (o->job->state == JOB_STAGED && !(o->job->waits & ~ear)))
			return true;
	}
	return false;
}

/* Slots in use, those of pushes that are being stopped included; and large files among them. */
void sim_count_slots(struct sim *s)
{
	memset(s->slots, 0, sizeof(s->slots));
	memset(s->large, 0, sizeof(s->large));
	memset(s->words, 0, sizeof(s->words));
	for (size_t i = 0; i < s->n_busy; i++) {
		const struct sim_job *k = s->busy[i];

		s->words[k->spoke] += k->publishing;
		if (!k->push)
			continue;
		s->slots[k->spoke]++;
		s->slots[SIM_SPOKES]++;
		s->large[k->spoke] += k->large;
		s->large[SIM_SPOKES] += k->large;
	}
}

unsigned sim_may_run(unsigned max, unsigned large)
{
	return max == 1 && large == 1 ? 2 : max;
}

static bool full(const struct sim *s, unsigned spoke, unsigned max, bool large)
{
	if (!large)
		return s->slots[spoke] >= sim_may_run(max, s->large[spoke]);
	return s->slots[spoke] >= max || (max > 1 && s->large[spoke] >= max - 1);
}

/* One slot of two or more is for small files; beside one large one, where it has the only slot, one
 * small file may go. */
bool sim_slots_full(const struct sim *s, const struct sim_job *k)
{
	bool large = sim_large(k);

	return full(s, SIM_SPOKES, core_config(s->core)->transfers, large) ||
	       full(s, k->spoke, s->spokes[k->spoke].cfg->transfers, large);
}

static unsigned reason_bit(enum rate_reason why)
{
	return why == RATE_PAUSED ? WAIT_PAUSED : why == RATE_ZONE ? WAIT_ZONE : WAIT_WINDOW;
}

static void check_retry(const struct sim *s, const struct sim_job *k)
{
	int64_t most = core_config(s->core)->retry_max_us;

	if (k->last != OUTCOME_RETRY && !(k->last == OUTCOME_AGAIN && k->again > AGAIN))
		sim_bad(s, k, "nothing went wrong with it");
	/* A reload may have made the longest delay shorter. */
	if (k->job->due.at.us > k->last_at + MAX(most, 600 * SECOND_US))
		sim_bad(s, k, "its next try is too far away");
}

static void check_held(const struct sim *s, const struct sim_job *k)
{
	unsigned w = k->job->waits;
	int64_t now = s->now.mono.us;

	if (w & (w - 1))
		sim_bad(s, k, "one of its reasons is enough");
	if ((w & HELD) && k->job->due.at.us <= now)
		sim_bad(s, k, "its time has come");
	if ((w & (WAIT_SPACE | WAIT_IN_USE)) && k->last_at + RELOOK < now)
		sim_bad(s, k, "nobody looked again");
	if (w & WAIT_RETRY)
		check_retry(s, k);
	if ((w & WAIT_SPACE) && k->last != OUTCOME_SPACE)
		sim_bad(s, k, "there was no lack of space");
	if ((w & WAIT_IN_USE) && k->last != OUTCOME_IN_USE)
		sim_bad(s, k, "it is not in use");
	if ((w & WAIT_INDEX) && k->version->indexed)
		sim_bad(s, k, "it is indexed");
	if ((w & WAIT_OLDER) && !k->stopping && !older_at_work(s, k))
		sim_bad(s, k, "no older one is at work");
	if ((w & WAIT_TWIN) && !sim_twin_at_work(s, k))
		sim_bad(s, k, "no twin is at work");
	if ((w & WAIT_HELD) &&
	    !(k->stopping && (k->cancelled || !s->spokes[k->spoke].member[k->group])))
		sim_bad(s, k, "nobody holds it");
}

static unsigned told_bit(const struct sim_spoke *p)
{
	return p->told == TOLD_UP ? 0 : p->told == TOLD_KEY ? WAIT_KEY : WAIT_SPOKE_DOWN;
}

/* Until the jitter after an opening is over, and only where it was closed just before. */
static void check_jitter(const struct sim *s, const struct sim_job *k, unsigned want)
{
	if (want & ~(unsigned)(WAIT_SPOKE_DOWN | WAIT_KEY))
		sim_bad(s, k, "its start is not to come");
	if (s->now.mono.us > s->closed_at[k->spoke][k->group] + 61 * SECOND_US + JITTER)
		sim_bad(s, k, "nothing opened just now");
}

/* Waiting in its lane, or for the spoke's ear: the reasons are these, all of them and no other. */
static void check_waiting(struct sim *s, const struct sim_job *k)
{
	bool words = k->kind != JOB_PUT || k->job->state == JOB_STAGED;
	const struct sim_rates *r = sim_rules(s, k);
	unsigned want = 0, jitter = 0;

	if (!k->stopping)
		want |= told_bit(&s->spokes[k->spoke]);
	if (!words && !r->open)
		want |= reason_bit(r->why);
	if (k->job->waits & WAIT_START) {
		jitter = WAIT_START;
		check_jitter(s, k, want);
		if (r->by_person)
			sim_bad(s, k, "a person opened it, and it waits for the jitter");
	}
	if (words && (k->job->waits & WAIT_SET)) {
		sim_check_set_holds(s, k);
		want |= WAIT_SET;
	}
	if (!(want | jitter)) {
		want = WAIT_SLOT;
		if (words ? s->words[k->spoke] < SIM_WORDS : !k->stopping && !sim_slots_full(s, k))
			sim_bad(s, k, "a slot is idle and it could run");
	}
	if (k->job->waits != (want | jitter))
		sim_bad(s, k, "its reasons are not the true ones");
}

static void check_sending(struct sim *s, const struct sim_job *k)
{
	const struct sim_rates *r = sim_rules(s, k), *t = &k->told;

	if (!r->open)
		sim_bad(s, k, "it runs while it is closed");
	if (older_at_work(s, k))
		sim_bad(s, k, "two jobs work on its file");
	if (t->hub != r->hub || t->spoke != r->spoke || t->policy != r->policy || t->key != r->key)
		sim_bad(s, k, "it was not told of its rates");
}

static void check_job(struct sim *s, const struct sim_job *k)
{
	const struct job *j = k->job;
	bool at_work = (k->push && !k->stopping) || k->publishing;

	if (j->running != k->push || j->publishing != k->publishing || j->stopping != k->stopping)
		sim_bad(s, k, "the core and its driver do not agree on what it does");
	if (at_work != (j->state == JOB_SENDING || (j->state == JOB_STAGED && !j->waits)))
		sim_bad(s, k, "its state is not what it does");
	if (!at_work && !j->waits)
		sim_bad(s, k, "it stands still without a reason");
	if (at_work && j->waits)
		sim_bad(s, k, "it is at work and waits");
	if (!s->spokes[k->spoke].member[k->group]) {
		if (!k->publishing && !k->stopping)
			sim_bad(s, k, "its group does not go to its spoke any more");
		return;
	}
	(void)sim_rules(s, k); /* sees when its lane is closed */
	if (k->push && !k->stopping)
		check_sending(s, k);
	if (j->waits & ALONE)
		check_held(s, k);
	else if (!at_work)
		check_waiting(s, k);
}

static void check_slots(const struct sim *s)
{
	unsigned all = 0, on[SIM_SPOKES] = {0}, large = 0, large_on[SIM_SPOKES] = {0};

	for (size_t i = 0; i < s->n_busy; i++) {
		const struct sim_job *k = s->busy[i];

		if (!k->push || k->stopping)
			continue;
		all++;
		on[k->spoke]++;
		large += k->large;
		large_on[k->spoke] += k->large;
		if (on[k->spoke] >
		    sim_may_run(s->spokes[k->spoke].cfg->transfers, large_on[k->spoke]))
			sim_bad(s, k, "one too many on its spoke");
	}
	if (all > sim_may_run(core_config(s->core)->transfers, large))
		sim_fail(s, "%u transfers, and %u are allowed", all,
			 core_config(s->core)->transfers);
	for (unsigned i = 0; i < s->n_spokes; i++)
		/* A set begins in one, where there is room for its first. */
		if (s->words[i] >= SIM_WORDS + SIM_SETS)
			sim_fail(s, "%u publications at a time on %s", s->words[i],
				 s->spokes[i].name);
}

static void check_file(struct sim *s, const struct sim_spoke *p, const struct version *v)
{
	struct job *j = core_job_of(s->core, p->name, v->group, v->path);

	if (!j || j->version != v)
		sim_fail(s, "%s: no job for %s/%s", p->name, v->group, v->path);
	if (job_over(j) && j->state != JOB_FAILED && j->state != JOB_CANCELLED)
		sim_fail(s, "%s: %s/%s is %s and not there", p->name, v->group, v->path,
			 job_state_word(j->state));
}

/* What a spoke lacks is on its way, unless somebody gave it up. */
static void check_wanted(struct sim *s)
{
	for (unsigned i = 0; i < s->n_spokes; i++)
		for (unsigned g = 0; g < SIM_GROUPS; g++)
			for (unsigned f = 0; f < SIM_FILES && s->spokes[i].member[g]; f++) {
				s->count[COUNT_CHECK_WANTED]++;
				if (s->spokes[i].have[g][f] != s->latest[g][f]->id)
					check_file(s, &s->spokes[i], s->latest[g][f]);
			}
}

void sim_check_pass(struct sim *s)
{
	s->instant++;
	sim_count_slots(s);
	check_slots(s);
	for (size_t i = 0; i < s->n_live; i++)
		check_job(s, s->live[i]);
	s->count[COUNT_CHECK_JOBS] += s->n_live;
	sim_check_spokes(s);
	/* A job that is lost stays so: it is enough to look now and then. */
	if (s->count[COUNT_PASSES] % 64 == 0)
		check_wanted(s);
}

void sim_check_end(struct sim *s)
{
	check_wanted(s);
	if (s->n_live)
		sim_bad(s, s->live[0], "all goes well, all is open, and it is not done");
	if (!core_in_sync(s->core, NULL, NULL, UINT64_MAX))
		sim_fail(s, "nothing is left to do, and it is not in sync");
}
