/*
 * core_sets.c: see core_sets.h. What was found of a set is kept until something of the core has
 * changed (core->changes): passes in which bytes moved and nothing else do not look again.
 */
#include "scheduler/core_sets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/canary.h"
#include "scheduler/core_impl.h"

struct set *core_set_new(struct core *c, const char *group)
{
	struct set *s = xcalloc(1, sizeof(*s));

	s->group = xstrdup(group);
	s->name = xstrdup("");
	s->why = xstrdup("its files are still being looked at");
	TAILQ_INSERT_TAIL(&c->sets, s, entry);
	return s;
}

static void drop_members(struct set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->members[i]->set == s)
			s->members[i]->set = NULL;
		version_unref(s->members[i]);
	}
	free(s->members);
	s->members = NULL;
	s->n = 0;
}

struct set *core_set_free(struct core *c, struct set *s)
{
	if (!s)
		return NULL;
	TAILQ_REMOVE(&c->sets, s, entry);
	c->changes++;
	drop_members(s);
	free(s->group);
	free(s->name);
	free(s->why);
	free(s);
	return NULL;
}

static bool same_members(const struct set *s, struct version *const *members, size_t n)
{
	return s->n == n && (!n || !memcmp(s->members, members, n * sizeof(members[0])));
}

void core_set_tell(struct core *c, struct set *s, const char *name, struct version *const *members,
		   size_t n)
{
	struct version **copy;

	if (!same_members(s, members, n))
		s->forced = false;
	copy = xcalloc(n + 1, sizeof(struct version *));
	for (size_t i = 0; i < n; i++)
		copy[i] = version_ref(members[i]);
	drop_members(s);
	s->members = copy;
	s->n = n;
	for (size_t i = 0; i < n; i++)
		copy[i]->set = s;
	free(s->name);
	s->name = xstrdup(name);
	c->changes++;
}

void core_set_hold(struct core *c, struct set *s, const char *why)
{
	if (!strcmp(s->why, why))
		return;
	free(s->why);
	s->why = xstrdup(why);
	c->changes++;
}

void core_set_force(struct core *c, struct set *s)
{
	s->forced = true;
	c->changes++;
}

void core_sets_ask(struct core *c, core_sets_amiss_fn *amiss)
{
	c->amiss = amiss;
}

void core_sets_look(struct core *c)
{
	c->changes++;
}

void core_set_keep(struct core *c, struct job *j, bool kept)
{
	if (j->kept == kept)
		return;
	j->kept = kept;
	c->changes++;
}

bool set_needed(const struct job *j)
{
	return j->lane->cfg && j->lane->cfg->publish != PUBLISH_FILE;
}

bool set_held(const struct job *j)
{
	return set_needed(j) && j->version->set && j->version->set->why[0];
}

static struct job *job_of(const struct core *c, const struct set *s, const struct spoke_state *sp,
			  size_t member)
{
	return table_path(&c->jobs, sp, s->group, s->members[member]->path);
}

struct job *core_set_job(struct core *c, const struct job *lead, size_t member)
{
	struct set *s = lead->version->set;
	struct job *j = job_of(c, s, lead->spoke, member);

	return j && j->publishing && j->version == s->members[member] &&
			       (j->kind == JOB_DELETE) == (lead->kind == JOB_DELETE)
		       ? j
		       : NULL;
}

/* What of this member is still to come there: its newest job, where that is not done; else NULL. */
static const struct job *missing(const struct core *c, const struct set *s,
				 const struct spoke_state *sp, size_t member)
{
	const struct job *j = job_of(c, s, sp, member);

	if (!j)
		return NULL;
	if (job_over(j) && (j->version != s->members[member] || !core_job_given_up(j)))
		return NULL;
	return j;
}

bool set_amiss(const struct core *c, const struct set *s, const struct spoke_state *sp,
	       size_t member, char *why, size_t size)
{
	return c->amiss && !missing(c, s, sp, member) &&
	       c->amiss(sp, s->members[member], why, size);
}

/* May it go here, the other spokes apart? Else the words why not. */
static bool look_here(const struct core *c, struct set *s, const struct spoke_state *sp,
		      bool deletes)
{
	char *text = s->here_text;

	for (size_t i = 0; i < s->n; i++) {
		const char *name = path_last(s->members[i]->path);
		const struct job *j = missing(c, s, sp, i);

		if (s->members[i]->deleted && !deletes)
			continue;
		if (!j && set_amiss(c, s, sp, i, text, sizeof(s->here_text)))
			return false;
		if (!j)
			continue;
		if (job_over(j))
			snprintf(text, sizeof(s->here_text), "%.100s was given up (job %llu)", name,
				 (unsigned long long)j->id);
		else if (j->version != s->members[i])
			snprintf(text, sizeof(s->here_text),
				 "an older version of %.100s is still being stopped", name);
		else if (deletes && j->kind != JOB_DELETE)
			snprintf(text, sizeof(s->here_text),
				 "%.100s comes before anything is deleted", name);
		else if (j->kept)
			snprintf(text, sizeof(s->here_text),
				 "others of its set that are gone may not be deleted yet");
		else if (j->place == PLACE_HELD && j->reason && *j->reason)
			snprintf(text, sizeof(s->here_text), "%.100s: %.290s", name, j->reason);
		else if (j->place != PLACE_WORDS)
			snprintf(text, sizeof(s->here_text), "%.100s is not there yet", name);
		else
			continue;
		return false;
	}
	return true;
}

static bool staged_on(const struct core *c, struct set *s, const struct spoke_state *sp)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct job *j = s->members[i]->deleted ? NULL : missing(c, s, sp, i);

		if (!j || (!job_over(j) && j->version == s->members[i] &&
			   (j->kind != JOB_PUT || j->staged)))
			continue;
		snprintf(s->there_text, sizeof(s->there_text), "%.64s has not staged %.100s",
			 sp->name, path_last(s->members[i]->path));
		return false;
	}
	return true;
}

/* When it has been down for too long; MONO_NEVER: it is up. */
static struct mono left_at(struct spoke *sp, const struct group_cfg *g, struct now now)
{
	if (sp->pub.up)
		return MONO_NEVER;
	if (!sp->away) {
		sp->away = true;
		sp->away_since = now.mono;
	}
	return mono_after(sp->away_since, g->quorum_wait_us - sp->away_before_us);
}

/* Has every spoke staged it that is to be waited for? */
static bool look_there(struct core *c, struct set *s, const struct group_cfg *g, struct now now)
{
	s->there_until = MONO_NEVER;
	for (size_t i = 0; i < g->n_spokes; i++) {
		struct spoke *sp = core_spoke_find(c, g->spokes[i]);
		struct mono left;

		if (!sp || staged_on(c, s, &sp->pub))
			continue;
		left = left_at(sp, g, now);
		if (left.us <= now.mono.us)
			continue;
		s->there_until = left;
		return false;
	}
	return true;
}

/* Those that it does not wait for are told of, each once. */
static void tell_left(struct core *c, struct set *s, const struct group_cfg *g)
{
	for (size_t i = 0; i < g->n_spokes; i++) {
		struct spoke *sp = core_spoke_find(c, g->spokes[i]);

		if (!sp || staged_on(c, s, &sp->pub))
			continue;
		for (size_t k = 0; k < s->n; k++) {
			struct job *j = job_of(c, s, &sp->pub, k);
			struct todo t = {.kind = ACTION_LEFT, .job = j};

			if (!j || job_over(j) || j->version != s->members[k] || j->left_behind)
				continue;
			j->left_behind = true;
			plan_todo(c, &t);
		}
	}
}

static bool may_here(struct core *c, struct set *s, const struct job *j)
{
	bool deletes = j->kind == JOB_DELETE;

	if (s->here_at != c->changes || s->here_on != j->spoke || s->here_deletes != deletes) {
		s->here = look_here(c, s, j->spoke, deletes);
		s->here_on = j->spoke;
		s->here_deletes = deletes;
		s->here_at = c->changes;
	}
	return s->here;
}

static bool may_there(struct core *c, struct set *s, const struct job *j, struct now now)
{
	const struct group_cfg *g = j->lane->cfg;

	/* A probe measures each spoke, not the slowest of them. */
	if (g->publish != PUBLISH_EVERYWHERE || s->forced || j->kind == JOB_DELETE ||
	    canary_is(j->version->path))
		return true;
	if (s->there_at != c->changes || s->there_until.us <= now.mono.us) {
		s->there = look_there(c, s, g, now);
		s->there_at = c->changes;
	}
	if (!s->there && s->there_until.us < c->sets_due.us)
		c->sets_due = s->there_until;
	return s->there;
}

bool set_holds(struct core *c, struct job *j, struct now now)
{
	struct set *s = j->version->set;
	const char *why;

	if (!set_needed(j) || c->forward)
		return false;
	if (!s)
		why = "its set is not known yet";
	else if (s->why[0])
		why = s->why;
	else if (!may_here(c, s, j))
		why = s->here_text;
	else if (!may_there(c, s, j, now))
		why = s->there_text;
	else
		return false;
	core_job_note(j, why);
	return true;
}

static void begin(struct core *c, struct job *j, struct now now)
{
	job_place(c, j, PLACE_ACTIVE);
	j->publishing = true;
	spoke_of(j->spoke)->publishing++;
	core_job_note(j, "");
	job_set_state(c, j, JOB_STAGED, 0, now);
}

void set_publish(struct core *c, struct job *lead, struct now now)
{
	struct set *s = set_needed(lead) && !c->forward ? lead->version->set : NULL;
	const struct todo t = {.kind = ACTION_PUBLISH, .job = lead};

	begin(c, lead, now);
	for (size_t i = 0; s && i < s->n; i++) {
		struct job *j = job_of(c, s, lead->spoke, i);

		if (j && j->place == PLACE_WORDS && j->version == s->members[i] &&
		    (j->kind == JOB_DELETE) == (lead->kind == JOB_DELETE))
			begin(c, j, now);
	}
	if (s && lead->kind != JOB_DELETE && lead->lane->cfg->publish == PUBLISH_EVERYWHERE)
		tell_left(c, s, lead->lane->cfg);
	plan_todo(c, &t);
}
