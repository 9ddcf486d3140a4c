/*
 * test_key.c: a key is made once, 0600, with both halves; files that others may read, or whose
 * halves do not belong together, are refused with words.
 */
#include "transfer/key.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64], path[96];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_key.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/hub.key", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir); /* fails if a temporary was left */
}

static void test_make_and_read(void **state)
{
	struct node_key *a, *b;
	struct stat st;
	struct err e;

	(void)state;
	assert_int_equal(key_load(path, false, &a, &e), -ENOENT);
	assert_int_equal(key_load(path, true, &a, &e), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(key_load(path, true, &b, &e), 0);
	assert_memory_equal(a->pin, b->pin, KEY_PIN_SIZE);
	assert_string_equal(a->pem, b->pem);
	assert_string_equal(a->path, path);
	assert_non_null(strstr(a->pem, "PRIVATE KEY"));
	assert_non_null(strstr(a->pem, "BEGIN CERTIFICATE"));
	assert_null(key_free(a));
	key_free(b);
	key_free(NULL);
}

static void refuse(int code, const char *word)
{
	struct node_key *k;
	struct err e = {""};

	assert_int_equal(key_load(path, true, &k, &e), code);
	assert_non_null(strstr(e.text, path));
	if (!strstr(e.text, word))
		fail_msg("\"%s\" does not say \"%s\"", e.text, word);
}

static void test_refused(void **state)
{
	struct node_key *k;
	struct err e;
	FILE *f;

	(void)state;
	assert_int_equal(key_load(path, true, &k, &e), 0);
	key_free(k);
	assert_int_equal(chmod(path, 0640), 0);
	refuse(-EPERM, "chmod 600");
	assert_int_equal(chmod(path, 0604), 0);
	refuse(-EPERM, "chmod 600");
	assert_int_equal(chmod(path, 0600), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 12345, (gid_t)-1), 0);
		refuse(-EPERM, "uid 12345");
		assert_int_equal(chown(path, 0, (gid_t)-1), 0);
	}
	assert_int_equal(truncate(path, 0), 0);
	refuse(-EBADMSG, "");
	f = fopen(path, "w");
	fputs("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", f);
	fclose(f);
	refuse(-EBADMSG, "");
	assert_int_equal(truncate(path, 1 << 20), 0);
	refuse(-E2BIG, "too large");
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	refuse(-EPERM, "regular file");
	rmdir(path);
	assert_int_equal(symlink("elsewhere", path), 0);
	refuse(-ELOOP, "");
	unlink(path);
}

/* A key file edited together from two. */
static void test_halves_of_two(void **state)
{
	struct node_key *a, *b;
	struct err e;
	char *key_end;
	FILE *f;

	(void)state;
	assert_int_equal(key_load(path, true, &a, &e), 0);
	unlink(path);
	assert_int_equal(key_load(path, true, &b, &e), 0);
	assert_memory_not_equal(a->pin, b->pin, KEY_PIN_SIZE);
	key_end = strstr(a->pem, "-----BEGIN CERTIFICATE");
	f = fopen(path, "w");
	fprintf(f, "%.*s%s", (int)(key_end - a->pem), a->pem, strstr(b->pem, "-----BEGIN CERT"));
	fclose(f);
	refuse(-EBADMSG, "not of this private key");
	key_free(a);
	key_free(b);
}

static void test_no_directory(void **state)
{
	struct node_key *k;
	struct err e;

	(void)state;
	assert_int_equal(key_load("/nonexistent/dir/k", true, &k, &e), -ENOENT);
	assert_non_null(strstr(e.text, "/nonexistent/dir/k"));
}

static void test_random(void **state)
{
	uint8_t a[32] = {0}, b[32] = {0};

	(void)state;
	key_random(a, sizeof(a));
	key_random(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_make_and_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_halves_of_two, setup, teardown),
		cmocka_unit_test(test_no_directory),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
