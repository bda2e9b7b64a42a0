/* The pages as a table: a page more is a row more. */
#include "pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"
#include "kick.h"

/* Milliseconds for a server behind a page. */
#define PATIENCE 3000

/* --- what the servers behind the pages know ----------------------------------------
 */

/* Asks a server by its name; one that is being started again is waited for. NULL: it
 * does not answer, and the page says so. */
static cJSON *ask(const char *server, const char *what, struct buf *out)
{
	cJSON *request = cJSON_CreateString(what), *answer = NULL;
	kick_reason why = { "" };
	int r = kick_call(kick_to_name(server), request, PATIENCE, &answer, &why);

	cJSON_Delete(request);
	if (r == 0)
		return answer;
	buf_addf(out,
		"<p>The page needs %s, which does not answer: %s.</p>\n<pre>kick status "
		"%s</pre>\n",
		server, *why.text ? why.text : strerrordesc_np(-r), server);
	return NULL;
}

static void add_escaped(struct buf *out, const char *text)
{
	for (; text && *text; text++) {
		if (*text == '<')
			buf_adds(out, "&lt;");
		else if (*text == '&')
			buf_adds(out, "&amp;");
		else
			buf_addc(out, *text);
	}
}

static bool write_pledges(struct buf *out)
{
	cJSON *recent = ask("pledge_server", "recent", out);
	const cJSON *item;

	if (!recent)
		return false;
	buf_adds(out, recent->child ? "<ul>\n" : "<p>No pledges yet.</p>\n");
	cJSON_ArrayForEach(item, recent)
	{
		buf_adds(out, "<li>");
		add_escaped(
			out, cJSON_GetStringValue(cJSON_GetObjectItem(item, "name")));
		buf_addf(out, ": %g</li>\n",
			cJSON_GetNumberValue(cJSON_GetObjectItem(item, "amount")));
	}
	if (recent->child)
		buf_adds(out, "</ul>\n");
	buf_adds(out,
		"<form method=\"post\" action=\"/pledges\">\n"
		"<input name=\"name\" placeholder=\"name\" required>\n"
		"<input name=\"amount\" type=\"number\" min=\"1\" required>\n"
		"<button>Pledge</button>\n</form>\n"
		"<p>kick stop pledge_server, and start: they are gone, as they live in "
		"the memory of that process.</p>\n");
	cJSON_Delete(recent);
	return true;
}

int page_pledge(const char *name, const char *amount)
{
	cJSON *request = cJSON_CreateObject();
	cJSON *pledge = cJSON_AddObjectToObject(request, "create");
	cJSON *id = NULL;
	int r;

	(void)cJSON_AddStringToObject(pledge, "name", name);
	(void)cJSON_AddNumberToObject(pledge, "amount", strtod(amount, NULL));
	r = *name
		? kick_call(kick_to_name("pledge_server"), request, PATIENCE, &id, NULL)
		: -EINVAL;
	if (r == 0 && !cJSON_IsNumber(id))
		r = -EINVAL;
	cJSON_Delete(request);
	cJSON_Delete(id);
	return r;
}

static bool write_sensors(struct buf *out)
{
	cJSON *data = ask("sensor_server", "data", out);
	const cJSON *location = cJSON_GetObjectItem(data, "location");
	const cJSON *item;

	if (!data)
		return false;
	buf_adds(out, "<ul>\n");
	cJSON_ArrayForEach(item, cJSON_GetObjectItem(data, "cameras"))
		buf_addf(out, "<li>camera: %s</li>\n", item->valuestring);
	buf_addf(out, "<li>tracker: %g N, %g E</li>\n</ul>\n<p>Reading %g.</p>\n",
		cJSON_GetNumberValue(cJSON_GetObjectItem(location, "lat")),
		cJSON_GetNumberValue(cJSON_GetObjectItem(location, "lng")),
		cJSON_GetNumberValue(cJSON_GetObjectItem(data, "readings")));
	cJSON_Delete(data);
	return true;
}

static bool write_index(struct buf *out);

/* --- the pages ----------------------------------------------------------------------
 */

static const struct page pages[] = {
	{ "/", "Servy", NULL, write_index },
	{ "/wildthings", "Wild things",
		"<ul>\n<li>bears</li>\n<li>lions</li>\n<li>tigers</li>\n</ul>\n",
		NULL },
	{ "/bears", "Bears",
		"<ul>\n<li>Bruno, brown</li>\n<li>Iris, polar</li>\n"
		"<li>Kodi, black</li>\n<li>Mo, panda</li>\n</ul>\n",
		NULL },
	{ "/about", "About",
		"<p>Servy is a small web server that lives in a supervision tree. When it "
		"crashes, its supervisor starts it anew.</p>\n",
		NULL },
	{ "/sensors", "Sensors", NULL, write_sensors },
	{ "/pledges", "Pledges", NULL, write_pledges },
	/* Listed, but never shown: asking for it ends the server. */
	{ "/kaboom", "Kaboom", "", NULL },
};

static const struct page missing = { "", "404: no such page",
	"<p>The <a href=\"/\">index</a> lists all pages.</p>\n", NULL };

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

static bool write_index(struct buf *out)
{
	buf_adds(out, "<ul>\n");
	for (size_t i = 0; i < ARRAY_LEN(pages) - 1; i++)
		buf_addf(out, "<li><a href=\"%s\">%s</a></li>\n", pages[i].path,
			pages[i].path);
	buf_adds(out, "</ul>\n<p>/kaboom crashes the server.</p>\n");
	return true;
}

bool page_write(const struct page *page, struct buf *out)
{
	bool ok = true;

	buf_addf(out,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">"
		"<title>%s</title></head>\n<body>\n<h1>%s</h1>\n",
		page->title, page->title);
	if (page->write)
		ok = page->write(out);
	else
		buf_adds(out, page->body);
	buf_adds(out, "</body>\n</html>\n");
	return ok;
}
