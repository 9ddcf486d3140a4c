/*
 * kin.h: the version that a file is a changed copy of, found by what they share on disk: the same
 * path's former version, or, under a new name, whatever was cloned (`cp --reflink`). Candidates are
 * the group's generations, with indexes that tell their blocks.
 */
#ifndef SPOKESYNC_SCHEDULER_KIN_H
#define SPOKESYNC_SCHEDULER_KIN_H

#include "scheduler/hub_state.h"

/* Smaller files are read faster than they are compared. */
#define KIN_LEAST MIB

struct kin {
	uint64_t id, size;
	struct hash root;
	struct kept kept;
	struct wall read; /* trust.h */
};

/* Loop thread. Those worth asking about a file of this size, the likeliest first; free() them. */
struct kin *kin_list(const struct hub_file *f, uint64_t size, size_t *ret_n);
/*
 * Worker. The candidate that shares most of a few places with fd, its generation open. -ENOENT:
 * none shares any; -EOPNOTSUPP: this filesystem is not asked.
 */
int kin_find(const struct kin *list, size_t n, int gen_dirfd, int fd, uint64_t size,
	     const struct kin **ret, int *ret_fd) WARN_UNUSED;
/* Is the generation that is open the file that was made, and not written to since? */
bool kin_intact(const struct kin *k, int fd);

#endif
