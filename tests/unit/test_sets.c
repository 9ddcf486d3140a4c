/* test_sets.c: which files belong together, and their order. */
#include "policy/sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* "path", "path<parent" or "path>listed,listed"; with ! before it, it is gone. */
struct store {
	struct set_item items[16];
	char text[16][64];
	size_t n;
};

static void put(struct store *s, const char *what)
{
	struct set_item *x = &s->items[s->n];
	char *parent, *names;

	*x = (struct set_item){.gone = *what == '!'};
	strcpy(s->text[s->n], what + x->gone);
	parent = strchr(s->text[s->n], '<');
	if (parent)
		*parent++ = '\0';
	names = strchr(s->text[s->n], '>');
	if (names)
		*names++ = '\0';
	for (char *p = names; p && *p; p++)
		if (*p == ',')
			*p = '\n';
	x->path = s->text[s->n];
	x->parent = parent;
	x->names = names;
	s->n++;
}

static struct set_item *get(struct store *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->items[i].path, path))
			return &s->items[i];
	fail_msg("no %s", path);
	return NULL;
}

static bool together(struct store *s, const char *a, const char *b)
{
	return get(s, a)->set == get(s, b)->set;
}

#define STORE(s, ...)                                            \
	do {                                                     \
		static const char *const all_[] = {__VA_ARGS__}; \
		memset(&(s), 0, sizeof(s));                      \
		for (size_t i_ = 0; i_ < ARRAY_LEN(all_); i_++)  \
			put(&(s), all_[i_]);                     \
		sets_find((s).items, (s).n, true);               \
	} while (0)

static void chain(void **state)
{
	static const char *const order[] = {"win.vhdx",	 "win.1.avhdx", "win.2.avhdx", "win.2.txt",
					    "win.1.pvp", "win.2.pvp",	"win.pvp",     "win.xml"};
	struct store s;

	(void)state;
	STORE(s, "win.xml", "win.pvp", "win.2.pvp", "win.1.pvp", "win.2.txt",
	      "win.2.avhdx<win.1.avhdx", "win.1.avhdx<win.vhdx", "win.vhdx", "other.vhdx",
	      "other.pvp");
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		assert_true(together(&s, order[i], "win.vhdx"));
		assert_false(get(&s, order[i])->orphan);
		if (i)
			assert_true(sets_before(get(&s, order[i - 1]), get(&s, order[i])));
	}
	assert_false(together(&s, "other.vhdx", "win.vhdx"));
	assert_true(together(&s, "other.vhdx", "other.pvp"));
	/* A set goes by its first. */
	assert_string_equal(s.items[get(&s, "win.xml")->set].path, "win.vhdx");
	assert_int_equal(get(&s, "win.2.avhdx")->depth, 2);
	assert_string_equal(s.items[get(&s, "win.2.avhdx")->up].path, "win.1.avhdx");
}

static void directories_and_case(void **state)
{
	struct store s;

	(void)state;
	STORE(s, "a/win.vhdx", "b/win.vhdx", "a/win.pvp", "b/Win.1.AVHDX<WIN.vhdx", "b/win.1.PVP",
	      "c/far.qcow2<base.qcow2", "d/base.qcow2", "c/near.qcow2<x.raw", "c/x.raw", "d/x.raw");
	assert_true(together(&s, "a/win.vhdx", "a/win.pvp"));
	assert_false(together(&s, "a/win.vhdx", "b/win.vhdx"));
	assert_true(together(&s, "b/win.vhdx", "b/Win.1.AVHDX"));
	assert_true(together(&s, "b/win.1.PVP", "b/Win.1.AVHDX"));
	assert_true(together(&s, "c/far.qcow2", "d/base.qcow2"));
	/* The one beside it, though another has the name. */
	assert_true(together(&s, "c/near.qcow2", "c/x.raw"));
	assert_false(together(&s, "c/near.qcow2", "d/x.raw"));
	STORE(s, "c/far.qcow2<base.qcow2", "d/base.qcow2", "e/base.qcow2");
	assert_true(get(&s, "c/far.qcow2")->orphan); /* which of the two? */
}

static void orphans(void **state)
{
	struct store s;

	(void)state;
	STORE(s, "win.1.avhdx<win.vhdx", "win.1.pvp", "win.xml", "alone.xml", "alone.pvp", "x.txt");
	assert_true(get(&s, "win.1.avhdx")->orphan);
	assert_false(get(&s, "win.1.pvp")->orphan);
	assert_true(together(&s, "win.xml", "win.1.avhdx"));
	assert_false(get(&s, "alone.xml")->orphan);
	assert_true(get(&s, "alone.pvp")->orphan);
	assert_false(get(&s, "x.txt")->orphan);
	/* Gone is not there; and what is gone misses nothing. */
	STORE(s, "!win.vhdx", "win.1.avhdx<win.vhdx", "!win.2.avhdx<win.1.avhdx", "!win.2.pvp");
	assert_true(get(&s, "win.1.avhdx")->orphan);
	assert_true(together(&s, "win.vhdx", "win.1.avhdx"));
	assert_false(get(&s, "win.2.avhdx")->orphan);
	assert_false(get(&s, "win.2.pvp")->orphan);
	assert_int_equal(get(&s, "win.2.avhdx")->depth, 2);
	/* Properties of a version whose image is still to come go with the rest of the chain. */
	STORE(s, "win.vhdx", "win.3.pvp");
	assert_true(together(&s, "win.vhdx", "win.3.pvp"));
	assert_true(get(&s, "win.3.pvp")->orphan);
}

/* Seen to catch: find_listed() left out, or joining nothing. */
static void manifests(void **state)
{
	struct store s;

	(void)state;
	/* All is there: of other stems, in other letters, beside it or else alone of its name. */
	STORE(s, "v/Export.xml>WIN.vhdx,win.1.avhdx,win.1.pvp,far.raw", "v/win.vhdx",
	      "v/win.1.AVHDX<win.vhdx", "v/win.1.pvp", "w/far.raw", "w/win.vhdx", "v/x.raw");
	for (size_t i = 0; i < 5; i++)
		assert_true(together(&s, "v/Export.xml", s.items[i].path));
	assert_false(get(&s, "v/Export.xml")->orphan);
	assert_null(get(&s, "v/Export.xml")->missing);
	assert_false(together(&s, "v/Export.xml", "w/win.vhdx"));
	assert_false(together(&s, "v/Export.xml", "v/x.raw"));
	assert_true(sets_before(get(&s, "v/win.1.pvp"), get(&s, "v/Export.xml")));
	/* The first that is not there is told; it goes with the others all the same. */
	STORE(s, "win.xml>win.1.avhdx,win.2.avhdx,win.3.avhdx,win.vhdx", "win.vhdx",
	      "win.1.avhdx<win.vhdx");
	assert_true(get(&s, "win.xml")->orphan);
	assert_int_equal(strncmp(get(&s, "win.xml")->missing, "win.2.avhdx\n", 12), 0);
	assert_true(together(&s, "win.xml", "win.1.avhdx"));
	/* Deleted is not there; and a manifest that is deleted misses nothing. */
	STORE(s, "a.xml>x.vhdx", "!x.vhdx", "!b.xml>y.vhdx,z.vhdx", "y.vhdx");
	assert_true(get(&s, "a.xml")->orphan && together(&s, "a.xml", "x.vhdx"));
	assert_false(get(&s, "b.xml")->orphan);
	assert_true(together(&s, "b.xml", "y.vhdx"));
	/* Which of the two? */
	STORE(s, "a.xml>x.vhdx", "b/x.vhdx", "c/x.vhdx");
	assert_true(get(&s, "a.xml")->orphan);
	/* Two manifests of one image are one set; without stems they are so as well. */
	STORE(s, "a.xml>x.vhdx", "b.xml>x.vhdx", "x.vhdx", "c.xml", "c.vhdx");
	sets_find(s.items, s.n, false);
	assert_true(together(&s, "a.xml", "b.xml"));
	assert_false(together(&s, "c.xml", "c.vhdx"));
}

static void loops(void **state)
{
	struct store s;

	(void)state;
	STORE(s, "a.qcow2<b.qcow2", "b.qcow2<a.qcow2", "self.qcow2<self.qcow2");
	assert_true(together(&s, "a.qcow2", "b.qcow2"));
	assert_true(get(&s, "self.qcow2")->orphan);
	sets_find(s.items, 0, true);
}

static void keys(void **state)
{
	struct store s;

	(void)state;
	memset(&s, 0, sizeof(s));
	put(&s, "one/a.raw");
	put(&s, "one/b.xml");
	put(&s, "two/a.raw");
	put(&s, "two/a.xml");
	put(&s, "two/c.qcow2<a.raw");
	s.items[0].key = s.items[1].key = "one";
	s.items[2].key = "two";
	sets_find(s.items, s.n, false);
	assert_true(together(&s, "one/a.raw", "one/b.xml"));
	assert_false(together(&s, "one/a.raw", "two/a.raw"));
	assert_false(together(&s, "two/a.raw", "two/a.xml"));  /* stems are not looked at */
	assert_true(together(&s, "two/c.qcow2", "two/a.raw")); /* chains are */
}

/* Whatever the names are: everything is in a set whose first is in it, and comes before the rest.
 */
static void any_names(void **state)
{
	static const char *const parts[] = {"a",    "b",    ".1", ".2", ".vhdx",
					    ".pvp", ".xml", ".",  "/",	"A"};
	unsigned seed = 1;

	(void)state;
	for (unsigned run = 0; run < 2000; run++) {
		struct store s;

		memset(&s, 0, sizeof(s));
		for (unsigned i = 0; i < 12; i++) {
			char name[64] = "x";

			for (unsigned k = rand_r(&seed) % 6; k > 0; k--)
				strcat(name, parts[(unsigned)rand_r(&seed) % ARRAY_LEN(parts)]);
			put(&s, name);
			s.items[i].gone = rand_r(&seed) % 4 == 0;
			if (rand_r(&seed) % 2 && i)
				s.items[i].parent = s.items[(unsigned)rand_r(&seed) % i].path;
			if (rand_r(&seed) % 3 == 0)
				s.items[i].names = "xa.vhdx\nxb.1.vhdx\n\nx.pvp";
		}
		sets_find(s.items, s.n, rand_r(&seed) % 2);
		for (size_t i = 0; i < s.n; i++) {
			const struct set_item *x = &s.items[i];

			assert_true(x->set < s.n && s.items[x->set].set == x->set);
			assert_false(sets_before(x, &s.items[x->set]));
			if (x->up != SET_NONE)
				assert_true(x->up < s.n && s.items[x->up].set == x->set);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chain),     cmocka_unit_test(directories_and_case),
		cmocka_unit_test(orphans),   cmocka_unit_test(loops),
		cmocka_unit_test(manifests), cmocka_unit_test(keys),
		cmocka_unit_test(any_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
