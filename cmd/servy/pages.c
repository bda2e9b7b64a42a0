/* The content of the site is kept here and nowhere else, so that the server has nothing
 * to do but to hand it out. Pledges and sensors are a copy for as long as the server
 * does not ask the processes that own them, and the pages say so. */
#include "pages.h"

#include <stddef.h>
#include <string.h>

#define DOCUMENT(title, body)                                                 \
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">" \
	"<title>" title "</title></head>\n<body>\n<h1>" title "</h1>\n" body  \
	"</body>\n</html>\n"

#define HOME "<p><a href=\"/\">All pages</a></p>\n"

#define OWN_COPY(owner)                                     \
	"<p>This is the HTTP server's own copy. The " owner \
	" runs beside it and will be asked in a later version.</p>\n"

static const char index_html[] = DOCUMENT("Servy",
	"<p>A sample application: three processes under two supervisors.</p>\n<ul>\n"
	"<li><a href=\"/wildthings\">/wildthings</a>: who lives in the park</li>\n"
	"<li><a href=\"/bears\">/bears</a>: the bears by name</li>\n"
	"<li><a href=\"/about\">/about</a>: what this is</li>\n"
	"<li><a href=\"/sensors\">/sensors</a>: what the sensors measured</li>\n"
	"<li><a href=\"/pledges\">/pledges</a>: who promised how much</li>\n"
	"<li><a href=\"/kaboom\">/kaboom</a>: crashes this server</li>\n</ul>\n");

static const char wildthings_html[] = DOCUMENT("Wild things",
	"<ul>\n<li>Bears</li>\n<li>Lynxes</li>\n<li>Wolves</li>\n</ul>\n" HOME);

static const char bears_html[] = DOCUMENT("Bears",
	"<ol>\n<li>Bruno, brown, asleep</li>\n<li>Hazel, black, at the river</li>\n"
	"<li>Nanook, polar, on the ice</li>\n<li>Urs, brown, in the berries</li>\n"
	"</ol>\n" HOME);

static const char about_html[] = DOCUMENT("About",
	"<p>Servy is an ordinary program that knows nothing of supervision. It may "
	"crash: its supervisor starts it anew.</p>\n" HOME);

static const char sensors_html[] = DOCUMENT("Sensors",
	"<ul>\n<li>north gate: 11.5 degrees</li>\n<li>river: 8.0 degrees</li>\n"
	"<li>snapshots taken: 3</li>\n</ul>\n" OWN_COPY("sensor_server") HOME);

static const char pledges_html[] = DOCUMENT("Pledges",
	"<ul>\n<li>Ada: 30</li>\n<li>Grace: 20</li>\n<li>Joe: 10</li>\n</ul>\n" OWN_COPY(
		"pledge_server") HOME);

static const char not_found_html[] =
	DOCUMENT("Not found", "<p>There is no such page here.</p>\n" HOME);

static const char not_allowed_html[] =
	DOCUMENT("Not allowed", "<p>These pages can only be read.</p>\n" HOME);

static const struct page pages[] = {
	{ "/", index_html, 200, false },
	{ "/wildthings", wildthings_html, 200, false },
	{ "/bears", bears_html, 200, false },
	{ "/about", about_html, 200, false },
	{ "/sensors", sensors_html, 200, false },
	{ "/pledges", pledges_html, 200, false },
	{ "/kaboom", "", 500, true },
};

static const struct page not_found = { NULL, not_found_html, 404, false };
static const struct page not_allowed = { NULL, not_allowed_html, 405, false };

const struct page *page_find(const char *path)
{
	for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
		if (strcmp(pages[i].path, path) == 0)
			return &pages[i];
	return &not_found;
}

const struct page *page_not_allowed(void)
{
	return &not_allowed;
}
