/*
 * journal.h: an append-only file of checked records: what a transfer knows after a crash. A record
 * that was not wholly written ends the replay and is cut off. The check covers the record's place,
 * so that old bytes at another place never pass for a record.
 */
#ifndef SPOKESYNC_TRANSFER_JOURNAL_H
#define SPOKESYNC_TRANSFER_JOURNAL_H

#include "policy/base.h"

#define JOURNAL_RECORD_MAX (64u << 20)

struct journal;

/* Called for each record in order; non-zero ends the replay with that error. */
typedef int journal_record_fn(void *arg, uint32_t type, const uint8_t *data, size_t len);

/* create: a new, empty one (-EEXIST where there is one). */
int journal_open(int dirfd, const char *name, bool create, journal_record_fn *record, void *arg,
		 struct journal **ret) WARN_UNUSED;
/* What is there now, also while another writes to it. */
int journal_read(int dirfd, const char *name, journal_record_fn *record, void *arg) WARN_UNUSED;
struct journal *journal_close(struct journal *j);
/* Written, not yet durable. A failed append leaves the journal as it was. */
int journal_append(struct journal *j, uint32_t type, const void *data, size_t len) WARN_UNUSED;
int journal_sync(struct journal *j) WARN_UNUSED;

/* Payloads: little-endian numbers and byte strings, one after the other. */
struct pack {
	uint8_t *data;
	size_t len, size;
};
void pack_u64(struct pack *p, uint64_t v);
void pack_bytes(struct pack *p, const void *data, size_t len);
void pack_done(struct pack *p);

struct unpack {
	const uint8_t *data;
	size_t len;
	bool bad; /* ran out of bytes */
};
uint64_t unpack_u64(struct unpack *u);
void unpack_bytes(struct unpack *u, void *ret, size_t len);

#endif
