/*
 * core_sets.h: what is published together. The driver tells which versions are a set, and whether
 * anything keeps the whole of it back (a member that has not settled, a parent that is missing);
 * the core holds what is staged until the set may go.
 *
 * On one spoke it may go when each of its members is there already or staged. With publish =
 * everywhere, moreover, when that is so on every spoke of the group, but for those that have been
 * down for longer than quorum_wait: these are left behind (ACTION_LEFT), and catch up by
 * themselves. The deletions of a set go after all else of it, together.
 *
 * A member that nobody brings there and that is not there either, because of what was done on that
 * spoke, keeps its set from going: only the driver knows of those, and is asked.
 *
 * A newer version of a member, while the others are staged, makes the set wait again: the driver
 * tells the set anew, and the newer version is one of its members from then on.
 */
#ifndef SPOKESYNC_SCHEDULER_CORE_SETS_H
#define SPOKESYNC_SCHEDULER_CORE_SETS_H

#include "scheduler/core.h"

struct set {
	char *group, *name;
	char *why; /* nothing of it is published, in words; "": it may go as far as the hub knows */
	struct version **members; /* in the order in which they may appear; counted */
	size_t n;
	bool forced; /* by a person: spokes that have not staged it are not waited for */
	/* The rest is the core's own: what was found last, and in which state of the core. */
	uint64_t here_at, there_at;
	const struct spoke_state *here_on;
	bool here_deletes, here, there;
	struct mono there_until;
	char here_text[400], there_text[200];
	TAILQ_ENTRY(set) entry;
};
TAILQ_HEAD(set_list, set);

/* Of a group with publish = spoke or everywhere every version has to be in a set (version->set), or
 * it is never published. The names are copied. */
struct set *core_set_new(struct core *c, const char *group) WARN_UNUSED;
struct set *core_set_free(struct core *c, struct set *s);
/* In order. A version that was in another set is in this one from now on. Ends that it is forced,
 * where the members are others. */
void core_set_tell(struct core *c, struct set *s, const char *name, struct version *const *members,
		   size_t n);
void core_set_hold(struct core *c, struct set *s, const char *why);
void core_set_force(struct core *c, struct set *s);
/* A deletion that is not to be published, or is again, for the rest of its set (job.kept). */
void core_set_keep(struct core *c, struct job *j, bool kept);
/* Is another content there than this version, and does nobody mean to change that? Then the words
 * for it. What it goes by may change with core_sets_look() only. */
typedef bool core_sets_amiss_fn(const struct spoke_state *sp, const struct version *v, char *why,
				size_t size);
void core_sets_ask(struct core *c, core_sets_amiss_fn *amiss);
void core_sets_look(struct core *c);
/* At ACTION_PUBLISH of a job of a set: the job of that member that is to be published together with
 * it, or NULL. */
struct job *core_set_job(struct core *c, const struct job *lead, size_t member);

#endif
