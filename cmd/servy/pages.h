/* The pages of the web server: what stands on them, not how they are sent. */
#ifndef SERVY_PAGES_H
#define SERVY_PAGES_H

#include "base/buf.h"

struct page {
	const char *path;
	const char *title;
	const char *body; /* HTML; NULL: the index */
};

/* The page at path, or NULL. Static. */
const struct page *page_find(const char *path);

/* The page that is shown where there is none. Static. */
const struct page *page_missing(void);

/* Appends the whole document to out (see buf_ok). */
void page_write(const struct page *page, struct buf *out);

#endif
