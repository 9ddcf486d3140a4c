/*
 * base.h: the small shelf that every module may take from: attributes, sizes, the two kinds
 * of time, and an error text. Nothing here does I/O.
 */
#ifndef SPOKESYNC_POLICY_BASE_H
#define SPOKESYNC_POLICY_BASE_H

#include <stdarg.h>
#include <stdatomic.h> /* flags that another thread looks at: atomic_bool */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WARN_UNUSED			__attribute__((warn_unused_result))
#define PRINTF(fmt, args)		__attribute__((format(printf, fmt, args)))
#define ARRAY_LEN(a)			(sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)			((a) < (b) ? (a) : (b))
#define MAX(a, b)			((a) > (b) ? (a) : (b))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

/* Calendar time, seconds since 1970 UTC. May jump. Only windows, logs and files use it. */
struct wall {
	int64_t s;
};

/* CLOCK_BOOTTIME-like monotonic time in microseconds. Delays, retries, buckets use it. */
struct mono {
	int64_t us;
};

#define WALL_NEVER ((struct wall){INT64_MAX})
#define MONO_NEVER ((struct mono){INT64_MAX})
#define SECOND_US  ((int64_t)1000000)

/* Both clocks, read once at the start of a loop turn and passed down. */
struct now {
	struct wall wall;
	struct mono mono;
	uint32_t wall_us; /* microseconds past wall.s: an edge is to be met, not the second after it
			   */
};

/* An error in words, filled by whoever returns a negative errno to a caller that gave one. */
struct err {
	char text[512];
};

/* Sets the text (NULL is allowed and ignored) and returns code, so: return err_set(e, -EINVAL, ...)
 */
int err_set(struct err *e, int code, const char *fmt, ...) PRINTF(3, 4);

/* Allocation of small things does not fail here: out of memory ends the process with a message.
 * What a peer, a file or a user can make us allocate is checked against a limit before. */
void *xcalloc(size_t n, size_t size) WARN_UNUSED;
void *xrealloc(void *p, size_t size) WARN_UNUSED;
char *xstrdup(const char *s) WARN_UNUSED;
const char *path_last(const char *path); /* what comes after the last slash */
char *xasprintf(const char *fmt, ...) PRINTF(1, 2) WARN_UNUSED;
char *path_beside(const char *path, const char *name) WARN_UNUSED; /* name where path lies */

#endif
