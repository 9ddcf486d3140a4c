/* mounted.h: a small filesystem of its own, on a loop device: for what only a certain one does. */
#ifndef SPOKESYNC_TESTS_UNIT_MOUNTED_H
#define SPOKESYNC_TESTS_UNIT_MOUNTED_H

#include "tests/unit/temp.h"

struct mounted {
	bool there;
	struct temp around, t; /* t: the filesystem's root */
};

static inline int mounted_run(const char *fmt, const char *a, const char *b, const char *c)
{
	char command[2048];

	snprintf(command, sizeof(command), fmt, a, b, c);
	return system(command);
}

/* type: xfs, btrfs, ext4. False where the machine does not let us (no root, no tool, no loop). */
static inline bool mounted_new(struct mounted *m, const char *type, const char *options)
{
	char at[600];

	temp_new(&m->around);
	snprintf(at, sizeof(at), "%s/at", m->around.path);
	if (geteuid() != 0 || mkdir(at, 0755) < 0 ||
	    mounted_run("PATH=$PATH:/usr/sbin:/sbin; truncate -s 320M %s/fs && mkfs.%s -q %s/fs "
			">/dev/null 2>&1",
			m->around.path, type, m->around.path) != 0 ||
	    mounted_run("mount -o loop,%s %s/fs %s >/dev/null 2>&1", options, m->around.path, at) !=
		    0) {
		temp_done(&m->around);
		return false;
	}
	snprintf(m->t.path, sizeof(m->t.path), "%.500s/at", m->around.path);
	m->t.fd = open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	m->there = true;
	return m->t.fd >= 0;
}

static inline void mounted_done(struct mounted *m)
{
	if (!m->there)
		return;
	m->there = false;
	close(m->t.fd);
	if (mounted_run("umount %s/at%s%s", m->around.path, "", "") != 0)
		fprintf(stderr, "umount %s/at failed\n", m->around.path);
	temp_done(&m->around);
}

#endif
