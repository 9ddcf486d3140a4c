/*
 * sim_sets.c: in every fourth seed the last group is published in sets, of three files, two and
 * one: on each spoke by itself, or everywhere at once. Each publication is held against the facts:
 * no file of a set without the rest, and nowhere before every spoke that is up has staged it.
 *
 * What it catches, each tried by breaking the core so: may_here() left out (published without the
 * rest), may_there() left out (not staged everywhere), may_here() that is true only of what was
 * sent (nothing of its set is missing).
 */
#include "scheduler/core_sets.h"
#include "tests/sim/sim.h"

static unsigned set_of(unsigned file)
{
	return file < 3 ? 0 : file < 5 ? 1 : 2;
}

bool sim_in_sets(const struct sim *s, unsigned group)
{
	return s->seed % 4 == 0 && group == SIM_GROUPS - 1;
}

static bool is_everywhere(const struct sim *s)
{
	return s->seed % 8 == 0;
}

const char *sim_sets_line(const struct sim *s, unsigned group)
{
	return !sim_in_sets(s, group) ? ""
	       : is_everywhere(s)     ? "publish = everywhere\nquorum_wait = 1h\n"
				      : "publish = spoke\n";
}

/* To a core that is new, or another version is the latest of one of its files. */
static void tell_set(struct sim *s, unsigned set)
{
	struct version *members[SIM_FILES];
	size_t n = 0;

	for (unsigned f = 0; f < SIM_FILES; f++)
		if (set_of(f) == set && s->latest[SIM_GROUPS - 1][f])
			members[n++] = s->latest[SIM_GROUPS - 1][f];
	core_set_tell(s->core, s->sets[set], "set", members, n);
}

void sim_sets_new(struct sim *s)
{
	if (!sim_in_sets(s, SIM_GROUPS - 1))
		return;
	for (unsigned i = 0; i < SIM_SETS; i++) {
		s->sets[i] = core_set_new(s->core, s->groups[SIM_GROUPS - 1]->name);
		core_set_hold(s->core, s->sets[i], "");
		tell_set(s, i);
	}
}

void sim_sets_version(struct sim *s, unsigned group, unsigned file)
{
	if (sim_in_sets(s, group))
		tell_set(s, set_of(file));
}

static const struct sim_job *live_job(const struct sim *s, unsigned spoke, unsigned file)
{
	const struct version *latest = s->latest[SIM_GROUPS - 1][file];

	for (size_t i = 0; i < s->n_live; i++)
		if (s->live[i]->spoke == spoke && s->live[i]->version == latest)
			return s->live[i];
	return NULL;
}

static bool has(const struct sim *s, unsigned spoke, unsigned file)
{
	return s->spokes[spoke].have[SIM_GROUPS - 1][file] == s->latest[SIM_GROUPS - 1][file]->id;
}

/* Is it there, or staged there? */
static bool staged(const struct sim *s, unsigned spoke, unsigned file)
{
	const struct sim_job *o = live_job(s, spoke, file);

	return has(s, spoke, file) ||
	       (o && (o->kind != JOB_PUT || o->job->state == JOB_STAGED || o->job->staged));
}

/* By those that are up; who is down, or was till this instant, may have been left behind. */
static bool staged_elsewhere(const struct sim *s, unsigned file)
{
	for (unsigned i = 0; is_everywhere(s) && i < s->n_spokes; i++)
		if (s->spokes[i].member[SIM_GROUPS - 1] && s->spokes[i].told == TOLD_UP &&
		    s->spokes[i].greeted < s->now.mono.us && !staged(s, i, file))
			return false;
	return true;
}

void sim_check_set(const struct sim *s, const struct sim_job *k)
{
	for (unsigned f = 0; f < SIM_FILES; f++) {
		const struct sim_job *o = live_job(s, k->spoke, f);

		if (set_of(f) != set_of(k->file) || s->latest[SIM_GROUPS - 1][f]->deleted)
			continue;
		if (!has(s, k->spoke, f) && (k->kind == JOB_DELETE || !o || !o->publishing))
			sim_bad(s, k, "it is published without the rest of its set");
		if (k->kind != JOB_DELETE && !staged_elsewhere(s, f))
			sim_bad(s, k, "its set is not staged everywhere");
	}
}

void sim_check_set_holds(const struct sim *s, const struct sim_job *k)
{
	for (unsigned f = 0; sim_in_sets(s, k->group) && f < SIM_FILES; f++) {
		const struct sim_job *o = live_job(s, k->spoke, f);

		if (set_of(f) != set_of(k->file))
			continue;
		/* Not there, and not waiting for its set alone; or deleted last. */
		if (!has(s, k->spoke, f) &&
		    (!staged(s, k->spoke, f) || o->publishing ||
		     (o->job->waits & (WAIT_RETRY | WAIT_SPACE | WAIT_IN_USE | WAIT_OLDER)) ||
		     (k->kind == JOB_DELETE && o->kind != JOB_DELETE)))
			return;
		for (unsigned i = 0; is_everywhere(s) && i < s->n_spokes; i++)
			if (s->spokes[i].member[SIM_GROUPS - 1] && !staged(s, i, f))
				return;
	}
	sim_bad(s, k, "nothing of its set is missing");
}

struct sim_job *sim_set_job(struct sim *s, const struct sim_job *lead, unsigned file)
{
	unsigned at = 0;
	struct job *j;

	if (!sim_in_sets(s, lead->group) || file == lead->file ||
	    set_of(file) != set_of(lead->file))
		return NULL;
	for (unsigned f = 0; f < file; f++)
		at += set_of(f) == set_of(file);
	j = core_set_job(s->core, lead->job, at);
	return j ? s->jobs[j->id] : NULL;
}
