/*
 * core.h: the scheduler's heart: a state machine without I/O. Facts and now go in, actions come
 * out. The daemon and tests/sim run the same code.
 *
 * Facts only record and never decide. core_plan() is one idempotent pass: it looks at everything,
 * changes job states (by job_set_state(), the only setter), and hands out actions; it returns when
 * to look next though nothing happens. Jobs over a limit lie on that limit's hold list, so that a
 * pass touches only what may have changed.
 *
 * Who gets a free slot, of all that may run now (policy/order.h):
 *   1. what would miss its deadline in its turn, the earliest deadline first; an overdue one is the
 *      earliest of all. Once it goes first it stays so until it is done;
 *   2. of equal deadlines, and of all the others: the larger priority;
 *   3. of equal priority: the spoke with the fewest transfers for its weight, so that no spoke
 *      waits while another has two (deadlines and priorities go before that: they were asked for);
 *   4. then the oldest.
 * Within one spoke the third question does not arise. Slots are given, never taken away: what runs
 * goes on, whoever comes. And small files do not wait behind large ones: see policy/limit.h.
 *
 * Names of spokes and groups are those of the configuration. The core owns jobs and spokes;
 * pointers to them stay valid until they are forgotten.
 */
#ifndef SPOKESYNC_SCHEDULER_CORE_H
#define SPOKESYNC_SCHEDULER_CORE_H

#include <sys/queue.h>

#include "policy/config.h"
#include "policy/override.h"
#include "policy/rate.h"
#include "policy/retry.h"

enum job_state {
	JOB_QUEUED,
	JOB_INDEXING,
	JOB_WAITING, /* the reasons are in waits */
	JOB_SENDING,
	JOB_PAUSED, /* was sending; progress kept; the reasons are in waits */
	JOB_STAGED,
	JOB_PUBLISHED,
	JOB_FAILED,
	JOB_SUPERSEDED,
	JOB_CANCELLED,
};

enum wait_reason {
	WAIT_WINDOW = 1 << 0,
	WAIT_SLOT = 1 << 1, /* a slot of the hub or of the spoke */
	WAIT_SPOKE_DOWN = 1 << 2,
	WAIT_RETRY = 1 << 3, /* until job->due.at */
	WAIT_SPACE = 1 << 4, /* the spoke has no space: waits for a change there */
	WAIT_IN_USE = 1 << 5,
	WAIT_HELD = 1 << 6,   /* cancelled by a user, or a guard: until retry */
	WAIT_PAUSED = 1 << 7, /* an override */
	WAIT_ZONE = 1 << 8,
	WAIT_INDEX = 1 << 9,
	WAIT_KEY = 1 << 10,   /* one of the two does not know the other's key */
	WAIT_SET = 1 << 11,   /* other members of its set */
	WAIT_START = 1 << 12, /* the jitter after a window opened */
	WAIT_OLDER = 1 << 13, /* the push of an older version of this file still ends */
	WAIT_TWIN = 1 << 14,  /* another file brings the same content there just now */
};
#define WAIT_BITS 15

enum job_kind { JOB_PUT, JOB_META, JOB_DELETE };

struct set;

/* One settled content of one file: what jobs bring. Counted; immutable but for indexed / root. */
struct version {
	uint64_t id; /* grows with time: also the sequence of the catalog */
	char *group, *path;
	uint64_t size, nonzero;
	bool indexed; /* root and nonzero are known */
	uint8_t root[32];
	int64_t mtime_s;
	uint32_t mtime_ns, mode;
	bool deleted;	 /* a tombstone: the path is gone */
	struct set *set; /* what it is published with (core_sets.h), or NULL */
	unsigned refs;
};

struct spoke_state;
struct lane;

/* A due time in the core's heap (due.c). pos 0: not in it. */
struct due {
	struct mono at;
	uint32_t pos, kind;
};

struct job {
	uint64_t id;
	struct version *version;
	struct spoke_state *spoke;
	const char *reason; /* the last thing that a person would want to know; "" where nothing.
			     * Set by core_job_note() only. */
	struct wall created, started, ended;
	/* figures, kept up by facts */
	uint64_t done_bytes, total_bytes; /* of the wire work, as far as known */
	struct wall eta;		  /* WALL_NEVER: not foreseeable; {0}: unknown */
	void *user;			  /* the driver's (struct hub_job) */
	TAILQ_ENTRY(job) by_spoke; /* spoke_state.jobs while unfinished, core_ended() after */
	struct due due;		   /* WAIT_RETRY: tried again at due.at */
	enum job_kind kind : 8;
	enum job_state state : 8;
	uint16_t waits; /* enum wait_reason, any number */
	int16_t priority;
	uint16_t tries, windows_used;
	bool running : 1;  /* a push exists (from ACTION_START until core_fact_ended) */
	bool stopping : 1; /* ACTION_STOP was given */
	bool publishing : 1;
	bool left : 1;	/* cancelled by the configuration, not by a person: wanted again where the
			 * group comes back to this spoke */
	bool stuck : 1; /* it waits for a person */
	bool late : 1;	/* the forecast says that it will miss its deadline, or it has */
	bool kept : 1;	/* a deletion: another that is gone of its set has to stay there for now */
	/* The rest is the core's own. */
	bool has_outcome : 1, staged : 1, superseded : 1;
	bool left_behind : 1; /* the other spokes did not wait for it */
	bool small : 1;	      /* may take the slot that is kept for small files */
	uint8_t place, wish, outcome, again;
	uint16_t hold;		  /* WAIT_RETRY, WAIT_SPACE, WAIT_IN_USE: until due, or a fact */
	uint16_t opening;	  /* the lane's opening in which it ran last */
	uint32_t urgent;	  /* it would miss its deadline in its turn: that, in minutes since
				   * 1970; 0: it would not */
	TAILQ_ENTRY(job) by_list; /* the one list that says what it waits for (place) */
	struct job *id_next, *path_next;
	struct lane *lane;
};
TAILQ_HEAD(job_list, job);

struct spoke_state {
	const char *name;
	const struct spoke_cfg *cfg; /* of the configuration in force */
	bool up, ever_up, key_refused;
	struct zone *zone; /* as last reported; NULL: never */
	char zone_name[64];
	char text[200]; /* why it is down, in words */
	struct wall last_seen;
	unsigned tries;
	struct mono retry_at; /* next greeting; MONO_NEVER: one is under way */
	struct job_list
		jobs; /* the unfinished ones, by priority, then id; finished: core_ended() */
	unsigned n_jobs;
	unsigned running;      /* pushes */
	uint64_t reached_rate; /* bytes/s of all its pushes lately, as reported; 0: not known */
	void *user;	       /* the driver's (struct hub_spoke) */
	TAILQ_ENTRY(spoke_state) entry;
};
TAILQ_HEAD(spoke_list, spoke_state);

enum action_kind {
	ACTION_GREET,	/* say hello to the spoke */
	ACTION_START,	/* start (or go on with) the job's push */
	ACTION_STOP,	/* end the push now: reason in job->waits */
	ACTION_PUBLISH, /* publish the job (put, meta, delete): it is staged, or needs no data; of a
			 * set the first, with all of core_set_job() */
	ACTION_RATES,	/* limits of (spoke, policy) changed: look them up again by core_rates() */
	ACTION_CHANGED, /* the job's state or waits changed: log, journal, events */
	ACTION_LATE,	/* job->late changed: it will miss its deadline, or no longer will */
	ACTION_LEFT,	/* its set is published elsewhere: its spoke was down for too long */
	ACTION_OVERRIDE_ENDED,
};

struct action {
	enum action_kind kind;
	struct job *job;
	struct spoke_state *spoke;
	const struct group_cfg *group; /* ACTION_RATES: with spoke, whose limits */
	struct override override; /* ACTION_OVERRIDE_ENDED: a copy, strings owned by the core until
				     the next plan */
	enum job_state old_state;
	unsigned old_waits;
};

struct core;

/* random: seeded by the caller, so that a simulated run can be repeated. */
struct core *core_new(struct config *cfg, uint64_t random_seed) WARN_UNUSED;
struct core *core_free(struct core *c);
/* At start: the newest ids ever given (of the database), so that none is given twice. */
void core_ids_after(struct core *c, uint64_t last_job, uint64_t last_override);
/* A new configuration: spokes appear, go (their jobs are cancelled), change. */
void core_set_config(struct core *c, struct config *cfg);
struct config *core_config(struct core *c);

/* The pass. perform() is called for each action in order, after everything was decided. It may
 * call core_fact_*() and core_add_job(), which are taken at the next pass (then the time returned
 * is now); it must not call core_forget_ended(), core_set_config() or core_plan(). */
typedef void core_perform_fn(void *arg, const struct action *a);
struct mono core_plan(struct core *c, struct now now, core_perform_fn *perform, void *arg);

/* Facts about versions. */
struct version *version_new(const char *group, const char *path) WARN_UNUSED;
struct version *version_ref(struct version *v);
struct version *version_unref(struct version *v);

/* Wanted: this version on this spoke. Supersedes (group, path, spoke)'s older unfinished jobs.
 * id 0: a new one is given. Returns the job (state JOB_QUEUED or JOB_INDEXING; an unfinished one
 * for the very same version is returned as it is), or NULL where that spoke is not (or no longer)
 * in that group. */
struct job *core_add_job(struct core *c, uint64_t id, enum job_kind kind, struct version *v,
			 const char *spoke, struct now now);
void core_fact_indexed(struct core *c, struct version *v); /* root is known now */
void core_fact_progress(struct core *c, struct job *j, uint64_t done, uint64_t total,
			struct now now);
/* The push of a job ended, for a reason that decides what next. */
enum job_outcome {
	OUTCOME_STAGED,
	OUTCOME_STOPPED,   /* as asked by ACTION_STOP */
	OUTCOME_RETRY,	   /* a passing fault: backoff */
	OUTCOME_AGAIN,	   /* no fault: at once (bases changed) */
	OUTCOME_SPACE,	   /* waits for a change */
	OUTCOME_TOO_LARGE, /* the same, and only a person can bring it about */
	OUTCOME_IN_USE,
	OUTCOME_SET, /* another of its set could not be published: it waits with that */
	OUTCOME_PEER_DOWN,
	OUTCOME_KEY,
	OUTCOME_SUPERSEDED, /* the source changed */
	OUTCOME_FAILED,	    /* for good */
	OUTCOME_PUBLISHED,  /* also the answer to ACTION_PUBLISH */
};
void core_fact_ended(struct core *c, struct job *j, enum job_outcome o, const char *text,
		     struct now now);
void core_fact_spoke_up(struct core *c, struct spoke_state *s, const char *zone, struct now now);
void core_fact_spoke_down(struct core *c, struct spoke_state *s, bool key, const char *text,
			  struct now now);
/* Space may have changed there, a file was released: jobs that waited for it try again. */
void core_fact_spoke_changed(struct core *c, struct spoke_state *s);
/* Does a job wait for that? */
bool core_spoke_awaited(const struct spoke_state *s);

/* The zone that was stored when it was last reached (at start). 0, or -EINVAL: no such zone. */
int core_spoke_zone(struct core *c, struct spoke_state *s, const char *zone);
/* How long it has been down, as far as the hub ran meanwhile; 0: it is not. And what was stored of
 * that when the hub ran last (at start). */
int64_t core_spoke_away_us(const struct spoke_state *s, struct mono now);
void core_spoke_was_away(struct spoke_state *s, int64_t us, struct mono now);

/* Commands: wishes, taken at the next pass. */
void core_job_note(struct job *j, const char *text); /* sets reason; cut at 399 bytes */
void core_job_cancel(struct core *c, struct job *j, const char *who, struct now now);
void core_job_retry(struct core *c, struct job *j, struct now now);
uint64_t job_left(const struct job *j); /* bytes still to send, as far as known */
/* Failed for good, or cancelled by a person: not begun again for the same version. */
bool core_job_given_up(const struct job *j);
/* That, and the last word on its file there: nothing newer has come for it since. */
bool core_job_missing(const struct core *c, const struct job *j);
/* At start: one just added had been given up before; it was told then, and no action tells again.
 */
void core_restore_given_up(struct core *c, struct job *j, enum job_state state, const char *why,
			   struct wall ended);
/* Its file is gone or no longer replicated: superseded by that, and nothing anybody waits for. */
void core_job_unwanted(struct core *c, struct job *j, const char *why);
/* Takes the strings of o. Replaces one of the same kind and scope. Returns its id (o->id, or a new
 * one where that is 0). ACTION_OVERRIDE_ENDED tells only of those that ended by themselves. */
uint64_t core_override_add(struct core *c, const struct override *o);
/* Ends pauses (kind PAUSE) or sync-nows of that very scope (resume), or all that overlap
 * (stop-now). Count. */
unsigned core_override_end(struct core *c, enum override_kind kind, const char *spoke,
			   const char *group, bool overlapping);
/* One that ends when all is in sync: not before so long, and (0: as before) up to that version.
 * False: it is over. */
bool core_override_hold(struct core *c, uint64_t id, struct mono until, uint64_t up_to);
const struct override *core_overrides(const struct core *c, size_t *ret_n);

/* Look-ups. */
struct spoke_list *core_spokes(struct core *c);
struct spoke_state *core_spoke(struct core *c, const char *name); /* or NULL */
struct job *core_job(struct core *c, uint64_t id);		  /* or NULL */
/* The newest of this file there, finished or not; or NULL. */
struct job *core_job_of(struct core *c, const char *spoke, const char *group, const char *path);
void core_rates(struct core *c, const struct spoke_state *s, const struct group_cfg *g,
		struct now now, struct rate_chain *ret);
unsigned core_running(const struct core *c);
#define CORE_SMALL (UINT64_C(16) << 20) /* bytes left: what may have the slot of small files */
struct limit_use;
/* The slots as the job finds them; of a spoke that is configured. */
void core_slots(const struct core *c, const struct job *j, struct limit_use *ret);
struct job_list *
core_ended(struct core *c); /* finished ones not yet forgotten, oldest first, by_spoke */
/* The oldest of these versions that is missing there (NULL: any), or NULL. */
struct job *core_missing(struct core *c, const char *spoke, const char *group,
			 uint64_t up_to_version);
/* Nothing of these versions is unfinished or missing there. */
bool core_in_sync(struct core *c, const char *spoke, const char *group, uint64_t up_to_version);
/* Forgets finished jobs beyond the newest keep, but no failed or cancelled one that is still the
 * last word on its file. Frees them (after perform saw their end). */
void core_forget_ended(struct core *c, size_t keep, void (*freed)(void *arg, struct job *j),
		       void *arg);

/* ETA of every unfinished job, closed time skipped, the queue before it counted (forecast.c). Of a
 * very large queue the passes that follow at once do the rest, and ETAs are up to 15 s old. */
void core_forecast(struct core *c, struct now now);

/* When the job has to be done: by its group's deadline =, in the zone of the policy that governs it
 * there. WALL_NEVER: none, or the zone is not known. */
struct wall core_deadline(const struct core *c, const struct job *j);
/* To be called each minute: jobs that would miss their deadline go first from now on, and those
 * that will miss it even so are marked late (ACTION_LATE of the next pass). */
void core_deadlines(struct core *c, struct now now);
/* The same at once, where something came since that may make somebody late: to be called each
 * second. Where the forecast takes long it waits for the minute. True: a pass is due. */
bool core_deadlines_soon(struct core *c, struct now now);

const char *job_state_word(enum job_state s);
bool job_over(const struct job *j); /* published, failed, superseded, cancelled */
/* "window closed, no free slot": joined reasons in words; "" where none. */
const char *wait_words(unsigned waits, char *buf, size_t size);
/* The single words of the API: "window", "slot", ... for bit i, or NULL. */
const char *wait_word(enum wait_reason one);

#endif
