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

static void scanned(const char *text, size_t len, int error, const char *want)
{
	char *names;

	assert_int_equal(manifest_scan(text, len, sets_listed, &names), error);
	assert_string_equal(names, want);
	free(names);
}

static void lists(const char *text, const char *want)
{
	scanned(text, strlen(text), 0, want);
}

/* It says that this is not all. */
static void lists_in_part(const char *text, const char *want)
{
	scanned(text, strlen(text), -EBADMSG, want);
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
	lists("<r><a file='x.vhdx' other=\"y's.qcow2\"/><b>Bob's disk, old.vhd</b></r>",
	      "Bob's disk, old.vhd\nx.vhdx\ny's.qcow2");
	lists("<a><![CDATA[a<b>&amp;.raw]]></a>", "a<b>&amp;.raw");
	lists("<!-- <a>x.vhdx</a> --><?y z.vhdx?><a>w.<!-- x -->img</a>", "w.img");
	lists("<r><DESCRIPTION a='v.raw'><b>x.vhdx</b></DESCRIPTION><Comment><![CDATA[y.vhdx]]>"
	      "</Comment><b>z.vhdx</b></r>",
	      "z.vhdx");
	/* Paths: the last part. */
	lists("<r><a>D:\\store\\x.vhdx</a><a>/srv/y.vhdx</a><a>../z.vhdx</a><a>s/w.vhdx/</a></r>",
	      "x.vhdx\ny.vhdx\nz.vhdx");
	/* Entities, of which any may be the one that makes it a path or none. */
	lists("<r><a>R&amp;D &#x44f;&#1103;&lt;.vhdx</a><a>&#47;etc&#x5c;x&#46;vhdx</a></r>",
	      "R&D яя<.vhdx\nx.vhdx");
	/* Once each, and not what is no name of an image. */
	lists("<r><a>x.vhdx</a><b>x.vhdx</b><b>.vhdx</b><b>vhdx</b><b>x.vhdx.lok</b><b>x.xml</b></r>",
	      "x.vhdx");
	lists("<r><a>x.vhdx y.txt</a><a>a\nb.vhdx</a><a>&#10;b.vhdx</a></r>", "b.vhdx");
	lists("", "");
	lists(" \n", "");
	lists("\r\n<?xml version='1.0'?><r>x.vhdx</r>", "x.vhdx");
	lists("<?xml version='1.0' encoding='windows-1252'?><r>\x80<a>x.vhdx</a></r>", "x.vhdx");
}

/* What is no XML from some place on lists what it does up to there. */
static void no_markup(void **state)
{
	static const char *const wrong[] = {
		"&unknown;", "&#0;", "&#xd800;", "\xff", "</b>", "<", "<b b='1' b='2'/>", "<b",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		char *text = xasprintf("<r><a>x.vhdx</a>%s<a>y.vhdx</a></r>", wrong[i]);

		lists_in_part(text, "x.vhdx");
		free(text);
	}
	lists_in_part("<r><a>x.vhdx</a>", "x.vhdx");
	lists_in_part("<a>x.vhdx</a><a>y.vhdx</a>", "x.vhdx");
	lists_in_part("plain.vhdx", "");
	/* A document type: entities of entities would be gigabytes. */
	lists_in_part(
		"<!DOCTYPE r [<!ENTITY a 'x.vhdx'><!ENTITY b '&a;&a;'>]><r><a>&b;</a><a>z.raw</a></r>",
		"");
	lists_in_part("<!DOCTYPE r SYSTEM '/etc/passwd'><r><a>z.raw</a></r>", "");
}

/* Cut off anywhere it is read to its end. */
static void cut_off(void **state)
{
	static const char *const texts[] = {
		exported,
		"<a b='x.vhdx' c=\"y.vhdx\">&amp;<!--c--><![CDATA[z.raw]]><?p?>&#65;</a>"};
	int r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		for (size_t len = 0; len <= strlen(texts[i]); len++) {
			char *copy = xcalloc(len + 1, 1), *names;

			memcpy(copy, texts[i], len);
			r = manifest_scan(copy, len, sets_listed, &names);
			assert_true(
				r == -EBADMSG ||
				(r == 0 && (len == 0 ||
					    texts[i][len + strspn(texts[i] + len, "\r\n")] == 0)));
			free(names);
			free(copy);
		}
}

static void utf16(void **state)
{
	static const char ascii[] = "<r><a>\x01x.vhdx</a><b>y.vhdx</b></r>";
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
	scanned("\xff\xfe\x00\xd8", 4, -EBADMSG, "");
	scanned("\xff\xfe", 2, -EBADMSG, "");
}

static void bounds(void **state)
{
	char *text = xcalloc(MANIFEST_MOST + 1, 1), *names = NULL, want[20];
	size_t len = (size_t)sprintf(text, "<r>");
	struct temp t;
	int fd;

	(void)state;
	for (unsigned i = 0; i < MANIFEST_NAMES_MOST; i++)
		len += (size_t)sprintf(text + len, "<a>%04u.raw</a>", i);
	strcpy(text + len, "</r>");
	assert_int_equal(manifest_scan(text, len + 4, sets_listed, &names), 0);
	assert_int_equal(strlen(names), MANIFEST_NAMES_MOST * 9 - 1);
	snprintf(want, sizeof(want), "\n%u.raw", MANIFEST_NAMES_MOST - 1);
	assert_string_equal(names + strlen(names) - strlen(want), want);
	free(names);
	strcpy(text + len, "<a>one.raw</a>");
	assert_int_equal(manifest_scan(text, len + 14, sets_listed, &names), -E2BIG);
	assert_int_equal(manifest_scan(text, MANIFEST_MOST + 1, sets_listed, &names), -EFBIG);
	/* A name of 255 bytes, and one that is longer. */
	for (int n = 250; n <= 251; n++) {
		sprintf(text, "<r>%0*d.vhdx</r>", n, 0);
		len = strlen(text) - 7;
		assert_int_equal(manifest_scan(text, len + 7, sets_listed, &names), 0);
		assert_int_equal(strlen(names), n == 250 ? len : 0);
		free(names);
	}
	/* A path as long as any, and one that is longer. */
	for (int n = 4089; n <= 4090; n++) {
		sprintf(text, "<r>%0*d/a.vhdx</r>", n, 0);
		lists(text, n == 4089 ? "a.vhdx" : "");
	}
	/* Much that opens and never closes: in no time. */
	for (size_t i = 0; i + 3 <= MANIFEST_MOST; i += 3)
		memcpy(text + i, "<a>", 3);
	scanned(text, MANIFEST_MOST, -EBADMSG, "");
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
		cmocka_unit_test(no_markup),
		cmocka_unit_test(cut_off),
		cmocka_unit_test(utf16),
		cmocka_unit_test(bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
