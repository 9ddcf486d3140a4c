/*
 * bulkio.h: reads that leave the page cache as it was: O_DIRECT where the filesystem can, else
 * ordinary reads that drop the pages that were not resident before, at once or, where they are
 * wanted again soon, in the end. Buffers are aligned. Worker threads only.
 */
#ifndef SPOKESYNC_TRANSFER_BULKIO_H
#define SPOKESYNC_TRANSFER_BULKIO_H

#include "policy/base.h"

#define BULK_ALIGN 4096u

struct bulk; /* a reader on one open file */

/* Opens its own description of fd (by /proc/self/fd), so fd's flags stay as they are. */
int bulk_open(int fd, struct bulk **ret) WARN_UNUSED;
/*
 * The same through the page cache, for what may be read more than once: what a read brings in goes
 * at bulk_close(), or when 64 MiB of it are there.
 */
int bulk_open_cached(int fd, struct bulk **ret) WARN_UNUSED;
/* Of one that is cached: what it brought in since stays. For files that are ours alone. */
void bulk_leave(struct bulk *b);
struct bulk *bulk_close(struct bulk *b);
/* Reads exactly len bytes unless the file ends: returns the count or -errno. offset 4 KiB aligned.
 */
int64_t bulk_read(struct bulk *b, void *buf, size_t len, uint64_t offset) WARN_UNUSED;
/*
 * Of one that is cached: as bulk_read() where all of it is in the page cache, which it leaves then;
 * -EAGAIN: it is not, and nothing was read.
 */
int64_t bulk_take(struct bulk *b, void *buf, size_t len, uint64_t offset) WARN_UNUSED;
void *bulk_buffer(size_t len) WARN_UNUSED; /* aligned; free() it */

#endif
