/*
 * core_impl.h: the inside of the core, shared by its files only: core.c (facts and commands),
 * core_spoke.c (facts about spokes), core_table.c (look-ups), core_config.c (spokes and lanes by
 * configuration), core_sets.c, core_overrides.c, plan.c (the pass), plan_job.c (one job looked at),
 * plan_lane.c (one lane), plan_start.c (who may start), plan_greet.c (words), job.c, queue.c,
 * due.c, forecast.c.
 *
 * A *lane* is what one group brings to one spoke: the unit of windows and rates. A job is always on
 * exactly one list (its place), which says what it waits for:
 *
 *   DIRTY     a fact or wish came: the next pass looks at it and places it anew
 *   INDEXING  until its version is indexed
 *   OLDER     until another push has ended: of an older version of its file, or of another file
 *             with the same content
 *   FRESH     in its lane, arrived since the last pass; in order
 *   READY     in its lane, in order; all of these have the lane's waits, so that a pass in which
 *             nothing changed for the lane does not touch them
 *   ACTIVE    a push runs or ends, or a publication is under way
 *   WORDS     wants a publication only: until the spoke is up
 *   HELD      until its due time, or a fact about the spoke (job->hold says which)
 *   ENDED     finished; until forgotten
 */
#ifndef SPOKESYNC_SCHEDULER_CORE_IMPL_H
#define SPOKESYNC_SCHEDULER_CORE_IMPL_H

#include "scheduler/core.h"
#include "scheduler/core_sets.h"

/* glibc's sys/queue.h has none that let the element go meanwhile. */
#ifndef TAILQ_FOREACH_SAFE
#define TAILQ_FOREACH_SAFE(var, head, field, next)                                     \
	for ((var) = TAILQ_FIRST(head); (var) && ((next) = TAILQ_NEXT(var, field), 1); \
	     (var) = (next))
#endif

enum place {
	PLACE_NONE,
	PLACE_DIRTY,
	PLACE_INDEXING,
	PLACE_OLDER,
	PLACE_FRESH,
	PLACE_READY,
	PLACE_ACTIVE,
	PLACE_WORDS,
	PLACE_HELD,
	PLACE_ENDED,
};

enum wish { WISH_NONE, WISH_CANCEL, WISH_RETRY };
enum due_kind { DUE_JOB = 1, DUE_SPOKE, DUE_LANE };

#define CORE_WORDS_MAX	  16 /* publications under way at a time on one spoke */
#define CORE_AGAIN_MAX	  16 /* OUTCOME_AGAIN in a row without progress before it backs off */
#define CORE_GREET_BUSY	  (60 * SECOND_US)
#define CORE_GREET_IDLE	  (300 * SECOND_US)
#define CORE_GREET_CLOSED (600 * SECOND_US) /* RULES.md: the most often while closed */
#define CORE_GREET_ANSWER (300 * SECOND_US) /* an unanswered greeting is asked again after this */
#define CORE_GREET_SLACK  (10 * SECOND_US)  /* a wait: what the outage was so far, and this */
#define CORE_RELOOK	  (600 * SECOND_US) /* at what waits for a change at the spoke */
#define CORE_CALENDAR	  (60 * SECOND_US)  /* at calendar edges: clocks jump, machines sleep */
/* Jobs looked at in one pass; the rest in the next, which follows at once. */
#define CORE_PASS_JOBS 2000

struct lane {
	struct spoke *spoke;
	char *group;
	const struct group_cfg *cfg; /* NULL: not of this spoke any more; its jobs are cancelled */
	struct job_list fresh[2], ready[2]; /* the large ones, the small ones (job->small) */
	unsigned n_jobs, n_live, running;   /* all; unfinished; pushes */
	/* the chain, valid from chain_from until chain.until while nothing else changed */
	struct rate_chain chain;
	struct wall chain_from;
	uint64_t chain_gen;
	bool chain_valid;
	/* as the last pass found it */
	bool known, open;
	unsigned block; /* why none may start, slots apart */
	unsigned waits; /* what all READY jobs have */
	uint16_t openings;
	struct wall open_till; /* as last looked at: the next edge, or {0}: closed */
	struct wall opened;    /* when that began */
	struct due start;      /* the end of the jitter */
	/* the numbers last told by ACTION_RATES or found at a start, and who set the last */
	bool told;
	uint64_t told_hub, told_spoke, told_policy, told_key;
	TAILQ_ENTRY(lane) entry;
};
TAILQ_HEAD(lane_list, lane);

struct spoke {
	struct spoke_state pub;
	struct lane_list lanes;
	struct job_list active, words, held;
	unsigned publishing;
	unsigned large; /* pushes of large files */
	struct due greet;
	struct mono greeted;
	struct mono down_since; /* tries are counted from there */
	struct mono away_since; /* where away: not up, from when that was first known */
	int64_t away_before_us; /* and for so long in earlier runs of the hub */
	bool away;
	bool greeted_ever, greeting;
	bool greet_due;	  /* its time has come */
	bool greet_force; /* something changed that makes it worth while, closed or not */
	bool greet_asked; /* a person opened it: now, for as long as it is open */
	bool rearm;	  /* facts came: the next greeting is to be timed anew */
	bool shaky;	  /* went down under a push: a mere greeting does not make it well */
	/* the rate that it reached lately */
	struct mono rate_since; /* its last word of progress; {0}: no push had one */
	int64_t rate_span;
	uint64_t rate_bytes;
	bool rate_limited;	    /* some of it was sent under a limit */
	bool gone;		    /* not in the configuration */
	struct config *gone_config; /* keeps pub.cfg alive while gone */
	bool forecast_due, deadlines_due;
	struct mono forecast_at; /* {0}: never */
};

struct due_heap {
	struct due **items; /* from 1 */
	uint32_t n, cap;
};

struct job_table {
	struct job **by_id, **by_path;
	size_t n, buckets; /* a power of two */
};

/* An action as kept until the pass is over. */
struct todo {
	enum action_kind kind;
	struct job *job;
	union {
		struct spoke *spoke;
		struct lane *lane;
	};
	struct override *ended; /* owned */
	enum job_state old_state;
	unsigned old_waits;
};

struct core {
	struct config *cfg;
	uint64_t random;
	struct spoke_list spokes, gone;
	struct spoke **by_name; /* sorted; those of the configuration */
	size_t n_spokes;
	struct job_table jobs;
	uint64_t next_job, next_override;
	struct job_list dirty, indexing, older, ended;
	size_t n_ended;
	uint64_t facts; /* about spokes, counted */
	struct set_list sets;
	core_sets_amiss_fn *amiss; /* or NULL: nothing ever is */
	uint64_t changes;	   /* of anything that a set waits for, counted */
	struct mono sets_due;	   /* when one no longer waits for a spoke that is down */
	bool indexed;		   /* some version was indexed: look through indexing */
	struct due_heap due;
	struct override *overrides;
	size_t n_overrides;
	uint64_t gen;		 /* overrides or configuration changed */
	unsigned running, large; /* pushes; those of large files */
	unsigned budget;	 /* jobs that this pass may still change */
	bool deadlines;		 /* some group had one when it was looked last */
	bool deadlines_soon;	 /* something came since that may make somebody late */
	bool forward;		 /* a copy that is run forward: no words, no looks each minute */
	bool forecast_due;	 /* spokes are left whose forecast is to be made */
	bool more;		 /* it ran out: the pass is to be gone on with */
	struct todo *todo;
	size_t n_todo, cap_todo;
};

static inline struct spoke *spoke_of(const struct spoke_state *s)
{
	return container_of(s, struct spoke, pub);
}

uint64_t core_random(struct core *c);
struct mono mono_after(struct mono t, int64_t us); /* saturates at MONO_NEVER */

/* job.c */
/* Of one that nothing is done for: paused where something of it is there already. */
enum job_state job_idle_state(const struct job *j);
/* Transfers are named by their content: two files with the same one are brought one after the
 * other, and the second is a copy there. */
bool job_twin_at_work(const struct job *j);
bool job_twin_staged(const struct job *j); /* and waits to be published */
void job_twins_wake(struct core *c, const struct job *j);
struct job *job_new(uint64_t id, enum job_kind kind, struct version *v, struct lane *l,
		    struct now now) WARN_UNUSED;
struct job *job_free(struct job *j);
/* The only setter of state and waits; the change becomes an ACTION_CHANGED of this pass. */
void job_set_state(struct core *c, struct job *j, enum job_state state, unsigned waits,
		   struct now now);

/* queue.c */
bool job_before(const struct job *a, const struct job *b);
void job_place(struct core *c, struct job *j, enum place to);
void queue_enter(struct job *j); /* into its spoke's list of unfinished jobs, in order */
void queue_leave(struct job *j);
void queue_reorder(struct core *c, struct job *j, int priority, uint32_t urgent);

/* due.c */
void due_set(struct due_heap *h, struct due *d, struct mono at);
void due_clear(struct due_heap *h, struct due *d);
struct due *due_first(const struct due_heap *h); /* or NULL */
void due_done(struct due_heap *h);

/* core_table.c */
void table_room(struct job_table *t, size_t n); /* for so many, at once */
/* A name mixed into a hash (FNV-1a), which begins as CORE_MIX. */
#define CORE_MIX UINT64_C(0xcbf29ce484222325)
uint64_t core_mix(uint64_t h, const char *s);
void table_add(struct job_table *t, struct job *j);
void table_remove(struct job_table *t, struct job *j);
struct job *table_id(const struct job_table *t, uint64_t id);
/* The newest of the file on that spoke, and the next older one. */
struct job *table_path(const struct job_table *t, const struct spoke_state *s, const char *group,
		       const char *path);
struct job *table_path_older(const struct job *j);
void table_done(struct job_table *t);

/* core_config.c */
struct spoke *core_spoke_find(struct core *c, const char *name);
/* The lane of this group on that spoke; made where the configuration has it; else NULL. */
struct lane *core_lane(struct core *c, struct spoke *s, const char *group);
void config_sweep(struct core *c); /* frees spokes that are gone and have no job left */
struct spoke *core_spoke_free(struct core *c, struct spoke *s);

/* core_overrides.c */
void overrides_end_due(struct core *c, struct now now);
struct mono overrides_next(const struct core *c, struct now now);
void override_done(struct override *o);
/* Is a job of this scope up to that version unfinished? */
bool core_unfinished(struct core *c, const char *spoke, const char *group, uint64_t up_to);
bool scope_has(const char *scope, const char *name); /* NULL: any */

/* deadlines.c: an unfinished job that will not be, or a finished one that was not, in time */
bool core_misses(bool over, struct wall eta, struct wall deadline, struct now now);
/* By the ETAs of this spoke's jobs. True where somebody's place in the queue changed. */
bool deadlines_first(struct core *c, struct spoke_state *s, struct now now);
void deadlines_mark(struct core *c, struct spoke_state *s, struct now now); /* who is late */

/* forecast.c */
#define FORECAST_JOBS  4000 /* reckoned at a time; the rest when it is called again */
#define FORECAST_FRESH (15 * SECOND_US)
bool forecast_cheap(const struct core *c);
/* False where the queue is too large for that. */
bool forecast_now(struct core *c, struct now now);
/* The next spokes whose forecast is due; forecast_due of the core says whether some are left. */
void forecast_some(struct core *c, struct now now);

/* core_sets.c */
bool set_needed(const struct job *j); /* is its group published in sets? */
/* Is nothing of its set published as long as the hub says so? Nobody can tell when that ends. */
bool set_held(const struct job *j);
/* Has it to wait for its set? Then it is noted why. */
bool set_holds(struct core *c, struct job *j, struct now now);
/* Is this member not there, and nobody brings it? Then the words for it. */
bool set_amiss(const struct core *c, const struct set *s, const struct spoke_state *sp,
	       size_t member, char *why, size_t size);
/* It may go: with all of its set that waits beside it. */
void set_publish(struct core *c, struct job *lead, struct now now);

/* plan.c and its parts */
void plan_todo(struct core *c, const struct todo *t);
/* t, or the next full minute of the monotonic clock: what has time is done together. */
struct mono core_minute(struct mono t);
struct mono plan_edge(struct wall edge, struct now now);
void plan_job(struct core *c, struct job *j, struct now now);
void plan_stop(struct core *c, struct job *j, unsigned waits, struct now now);
const struct rate_chain *lane_chain(struct core *c, struct lane *l, struct now now);
void lane_told(struct lane *l); /* the rates of its chain are known to its pushes */
void lane_look(struct core *c, struct lane *l, struct now now);
void lane_apply_waits(struct core *c, struct lane *l, struct now now);
void plan_begin(struct core *c, struct job *j, struct now now); /* its push runs */
void plan_starts(struct core *c, struct now now);
void plan_words(struct core *c, struct spoke *s, struct now now);
void plan_greet(struct core *c, struct spoke *s, struct now now); /* plan_greet.c */

#endif
