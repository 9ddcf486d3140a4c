/*
 * wire_inventory.c: the contents that a spoke holds, or that are gone since a sequence number;
 * and those that it has in preserved/, which serve as bases all the same.
 */
#include "transfer/wire_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/digest.h"

/* Everything of an entry but its path, at its longest: three 64-bit numbers, a hash, the names. */
#define ENTRY_REST_MAX 320u
#define HEAD_MAX       256u
#define ROOT_MAX       (HASH_HEX + 3u) /* in a list */

static const char *const local_words[LOCALS_N] = {
	"", "changed", "damaged", "restored", "removed", "unreadable",
};

const char *wire_local_word(enum wire_local l)
{
	return local_words[l];
}

enum wire_local wire_local_stored(int64_t stored)
{
	return stored > 0 && stored < LOCALS_N ? (enum wire_local)stored : LOCAL_NOT;
}

static json_t *encode_content(const struct wire_entry *x)
{
	if (x->gone)
		return json_pack("{s:s, s:o, s:b}", "path", x->path, "seq", wire_out_u64(x->seq),
				 "gone", 1);
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:i}", "path", x->path, "seq",
			 wire_out_u64(x->seq), "root", wire_out_hash(&x->root), "size",
			 wire_out_u64(x->size), "mtime", wire_out_time(x->mtime), "mode",
			 (int)x->mode);
}

static json_t *encode_entry(const struct wire_entry *x)
{
	json_t *o = encode_content(x);

	if (x->local != LOCAL_NOT)
		json_object_set_new(o, "local", json_string(wire_local_word(x->local)));
	return o;
}

enum wire_local wire_local_of(const char *word)
{
	enum wire_local l = LOCAL_NOT;

	while (l < LOCALS_N && strcmp(word, local_words[l]) != 0)
		l++;
	return l;
}

/* A word of a newer spoke says that something happened, if not what. */
static enum wire_local decode_local(struct wire_in *in, const json_t *obj, bool gone)
{
	char word[24] = "";
	enum wire_local l;

	wire_in_text(in, obj, "local", word, sizeof(word));
	l = wire_local_of(word);
	return l < LOCALS_N ? l : gone ? LOCAL_REMOVED : LOCAL_CHANGED;
}

/*
 * Long paths may not all fit into a body: what does not is left for the next request, as `more`
 * and the sequence of the last entry that fitted.
 */
char *wire_inventory_encode(const struct wire_inventory *i)
{
	json_t *entries = json_array(), *preserved = NULL;
	size_t room = WIRE_BODY_MAX - HEAD_MAX - i->n_preserved * ROOT_MAX, n = 0;
	bool more;

	for (; n < MIN(i->n_entries, (size_t)WIRE_ENTRIES_MAX); n++) {
		/* A quote or backslash takes two bytes; a path has no other that is escaped. */
		size_t need = ENTRY_REST_MAX + 2 * strlen(i->entries[n].path);

		if (need > room)
			break;
		room -= need;
		json_array_append_new(entries, encode_entry(&i->entries[n]));
	}
	more = i->more || n < i->n_entries;
	if (!more && i->n_preserved)
		preserved = wire_out_hashes(i->preserved, i->n_preserved);
	return wire_out_end(
		json_pack("{s:s, s:o, s:b, s:o, s:o*}", "epoch", i->epoch, "seq",
			  wire_out_u64(n < i->n_entries ? i->entries[n - 1].seq : i->seq), "more",
			  more, "entries", entries, "preserved", preserved));
}

static void decode_entry(struct wire_in *in, const json_t *obj, struct wire_entry *x)
{
	wire_in_path(in, obj, "path", x->path);
	x->seq = wire_in_u64(in, obj, "seq", INT64_MAX, true);
	x->gone = wire_in_bool(in, obj, "gone");
	x->local = decode_local(in, obj, x->gone);
	if (x->gone)
		return;
	wire_in_hash(in, obj, "root", &x->root, true);
	x->size = wire_in_u64(in, obj, "size", FILE_SIZE_MAX, true);
	wire_in_time(in, obj, "mtime", &x->mtime);
	x->mode = (uint32_t)wire_in_u64(in, obj, "mode", 07777, true);
}

int wire_inventory_decode(const char *json, size_t len, struct wire_inventory *ret, struct err *e)
{
	struct wire_inventory v = {0};
	struct wire_in in;
	const json_t *entries;
	size_t n;
	int r;

	wire_in_begin(&in, json, len, e);
	wire_in_epoch(&in, in.root, v.epoch);
	v.seq = wire_in_u64(&in, in.root, "seq", INT64_MAX, true);
	v.more = wire_in_bool(&in, in.root, "more");
	entries = wire_in_array(&in, in.root, "entries", WIRE_ENTRIES_MAX, &n);
	if (n > 0)
		v.entries = xcalloc(n, sizeof(*v.entries));
	for (size_t i = 0; i < n && !in.error; i++)
		decode_entry(&in, wire_in_item(&in, entries, i), &v.entries[v.n_entries++]);
	if (json_object_get(in.root, "preserved")) {
		v.preserved = xcalloc(WIRE_PRESERVED_MAX, sizeof(*v.preserved));
		wire_in_hashes(&in, in.root, "preserved", v.preserved, WIRE_PRESERVED_MAX,
			       &v.n_preserved);
	}
	if (!in.error && v.more && n == 0)
		wire_in_fail(&in, -EBADMSG, "more is to come, but nothing came");
	r = wire_in_end(&in);
	if (r < 0) {
		wire_inventory_done(&v);
		return r;
	}
	*ret = v;
	return 0;
}

void wire_preserved_tag(const struct hash *roots, size_t n, struct hash *ret)
{
	digest_bytes(roots, n * sizeof(*roots), ret);
}

void wire_inventory_done(struct wire_inventory *i)
{
	free(i->entries);
	i->entries = NULL;
	i->n_entries = 0;
	free(i->preserved);
	i->preserved = NULL;
	i->n_preserved = 0;
}
