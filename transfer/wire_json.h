/*
 * wire_json.h: private to wire_*.c: reading members of a JSON body with types, ranges and lengths
 * checked, and the few shapes that several bodies share.
 *
 * A wire_in remembers the first mistake; every getter after it does nothing and leaves its output
 * alone. So a decoder reads all members in a row and looks at the end once.
 */
#ifndef SPOKESYNC_TRANSFER_WIRE_JSON_H
#define SPOKESYNC_TRANSFER_WIRE_JSON_H

#include <jansson.h>

#include "transfer/wire.h"

#define WIRE_NODES_MAX (FILE_SIZE_MAX / NODE_SIZE)

struct wire_in {
	json_t *root;
	struct err *e;
	int error; /* the first, 0 so far */
};

/* Parses the body, which must be an object. Always followed by wire_in_end(). */
void wire_in_begin(struct wire_in *in, const char *json, size_t len, struct err *e);
int wire_in_end(struct wire_in *in) WARN_UNUSED; /* frees; 0 or the first error */
void wire_in_fail(struct wire_in *in, int code, const char *fmt, ...) PRINTF(3, 4);

/* Members of obj. need: an absent (or null) member is a mistake; else the output stays as it is. */
uint64_t wire_in_u64(struct wire_in *in, const json_t *obj, const char *name, uint64_t max,
		     bool need);
bool wire_in_bool(struct wire_in *in, const json_t *obj, const char *name);
/* A string of at most size - 1 bytes, without control characters. */
void wire_in_str(struct wire_in *in, const json_t *obj, const char *name, char *ret, size_t size,
		 bool need);
/* Words for people: too long is cut, control characters become '?'. Never a mistake but by type. */
void wire_in_text(struct wire_in *in, const json_t *obj, const char *name, char *ret, size_t size);
void wire_in_path(struct wire_in *in, const json_t *obj, const char *name, char *ret);
/* True when it is there. */
bool wire_in_hash(struct wire_in *in, const json_t *obj, const char *name, struct hash *ret,
		  bool need);
void wire_in_hashes(struct wire_in *in, const json_t *obj, const char *name, struct hash *ret,
		    unsigned max, unsigned *ret_n);
void wire_in_time(struct wire_in *in, const json_t *obj, const char *name, struct wire_time *ret);
void wire_in_epoch(struct wire_in *in, const json_t *obj, char ret[33]);
/* [first, n, first, n, ...], ascending, none touching the end of the address space. malloc'ed. */
void wire_in_runs(struct wire_in *in, const json_t *obj, const char *name, struct run **ret,
		  size_t *ret_n);
/* An array of at most max objects; NULL (and 0) where it is absent or wrong. */
const json_t *wire_in_array(struct wire_in *in, const json_t *obj, const char *name, size_t max,
			    size_t *ret_n);
const json_t *wire_in_item(struct wire_in *in, const json_t *array, size_t i);
enum wire_refusal wire_in_refusal(struct wire_in *in, const json_t *obj, const char *name);

/* Makers. Values above what JSON integers hold are clipped. */
json_t *wire_out_u64(uint64_t v) WARN_UNUSED;
json_t *wire_out_text(const char *s) WARN_UNUSED;
json_t *wire_out_hash(const struct hash *h) WARN_UNUSED;
json_t *wire_out_hashes(const struct hash *h, unsigned n) WARN_UNUSED;
json_t *wire_out_time(struct wire_time t) WARN_UNUSED;
/* At most WIRE_RUNS_MAX: what is left out is only told later. */
json_t *wire_out_runs(const struct run *runs, size_t n) WARN_UNUSED;
char *wire_out_end(json_t *root) WARN_UNUSED; /* the text; frees root */

/* Cuts to size - 1 bytes at a character's edge, and makes it printable UTF-8. */
void wire_clean(const char *s, char *ret, size_t size);
/* Bytes of the UTF-8 character at s (1..4), 0 where it is none; *ret_c is the code point. */
unsigned wire_utf8(const char *s, uint32_t *ret_c);

#endif
