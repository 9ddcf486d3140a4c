/*
 * test_inspect.c: a file looked at: its chain as far as it goes, circles and links that lead out,
 * and who has how much of it.
 */
#include "scheduler/inspect.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/temp.h"
#include "transfer/index.h"

static void make_dir(struct temp *t, const char *name)
{
	assert_int_equal(mkdirat(t->fd, name, 0700), 0);
}

/* A qcow2 header with this backing file. */
static void make_overlay(struct temp *t, const char *name, const char *backing)
{
	uint8_t head[104] = "QFI\xfb\0\0\0\3";
	int fd = temp_file(t, name);

	head[15] = 104;
	head[19] = (uint8_t)strlen(backing);
	head[23] = 16;
	temp_write(fd, head, sizeof(head), 0);
	temp_write(fd, backing, strlen(backing), 104);
	close(fd);
}

static struct inspect *run(struct temp *t, const char *path)
{
	struct inspect *x = inspect_new(t->path, path);

	assert_int_equal(lockfile_parse(LOCKFILE_DEFAULT, &x->lock, NULL), 0);
	inspect_run(x);
	return x;
}

static void test_chain(void **state)
{
	struct inspect *x;
	struct temp t;

	(void)state;
	temp_new(&t);
	make_dir(&t, "d");
	make_overlay(&t, "d/c.qcow2", "../elsewhere/b.qcow2");
	make_overlay(&t, "d/b.qcow2", "/etc/a.qcow2");
	make_overlay(&t, "a.qcow2", ""); /* not beside it: it is not the one */
	x = run(&t, "d/c.qcow2");
	assert_int_equal(x->error, 0);
	assert_int_equal(x->n_links, 3);
	assert_string_equal(x->links[1].path, "d/b.qcow2");
	assert_true(x->links[1].present && x->links[1].match == MATCH_UNSAID);
	assert_string_equal(x->links[2].path, "d/a.qcow2");
	assert_false(x->links[2].present);
	inspect_free(x);
	make_overlay(&t, "d/a.qcow2", "c.qcow2");
	x = run(&t, "d/c.qcow2");
	assert_true(x->circular && x->n_links == 3);
	inspect_free(x);
	make_overlay(&t, "d/a.qcow2", "a.qcow2");
	x = run(&t, "d/a.qcow2");
	assert_true(x->circular && x->n_links == 1);
	inspect_free(x);
	temp_done(&t);
}

/* Names that lead out, or to what is no file: told as such, never followed or waited for. */
static void test_not_a_file(void **state)
{
	static const struct {
		const char *path;
		int error;
	} bad[] = {{"out.qcow2", -ELOOP}, {"pipe", -EINVAL}, {"d", -EINVAL}, {"none", -ENOENT}};
	struct inspect *x;
	struct temp t;

	(void)state;
	temp_new(&t);
	make_dir(&t, "d");
	assert_int_equal(symlinkat("/etc/passwd", t.fd, "out.qcow2"), 0);
	assert_int_equal(mkfifoat(t.fd, "pipe", 0600), 0);
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		x = run(&t, bad[i].path);
		assert_int_equal(x->error, bad[i].error);
		assert_int_equal(x->n_links, 0);
		inspect_free(x);
	}
	make_overlay(&t, "c.qcow2", "out.qcow2");
	x = run(&t, "c.qcow2");
	assert_int_equal(x->n_links, 2);
	assert_false(x->links[1].present);
	inspect_free(x);
	x = inspect_new("/nonexistent/dir", "x");
	inspect_run(x);
	assert_int_equal(x->error, -ENOENT);
	inspect_free(x);
	temp_done(&t);
}

static void test_long_chain(void **state)
{
	struct inspect *x;
	struct temp t;

	(void)state;
	temp_new(&t);
	for (unsigned i = 0; i < INSPECT_CHAIN + 2; i++) {
		char name[16], backing[16];

		snprintf(name, sizeof(name), "%u.qcow2", i);
		snprintf(backing, sizeof(backing), "%u.qcow2", i + 1);
		make_overlay(&t, name, backing);
	}
	x = run(&t, "0.qcow2");
	assert_true(x->endless && !x->circular);
	assert_int_equal(x->n_links, INSPECT_CHAIN);
	inspect_free(x);
	temp_done(&t);
}

/* A VHD's child names its parent by a unique id: it is the right one, or it is not. */
static void test_exact(void **state)
{
	char command[1300];
	struct inspect *x;
	uint8_t footer[512], header[1024];
	struct temp t;
	int fd;

	(void)state;
	temp_new(&t);
	snprintf(
		command, sizeof(command),
		"cd '%s' && qemu-img create -q -f vpc -o subformat=dynamic,force_size=on base.vhd 4M "
		"&& cp base.vhd child.vhd",
		t.path);
	assert_int_equal(system(command), 0);
	fd = openat(t.fd, "child.vhd", O_RDWR | O_CLOEXEC);
	assert_int_equal(pread(fd, footer, sizeof(footer), 0), sizeof(footer));
	assert_int_equal(pread(fd, header, sizeof(header), 512), sizeof(header));
	for (unsigned wrong = 0; wrong < 2; wrong++) {
		struct stat st;
		uint32_t sum = 0;

		footer[63] = 4;
		memcpy(header + 40, footer + 68, 16); /* the parent's id: the copy has the same */
		header[41] ^= (uint8_t)wrong;
		for (unsigned i = 0; i < 8; i++)
			header[64 + 2 * i + 1] = (uint8_t) "base.vhd"[i];
		memset(footer + 64, 0, 4);
		memset(header + 36, 0, 4);
		for (unsigned i = 0; i < sizeof(footer); i++)
			sum += footer[i];
		for (unsigned i = 0; i < 4; i++)
			footer[64 + i] = (uint8_t)(~sum >> (24 - 8 * i));
		sum = 0;
		for (unsigned i = 0; i < sizeof(header); i++)
			sum += header[i];
		for (unsigned i = 0; i < 4; i++)
			header[36 + i] = (uint8_t)(~sum >> (24 - 8 * i));
		assert_int_equal(fstat(fd, &st), 0);
		temp_write(fd, footer, sizeof(footer), 0);
		temp_write(fd, footer, sizeof(footer), (uint64_t)st.st_size - 512);
		temp_write(fd, header, sizeof(header), 512);
		x = run(&t, "child.vhd");
		assert_int_equal(x->n_links, 2);
		assert_int_equal(x->links[0].container.fault, CONTAINER_SOUND);
		assert_int_equal(x->links[1].match, wrong ? MATCH_NO : MATCH_YES);
		assert_string_equal(x->guard->word, "open"); /* by this test */
		inspect_free(x);
	}
	close(fd);
	fd = temp_file(&t, "child.lok");
	close(fd);
	x = run(&t, "child.vhd");
	assert_string_equal(x->guard->word, "lock");
	assert_string_equal(x->lock_name, "child.lok");
	inspect_free(x);
	temp_done(&t);
}

/* half: so many of the blocks are those of the whole, the others of their own. */
static struct hash make_content(struct temp *t, int index_dirfd, unsigned blocks, unsigned half)
{
	uint64_t seed = 9, own = 1000 + half;
	struct hash root;
	uint8_t block[4096];
	struct err e = {""};
	int fd = temp_file(t, "content");

	for (unsigned i = 0; i < blocks; i++) {
		temp_fill(&seed, block, sizeof(block));
		if (i >= half)
			temp_fill(&own, block, sizeof(block));
		temp_write(fd, block, sizeof(block), i * sizeof(block));
	}
	assert_int_equal(index_build(fd, index_dirfd, NULL, NULL, &root, &e), 0);
	close(fd);
	return root;
}

/* Catches: percents of the other content instead of the file's, an order that is none, a content
 * without an index that counts as compared. */
static void test_shares(void **state)
{
	struct hash whole, half, none, lost = {{7}};
	struct inspect *x;
	struct temp t, ix;

	(void)state;
	temp_new(&t);
	temp_new(&ix);
	none = make_content(&t, ix.fd, 1024, 0);
	half = make_content(&t, ix.fd, 2048, 1024);
	whole = make_content(&t, ix.fd, 2048, 2048);
	x = inspect_new(t.path, "content");
	x->index_dirfd = dup(ix.fd);
	x->has_root = true;
	x->root = whole;
	inspect_add(x, "none", &none);
	inspect_add(x, "lost", &lost);
	inspect_add(x, "half", &half);
	inspect_add(x, "z/same", &whole);
	inspect_run(x);
	assert_int_equal(x->error, 0);
	assert_int_equal(x->n_others, 4);
	assert_string_equal(x->others[0].path, "z/same");
	assert_int_equal(x->others[0].percent, 100);
	assert_string_equal(x->others[1].path, "half");
	assert_in_range(x->others[1].percent, 30, 70); /* of some 64 hooks */
	assert_int_equal(x->others[2].percent, 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(x->others[i].compared, strcmp(x->others[i].path, "lost") != 0);
	inspect_free(x);
	temp_done(&t);
	temp_done(&ix);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain),	   cmocka_unit_test(test_not_a_file),
		cmocka_unit_test(test_long_chain), cmocka_unit_test(test_exact),
		cmocka_unit_test(test_shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
