/*
 * scan.h: what lies in a group's directory, listed whole by a worker thread: the truth behind
 * inotify's hints. It lists and judges names and kinds only; the filter and the catalog are asked
 * afterwards on the loop thread.
 *
 * Limits: SCAN_FILES_MAX entries and SCAN_DEPTH_MAX levels; more is an error of the scan, never a
 * shorter list that would look like deletions.
 */
#ifndef SPOKESYNC_SCHEDULER_SCAN_H
#define SPOKESYNC_SCHEDULER_SCAN_H

#include "transfer/source.h"
#include "transfer/wire.h"

#define SCAN_FILES_MAX 2000000u
#define SCAN_DEPTH_MAX 64u

struct scan_entry {
	char *path;
	const char *skip; /* NULL: a regular file that may be taken; else why not (static text) */
	struct identity identity;
	uint32_t mode;
};

struct scan_result {
	int error; /* -errno: the list is not whole and proves nothing */
	char text[256];
	struct scan_entry *entries;
	size_t n_entries, cap_entries;
	char **dirs; /* every directory below, "" for the top first */
	size_t n_dirs, cap_dirs;
	size_t n_present; /* names of any kind, .spokesync not counted */
};

/* Lists the directory that dirfd is (fstat's st_dev is the group's device). Blocks. */
void scan_run(int dirfd, const atomic_bool *cancel, struct scan_result *ret);
void scan_done(struct scan_result *r);
/* One name, as a scan would judge it: NULL = a regular file that may be taken. */
const char *scan_judge(const char *path, const struct stat *st, uint64_t group_dev);

#endif
