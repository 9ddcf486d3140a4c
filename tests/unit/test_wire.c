/*
 * test_wire.c: bodies survive encoding and decoding; whatever is out of type, range or length is
 * refused with words; names that could escape the group are no names.
 */
#include "transfer/wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct hash hash_of(uint8_t c)
{
	struct hash h;

	memset(h.b, c, sizeof(h.b));
	return h;
}

static void test_paths(void **state)
{
	static const char *const good[] = {"a",	    "a/b.vhdx",	   "ä/ö ü.vhd", "...",
					   "a/..b", ".spokesyncx", "日本/x",	"a\xc2\xa0z"};
	static const char *const bad[] = {"",
					  "/a",
					  "a/",
					  "a//b",
					  ".",
					  "..",
					  "a/../b",
					  "a/.",
					  ".spokesync/x",
					  "a/.spokesync",
					  ".SpokeSync/x",
					  "a\nb",
					  "a\x7f",
					  "a\xc2\x85"
					  "b",
					  "\xff",
					  "a\xc0\xaf"
					  "b",
					  "\xed\xa0\x80",
					  "\xf4\x90\x80\x80",
					  "a\xc3"};
	char longest[WIRE_PATH_MAX + 2];
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(wire_path_ok(good[i], &e));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		e.text[0] = '\0';
		assert_false(wire_path_ok(bad[i], &e));
		assert_true(e.text[0] != '\0');
	}
	memset(longest, 'a', sizeof(longest));
	for (size_t i = 200; i < sizeof(longest); i += 200)
		longest[i] = '/';
	longest[WIRE_PATH_MAX] = '\0';
	assert_true(wire_path_ok(longest, &e));
	longest[WIRE_PATH_MAX] = 'a';
	longest[WIRE_PATH_MAX + 1] = '\0';
	assert_false(wire_path_ok(longest, &e));
	memset(longest, 'a', 256);
	longest[256] = '\0';
	assert_false(wire_path_ok(longest, &e));
	longest[255] = '\0';
	assert_true(wire_path_ok(longest, &e));
}

static void test_names(void **state)
{
	(void)state;
	assert_true(wire_name_ok("vdisks"));
	assert_true(wire_name_ok("a.b_c-9"));
	assert_false(wire_name_ok(""));
	assert_false(wire_name_ok(".."));
	assert_false(wire_name_ok("a/b"));
	assert_false(wire_name_ok("a b"));
	assert_false(wire_name_ok("0123456789012345678901234567890123456789"
				  "0123456789012345678901234"));
}

static void test_hello(void **state)
{
	struct wire_group g = {.name = "vdisks",
			       .epoch = "00ff",
			       .seq = 7,
			       .free_bytes = 1 << 30,
			       .reflink = true,
			       .idle = {hash_of(3), hash_of(4)},
			       .n_idle = 2,
			       .has_preserved = true,
			       .preserved_tag = hash_of(5)};
	struct wire_hello h = {.version = 1,
			       .software = "spokesync \x1b[31m",
			       .zone = "Europe/Berlin",
			       .groups = &g,
			       .n_groups = 1};
	struct wire_hello got;
	struct err e;
	char *json;

	(void)state;
	json = wire_hello_encode(&h);
	assert_int_equal(wire_hello_decode(json, strlen(json), &got, &e), 0);
	assert_int_equal(got.version, 1);
	assert_string_equal(got.software, "spokesync ?[31m"); /* a terminal must not obey it */
	assert_string_equal(got.zone, "Europe/Berlin");
	assert_int_equal(got.n_groups, 1);
	assert_string_equal(got.groups[0].name, "vdisks");
	assert_string_equal(got.groups[0].epoch, "00ff");
	assert_int_equal(got.groups[0].seq, 7);
	assert_int_equal(got.groups[0].free_bytes, 1 << 30);
	assert_true(got.groups[0].reflink);
	assert_int_equal(got.groups[0].n_idle, 2);
	assert_true(hash_equal(&got.groups[0].idle[1], &g.idle[1]));
	assert_true(got.groups[0].has_preserved);
	assert_true(hash_equal(&got.groups[0].preserved_tag, &g.preserved_tag));
	wire_hello_done(&got);
	free(json);
	g.has_preserved = false; /* nothing there, or a spoke that does not tell */
	json = wire_hello_encode(&h);
	assert_int_equal(wire_hello_decode(json, strlen(json), &got, &e), 0);
	assert_false(got.groups[0].has_preserved);
	wire_hello_done(&got);
	free(json);
}

static void refuse_hello(const char *json)
{
	struct wire_hello got;
	struct err e = {""};

	assert_int_equal(wire_hello_decode(json, strlen(json), &got, &e), -EBADMSG);
	assert_true(e.text[0] != '\0');
}

/* A hub says its own; a spoke of version 1 does not know the word, and passes over it. */
static void test_versions(void **state)
{
	struct err e = {""};
	char *path = wire_hello_path(), want[40];

	(void)state;
	snprintf(want, sizeof(want), "/v1/hello?version=%d", WIRE_VERSION);
	assert_string_equal(path, want);
	free(path);
	assert_true(wire_version_ok(WIRE_VERSION - 1, &e));
	assert_true(wire_version_ok(WIRE_VERSION, &e));
	assert_true(wire_version_ok(WIRE_VERSION + 1, &e));
	assert_false(wire_version_ok(WIRE_VERSION - 2, &e));
	assert_false(wire_version_ok(UINT64_MAX, &e));
	assert_false(wire_version_ok(WIRE_VERSION + 2, &e));
	assert_non_null(strstr(e.text, "version 4 of the protocol; we speak 1 to 3"));
}

static void test_hello_refused(void **state)
{
	struct wire_hello got;
	struct err e;
	const char *next = "{\"version\":3,\"groups\":[],\"new\":[1,2]}";

	(void)state;
	refuse_hello("");
	refuse_hello("[]");
	refuse_hello("{\"version\":1}");
	refuse_hello("{\"version\":0,\"groups\":[]}");
	refuse_hello("{\"version\":4,\"groups\":[]}");
	refuse_hello("{\"version\":\"1\",\"groups\":[]}");
	refuse_hello("{\"version\":1,\"version\":1,\"groups\":[]}");
	refuse_hello("{\"version\":1,\"groups\":[1]}");
	refuse_hello("{\"version\":1,\"zone\":\"../../etc/passwd\",\"groups\":[]}");
	refuse_hello("{\"version\":1,\"zone\":\"/etc/passwd\",\"groups\":[]}");
	refuse_hello("{\"version\":1,\"groups\":[{\"name\":\"a/b\",\"epoch\":\"0\",\"seq\":1}]}");
	refuse_hello("{\"version\":1,\"groups\":[{\"name\":\"a\",\"epoch\":\"xx\",\"seq\":1}]}");
	refuse_hello("{\"version\":1,\"groups\":[{\"name\":\"a\",\"epoch\":\"0\",\"seq\":-1}]}");
	refuse_hello(
		"{\"version\":1,\"groups\":[{\"name\":\"a\",\"epoch\":\"0\",\"seq\":1,\"preserved\":\"0\"}]}");
	refuse_hello(
		"{\"version\":1,\"groups\":[{\"name\":\"a\",\"epoch\":\"0\",\"seq\":1,\"preserved\":[]}]}");
	/* One version above ours speaks ours; members that we do not know are nothing to us. */
	assert_int_equal(wire_hello_decode(next, strlen(next), &got, &e), 0);
	wire_hello_done(&got);
}

static void test_inventory(void **state)
{
	struct wire_entry x[2] = {
		{.path = "a \"b\"\\c.vhdx",
		 .root = hash_of(1),
		 .size = 5000000000,
		 .mtime = {-5, 999999999},
		 .mode = 0640,
		 .seq = 41},
		{.path = "gone", .gone = true, .seq = 42},
	};
	struct wire_inventory i = {.epoch = "abc", .seq = 42, .entries = x, .n_entries = 2}, got;
	struct err e;
	char *json;

	(void)state;
	json = wire_inventory_encode(&i);
	assert_int_equal(wire_inventory_decode(json, strlen(json), &got, &e), 0);
	assert_string_equal(got.epoch, "abc");
	assert_int_equal(got.seq, 42);
	assert_false(got.more);
	assert_int_equal(got.n_entries, 2);
	assert_string_equal(got.entries[0].path, x[0].path);
	assert_true(hash_equal(&got.entries[0].root, &x[0].root));
	assert_int_equal(got.entries[0].size, 5000000000);
	assert_int_equal(got.entries[0].mtime.sec, -5);
	assert_int_equal(got.entries[0].mtime.nsec, 999999999);
	assert_int_equal(got.entries[0].mode, 0640);
	assert_true(got.entries[1].gone);
	wire_inventory_done(&got);
	free(json);
}

static void refuse_preserved(unsigned n, const char *root)
{
	char *list = xcalloc(n + 1, 100), *json;
	struct wire_inventory got;
	struct err e = {""};

	for (unsigned i = 0; i < n; i++)
		sprintf(list + strlen(list), "%s%s", i ? "," : "", root);
	json = xasprintf("{\"epoch\":\"abc\",\"seq\":2,\"entries\":[],\"preserved\":[%s]}", list);
	assert_int_equal(wire_inventory_decode(json, strlen(json), &got, &e), -EBADMSG);
	assert_true(e.text[0] != '\0');
	free(json);
	free(list);
}

/*
 * What lies in preserved/: with the last page only, as much as is allowed and no more. One that
 * tells nothing of it has nothing.
 */
static void test_preserved(void **state)
{
	static const char none[] =
		"{\"epoch\":\"abc\",\"seq\":2,\"entries\":[],\"preserved\":null}";
	static const char hex[] =
		"\"0707070707070707070707070707070707070707070707070707070707070707\"";
	static const char short_hex[] = "\"0707\"";
	struct hash *roots = xcalloc(WIRE_PRESERVED_MAX, sizeof(*roots)), tag, other;
	struct wire_inventory i = {.epoch = "abc", .seq = 2, .preserved = roots}, got;
	struct err e;
	char *json;

	(void)state;
	for (unsigned k = 0; k < WIRE_PRESERVED_MAX; k++)
		roots[k] = hash_of(k);
	i.n_preserved = WIRE_PRESERVED_MAX;
	json = wire_inventory_encode(&i);
	assert_int_equal(wire_inventory_decode(json, strlen(json), &got, &e), 0);
	assert_int_equal(got.n_preserved, WIRE_PRESERVED_MAX);
	assert_memory_equal(got.preserved, roots, WIRE_PRESERVED_MAX * sizeof(*roots));
	wire_inventory_done(&got);
	free(json);
	wire_preserved_tag(roots, 3, &tag);
	wire_preserved_tag(roots, 2, &other);
	assert_false(hash_equal(&tag, &other));
	i.more = true;
	i.entries = xcalloc(1, sizeof(*i.entries));
	strcpy(i.entries->path, "a");
	i.n_entries = 1;
	json = wire_inventory_encode(&i);
	assert_int_equal(wire_inventory_decode(json, strlen(json), &got, &e), 0);
	assert_true(got.more && got.n_entries == 1 && got.n_preserved == 0);
	wire_inventory_done(&got);
	free(json);
	free(i.entries);
	assert_int_equal(wire_inventory_decode(none, strlen(none), &got, &e), 0);
	assert_int_equal(got.n_preserved, 0);
	wire_inventory_done(&got);
	refuse_preserved(WIRE_PRESERVED_MAX + 1, hex);
	refuse_preserved(2, short_hex);
	refuse_preserved(1, "7");
	refuse_preserved(1, "{}");
	free(roots);
}

/* What happened there without the hub; a word of a newer spoke still says that something did. */
static void test_local(void **state)
{
	static const char other[] = "{\"epoch\":\"abc\",\"seq\":2,\"more\":false,\"entries\":["
				    "{\"path\":\"a\",\"seq\":1,\"gone\":true,\"local\":\"eaten\"},"
				    "{\"path\":\"b\",\"seq\":2,\"gone\":true}]}";
	struct wire_entry x[2] = {
		{.path = "a", .root = hash_of(1), .size = 1, .seq = 1, .local = LOCAL_DAMAGED},
		{.path = "b", .gone = true, .seq = 2, .local = LOCAL_REMOVED},
	};
	struct wire_inventory i = {.epoch = "abc", .seq = 2, .entries = x, .n_entries = 2}, got;
	struct err e;
	char *json;

	(void)state;
	json = wire_inventory_encode(&i);
	assert_int_equal(wire_inventory_decode(json, strlen(json), &got, &e), 0);
	assert_int_equal(got.entries[0].local, LOCAL_DAMAGED);
	assert_int_equal(got.entries[1].local, LOCAL_REMOVED);
	wire_inventory_done(&got);
	free(json);
	assert_int_equal(wire_inventory_decode(other, strlen(other), &got, &e), 0);
	assert_int_equal(got.entries[0].local, LOCAL_REMOVED);
	assert_int_equal(got.entries[1].local, LOCAL_NOT);
	wire_inventory_done(&got);
}

static void test_verify(void **state)
{
	static const char bad[] = "{\"path\":\"../x\"}";
	struct wire_verify_found found = {.path = "a", .what = LOCAL_DAMAGED, .bad = 3};
	struct wire_verified v = {.id = 5,
				  .done = true,
				  .files = 2,
				  .bytes = 7,
				  .bytes_total = 9,
				  .read = 6,
				  .found = &found,
				  .n_found = 1,
				  .found_total = 4};
	struct wire_verified got;
	struct wire_verify ask = {"dir/file"}, all = {""};
	struct err e;
	char *json;

	(void)state;
	json = wire_verified_encode(&v);
	assert_int_equal(wire_verified_decode(json, strlen(json), &got, &e), 0);
	assert_true(got.id == 5 && got.done && !got.failed && got.files == 2 && got.bytes == 7);
	assert_true(got.bytes_total == 9 && got.read == 6 && got.found_total == 4);
	assert_int_equal(got.n_found, 1);
	assert_string_equal(got.found[0].path, "a");
	assert_true(got.found[0].what == LOCAL_DAMAGED && got.found[0].bad == 3);
	wire_verified_done(&got);
	free(json);
	json = wire_verify_encode(&ask);
	assert_int_equal(wire_verify_decode(json, strlen(json), &all, &e), 0);
	assert_string_equal(all.path, "dir/file");
	free(json);
	assert_int_equal(wire_verify_decode("{}", 2, &all, &e), 0);
	assert_string_equal(all.path, "");
	assert_int_equal(wire_verify_decode(bad, strlen(bad), &all, &e), -EBADMSG);
	assert_int_equal(wire_verified_decode("{}", 2, &got, &e), -EBADMSG);
}

/* Ten thousand entries with the longest paths do not fit into one body; none may be lost. */
static void test_inventory_cut(void **state)
{
	struct wire_inventory i = {.epoch = "abc", .seq = WIRE_ENTRIES_MAX}, got;
	struct wire_entry *x = xcalloc(WIRE_ENTRIES_MAX, sizeof(*x));
	struct err e;
	char *json;

	(void)state;
	for (size_t k = 0; k < WIRE_ENTRIES_MAX; k++) {
		for (size_t c = 0; c < WIRE_PATH_MAX; c++)
			x[k].path[c] = c % 200 == 199 ? '/' : '"';
		x[k].seq = k + 1;
		x[k].size = FILE_SIZE_MAX;
	}
	i.entries = x;
	i.n_entries = WIRE_ENTRIES_MAX;
	i.n_preserved = WIRE_PRESERVED_MAX;
	i.preserved = xcalloc(WIRE_PRESERVED_MAX, sizeof(*i.preserved));
	json = wire_inventory_encode(&i);
	assert_true(strlen(json) <= WIRE_BODY_MAX);
	assert_int_equal(wire_inventory_decode(json, strlen(json), &got, &e), 0);
	assert_true(got.more);
	assert_true(got.n_entries > 1000 && got.n_entries < WIRE_ENTRIES_MAX);
	assert_int_equal(got.seq, got.entries[got.n_entries - 1].seq);
	wire_inventory_done(&got);
	free(json);
	free(i.preserved);
	free(x);
}

static void test_offer(void **state)
{
	struct run same[] = {{0, 3}, {7, 1}, {100, 50}};
	struct wire_offer o = {.path = "x/y.raw",
			       .root = hash_of(9),
			       .size = 123456789,
			       .nonzero_bytes = 4096 * 30000,
			       .mtime = {1, 2},
			       .mode = 0600,
			       .bases = {hash_of(1), hash_of(2)},
			       .n_bases = 2,
			       .literal_bytes = 77,
			       .moved_bytes = 78,
			       .has_partial = true,
			       .partial = hash_of(3),
			       .partial_same = same,
			       .n_partial_same = 3};
	struct wire_offer got;
	struct err e;
	char *json;

	(void)state;
	json = wire_offer_encode(&o);
	assert_int_equal(wire_offer_decode(json, strlen(json), &got, &e), 0);
	assert_string_equal(got.path, "x/y.raw");
	assert_int_equal(got.size, 123456789);
	assert_int_equal(got.nonzero_bytes, 4096 * 30000);
	assert_int_equal(got.n_bases, 2);
	assert_true(hash_equal(&got.bases[1], &o.bases[1]));
	assert_int_equal(got.literal_bytes, 77);
	assert_int_equal(got.moved_bytes, 78);
	assert_true(got.has_partial);
	assert_true(hash_equal(&got.partial, &o.partial));
	assert_int_equal(got.n_partial_same, 3);
	assert_memory_equal(got.partial_same, same, sizeof(same));
	wire_offer_done(&got);
	free(json);
}

static void refuse_position(const char *json)
{
	struct wire_position got;
	struct err e = {""};

	assert_int_equal(wire_position_decode(json, strlen(json), &got, &e), -EBADMSG);
	assert_true(e.text[0] != '\0');
}

static void test_position(void **state)
{
	struct run proven[] = {{0, 10}, {20, 1}}, failed[] = {{11, 1}};
	struct wire_position p = {.has_bundle = true,
				  .bundle = hash_of(5),
				  .offset = 1234567890123,
				  .received = 1234567890124,
				  .filling = true,
				  .proven_bytes = 4096,
				  .proven = proven,
				  .n_proven = 2,
				  .failed = failed,
				  .n_failed = 1};
	struct wire_position got;
	struct err e;
	char *json;

	(void)state;
	json = wire_position_encode(&p);
	assert_int_equal(wire_position_decode(json, strlen(json), &got, &e), 0);
	assert_int_equal(got.refused, REFUSED_NOT);
	assert_true(got.has_bundle && got.filling && !got.complete && !got.staged && !got.have_it);
	assert_int_equal(got.offset, 1234567890123);
	assert_int_equal(got.received, 1234567890124);
	assert_int_equal(got.n_proven, 2);
	assert_memory_equal(got.proven, proven, sizeof(proven));
	assert_int_equal(got.n_failed, 1);
	wire_position_done(&got);
	free(json);
	p.received = 0; /* a spoke that does not tell */
	json = wire_position_encode(&p);
	assert_int_equal(wire_position_decode(json, strlen(json), &got, &e), 0);
	assert_int_equal(got.received, p.offset);
	wire_position_done(&got);
	free(json);
	refuse_position("{\"bundle\":\"00\"}");
	refuse_position("{\"proven\":[1]}");
	refuse_position("{\"proven\":[0,0]}");
	refuse_position("{\"proven\":[5,1,4,1]}");
	refuse_position("{\"proven\":[-1,1]}");
	refuse_position("{\"proven\":[0,9223372036854775807]}");
	refuse_position("{\"proven\":[134217728,1]}");
	refuse_position("{\"failed\":[1.5,1]}");
	refuse_position("{\"staged\":1}");
}

static void test_refusals(void **state)
{
	struct wire_position p = {.refused = REFUSED_NO_SPACE,
				  .text = "no space left",
				  .need = 1 << 20,
				  .available = UINT64_MAX},
			     got;
	const char *future = "{\"error\":\"too_purple\",\"text\":\"a\\nb\"}";
	struct err e;
	char *json;

	(void)state;
	json = wire_position_encode(&p);
	assert_int_equal(wire_position_decode(json, strlen(json), &got, &e), 0);
	assert_int_equal(got.refused, REFUSED_NO_SPACE);
	assert_string_equal(got.text, "no space left");
	assert_int_equal(got.need, 1 << 20);
	assert_true(got.available == INT64_MAX);
	free(json);
	p = (struct wire_position){.refused = REFUSED_NO_BASE, .have = {hash_of(4)}, .n_have = 1};
	json = wire_position_encode(&p);
	assert_int_equal(wire_position_decode(json, strlen(json), &got, &e), 0);
	assert_int_equal(got.refused, REFUSED_NO_BASE);
	assert_int_equal(got.n_have, 1);
	free(json);
	/* A word that we do not know is still a no. */
	assert_int_equal(wire_position_decode(future, strlen(future), &got, &e), 0);
	assert_int_equal(got.refused, REFUSED_ERROR);
	assert_string_equal(got.text, "a?b");
}

static void test_publish(void **state)
{
	struct wire_op ops[] = {
		{.kind = WIRE_PUT,
		 .path = "a",
		 .root = hash_of(1),
		 .size = 9,
		 .mtime = {5, 6},
		 .mode = 0644,
		 .was_known = true,
		 .was = hash_of(2)},
		{.kind = WIRE_RENAME,
		 .path = "b",
		 .from = "c",
		 .root = hash_of(3),
		 .mode = 0600,
		 .was_absent = true},
		{.kind = WIRE_DELETE, .path = "d"},
	};
	struct wire_publish p = {.ops = ops, .n_ops = 3}, got;
	struct wire_published res, res_got;
	struct wire_op_result r[2] = {
		{.done = true, .drift = true, .preserved = true},
		{.refused = REFUSED_OVER_QUOTA, .never = true, .text = "locked"}};
	struct err e;
	char *json;
	const char *bad = "{\"ops\":[{\"op\":\"explode\",\"path\":\"a\"}]}";

	(void)state;
	json = wire_publish_encode(&p);
	assert_int_equal(wire_publish_decode(json, strlen(json), &got, &e), 0);
	assert_int_equal(got.n_ops, 3);
	assert_true(got.ops[0].was_known && !got.ops[0].was_absent);
	assert_true(hash_equal(&got.ops[0].was, &ops[0].was));
	assert_int_equal(got.ops[0].mtime.nsec, 6);
	assert_int_equal(got.ops[1].kind, WIRE_RENAME);
	assert_string_equal(got.ops[1].from, "c");
	assert_true(hash_equal(&got.ops[1].root, &ops[1].root));
	assert_true(!got.ops[1].was_known && got.ops[1].was_absent);
	assert_true(!got.ops[2].was_known && !got.ops[2].was_absent);
	wire_publish_done(&got);
	free(json);
	assert_int_equal(wire_publish_decode(bad, strlen(bad), &got, &e), -EBADMSG);
	res = (struct wire_published){.results = r, .n_results = 2, .seq = 99};
	json = wire_published_encode(&res);
	assert_int_equal(wire_published_decode(json, strlen(json), &res_got, &e), 0);
	assert_int_equal(res_got.seq, 99);
	assert_true(res_got.results[0].done && res_got.results[0].drift);
	assert_true(res_got.results[0].preserved && !res_got.results[1].preserved);
	assert_int_equal(res_got.results[1].refused, REFUSED_OVER_QUOTA);
	assert_true(res_got.results[1].never && !res_got.results[0].never);
	assert_string_equal(res_got.results[1].text, "locked");
	wire_published_done(&res_got);
	free(json);
}

static void test_pair(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"{\"secret\":1}",
		"{\"secret\":\"\"}",
		"{\"secret\":\"000102030405060708090a0b0c0d0e0\"}",
		"{\"secret\":\"000102030405060708090a0b0c0d0e0f0\"}",
		"{\"secret\":\"000102030405060708090a0b0c0d0e0g\"}",
	};
	struct wire_pair p, got;
	struct err e;
	char *json;

	(void)state;
	for (unsigned i = 0; i < WIRE_SECRET; i++)
		p.secret[i] = (uint8_t)(17 * i);
	json = wire_pair_encode(&p);
	assert_true(strlen(json) < WIRE_PAIR_MAX);
	assert_int_equal(wire_pair_decode(json, strlen(json), &got, &e), 0);
	assert_memory_equal(&p, &got, sizeof(p));
	free(json);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_true(wire_pair_decode(bad[i], strlen(bad[i]), &got, &e) < 0);
}

static void test_too_big(void **state)
{
	size_t len = WIRE_BODY_MAX + 1;
	char *big = xcalloc(1, len);
	struct wire_hello got;
	struct err e;

	(void)state;
	memset(big, ' ', len);
	assert_int_equal(wire_hello_decode(big, len, &got, &e), -E2BIG);
	free(big);
}

static void test_changes(void **state)
{
	char *text = wire_changes_encode(INT64_MAX);
	struct err e = {""};
	uint64_t seq = 0;

	(void)state;
	assert_int_equal(wire_changes_decode(text, strlen(text), &seq, &e), 0);
	assert_int_equal(seq, INT64_MAX);
	assert_int_equal(wire_changes_decode("{}", 2, &seq, &e), -EBADMSG);
	assert_int_equal(wire_changes_decode("{\"seq\":-1}", 10, &seq, &e), -EBADMSG);
	assert_int_equal(seq, INT64_MAX);
	free(text);
	text = wire_changes_path(0, 5);
	assert_string_equal(text, "/v1/changes?wait=5");
	free(text);
	text = wire_changes_path(7, 5);
	assert_string_equal(text, "/v1/changes?since=7&wait=5");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),	      cmocka_unit_test(test_names),
		cmocka_unit_test(test_hello),	      cmocka_unit_test(test_hello_refused),
		cmocka_unit_test(test_local),	      cmocka_unit_test(test_verify),
		cmocka_unit_test(test_inventory),     cmocka_unit_test(test_preserved),
		cmocka_unit_test(test_inventory_cut), cmocka_unit_test(test_offer),
		cmocka_unit_test(test_position),      cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_publish),	      cmocka_unit_test(test_pair),
		cmocka_unit_test(test_too_big),	      cmocka_unit_test(test_changes),
		cmocka_unit_test(test_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
