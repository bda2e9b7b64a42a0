/* The functions behind macro.h: what a cleanup attribute calls has to be a function. */
#include "base/macro.h"

#include <errno.h>
#include <string.h>

void macro_freep(void *pointer_to_pointer)
{
	int saved = errno;
	void *p;

	/* The variable may be of any pointer type; memcpy reads it without aliasing. */
	memcpy(&p, pointer_to_pointer, sizeof p);
	free(p);
	errno = saved;
}
