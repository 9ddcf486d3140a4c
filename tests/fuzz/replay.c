/*
 * replay.c: main() of a fuzz target where libFuzzer is not linked: feeds it each file of its corpus
 * once, so that `make check` (also under the sanitizers) holds what the fuzzer once found.
 *
 * fuzz_<x> [DIRECTORY]; the default is $srcdir/tests/fuzz/corpus/<x>. Output is TAP. An empty
 * corpus is a failure: then nothing was tested.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 0, or -errno. The buffer has exactly the input's size, so that ASan sees a read beyond it. */
static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *whole = NULL, *data = NULL;
	size_t len;
	int r = -ENOMEM;

	if (!f)
		return -errno;
	whole = malloc(INPUT_MAX);
	if (!whole)
		goto cleanup;
	len = fread(whole, 1, INPUT_MAX, f);
	data = malloc(len ? len : 1);
	if (!data)
		goto cleanup;
	memcpy(data, whole, len);
	LLVMFuzzerTestOneInput(data, len);
	r = 0;
cleanup:
	free(data);
	free(whole);
	fclose(f);
	return r;
}

static int replay_directory(const char *dir)
{
	struct dirent **names = NULL;
	int n = scandir(dir, &names, NULL, alphasort);
	unsigned done = 0, failed = 0;

	for (int i = 0; i < n; i++) {
		char path[4096];
		int r;

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		if (names[i]->d_name[0] != '.') {
			r = replay_file(path);
			printf("%s %u - %s%s%s\n", r ? "not ok" : "ok", ++done, names[i]->d_name,
			       r ? ": " : "", r ? strerror(-r) : "");
			fflush(stdout);
			failed += r != 0;
		}
		free(names[i]);
	}
	free(names);
	if (!done)
		printf("not ok 1 - no corpus in %s\n", dir);
	printf("1..%u\n", done ? done : 1);
	return done && !failed ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/'), *top = getenv("srcdir");
	char dir[4096];

	if (argc > 1)
		return replay_directory(argv[1]);
	name = name ? name + 1 : argv[0];
	if (strncmp(name, "fuzz_", 5) == 0)
		name += 5;
	snprintf(dir, sizeof(dir), "%s/tests/fuzz/corpus/%s", top ? top : ".", name);
	return replay_directory(dir);
}
