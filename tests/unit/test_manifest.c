/* test_manifest.c: which images a manifest lists, and what of it is not a list. */
#include "transfer/manifest.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/sets.h"
#include "tests/unit/temp.h"

static void lists(const char *text, const char *want)
{
	char *names;

	assert_int_equal(manifest_scan(text, strlen(text), sets_listed, &names), 0);
	assert_string_equal(names, want);
	free(names);
}

static const char exported[] =
	"\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n"
	"<versionManifest><startingVersion>0</startingVersion>\r\n"
	"<version><versionNumber>0</versionNumber><description>as win9.vhdx</description>"
	"<diskFileName>win.vhdx</diskFileName><size>42949672960</size></version>\r\n"
	"<version><versionNumber>1</versionNumber><description />"
	"<diskFileName>\r\n\tWin.1.AVHDX\r\n</diskFileName></version>\r\n"
	"<version><diskFileName>win.1.pvp</diskFileName></version></versionManifest>\r\n";

static void what_an_image_server_writes(void **state)
{
	(void)state;
	lists(exported, "Win.1.AVHDX\nwin.1.pvp\nwin.vhdx");
}

static void any_markup(void **state)
{
	(void)state;
	/* Whole texts and attributes, with spaces, quotes and whatever a name may have. */
	lists("<a file='x.vhdx' other=\"y's.qcow2\"/><b>Bob's disk, old.vhd</b>",
	      "Bob's disk, old.vhd\nx.vhdx\ny's.qcow2");
	lists("<a><![CDATA[a<b>&amp;.raw]]></a>", "a<b>&amp;.raw");
	lists("<!-- <a>x.vhdx</a> --><?y z.vhdx?><!DOCTYPE a 'z.vhdx'><a>w.img</a>", "w.img");
	lists("<DESCRIPTION>x.vhdx</DESCRIPTION><Comment><![CDATA[y.vhdx]]></Comment>", "");
	/* Paths: the last part. */
	lists("<a>D:\\store\\x.vhdx</a><a>/srv/y.vhdx</a><a>../z.vhdx</a><a>s/w.vhdx/</a>",
	      "x.vhdx\ny.vhdx\nz.vhdx");
	/* Entities, of which any may be the one that makes it a path or none. */
	lists("<a>R&amp;D &#x44f;&#1103;&lt;.vhdx</a><a>&#47;etc&#x5c;x&#46;vhdx</a>",
	      "R&D яя<.vhdx\nx.vhdx");
	lists("<a>&unknown;.vhdx</a><a>&;.vhdx</a><a>&#xd800;.raw</a>",
	      "&#xd800;.raw\n&;.vhdx\n&unknown;.vhdx");
	/* Once each, and not what is no name of an image. */
	lists("<a>x.vhdx</a><b>x.vhdx</b><b>.vhdx</b><b>vhdx</b><b>x.vhdx.lok</b><b>x.xml</b>",
	      "x.vhdx");
	lists("<a>x.vhdx y.txt</a><a>a\nb.vhdx</a><a>\xff.vhdx</a><a>&#0;.vhdx</a><a>&#10;.vhdx</a>",
	      "&#0;.vhdx");
	lists("", "");
	lists("nothing of the kind", "");
	lists("plain.vhdx", "plain.vhdx");
}

/* Cut off anywhere it is read to its end. */
static void cut_off(void **state)
{
	static const char *const texts[] = {
		exported,
		"<a b='x.vhdx' c=\"y.vhdx\">&amp;<!--c--><![CDATA[z.raw]]><?p?><!d>&#65;"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		for (size_t len = 0; len <= strlen(texts[i]); len++) {
			char *copy = xcalloc(len + 1, 1), *names;

			memcpy(copy, texts[i], len);
			assert_int_equal(manifest_scan(copy, len, sets_listed, &names), 0);
			free(names);
			free(copy);
		}
	lists("<a b='x.vhdx", "");
	lists("<a b='x.vhdx'", "x.vhdx");
	lists("<![CDATA[x.vhdx", "x.vhdx");
	lists("<![CDATA[x.vhdx]]", "");
}

static void utf16(void **state)
{
	static const char ascii[] = "<a>\x01x.vhdx</a><b>y.vhdx</b>";
	uint8_t wide[2 * sizeof(ascii)];
	char *names;

	(void)state;
	for (unsigned big = 0; big < 2; big++) {
		wide[!big] = 0xfe;
		wide[big] = 0xff;
		for (size_t i = 0; i + 1 < sizeof(ascii); i++) {
			wide[2 + 2 * i + big] = (uint8_t)ascii[i];
			wide[2 + 2 * i + !big] = 0;
			if (ascii[i] == 1) { /* a letter of three bytes */
				wide[2 + 2 * i + big] = 0x01;
				wide[2 + 2 * i + !big] = 0x1e;
			}
		}
		assert_int_equal(manifest_scan(wide, sizeof(wide), sets_listed, &names), 0);
		assert_string_equal(names, "y.vhdx\nḁx.vhdx");
		free(names);
	}
	/* A lone surrogate, and nothing behind the mark. */
	assert_int_equal(manifest_scan("\xff\xfe\x00\xd8", 4, sets_listed, &names), 0);
	assert_string_equal(names, "");
	free(names);
	assert_int_equal(manifest_scan("\xff\xfe", 2, sets_listed, &names), 0);
	assert_string_equal(names, "");
	free(names);
}

static void bounds(void **state)
{
	size_t len = 0;
	char *text = xcalloc(MANIFEST_MOST + 1, 1), *names = NULL, want[20];
	struct temp t;
	int fd;

	(void)state;
	for (unsigned i = 0; i < MANIFEST_NAMES_MOST; i++)
		len += (size_t)sprintf(text + len, "<a>%04u.raw</a>", i);
	assert_int_equal(manifest_scan(text, len, sets_listed, &names), 0);
	assert_int_equal(strlen(names), MANIFEST_NAMES_MOST * 9 - 1);
	snprintf(want, sizeof(want), "\n%u.raw", MANIFEST_NAMES_MOST - 1);
	assert_string_equal(names + strlen(names) - strlen(want), want);
	free(names);
	strcpy(text + len, "<a>one.raw</a>");
	assert_int_equal(manifest_scan(text, len + 14, sets_listed, &names), -E2BIG);
	assert_int_equal(manifest_scan(text, MANIFEST_MOST + 1, sets_listed, &names), -EFBIG);
	/* A name of 255 bytes, and one that is longer. */
	memset(text, 'a', 300);
	memcpy(text + 250, ".vhdx", 6);
	lists(text, text);
	memset(text, 'a', 300);
	memcpy(text + 251, ".vhdx", 6);
	lists(text, "");
	/* Much that opens and never closes: in no time. */
	memset(text, '<', MANIFEST_MOST);
	assert_int_equal(manifest_scan(text, MANIFEST_MOST, sets_listed, &names), 0);
	free(names);
	memset(text, '&', MANIFEST_MOST);
	assert_int_equal(manifest_scan(text, MANIFEST_MOST, sets_listed, &names), 0);
	free(names);
	temp_new(&t);
	fd = temp_file(&t, "x.xml");
	assert_int_equal(manifest_names(fd, sets_listed, &names), 0);
	assert_string_equal(names, "");
	free(names);
	temp_write(fd, exported, strlen(exported), 0);
	assert_int_equal(manifest_names(fd, sets_listed, &names), 0);
	assert_string_equal(names, "Win.1.AVHDX\nwin.1.pvp\nwin.vhdx");
	free(names);
	assert_int_equal(ftruncate(fd, MANIFEST_MOST + 1), 0);
	assert_int_equal(manifest_names(fd, sets_listed, &names), -EFBIG);
	close(fd);
	temp_done(&t);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_image_server_writes),
		cmocka_unit_test(any_markup),
		cmocka_unit_test(cut_off),
		cmocka_unit_test(utf16),
		cmocka_unit_test(bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
