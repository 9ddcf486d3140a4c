/*
 * zonefile.c: zone files as files. GLib is generous with names ("UTC+3", "+05:00", paths) and
 * trusts the counts inside a file; neither may meet what a person mistypes or an update half wrote.
 */
#include "policy/zonefile.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/nearest.h"

#define FILE_MOST  (64 * KIB) /* the largest of 2024 has 4 KiB */
#define HEADER	   44
#define NAMES_MOST 5000 /* looked at for the nearest; the database of 2024 has 600 */

/* GLib takes "UTC+3" and means three hours west: only what is a file of the zone database goes, so
 * that a mistyped name is an error and never another zone. */
static bool good_name(const char *name)
{
	size_t len = strlen(name);

	if (!len || len > ZONEFILE_NAME || !isalpha((unsigned char)*name) || strstr(name, ".."))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("_+-/", name[i]))
			return false;
	return true;
}

static const char *database(void)
{
	const char *dir = getenv("TZDIR");

	return dir ? dir : "/usr/share/zoneinfo";
}

bool zonefile_find(const char *name, char path[ZONEFILE_PATH], struct zonefile_stamp *ret)
{
	struct stat st;

	if (!good_name(name))
		return false;
	*ret = (struct zonefile_stamp){0};
	path[0] = '\0';
	if (!strcmp(name, "UTC"))
		return true;
	if (snprintf(path, ZONEFILE_PATH, "%s/%s", database(), name) >= ZONEFILE_PATH ||
	    stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	*ret = (struct zonefile_stamp){
		.device = (uint64_t)st.st_dev,
		.inode = (uint64_t)st.st_ino,
		.size = (uint64_t)st.st_size,
		.s = st.st_mtim.tv_sec,
		.ns = st.st_mtim.tv_nsec,
	};
	return true;
}

/* Length of a block with its header; 0: none begins here, or it is longer than what is left. */
static size_t block_length(const uint8_t *p, size_t left, size_t time_size)
{
	size_t n[6], length; /* isut, isstd, leap, time, type, char */

	if (left < HEADER || memcmp(p, "TZif", 4) != 0)
		return 0;
	for (int i = 0; i < 6; i++) {
		const uint8_t *c = p + 20 + 4 * i;

		n[i] = (size_t)c[0] << 24 | (size_t)c[1] << 16 | (size_t)c[2] << 8 | c[3];
		if (n[i] > left)
			return 0;
	}
	length = HEADER + n[3] * (time_size + 1) + n[4] * 6 + n[5] + n[2] * (time_size + 4) + n[1] +
		 n[0];
	return length <= left ? length : 0;
}

static bool whole(const uint8_t *p, size_t size)
{
	size_t first = block_length(p, size, 4), second;

	if (!first || p[4] < '2')
		return first;
	/* From version 2 on a second block, and a rule between two line ends. */
	second = block_length(p + first, size - first, 8);
	return second && first + second + 2 <= size && p[size - 1] == '\n';
}

bool zonefile_whole(const char *path)
{
	uint8_t *data = xcalloc(1, FILE_MOST + 1);
	FILE *f = fopen(path, "re");
	size_t size = 0;
	bool ok;

	if (f) {
		size = fread(data, 1, FILE_MOST + 1, f);
		fclose(f);
	}
	ok = size <= FILE_MOST && whole(data, size);
	free(data);
	return ok;
}

struct search {
	struct nearest near;
	char *name;
	unsigned looked;
};

static void search(struct search *s, const char *below);

/* What is no name of a zone (posix/, right/, tables) is left out. */
static void look(struct search *s, const char *name)
{
	char *path;
	struct stat st;

	if (!good_name(name) || !isupper((unsigned char)*name) || s->looked++ >= NAMES_MOST)
		return;
	path = xasprintf("%s/%s", database(), name);
	if (stat(path, &st) < 0) {
		free(path);
		return;
	}
	free(path);
	if (S_ISDIR(st.st_mode)) {
		path = xasprintf("%s/", name);
		search(s, path);
		free(path);
	} else if (nearest_try(&s->near, name)) {
		snprintf(s->name, ZONEFILE_NAME + 1, "%s", name);
		s->near.word = s->name;
	}
}

/* below: "" or "America/". A name's length bounds the depth. */
static void search(struct search *s, const char *below)
{
	char *path = xasprintf("%s/%s", database(), below);
	DIR *d = opendir(path);
	struct dirent *e;

	free(path);
	while (d && (e = readdir(d))) {
		char *name = xasprintf("%s%s", below, e->d_name);

		look(s, name);
		free(name);
	}
	if (d)
		closedir(d);
}

const char *zonefile_nearest(const char *wrong, char name[ZONEFILE_NAME + 1])
{
	struct search s = {.near = nearest_to(wrong), .name = name};

	name[0] = '\0';
	search(&s, "");
	return name;
}
