/* The pages as a table: a page more is a row more. Nothing on them comes from a
 * request, so nothing has to be escaped. */
#include "pages.h"

#include <string.h>

#include "base/macro.h"

#define OWN_COPY                                                              \
	"<p><em>This is the web server's own copy: it begins anew with each " \
	"restart of the web server, and asks no other process.</em></p>\n"

static const struct page pages[] = {
	{ "/", "Servy", NULL },
	{ "/wildthings", "Wild things",
		"<ul>\n<li>bears</li>\n<li>lions</li>\n<li>tigers</li>\n</ul>\n" },
	{ "/bears", "Bears",
		"<ul>\n<li>Bruno, brown</li>\n<li>Iris, polar</li>\n"
		"<li>Kodi, black</li>\n<li>Mo, panda</li>\n</ul>\n" },
	{ "/about", "About",
		"<p>Servy is a small web server that lives in a supervision tree. When it "
		"crashes, its supervisor starts it anew.</p>\n" },
	{ "/sensors", "Sensors",
		"<ul>\n<li>camera 1: river</li>\n<li>camera 2: ridge</li>\n"
		"<li>camera 3: gate</li>\n<li>tracker: 46.5 N, 8.0 E</li>\n</ul>\n" OWN_COPY },
	{ "/pledges", "Pledges",
		"<ul>\n<li>Ana: 10</li>\n<li>Ben: 20</li>\n<li>Cleo: 30</li>\n</ul>\n" OWN_COPY },
	/* Listed, but never shown: asking for it ends the server. */
	{ "/kaboom", "Kaboom", "" },
};

static const struct page missing = { "", "404: no such page",
	"<p>The <a href=\"/\">index</a> lists all pages.</p>\n" };

const struct page *page_find(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		if (strcmp(pages[i].path, path) == 0)
			return &pages[i];
	return NULL;
}

const struct page *page_missing(void)
{
	return &missing;
}

static void write_index(struct buf *out)
{
	buf_adds(out, "<ul>\n");
	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		if (pages[i].body)
			buf_addf(out, "<li><a href=\"%s\">%s</a></li>\n", pages[i].path,
				pages[i].path);
	buf_adds(out, "</ul>\n<p>/kaboom crashes the server.</p>\n");
}

void page_write(const struct page *page, struct buf *out)
{
	buf_addf(out,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">"
		"<title>%s</title></head>\n<body>\n<h1>%s</h1>\n",
		page->title, page->title);
	if (page->body)
		buf_adds(out, page->body);
	else
		write_index(out);
	buf_adds(out, "</body>\n</html>\n");
}
