/* The pages of the http_server, as constant text. */
#ifndef SERVY_PAGES_H
#define SERVY_PAGES_H

#include <stdbool.h>

struct page {
	const char *path;
	const char *html; /* the whole document */
	unsigned status;
	bool crashes; /* asking for it ends the server */
};

/* The page at that path, or the one that says that there is none. Never NULL. */
const struct page *page_find(const char *path);

/* What is answered to anything but GET and HEAD. */
const struct page *page_not_allowed(void);

#endif
