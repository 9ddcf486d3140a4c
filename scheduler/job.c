/*
 * job.c: the job: made, freed, its state set (here and nowhere else), and its words. What state it
 * should be in is decided in plan*.c; where it lies meanwhile, in queue.c.
 */
#include "scheduler/core_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASON_MAX 399

struct job *job_new(uint64_t id, enum job_kind kind, struct version *v, struct lane *l,
		    struct now now)
{
	struct job *j = xcalloc(1, sizeof(*j));

	j->id = id;
	j->kind = kind;
	j->version = version_ref(v);
	j->lane = l;
	j->spoke = &l->spoke->pub;
	j->priority = (int16_t)l->cfg->priority;
	j->created = now.wall;
	j->reason = "";
	j->due.kind = DUE_JOB;
	j->state = kind == JOB_PUT && !v->indexed ? JOB_INDEXING : JOB_QUEUED;
	if (kind == JOB_PUT)
		j->total_bytes = v->size;
	l->n_jobs++;
	return j;
}

struct job *job_free(struct job *j)
{
	if (!j)
		return NULL;
	j->lane->n_jobs--;
	core_job_note(j, "");
	version_unref(j->version);
	free(j);
	return NULL;
}

void job_set_state(struct core *c, struct job *j, enum job_state state, unsigned waits,
		   struct now now)
{
	struct todo t = {.kind = ACTION_CHANGED,
			 .job = j,
			 .spoke = spoke_of(j->spoke),
			 .old_state = j->state,
			 .old_waits = j->waits};

	if (j->state == state && j->waits == waits)
		return;
	c->changes++;
	j->state = state;
	j->waits = (uint16_t)waits;
	if (state == JOB_SENDING && j->started.s == 0)
		j->started = now.wall;
	j->ended = job_over(j) ? now.wall : (struct wall){0};
	if (job_over(j))
		j->eta = (struct wall){0};
	plan_todo(c, &t);
}

void core_job_note(struct job *j, const char *text)
{
	if (text && !strcmp(text, j->reason))
		return;
	if (j->reason[0])
		free((char *)j->reason);
	j->reason = "";
	if (text && text[0]) {
		j->reason = strndup(text, REASON_MAX);
		if (!j->reason)
			abort();
	}
}

enum job_state job_idle_state(const struct job *j)
{
	if (j->staged)
		return JOB_STAGED;
	return j->done_bytes > 0 || j->state == JOB_PAUSED ? JOB_PAUSED : JOB_WAITING;
}

static bool is_twin(const struct job *a, const struct job *b)
{
	static const uint8_t none[sizeof(a->version->root)];

	return a != b && a->kind == JOB_PUT && a->lane == b->lane && a->version->indexed &&
	       memcmp(a->version->root, none, sizeof(none)) != 0 &&
	       !memcmp(a->version->root, b->version->root, sizeof(none));
}

bool job_twin_at_work(const struct job *j)
{
	const struct spoke *s = spoke_of(j->spoke);
	const struct job *o;

	TAILQ_FOREACH (o, &s->active, by_list)
		if (is_twin(o, j))
			return true;
	/* Staged, and about to be published: after that it can be copied there. */
	return job_twin_staged(j);
}

bool job_twin_staged(const struct job *j)
{
	const struct job *o;

	TAILQ_FOREACH (o, &spoke_of(j->spoke)->words, by_list)
		if (is_twin(o, j))
			return true;
	return false;
}

void job_twins_wake(struct core *c, const struct job *j)
{
	struct job *o, *next;

	TAILQ_FOREACH_SAFE (o, &c->older, by_list, next)
		if (is_twin(o, j))
			job_place(c, o, PLACE_DIRTY);
}

bool job_over(const struct job *j)
{
	return j->state >= JOB_PUBLISHED;
}

const char *job_state_word(enum job_state s)
{
	static const char *const words[] = {
		[JOB_QUEUED] = "queued",	 [JOB_INDEXING] = "indexing",
		[JOB_WAITING] = "waiting",	 [JOB_SENDING] = "sending",
		[JOB_PAUSED] = "paused",	 [JOB_STAGED] = "staged",
		[JOB_PUBLISHED] = "published",	 [JOB_FAILED] = "failed",
		[JOB_SUPERSEDED] = "superseded", [JOB_CANCELLED] = "cancelled",
	};

	return (size_t)s < ARRAY_LEN(words) ? words[s] : "unknown";
}

/* By bit: the word of the API, and the words for people. */
static const struct {
	const char *word, *text;
} wait_texts[WAIT_BITS] = {
	{"window", "window closed"},
	{"slot", "no free slot"},
	{"spoke-down", "spoke down"},
	{"retry", "waiting to try again"},
	{"space", "no space at the spoke"},
	{"in-use", "in use at the spoke"},
	{"held", "held"},
	{"paused", "paused"},
	{"zone", "time zone of the spoke not known yet"},
	{"index", "being indexed"},
	{"key", "key not accepted"},
	{"set", "waiting for the rest of its set"},
	{"start", "start spread after the window opened"},
	{"older", "an older version is still being stopped"},
	{"twin", "another file is bringing the same content"},
};

const char *wait_word(enum wait_reason one)
{
	for (unsigned i = 0; i < WAIT_BITS; i++)
		if ((unsigned)one == 1u << i)
			return wait_texts[i].word;
	return NULL;
}

const char *wait_words(unsigned waits, char *buf, size_t size)
{
	size_t used = 0;

	if (size)
		buf[0] = '\0';
	for (unsigned i = 0; i < WAIT_BITS && used < size; i++) {
		if (!(waits & 1u << i))
			continue;
		used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? ", " : "",
					 wait_texts[i].text);
	}
	return buf;
}
